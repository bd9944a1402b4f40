#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/ids.hpp"
#include "core/base/time.hpp"
#include "core/node/work.hpp"
#include "core/trace/trace_event.hpp"
#include "core/wire/messages.hpp"

namespace starling {

// ---- Inputs: what happens to a node
// --------------------------------------------------------------

/// First input of every node.
struct Started {};
/// A connection is up, whoever dialled; identity and role are proven. A second PeerUp of the same
/// peer without PeerLost between means a new connection: frames of the old one may be lost.
struct PeerUp {
    NodeId peer;
    Role role = Role::sl;
    Address dialled;            ///< the address this node asked for; empty if the peer dialled us
    std::uint64_t session = 0;  ///< of the peer: see Node::session()
    CaFingerprint ca;           ///< who made the certificate that it has shown; zeros: it has none
};
struct PeerLost {
    NodeId peer;
    std::string reason;
};
/// Connect did not lead to PeerUp. `fatal`: trying again is pointless (refused, wrong certificate).
struct ConnectFailed {
    Address address;
    Error error;
    bool fatal = false;
};
struct FrameReceived {
    NodeId from;
    Frame frame;
};
struct TimerDue {
    std::uint32_t timer = 0;  ///< the node's own enumeration
};
/// Answers MeasureArrivals: of each peer that a frame with a body is arriving from, how much of the
/// body is here.
struct Arrivals {
    std::map<NodeId, std::uint64_t> body_bytes;
};
struct WorkDone {
    std::uint64_t work = 0;
    WorkResult result;
};
/// The node is asked to end: by its operator, or because something beside it failed.
struct StopRequested {
    std::string reason;
    Errc code = Errc::aborted;  ///< aborted: the operator's wish; else what has failed

    bool by_operator() const { return code == Errc::aborted; }
};

/// One of them. Not an alias: a special member of a variant of so many types takes a compiler as
/// long as a whole file of ours, and in the .cpp file it is compiled once for all.
struct Input : std::variant<Started, PeerUp, PeerLost, ConnectFailed, FrameReceived, TimerDue,
                            WorkDone, StopRequested, Arrivals> {
    using variant::variant;
    Input();
    Input(const Input& other);
    Input(Input&& other) noexcept;
    Input& operator=(const Input& other);
    Input& operator=(Input&& other) noexcept;
    ~Input();
};

// ---- Effects: what a node wants done, executed in order
// ------------------------------------------

/// Durable before any later effect of this node is executed (ledger rule R1). What the log held
/// from `first` on is replaced.
struct Persist {
    std::uint64_t first = 0;
    std::vector<Bytes> records;
};
/// As durable.
struct PersistVote {
    Vote vote;
};
/// Leads to PeerUp or ConnectFailed. The node at the other end must have `role`.
struct Connect {
    Address address;
    Role role = Role::sn;
};
/// Frames that CancelSends takes back together. The node's own numbers; 0: never taken back.
using SendGroup = std::uint64_t;
/// To a peer that is up; otherwise dropped, as a connection cut a moment later would.
struct Send {
    NodeId to;
    Frame frame;
    SendGroup group = 0;
};
/// Frames of the group of which no byte has left yet are not sent any more.
struct CancelSends {
    SendGroup group = 0;
    std::optional<NodeId> to;  ///< nothing: whomever they are for
};
/// A peer may bear the name `node` with a certificate of this CA only, from now on; without one,
/// not at all. Who is connected by that name with another one is cut off. A name that nothing was
/// said about is free for the first who comes, and for that one's CA as long as it stays connected.
struct PinPeer {
    NodeId node;
    std::optional<CaFingerprint> ca;
    bool lifted = false;  ///< as if nothing had been said about that name
};
/// Leads to Arrivals at once.
struct MeasureArrivals {};
/// Replaces the timer of the same number.
struct SetTimer {
    std::uint32_t timer = 0;
    SwarmTime at;
};
struct CancelTimer {
    std::uint32_t timer = 0;
};
/// Leads to WorkDone with the same number.
struct StartWork {
    std::uint64_t work = 0;
    Work what;
};
struct Report {
    TraceEvent event;
};
/// Last effect of a node: frames sent before are still delivered, then connections close.
struct Stop {
    int exit_code = 0;
    std::string reason;
};

/// One of them. Not an alias: a special member of a variant of so many types takes a compiler as
/// long as a whole file of ours, and in the .cpp file it is compiled once for all.
struct Effect : std::variant<Persist, PersistVote, Connect, Send, SetTimer, CancelTimer, StartWork,
                             Report, Stop, CancelSends, MeasureArrivals, PinPeer> {
    using variant::variant;
    Effect();
    Effect(const Effect& other);
    Effect(Effect&& other) noexcept;
    Effect& operator=(const Effect& other);
    Effect& operator=(Effect&& other) noexcept;
    ~Effect();
};

/// A node of the swarm as a function with a memory. It owns no thread, clock, socket, file or
/// random device, so it can't tell a simulation from a deployment.
class Node {
public:
    virtual ~Node() = default;
    virtual const NodeId& id() const = 0;
    virtual Role role() const = 0;
    /// Of this start of the node, larger than that of every earlier one: of two starts of one name
    /// that run at the same time, as with a copied workspace, a peer talks to the later one. 0: the
    /// newest connection counts.
    virtual std::uint64_t session() const { return 0; }
    /// \param now  never falls from one call to the next.
    virtual void step(SwarmTime now, const Input& input, std::vector<Effect>& effects) = 0;
};

/// Exit codes of all programs.
namespace exit_code {
constexpr int ok = 0;
constexpr int failed = 1;     ///< environment: port in use, disk, unreadable file
constexpr int usage = 2;      ///< flags
constexpr int refused = 3;    ///< certificate, role, contract or layout not accepted
constexpr int aborted = 4;    ///< the swarm ended before its training did
constexpr int peer_lost = 5;  ///< the own SL, ML or SN is gone
}  // namespace exit_code

int exit_code_of(Errc code);

}  // namespace starling
