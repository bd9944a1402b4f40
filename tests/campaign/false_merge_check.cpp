#include "tests/campaign/false_merge_check.hpp"

#include <algorithm>

namespace starling::test {
namespace {

constexpr std::string_view same_merge = "one merge per attempt";
constexpr std::string_view named_liar = "a false merge is named";

std::string attempt_text(const RoundKey& key) {
    return "round " + std::to_string(key.round) + " attempt " + std::to_string(key.attempt);
}

/// Of the attempt in the event; of its round, if it has none.
RoundKey key_of(const EventFields& fields) {
    return {std::string(fields.text("contract")),
            static_cast<Run>(fields.number("run").value_or(0)), fields.number("round").value_or(0),
            static_cast<std::uint32_t>(fields.number("attempt").value_or(0))};
}

}  // namespace

bool FalseMergeCheck::Attempt::was_sent_wrong(const NodeId& node) const {
    return std::any_of(wrong.begin(), wrong.end(),
                       [&](const auto& segment) { return segment.second == node; });
}

void FalseMergeCheck::report(SwarmTime time, const NodeId& node, const TraceEvent& event) {
    const EventFields fields(event);
    if (event.name == "exchange_done") {
        on_merged(time, node, fields);
        if (const RoundKey key = key_of(fields); commit_of(key) != nullptr) {
            check_misled_after_proof(time, node, key);  // it was committed by the check-ins
        }
    } else if (event.name == "merged_early") {
        attempts_[key_of(fields)].early.insert(std::string(fields.text("digest")));
    } else if (event.name == "round_committed") {
        on_committed(time, node, fields);
    } else if (event.name == "merge_deviates") {
        members_[node].deviates = true;
    } else if (event.name == "segments_deviate") {
        on_named(time, node, fields);
    } else if (event.name == "caught_up") {
        on_caught_up(time, node, fields);
    } else if (event.name == "members_kept_apart") {
        on_kept_apart(fields);
    } else if (event.name == "member_deviated" && fields.text("node") == liar_.name) {
        liar_deviated_in_.insert(fields.number("round").value_or(0));
    } else if (event.name == "command_sent" &&
               (fields.text("kind") == "register" || fields.text("kind") == "enrol")) {
        members_.erase(node);  // it was restarted, or has lost its lease and joins again
    }
}

void FalseMergeCheck::on_merged(SwarmTime time, const NodeId& node, const EventFields& fields) {
    const RoundKey key = key_of(fields);
    if (key.run > run_) {
        run_ = key.run;  // a run without any model: nothing of it is judged
        open_round_ = 0;
        apart_.clear();
        members_.clear();
    }
    const std::string digest(fields.text("digest"));
    Attempt& attempt = attempts_[key];
    if (!attempt.was_sent_wrong(node)) {
        for (const auto& [other, its] : attempt.digests) {
            if (its != digest && !attempt.was_sent_wrong(other)) {
                violations_.add(time, node, same_merge,
                                attempt_text(key) + ": merged to " + digest.substr(0, 12) +
                                    " here, by " + other.name + " to " + its.substr(0, 12) +
                                    ", and neither was sent a wrong segment");
            }
        }
    }
    attempt.digests[node] = digest;
    Member& member = members_[node];
    if (member.waits_for_proof && member.merged && member.merged->round < key.round) {
        check_proof(time, node, member);
    }
    const bool waits = member.waits_for_proof && member.merged && member.merged->round == key.round;
    member = {.merged = key, .digest = digest, .waits_for_proof = waits};
}

void FalseMergeCheck::on_committed(SwarmTime time, const NodeId& sn, const EventFields& fields) {
    const RoundKey key = key_of(fields);
    const std::string digest(fields.text("digest"));
    if (!commits_.emplace(round_of(key), Commit{key.attempt, digest}).second || key.run != run_) {
        return;
    }
    open_round_ = std::max(open_round_, key.round + 1);
    const auto& merged = attempts_[key].digests;
    if (!attempts_[key].early.contains(digest) &&
        std::none_of(merged.begin(), merged.end(),
                     [&](const auto& one) { return one.second == digest; })) {
        violations_.add(time, sn, same_merge,
                        attempt_text(key) + " is committed with digest " + digest.substr(0, 12) +
                            ", which no honest member has merged it to");
    }
    check_misled_after_proof(time, sn, key);
}

void FalseMergeCheck::check_misled_after_proof(SwarmTime time, const NodeId& sn,
                                               const RoundKey& key) {
    const Attempt& attempt = attempts_[key];
    const bool somebody_merges =
        std::any_of(attempt.digests.begin(), attempt.digests.end(),
                    [&](const auto& one) { return !is_apart_from_any(one.first); });
    const bool proved = std::any_of(apart_.begin(), apart_.end(), [&](const auto& pair) {
        const auto& [a, b] = pair.first;
        return (a == liar_ || b == liar_) && pair.second < key.round &&
               (attempt.digests.contains(a) || attempt.digests.contains(b));
    });
    if (!somebody_merges || !proved) {
        return;
    }
    for (const auto& [node, digest] : attempt.digests) {
        if (digest != commits_.at(round_of(key)).digest) {
            violations_.add(time, sn, named_liar,
                            attempt_text(key) + ": " + node.name + " was misled although " +
                                liar_.name + " may not merge any more");
        }
    }
}

void FalseMergeCheck::on_named(SwarmTime time, const NodeId& node, const EventFields& fields) {
    Member& member = members_[node];
    const NodeId owner{std::string(fields.text("owner"))};
    member.named.insert(owner);
    if (owner == liar_) {
        member.waits_for_proof = true;
        return;
    }
    const Commit* const commit = member.merged ? commit_of(*member.merged) : nullptr;
    const auto& digests =
        member.merged ? attempts_[*member.merged].digests : std::map<NodeId, std::string>();
    const auto its = digests.find(owner);
    const bool was_misled =
        commit != nullptr && its != digests.end() && its->second != commit->digest;
    if (owner == node || !was_misled) {
        violations_.add(time, node, named_liar,
                        "names the honest '" + owner.name + "' for segments of round " +
                            std::string(fields.text("round")));
    }
}

void FalseMergeCheck::on_caught_up(SwarmTime time, const NodeId& node, const EventFields& fields) {
    const auto known = members_.find(node);
    if (known == members_.end() || !known->second.merged ||
        known->second.merged->round != fields.number("round")) {
        return;
    }
    const Member& member = known->second;
    const Commit* const commit = commit_of(*member.merged);
    if (commit == nullptr || commit->digest == member.digest) {
        return;
    }
    if (!member.deviates || member.named.empty()) {
        violations_.add(time, node, named_liar,
                        attempt_text(*member.merged) +
                            ": goes on from the committed model without naming who sent it the "
                            "segments that differ");
    }
    ++repaired_;
}

void FalseMergeCheck::on_kept_apart(const EventFields& fields) {
    const NodeId node{std::string(fields.text("node"))};
    const std::string_view others = fields.text("others");
    std::set<NodeId> names{liar_};
    for (const auto& [key, attempt] : attempts_) {
        for (const auto& [other, digest] : attempt.digests) {
            names.insert(other);
        }
    }
    for (const NodeId& other : names) {
        if (others.find("'" + other.name + "'") != std::string_view::npos) {
            apart_.emplace(std::minmax(node, other), open_round_);
        }
    }
}

/// In the order of its commands, the member's accusation was applied before its next check-in.
void FalseMergeCheck::check_proof(SwarmTime time, const NodeId& node, Member& member) {
    const bool by_report = liar_deviated_in_.contains(member.merged->round);
    bool accuses_others = false;  // of a member that is kept apart from most, no more is believed
    for (const auto& [pair, round] : apart_) {
        accuses_others = accuses_others || pair.first == node || pair.second == node;
    }
    if (!is_apart(node, liar_) && !by_report && !accuses_others) {
        violations_.add(time, node, named_liar,
                        "the ledger does not name " + liar_.name + " for round " +
                            std::to_string(member.merged->round) + ", though " + node.name +
                            " has");
    }
    member.waits_for_proof = false;
}

bool FalseMergeCheck::is_apart(const NodeId& node, const NodeId& other) const {
    return apart_.contains(std::minmax(node, other));
}

bool FalseMergeCheck::is_apart_from_any(const NodeId& node) const {
    return std::any_of(apart_.begin(), apart_.end(), [&](const auto& pair) {
        return pair.first.first == node || pair.first.second == node;
    });
}

const FalseMergeCheck::Commit* FalseMergeCheck::commit_of(const RoundKey& key) const {
    const auto commit = commits_.find(round_of(key));
    return commit != commits_.end() && commit->second.attempt == key.attempt ? &commit->second
                                                                             : nullptr;
}

}  // namespace starling::test
