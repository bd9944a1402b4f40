#include "deploy/certs/host_addresses.hpp"

#include <array>
#include <set>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

namespace starling {
namespace {

bool useful(const ifaddrs& one) {
    if (one.ifa_addr == nullptr || (one.ifa_flags & IFF_LOOPBACK) != 0) {
        return false;
    }
    if (one.ifa_addr->sa_family == AF_INET6) {
        const auto* address = reinterpret_cast<const sockaddr_in6*>(one.ifa_addr);
        return !IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr);
    }
    return one.ifa_addr->sa_family == AF_INET;
}

std::string text_of(const sockaddr& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* bytes =
        address.sa_family == AF_INET6
            ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr)
            : static_cast<const void*>(&reinterpret_cast<const sockaddr_in&>(address).sin_addr);
    return ::inet_ntop(address.sa_family, bytes, text.data(), text.size()) == nullptr ? ""
                                                                                      : text.data();
}

}  // namespace

std::vector<std::string> host_addresses() {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) {
        return {};
    }
    std::set<std::string> found;
    for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
        if (useful(*one)) {
            found.insert(text_of(*one->ifa_addr));
        }
    }
    ::freeifaddrs(list);
    found.erase("");
    return {found.begin(), found.end()};
}

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace starling
