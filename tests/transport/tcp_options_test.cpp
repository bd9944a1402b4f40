#include "transport/tls/tcp_options.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace starling
