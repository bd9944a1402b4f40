#include "deploy/host/join_reminder.hpp"

#include <atomic>

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;

class Reminder : public testing::Test {
protected:
    TemporaryDirectory directory;
    const std::filesystem::path file = directory.path() / "sl1.log";
    std::unique_ptr<TraceLog> log =
        std::move(*open_trace_log({{"sl1"}, Role::sl, "", file, Level::info}));
    std::atomic<int> asked = 0;
    std::string said() const { return read_text(file); }
    JoinReminder::Text text() {
        return [this](const std::string& duration) {
            ++asked;
            return "nobody has come for " + duration;
        };
    }
};

TEST_F(Reminder, IsRepeatedAtGrowingIntervals) {
    JoinReminder reminder(*log, text(), milliseconds(10));
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (asked < 4 && std::chrono::steady_clock::now() < limit) {
        std::this_thread::yield();
    }
    EXPECT_GE(asked, 4) << said();  // after 10, 20, 40 and 80 ms
    EXPECT_NE(said().find(" : run-sl : WARNING : nobody has come for 0 s"), std::string::npos)
        << said();
}

TEST_F(Reminder, StopsOnceTheProgramHasJoined) {
    {
        JoinReminder reminder(*log, text(), std::chrono::hours(1));
        reminder.joined();
    }
    EXPECT_EQ(asked, 0);
}

}  // namespace
}  // namespace starling
