#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "core/ledger/snapshot.hpp"
#include "core/node/outbox.hpp"

namespace starling {

/// Before an SN with an empty disk joins: takes the newest snapshot of the ledger from the SNs that
/// keep it, so that it begins behind the records that the snapshot stands for.
///
/// Trust: who the voters are it learns from the SN that its operator named (--sentinel-ip). A
/// snapshot counts if more than half of these voters offer it, each over its own connection, with
/// the same digest; its bytes may then come from any of them. Without one, or if that takes too
/// long, the SN begins with an empty log and gets all records from the leader.
class StateTransfer {
public:
    enum class Verdict { waiting, stopped, over };

    StateTransfer(NodeId self, const Hasher& hasher, std::uint32_t timer)
        : self_(std::move(self)), hasher_(hasher), timer_(timer) {}

    void begin(const Address& named, SwarmTime now, Outbox& out);
    bool under_way() const { return named_address_.has_value(); }
    /// Takes an input while it is under way. After any verdict but `waiting` it is over.
    Verdict on_input(SwarmTime now, const Input& input, Outbox& out);

    /// What was taken, after the verdict `over`; nothing: there is none.
    struct Taken {
        Bytes bytes;
        std::shared_ptr<const LedgerSnapshot> snapshot;
        NodeId from;
        std::size_t confirmed = 0;  ///< by so many
        std::size_t voters = 0;     ///< of so many
    };
    std::optional<Taken> take() { return std::exchange(taken_, std::nullopt); }
    /// Connections made meanwhile, and a fatal failure of one.
    std::vector<Input> take_held();

private:
    struct Source {
        PeerUp up;
        std::optional<SnapshotOffer> offer;
    };

    void on_peer_up(SwarmTime now, const PeerUp& up, Outbox& out);
    void on_peer_lost(SwarmTime now, const PeerLost& lost, Outbox& out);
    void on_part(SwarmTime now, const NodeId& from, const SnapshotPart& part, const Blob& body,
                 Outbox& out);
    void on_tick(SwarmTime now, Outbox& out);
    void dial(const Address& address, Outbox& out);
    void dial_all(Outbox& out);
    std::vector<NodeId> voters() const;
    std::size_t offering(const OfferedSnapshot& snapshot) const;
    void choose(SwarmTime now, Outbox& out);
    void ask(SwarmTime now, Outbox& out);
    void change_source(SwarmTime now, Outbox& out);
    void finish(Outbox& out);
    void complete(Outbox& out);

    NodeId self_;
    const Hasher& hasher_;
    std::uint32_t timer_;
    std::optional<Address> named_address_;  ///< while it is under way
    std::optional<NodeId> named_;           ///< the SN at that address
    std::map<NodeId, Source> sources_;      ///< SNs that are connected
    std::set<NodeId> failed_;               ///< what they sent was not what they offered
    std::set<Address> dialling_;            ///< neither connected nor failed yet
    std::optional<Input> failure_;
    std::optional<SwarmTime> give_up_at_;  ///< without a choice until then
    std::optional<OfferedSnapshot> chosen_;
    NodeId source_;
    SwarmTime part_at_{};  ///< when the newest part came, or was first asked for
    Bytes bytes_;          ///< of the chosen one, so far
    std::optional<Taken> taken_;
};

}  // namespace starling
