// Log lines that are written by hand, beside those of a TraceLog, and the start lines by which
// tools find where a start begins. A start line counts only at the beginning of a line and with its
// component, so that a text that quotes one is not taken for it.
#include "deploy/log/log_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>

#include <fcntl.h>
#include <unistd.h>

#include "core/files/replace_file.hpp"
#include "deploy/process/process.hpp"

namespace starling {
namespace {

constexpr std::string_view start_component = "swarm.start";
constexpr std::string_view start_mark = " : swarm.start : INFO : Start of ";
constexpr std::size_t time_bytes = 23;  // "2026-11-27 10:00:24,123"
constexpr std::size_t block_bytes = 65536;

std::string time_text() {
    const auto now = std::chrono::system_clock::now();
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    const auto millis =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    std::tm local{};
    ::localtime_r(&seconds, &local);
    std::array<char, 32> date{};
    std::strftime(date.data(), date.size(), "%Y-%m-%d %H:%M:%S", &local);
    std::array<char, 8> fraction{};
    std::snprintf(fraction.data(), fraction.size(), ",%03d", static_cast<int>(millis % 1000));
    return std::string(date.data()) + fraction.data();
}

std::string read_at(int file, off_t begin, std::size_t size) {
    std::string text(size, '\0');
    const ssize_t count = ::pread(file, text.data(), size, begin);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
}

}  // namespace

std::string one_line(std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    std::string line;
    line.reserve(text.size());
    for (const char c : text) {
        const auto code = static_cast<unsigned char>(c);
        if (code < ' ' || code == 127) {
            line += {'\\', 'x', digits[code >> 4U], digits[code & 15U]};
        } else {
            line.push_back(c);
        }
    }
    return line;
}

Result<void> append_log_line(const std::filesystem::path& file, Level level,
                             std::string_view component, std::string_view text) {
    const Descriptor log(::open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!log) {
        return write_error(file, errno);
    }
    std::string line = time_text() + " : " + std::string(component) + " : " +
                       std::string(to_string(level)) + " : " + one_line(text) + "\n";
    // The previous writer may have been killed in the middle of a line.
    const off_t size = ::lseek(log.number(), 0, SEEK_END);
    if (size > 0 && read_at(log.number(), size - 1, 1) != "\n") {
        line.insert(line.begin(), '\n');
    }
    errno = ENOSPC;  // the reason of a short write
    if (::write(log.number(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
        return write_error(file, errno);
    }
    return {};
}

Result<void> append_start_line(const std::filesystem::path& file, std::string_view text) {
    return append_log_line(file, Level::info, start_component, "Start of " + std::string(text));
}

off_t newest_start(int log) {
    // From the end, in blocks that overlap by more than a mark and its time.
    constexpr off_t overlap = 128;
    for (off_t end = ::lseek(log, 0, SEEK_END); end > 0;) {
        const off_t begin = std::max<off_t>(0, end - static_cast<off_t>(block_bytes));
        const std::string block = read_at(log, begin, static_cast<std::size_t>(end - begin));
        for (std::size_t at = block.rfind(start_mark); at != std::string::npos;
             at = at == 0 ? std::string::npos : block.rfind(start_mark, at - 1)) {
            const bool whole = at >= time_bytes;
            const std::size_t line = whole ? at - time_bytes : 0;
            if (whole &&
                (begin + static_cast<off_t>(line) == 0 || (line > 0 && block[line - 1] == '\n'))) {
                return begin + static_cast<off_t>(line);
            }
        }
        end = begin == 0 ? 0 : begin + overlap;
    }
    return 0;
}

std::string last_line(const std::filesystem::path& file, std::size_t bytes_max) {
    const Descriptor log(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!log) {
        return "";
    }
    const off_t size = ::lseek(log.number(), 0, SEEK_END);
    const off_t begin =
        std::max(newest_start(log.number()), size - static_cast<off_t>(block_bytes));
    std::string text =
        read_at(log.number(), begin, static_cast<std::size_t>(std::max<off_t>(0, size - begin)));
    text.resize(text.find_last_not_of(" \t\r\n") + 1);
    const std::size_t newline = text.rfind('\n');
    std::string line = newline == std::string::npos ? text : text.substr(newline + 1);
    if (line.find(start_mark) != std::string::npos) {
        return "";
    }
    return one_line(line).substr(0, bytes_max);
}

}  // namespace starling
