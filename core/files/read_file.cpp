#include "core/files/read_file.hpp"

#include <array>
#include <cerrno>
#include <system_error>

#include <sys/stat.h>

namespace starling {
namespace {

Error io_error(const std::filesystem::path& path, int number) {
    const std::error_code code(number == 0 ? EIO : number, std::generic_category());
    return Error{Errc::io, path.string() + " can't be read: " + code.message()};
}

}  // namespace

Result<std::ifstream> open_file(const std::filesystem::path& path) {
    struct stat there {};
    if (::stat(path.c_str(), &there) != 0) {
        return io_error(path, errno);
    }
    if (S_ISDIR(there.st_mode)) {
        return Error{Errc::io, path.string() + " is a directory, not a file"};
    }
    errno = 0;
    std::ifstream stream(path, std::ios::binary);
    if (!stream) {
        return io_error(path, errno);
    }
    return stream;
}

Result<std::string> read_whole_file(const std::filesystem::path& path, std::uint64_t bytes_max) {
    Result<std::ifstream> stream = open_file(path);
    if (!stream) {
        return stream.error();
    }
    std::string text;
    std::array<char, 16384> part{};
    errno = 0;
    while (stream->read(part.data(), part.size()) || stream->gcount() > 0) {
        text.append(part.data(), static_cast<std::size_t>(stream->gcount()));
        if (text.size() > bytes_max) {
            return Error{Errc::too_large,
                         path.string() + " has more than " + std::to_string(bytes_max) + " bytes"};
        }
    }
    if (stream->bad()) {
        return io_error(path, errno);
    }
    return text;
}

}  // namespace starling
