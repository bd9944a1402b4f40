// Files of certificates and keys. Each is written beside its place, synced and renamed, so that a
// crash leaves the old file or the new one; keys are created with mode 0600, never readable by
// others for a moment.
#include "deploy/certs/cert_files.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/certs/cert_issuer.hpp"
#include "deploy/certs/revocation.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

Error io_error(const std::string& what, int code) {
    return {Errc::io, what + ": " + std::generic_category().message(code)};
}

bool write_all(int descriptor, const std::string& text) {
    std::size_t written = 0;
    while (written < text.size()) {
        const ssize_t count = ::write(descriptor, text.data() + written, text.size() - written);
        if (count < 0 && errno != EINTR) {
            return false;
        }
        written += count > 0 ? static_cast<std::size_t>(count) : 0;
    }
    return true;
}

Result<void> sync_directory(const fs::path& directory) {
    const std::string name = directory.empty() ? "." : directory.string();
    const int descriptor = ::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return io_error("can't open " + name, errno);
    }
    const int code = ::fsync(descriptor) == 0 ? 0 : errno;
    ::close(descriptor);
    // Some file systems can't sync a directory (EINVAL); the file itself is durable.
    if (code != 0 && code != EINVAL) {
        return io_error("can't write " + name, code);
    }
    return {};
}

/// "5ad8a5d6.0", or "5ad8a5d6.r0" for a revocation list.
bool is_hash_link(const fs::directory_entry& entry) {
    const std::string name = entry.path().filename().string();
    const std::size_t digits = name.size() > 9 && name[9] == 'r' ? 10 : 9;
    return entry.is_symlink() && name.size() > digits && name[8] == '.' &&
           name.find_first_not_of("0123456789abcdef") == 8 &&
           name.find_first_not_of("0123456789", digits) == std::string::npos;
}

Result<void> link_files(const fs::path& directory) {
    std::vector<fs::path> files;
    std::vector<fs::path> old_links;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
        if (is_hash_link(entry)) {
            old_links.push_back(entry.path());
        } else if (entry.path().extension() == ".pem") {
            files.push_back(entry.path());
        }
    }
    for (const fs::path& link : old_links) {
        fs::remove(link);
    }
    std::sort(files.begin(), files.end());
    std::map<std::string, int> used;
    std::map<std::string, int> used_by_lists;
    for (const fs::path& file : files) {
        Result<std::string> text = read_file(file.string());
        if (!text) {
            return text.error();
        }
        if (const Result<std::string> issuer = crl_issuer_hash(*text)) {
            const std::string link = *issuer + ".r" + std::to_string(used_by_lists[*issuer]++);
            fs::create_symlink(file.filename(), directory / link);
        }
        Result<std::string> hash = subject_hash(*text);
        if (!hash && crl_issuer_hash(*text)) {
            continue;
        }
        if (!hash) {
            return Error{hash.error().code, file.string() + ": " + hash.error().message +
                                                ": remove it from this directory"};
        }
        const int number = used[*hash]++;
        fs::create_symlink(file.filename(), directory / (*hash + "." + std::to_string(number)));
    }
    return {};
}

}  // namespace

Result<void> write_file(const std::string& path, const std::string& text, FileMode mode) {
    const std::string beside = path + ".new";
    ::unlink(beside.c_str());  // left by a run that was killed
    const int descriptor =
        ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, static_cast<mode_t>(mode));
    if (descriptor < 0) {
        return io_error("can't write " + beside, errno);
    }
    const bool written = write_all(descriptor, text) &&
                         ::fchmod(descriptor, static_cast<mode_t>(mode)) == 0 &&
                         ::fsync(descriptor) == 0;
    const int why = errno;
    ::close(descriptor);
    if (!written || ::rename(beside.c_str(), path.c_str()) != 0) {
        const int code = written ? errno : why;
        ::unlink(beside.c_str());
        return io_error("can't write " + path, code);
    }
    return sync_directory(fs::path(path).parent_path());
}

Result<std::string> read_file(const std::string& path) {
    errno = 0;
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) {
        return io_error("can't read " + path, errno == 0 ? EIO : errno);
    }
    return text.str();
}

Result<void> make_directory(const std::string& path, bool secret) {
    std::error_code failed;
    fs::create_directories(path, failed);
    if (!failed && secret) {
        fs::permissions(path, fs::perms::owner_all, failed);
    }
    if (failed) {
        return Error{Errc::io, "can't create directory " + path + ": " + failed.message()};
    }
    return {};
}

Result<void> link_hashes(const std::string& directory) {
    try {
        return link_files(directory);
    } catch (const fs::filesystem_error& failed) {
        return Error{Errc::io, failed.what()};
    }
}

}  // namespace starling
