#include "options/value_reader.hpp"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "options/shell_words.hpp"

namespace starling {
namespace {

constexpr std::size_t path_max = 4096;        // bytes of a path, Linux
constexpr std::size_t variable_max = 131072;  // bytes of one argument or variable, Linux

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_host(const std::string& text, HostNames names) {
    const bool spelled =
        names == HostNames::any || std::all_of(text.begin(), text.end(), [](char c) {
            return is_alphanumeric(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '%';
        });
    return spelled && !text.empty() && text.size() <= host_name_max && text.front() != '-';
}

/// 0.0.0.0 and the like, in all spellings that the operating system accepts. Others can't dial it.
bool is_wildcard(const std::string& text) {
    in_addr four{};
    in6_addr six{};
    if (::inet_aton(text.c_str(), &four) != 0) {
        return four.s_addr == 0;
    }
    const std::string plain = text.substr(0, text.find('%'));
    return ::inet_pton(AF_INET6, plain.c_str(), &six) == 1 &&
           (IN6_IS_ADDR_UNSPECIFIED(&six) ||
            (IN6_IS_ADDR_V4MAPPED(&six) &&
             std::all_of(six.s6_addr + 12, six.s6_addr + 16,
                         [](std::uint8_t byte) { return byte == 0; })));
}

/// A whole number of decimal digits in the range, or nothing.
std::optional<std::uint32_t> whole_number(std::string_view text, std::uint32_t least,
                                          std::uint32_t most) {
    std::uint32_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, code] = std::from_chars(text.data(), end, number);
    const bool whole = code == std::errc{} && rest == end && number >= least && number <= most;
    return whole ? std::optional(number) : std::nullopt;
}

bool is_number(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::uint16_t ValueReader::port(std::string_view flag, std::uint16_t fallback) {
    const FlagValues::Value* value = values_.find(flag);
    const auto port = value == nullptr ? fallback : whole_number(value->text, 1, 65535);
    if (!port) {
        fail(*value, "is not a port: a whole number from 1 to 65535");
    }
    return static_cast<std::uint16_t>(port.value_or(fallback));
}

std::uint32_t ValueReader::number(std::string_view flag, std::uint32_t least, std::uint32_t most,
                                  std::uint32_t fallback) {
    const FlagValues::Value* value = values_.find(flag);
    const auto number = value == nullptr ? fallback : whole_number(value->text, least, most);
    if (!number) {
        fail(*value,
             "is not a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    return number.value_or(fallback);
}

std::string ValueReader::host(std::string_view flag) {
    const FlagValues::Value* value = values_.find(flag);
    if (value == nullptr) {
        return "";
    }
    if (!is_host(value->text, names_)) {
        fail(*value, "is not an IP address or host name");
    }
    refuse_wildcard(*value, value->text);
    return value->text;
}

std::optional<Address> ValueReader::service(std::string_view flag, std::uint16_t port_default) {
    const FlagValues::Value* value = values_.find(flag);
    return value == nullptr ? std::nullopt
                            : std::optional<Address>(address_of(*value, port_default));
}

Address ValueReader::address_of(const FlagValues::Value& value, std::uint16_t port_default) {
    std::string host = value.text;
    std::uint32_t port = port_default;
    const std::size_t colon = host.rfind(':');
    const bool bracketed = host.front() == '[';
    const bool has_port = colon != std::string::npos && colon > 0 &&
                          (bracketed ? host[colon - 1] == ']' : host.find(':') == colon) &&
                          (names_ == HostNames::network || is_number(host.substr(colon + 1)));
    if (has_port) {
        const auto given = whole_number(std::string_view(host).substr(colon + 1), 1, 65535);
        if (!given) {
            fail(value, "has no port from 1 to 65535 after its colon");
        }
        port = given.value_or(port);
        host.resize(colon);
    }
    if (bracketed && host.size() > 2) {
        host = host.substr(1, host.size() - 2);
    }
    if (!is_host(host, names_)) {
        fail(value, "is not HOST or HOST:PORT");
    }
    refuse_wildcard(value, host);
    return Address{host, static_cast<std::uint16_t>(port)};
}

std::optional<Address> ValueReader::listen_address(std::string_view flag) {
    const FlagValues::Value* value = values_.find(flag);
    if (value == nullptr) {
        return std::nullopt;
    }
    const std::size_t colon = value->text.rfind(':');
    std::string host = value->text.substr(0, colon);
    const auto port = colon == std::string::npos
                          ? std::nullopt
                          : whole_number(std::string_view(value->text).substr(colon + 1), 1, 65535);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    }
    in_addr four{};
    in6_addr six{};
    if (!port || (::inet_pton(AF_INET, host.c_str(), &four) != 1 &&
                  ::inet_pton(AF_INET6, host.c_str(), &six) != 1)) {
        fail(*value, "is not ADDRESS:PORT with an IP address, as 10.0.0.5:30380 or [::]:30380");
        return std::nullopt;
    }
    return Address{host, static_cast<std::uint16_t>(*port)};
}

std::vector<Address> ValueReader::services(std::string_view flag, std::uint16_t port_default) {
    std::vector<Address> addresses;
    for (const FlagValues::Value& value : values_.all(flag)) {
        addresses.push_back(address_of(value, port_default));
    }
    return addresses;
}

std::vector<std::string> ValueReader::all(std::string_view flag) const {
    std::vector<std::string> texts;
    for (const FlagValues::Value& value : values_.all(flag)) {
        texts.push_back(value.text);
    }
    return texts;
}

std::string ValueReader::name(std::string_view flag) {
    const FlagValues::Value* value = values_.find(flag);
    if (value == nullptr) {
        return "";
    }
    // It becomes part of file names: no hidden file, no "..", nothing like a flag.
    if (!parse_node_id(value->text) || value->text.front() == '.' || value->text.front() == '-') {
        fail(*value,
             "is not a node name: 1 to 64 characters from A-Z a-z 0-9 . _ -, the first neither "
             ". nor -");
    }
    return value->text;
}

std::vector<NodeId> ValueReader::names(std::string_view flag) {
    std::vector<NodeId> names;
    for (const FlagValues::Value& value : values_.all(flag)) {
        Result<NodeId> name = parse_node_id(value.text);
        if (!name) {
            fail(value, "is not a node name: " + name.error().message);
            continue;
        }
        names.push_back(std::move(*name));
    }
    return names;
}

std::string ValueReader::path(std::string_view flag, std::string_view fallback) {
    const FlagValues::Value* value = values_.find(flag);
    if (value == nullptr) {
        return std::string(fallback);
    }
    if (value->text.size() > path_max || value->text.find('\0') != std::string::npos) {
        fail(*value, "is no path");
    }
    return value->text;
}

void ValueReader::identity(CommonOptions& common) {
    common.key = path("--key");
    common.cert = path("--cert");
    common.ca_path = path("--capath");
    common.ca_cert = path("--cacert");
    if (common.key.empty() != common.cert.empty()) {
        refuse(common.key.empty() ? "--cert is given without --key"
                                  : "--key is given without --cert");
    }
}

std::string ValueReader::log_level(std::string_view flag) {
    const FlagValues::Value* value = values_.find(flag);
    if (value == nullptr) {
        return "info";
    }
    std::string level = value->text;
    std::transform(level.begin(), level.end(), level.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (level == "warn") {
        level = "warning";
    }
    if (level != "debug" && level != "info" && level != "warning" && level != "error") {
        fail(*value, "is not a level: one of debug, info, warning, error");
    }
    return level;
}

std::vector<std::string> ValueReader::words(std::string_view flag) {
    const FlagValues::Value* value = values_.find(flag);
    if (value == nullptr) {
        return {};
    }
    Result<std::vector<std::string>> words = shell_words(value->text);
    if (!words) {
        fail(*value, "can't be split into words: " + words.error().message);
        return {};
    }
    return std::move(*words);
}

std::map<std::string, std::string> ValueReader::variables(std::string_view flag) {
    std::map<std::string, std::string> variables;
    for (const FlagValues::Value& value : values_.all(flag)) {
        const std::size_t equals = value.text.find('=');
        const std::string name = value.text.substr(0, equals);
        const bool spelled = std::all_of(name.begin(), name.end(),
                                         [](char c) { return is_alphanumeric(c) || c == '_'; });
        if (equals == std::string::npos || name.empty() || !spelled ||
            (name.front() >= '0' && name.front() <= '9') || value.text.size() > variable_max ||
            value.text.find('\0') != std::string::npos) {
            fail(value,
                 "is not NAME=VALUE, with a NAME of A-Z a-z 0-9 _ that does not begin with a "
                 "digit");
            continue;
        }
        if (!variables.emplace(name, value.text.substr(equals + 1)).second) {
            fail(value, "sets " + name + " a second time");
        }
    }
    return variables;
}

void ValueReader::refuse(const std::string& what) {
    if (!error_) {
        error_ = Error{Errc::usage, what + ". See " + std::string(program_) + " --help"};
    }
}

void ValueReader::refuse_wildcard(const FlagValues::Value& value, const std::string& host) {
    if (names_ == HostNames::network && is_wildcard(host)) {
        fail(value, "means every address of a host: name one that other nodes can dial");
    }
}

void ValueReader::fail(const FlagValues::Value& value, const std::string& what) {
    refuse(value.source + ": '" + value.text.substr(0, shown_max) + "' " + what);
}

}  // namespace starling
