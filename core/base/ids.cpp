#include "core/base/ids.hpp"

#include <algorithm>

namespace starling {

Result<NodeId> parse_node_id(std::string_view name) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    };
    if (name.empty() || name.size() > node_name_max ||
        !std::all_of(name.begin(), name.end(), allowed)) {
        return Error{Errc::malformed,
                     "'" + std::string(name.substr(0, node_name_max)) +
                         "' is not a node name: 1 to 64 characters from A-Z a-z 0-9 . _ -"};
    }
    return NodeId{std::string(name)};
}

std::string_view to_string(Role role) {
    switch (role) {
        case Role::sn:
            return "sn";
        case Role::sl:
            return "sl";
        case Role::ml:
            return "ml";
        case Role::apls:
            return "apls";
        case Role::tool:
            return "tool";
    }
    return "unknown";
}

Result<Role> parse_role(std::string_view text) {
    for (const Role role : {Role::sn, Role::sl, Role::ml, Role::apls, Role::tool}) {
        if (text == to_string(role)) {
            return role;
        }
    }
    return Error{Errc::malformed, "'" + std::string(text.substr(0, 16)) +
                                      "' is not a role: one of sn, sl, ml, apls, tool"};
}

std::string to_string(const Address& address) {
    if (address.port == 0) {
        return address.host;
    }
    const bool v6 = address.host.find(':') != std::string::npos;
    const std::string host = v6 ? "[" + address.host + "]" : std::string(address.host);
    return host + ":" + std::to_string(address.port);
}

}  // namespace starling
