#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/base/heap_optional.hpp"
#include "core/sl/committed_model.hpp"
#include "core/sl/deviation.hpp"
#include "core/sl/exchange.hpp"
#include "core/sl/merged_model.hpp"
#include "core/sl/work_id.hpp"

namespace starling {

/// This node's attempts at rounds, one after the other: the exchange of the current one, and what
/// follows once it is complete. The merged model is hashed and written while it arrives, made
/// durable once it is complete (where the program does not wait for the commit, once that has it),
/// and reported: only then, so that a committed model is on the disk
/// of every member, or already before if the contract's Durability allows that. Reports also wait
/// for the program's state, which goes with the model.
class RoundExchange {
public:
    /// \param session         of this start of the node
    /// \param shared, hasher  must outlive this
    RoundExchange(NodeId self, std::uint64_t session, std::shared_ptr<const NodeSigner> signer,
                  SharedRounds& shared, const Hasher& hasher)
        : self_(std::move(self)), services_{session, std::move(signer), shared, hasher} {}

    /// The running exchange; nullptr: there is none.
    const Exchange* running() const { return exchange_.get(); }
    /// Whether it is of this attempt, and frozen.
    bool is_on(const RoundKey& key) const { return is_of(key) && exchange_->frozen(); }
    /// Whether it has begun early, and is of this attempt.
    bool awaits_freeze(const RoundKey& key) const { return is_of(key) && !exchange_->frozen(); }
    /// Of the newest attempt, counted from 1.
    std::uint32_t serial() const { return serial_; }

    /// Begins an attempt, and answers what was requested for it before this node knew of it.
    ///
    /// \pre !running()
    /// \param setup  without `serial`, `own` and `kept`.
    void begin(SwarmTime now, OwnParameters own, ExchangeSetup setup, const NodeSet& up,
               Outbox& out);
    /// An attempt is frozen.
    ///
    /// \param key   of the view's attempt
    /// \return  true: it is the one that has begun early, and goes on; false: it is another one.
    bool freeze(SwarmTime now, const RoundKey& key, const ContractView& view, Outbox& out);
    /// The attempt is over. Cancels queued segments, which nobody needs any more.
    void end(Outbox& out);

    void on_peer_up(SwarmTime now, const NodeId& peer, Outbox& out);
    void on_peer_lost(const NodeId& peer);
    void on_tick(SwarmTime now, Outbox& out);
    void on_arrivals(SwarmTime now, const Arrivals& arrivals);
    /// \return false: the request is not for the current attempt.
    bool on_fetch(const NodeId& from, const FetchSegments& fetch, Outbox& out);
    /// A request for an attempt of this run that is not the current one. If that attempt is later,
    /// the request is stored, and served when the attempt begins.
    void defer_fetch(const NodeId& from, const FetchSegments& fetch);
    /// \return false: as above.
    bool on_probe(const NodeId& from, const FetchProbe& probe, Outbox& out) const;
    void on_probe_reply(SwarmTime now, const NodeId& from, const FetchProbeReply& reply,
                        Outbox& out);
    /// \return the sender, if the segment is a merged one with NaN or infinity, which the contract
    ///     refuses.
    std::vector<NodeId> on_segment(SwarmTime now, const NodeId& from, const SegmentData& data,
                                   const Blob& body, Outbox& out);

    /// Whether the work is of the current attempt.
    bool awaits(const WorkId& work) const { return exchange_ && work.serial == serial_; }
    // All of these: \pre awaits() the work of the result.
    /// \return the members whose contributions to the segment hold NaN or infinity.
    std::vector<NodeId> on_merged(SwarmTime now, const MergeResult& result, Outbox& out);
    void on_hashed(const SegmentDigests& hashed, Outbox& out);
    /// The merged model of the attempt with this serial, which may be over, is durable.
    ///
    /// \param stored  see KeptReply
    /// \return  that model, with `stored` as its segments
    KeptModel on_stored(std::uint32_t serial, const Segments& stored);
    /// Whether a model that this node has caught up with is not durable yet.
    void set_storing_fetched(bool storing);
    /// Whether the program's state of this round is still being stored. Until it is durable, no
    /// merge of the round is reported to the SN, so the round is not committed: else a program that
    /// is killed now would go on from the round's model with the state of the round before.
    void set_storing_state(bool storing);
    /// What this member says of an attempt that has begun early, in its check-in: its model is
    /// merged and as durable as a report demands. Without the base. Nothing: not yet, or there is
    /// more to tell of the attempt once it is frozen.
    std::optional<EarlyMerge> early_merge();
    /// Whether early_merge() will give nothing, though the model is merged: members have sent NaN
    /// or infinity, and are named once the attempt is frozen.
    bool awaits_freeze_to_name() const { return merged_ && !stored_names_->empty(); }
    /// Whether there is a report that was not sent yet.
    bool take_new_report() { return std::exchange(new_report_, false); }
    /// Starts to store the merged model, if that was delayed (ExchangeSetup::stores_later).
    void store_merged(Outbox& out);
    /// Starts the work on merged segments that are new, and what follows on the last of them.
    ///
    /// \pre running()
    void process_merged(Outbox& out);

    /// Those of `nodes` that were not named before in the current round, this node left out. Until
    /// the attempt is frozen they are stored: the ledger takes names of frozen rounds only.
    ///
    /// \pre nodes.empty() || running()
    std::vector<NodeId> name_non_finite(const std::vector<NodeId>& nodes);
    std::vector<NodeId> take_stored_names() {
        std::vector<NodeId> names(stored_names_->begin(), stored_names_->end());
        stored_names_.clear();
        return names;
    }

    /// The digest that this node merged the attempt to; nothing: it did not merge that one.
    std::optional<Digest> merged_digest(const Commit& commit) const;
    /// The digest of merged() once it is whole; nullptr: not yet.
    const Digest* whole_digest() const {
        return exchange_ && merged_ ? &merged_->report.digest : nullptr;
    }
    /// The attempt that has begun early was frozen and committed at once, by check-ins.
    ///
    /// \pre merged_digest(commit), !running()->frozen()
    void freeze_committed(SwarmTime now, const Commit& commit, Outbox& out);
    /// The newest round that others take part in with this node, since the ledger has its check-in
    /// for that. An exchange that may have begun early shows no more than that this node was in the
    /// round before: an SN that lies may have frozen this one for this node alone.
    ///
    /// \pre running()
    Round proved_round() const {
        const RoundKey key = exchange_->wire_key();
        return key.early ? key.round - 1 : key.round;
    }
    /// The merged model of the attempt, in memory. \pre  running()
    const Segments& merged() const { return exchange_->merged(); }
    /// The attempt was committed, and ends.
    ///
    /// \pre merged_digest(commit) == commit.digest
    CommittedModel finish(const Commit& commit, Outbox& out);
    /// \pre merged_digest(commit) is another one than commit.digest
    Deviation deviation(const Commit& commit) const;
    /// The model of a round is here: what was stored for that round is not needed any more.
    void on_committed(const CommittedModel& model);
    /// The newest model that was reported, and not committed as far as this node knows: the swarm
    /// may agree on it while this node is cut off and taken for lost.
    const HeapOptional<KeptModel>& reported_model() const { return reported_model_; }

    /// Fills in the fields of a heartbeat that describe the current attempt.
    ///
    /// \param stall_limit, refused_by  see Exchange::stalls()
    void report_progress(Heartbeat& heartbeat, SwarmTime now, SwarmDuration stall_limit,
                         const std::set<NodeId>& refused_by) const;

private:
    bool is_of(const RoundKey& key) const { return exchange_ && exchange_->key() == key; }
    bool is_on_wire(const RoundKey& key) const { return exchange_ && exchange_->wire_key() == key; }
    void set_own(OwnParameters own, ExchangeSetup& setup);
    void report_begin(Outbox& out) const;
    void report_plan(Outbox& out);
    void add_new(const MergeResult* merged);
    void on_digest(const Digest& digest, Outbox& out);
    void on_merged_and_frozen(Outbox& out);
    TraceEvent with_merge(TraceEvent event) const;
    void report_done(Outbox& out) const;
    void start_storing(Outbox& out);
    void report_if_allowed();
    bool writes_only_this() const;
    void note_reported();

    NodeId self_;
    struct Services {
        std::uint64_t session;
        std::shared_ptr<const NodeSigner> signer;
        SharedRounds& shared;
        const Hasher& hasher;
    };
    Services services_;
    std::unique_ptr<Exchange> exchange_;
    std::size_t plan_hash_ = 0;  ///< of the text of the newest attempt's plan
    std::uint32_t serial_ = 0;   ///< grows with each attempt: results of an earlier one are ignored
    bool storing_fetched_ = false;
    bool storing_state_ = false;
    bool new_report_ = false;
    bool stores_later_ = false;  ///< store_merged() is awaited

    // On the attempt of exchange_.
    std::unique_ptr<MergedModel> model_;  ///< what it merges to, until it is being stored
    struct Merged {
        MergeReport report;
        bool reported = false;  ///< the contract has allowed it, and `report` is signed
        Segments stored;        ///< on the disk, once they are; see KeptReply
    };
    HeapOptional<Merged> merged_;  ///< once it is hashed

    /// Models that are not durable yet, without segments, by the serials of their attempts.
    LazyContainer<std::map<std::uint32_t, KeptModel>> storing_;

    HeapOptional<KeptModel> reported_model_;  ///< that of the newest report; survives its attempt
    /// This node's part in the round of contributions_round_, the same in all attempts: the program
    /// waits for the round's model, so that all check-ins of one start are of the same parameters.
    std::optional<OwnContribution> own_;
    /// What compression lost in the newest round that was committed with a contribution of here.
    HeapOptional<Segments> residuals_;
    KeptContributions kept_contributions_;
    RoundKey contributions_round_;  ///< of kept_contributions_; its attempt is ignored
    /// Requests for attempts that the SN has not announced yet: the newest of each peer and kind.
    LazyContainer<std::map<std::pair<NodeId, SegmentKind>, FetchSegments>> deferred_fetches_;
    /// Rounds and members that name_non_finite() has returned; of this round and the last.
    LazyContainer<std::set<std::pair<Round, NodeId>>> named_non_finite_;
    LazyContainer<std::set<NodeId>> stored_names_;  ///< see name_non_finite()
};

}  // namespace starling
