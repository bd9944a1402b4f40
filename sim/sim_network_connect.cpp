// How a connection is made: set-up takes two round trips and the TLS handshake; then both ends
// learn of it at the same instant.
#include "sim/sim_network_impl.hpp"

namespace starling {

using namespace sim_connection;

namespace {

// Limit if nobody answers: that of a real endpoint for TCP and TLS.
constexpr SwarmDuration connect_limit = std::chrono::seconds(5);

}  // namespace

void SimNetwork::Impl::connect(Slot& from, const Address& address, Role role) {
    auto dial = std::make_shared<Dial>(Dial{&from, address, role, from.place.host, {}});
    const SwarmTime now = engine.now();
    if (address.port != 0) {
        const auto host = engine.find_address(address.host);
        if (!host) {
            return fail(dial, now, Errc::unreachable,
                        "no host of the platform has the address " + address.host);
        }
        dial->host = *host;
    }
    if (!reachable(from.place.host, dial->host)) {
        return fail(dial, now + connect_limit, Errc::unreachable,
                    "no answer from " + to_string(address));
    }
    dial->round_trip = engine.route(from.place.host, dial->host).latency +
                       engine.route(dial->host, from.place.host).latency;
    if (listener(dial->host, dial->address) == nullptr) {
        return fail(dial, now + dial->round_trip, Errc::unreachable,
                    "nothing listens on " + to_string(address));
    }
    const SwarmDuration cost =
        address.port == 0 ? dial->round_trip : 2 * dial->round_trip + handshake;
    engine.at(now + cost, [this, dial] { establish(dial); });
}

void SimNetwork::Impl::fail(const std::shared_ptr<Dial>& dial, SwarmTime at, Errc code,
                            std::string why) {
    engine.at(at, [dial, code, why = std::move(why)] {
        if (dial->from->alive) {
            dial->from->receiver->handle(
                ConnectFailed{dial->address, Error{code, why}, code == Errc::refused});
        }
    });
}

Slot* SimNetwork::Impl::listener(HostIndex host, const Address& address) const {
    if (host < listening.size()) {
        for (Slot* const slot : listening[host]) {
            if (listen_at(*slot, address) != nullptr) {
                return slot;
            }
        }
    }
    return nullptr;
}

void SimNetwork::Impl::establish(const std::shared_ptr<Dial>& dial) {
    Slot* const from = dial->from;
    if (!from->alive) {
        return;
    }
    Slot* const to = listener(dial->host, dial->address);
    const std::string where = to_string(dial->address);
    if (!reachable(from->place.host, dial->host)) {
        return fail(dial, engine.now() + connect_limit, Errc::unreachable,
                    "no answer from " + where);
    }
    if (to == nullptr) {
        return fail(dial, engine.now(), Errc::unreachable, "nothing listens on " + where);
    }
    if (to->place.role != dial->role) {
        return fail(dial, engine.now(), Errc::refused,
                    "the node at " + where + " is " + to->place.id.name + " of role " +
                        std::string(to_string(to->place.role)) + ", not " +
                        std::string(to_string(dial->role)));
    }
    if (to == from || !accepts(*to, *dial)) {
        return fail(dial, engine.now(), Errc::refused,
                    to->place.id.name + " does not accept " + from->place.id.name + " of role " +
                        std::string(to_string(from->place.role)) + " on " + where);
    }
    const ConnectionPtr connection = ConnectionPtr::make();
    connection->number = connections_made++;
    connection->end = {from, to};
    connection->local = dial->address.port == 0;
    counts.add_connection(from->place.host, to->place.host);
    for (const int side : {0, 1}) {
        replace(*connection, side);
        connection->end[index(side)]->peers.add(connection, side);
    }
    announce(connection, 1, {});
    announce(connection, 0, dial->address);
}

void SimNetwork::Impl::replace(const Connection& fresh, int side) {
    const auto& peers = fresh.end[index(side)]->peers;
    if (const ConnectionPtr old = peers.find(peer(fresh, side).place.id)) {
        drop(old);
    }
}

void SimNetwork::Impl::announce(const ConnectionPtr& connection, int side, Address dialled) {
    engine.at(engine.now(), [connection, side, dialled = std::move(dialled)] {
        Slot& slot = *connection->end[index(side)];
        if (connection->open && slot.alive) {
            connection->announced = (connection->announced | announced_bit(side)) & 3U;
            const Slot& other = peer(*connection, side);
            slot.receiver->handle(PeerUp{other.place.id, other.place.role, dialled});
        }
    });
}

}  // namespace starling
