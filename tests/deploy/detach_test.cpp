#include "deploy/host/detach.hpp"

#include <functional>

#include <gtest/gtest.h>
#include <unistd.h>

#include "deploy/process/signal_thread.hpp"
#include "tests/deploy/child_process.hpp"
#include "tests/support/temporary_directory.hpp"
#include "transport/process/child_process.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;

class Detach : public testing::Test {
protected:
    /// Runs `node` in the background of a launcher. \return the launcher's exit code.
    int launch(const std::function<void()>& node, milliseconds patience = std::chrono::hours(1)) {
        ChildProcess launcher([&](auto ready) {
            ready();
            block_signals();
            [[maybe_unused]] auto* out = std::freopen(out_file.c_str(), "w", stdout);
            [[maybe_unused]] auto* err = std::freopen(err_file.c_str(), "w", stderr);
            const auto parent = detach_process("run-x", patience);
            if (parent && *parent) {
                _exit(**parent);
            }
            node();
            _exit(0);
        });
        return ExitStatus::of(launcher.wait()).exit_code();
    }
    static void print(int target, const std::string& text) {
        [[maybe_unused]] const auto n = ::write(target, text.data(), text.size());
    }
    std::string out() const { return read_text(out_file); }
    std::string err() const { return read_text(err_file); }

    TemporaryDirectory directory;
    const std::string out_file = (directory.path() / "out").string();
    const std::string err_file = (directory.path() / "err").string();
};

TEST_F(Detach, TheLauncherExitsWith0OnceTheNodeIsUp) {
    EXPECT_EQ(launch([] {
                  print(STDOUT_FILENO, "t : c : INFO : quiet\nt : c : WARNING : look at this\n");
                  announce_waiting("waits");
                  announce_started("sn1: up");
              }),
              0);
    EXPECT_EQ(out(), "sn1: up\n");
    EXPECT_EQ(err(), "t : c : WARNING : look at this\n");
}

TEST_F(Detach, TheLauncherShowsCodeAndReasonOfANodeThatEnded) {
    EXPECT_EQ(launch([] {
                  announce_log("/w/log/x.log");
                  print(STDOUT_FILENO, "t : c : INFO : quiet\n");
                  print(STDERR_FILENO, "port in use");
                  _exit(7);
              }),
              7);
    EXPECT_EQ(out(), "");
    EXPECT_EQ(err(),
              "port in use\nrun-x: not started: it ended with exit code 7; its log: "
              "/w/log/x.log\n");
}

TEST_F(Detach, TheLastLogLineOfANodeThatGaveNoReasonIsShown) {
    EXPECT_EQ(launch([] {
                  print(STDOUT_FILENO, "one\ntwo");
                  ::raise(SIGKILL);
              }),
              137);
    EXPECT_EQ(err(), "two\nrun-x: not started: it ended by signal 9 (Killed)\n");
}

TEST_F(Detach, ALauncherWaitsForPeersOnlyUntilItsLimit) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    EXPECT_EQ(launch(
                  [&] {
                      announce_waiting("sl1: runs, but its program has not joined");
                      ::close(ends[1]);
                      char byte = 0;
                      [[maybe_unused]] const auto n = ::read(ends[0], &byte, 1);
                  },
                  milliseconds(20)),
              0);
    ::close(ends[0]);
    ::close(ends[1]);  // lets the node end
    EXPECT_EQ(out(), "sl1: runs, but its program has not joined\n");
}

}  // namespace
}  // namespace starling
