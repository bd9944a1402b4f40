#pragma once

#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "core/check/swarm_checker.hpp"
#include "tests/campaign/false_merge_check.hpp"

namespace starling::test {

/// Passes each event to the checker, and notes what the campaign itself needs.
class CampaignTrace final : public TraceSink {
public:
    /// \param file  empty: not written. \param hash  whether to hash the text of all events.
    CampaignTrace(const std::string& file, bool hash) : hashing_(hash) {
        if (!file.empty()) {
            file_ = std::make_unique<std::ofstream>(file, std::ios::binary);
        }
    }

    void report(SwarmTime time, const NodeId& node, const TraceEvent& event) override {
        if (hashing_ || file_ != nullptr) {
            const std::string line = trace_line(time, node, event);
            for (const char c : line) {
                hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 1099511628211ULL;  // FNV-1a
            }
            if (file_ != nullptr) {
                *file_ << line << '\n';
                if (!event.text.empty()) {
                    *file_ << "# " << node.name << ": " << event.text << '\n';
                }
            }
        }
        if (not_believed.contains(node) || is_false_ok(node, event)) {
            return;
        }
        if (false_merges) {
            false_merges->report(time, node, event);
        }
        if (!false_merges || event.name != "exchange_done") {
            checker.report(time, node, event);
        }
        if (event.name == "leader_elected") {
            leader = node;
        } else if (event.name == "model_missing") {
            missing_model = EventFields(event).number("round");
        } else if (event.name == "sync_end") {
            const std::uint64_t session = EventFields(event).number("session").value_or(0);
            last_sync_end[{node, session}] = time;
        } else if (event.name == "round_committed") {
            note_commit(EventFields(event));
        } else if (event.name == "merge_reported") {
            const EventFields fields(event);
            reports[std::string(fields.text("digest"))].insert({std::string(fields.text("node"))});
        } else if (const std::string_view early = EventFields(event).text("merged");
                   event.name == "checked_in" && !early.empty()) {
            reports[std::string(early)].insert({std::string(EventFields(event).text("node"))});
        } else if (event.name == "exchange_done" || event.name == "merged_early") {
            merged_at[{node, std::string(EventFields(event).text("digest"))}] = time;
        }
    }

    SwarmChecker checker;
    NodeId leader;  ///< elected last
    /// Nodes whose events are recorded, but not judged. A hostile SN's own log is valid: it lies in
    /// what it sends.
    std::set<NodeId> not_believed;
    /// Node, session and sequence of commands that the hostile SN accepted and kept to itself. The
    /// ledger may have them later, from another SN.
    std::set<std::tuple<NodeId, std::uint64_t, std::uint64_t>> false_oks;
    /// A hostile member sends some members other merged segments than others get, so that honest
    /// members merge to different digests: this judges their merges in place of the checker.
    std::optional<FalseMergeCheck> false_merges;
    Violations of_contributions;  ///< see WatchedMember
    /// By ML node and session of its SL, since two processes of one ML may run.
    std::map<std::pair<NodeId, std::uint64_t>, SwarmTime> last_sync_end;
    std::map<std::uint64_t, std::string> digests;     ///< committed, by round
    std::string newest_digest;                        ///< of the newest commit
    std::map<std::string, std::set<NodeId>> reports;  ///< by digest: who has merged to it
    /// By SL and digest: when it merged to that last. An SN that restarts reports its log again.
    std::map<std::pair<NodeId, std::string>, SwarmTime> merged_at;
    /// Of the newest line that says that nobody sends the model of a round.
    std::optional<std::uint64_t> missing_model;
    std::uint64_t hash() const { return hash_; }

private:
    bool is_false_ok(const NodeId& node, const TraceEvent& event) const {
        if (false_oks.empty() || event.name != "command_answered") {
            return false;
        }
        const EventFields fields(event);
        return false_oks.contains(
            {node, fields.number("session").value_or(0), fields.number("sequence").value_or(0)});
    }
    void note_commit(const EventFields& fields) {
        const std::uint64_t round = fields.number("round").value_or(0);
        digests[round] = fields.text("digest");
        const std::pair commit(fields.number("run").value_or(0), round);
        if (commit >= newest_) {
            newest_ = commit;
            newest_digest = fields.text("digest");
        }
    }

    std::pair<std::uint64_t, std::uint64_t> newest_;  ///< run and round of the newest commit
    bool hashing_;
    std::uint64_t hash_ = 14695981039346656037ULL;
    std::unique_ptr<std::ofstream> file_;
};

}  // namespace starling::test
