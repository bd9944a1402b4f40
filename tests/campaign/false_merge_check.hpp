#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "core/check/violation.hpp"
#include "core/trace/event_fields.hpp"
#include "core/wire/messages.hpp"

namespace starling::test {

/// Judges merges in a swarm of which one member, the liar, sends some others wrong merged segments,
/// so that honest members may merge an attempt to different digests. In place of RoundCheck's "one
/// merge per attempt":
///  - all honest members to which the liar has sent no wrong segment in an attempt merge it to one
///    digest, and a round is committed with a digest that an honest member has merged it to;
///  - an honest member with another digest gets the committed model and, before it goes on, names
///    who sent it the wrong bytes: the liar, or a member that was misled itself;
///  - when it has merged another round, the liar is kept apart from it, or is named by its own
///    report;
///  - in the rounds after that the liar misleads nobody, as long as somebody else may merge.
/// That members continue from committed models only is judged by RoundCheck as always.
class FalseMergeCheck {
public:
    explicit FalseMergeCheck(NodeId liar) : liar_(std::move(liar)) {}

    /// The liar sends `to` a wrong merged segment.
    void on_sent(const RoundKey& key, std::uint32_t segment, const NodeId& to) {
        wrong_segments_of(key).insert({segment, to});
    }
    /// An honest member sends `to` a merged segment, which may be one that it was sent.
    void on_relayed(const RoundKey& key, std::uint32_t segment, const NodeId& from,
                    const NodeId& to) {
        auto& wrong = wrong_segments_of(key);
        if (wrong.contains({segment, from})) {
            wrong.insert({segment, to});
        }
    }
    /// \param node  an honest one
    void report(SwarmTime time, const NodeId& node, const TraceEvent& event);

    const Violations& violations() const { return violations_; }
    /// Rounds in which an honest member was misled, named who did it, and went on.
    std::uint64_t repaired() const { return repaired_; }

private:
    using WrongSegments = std::set<std::pair<std::uint32_t, NodeId>>;  ///< and who was sent them
    struct Attempt {
        bool was_sent_wrong(const NodeId& node) const;

        WrongSegments wrong;
        std::map<NodeId, std::string> digests;  ///< of honest members
        std::set<std::string> early;            ///< of those that merged it before it was frozen
    };
    struct Commit {
        std::uint32_t attempt = 0;
        std::string digest;
    };
    /// What a start of a member has merged last, and said about that.
    struct Member {
        std::optional<RoundKey> merged;
        std::string digest;
        bool deviates = false;         ///< it has said so
        std::set<NodeId> named;        ///< for the segments that differ
        bool waits_for_proof = false;  ///< the liar is not named by the ledger yet
    };

    WrongSegments& wrong_segments_of(RoundKey key) {
        key.early = false;  // traces and commits name the attempt that follows
        return attempts_[key].wrong;
    }
    void on_merged(SwarmTime time, const NodeId& node, const EventFields& fields);
    void on_committed(SwarmTime time, const NodeId& sn, const EventFields& fields);
    void on_named(SwarmTime time, const NodeId& node, const EventFields& fields);
    void on_caught_up(SwarmTime time, const NodeId& node, const EventFields& fields);
    void on_kept_apart(const EventFields& fields);
    void check_proof(SwarmTime time, const NodeId& node, Member& member);
    void check_misled_after_proof(SwarmTime time, const NodeId& sn, const RoundKey& key);
    bool is_apart(const NodeId& node, const NodeId& other) const;
    bool is_apart_from_any(const NodeId& node) const;
    /// The commit of that very attempt; nullptr: another one was committed, or none.
    const Commit* commit_of(const RoundKey& key) const;
    static RoundKey round_of(RoundKey key) {
        key.attempt = 0;
        return key;
    }

    NodeId liar_;
    Violations violations_;
    std::map<RoundKey, Attempt> attempts_;
    std::map<RoundKey, Commit> commits_;  ///< by round_of()
    std::map<NodeId, Member> members_;
    std::map<std::pair<NodeId, NodeId>, Round> apart_;  ///< and the open round at that time
    std::set<Round> liar_deviated_in_;
    Run run_ = 0;
    Round open_round_ = 0;
    std::uint64_t repaired_ = 0;
};

}  // namespace starling::test
