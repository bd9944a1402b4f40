// How often heartbeats are sent, and when a second SN is asked for views.
#include "core/sl/heartbeat_pace.hpp"

#include <gtest/gtest.h>

#include "core/sl/view_watch.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

SwarmTime at(SwarmDuration since_start) { return SwarmTime{} + since_start; }

TEST(HeartbeatPace, WaitsAsLongAsTheAnswerTook) {
    HeartbeatPace pace(seconds(1));
    pace.on_sent(at(seconds(10)));
    pace.on_answered(at(milliseconds(11'200)));
    EXPECT_EQ(pace.round_trip(), milliseconds(1200));
    EXPECT_FALSE(pace.due(at(seconds(12))));  // 2.4 s after the answered one was sent
    EXPECT_TRUE(pace.due(at(seconds(13))));
}

TEST(HeartbeatPace, WaitsAtMostThreeIntervalsAfterAnAnswer) {
    HeartbeatPace pace(seconds(1));
    pace.on_sent(at(seconds(10)));
    pace.on_answered(at(seconds(40)));
    EXPECT_TRUE(pace.due(at(seconds(40))));
}

TEST(HeartbeatPace, BacksOffWithoutAnAnswer) {
    HeartbeatPace pace(seconds(2));
    std::vector<std::int64_t> sent;
    for (int second = 0; second <= 300; second += 2) {
        if (pace.due(at(seconds(second)))) {
            pace.on_sent(at(seconds(second)));
            sent.push_back(second);
        }
    }
    // 6 s, 9 s, 13.5 s, ... up to 60 s, in steps of the interval.
    EXPECT_EQ(sent, (std::vector<std::int64_t>{0, 6, 16, 30, 52, 84, 130, 190, 250}));
}

TEST(HeartbeatPace, BacksOffFromTheFirstOneOfAConnection) {
    HeartbeatPace pace(seconds(1));
    pace.on_sent(at(seconds(0)));  // at once, and not because it was due
    EXPECT_FALSE(pace.due(at(seconds(2))));
    EXPECT_TRUE(pace.due(at(seconds(3))));
    pace.on_sent(at(seconds(3)));
    EXPECT_FALSE(pace.due(at(seconds(7))));
    pace.restart();
    pace.on_sent(at(seconds(8)));
    EXPECT_FALSE(pace.due(at(seconds(10))));
    EXPECT_TRUE(pace.due(at(seconds(11))));
}

TEST(ViewWatch, DetectsAnSnThatLagsBehindAnother) {
    ViewWatch watch;
    watch.expect(at(seconds(0)));
    watch.on_later_view_elsewhere();
    EXPECT_EQ(watch.check(at(seconds(10)), {}, false), ViewWatch::Finding::none);
    EXPECT_EQ(watch.check(at(seconds(11)), {}, false), ViewWatch::Finding::lags);
    EXPECT_EQ(watch.check(at(seconds(40)), {}, false), ViewWatch::Finding::none);
}

TEST(ViewWatch, DetectsNothingOnceTheLaterViewArrives) {
    ViewWatch watch;
    watch.on_later_view_elsewhere();
    watch.on_view(at(seconds(5)));
    EXPECT_EQ(watch.check(at(seconds(30)), {}, false), ViewWatch::Finding::none);
}

TEST(ViewWatch, RarelyRequestsASecondSn) {
    ViewWatch watch;
    std::vector<std::int64_t> found;
    for (int second = 0; second <= 1000; ++second) {
        if (watch.check(at(seconds(second)), second / 30, true) == ViewWatch::Finding::unchecked) {
            found.push_back(second);
        }
    }
    EXPECT_EQ(found, (std::vector<std::int64_t>{21, 62, 143, 304, 605, 906}));
}

TEST(ViewWatch, RarelyRequestsASecondSnWhereViewsCome) {
    ViewWatch watch;
    std::vector<std::int64_t> found;
    for (int second = 0; second <= 1000; ++second) {
        watch.on_view(at(seconds(second)));
        if (watch.check(at(seconds(second)), 7, false) == ViewWatch::Finding::unchecked) {
            found.push_back(second);
        }
    }
    EXPECT_EQ(found, (std::vector<std::int64_t>{31, 92, 213, 454, 755}));
}

}  // namespace
}  // namespace starling
