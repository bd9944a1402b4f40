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

// Inputs: what happens to a node.

/// The first input of every node.
struct Started {};
/// A connection is established, in either direction, and the peer is authenticated. A second PeerUp
/// for the same peer without a PeerLost means that the connection was replaced: frames on the old
/// one may be lost.
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
/// A Connect has failed. `fatal`: retrying will not help (refused, wrong certificate).
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
/// Answers MeasureArrivals: for each peer whose frame body is partly received, the bytes received
/// so far.
struct Arrivals {
    std::map<NodeId, std::uint64_t> body_bytes;
};
struct WorkDone {
    std::uint64_t work = 0;
    WorkResult result;
};
/// The node is asked to stop: by its operator, or because something beside it failed.
struct StopRequested {
    std::string reason;
    Errc code = Errc::aborted;  ///< aborted: the operator's wish; else what has failed

    bool by_operator() const { return code == Errc::aborted; }
};

/// Any input. A struct rather than an alias: the special members of a variant of so many types are
/// slow to compile, and so they are compiled once, in node.cpp.
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

// Effects: what a node wants done, executed in order.

/// Replaces the log from index `first` on. Durable before any later effect of this node is executed
/// (ledger rule R1).
struct Persist {
    std::uint64_t first = 0;
    std::vector<Bytes> records;
};
/// Same durability as Persist.
struct PersistVote {
    Vote vote;
};
/// Keeps a snapshot of what the log's records have led to, in place of an earlier one. They are
/// durable before. A node that was killed before it was kept makes it again.
struct PersistSnapshot {
    Bytes snapshot;  ///< see encode_snapshot()
};
/// Begins an empty log behind a snapshot that another node has made. Same durability as Persist.
struct BeginBehind {
    Bytes snapshot;  ///< see encode_snapshot()
    MissingRecords missing;
    Vote vote;
};
/// Records before those that the log has, the newest of which is the last one that is missing. Same
/// durability as Persist.
struct PersistOlder {
    std::uint64_t first = 0;
    Digest link_before;  ///< of the record before the first one
    std::vector<Bytes> records;
};
/// Leads to PeerUp or ConnectFailed. The node at the other end must have `role`.
struct Connect {
    Address address;
    Role role = Role::sn;
};
/// Frames that CancelSends cancels together, numbered by the node. 0: can't be cancelled.
using SendGroup = std::uint64_t;
/// Sends a frame to a connected peer. Dropped if there is no connection, as if it had broken a
/// moment later.
struct Send {
    NodeId to;
    Frame frame;
    SendGroup group = 0;
};
/// Drops queued frames of the group of which no byte has been sent yet.
struct CancelSends {
    SendGroup group = 0;
    std::optional<NodeId> to;  ///< nothing: to any peer
};
/// From now on a peer may use the name `node` only with a certificate by this CA; without a CA, not
/// at all. A connected peer of that name with another CA is disconnected. A name that was never
/// pinned belongs to the first peer that uses it, and to its CA while that peer stays connected.
struct PinPeer {
    NodeId node;
    std::optional<CaFingerprint> ca;
    bool lifted = false;  ///< removes the pin
};
/// Answered at once by Arrivals.
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

/// Any effect. A struct for the same reason as Input.
struct Effect : std::variant<Persist, PersistVote, Connect, Send, SetTimer, CancelTimer, StartWork,
                             Report, Stop, CancelSends, MeasureArrivals, PinPeer, PersistSnapshot,
                             BeginBehind, PersistOlder> {
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
    /// Number of this start of the node, larger than that of every earlier one. If two starts of
    /// one name run at the same time (a copied workspace), peers accept the later one. 0: peers
    /// accept the newest connection.
    virtual std::uint64_t session() const { return 0; }
    /// \param now  monotonic over calls.
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
