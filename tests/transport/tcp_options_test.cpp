#include "transport/tls/tcp_options.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

using std::chrono::milliseconds;
constexpr std::uint64_t buffer_max = 4'194'304;

/// The same connection a second later, for `limited` of which its send buffer was the limit.
SendBufferUse after_a_second(const SendBufferUse& before, milliseconds limited) {
    SendBufferUse use = before;
    use.busy += milliseconds(1000);
    use.limited += limited;
    return use;
}

TEST(SendBufferWatch, a_send_buffer_too_small_for_the_round_trip_leads_to_advice) {
    SendBufferWatch watch;
    SendBufferUse use{milliseconds(0), milliseconds(0), milliseconds(100), buffer_max};
    EXPECT_FALSE(watch.update(use, buffer_max));
    use = after_a_second(use, milliseconds(700));
    const std::optional<std::string> advice = watch.update(use, buffer_max);
    ASSERT_TRUE(advice);
    EXPECT_NE(advice->find("100 ms"), std::string::npos) << *advice;
    EXPECT_NE(advice->find("4.2 MB"), std::string::npos) << *advice;
    EXPECT_NE(advice->find("net.ipv4.tcp_wmem"), std::string::npos) << *advice;
}

TEST(SendBufferWatch, a_full_link_or_a_growing_buffer_leads_to_none) {
    SendBufferWatch watch;
    SendBufferUse use{milliseconds(0), milliseconds(0), milliseconds(100), buffer_max};
    EXPECT_FALSE(watch.update(use, buffer_max));
    use = after_a_second(use, milliseconds(300));  // mostly the link was the limit
    EXPECT_FALSE(watch.update(use, buffer_max));
    use = after_a_second(use, milliseconds(900));
    use.buffer_bytes = buffer_max / 2;  // not grown yet
    EXPECT_FALSE(watch.update(use, buffer_max));
    use = after_a_second(use, milliseconds(900));
    use.buffer_bytes = buffer_max;
    use.round_trip = milliseconds(1);  // a local network
    EXPECT_FALSE(watch.update(use, buffer_max));
}

TEST(SendBufferUse, the_bound_on_send_buffers_is_read) {
    const std::optional<std::uint64_t> most = send_buffer_max();
    ASSERT_TRUE(most);
    EXPECT_GE(*most, 4096U);
}

}  // namespace
}  // namespace starling
