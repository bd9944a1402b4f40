#include "transport/tls/identity_watch.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include <sys/stat.h>

namespace starling {
namespace {

namespace fs = std::filesystem;

/// Name, size, inode and modification time of a file; "-" if there is none.
std::string stamp(const std::string& file) {
    struct stat info {};
    if (file.empty() || ::stat(file.c_str(), &info) != 0) {
        return file + " -\n";
    }
    return file + " " + std::to_string(info.st_size) + " " + std::to_string(info.st_ino) + " " +
           std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec) + "\n";
}

}  // namespace

IdentityWatch::IdentityWatch(IdentityFiles files)
    : files_(std::move(files)), last_snapshot_(snapshot()), due_(SwarmTime{interval}) {}

bool IdentityWatch::changed(SwarmTime now) {
    due_ = now + interval;
    std::string current = snapshot();
    return std::exchange(last_snapshot_, std::move(current)) != last_snapshot_;
}

std::string IdentityWatch::snapshot() const {
    std::string text = stamp(files_.cert) + stamp(files_.key) + stamp(files_.ca_file);
    std::vector<std::string> names;
    std::error_code failed;
    for (fs::directory_iterator at(files_.ca_path, failed), end; !failed && at != end;
         at.increment(failed)) {
        if (at->path().extension() == ".pem") {
            names.push_back(at->path().string());
        }
    }
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
        text += stamp(name);
    }
    return text;
}

}  // namespace starling
