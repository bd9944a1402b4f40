#include "core/check/round_check.hpp"

#include <algorithm>

#include "core/node/node.hpp"

namespace starling {
namespace {

constexpr std::string_view one_commit = "one commit per round";
constexpr std::string_view same_merge = "one merge per attempt";
constexpr std::string_view from_committed = "continues from a committed model";
constexpr std::string_view rounds_end = "every round ends";
constexpr std::string_view one_final = "one final model";
constexpr std::string_view belongs = "only the latest session continues";

std::string brief(std::string_view digest) { return std::string(digest.substr(0, 12)); }

std::string round_text(const std::string& contract, std::uint64_t run, std::uint64_t round) {
    return "'" + contract + "' run " + std::to_string(run) + " round " + std::to_string(round);
}

std::string seconds_text(SwarmDuration duration) {
    return std::to_string(duration.count() / 1'000'000'000) + " s";
}

}  // namespace

void RoundCheck::on_merged(SwarmTime time, const NodeId& sl, const EventFields& fields) {
    const auto run = fields.number("run");
    const auto round = fields.number("round");
    const auto attempt = fields.number("attempt");
    if (!run || !round || !attempt) {
        return;
    }
    const std::string contract(fields.text("contract"));
    const std::string digest(fields.text("digest"));
    const RoundOf of(contract, *run, *round);
    const auto [first, fresh] = merges_.emplace(std::pair(of, *attempt), Merged{digest, sl});
    // A round that its check-ins have committed is committed before its members say so.
    const auto committed = commits_.find(of);
    if (fresh && committed != commits_.end() && committed->second.attempt == *attempt &&
        committed->second.digest != digest) {
        violations_.add(time, sl, same_merge,
                        round_text(contract, *run, *round) + " attempt " +
                            std::to_string(*attempt) + ": merged to " + brief(digest) +
                            " here, and it is committed with digest " +
                            brief(committed->second.digest));
    }
    if (!fresh && first->second.digest != digest) {
        violations_.add(time, sl, same_merge,
                        round_text(contract, *run, *round) + " attempt " +
                            std::to_string(*attempt) + ": merged to " + brief(digest) +
                            " here, by " + first->second.by.name + " to " +
                            brief(first->second.digest));
    }
}

void RoundCheck::on_committed(SwarmTime time, const NodeId& sn, const EventFields& fields) {
    const auto round = fields.number("round");
    const auto attempt = fields.number("attempt");
    if (!round || !attempt) {
        violations_.add(time, sn, one_commit, "a round_committed without round or attempt");
        return;
    }
    const std::string contract(fields.text("contract"));
    const std::uint64_t run = fields.number("run").value_or(0);
    const Committed commit{*attempt, std::string(fields.text("digest")),
                           fields.number("members").value_or(0), fields.flag("final"), sn};
    const auto [first, fresh] = commits_.emplace(RoundOf(contract, run, *round), commit);
    const Committed& known = first->second;
    if (known.attempt != commit.attempt || known.digest != commit.digest ||
        known.members != commit.members || known.final != commit.final) {
        violations_.add(time, sn, one_commit,
                        round_text(contract, run, *round) + ": attempt " +
                            std::to_string(commit.attempt) + ", digest " + brief(commit.digest) +
                            ", " + std::to_string(commit.members) + " members here, on " +
                            known.by.name + " attempt " + std::to_string(known.attempt) +
                            ", digest " + brief(known.digest) + ", " +
                            std::to_string(known.members) + " members");
    }
    digests_[*round].insert(commit.digest);
    if (commit.final) {
        finals_.insert(commit.digest);
    }
    if (!fresh) {
        return;
    }
    if (round_due_) {
        round_due_ = time + round_limit_;
    }
    const auto merged = merges_.find(std::pair(first->first, *attempt));
    if (merged != merges_.end() && merged->second.digest != commit.digest) {
        violations_.add(time, sn, one_commit,
                        round_text(contract, run, *round) + " attempt " + std::to_string(*attempt) +
                            " is committed with digest " + brief(commit.digest) + ", and " +
                            merged->second.by.name + " merged it to " +
                            brief(merged->second.digest));
    }
}

void RoundCheck::on_ended(SwarmTime time, const NodeId& sn, const EventFields& fields) {
    const std::string contract(fields.text("contract"));
    const bool complete = fields.text("phase") == "complete";
    const std::uint64_t run = fields.number("run").value_or(0);
    const auto [first, fresh] = ends_.emplace(std::pair(contract, run), Ended{time, sn, complete});
    if (!fresh && first->second.complete != complete) {
        violations_.add(time, sn, rounds_end,
                        "'" + contract + "' run " + std::to_string(run) + " is " +
                            (complete ? "complete" : "aborted") + " here, on " +
                            first->second.by.name + (complete ? " aborted" : " complete"));
    }
    round_due_.reset();
}

void RoundCheck::on_model_missing(const EventFields& fields) {
    missing_model_.emplace(fields.text("contract"), fields.number("run").value_or(0));
}

void RoundCheck::on_continued(SwarmTime time, const NodeId& node, const EventFields& fields) {
    const auto round = fields.number("round");
    if (!round) {
        violations_.add(time, node, from_committed, "continues from a model without a round");
        return;
    }
    const Continued one{time, node, *round, std::string(fields.text("digest"))};
    if (is_committed(one)) {
        return;
    }
    if (clock_error_ > SwarmDuration{0}) {
        undecided_.push_back(one);
    } else {
        check_continued(one);
    }
}

std::string RoundCheck::committed_text(std::uint64_t round) const {
    const auto known = digests_.find(round);
    if (known == digests_.end()) {
        return "no commit of that round";
    }
    std::string text;
    for (const std::string& digest : known->second) {
        text += (text.empty() ? "" : ", ") + brief(digest);
    }
    return text;
}

void RoundCheck::check_continued(const Continued& one) {
    // An SN that applies entries from its disk reports no events about their rounds.
    if (!is_committed(one) && (digests_.contains(one.round) || !incomplete_)) {
        violations_.add(one.time, one.node, from_committed,
                        "round " + std::to_string(one.round) + ": continues from " +
                            brief(one.digest) + ", the ledger has " + committed_text(one.round));
    }
}

/// Checks that an older start has ended, once faults are healed, if a newer one takes part. Newer
/// starts that have not taken part have not replaced it.
void RoundCheck::check_older_starts(SwarmTime time, const NodeId& ml, std::uint64_t session) {
    Starts& starts = programs_[ml];
    while (!starts.empty() && starts.rbegin()->first > session &&
           !starts.rbegin()->second.took_part) {
        starts.erase(std::prev(starts.end()));
    }
    const bool older = !starts.empty() && starts.rbegin()->first > session;
    if (older && healed_ && time > *healed_ + round_limit_) {
        violations_.add(time, ml, belongs,
                        "its start of session " + std::to_string(session) +
                            " continues although session " +
                            std::to_string(starts.rbegin()->first) + " has replaced it");
    }
}

void RoundCheck::on_sync_begin(SwarmTime time, const NodeId& ml, const EventFields& fields) {
    const std::uint64_t session = fields.number("session").value_or(0);
    const bool unknown = programs_.count(ml) == 0;
    check_older_starts(time, ml, session);
    Program& program = programs_[ml][session];
    if (fields.number("sync").value_or(0) == 0) {
        program = Program{};  // a new start of the program
    } else if (unknown) {
        program.has_model = true;  // its trace begins in the middle of a run
    }
    program.took_part = true;
    const std::uint64_t batches = fields.number("batches").value_or(0);
    if (batches > 0 && (!program.has_model || program.waits)) {
        violations_.add(time, ml, from_committed,
                        "has trained " + std::to_string(batches) + " batches " +
                            (program.waits ? "before its last sync had ended"
                                           : "without the model of any round"));
    }
    program.waits = true;
}

void RoundCheck::on_sync_end(SwarmTime time, const NodeId& ml, const EventFields& fields) {
    const bool committed = fields.number("committed").value_or(1) != 0;
    if (committed) {
        on_continued(time, ml, fields);
    }
    const std::uint64_t session = fields.number("session").value_or(0);
    check_older_starts(time, ml, session);
    Program& program = programs_[ml][session];
    program.took_part = true;
    program.has_model = true;
    program.waits = false;
    if (!committed && !program.uncommitted.empty()) {
        violations_.add(time, ml, from_committed,
                        "continues from another round before it knows that " +
                            brief(program.uncommitted) + " was committed");
    }
    program.uncommitted = committed ? "" : fields.text("digest");
    if (fields.flag("final")) {
        program.final = fields.text("digest");
        program.final_at = time;
    }
}

void RoundCheck::on_sync_committed(SwarmTime time, const NodeId& ml, const EventFields& fields) {
    on_continued(time, ml, fields);
    Program& program = programs_[ml][fields.number("session").value_or(0)];
    const std::string digest(fields.text("digest"));
    if (!program.uncommitted.empty() && program.uncommitted != digest) {
        violations_.add(time, ml, from_committed,
                        "has trained from " + brief(program.uncommitted) +
                            ", and takes it for committed as " + brief(digest));
    }
    program.uncommitted.clear();
}

void RoundCheck::on_stopped(SwarmTime time, const NodeId& node, const EventFields& fields) {
    const auto known = programs_.find(node);
    if (known == programs_.end()) {
        return;
    }
    // A start that never reached its SL has session 0 and is taken as the newest, since it has no
    // other events. But if the newest has ended well, it was started after the training, as the
    // original of a copy may be.
    const auto& [newest, last] = *known->second.rbegin();
    const std::uint64_t session = fields.number("session").value_or(0);
    if (session == 0 && last.stopped && last.code == exit_code::ok) {
        return;
    }
    Program& program = known->second[session == 0 ? newest : session];
    program.stopped = true;
    program.code = fields.number("code").value_or(0);
    if (program.code == exit_code::ok && program.final.empty()) {
        violations_.add(time, node, one_final,
                        "ends with success but without the final model of any run");
    }
}

void RoundCheck::on_observed(SwarmTime time, const NodeId& node, const EventFields& fields) {
    violations_.add(time, node, belongs,
                    "process '" + std::string(fields.text("process")) + "' " +
                        std::string(fields.text("wrong")));
}

void RoundCheck::on_healed(SwarmTime time, const NodeId&, const EventFields& fields) {
    healed_ = time;
    round_limit_ = std::chrono::milliseconds(fields.number("round_limit_ms").value_or(60'000));
    round_due_ = time + round_limit_;
}

void RoundCheck::on_time(SwarmTime time) {
    if (round_due_ && time > *round_due_) {
        violations_.add(time, {"swarm"}, rounds_end,
                        "no round is committed for " + seconds_text(round_limit_) +
                            " although all faults are healed; the last one was " +
                            (commits_.empty() ? "none"
                                              : round_text(std::get<0>(commits_.rbegin()->first),
                                                           std::get<1>(commits_.rbegin()->first),
                                                           std::get<2>(commits_.rbegin()->first))));
        round_due_.reset();
    }
}

/// Whether the members joined the next run, and this one had no model, since they were gone before
/// its first round, or none that anybody sends.
bool RoundCheck::may_be_aborted(const std::string& contract, std::uint64_t run) const {
    const auto commit = commits_.lower_bound(RoundOf{contract, run, 0});
    const bool any = commit != commits_.end() && std::get<0>(commit->first) == contract &&
                     std::get<1>(commit->first) == run;
    return (!any || missing_model_.contains(std::pair(contract, run))) &&
           ends_.contains(std::pair(contract, run + 1));
}

void RoundCheck::check_end(SwarmTime time) {
    if (ends_.empty()) {
        violations_.add(time, {"swarm"}, rounds_end, "the training does not end");
    }
    for (const auto& [key, end] : ends_) {
        if (!end.complete && !may_be_aborted(key.first, key.second)) {
            violations_.add(
                end.time, end.by, rounds_end,
                "'" + key.first + "' run " + std::to_string(key.second) + " is aborted");
        }
    }
    for (const auto& [ml, starts] : programs_) {
        const Program& program = starts.rbegin()->second;
        if (!program.stopped || program.code != exit_code::ok) {
            violations_.add(time, ml, rounds_end,
                            program.stopped ? "has ended with code " + std::to_string(program.code)
                                            : "has not ended " + seconds_text(time - *healed_) +
                                                  " after all faults were healed");
        }
    }
}

bool RoundCheck::check_final(SwarmTime time, SwarmTime complete_until, const NodeId& ml,
                             const Program& program) {
    // Whether a restored commit was the final one is not seen.
    if (program.final.empty() || finals_.contains(program.final) ||
        restored_.contains(program.final)) {
        return true;
    }
    if (!can_be_judged(program.final_at, complete_until)) {
        return false;
    }
    if (!incomplete_ || !finals_.empty()) {
        violations_.add(time, ml, one_final,
                        "has the final model " + brief(program.final) + ", the ledger " +
                            (finals_.empty() ? "none" : brief(*finals_.rbegin())));
    }
    return true;
}

std::uint64_t RoundCheck::finish(SwarmTime time, SwarmTime complete_until) {
    on_time(time);
    std::uint64_t not_judged = 0;
    for (const Continued& one : undecided_) {
        if (is_committed(one)) {
            continue;  // its commit was seen later
        }
        if (can_be_judged(one.time, complete_until)) {
            check_continued(one);
        } else {
            ++not_judged;
        }
    }
    for (const auto& [ml, starts] : programs_) {
        for (const auto& [session, program] : starts) {
            not_judged += check_final(time, complete_until, ml, program) ? 0U : 1U;
        }
    }
    if (healed_) {
        check_end(time);
    }
    return not_judged;
}

}  // namespace starling
