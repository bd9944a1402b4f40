// The simulated network as its users see it: endpoints, listening addresses and counts.
#include "sim/sim_network.hpp"

#include <limits>
#include <utility>

#include "sim/sim_network_impl.hpp"

namespace starling {

using namespace sim_connection;

SimNetwork::Impl::Impl(SimEngine& sim_engine, SwarmDuration handshake_time,
                       std::optional<NetworkCpu> network_cpu, Bursts burst_sizes,
                       bool counts_by_hosts)
    : engine(sim_engine),
      handshake(handshake_time),
      bursts(burst_sizes),
      pauses(sim_engine, std::numeric_limits<double>::infinity()),
      counts(counts_by_hosts),
      limit(engine.has_equal_hosts() ? 1 : 2) {
    if (network_cpu && network_cpu->calibration.charges_network()) {
        cpu.emplace(*network_cpu);
    }
}

WakeUp SimNetwork::Impl::wake_up() {
    const double seconds = cpu->calibration.wake_seconds;
    return {from_seconds(seconds), seconds > 0.0 ? &pauses : nullptr};
}

void SimNetwork::Impl::Port::connect(const Address& address, Role role) {
    if (alive) {
        network_.connect(*this, address, role);
    }
}

void SimNetwork::Impl::Port::send(const NodeId& to, Frame frame, SendGroup group) {
    if (alive) {
        network_.send(*this, to, std::move(frame), group);
    }
}

void SimNetwork::Impl::Port::cancel_sends(SendGroup group, const std::optional<NodeId>& to) {
    if (alive) {
        sim_connection::cancel_sends(*this, group, to, network_.lanes, network_.counts);
    }
}

SimNetwork::SimNetwork(SimEngine& engine, SwarmDuration handshake, std::optional<NetworkCpu> cpu,
                       Bursts bursts, bool counts_by_hosts)
    : impl_(std::make_unique<Impl>(engine, handshake, cpu, bursts, counts_by_hosts)) {
    engine.on_link_change([this](const std::string&, bool) { check_routes(); });
}

SimNetwork::~SimNetwork() = default;

void SimNetwork::end() { impl_->end(); }

Result<Endpoint*> SimNetwork::attach(SimPlace place, Receiver& receiver) {
    if (impl_->nodes.find(place.id) != nullptr) {
        return Error{Errc::io,
                     "two nodes have the name " + place.id.name + ": give each a different --name"};
    }
    for (const SimListen& listen : place.listen) {
        if (const Slot* const used = impl_->listener(place.host, listen.address)) {
            return Error{Errc::io, place.id.name + ": " + to_string(listen.address) + " on " +
                                       impl_->engine.host_name(place.host) + " is in use by " +
                                       used->place.id.name +
                                       ": choose another port (--sn-api-port, --sl-fs-port)"};
        }
    }
    Impl::Port& slot = impl_->slots.emplace_back(*impl_);
    slot.place = std::move(place);
    slot.receiver = &receiver;
    if (impl_->cpu) {
        slot.thread = std::make_unique<NodeThread>(impl_->cpu->machines.host(slot.place.host),
                                                   impl_->wake_up());
    }
    impl_->nodes.insert(&slot);
    if (!slot.place.listen.empty()) {
        if (impl_->listening.size() <= slot.place.host) {
            impl_->listening.resize(slot.place.host + 1);
        }
        impl_->listening[slot.place.host].push_back(&slot);
    }
    return &slot;
}

void SimNetwork::close(const NodeId& node) { impl_->close(node); }
void SimNetwork::kill(const NodeId& node, const std::string& reason) { impl_->kill(node, reason); }
void SimNetwork::check_routes() { impl_->check_routes(); }

std::map<std::pair<HostIndex, HostIndex>, ByteCount> SimNetwork::bytes() const {
    return impl_->counts.by_hosts();
}

std::uint64_t SimNetwork::messages() const { return impl_->messages; }

ByteCount SimNetwork::total() const { return impl_->counts.total(); }

}  // namespace starling
