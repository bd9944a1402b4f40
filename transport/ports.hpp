#pragma once

#include <set>

#include "core/base/ids.hpp"

namespace starling {

// Roles that may dial each port, in simulations and on hosts alike.

inline std::set<Role> sn_api_accepts() { return {Role::sl, Role::tool, Role::sn}; }
inline std::set<Role> sn_p2p_accepts() { return {Role::sn}; }
inline std::set<Role> apls_accepts() { return {Role::sn, Role::sl, Role::tool}; }
inline std::set<Role> sl_exchange_accepts() { return {Role::sl}; }
inline std::set<Role> sl_socket_accepts() { return {Role::ml}; }

}  // namespace starling
