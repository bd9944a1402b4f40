#include "sim/sim_cpu.hpp"

#include <array>
#include <cstdio>
#include <limits>

#include <gtest/gtest.h>

#include "sim/sim_machines.hpp"
#include "tests/sim/in_child.hpp"
#include "tests/sim/sim_scenario.hpp"
#include "tests/sim/sim_support.hpp"
#include "tests/support/temporary_directory.hpp"

namespace starling {
namespace {

std::string ms(const SimEngine& engine) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.3f",
                  to_seconds(engine.now().time_since_epoch()) * 1e3);
    return text.data();
}

/// Runs `body` with cores, and returns what it noted: "a@10.000 b@20.000 ".
struct Cores {
    explicit Cores(double count)
        : engine("test", {std::string("--cfg=") + SIM_CFG}, false), cpu(engine, count) {
        if (!engine.load_platform(two_hosts_xml)) {
            throw std::runtime_error("no platform");
        }
    }
    void add(const std::string& name, int milliseconds) {
        tasks.push_back(cpu.run(std::chrono::milliseconds(milliseconds),
                                [this, name] { seen += name + "@" + ms(engine) + " "; }));
    }
    SimEngine engine;
    SimCpu cpu;
    std::vector<CpuTask> tasks;
    std::string seen;
};

TEST(SimCpu, TasksUpToTheNumberOfCoresDontSlowEachOther) {
    EXPECT_EQ(in_child([] {
                  Cores cores(2);
                  cores.engine.at({}, [&] {
                      cores.add("a", 10);
                      cores.add("b", 20);
                  });
                  cores.engine.run();
                  return cores.seen;
              }),
              "a@10.000 b@20.000 ");
}

TEST(SimCpu, MoreTasksThanCoresShareThemEvenly) {
    // Three on two cores get 2/3 each until a ends at 15 ms; then b and c have one each.
    EXPECT_EQ(in_child([] {
                  Cores cores(2);
                  cores.engine.at({}, [&] {
                      cores.add("a", 10);
                      cores.add("b", 20);
                      cores.add("c", 30);
                  });
                  cores.engine.run();
                  return cores.seen;
              }),
              "a@15.000 b@25.000 c@35.000 ");
}

TEST(SimCpu, ALateTaskSlowsTheOneThatRuns) {
    EXPECT_EQ(in_child([] {
                  Cores cores(1);
                  cores.engine.at({}, [&] { cores.add("a", 10); });
                  cores.engine.at(at(0.004), [&] { cores.add("b", 2); });
                  cores.engine.run();
                  return cores.seen;
              }),
              "b@8.000 a@12.000 ");
}

TEST(SimCpu, ACancelledTaskLeavesItsShareToOthersAndIsNotReported) {
    EXPECT_EQ(in_child([] {
                  Cores cores(1);
                  cores.engine.at({}, [&] {
                      cores.add("a", 10);
                      cores.add("b", 10);
                  });
                  cores.engine.at(at(0.010), [&] { cores.tasks.erase(cores.tasks.begin()); });
                  cores.engine.run();
                  const double busy = cores.cpu.use().busy_seconds;
                  return cores.seen + (std::abs(busy - 0.015) < 1e-9 ? "" : std::to_string(busy));
              }),
              "b@15.000 ");
}

TEST(SimCpu, AThreadDoesOneTaskAfterTheOther) {
    EXPECT_EQ(in_child([] {
                  Cores cores(4);
                  SimThread thread(cores.cpu);
                  for (const char* name : {"a", "b", "c"}) {
                      cores.engine.at({}, [&cores, &thread, name] {
                          thread.run(std::chrono::milliseconds(5), [&cores, name] {
                              cores.seen += name + ("@" + ms(cores.engine)) + " ";
                          });
                      });
                  }
                  cores.engine.run();
                  return cores.seen;
              }),
              "a@5.000 b@10.000 c@15.000 ");
}

TEST(SimCpu, AThreadOnAnIdleCoreTakesItsTimeToWakeUp) {
    // "a" wakes it up, "b" finds it waking up, and "d" finds all cores busy.
    EXPECT_EQ(
        in_child([] {
            Cores cores(1);
            SimCpu pauses(cores.engine, std::numeric_limits<double>::infinity());
            SimThread thread(cores.cpu, {std::chrono::milliseconds(2), &pauses});
            const auto wake_at = [&](int milliseconds, const char* name) {
                cores.engine.at(SwarmTime(std::chrono::milliseconds(milliseconds)), [&, name] {
                    thread.wake(std::chrono::milliseconds(5),
                                [&, name] { cores.seen += name + ("@" + ms(cores.engine)) + " "; });
                });
            };
            wake_at(0, "a");
            wake_at(1, "b");
            cores.engine.at(SwarmTime(std::chrono::milliseconds(20)), [&] { cores.add("c", 10); });
            wake_at(25, "d");
            cores.engine.run();
            return cores.seen;
        }),
        "a@7.000 b@12.000 c@35.000 d@35.000 ");
}

TEST(SimMachines, HostsOfOneMachineAndAllHostsOnATestMachineShareCores) {
    EXPECT_EQ(in_child([]() -> std::string {
                  SimEngine engine("test", {std::string("--cfg=") + SIM_CFG}, false);
                  const TemporaryDirectory directory;
                  const std::string file = directory.path() / "platform.xml";
                  std::ofstream(file) << R"(<?xml version='1.0'?>
<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
<platform version="4.1"><zone id="w" routing="Full">
<host id="a" speed="1Gf" core="2"><prop id="machine" value="m"/></host>
<host id="b" speed="2Gf" core="2"><prop id="machine" value="m"/></host>
<host id="c" speed="1Gf" core="3"/></zone></platform>)";
                  if (const auto loaded = engine.load_platform(file); !loaded) {
                      return loaded.error().message;
                  }
                  SimMachines own(engine, {}, 0.0, 1);
                  SimMachines shared(engine, 5.0, 0.0, 1);
                  const auto same = [](SimMachines& all, HostIndex x, HostIndex y) {
                      return &all.host(x).machine() == &all.host(y).machine();
                  };
                  return std::string(same(own, 0, 1) ? "ab " : "") +
                         (same(own, 0, 2) ? "ac " : "") + (same(shared, 0, 2) ? "all " : "") +
                         std::to_string(static_cast<int>(own.host(2).machine().cores.cores())) +
                         std::to_string(static_cast<int>(own.host(0).machine().cores.cores())) +
                         std::to_string(static_cast<int>(shared.host(0).machine().cores.cores()));
              }),
              "ab all 325");
}

}  // namespace
}  // namespace starling
