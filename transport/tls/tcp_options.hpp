#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <sys/socket.h>

namespace starling {

/// A connection on which nothing is acknowledged for this long is aborted.
constexpr int user_timeout_ms = 10'000;
constexpr int longest_user_timeout_ms = 120'000;

/// Small frames are sent at once (no Nagle). If a link is cut, TCP by default retransmits for 15
/// minutes with exponential backoff, and so recovers long after the link does. Here a connection on
/// which nothing is acknowledged for 10 s is aborted (user timeout, RFC 5482) and dialled again. An
/// idle one is probed after 10 s, so that a peer without power is noticed. On a slow link the limit
/// is longer: Stream::follow_rate().
void set_tcp_options(int descriptor);
/// 127.0.0.0/8 and ::1, also as an IPv4 address in IPv6.
bool is_loopback(const sockaddr& address);
/// Where `address` is loopback, the connections of a socket take Reno for congestion control:
/// Linux' BBR, if it is the default, paces them by timers, and within a host no link has to be
/// shared. To be called before the socket connects or listens, since a connection that has begun
/// with BBR goes on being paced. `address`: to be dialled, or listened on.
void avoid_pacing_within_host(int descriptor, const sockaddr& address);
void set_user_timeout(int descriptor, int ms);

/// Statistics of the kernel about a TCP connection.
struct SendBufferUse {
    std::chrono::microseconds busy{};     ///< time with unsent or unacknowledged bytes
    std::chrono::microseconds limited{};  ///< of that: the send buffer was full and all of it sent
    std::chrono::microseconds round_trip{};  ///< current estimate
    std::uint64_t buffer_bytes = 0;          ///< current size, with the kernel's overhead
};
/// Nothing: the kernel does not provide them.
std::optional<SendBufferUse> send_buffer_use(int descriptor);
/// Bound on a send buffer that grows by itself (net.ipv4.tcp_wmem); nothing: it can't be read.
std::optional<std::uint64_t> send_buffer_max();

/// Detects a connection whose throughput is limited by the bound on send buffers instead of the
/// link: with a long round trip more bytes must be in flight than the buffer holds.
class SendBufferWatch {
public:
    /// To be called about once a second.
    /// \return  advice for the operator, if the last second was limited so.
    std::optional<std::string> update(const SendBufferUse& use, std::uint64_t buffer_max);

private:
    SendBufferUse last_;
};

}  // namespace starling
