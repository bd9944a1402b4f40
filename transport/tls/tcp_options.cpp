#include "transport/tls/tcp_options.hpp"

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string_view>
#include <utility>

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace starling {
namespace {

/// Bound on unsent bytes in the kernel's buffer: frames behind them can still be cancelled, and
/// they suffice for 10 Gbit/s.
constexpr int not_sent_bytes_max = 512 * 1024;

void set_option(int descriptor, int level, int option, int value) {
    static_cast<void>(::setsockopt(descriptor, level, option, &value, sizeof value));
}

/// Below these a second says nothing about the buffer.
constexpr std::chrono::microseconds busy_min = std::chrono::milliseconds(500);
constexpr std::chrono::microseconds round_trip_min = std::chrono::milliseconds(5);

}  // namespace

void set_tcp_options(int descriptor) {
    set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, user_timeout_ms);
    set_option(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, not_sent_bytes_max);
    set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, 10);  // s
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, 5);
}

bool is_loopback(const sockaddr& address) {
    constexpr std::uint32_t network = 127;
    if (address.sa_family == AF_INET) {
        sockaddr_in ip{};
        std::memcpy(&ip, &address, sizeof ip);
        return ntohl(ip.sin_addr.s_addr) >> 24U == network;
    }
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 ip{};
        std::memcpy(&ip, &address, sizeof ip);
        return IN6_IS_ADDR_LOOPBACK(&ip.sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&ip.sin6_addr) && ip.sin6_addr.s6_addr[12] == network);
    }
    return false;
}

void avoid_pacing_within_host(int descriptor, const sockaddr& address) {
    constexpr std::string_view reno = "reno";  // Linux always has it
    if (is_loopback(address)) {
        static_cast<void>(::setsockopt(descriptor, IPPROTO_TCP, TCP_CONGESTION, reno.data(),
                                       static_cast<socklen_t>(reno.size())));
    }
}

void set_user_timeout(int descriptor, int ms) {
    set_option(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, ms);
}

std::optional<SendBufferUse> send_buffer_use(int descriptor) {
    tcp_info info{};
    socklen_t size = sizeof info;
    int buffer = 0;
    socklen_t buffer_size = sizeof buffer;
    if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        size < offsetof(tcp_info, tcpi_sndbuf_limited) + sizeof info.tcpi_sndbuf_limited ||
        ::getsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &buffer, &buffer_size) != 0) {
        return std::nullopt;
    }
    return SendBufferUse{std::chrono::microseconds(info.tcpi_busy_time),
                         std::chrono::microseconds(info.tcpi_sndbuf_limited),
                         std::chrono::microseconds(info.tcpi_rtt),
                         static_cast<std::uint64_t>(buffer)};
}

std::optional<std::uint64_t> send_buffer_max() {
    std::ifstream file("/proc/sys/net/ipv4/tcp_wmem");
    std::uint64_t least = 0;
    std::uint64_t first = 0;
    std::uint64_t most = 0;
    return file >> least >> first >> most ? std::optional(most) : std::nullopt;
}

std::optional<std::string> SendBufferWatch::update(const SendBufferUse& use,
                                                   std::uint64_t buffer_max) {
    const SendBufferUse before = std::exchange(last_, use);
    const std::chrono::microseconds busy = use.busy - before.busy;
    const std::chrono::microseconds limited = use.limited - before.limited;
    if (busy < busy_min || 2 * limited < busy || use.round_trip < round_trip_min ||
        use.buffer_bytes < buffer_max) {
        return std::nullopt;
    }
    std::array<char, 256> text{};
    std::snprintf(text.data(), text.size(),
                  "is slower than its link: at %.0f ms there and back more must be under way than "
                  "the kernel's send buffer holds (%.1f MB). Raise the last number of "
                  "net.ipv4.tcp_wmem here and of net.ipv4.tcp_rmem at the peer (sysctl -w)",
                  static_cast<double>(use.round_trip.count()) / 1000,
                  static_cast<double>(use.buffer_bytes) / 1e6);
    return std::string(text.data());
}

}  // namespace starling
