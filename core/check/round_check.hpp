#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "core/check/lost_commits.hpp"
#include "core/check/violation.hpp"
#include "core/trace/event_fields.hpp"

namespace starling {

/// Checks that the swarm agrees on its models and terminates. Safety: one commit per round, the
/// same merge at every member, members continue from committed models only. Liveness, after the
/// event that all faults are healed: rounds end, and the training ends with one final model.
/// Memory: a short record for each round and each start of a node.
///
/// Two starts of one ML node that run at the same time (its workspace was copied) are distinguished
/// by the session of their SL. Safety holds for each of them: it trains from committed models only,
/// and its final model is the ledger's. The newest one that took part must end with success. An
/// older one may continue until it learns that it was replaced; once faults are healed and the time
/// limit of a round has passed, it must have ended.
class RoundCheck {
public:
    RoundCheck(Violations& violations, SwarmDuration clock_error)
        : violations_(violations), clock_error_(clock_error) {}

    void on_merged(SwarmTime time, const NodeId& sl, const EventFields& fields);
    void on_committed(SwarmTime time, const NodeId& sn, const EventFields& fields);
    void on_ended(SwarmTime time, const NodeId& sn, const EventFields& fields);
    /// Nobody sends the run's newest model: its operator may end it, and begin the next one.
    void on_model_missing(const EventFields& fields);
    /// A member continues from a committed model.
    void on_continued(SwarmTime time, const NodeId& node, const EventFields& fields);
    void on_sync_begin(SwarmTime time, const NodeId& ml, const EventFields& fields);
    void on_sync_end(SwarmTime time, const NodeId& ml, const EventFields& fields);
    void on_sync_committed(SwarmTime time, const NodeId& ml, const EventFields& fields);
    void on_stopped(SwarmTime time, const NodeId& node, const EventFields& fields);
    /// The harness has seen a process run or end that must not.
    void on_observed(SwarmTime time, const NodeId& node, const EventFields& fields);
    /// From now on there are no faults.
    void on_healed(SwarmTime time, const NodeId& node, const EventFields& fields);
    /// To be called for each event: checks whether a round is overdue.
    void on_time(SwarmTime time);
    /// See HistoryCheck.
    void set_incomplete(bool incomplete) { incomplete_ = incomplete; }
    /// Takes a lost commit for one of the next round, with the model from which a member continues
    /// first. To be called before finish(). \return  what was done so, in words.
    std::vector<std::string> restore(const std::vector<LostCommit>& lost);
    /// \param complete_until  until this time the traces contain all entries that the SNs applied:
    /// the end of a trace is missing while its SN runs, and if it was killed.
    /// \return  number of later events, which are not judged.
    std::uint64_t finish(SwarmTime time, SwarmTime complete_until);

    std::uint64_t rounds() const { return commits_.size(); }

private:
    using RoundOf = std::tuple<std::string, std::uint64_t, std::uint64_t>;  // contract, run, round
    struct Committed {
        std::uint64_t attempt = 0;
        std::string digest;
        std::uint64_t members = 0;
        bool final = false;
        NodeId by;  ///< the first SN that reported it
    };
    struct Merged {
        std::string digest;
        NodeId by;
    };
    /// One start of an ML node.
    struct Program {
        bool took_part = false;  ///< it has started a sync
        bool has_model = false;  ///< in this start
        bool waits = false;      ///< it is in a sync
        /// Digest of the model that it has, if it does not know that to be committed. Else empty.
        std::string uncommitted;
        bool stopped = false;
        std::uint64_t code = 0;
        std::string final;  ///< digest of the final model that it got
        SwarmTime final_at{};
    };
    /// A member has continued from this model.
    struct Continued {
        SwarmTime time;
        NodeId node;
        std::uint64_t round = 0;
        std::string digest;
    };
    struct Ended {
        SwarmTime time;
        NodeId by;
        bool complete = false;
    };

    using Starts = std::map<std::uint64_t, Program>;  ///< of one node, by session

    bool is_committed(const Continued& one) const {
        const auto known = digests_.find(one.round);
        return known != digests_.end() && known->second.contains(one.digest);
    }
    std::set<std::string> contracts_of(std::uint64_t run) const;
    /// The attempt that was lost, if the model may be that of the round that follows the committed
    /// ones.
    std::optional<std::uint64_t> lost_attempt(const RoundOf& round,
                                              const std::string& digest) const;
    bool restore(const LostCommit& lost, const Continued& one);

    /// On an event of the start `session` of an ML node.
    void check_older_starts(SwarmTime time, const NodeId& ml, std::uint64_t session);
    std::string committed_text(std::uint64_t round) const;
    bool can_be_judged(SwarmTime time, SwarmTime complete_until) const {
        return clock_error_ == SwarmDuration{0} || time + clock_error_ < complete_until;
    }
    void check_continued(const Continued& one);
    /// Checks that its final model is the ledger's. False: this can't be judged.
    bool check_final(SwarmTime time, SwarmTime complete_until, const NodeId& ml,
                     const Program& program);
    void check_end(SwarmTime time);
    bool may_be_aborted(const std::string& contract, std::uint64_t run) const;

    Violations& violations_;
    SwarmDuration clock_error_;
    std::map<RoundOf, Committed> commits_;
    std::map<std::uint64_t, std::set<std::string>> digests_;  ///< committed, by round
    std::map<std::pair<RoundOf, std::uint64_t>, Merged> merges_;
    std::map<std::pair<std::string, std::uint64_t>, Ended> ends_;    ///< by contract and run
    std::set<std::pair<std::string, std::uint64_t>> missing_model_;  ///< contract and run
    std::map<NodeId, Starts> programs_;
    std::vector<Continued> undecided_;  ///< their commits may still appear in the trace
    std::set<std::string> finals_;
    std::set<std::string> restored_;  ///< digests of commits that restore() has added
    bool incomplete_ = false;
    std::optional<SwarmTime> healed_;
    SwarmDuration round_limit_{0};
    std::optional<SwarmTime> round_due_;
};

}  // namespace starling
