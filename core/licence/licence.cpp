// The text format of licences. The signature is verified before anything else of the text is used.
// Unknown keys are errors: a restriction that this version doesn't know must not be ignored.
#include "core/licence/licence.hpp"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <vector>

namespace starling {
namespace {

constexpr std::string_view first_line = "starling licence 1";
constexpr std::string_view signature_key = "signature: ";
constexpr std::size_t signature_bytes = 64;
constexpr std::size_t text_max = 200;
constexpr std::int64_t day_seconds = 86400;
constexpr std::uint32_t seats_max = 1'000'000;

Error malformed(const std::string& what) {
    return {Errc::malformed, "it is not a licence file: " + what};
}

std::optional<std::uint32_t> number_in(std::string_view text, std::uint32_t max) {
    std::uint32_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, code] = std::from_chars(text.data(), end, number);
    if (text.empty() || code != std::errc{} || rest != end || number > max) {
        return std::nullopt;
    }
    return number;
}

int digit_of(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::optional<Bytes> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) {
        return std::nullopt;
    }
    Bytes bytes;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = digit_of(text[i]);
        const int low = digit_of(text[i + 1]);
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        bytes.push_back(static_cast<std::byte>(high * 16 + low));
    }
    return bytes;
}

/// The lines of a text that ends with a line break.
std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

/// Adds one `key: value`. An unknown key is an error: it may be a restriction that this version
/// can't enforce.
Result<void> take(std::string_view key, std::string_view value, Licence& licence) {
    const std::string shown(key.substr(0, text_max));
    if (value.empty() || value.size() > text_max) {
        return malformed("'" + shown + "' has no value, or one that is too long");
    }
    if (key == "licensee") {
        licence.licensee = value;
    } else if (key == "server") {
        if (const Result<NodeId> name = parse_node_id(value); !name) {
            return malformed("server: " + name.error().message);
        }
        licence.server = value;
    } else if (key == "from" || key == "until") {
        const Result<std::int64_t> day = parse_date(value);
        if (!day) {
            return malformed(shown + ": " + day.error().message);
        }
        (key == "from" ? licence.valid_from : licence.valid_until) =
            *day + (key == "until" ? day_seconds : 0);
    } else {
        const Result<Role> role = parse_role(key);
        const std::optional<std::uint32_t> count = number_in(value, seats_max);
        if (!role || !count) {
            return malformed(role ? shown + " is not a number of seats (0 to 1000000)"
                                  : "it knows no '" + shown + "'");
        }
        licence.seats[*role] = *count;
    }
    return {};
}

Result<Licence> read_text(std::string_view text) {
    const std::vector<std::string_view> lines = lines_of(text);
    if (lines.empty() || lines.front() != first_line) {
        return malformed("its first line is not '" + std::string(first_line) + "'");
    }
    Licence licence;
    std::map<std::string_view, std::string_view> seen;
    for (std::size_t i = 1; i < lines.size(); ++i) {
        const std::size_t colon = lines[i].find(": ");
        if (colon == std::string_view::npos) {
            return malformed("line " + std::to_string(i + 1) + " is not 'key: value'");
        }
        const std::string_view key = lines[i].substr(0, colon);
        const std::string_view value = lines[i].substr(colon + 2);
        if (!seen.emplace(key, value).second) {
            return malformed("'" + std::string(key.substr(0, text_max)) + "' is duplicated");
        }
        if (const Result<void> taken = take(key, value, licence); !taken) {
            return taken.error();
        }
    }
    for (const std::string_view key : {"licensee", "from", "until"}) {
        if (!seen.contains(key)) {
            return malformed("'" + std::string(key) + "' is missing");
        }
    }
    if (licence.valid_until <= licence.valid_from) {
        return malformed("it ends before it begins");
    }
    return licence;
}

}  // namespace

std::uint32_t Licence::seats_for(Role role) const {
    const auto found = seats.find(role);
    return found == seats.end() ? 0 : found->second;
}

std::string licence_text(const Licence& licence) {
    std::string text = std::string(first_line) + "\nlicensee: " + licence.licensee + "\n";
    if (!licence.server.empty()) {
        text += "server: " + licence.server + "\n";
    }
    for (const auto& [role, count] : licence.seats) {
        text += std::string(to_string(role)) + ": " + std::to_string(count) + "\n";
    }
    return text + "from: " + date_text(licence.valid_from) +
           "\nuntil: " + date_text(licence.valid_until - 1) + "\n";
}

std::string signed_licence(const std::string& text, ByteView signature) {
    return text + std::string(signature_key) + to_hex(signature) + "\n";
}

Result<Licence> read_licence(std::string_view file, const SignatureVerifier& issuer) {
    if (file.size() > licence_bytes_max) {
        return malformed("it has more than 65536 bytes");
    }
    const std::size_t at = file.rfind("\n" + std::string(signature_key));
    if (at == std::string_view::npos || file.back() != '\n') {
        return malformed("its last line is not a signature (is the file complete?)");
    }
    const std::string_view text = file.substr(0, at + 1);
    std::string_view hex = file.substr(at + 1 + signature_key.size());
    hex.remove_suffix(1);
    const std::optional<Bytes> signature = from_hex(hex);
    if (!signature || signature->size() != signature_bytes) {
        return malformed("its signature is not 128 hexadecimal digits");
    }
    // First the signature: nothing of an unverified text is used.
    if (!issuer.verify(std::as_bytes(std::span(text)), *signature)) {
        return Error{
            Errc::refused,
            "its signature was not made by the issuer of --licence-key, or its text was changed "
            "after it was signed"};
    }
    return read_text(text);
}

Result<std::int64_t> parse_date(std::string_view text) {
    const Error error{Errc::usage, "'" + std::string(text.substr(0, text_max)) +
                                       "' is not a date: year-month-day, such as 2026-11-30"};
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') {
        return error;
    }
    const auto year = number_in(text.substr(0, 4), 9998);
    const auto month = number_in(text.substr(5, 2), 12);
    const auto day = number_in(text.substr(8, 2), 31);
    if (!year || !month || !day) {
        return error;
    }
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                           std::chrono::month(*month), std::chrono::day(*day)};
    if (!date.ok() || *year < 1970) {
        return error;
    }
    return std::chrono::sys_days(date).time_since_epoch().count() * day_seconds;
}

std::string date_text(std::int64_t unix_seconds) {
    const std::chrono::year_month_day date{std::chrono::floor<std::chrono::days>(
        std::chrono::sys_seconds(std::chrono::seconds(unix_seconds)))};
    char text[32];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
    return text;
}

}  // namespace starling
