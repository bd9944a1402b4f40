// One fault at a time: what it costs the round that it affects, and that all recovers afterwards.
#include <gtest/gtest.h>

#include "tests/sim/sim_scenario.hpp"
#include "tests/sim/sim_support.hpp"
#include "tests/support/temporary_directory.hpp"

namespace starling::test {
namespace {

Scenario sites(const std::string& latency, const std::string& servers,
               std::vector<std::string> faults) {
    return {platforms_directory + "sites_" + latency + ".xml",
            platforms_directory + servers + "_sn.deploy.xml", false, std::move(faults)};
}

std::string all_well(const ScenarioRun& run) {
    return one_final_model(run) + one_ledger(run) + no_violation(run);
}

/// The text with all occurrences of `from` replaced; there must be one.
std::string replaced(std::string text, const std::string& from, const std::string& to) {
    std::size_t at = text.find(from);
    if (at == std::string::npos) {
        throw std::runtime_error("nothing to replace: " + from);
    }
    for (; at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
    return text;
}

/// Checks that the longest pause is at most `extra` seconds above the median one.
std::string check_pauses(const ScenarioRun& run, double extra) {
    const FaultLog::Pause longest = run.outcome.faults.longest_pause();
    const double more = to_seconds(longest.length - run.outcome.faults.median_pause());
    return more <= extra ? ""
                         : "round " + std::to_string(longest.round) + " took " +
                               std::to_string(more) + " s more than the median\n";
}

struct Cost {
    const char* latency;
    double sn_seconds;      ///< added when the leading SN fails
    double member_seconds;  ///< added when a member fails during an exchange
};
class SingleFault : public testing::TestWithParam<Cost> {};

TEST_P(SingleFault, TheLeadingSnIsKilledAndRestarted) {
    EXPECT_EQ(run_scenario(
                  sites(GetParam().latency, "five", {"t=20s kill host-1", "t=50s restart host-1"}),
                  [](const ScenarioRun& run) {
                      return all_well(run) + check_pauses(run, GetParam().sn_seconds);
                  }),
              "");
}

TEST_P(SingleFault, AMemberIsKilledDuringAnExchange) {
    const auto faulty = [](std::vector<std::string> faults) {
        return sites(GetParam().latency, "three", std::move(faults));
    };
    const std::string middle = run_scenario(faulty({}), [](const ScenarioRun& run) {
        const auto in_round_4 = [&](const char* event) {
            const auto lines = run.trace.named(event, "sl2");
            const auto line = std::ranges::find_if(
                lines, [](const auto& one) { return field(one, "round") == "4"; });
            return line == lines.end() ? 1e9 : seconds_of(*line);
        };
        const double merged = std::min(in_round_4("merged_early"), in_round_4("exchange_done"));
        return std::to_string((in_round_4("exchange_early") + merged) / 2);
    });
    EXPECT_EQ(
        run_scenario(faulty({"t=" + middle + "s kill host-9", "t=60s restart host-9"}),
                     [](const ScenarioRun& run) {
                         std::string wrong =
                             all_well(run) + check_pauses(run, GetParam().member_seconds);
                         // What had begun with it is given up.
                         const auto commits = run.trace.named("round_committed", "sn1");
                         if (field(commits.at(4), "members") == field(commits.at(3), "members")) {
                             wrong += "it was not in the middle of an exchange\n";
                         }
                         return wrong;
                     }),
        "");
}

INSTANTIATE_TEST_SUITE_P(Sites, SingleFault,
                         testing::Values(Cost{"lan", 2.0, 5.0}, Cost{"wan", 2.0, 5.0},
                                         Cost{"intercontinental", 4.0, 5.0}),
                         [](const auto& param) { return std::string(param.param.latency); });

TEST(Partition, OfTheLeadingSnEndsItsLeadershipAndNothingElse) {
    EXPECT_EQ(run_scenario(sites("wan", "three", {"t=20s cut uplink-1", "t=40s heal uplink-1"}),
                           [](const ScenarioRun& run) {
                               std::string wrong = all_well(run) + check_pauses(run, 6.0);
                               const auto elected = run.trace.named("leader_elected");
                               if (elected.size() != 2 || elected.back().node.name == "sn1" ||
                                   seconds_of(elected.back()) > 22.0) {
                                   wrong += "no other SN leads\n";
                               }
                               const auto ended = run.trace.named("leader_ended", "sn1");
                               if (ended.size() != 1 || seconds_of(ended.front()) > 22.0) {
                                   wrong += "the SN that is cut off went on leading\n";
                               }
                               if (commits_between(run, 26.0, 40.0) < 4) {
                                   wrong += "no rounds while the first leader was cut off\n";
                               }
                               return wrong;
                           }),
              "");
}

TEST(Partition, WithoutAMajorityNothingIsCommittedUntilItIsHealed) {
    EXPECT_EQ(
        run_scenario(sites("wan", "five",
                           {"t=20s cut uplink-1", "t=20s cut uplink-2", "t=20s cut uplink-3",
                            "t=35s heal uplink-1", "t=35s heal uplink-2", "t=35s heal uplink-3"}),
                     [](const ScenarioRun& run) {
                         std::string wrong = all_well(run);
                         if (commits_between(run, 20.5, 35.0) != 0) {
                             wrong += "a minority decided\n";
                         }
                         if (commits_between(run, 35.0, 50.0) < 3) {
                             wrong += "the rounds did not go on\n";
                         }
                         return wrong;
                     }),
        "");
}

TEST(Link, DownForTwentySecondsCostsItsMemberOnlyThoseRounds) {
    EXPECT_EQ(run_scenario(sites("wan", "three", {"t=20s cut uplink-9", "t=40s heal uplink-9"}),
                           [](const ScenarioRun& run) {
                               std::string wrong = all_well(run) + check_pauses(run, 5.0);
                               if (commits_between(run, 24.0, 40.0) < 6) {
                                   wrong += "the others did not go on\n";
                               }
                               if (!run.trace.logged("Rejoining", "sl2") ||
                                   run.trace.named("caught_up", "sl2").empty()) {
                                   wrong += "sl2 did not come back\n";
                               }
                               for (const auto& committed : run.trace.named("round_committed")) {
                                   if (seconds_of(committed) > 50.0 &&
                                       field(committed, "members") != "5") {
                                       wrong += "not all five after it was healed\n";
                                       break;
                                   }
                               }
                               return wrong;
                           }),
              "");
}

TEST(Link, ATwentiethOfTheBandwidthIsNotTakenForAFailure) {
    TemporaryDirectory directory;
    const std::string file = (directory.path() / "slow.xml").string();
    write_text(file, replaced(read_text(platforms_directory + "sites_wan.xml"),
                              "id=\"uplink-10\" bandwidth=\"100Mbps\"",
                              "id=\"uplink-10\" bandwidth=\"5Mbps\""));
    Scenario slow = sites("wan", "three", {});
    slow.platform = file;
    EXPECT_EQ(run_scenario(slow,
                           [](const ScenarioRun& run) {
                               std::string wrong = all_well(run);
                               if (!run.trace.named("member_excluded").empty() ||
                                   run.trace.logged(" is lost") ||
                                   run.outcome.faults.retried_rounds() != 0) {
                                   wrong += "the slow member was left out\n";
                               }
                               for (const auto& committed : run.trace.named("round_committed")) {
                                   if (field(committed, "members") != "5") {
                                       wrong += "a round without the slow member\n";
                                       break;
                                   }
                               }
                               return wrong;
                           }),
              "");
}

/// SNs that are 300 ms apart, and lose their leader.
std::string far_away(const std::string& flag) {
    TemporaryDirectory directory;
    const std::string platform = (directory.path() / "far.xml").string();
    const std::string deployment = (directory.path() / "far.deploy.xml").string();
    write_text(platform, replaced(read_text(platforms_directory + "sites_intercontinental.xml"),
                                  "latency=\"50ms\"", "latency=\"150ms\""));
    write_text(deployment, replaced(read_text(platforms_directory + "three_sn.deploy.xml"),
                                    "function=\"run-sn\">",
                                    "function=\"run-sn\"><argument value=\"" + flag + "\"/>"));
    Scenario far{platform, deployment, false, {"t=20s kill host-1", "t=60s restart host-1"}};
    far.until_seconds = 100;
    return run_scenario(far, [](const ScenarioRun& run) -> std::string {
        const auto elections = run.outcome.faults.elections();
        return elections == 2 && commits_between(run, 30.0, 100.0) > 3
                   ? ""
                   : std::to_string(elections) + " elections\n";
    });
}

TEST(ElectionTimeout, MustBeAboveTwiceTheRoundTrip) {
    EXPECT_EQ(far_away("--sn-election-timeout=1500"), "");
    EXPECT_NE(far_away("--sn-election-timeout=500"), "") << "then the flag is not needed";
}

TEST(Determinism, TwoRunsWithAllFaultsHaveTheSameTrace) {
    Scenario scenario = sites("intercontinental", "seven", {});
    scenario.with_profiles = true;
    const auto trace = [](const ScenarioRun& run) { return run.trace.text; };
    const std::string first = run_scenario(scenario, trace);
    EXPECT_GT(first.size(), 500'000u);
    EXPECT_TRUE(first == run_scenario(scenario, trace));
}

}  // namespace
}  // namespace starling::test
