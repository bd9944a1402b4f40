// Connections of a MemoryNetwork: who may connect under which name, as TLS endpoints decide it.
#include "core/base/start_text.hpp"
#include "transport/memory/memory_process.hpp"
#include "transport/name_refusal.hpp"

namespace starling {

MemoryNetwork::Connection& MemoryNetwork::connection(const NodeId& a, const NodeId& b) {
    return connections_[a < b ? std::pair(a, b) : std::pair(b, a)];
}

void MemoryNetwork::connect(Process& from, const Address& address, Role role) {
    Process* target = nullptr;
    for (auto& [id, process] : processes_) {
        const auto& listen = process->spec.listen;
        const bool here = address.port != 0 || process->spec.host == from.spec.host;
        if (process->running() && here &&
            std::find(listen.begin(), listen.end(), address) != listen.end()) {
            target = process.get();
        }
    }
    const SwarmTime done = now_ + 2 * delay();
    const auto answer = [&](Error error, bool fatal) {
        schedule(done, [this, id = from.id, incarnation = from.incarnation, address,
                        failed = std::move(error), fatal] {
            dispatch(id, incarnation, ConnectFailed{address, failed, fatal});
        });
    };
    const auto unreachable = [this](const Process& a, const Process& b) {
        return separated(a, b) || muted_.count({a.id, b.id}) > 0 || muted_.count({b.id, a.id}) > 0;
    };
    if (target == nullptr || unreachable(from, *target)) {
        answer({Errc::unreachable, "nothing answers at " + to_string(address)}, false);
        return;
    }
    if (target->node->role() != role || target->spec.accepts.count(from.node->role()) == 0) {
        answer({Errc::refused, "wrong role at " + to_string(address)}, true);
        return;
    }
    schedule(done, [this, a = from.id, b = target->id, address, ia = from.incarnation,
                    ib = target->incarnation, unreachable] {
        Process& dialler = *processes_.at(a);
        Process& listener = *processes_.at(b);
        if (dialler.incarnation != ia || !dialler.running()) {
            return;
        }
        if (listener.incarnation != ib || !listener.running() || unreachable(dialler, listener)) {
            dispatch(a, ia,
                     ConnectFailed{address, {Errc::unreachable, "connection refused"}, false});
            return;
        }
        for (const auto& [at, fresh] : {std::pair(&listener, &dialler), {&dialler, &listener}}) {
            if (const std::optional<Error> error = refusal_of(*at, *fresh)) {
                dispatch(a, ia, ConnectFailed{address, *error, true});
                return;
            }
        }
        if (dialler.node_id == listener.node_id || !replace_older(listener, dialler)) {
            const Error error{Errc::replaced,
                              replaced_text(dialler.node_id, "another host", next_epoch_)};
            dispatch(a, ia, ConnectFailed{address, error, true});
            return;
        }
        if (!replace_older(dialler, listener)) {
            dispatch(a, ia, ConnectFailed{address, {Errc::refused, "an earlier start"}, true});
            return;
        }
        dialler.peers[listener.node_id] = b;
        listener.peers[dialler.node_id] = a;
        connection(a, b) = Connection{next_epoch_++, true, {now_, now_}, {}};
        const auto up = [](const Process& peer, const Address& dialled) {
            return PeerUp{peer.node_id, peer.node->role(), dialled, peer.node->session(),
                          peer.spec.ca};
        };
        dispatch(b, ib, up(dialler, {}));
        dispatch(a, ia, up(listener, address));
    });
}

/// Why `at` must not accept `fresh` under its name; nothing: it may.
std::optional<Error> MemoryNetwork::refusal_of(const Process& at, const Process& fresh) {
    const Process* older = connected_as(at, fresh.node_id);
    const auto pin = at.pins.find(fresh.node_id);
    return name_refusal(fresh.node_id, fresh.spec.ca, pin == at.pins.end() ? nullptr : &pin->second,
                        older == nullptr ? nullptr : &older->spec.ca);
}

void MemoryNetwork::pin(Process& at, const PinPeer& pin) {
    if (pin.lifted) {
        at.pins.erase(pin.node);
        return;
    }
    at.pins[pin.node] = pin.ca;
    const Process* peer = connected_as(at, pin.node);
    if (peer == nullptr) {
        return;
    }
    if (const auto refused = name_refusal(pin.node, peer->spec.ca, &pin.ca, nullptr)) {
        // Deferred, since this runs while the node executes its effects.
        schedule(now_, [this, a = at.id, b = peer->id, why = refused->message] { cut(a, b, why); });
    }
}

/// The process that is connected with `at` under the name `node`; nullptr: none.
MemoryNetwork::Process* MemoryNetwork::connected_as(const Process& at, const NodeId& node) {
    const auto peer = at.peers.find(node);
    return peer != at.peers.end() && connection(at.id, peer->second).up
               ? processes_.at(peer->second).get()
               : nullptr;
}

/// Cuts the connection of `at` with an older start of `fresh`. \return  false: the connected one is
/// a later start, which `fresh` must not replace.
bool MemoryNetwork::replace_older(const Process& at, const Process& fresh) {
    const Process* older = connected_as(at, fresh.node_id);
    if (older == nullptr) {
        return true;
    }
    if (fresh.node->session() != 0 && fresh.node->session() < older->node->session()) {
        return false;
    }
    cut(at.id, older->id, "replaced by a newer connection");
    return true;
}

void MemoryNetwork::cut(const NodeId& a, const NodeId& b, const std::string& reason) {
    Connection& link = connection(a, b);
    if (!link.up) {
        return;
    }
    link.up = false;
    for (const auto& [at, of] : {std::pair(a, b), std::pair(b, a)}) {
        const Process& process = *processes_.at(at);
        if (process.running()) {
            schedule(now_ + delay(), [this, node = at, incarnation = process.incarnation,
                                      lost = PeerLost{processes_.at(of)->node_id, reason}] {
                if (connected_as(*processes_.at(node), lost.peer) == nullptr) {
                    dispatch(node, incarnation, lost);
                }
            });
        }
    }
}

void MemoryNetwork::cut_all(const NodeId& node, const std::string& reason) {
    for (const auto& [pair, link] : connections_) {
        if (link.up && (pair.first == node || pair.second == node)) {
            cut(pair.first, pair.second, reason);
        }
    }
}

}  // namespace starling
