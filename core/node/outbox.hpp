#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/node/node.hpp"

namespace starling {

/// Where a node puts what it wants done. Effects are executed in the order in which they were put
/// here, after the step: see the Effect of the same name for each method's meaning and failures.
/// Made for one step, over that step's list.
class Outbox {
public:
    explicit Outbox(std::vector<Effect>& effects) : effects_(effects) {}

    /// So many effects are about to follow, and perhaps some others: they take no more memory than
    /// that, while a list that grows takes up to three times as much.
    void reserve(std::size_t more) {
        constexpr std::size_t others = 256;
        effects_.reserve(effects_.size() + more + others);
    }
    void send(const NodeId& to, Message message, Blob body = {}, SendGroup group = 0);
    void cancel_sends(SendGroup group, std::optional<NodeId> to = std::nullopt);
    void connect(Address address, Role role);
    void pin_peer(const NodeId& node, const std::optional<CaFingerprint>& ca);
    void unpin_peer(const NodeId& node);
    void measure_arrivals();
    void set_timer(std::uint32_t timer, SwarmTime at);
    void cancel_timer(std::uint32_t timer);
    void start_work(std::uint64_t work, Work what);
    void persist(std::uint64_t first, std::vector<Bytes> records);
    void persist_vote(const Vote& vote);
    void persist_snapshot(Bytes snapshot);
    void begin_behind(BeginBehind begin);
    void persist_older(PersistOlder older);
    void report(TraceEvent event);
    void stop(int exit_code, std::string reason);
    /// An effect of a node that this one decorates.
    void forward(Effect effect);

private:
    std::vector<Effect>& effects_;
};

}  // namespace starling
