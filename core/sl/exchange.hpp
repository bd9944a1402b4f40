#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/heap_optional.hpp"
#include "core/base/lazy_container.hpp"
#include "core/base/node_set.hpp"
#include "core/merge/plan.hpp"
#include "core/node/node.hpp"
#include "core/node/outbox.hpp"
#include "core/params/segment_set.hpp"
#include "core/sl/kept_contributions.hpp"
#include "core/sl/merged_segments.hpp"
#include "core/sl/own_contribution.hpp"
#include "core/sl/round_plan.hpp"
#include "core/sl/served_segments.hpp"
#include "core/sl/shared_rounds.hpp"

namespace starling {

/// Members that may send to an owner at once: bounds incast, the same in a simulation and on hosts.
constexpr std::size_t fan_in_window = 64;
/// Contributions that an owner requests ahead of its merges, but those of two segments at least: at
/// the centre of a star the members' models would otherwise be in memory all at once.
constexpr std::uint64_t contribution_window_bytes = std::uint64_t{64} * 1024 * 1024;
/// A partner is sent its first probe after this time without a segment; in a large swarm times
/// heartbeat_interval_factor().
constexpr SwarmDuration first_probe_timeout = std::chrono::seconds(5);

/// What an exchange needs of its setup until it ends.
struct ExchangeTerms {
    RoundKey key;
    MemberList members;  ///< this one among them
    MergeMethod method;
    bool early = false;  ///< its messages say so: see RoundKey and may_have_begun_early()
    bool frozen = true;  ///< false: `members` are expected_members()
    NonFinitePolicy non_finite = NonFinitePolicy::refuse;
    Durability durable = Durability::all;
    bool stores_later = false;      ///< once RoundExchange::store_merged() is called
    bool in_arrival_order = false;  ///< see SlNodeOptions::PlantedFaults
    /// Of this attempt at this node: of its work (WorkId) and the segments it sends (SendGroup).
    std::uint32_t serial = 0;
    SwarmDuration limit = std::chrono::hours(24);  ///< see attempt_limit()
    // Of the round; must outlive the exchange, as `own`.
    KeptContributions* kept = nullptr;
};

struct ExchangeSetup : ExchangeTerms {
    NodeId self;
    std::vector<NodeId> departed;  ///< see ContractView
    std::shared_ptr<const ParamLayout> layout;
    ExchangePlan exchange = ExchangePlan::automatic;
    CompressionMethod compression;
    OwnContribution* own = nullptr;        ///< of `layout` and `compression`
    std::shared_ptr<SharedRounds> shared;  ///< nullptr: the plan is made anew
};

/// One attempt at a round at one member: which segments it has, still needs, and still has to send.
/// The side that needs a segment requests it, so a transfer resumes after a broken connection.
/// Nothing is requested twice on one connection, unless a probe (see FetchProbe) shows that it was
/// lost.
class Exchange {
public:
    explicit Exchange(const ExchangeSetup& setup);

    const RoundKey& key() const { return setup_.key; }
    /// As messages of this attempt have it.
    RoundKey wire_key() const {
        RoundKey key = setup_.key;
        key.early = setup_.early;
        return key;
    }
    const MergePlan& plan() const { return plan_->merge; }
    std::uint64_t model_bytes() const { return layout().size_bytes(); }
    Durability durable() const { return setup_.durable; }
    const MemberList& members() const { return setup_.members; }
    /// The members that this one exchanges with, as indices, ascending: all if it owns a segment,
    /// else the owners and, in a tree, those of its group that pass on segments.
    const std::vector<std::uint32_t>& partners() const { return partners_; }

    /// The attempt that has begun early is frozen. Partners are waited for from now on.
    ///
    /// \pre merge_alike(frozen, members())
    void freeze(SwarmTime now, const MemberList& frozen);
    bool frozen() const { return setup_.frozen; }
    /// Requests missing segments from every connected partner.
    void start(SwarmTime now, const NodeSet& up, Outbox& out);
    void on_peer_up(SwarmTime now, const NodeId& peer, Outbox& out);
    void on_peer_lost(const NodeId& peer);
    /// For the current attempt; the node has matched the key.
    void on_fetch(const NodeId& from, const FetchSegments& fetch, Outbox& out);
    /// Accepts a segment. An error (wrong sender, index or encoding): it is dropped.
    ///
    /// \return  false: it is dropped, since it is a merged segment with NaN or infinity, which the
    ///     contract refuses; the sender still owes it.
    Result<bool> on_segment(SwarmTime now, const NodeId& from, const SegmentData& data, Blob body,
                            Outbox& out);
    void on_merged(SwarmTime now, const MergeResult& result, Outbox& out);
    /// \pre probe.key == wire_key()
    void on_probe(const NodeId& from, const FetchProbe& probe, Outbox& out) const;
    /// Requests again what the reply shows to be lost.
    void on_probe_reply(SwarmTime now, const NodeId& from, const FetchProbeReply& reply,
                        Outbox& out);
    /// Partial segments count as progress: at 32 kbit/s a whole one takes a minute.
    void on_arrivals(SwarmTime now, const Arrivals& arrivals);
    /// After some time without a segment: sends a probe and measures partial arrivals.
    void on_tick(SwarmTime now, Outbox& out);

    /// Partners with missing segments of which not one byte came for too long, whatever the
    /// reason; once the attempt's limit is over, all with missing segments.
    ///
    /// \param limit  for a partner of which nothing has come yet. For another one the limit follows
    ///     from its own rate so far, between half a minute and ten minutes.
    /// \param refused_by  partners that refuse the connection: they get 5 s at most.
    std::vector<Stall> stalls(SwarmTime now, SwarmDuration limit,
                              const std::set<NodeId>& refused_by) const;
    TransferProgress transfer() const;

    /// Who merged the segment of this attempt or, in a tree, passed it on to this node.
    const NodeId& source_of(std::uint32_t segment) const {
        return setup_.members[owned(segment) ? self_ : plan().source_of(segment, self_)].id;
    }
    /// The members at those places among a segment's contributions.
    std::vector<NodeId> contributors_at(const std::vector<std::uint32_t>& places) const;
    bool complete() const { return merged_.complete(); }
    const Segments& merged() const { return merged_.values(); }
    /// \pre complete()
    void share_merged(SharedRounds& shared) { merged_.share(shared); }
    /// The segments of merged() that are there since the last call.
    std::vector<std::uint32_t> take_new_merged() { return merged_.take_new(); }

    struct Traffic {
        std::uint64_t sent_bytes = 0;      ///< bodies handed to the transport
        std::uint64_t received_bytes = 0;  ///< bodies taken
    };
    const Traffic& traffic() const { return traffic_; }
    /// The parts of `received_bytes` by partner, "sl2:4096,sl3:512": the 32 that sent most, in the
    /// order of their names, and the sum of all others as "*:BYTES".
    std::string received_from() const;
    /// From whom most bytes have come, for a heartbeat.
    std::vector<Sender> senders() const;

private:
    /// At most `count` of the members that have sent anything, with their bytes, in order of
    /// members.
    std::vector<std::pair<std::uint32_t, std::uint64_t>> largest_senders(std::size_t count) const;

    struct Partner {
        /// Segments that are still needed of it, and how long they have been waited for.
        struct Needed {
            SegmentSet contributions;   ///< for segments owned here
            SegmentSet merged;          ///< which it owns or passes on
            SwarmTime waiting_since{};  ///< when they were first requested
            SwarmTime last_segment{};   ///< when one came last; or the last probe or new connection
            SwarmTime last_progress{};  ///< when bytes came last; at first waiting_since
        };
        HeapOptional<Needed> needed;  ///< nothing: none, as of half of the partners in a tree
        /// What it was sent, see note_served(): segments of the own parameters and, counted on
        /// behind all of these, merged ones; those too that it has requested, not merged yet.
        SegmentSet served;
        std::uint64_t bytes = 0;  ///< of its segments that have come
        /// What most partners never need: an owner in a large swarm has 100,000 of them.
        struct Rare {
            /// Bytes that had come, and of the segment that was arriving, at the freeze.
            std::uint64_t bytes_at_freeze = 0;
            std::uint64_t partial_bytes = 0;     ///< of the segment that is arriving
            std::uint32_t probe = 0;             ///< serial of the newest
            std::uint32_t probe_at_request = 0;  ///< `probe` at the last request for segments
            RepeatedSegments repeats;            ///< of the own parameters
            RepeatedSegments repeats_merged;     ///< of merged segments
        };
        HeapOptional<Rare> rare;      ///< nothing: all zero
        std::uint32_t requested = 0;  ///< merged segments that it requested, not merged yet
        std::uint8_t probes = 0;      ///< sent in a row, without a segment: see probe_timeout()
        bool up : 1 = false;
        bool in_window : 1 = false;  ///< may send contributions: see fan_in_window
        bool sending : 1 = false;    ///< is counted in sending_
        bool queued : 1 = false;     ///< may be asked for them once others have sent theirs

        const SegmentSet& contributions() const {
            return needed ? needed->contributions : no_segments();
        }
        const SegmentSet& merged() const { return needed ? needed->merged : no_segments(); }
        /// Once all have come, none is needed again in this attempt.
        void forget_if_complete() {
            if (contributions().empty() && merged().empty()) {
                needed.reset();
            }
        }
        void note_segment(SwarmTime now) {
            if (needed) {
                needed->last_segment = now;
            }
        }
        static const SegmentSet& no_segments() {
            static const SegmentSet none;
            return none;
        }
        std::uint64_t partial_bytes() const { return rare ? rare->partial_bytes : 0; }
        /// Bytes that came while it was waited for; 0: it has no rate yet.
        std::uint64_t bytes_awaited() const {
            const std::uint64_t all = bytes + partial_bytes();
            const std::uint64_t before = rare ? rare->bytes_at_freeze : 0;
            return all > before ? all - before : 0;
        }
    };
    struct Assembly {
        std::vector<Blob> contributions;     ///< one for each contributor, in order
        std::vector<std::uint32_t> weights;  ///< of each
        std::size_t present = 0;
    };

    const SegmentCodec& codec() const { return own_.codec(); }
    const ParamLayout& layout() const { return *codec().layout(); }
    bool owned(std::uint32_t segment) const { return plan().owner_of[segment] == self_; }
    const std::vector<std::uint32_t>& contributors() const { return plan_->contributors; }
    /// Of this member, ascending.
    const std::vector<std::uint32_t>& owned_segments() const { return plan_->owned_by(self_); }
    void set_missing();
    const NodeId& id_of(std::uint32_t member) const { return setup_.members[member].id; }
    /// Time without a segment until the next probe.
    SwarmDuration probe_timeout(const Partner& partner) const;
    /// In partners_ and states_; their size: `node` is not a partner.
    std::size_t place_of(const NodeId& node) const;
    const NodeId& id_at(std::size_t place) const { return id_of(partners_[place]); }
    /// \pre `member` is a partner
    Partner& state_of(std::uint32_t member);
    void note_window(Partner& partner);
    void request_within_window(SwarmTime now, Outbox& out);
    void begin_waiting(SwarmTime now);
    static void resume_waiting(SwarmTime now, Partner& partner);
    bool open_window(Outbox& out);
    /// Whether contributions of it are needed now: of segments within the window.
    bool contributes(const Partner& partner) const {
        return !partner.contributions().empty() &&
               partner.contributions().front() < contributions_below_;
    }
    bool awaits(const Partner& partner) const {
        return !partner.merged().empty() || (partner.in_window && contributes(partner));
    }
    void request_missing(SwarmTime now, const NodeId& peer, Partner& partner, Outbox& out) const;
    void send_fetch(const NodeId& to, Partner& partner, SegmentKind kind, Outbox& out,
                    std::uint32_t from = 0) const;
    void note_progress(SwarmTime now, Partner& partner);
    void set_partial(Partner& partner, std::uint64_t bytes);
    /// Bytes on the wire, at most.
    std::uint64_t missing_bytes(const SegmentSet& segments, SegmentKind kind) const;
    static SwarmDuration stall_timeout(const Partner& partner, SwarmDuration without_rate);
    /// Counts one more copy of the segment to that partner. \return  false: the limit is reached.
    bool note_served(Partner& partner, SegmentKind kind, std::uint32_t segment) const;
    /// In Partner::served.
    std::uint32_t served_place(SegmentKind kind, std::uint32_t segment) const {
        const bool merged = kind == SegmentKind::merged;
        return segment + (merged ? static_cast<std::uint32_t>(merged_.size()) : 0U);
    }
    void send_segment(const NodeId& to, SegmentKind kind, std::uint32_t segment, const Blob& body,
                      Outbox& out);
    void contribute_own(std::uint32_t segment, Outbox& out);
    void contribute(std::uint32_t segment, std::size_t contributor, Blob body, Outbox& out);
    void store_merged(std::uint32_t segment, Blob values, Blob encoded, Outbox& out);

    ExchangeTerms setup_;
    OwnContribution& own_;
    std::shared_ptr<const RoundPlan> plan_;
    std::uint32_t self_ = 0;                 ///< index of this member
    std::uint32_t contributions_below_ = 0;  ///< end of the window of segments
    std::uint32_t open_ = 0;                 ///< owned segments in it that are not merged
    std::uint32_t sending_ = 0;              ///< partners that were asked for contributions
    std::uint32_t queued_from_ = 0;          ///< no partner before this one is queued
    std::vector<std::uint32_t> partners_;
    std::vector<Partner> states_;  ///< of partners_, in their order
    /// Of owned segments; see contribute().
    LazyContainer<std::map<std::uint32_t, Assembly>> assemblies_;
    MergedSegments merged_;
    std::uint64_t expected_bytes_ = 0;  ///< to be received in this attempt
    std::uint64_t partial_bytes_ = 0;   ///< of all partners
    std::uint64_t progress_bytes_ = 0;  ///< the most that was here at a time
    SwarmTime measured_at_{};
    SwarmTime began_at_{};
    Traffic traffic_;
};

}  // namespace starling
