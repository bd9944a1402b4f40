// The order of events, also where callbacks take the places of earlier ones.
#include "sim/event_queue.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace starling::test {
namespace {

SwarmTime at(int seconds) { return SwarmTime{std::chrono::seconds(seconds)}; }

TEST(EventQueue, EventsHappenByTimeAndThoseOfOneTimeInTheOrderOfTheirAdding) {
    EventQueue queue;
    std::vector<int> happened;
    const auto add = [&](int seconds, int number) {
        queue.add(at(seconds), [&happened, number] { happened.push_back(number); });
    };
    for (int number = 0; number < 100; ++number) {
        add(5 + number % 3, 1000 * (number % 3) + number);
    }
    for (int number = 0; number < 20; ++number) {
        EXPECT_EQ(queue.next_time(), at(5));
        queue.take()();
        add(9, 9000 + number);
    }
    EXPECT_EQ(queue.size(), 100U);
    while (!queue.empty()) {
        queue.take()();
    }
    EXPECT_EQ(happened.size(), 120U);
    EXPECT_TRUE(std::is_sorted(happened.begin(), happened.end()));
}

TEST(EventQueue, AnEventThatWasTakenHoldsNothing) {
    EventQueue queue;
    const auto held = std::make_shared<int>(1);
    queue.add(at(1), [held] {});
    queue.add(at(2), [held] {});
    queue.take()();
    EXPECT_EQ(held.use_count(), 2);
    queue.clear();
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace starling::test
