#include "deploy/log/trace_log.hpp"

#include <chrono>
#include <regex>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "deploy/log/trace_file.hpp"
#include "tests/support/small_disk.hpp"
#include "tests/support/temporary_directory.hpp"

namespace starling {
namespace {

const NodeId sn1{"sn1"};

std::vector<std::string> lines_of(const std::filesystem::path& file) {
    std::istringstream in(read_text(file));
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
        lines.push_back(line);
    }
    return lines;
}

class TraceLogTest : public testing::Test {
protected:
    std::unique_ptr<TraceLog> open(Level level = Level::info) {
        auto log = open_trace_log({sn1, Role::sn, trace_file, log_file, level});
        EXPECT_TRUE(log.has_value()) << (log ? "" : log.error().message);
        return std::move(*log);
    }

    TemporaryDirectory directory;
    std::filesystem::path trace_file = directory.path() / "sn1.trace";
    std::filesystem::path log_file = directory.path() / "sn1.log";
};

TEST_F(TraceLogTest, WritesEveryEventToTheTraceAndTextsToTheLog) {
    {
        auto log = open();
        log->begin(from_ns(0));
        log->report(from_ns(5), sn1, TraceEvent("quiet").with("round", 3U));
        log->report(
            from_ns(9), sn1,
            TraceEvent("sn_ready")
                .with("port", 30304U)
                .log(Level::info, "swarm.blCnt", "Starting SWARM-API-SERVER on port: 30304"));
    }
    const std::vector<std::string> trace = lines_of(trace_file);
    ASSERT_EQ(trace.size(), 3U);
    EXPECT_TRUE(std::regex_match(
        trace[0], std::regex("# starling-trace 1 node=sn1 role=sn epoch_ns=[0-9]{19}")))
        << trace[0];
    EXPECT_EQ(trace[1], "5 sn1 quiet round=3");
    EXPECT_EQ(trace[2], "9 sn1 sn_ready port=30304");

    const std::vector<std::string> log = lines_of(log_file);
    ASSERT_EQ(log.size(), 1U);
    EXPECT_TRUE(std::regex_match(
        log[0], std::regex("[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2},[0-9]{3} : "
                           "swarm\\.blCnt : INFO : Starting SWARM-API-SERVER on port: 30304")))
        << log[0];
}

TEST_F(TraceLogTest, TheEpochIsTheWallClockOfSwarmTimeZero) {
    const auto ns = [] {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
            .count();
    };
    constexpr std::int64_t later = 3'600'000'000'000;
    auto log = open();
    const std::int64_t before = ns();
    log->begin(from_ns(later));
    const std::int64_t after = ns();
    log->flush();
    const std::string first = lines_of(trace_file).front();
    const std::int64_t epoch = std::stoll(first.substr(first.find("epoch_ns=") + 9));
    EXPECT_GE(epoch, before - later);
    EXPECT_LE(epoch, after - later);
}

TEST_F(TraceLogTest, TheLevelFiltersTheLogButNotTheTrace) {
    {
        auto log = open(Level::warning);
        log->begin(from_ns(0));
        log->report(from_ns(1), sn1, TraceEvent("a").log(Level::info, "c", "hidden"));
        log->report(from_ns(2), sn1, TraceEvent("b").log(Level::error, "c", "shown"));
        log->line(Level::debug, "host", "hidden too");
        log->line(Level::warning, "host", "shown too");
    }
    EXPECT_EQ(lines_of(trace_file).size(), 3U);
    const std::vector<std::string> log = lines_of(log_file);
    ASSERT_EQ(log.size(), 2U);
    EXPECT_TRUE(log[0].ends_with(" : c : ERROR : shown"));
    EXPECT_TRUE(log[1].ends_with(" : host : WARNING : shown too"));
}

TEST_F(TraceLogTest, ATextCannotForgeALine) {
    {
        auto log = open();
        log->begin(from_ns(0));
        log->line(Level::info, "swarm.net", "refused 'x\n2026 : a : INFO : {}%v'");
    }
    ASSERT_EQ(lines_of(log_file).size(), 1U);
    EXPECT_TRUE(lines_of(log_file)[0].ends_with("refused 'x\\x0a2026 : a : INFO : {}%v'"));
}

TEST_F(TraceLogTest, AWarningIsFlushedAtOnce) {
    auto log = open();
    log->begin(from_ns(0));
    log->report(from_ns(1), sn1, TraceEvent("quiet"));
    log->report(from_ns(2), sn1, TraceEvent("loud").log(Level::warning, "c", "look"));
    EXPECT_EQ(lines_of(trace_file).size(), 3U);
}

TEST_F(TraceLogTest, AnEventWithoutTextIsFlushedSoon) {
    auto log = open();
    log->begin(from_ns(0));
    log->report(from_ns(1), sn1, TraceEvent("quiet"));
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (lines_of(trace_file).size() < 2 && std::chrono::steady_clock::now() < limit) {
        std::this_thread::yield();
    }
    EXPECT_EQ(lines_of(trace_file).size(), 2U);
}

TEST_F(TraceLogTest, TwoThreadsWriteWholeLinesInTimeOrder) {
    constexpr int each = 2000;
    {
        auto log = open();
        log->begin(from_ns(0));
        const auto write = [&](const char* name) {
            for (int i = 0; i < each; ++i) {
                log->report(from_ns(i), NodeId{name},
                            TraceEvent("step").with("i", std::to_string(i)));
            }
        };
        std::thread other(write, "b");
        write("a");
        other.join();
    }
    const std::vector<std::string> lines = lines_of(trace_file);
    ASSERT_EQ(lines.size(), 2U * each + 1);
    std::int64_t last = 0;
    for (std::size_t i = 1; i < lines.size(); ++i) {
        ASSERT_TRUE(std::regex_match(lines[i], std::regex("[0-9]+ [ab] step i=[0-9]+")))
            << lines[i];
        const std::int64_t time = std::stoll(lines[i]);
        EXPECT_GE(time, last);
        last = time;
    }
}

TEST_F(TraceLogTest, LogAndTraceAreContinuedByTheNextStart) {
    for (int start = 0; start < 2; ++start) {
        auto log = open();
        log->begin(from_ns(0));
        log->line(Level::info, "host", "start " + std::to_string(start));
        log->report(from_ns(7), sn1, TraceEvent("step"));
    }
    EXPECT_EQ(lines_of(log_file).size(), 2U);
    const std::vector<std::string> trace = lines_of(trace_file);
    ASSERT_EQ(trace.size(), 4U);
    EXPECT_TRUE(trace[2].starts_with("# starling-trace 1 node=sn1")) << trace[2];
    EXPECT_EQ(trace[3], "7 sn1 step");
}

TEST_F(TraceLogTest, AnIncompleteLineLeftByAKillIsRemoved) {
    write_text(trace_file, "# starling-trace 1 node=sn1 role=sn epoch_ns=5\n7 sn1 step\n9 sn1 st");
    {
        auto log = open();
        log->begin(from_ns(0));
    }
    const std::vector<std::string> trace = lines_of(trace_file);
    ASSERT_EQ(trace.size(), 3U);
    EXPECT_EQ(trace[1], "7 sn1 step");
    EXPECT_TRUE(trace[2].starts_with("# starling-trace 1 node=sn1 role=sn epoch_ns=1")) << trace[2];
}

TEST_F(TraceLogTest, ATraceIsBoundedAndEachFileBeginsWithItsStart) {
    const auto trace = TraceFile::open(trace_file, 200);
    ASSERT_TRUE(trace);
    EXPECT_TRUE((*trace)->begin("# starling-trace 1 node=sn1"));
    for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE((*trace)->write(std::to_string(1000 + i) + " sn1 step"));
    }
    EXPECT_TRUE((*trace)->flush());
    const std::vector<std::string> newest = lines_of(trace_file);
    const std::vector<std::string> before = lines_of(trace_file.string() + ".1");
    EXPECT_EQ(newest.front(), "# starling-trace 1 node=sn1");
    EXPECT_EQ(before.front(), "# starling-trace 1 node=sn1");
    EXPECT_EQ(newest.back(), "1099 sn1 step");
    EXPECT_EQ(std::stoi(before.back()) + 1, std::stoi(newest[1]));
    EXPECT_LE(std::filesystem::file_size(trace_file), 200U);
    EXPECT_LE(std::filesystem::file_size(trace_file.string() + ".1"), 200U);
}

TEST_F(TraceLogTest, AFullDiskLeavesAMarkThatEventsAreMissing) {
    const test::SmallDisk disk(directory.path() / "disk", "64k");
    if (!disk.reason().empty()) {
        GTEST_SKIP() << "no disk of its own: " << disk.reason();
    }
    const auto trace = TraceFile::open(directory.path() / "disk" / "sn1.trace");
    ASSERT_TRUE(trace);
    EXPECT_TRUE((*trace)->begin("# starling-trace 1 node=sn1"));
    EXPECT_TRUE((*trace)->flush());
    disk.fill();
    bool failed = false;
    for (int i = 0; i < 1000 && !failed; ++i) {
        failed = !(*trace)->write("1 sn1 step") || !(*trace)->flush();
    }
    EXPECT_TRUE(failed);
    disk.empty();
    EXPECT_TRUE((*trace)->write("2 sn1 later"));
    EXPECT_TRUE((*trace)->flush());
    const std::vector<std::string> lines = lines_of(directory.path() / "disk" / "sn1.trace");
    ASSERT_GE(lines.size(), 3U);
    EXPECT_EQ(lines[lines.size() - 2], "# starling-trace 1 node=sn1");
    EXPECT_EQ(lines.back(), "2 sn1 later");
}

TEST_F(TraceLogTest, ItsFilesArePrivateAndAnUnwritablePathIsNamed) {
    open();
    for (const auto& file : {trace_file, log_file}) {
        struct stat status {};
        ASSERT_EQ(::stat(file.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777U, 0600U);
    }
    const auto nowhere =
        open_trace_log({sn1, Role::sn, directory.path() / "no" / "t", "", Level::info});
    ASSERT_FALSE(nowhere.has_value());
    EXPECT_NE(nowhere.error().message.find("(--trace)"), std::string::npos);
}

}  // namespace
}  // namespace starling
