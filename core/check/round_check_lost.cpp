// Commits whose events the traces have lost. What members did is judged by them as by the others:
// a commit is restored only where an SN's trace ends with its entry, once for each such entry, and
// only as the next round of its run. So a model that no entry has committed is still found.
#include "core/check/round_check.hpp"

namespace starling {

std::set<std::string> RoundCheck::contracts_of(std::uint64_t run) const {
    std::set<std::string> contracts;
    for (const auto& [round, commit] : commits_) {
        if (std::get<1>(round) == run) {
            contracts.insert(std::get<0>(round));
        }
    }
    for (const auto& [attempt, merged] : merges_) {
        if (std::get<1>(attempt.first) == run) {
            contracts.insert(std::get<0>(attempt.first));
        }
    }
    return contracts;
}

std::optional<std::uint64_t> RoundCheck::lost_attempt(const RoundOf& round,
                                                      const std::string& digest) const {
    const auto& [contract, run, number] = round;
    const bool is_next = number == 0 || commits_.contains(RoundOf(contract, run, number - 1));
    if (commits_.contains(round) || !is_next) {
        return std::nullopt;
    }
    bool merged = false;
    for (auto one = merges_.lower_bound(std::pair(round, std::uint64_t{0}));
         one != merges_.end() && one->first.first == round; ++one) {
        merged = true;
        if (one->second.digest == digest) {
            return one->first.second;
        }
    }
    // The traces of the members that merged it may be missing.
    return merged ? std::nullopt : std::optional<std::uint64_t>(0);
}

bool RoundCheck::restore(const LostCommit& lost, const Continued& one) {
    std::set<std::string> contracts = contracts_of(lost.run);
    if (contracts.empty()) {
        contracts.insert("");
    }
    for (const std::string& contract : contracts) {
        const RoundOf round(contract, lost.run, one.round);
        if (const auto attempt = lost_attempt(round, one.digest)) {
            commits_.emplace(round, Committed{*attempt, one.digest, 0, false, lost.by});
            digests_[one.round].insert(one.digest);
            restored_.insert(one.digest);
            return true;
        }
    }
    return false;
}

std::vector<std::string> RoundCheck::restore(const std::vector<LostCommit>& lost) {
    std::vector<std::string> done;
    if (incomplete_) {
        return done;  // a missing commit is no violation then
    }
    for (const LostCommit& commit : lost) {
        for (const Continued& one : undecided_) {
            if (one.time + clock_error_ < commit.time || is_committed(one) ||
                !restore(commit, one)) {
                continue;
            }
            done.push_back(
                "no trace contains the round_committed of entry " + std::to_string(commit.index) +
                ": '" + commit.by.name + "' was killed before it had written this event. Round " +
                std::to_string(one.round) + " is judged by the model " + one.digest.substr(0, 12) +
                ", from which '" + one.node.name + "' continued first");
            break;
        }
    }
    return done;
}

}  // namespace starling
