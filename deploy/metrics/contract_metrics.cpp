#include "deploy/metrics/contract_metrics.hpp"

#include <utility>

namespace starling {

void ContractMetrics::attempt_begins(SwarmTime time, const EventFields& fields) {
    ++attempts;
    round = fields.number("round").value_or(0);
    attempt = fields.number("attempt").value_or(0);
    if (!std::exchange(begun_early, false)) {
        exchange_began = time;
    }
}

void ContractMetrics::begins_early(SwarmTime time) {
    exchange_began = time;
    begun_early = true;
    is_merged = false;
}

void ContractMetrics::merged_early(SwarmTime time) {
    exchange_ends(time);
    is_merged = true;
}

void ContractMetrics::exchange_ends(SwarmTime time) {
    if (exchange_began && !std::exchange(is_merged, false)) {
        exchange_duration.observe(to_seconds(time - *exchange_began));
    }
}

void ContractMetrics::round_committed(SwarmTime time, const EventFields& fields) {
    ++committed;
    round = fields.number("round").value_or(0) + (fields.flag("final") ? 0 : 1);
    attempt = 0;
    round_members = fields.number("members").value_or(0);
    if (first_check_in) {
        check_in_to_commit.observe(to_seconds(time - *first_check_in));
    }
    if (last_commit) {
        round_duration.observe(to_seconds(time - *last_commit));
    }
    last_commit = time;
    first_check_in.reset();
}

void write_rounds(const MetricsByContract& contracts, Role role, Exposition& out) {
    const auto each = [&](auto value) {
        for (const auto& [name, metrics] : contracts) {
            if (!name.empty()) {
                out.sample({{"contract", name}}, value(metrics));
            }
        }
    };
    out.family("starling_rounds_committed_total", "counter",
               "Rounds this node has seen committed since it started.");
    each([](const ContractMetrics& m) { return m.committed; });
    out.family("starling_current_round", "gauge",
               "Number of the current round; after the final one, its number.");
    each([](const ContractMetrics& m) { return m.round; });
    out.family("starling_current_attempt", "gauge", "Number of the current attempt at it, from 0.");
    each([](const ContractMetrics& m) { return m.attempt; });
    out.family("starling_round_attempts_total", "counter",
               "Attempts at rounds; more than rounds if members were lost in one.");
    each([](const ContractMetrics& m) { return m.attempts; });
    out.family("starling_last_round_members", "gauge", "Members of the last committed round.");
    each([](const ContractMetrics& m) { return m.round_members; });
    out.family("starling_round_duration_seconds", "histogram",
               "From one commit to the next: training, waiting and exchange.");
    each([](const ContractMetrics& m) { return m.round_duration; });
    out.family("starling_checkin_to_commit_seconds", "histogram",
               role == Role::sn ? "From the first check-in of a round to its commit."
                                : "From this member's check-in for a round to its commit.");
    each([](const ContractMetrics& m) { return m.check_in_to_commit; });
    out.family("starling_exchange_duration_seconds", "histogram",
               role == Role::sn
                   ? "From the start of the last attempt at a round to its commit."
                   : "From the start of an attempt until everything is merged and hashed.");
    each([](const ContractMetrics& m) { return m.exchange_duration; });
}

}  // namespace starling
