// Faults that change conditions: bandwidth, latency, loss, disks, and power cuts.
#include <cmath>

#include <gtest/gtest.h>

#include "core/json/json.hpp"
#include "sim/link_conditions.hpp"
#include "sim/simulation.hpp"
#include "tests/sim/in_child.hpp"
#include "tests/sim/sim_support.hpp"
#include "tests/sim/swarm_sim.hpp"

namespace starling::test {
namespace {

/// Times at which transfers of two_hosts.xml (100 Mbit/s, 10 ms one way) end.
struct Transfers {
    Transfers() : engine("test", {std::string("--cfg=") + SIM_CFG}, false) {
        if (!engine.load_platform(two_hosts_xml)) {
            throw std::runtime_error("no platform");
        }
    }
    /// From host 0 to host 1, at the full bandwidth in one second.
    void send_at(double seconds) {
        engine.at(at(seconds), [this] {
            engine.transfer(0, 1, 11'750'000, [this](bool ok) {
                ended += (ok ? "" : "lost ") +
                         std::to_string(
                             std::lround(to_seconds(engine.now().time_since_epoch()) * 1000)) +
                         " ";
            });
        });
    }
    std::string run() {
        engine.at(at(1000), [this] { engine.stop(); });
        engine.run();
        return ended;
    }

    SimEngine engine;
    std::string ended;
};

TEST(Conditions, ABandwidthHoldsForTransfersUnderWayAndEnds) {
    EXPECT_EQ(in_child([] {
                  Transfers transfers;
                  transfers.send_at(0);
                  transfers.send_at(100);
                  transfers.engine.at(
                      at(0.5), [&] { transfers.engine.set_link_bandwidth("wan", 12.5e6 / 10); });
                  transfers.engine.at(at(50),
                                      [&] { transfers.engine.set_link_bandwidth("wan", {}); });
                  return transfers.run();
              }),
              "5500 101000 ");
}

TEST(Conditions, ALatencyChangesTheRouteAndLosesNoTransferUnderWay) {
    EXPECT_EQ(in_child([] {
                  Transfers transfers;
                  std::string seen;
                  const auto look = [&](double when) {
                      transfers.engine.at(at(when), [&] {
                          seen += std::to_string(std::lround(
                                      to_seconds(transfers.engine.route(0, 1).latency) * 1000)) +
                                  "ms ";
                      });
                  };
                  transfers.send_at(0);
                  look(0.1);
                  transfers.engine.at(at(0.5),
                                      [&] { transfers.engine.set_link_latency("wan", 0.05); });
                  look(0.6);
                  transfers.engine.at(at(2), [&] { transfers.engine.set_link_latency("wan", {}); });
                  look(3);
                  return transfers.run() + seen;
              }),
              "1000 10ms 50ms 10ms ");
}

TEST(Conditions, LossTakesItsShareOfTheBandwidthAndLimitsTheRateOfAConnection) {
    EXPECT_EQ(in_child([] {
                  Transfers transfers;
                  transfers.engine.at(at(0), [&] { transfers.engine.set_link_loss("wan", 0.5); });
                  transfers.send_at(0.001);
                  transfers.engine.at(at(10), [&] {
                      transfers.ended +=
                          "loss " + std::to_string(transfers.engine.route(0, 1).loss) + " ";
                      transfers.engine.set_link_loss("wan", 0.0);
                  });
                  transfers.send_at(20);
                  return transfers.run();
              }),
              "2001 loss 0.500000 21000 ");
    // 1448 B / 20 ms * sqrt(1.5 / 0.01) = 886.7 kB/s; 1 MB at 10 MB/s would take 0.1 s.
    EXPECT_NEAR(to_seconds(loss_wait(1'000'000, std::chrono::milliseconds(20), 10e6, 0.01)),
                1e6 / 886'715.3 - 0.1, 1e-4);
    EXPECT_EQ(loss_wait(1'000'000, std::chrono::milliseconds(20), 100e3, 0.01), SwarmDuration{0});
    EXPECT_EQ(loss_wait(1'000'000, std::chrono::milliseconds(20), 10e6, 0.0), SwarmDuration{0});
}

/// A run of two hosts with these flags, and a number of its summary.
class ConditionsOfASwarm : public SwarmSim {
protected:
    double number(const std::string& faults, const char* key) {
        const Ran ran = swarm_sim(platform + " --scale 2 --rounds 4 --parameters 5000000 --quiet " +
                                  faults + " --json " + path("j"));
        EXPECT_EQ(ran.exit_code, 0) << ran.output;
        const Result<JsonValue> json = parse_json(read(path("j")));
        return json ? std::stod(json->find(key)->text) : -1.0;
    }
    double exchange(const std::string& faults) { return number(faults, "exchange_seconds_median"); }
};

TEST_F(ConditionsOfASwarm, AreSlowerWithAFaultOfALinkOrDiskAndAsBeforeWhenItIsOver) {
    const double usual = exchange("");
    EXPECT_GT(exchange("--fault 't=0s bandwidth 10Mbps wan'"), 5 * usual);
    EXPECT_GT(exchange("--fault 't=0s latency 500ms wan'"), usual + 1.0);
    EXPECT_GT(exchange("--fault 't=0s loss 5% wan'"), 5 * usual);
    EXPECT_GT(exchange("--fault 't=0s disk 1MBps host-2'"), 5 * usual);
    // Of one direction only: a star needs both.
    EXPECT_GT(exchange("--fault 't=0s bandwidth 10Mbps wan_UP'"), 3 * usual);
    for (const char* over : {"bandwidth 10Mbps for 1s wan", "latency 500ms for 1s wan",
                             "loss 5% for 1s wan", "disk 1MBps for 1s host-2"}) {
        EXPECT_NEAR(exchange(std::string("--fault 't=6s ") + over + "'"), usual, 1e-3) << over;
    }
}

TEST_F(ConditionsOfASwarm, ACutOfOneDirectionStopsConnectionsAndHealsByItself) {
    const double usual = number("", "simulated_seconds");
    const double cut = number("--fault 't=14s cut for 30s wan_DOWN'", "simulated_seconds");
    EXPECT_GT(cut, usual + 20);
    EXPECT_EQ(number("--fault 't=14s cut for 30s wan_DOWN'", "links_up"), 1);
}

TEST_F(ConditionsOfASwarm, AHostWhosePowerFailsReturnsWithWhatWasDurable) {
    const std::string faults = "--fault 't=20s power for 5s host-1'";  // with the SN
    EXPECT_EQ(number(faults, "hosts_off"), 1);
    EXPECT_EQ(number(faults, "hosts_on"), 1);
    EXPECT_GE(number(faults, "round_count"), 4);
}

TEST_F(SwarmSim, FaultsOfUnknownLinksHostsAndOfClocksAreRefused) {
    const auto refused = [&](const std::string& fault, const std::string& why) {
        const Ran ran = swarm_sim(platform + " --scale 2 --fault '" + fault + "'");
        EXPECT_EQ(ran.exit_code, 2) << fault;
        EXPECT_TRUE(ran.printed(why)) << ran.output;
    };
    refused("t=1s bandwidth 1Mbps nowhere", "the platform has no link nowhere");
    refused("t=1s disk 1MBps nowhere", "the platform has no host nowhere");
    refused("t=1s power nowhere", "the platform has no host nowhere");
    refused("t=1s clock 2h host-1", "nodes never look at the wall clock");
    refused("t=1s bandwidth 10Mbps wan' --fault 't=2s bandwidth 5Mbps for 1s wan",
            "begins while \"t=1s bandwidth 10Mbps wan\" holds");
}

TEST_F(SwarmSim, ChangedConditionsOfAWirelessLinkAreRefused) {
    const Ran ran =
        swarm_sim(root + "/tests/sim/platforms/wifi.xml" + " --scale 2 --fault 't=1s loss 2% air'");
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_TRUE(ran.printed("sharing_policy WIFI")) << ran.output;
}

}  // namespace
}  // namespace starling::test
