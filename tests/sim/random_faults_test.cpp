// Hosts and links that fail at random, several at a time and also very briefly; after 100 s all
// faults are healed, and the training completes.
#include <gtest/gtest.h>

#include "core/base/random.hpp"
#include "tests/sim/sim_scenario.hpp"
#include "tests/sim/sim_support.hpp"

namespace starling::test {
namespace {

std::string at(double seconds, const std::string& what, const std::string& target) {
    return "t=" + std::to_string(seconds) + "s " + what + " " + target;
}

Scenario random_scenario(std::uint64_t seed) {
    constexpr std::array latencies = {"lan", "wan", "intercontinental"};
    constexpr std::array servers = {"three", "five", "seven"};
    constexpr std::array durations = {0.05, 0.5, 2.0, 6.0, 15.0, 25.0};
    constexpr int first_trainer = 8;
    constexpr int hosts = 12;
    Random random(seed);
    const auto sn_kind = static_cast<std::size_t>(random.below(servers.size()));
    const int sn_count = 3 + 2 * static_cast<int>(sn_kind);
    Scenario scenario{
        platforms_directory + "sites_" + latencies[random.below(latencies.size())] + ".xml",
        platforms_directory + servers[sn_kind] + "_sn.deploy.xml",
        false,
        {}};
    const auto seconds = [&](double from, double to) {
        return from + (to - from) * static_cast<double>(random.below(1'000'000)) / 1e6;
    };
    for (std::uint64_t fault = 3 + random.below(8); fault > 0; --fault) {
        const auto in_use = static_cast<int>(
            random.below(static_cast<std::uint64_t>(sn_count + hosts - first_trainer + 1)));
        const std::string host =
            std::to_string(in_use < sn_count ? in_use + 1 : first_trainer + in_use - sn_count);
        const double from = seconds(0.5, 60.0);
        const double to = from + durations[random.below(durations.size())] * seconds(0.5, 1.5);
        const bool link = random.below(2) == 0;
        const std::string target = (link ? "uplink-" : "host-") + host;
        scenario.faults.push_back(at(from, link ? "cut" : "kill", target));
        scenario.faults.push_back(at(to, link ? "heal" : "restart", target));
    }
    scenario.healed_seconds = 100.0;  // the last one has healed by then
    return scenario;
}

class RandomFaults : public testing::TestWithParam<std::uint64_t> {};

TEST_P(RandomFaults, HealAndTheTrainingCompletes) {
    const Scenario scenario = random_scenario(GetParam());
    std::string faults;
    for (const std::string& fault : scenario.faults) {
        faults += " --fault '" + fault + "'";
    }
    EXPECT_EQ(run_scenario(scenario,
                           [](const ScenarioRun& run) {
                               return one_final_model(run) + one_ledger(run) + no_violation(run);
                           }),
              "")
        << "swarm-sim " << scenario.platform << " " << scenario.deployment << " --no-profiles"
        << faults;
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomFaults, testing::Range<std::uint64_t>(1, 31));

}  // namespace
}  // namespace starling::test
