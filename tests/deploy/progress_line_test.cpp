#include "deploy/log/progress_line.hpp"

#include <array>
#include <cstdlib>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "tests/support/temporary_directory.hpp"

namespace starling {
namespace {

using std::chrono::seconds;

/// A file, and a clock that a test sets.
class ProgressLineTest : public testing::Test {
protected:
    ProgressLineTest() : out(std::fopen(file.c_str(), "w")) {}
    ~ProgressLineTest() override { std::fclose(out); }
    ProgressLine::Clock clock() {
        return [this] { return std::chrono::steady_clock::time_point(now); };
    }

    TemporaryDirectory directory;
    const std::string file = (directory.path() / "out").string();
    std::FILE* const out;
    seconds now{1000};
};

TEST_F(ProgressLineTest, NamesShareAndTimeLeft) {
    EXPECT_EQ(progress_line_text("audit", 1, 4, seconds(25)), "audit: 25 %, about 1:15 left");
    EXPECT_EQ(progress_line_text("audit", 200, 200, seconds(9)), "audit: 100 %, about 0:00 left");
}

TEST_F(ProgressLineTest, AShortStepShowsNothing) {
    ProgressLine line("audit", 10, out, clock());
    now += seconds(4);
    line.update(9);
    EXPECT_EQ(read_text(file), "");
}

TEST_F(ProgressLineTest, WithoutATerminalItIsALineEvery15Seconds) {
    ProgressLine line("audit", 100, out, clock());
    for (std::uint64_t done = 1; done <= 40; ++done) {
        now += seconds(1);
        line.update(done);
    }
    EXPECT_EQ(read_text(file),
              "  audit: 5 %, about 1:35 left\n  audit: 20 %, about 1:20 left\n"
              "  audit: 35 %, about 1:05 left\n");
}

TEST_F(ProgressLineTest, AnUnknownTotalShowsNothing) {
    ProgressLine line("audit", 0, out, clock());
    now += seconds(60);
    line.update(9);
    EXPECT_EQ(read_text(file), "");
}

TEST_F(ProgressLineTest, OnATerminalTheLineIsRewrittenAndRemoved) {
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
    ASSERT_TRUE(master >= 0 && ::grantpt(master) == 0 && ::unlockpt(master) == 0);
    std::FILE* const terminal = std::fopen(::ptsname(master), "w");
    ASSERT_NE(terminal, nullptr);
    {
        ProgressLine line("audit", 100, terminal, clock());
        for (std::uint64_t done = 1; done <= 6; ++done) {
            now += seconds(1);
            line.update(done);
        }
    }
    const std::string expected =
        "\r\033[K  audit: 5 %, about 1:35 left\r\033[K  audit: 6 %, about 1:34 left\r\033[K";
    std::string shown;
    pollfd ready{master, POLLIN, 0};
    // One read may return a part of what was written.
    while (shown.size() < expected.size() && ::poll(&ready, 1, 10'000) > 0) {
        std::array<char, 200> part{};
        const ssize_t count = ::read(master, part.data(), part.size());
        ASSERT_GT(count, 0);
        shown.append(part.data(), static_cast<std::size_t>(count));
    }
    EXPECT_EQ(shown, expected);
    std::fclose(terminal);
    ::close(master);
}

}  // namespace
}  // namespace starling
