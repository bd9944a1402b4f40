#include "transport/tls/tcp_options.hpp"

#include <array>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include "tests/support/free_port.hpp"
#include "transport/descriptor.hpp"
#include "transport/tls/listen_socket.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;
constexpr std::uint64_t buffer_bytes_max = 4'194'304;

/// The statistics one second later; for `limited` of that second the send buffer was the
/// bottleneck.
SendBufferUse after_a_second(const SendBufferUse& before, milliseconds limited) {
    SendBufferUse use = before;
    use.busy += milliseconds(1000);
    use.limited += limited;
    return use;
}

TEST(SendBufferWatch, ASendBufferTooSmallForTheRoundTripLeadsToAdvice) {
    SendBufferWatch watch;
    SendBufferUse use{.round_trip = milliseconds(100), .buffer_bytes = buffer_bytes_max};
    EXPECT_FALSE(watch.update(use, buffer_bytes_max));
    use = after_a_second(use, milliseconds(700));
    const std::optional<std::string> advice = watch.update(use, buffer_bytes_max);
    ASSERT_TRUE(advice);
    EXPECT_NE(advice->find("100 ms"), std::string::npos) << *advice;
    EXPECT_NE(advice->find("4.2 MB"), std::string::npos) << *advice;
    EXPECT_NE(advice->find("net.ipv4.tcp_wmem"), std::string::npos) << *advice;
}

TEST(SendBufferWatch, AFullLinkAGrowingBufferOrAShortRoundTripGiveNoAdvice) {
    SendBufferWatch watch;
    SendBufferUse use{.round_trip = milliseconds(100), .buffer_bytes = buffer_bytes_max};
    EXPECT_FALSE(watch.update(use, buffer_bytes_max));
    use = after_a_second(use, milliseconds(300));  // mostly the link was the limit
    EXPECT_FALSE(watch.update(use, buffer_bytes_max));
    use = after_a_second(use, milliseconds(900));
    use.buffer_bytes = buffer_bytes_max / 2;  // not grown yet
    EXPECT_FALSE(watch.update(use, buffer_bytes_max));
    use = after_a_second(use, milliseconds(900));
    use.buffer_bytes = buffer_bytes_max;
    use.round_trip = milliseconds(1);  // a local network
    EXPECT_FALSE(watch.update(use, buffer_bytes_max));
}

TEST(SendBufferUse, TheSystemsLimitIsRead) {
    const std::optional<std::uint64_t> bytes_max = send_buffer_max();
    ASSERT_TRUE(bytes_max);
    EXPECT_GE(*bytes_max, 4096U);  // a page: the least that Linux allows
}

sockaddr_storage socket_address(const std::string& ip, std::uint16_t port = 0) {
    sockaddr_storage address{};
    sockaddr_in ipv4{
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
    sockaddr_in6 ipv6{};
    ipv6.sin6_family = AF_INET6;
    if (::inet_pton(AF_INET, ip.c_str(), &ipv4.sin_addr) == 1) {
        std::memcpy(&address, &ipv4, sizeof ipv4);
    } else if (::inet_pton(AF_INET6, ip.c_str(), &ipv6.sin6_addr) == 1) {
        std::memcpy(&address, &ipv6, sizeof ipv6);
    } else {
        ADD_FAILURE() << ip;
    }
    return address;
}

const sockaddr& view(const sockaddr_storage& address) {
    return reinterpret_cast<const sockaddr&>(address);
}

std::string congestion_control(int descriptor) {
    std::array<char, 16> name{};
    socklen_t size = name.size();
    EXPECT_EQ(::getsockopt(descriptor, IPPROTO_TCP, TCP_CONGESTION, name.data(), &size), 0);
    return name.data();
}

TEST(TcpOptions, LoopbackAddressesAreRecognised) {
    for (const char* ip : {"127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"}) {
        EXPECT_TRUE(is_loopback(view(socket_address(ip)))) << ip;
    }
    for (const char* ip : {"0.0.0.0", "10.0.0.1", "126.0.0.1", "128.0.0.1", "1.0.0.127",
                           "::", "fe80::1", "::ffff:10.0.0.1", "7f00::1"}) {
        EXPECT_FALSE(is_loopback(view(socket_address(ip)))) << ip;
    }
    sockaddr of_file{};
    of_file.sa_family = AF_UNIX;
    EXPECT_FALSE(is_loopback(of_file));
}

TEST(TcpOptions, OnlyConnectionsWithinTheHostAreNotPaced) {
    const Descriptor within(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const Descriptor outside(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const std::string by_default = congestion_control(outside.number());
    avoid_pacing_within_host(within.number(), view(socket_address("127.0.0.2")));
    avoid_pacing_within_host(outside.number(), view(socket_address("10.0.0.1")));
    EXPECT_EQ(congestion_control(within.number()), "reno");
    EXPECT_EQ(congestion_control(outside.number()), by_default);
}

TEST(TcpOptions, AcceptedConnectionsWithinTheHostAreNotPaced) {
    const std::uint16_t port = test::free_port();
    Result<ListenSocket> listening = ListenSocket::open({"127.0.0.1", port});
    ASSERT_TRUE(listening) << listening.error().message;
    const Descriptor dialling(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_storage address = socket_address("127.0.0.1", port);
    ASSERT_EQ(::connect(dialling.number(), &view(address), sizeof(sockaddr_in)), 0);
    ASSERT_EQ(::fcntl(listening->descriptor(), F_SETFL, 0), 0);  // accept() waits
    const Descriptor accepted(::accept(listening->descriptor(), nullptr, nullptr));
    EXPECT_EQ(congestion_control(accepted.number()), "reno");
}

}  // namespace
}  // namespace starling
