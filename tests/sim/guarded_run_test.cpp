#include "sim/guarded_run.hpp"

#include <csignal>
#include <cstdlib>
#include <iostream>

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "tests/sim/in_child.hpp"

namespace starling {
namespace {

/// File descriptor from which guarded() reads what was written to stderr.
int heard = -1;

/// The exit code of a guarded run, and what the run and its guard wrote to stderr.
std::string guarded(const std::function<int(RunStatus&)>& run,
                    std::chrono::milliseconds progress = std::chrono::seconds(0)) {
    return in_child([&]() -> std::string {
        int ends[2];
        if (pipe(ends) != 0) {
            return "no pipe";
        }
        dup2(ends[1], STDERR_FILENO);
        close(ends[1]);
        heard = ends[0];
        const pid_t guard = getpid();
        const int code = run_guarded({"p.xml", progress}, run);
        if (getpid() != guard) {
            std::_Exit(code);
        }
        close(STDERR_FILENO);
        std::string text = std::to_string(code) + ": ";
        char part[4096];
        for (ssize_t got = 0; (got = read(ends[0], part, sizeof(part))) > 0;) {
            text.append(part, static_cast<std::size_t>(got));
        }
        return text;
    });
}

void crash() {
    std::signal(SIGABRT, SIG_DFL);
    std::abort();
}

TEST(GuardedRun, ReturnsExitCodeAndOutputOfTheRun) {
    EXPECT_EQ(guarded([](RunStatus&) {
                  std::cerr << "a bad flag\n";
                  return 2;
              }),
              "2: a bad flag\n");
    EXPECT_EQ(guarded([](RunStatus& status) {
                  std::cerr << "a warning\n";
                  status.loaded();
                  std::cerr << "more\n";
                  return 4;
              }).substr(0, 2),
              "4:");
}

TEST(GuardedRun, ExplainsWhichInputEndedTheProcess) {
    const std::string text = guarded([](RunStatus& status) {
        status.doing("looking for the route from host 'a' to host 'b'");
        std::cerr << "[0.000000] ./src/x.cpp:5: [root/CRITICAL] Nothing goes.\nBacktrace\n";
        crash();
        return 0;
    });
    EXPECT_EQ(text,
              "2: swarm-sim: platform file p.xml: SimGrid can't use it: it gave up "
              "while looking for the route from host 'a' to host 'b'; it said: Nothing goes.\n");
    EXPECT_EQ(guarded([](RunStatus& status) {
                  status.doing("reading it");
                  std::_Exit(1);
                  return 0;
              }),
              "2: swarm-sim: platform file p.xml: SimGrid can't use it: it ended the process "
              "while reading it. Is a route or a property missing there?\n");
}

TEST(GuardedRun, ALaterCrashIsAFailure) {
    const std::string text = guarded([](RunStatus& status) {
        status.loaded();
        status.meter().simulated_ns = 1'500'000'000;
        crash();
        return 0;
    });
    EXPECT_EQ(text.rfind("1: swarm-sim: the simulation failed: it gave up, after 1.5 "
                         "simulated seconds",
                         0),
              0U)
        << text;
}

TEST(GuardedRun, ReportsTheProgressOfASlowRun) {
    const std::string text = guarded(
        [](RunStatus& status) {
            status.loaded();
            status.meter().rounds = 3;
            pollfd said{heard, POLLIN, 0};  // until the guard writes
            return poll(&said, 1, 20'000) == 1 ? 0 : 1;
        },
        std::chrono::milliseconds(20));
    EXPECT_EQ(text.rfind("0: swarm-sim: ", 0), 0U) << text;
    EXPECT_NE(text.find("0.0 simulated seconds, 3 rounds, 0 events"), std::string::npos) << text;
}

TEST(GuardedRun, FindsTheReasonInSimGridsOutput) {
    EXPECT_EQ(reason_in("[0.0] [x/INFO] hello\n[0.0] a.cpp:1: [root/CRITICAL] No\x01way\nmore"),
              "No way");
    EXPECT_EQ(reason_in("terminate called\n  what():  bad route\n"), "bad route");
    EXPECT_EQ(reason_in("nothing of the kind\n"), "");
}

TEST(GuardedRun, ReportsWhenSimulatedTimeStandsStill) {
    using std::chrono::seconds;
    const RunProgress now{4'213'500'000'000, 1203443, 20'900'000'000, 12, 0};
    EXPECT_EQ(progress_text(seconds(30), now, {}),
              "30 s: 4213.5 simulated seconds, 12 rounds, 1203443 events, 20900.0 MB moved");
    EXPECT_EQ(
        progress_text(seconds(30), {1'000'000'000, 0, 0, 0}, {}, 4'000'000'000),
        "30 s: 1.0 simulated seconds, 0 rounds, 0 events, 0.0 MB moved, 25 %, about 1:30 left");
    RunProgress before = now;
    EXPECT_NE(progress_text(seconds(40), now, before).find("is computing"), std::string::npos);
    before.events = 1;
    EXPECT_NE(progress_text(seconds(40), now, before).find("simulated time has not advanced"),
              std::string::npos);
}

}  // namespace
}  // namespace starling
