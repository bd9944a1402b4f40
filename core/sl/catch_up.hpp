#pragma once

#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "core/base/node_set.hpp"
#include "core/sl/committed_model.hpp"
#include "core/sl/deviation.hpp"
#include "core/sl/model_fetch.hpp"
#include "core/sl/node_end.hpp"
#include "core/sl/work_id.hpp"

namespace starling {

/// Catches up with a round that was committed without this node, or to another model than its own:
/// the committed model is fetched from members that have it, its digest is checked against the
/// ledger's, and it is kept on the disk.
class CatchUp {
public:
    /// \param limit  see SlNodeOptions::catch_up_limit
    CatchUp(NodeId self, SwarmDuration limit) : self_(std::move(self)), limit_(limit) {}

    bool running() const { return fetch_ != nullptr; }
    bool is_on(const RoundKey& key) const { return fetch_ && fetch_->key() == key; }
    // Both: \pre running()
    const Commit& commit() const { return fetch_->commit(); }
    const Segments& segments() const { return fetch_->segments(); }
    TransferProgress transfer() const { return fetch_->transfer(); }
    /// If running: a heartbeat about a round that is committed says that its model is fetched.
    void report_progress(Heartbeat& heartbeat) const;
    /// Counts the models that were fetched completely, this one not included.
    std::uint32_t serial() const { return serial_; }

    /// \return true: it goes on to that round, or to a later one, already.
    bool covers(const Commit& commit);
    /// In place of an older round that was being fetched. on_tick() requests the first segments.
    ///
    /// \param source_limit  how long one member may take to send it
    void begin(SwarmTime now, RoundKey key, Commit commit,
               std::shared_ptr<const ParamLayout> layout, SwarmDuration source_limit, Outbox& out);
    void end() { fetch_.reset(); }
    /// Members of the round after the one that is fetched, or that have checked in for it: they
    /// hold its model too.
    void learn(Round round, const MemberList& members);
    /// The member to be connected with, if there is one.
    std::optional<RoundMember> source() const;

    /// \return the node can't go on: nobody has sent a byte of the model for too long.
    std::optional<NodeEnd> on_tick(SwarmTime now, const NodeSet& up, Outbox& out);
    void on_peer_up(SwarmTime now, const NodeId& peer, Outbox& out);
    void on_arrivals(SwarmTime now, const Arrivals& arrivals);
    // Both: \pre is_on() the key of the message.
    void on_segment(SwarmTime now, const NodeId& from, const SegmentData& data, const Blob& body,
                    Outbox& out);
    void on_probe_reply(SwarmTime now, const NodeId& from, const FetchProbeReply& reply,
                        Outbox& out);

    /// Whether the work is of this fetch.
    bool awaits(const WorkId& work) const { return fetch_ && working_ && work.serial == serial_; }
    // \pre awaits() the work of the result.
    /// \return false: it is another model than the ledger's, and will be fetched from the next
    ///     source.
    bool on_hashed(SwarmTime now, const Digest& digest, Outbox& out);
    /// Starts to write the model of this fetch, once it is hashed and no older one is being
    /// written: a slow disk would else queue models without bound. \return whether it did.
    bool start_keeping(Outbox& out);
    /// What start_keeping() started is done, also if its fetch is over.
    void on_kept() { keeping_ = false; }
    /// The end of the fetch. \pre the model is hashed
    /// \return  the model with its segments in memory
    CommittedModel finish(Outbox& out);

    /// What this node merged a round to that it will catch up with.
    void note_deviation(Deviation deviation) {
        deviation_ = std::make_unique<Deviation>(std::move(deviation));
    }
    /// Once the agreed model of a round is here: what differs from it, if it is that round. Asked
    /// once.
    std::vector<DifferentSegments> take_differences(Round round, const Segments& agreed);

private:
    NodeId self_;
    SwarmDuration limit_;
    std::unique_ptr<ModelFetch> fetch_;  ///< nothing, most of the time
    std::uint32_t serial_ = 0;  ///< of the newest work; grows when a model has come completely
    bool working_ = false;      ///< the model of fetch_ is being hashed or kept, or waits for that
    bool hashed_ = false;       ///< it is to be written, and that has not begun
    bool keeping_ = false;      ///< a model of this or an earlier fetch is being written
    std::unique_ptr<Deviation> deviation_;  ///< until the agreed model of the round is here
};

}  // namespace starling
