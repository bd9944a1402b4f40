#include "transport/tls/file_stamp.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

#include <sys/stat.h>

namespace starling {
namespace {

std::string stamp_of_file(const std::string& file) {
    struct stat info {};
    if (file.empty() || ::stat(file.c_str(), &info) != 0) {
        return file + " -\n";
    }
    return file + " " + std::to_string(info.st_size) + " " + std::to_string(info.st_ino) + " " +
           std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec) + "\n";
}

}  // namespace

std::string file_stamp(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code failed;
    if (!fs::is_directory(path, failed)) {
        return stamp_of_file(path);
    }
    std::vector<std::string> names;
    for (fs::directory_iterator at(path, failed), end; !failed && at != end; at.increment(failed)) {
        if (at->path().extension() == ".pem") {
            names.push_back(at->path().string());
        }
    }
    std::sort(names.begin(), names.end());
    std::string text;
    for (const std::string& name : names) {
        text += stamp_of_file(name);
    }
    return text;
}

}  // namespace starling
