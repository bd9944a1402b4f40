#include "deploy/storage/session_file.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <span>
#include <string>

#include "core/files/replace_file.hpp"

namespace starling {
namespace {

/// The session of the last start; 0: there was none, or its file is damaged.
std::uint64_t last_session(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::string text(32, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(stream.gcount(), 0)));
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

Result<void> write_session(const std::filesystem::path& file, std::uint64_t session) {
    const std::string text = std::to_string(session) + "\n";
    const ByteView part = std::as_bytes(std::span(text));
    return replace_file(file, std::span<const ByteView>(&part, 1));
}

}  // namespace

Result<std::uint64_t> next_session(const std::filesystem::path& data_directory) {
    const std::filesystem::path file = data_directory / "session";
    const auto now = static_cast<std::uint64_t>(
        std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
    // A damaged file with a huge number must not exhaust the numbers.
    constexpr std::uint64_t number_max = std::uint64_t{1} << 62U;
    const std::uint64_t last = last_session(file);
    const std::uint64_t session = std::max(now, last < number_max ? last + 1 : 0);
    if (const Result<void> written = write_session(file, session); !written) {
        return written.error();
    }
    return session;
}

Result<void> raise_session(const std::filesystem::path& data_directory, std::uint64_t session) {
    const std::filesystem::path file = data_directory / "session";
    return session > last_session(file) ? write_session(file, session) : Result<void>();
}

}  // namespace starling
