// The order of events, also where callbacks take the places of earlier ones.
#include "sim/event_queue.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
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

/// Periods are milliseconds long: most events are added for a later one, some for an earlier one.
TEST(EventQueue, TheOrderDoesNotDependOnHowFarAheadAnEventIs) {
    EventQueue queue;
    std::vector<std::pair<std::int64_t, int>> happened;
    int number = 0;
    const auto add = [&](std::int64_t ms) {
        queue.add(SwarmTime{std::chrono::milliseconds(ms)},
                  [&happened, ms, added = number] { happened.emplace_back(ms, added); });
        ++number;
    };
    for (std::int64_t i = 0; i < 1000; ++i) {
        add(100 + i * 7919 % 5000);
    }
    queue.take()();
    EXPECT_EQ(happened.back().first, 100);
    add(3);  // before all that are pending
    EXPECT_EQ(queue.next_time(), SwarmTime{std::chrono::milliseconds(3)});
    queue.take()();
    happened.clear();
    for (int step = 0; !queue.empty(); ++step) {
        const std::int64_t now = to_ns(queue.next_time()) / 1'000'000;
        queue.take()();
        if (step % 3 == 0 && step < 600) {
            add(now + step % 40);
            add(now + 9000);
        }
    }
    EXPECT_EQ(happened.size(), 1399U);
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

TEST(EventQueue, EventsMayCaptureMoreThanTheyHaveRoomFor) {
    EventQueue queue;
    const auto held = std::make_shared<int>(1);
    std::array<std::int64_t, 20> many{};
    many.back() = 7;
    std::int64_t seen = 0;
    queue.add(at(1), [&seen, many, held] { seen = many.back(); });
    queue.add(at(2), [&seen, many, held] { seen = -1; });
    EXPECT_EQ(held.use_count(), 3);
    queue.take()();
    EXPECT_EQ(seen, 7);
    EXPECT_EQ(held.use_count(), 2);
    queue.clear();
    EXPECT_EQ(held.use_count(), 1);
}

TEST(SimCallback, HoldsOneThingAtATime) {
    const auto first = std::make_shared<int>(1);
    const auto second = std::make_shared<int>(2);
    int called = 0;
    SimCallback a = [first, &called] { called = *first; };
    SimCallback b = [second, &called] { called = *second; };
    a = std::move(b);
    EXPECT_EQ(first.use_count(), 1);
    EXPECT_EQ(second.use_count(), 2);
    a();
    EXPECT_EQ(called, 2);
}

}  // namespace
}  // namespace starling::test
