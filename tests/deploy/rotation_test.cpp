// Full logs are rotated, and a follower reads every line once.
#include "deploy/log/rotation.hpp"

#include <fstream>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "deploy/host/follow_log.hpp"
#include "deploy/log/trace_log.hpp"
#include "deploy/process/process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace starling {
namespace {

class LogRotation : public testing::Test {
protected:
    std::unique_ptr<TraceLog> open(LogLimits limits) const {
        auto opened = open_trace_log({{"sn1"}, Role::sn, "", file, Level::info, limits});
        EXPECT_TRUE(opened);
        return std::move(*opened);
    }
    std::filesystem::path older(unsigned number) const { return older_log(file, number); }
    void append(const std::string& text) const {
        std::ofstream(file, std::ios::app) << text << std::flush;
    }
    PidRecord this_process() const {
        return {::getpid(), Role::sn, *process_start_ticks(::getpid())};
    }

    TemporaryDirectory directory;
    const std::filesystem::path file = directory.path() / "sn1.log";
};

TEST_F(LogRotation, ANodesLogIsRotatedAndSomeOlderFilesAreKept) {
    const auto log = open({1000, 2});
    for (int i = 0; i < 100; ++i) {
        log->line(Level::info, "host", "line " + std::to_string(1000 + i));
    }
    EXPECT_TRUE(read_text(file).ends_with("line 1099\n"));
    for (const auto& one : {file, older(1), older(2)}) {
        EXPECT_LE(std::filesystem::file_size(one), 1000U) << one;
        EXPECT_EQ(std::filesystem::status(one).permissions(),
                  std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    }
    EXPECT_FALSE(std::filesystem::exists(older(3)));
    const std::string text = read_text(older(2)) + read_text(older(1)) + read_text(file);
    std::size_t at = text.find("line ");
    for (int next = std::stoi(text.substr(at + 5)); next < 1100; ++next) {
        ASSERT_EQ(std::stoi(text.substr(at + 5)), next);
        at = text.find("line ", at + 1);
    }
}

TEST_F(LogRotation, AStartAppendsAndCountsTheExistingBytes) {
    append(std::string(900, 'x') + "\n");
    const auto log = open({1000, 2});
    log->line(Level::info, "host", std::string(200, 'y'));
    EXPECT_EQ(std::filesystem::file_size(older(1)), 901U);
}

TEST_F(LogRotation, WorksWithoutOlderFilesAndWithoutALimit) {
    {
        const auto log = open({1000, 0});
        for (int i = 0; i < 100; ++i) {
            log->line(Level::info, "host", "line " + std::to_string(i));
        }
    }
    EXPECT_LE(std::filesystem::file_size(file), 1000U);
    EXPECT_FALSE(std::filesystem::exists(older(1)));
    const auto log = open({0, 4});
    for (int i = 0; i < 100; ++i) {
        log->line(Level::info, "host", "line " + std::to_string(i));
    }
    EXPECT_GT(std::filesystem::file_size(file), 1000U);
}

TEST_F(LogRotation, AProgramsLogIsCopiedAndTruncatedWhileItIsOpen) {
    const Descriptor program(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
    for (const std::string line : {"one\n", "two\n", "three\n"}) {
        ASSERT_EQ(::write(program.number(), line.data(), line.size()),
                  static_cast<ssize_t>(line.size()));
        if (line != "three\n") {
            EXPECT_TRUE(rotate_by_copy(file, {1, 2}));
        }
    }
    EXPECT_EQ(read_text(file), "three\n");
    EXPECT_EQ(read_text(older(1)), "two\n");
    EXPECT_EQ(read_text(older(2)), "one\n");
}

TEST_F(LogRotation, TheKeeperRotatesAGrowingLog) {
    append(std::string(2000, 'x') + "\n");
    {
        const LogRotator keeper(file, {1000, 1});
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!std::filesystem::exists(older(1)) && std::chrono::steady_clock::now() < limit) {
            std::this_thread::yield();
        }
    }
    EXPECT_EQ(std::filesystem::file_size(older(1)), 2001U);
    EXPECT_EQ(std::filesystem::file_size(file), 0U);
}

TEST_F(LogRotation, AFollowerReadsEveryLineOnce) {
    for (const bool by_copy : {false, true}) {
        write_text(file, "line 1000\n");
        std::filesystem::remove(older(1));
        std::mutex mutex;
        std::string text;
        const auto has_read = [&](int number) {
            const std::lock_guard lock(mutex);
            return text.find("line " + std::to_string(number) + "\n") != std::string::npos;
        };
        FollowOptions options;
        options.writer = this_process();
        std::thread reader([&] {
            EXPECT_TRUE(follow_log(file, options, [&](std::string_view part) {
                {
                    const std::lock_guard lock(mutex);
                    text += part;
                }
                return !has_read(1200);
            }));
        });
        const auto wait_for = [&](int number) {
            const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
            while (!has_read(number) && std::chrono::steady_clock::now() < limit) {
                std::this_thread::yield();
            }
        };
        wait_for(1000);
        for (int i = 1001; i <= 1200; ++i) {
            if (i % 50 == 0 && by_copy) {
                EXPECT_TRUE(rotate_by_copy(file, {1, 3}));
            } else if (i % 50 == 0) {
                shift_logs(file, 3);
                std::filesystem::rename(file, older(1));
            }
            append("line " + std::to_string(i) + "\n");
            // At most one file behind: no writer fills a whole file at once.
            if (i % 50 == 0) {
                wait_for(i);
            }
        }
        reader.join();
        std::string expected;
        for (int i = 1000; i <= 1200; ++i) {
            expected += "line " + std::to_string(i) + "\n";
        }
        EXPECT_EQ(text, expected) << (by_copy ? "copied" : "renamed");
    }
}

}  // namespace
}  // namespace starling
