#include "tests/campaign/campaign_run.hpp"

#include <algorithm>

#include "tests/campaign/fault_schedule.hpp"
#include "tests/campaign/operator_faults.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr SwarmDuration calm_begin = seconds(2);
/// Limit of a round after all faults are healed: the longest lease, a stalled exchange and a grace
/// period. If two members can't reach each other, nothing moves for 20 s (5 s until it is reported,
/// 15 s until the report is acted on) before they get different roles, and the next attempt may
/// need the same again.
constexpr SwarmDuration shortest_round_limit = seconds(50);

/// Before the first byte of a round, its leader waits as long as the first steps of all members may
/// take at the contract's slowest link (sn/round_motion.cpp).
SwarmDuration round_limit(int pairs, std::size_t model_bytes) {
    constexpr double slowest_link = 4000;
    const double step = std::min(16'384.0, static_cast<double>(model_bytes));
    return std::max(shortest_round_limit,
                    seconds(20) + from_seconds(1.5 * (pairs - 1) * step / slowest_link));
}

constexpr SwarmDuration end_limit = seconds(120);
/// An SN that makes up views holds each member up for 50 s at a time (30 s until the member asks
/// another SN, 20 s until that one is believed), but not all of them at the same time.
constexpr SwarmDuration held_up_by_views = std::chrono::minutes(2);
constexpr SwarmDuration readers_go_on = seconds(3);
/// After this many rounds, every assignment of segment owners has occurred.
constexpr std::uint64_t rounds_with_a_block = 6;
constexpr SwarmDuration block_limit = seconds(100);

/// Where disks may lose the newest model: until an SN says so, and the operator has ended the run.
constexpr SwarmDuration missing_model_limit = seconds(60);

/// With a hostile member: it is kept apart from up to half of the others, one after the other, and
/// excluded after that. The first two take 12 minutes and six, each further one less than four
/// (core/DECISIONS.md). After five such rounds it is expelled.
SwarmDuration hostile_round_limit(int pairs) {
    return std::chrono::minutes(45) + std::max(pairs - 5, 0) / 2 * std::chrono::minutes(4);
}
constexpr SwarmDuration hostile_end_limit = std::chrono::hours(4);
constexpr std::uint64_t rounds_of_the_honest = 10;

const NodeId campaign{"campaign"};

void add_violations(const Violations& more, SeedResult& result) {
    result.violations += more.count();
    for (const Violation& violation : more.kept()) {
        result.first.push_back(to_string(violation));
    }
}

struct LimitsAfterFaults {
    SwarmDuration round{};
    SwarmDuration end{};
};

LimitsAfterFaults limits_after_faults(const CampaignSwarm& swarm, const CampaignOptions& options) {
    const SwarmDuration of_views = swarm.has_false_views() ? held_up_by_views : SwarmDuration{0};
    if (swarm.has_hostile_member()) {
        return {hostile_round_limit(options.pairs), hostile_end_limit};
    }
    const SwarmDuration more =
        of_views + (swarm.may_lose_models() ? missing_model_limit : SwarmDuration{0});
    return {round_limit(options.pairs, swarm.model_bytes()) + more,
            end_limit + more + rounds_of_the_honest * of_views};
}

}  // namespace

SeedResult run_seed(std::uint64_t seed, const CampaignOptions& options) {
    CampaignSwarm swarm(seed, options);
    swarm.start();
    const SwarmTime faults_end = SwarmTime{calm_begin} + from_seconds(options.fault_seconds);
    FaultSchedule faults(swarm, options.membership, faults_end);
    faults.begin(SwarmTime{calm_begin});
    OperatorFaults operators(swarm, seed, faults_end);
    operators.begin(SwarmTime{calm_begin} + milliseconds(500));
    bool over = false;
    swarm.network.at(faults_end + milliseconds(1), [&] { over = true; });
    swarm.network.run([&] { return over; }, faults_end + seconds(1));

    swarm.heal();
    const SwarmTime healed = swarm.network.now();
    const LimitsAfterFaults limits = limits_after_faults(swarm, options);
    swarm.trace.report(
        healed, campaign,
        TraceEvent("healed").with("round_limit_ms",
                                  static_cast<std::uint64_t>(limits.round / milliseconds(1))));
    if (!options.hostile && swarm.random.chance(0.2) && swarm.block_two_members()) {
        const std::uint64_t enough = swarm.trace.checker.rounds() + rounds_with_a_block;
        swarm.network.run([&] { return swarm.trace.checker.rounds() >= enough; },
                          healed + block_limit);
        swarm.network.heal();
    }
    const std::uint64_t rounds =
        swarm.trace.checker.rounds() + (options.hostile ? rounds_of_the_honest : 0);
    const SwarmTime limit = swarm.network.now() + limits.end;
    const auto goes_on = [&] {
        return swarm.trace.checker.rounds() >= rounds && swarm.all_have_synced_since(healed);
    };
    if (swarm.network.run(goes_on, limit)) {
        swarm.wind_down();
        swarm.network.run([&] { return swarm.all_ended(); }, limit);
        swarm.network.run([] { return false; },
                          std::min(limit, swarm.network.now() + readers_go_on));
    }
    swarm.report_replaced_processes();
    swarm.trace.checker.finish(swarm.network.now());

    const SwarmChecker& checker = swarm.trace.checker;
    SeedResult result;
    result.faults = faults.count() + operators.count();
    result.copies = swarm.copies();
    result.removals = swarm.removals();
    result.full_disks = operators.full_disks();
    result.rounds = checker.rounds();
    result.crashes = swarm.crashes();
    result.operations = checker.operations() + checker.reads();
    result.violations = checker.violations().count();
    add_violations(swarm.trace.of_contributions, result);
    if (swarm.trace.false_merges) {
        add_violations(swarm.trace.false_merges->violations(), result);
    }
    if (result.violations > 0 && options.hostile) {
        result.first.push_back("the hostile member and SN: " + swarm.lies());
    }
    result.hash = swarm.trace.hash();
    for (const Violation& violation : checker.violations().kept()) {
        result.first.push_back(to_string(violation));
    }
    return result;
}

}  // namespace starling::test
