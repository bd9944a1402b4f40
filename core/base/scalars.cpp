#include "core/base/scalars.hpp"

namespace starling {
namespace {

constexpr std::size_t encoded_bytes_min = 4 + 1 + 8;

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

}  // namespace

bool is_scalar_name(std::string_view name) {
    if (name.empty() || name.size() > scalar_name_max) {
        return false;
    }
    bool part_begins = true;
    for (const char c : name) {
        const bool allowed = part_begins ? is_name_character(c) && c != '-' && c != '.'
                                         : is_name_character(c) || c == '/';
        if (!allowed) {
            return false;
        }
        part_begins = c == '/';
    }
    return !part_begins;
}

Result<void> set_scalar(Scalars& scalars, std::string_view name, double value) {
    if (!is_scalar_name(name)) {
        return Error{Errc::usage, "'" + std::string(name.substr(0, scalar_name_max)) +
                                      "' can't be the name of a reported value: 1 to " +
                                      std::to_string(scalar_name_max) +
                                      " letters, digits, '_', '-' and '.', with '/' between parts"};
    }
    if (const auto known = scalars.find(name); known != scalars.end()) {
        known->second = value;
        return {};
    }
    if (scalars.size() == scalars_max) {
        return Error{Errc::usage, "'" + std::string(name) + "' is one too many: at most " +
                                      std::to_string(scalars_max) +
                                      " named values are reported between two rounds"};
    }
    scalars.emplace(name, value);
    return {};
}

void encode(Writer& writer, const Scalars& scalars) {
    writer.u32(static_cast<std::uint32_t>(scalars.size()));
    for (const auto& [name, value] : scalars) {
        writer.string(name);
        writer.f64(value);
    }
}

Scalars decode_scalars(Reader& reader) {
    Scalars scalars;
    for (std::uint32_t left = reader.count(encoded_bytes_min, scalars_max); left > 0; --left) {
        std::string name = reader.string(scalar_name_max);
        const double value = reader.f64();
        const bool ascending = scalars.empty() || scalars.rbegin()->first < name;
        if (!is_scalar_name(name) || !ascending) {
            reader.fail();
            return {};
        }
        scalars.emplace_hint(scalars.end(), std::move(name), value);
    }
    return scalars;
}

}  // namespace starling
