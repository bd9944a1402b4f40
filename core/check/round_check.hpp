#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "core/check/violation.hpp"
#include "core/trace/event_fields.hpp"

namespace starling {

/// Does the swarm agree on its models and come to an end? One commit a round, the same merge at
/// every member, members that go on from committed models only; and after the mark that all is well
/// again, rounds that end and a training that ends with one final model. Memory: a short record
/// for each round and each start of a node.
///
/// Two starts of one ML node that live at a time (its workspace was copied) are told apart by the
/// session of their SL. What holds for a program holds for each of them: it trains from committed
/// models only, and a final model is the ledger's. The newest one that took part must end well. An
/// older one may go on until it is told that it was replaced; once all is well again and the time
/// of a round has passed, it must have ended.
class RoundCheck {
public:
    RoundCheck(Violations& violations, SwarmDuration clock_error)
        : violations_(violations), clock_error_(clock_error) {}

    void on_merged(SwarmTime time, const NodeId& sl, const EventFields& fields);
    void on_committed(SwarmTime time, const NodeId& sn, const EventFields& fields);
    void on_ended(SwarmTime time, const NodeId& sn, const EventFields& fields);
    /// A member says which committed model it goes on from.
    void on_went_on(SwarmTime time, const NodeId& node, const EventFields& fields);
    void on_sync_begin(SwarmTime time, const NodeId& ml, const EventFields& fields);
    void on_sync_end(SwarmTime time, const NodeId& ml, const EventFields& fields);
    void on_stopped(SwarmTime time, const NodeId& node, const EventFields& fields);
    /// Whoever looks after the processes saw one run or end that must not.
    void on_observed(SwarmTime time, const NodeId& node, const EventFields& fields);
    /// From now on nothing fails any more.
    void on_healed(SwarmTime time, const NodeId& node, const EventFields& fields);
    /// Each event: is a round overdue?
    void on_time(SwarmTime time);
    /// There are entries that no trace tells of.
    void set_silence(bool silence) { silence_ = silence; }
    /// \param told_until  up to here the traces tell all that the SNs applied: the end of a trace
    /// is missing while its SN runs, and when it was killed.
    /// \return  how much came later and is not judged.
    std::uint64_t finish(SwarmTime time, SwarmTime told_until);

    std::uint64_t rounds() const { return commits_.size(); }

private:
    using RoundOf = std::tuple<std::string, std::uint64_t, std::uint64_t>;  // contract, run, round
    struct Committed {
        std::uint64_t attempt = 0;
        std::string digest;
        std::uint64_t members = 0;
        bool final = false;
        NodeId by;  ///< the first SN that said so
    };
    struct Merged {
        std::string digest;
        NodeId by;
    };
    /// One start of an ML node.
    struct Program {
        bool took_part = false;  ///< it has begun a sync
        bool has_model = false;  ///< a committed one, in this start
        bool waits = false;      ///< for the end of a sync
        bool stopped = false;
        std::uint64_t code = 0;
        std::string final;  ///< digest of the final model that it got
        SwarmTime final_at{};
    };
    struct WentOn {
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

    void note_speaks(SwarmTime time, const NodeId& ml, std::uint64_t session);
    std::string committed_text(std::uint64_t round) const;
    bool can_be_judged(SwarmTime time, SwarmTime told_until) const {
        return clock_error_ == SwarmDuration{0} || time + clock_error_ < told_until;
    }
    void check_went_on(const WentOn& one);
    /// Is its final model the ledger's? False: that can't be judged.
    bool check_final(SwarmTime time, SwarmTime told_until, const NodeId& ml,
                     const Program& program);
    void check_end(SwarmTime time);
    bool lost_nothing(const std::string& contract, std::uint64_t run) const;

    Violations& violations_;
    SwarmDuration clock_error_;
    std::map<RoundOf, Committed> commits_;
    std::map<std::uint64_t, std::set<std::string>> digests_;  ///< committed, by round
    std::map<std::pair<RoundOf, std::uint64_t>, Merged> merges_;
    std::map<std::pair<std::string, std::uint64_t>, Ended> ends_;  ///< by contract and run
    std::map<NodeId, Starts> programs_;
    std::vector<WentOn> open_;  ///< their commits may still come
    std::set<std::string> finals_;
    bool silence_ = false;
    std::optional<SwarmTime> healed_;
    SwarmDuration round_limit_{0};
    std::optional<SwarmTime> round_due_;
};

}  // namespace starling
