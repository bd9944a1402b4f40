#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/heap_optional.hpp"
#include "core/base/lazy_container.hpp"
#include "core/ledger/ledger.hpp"
#include "core/node/node.hpp"
#include "core/node/outbox.hpp"
#include "core/sn/merge_reports.hpp"

namespace starling {

/// What an SN knows of a node that it was or is connected with.
struct SnPeer {
    bool connected = false;  ///< to some SN
    Role role = Role::sl;
    bool heard = false;  ///< since this SN started
    bool here = false;   ///< connected to this very SN
    SwarmTime last_heard{};
    SwarmTime lost_at{};
    /// Of the node's start that is connected here, as its connection says, else by its newest
    /// command; 0: none came yet.
    std::uint64_t session = 0;
    std::uint64_t turned_away = 0;  ///< newest session that was told of a later start
    CaFingerprint ca;               ///< of the certificate that its connection has shown
    struct Elsewhere {
        NodeId via;  ///< the SN that relayed its newest frame; empty: it came here
        /// While it is heard here: another SN that has said that it is connected there, and when.
        NodeId said_by;
        SwarmTime said_at{};
    };
    HeapOptional<Elsewhere> elsewhere;  ///< nothing, where there is one SN
    /// The SN that relayed its newest frame; nothing: that came here.
    NodeId via() const { return elsewhere ? elsewhere->via : NodeId{}; }
    /// Whether another SN has said that it is connected there, while it is heard here.
    bool is_said_by(const NodeId& sn) const { return elsewhere && elsewhere->said_by == sn; }
    Heartbeat heartbeat;  ///< the newest one, of an SL; its senders are in `received`
    SwarmTime heartbeat_at{};
    struct Received {
        RoundKey key;
        std::vector<Sender> senders;
    };
    Received received;               ///< of its newest exchange, also when that is over
    SwarmDuration longest_pause{0};  ///< between its frames; falls slowly
    struct Measured {
        SwarmTime at{};
        std::uint64_t bytes = 0;
    };
    /// Of the attempt that `heartbeat` is about.
    struct Rate {
        Measured from;  ///< 10 to 20 s ago
        Measured to;
    };
    Rate rate;
    /// The newest command, if it waits for its answer; a node has one pending at a time.
    std::shared_ptr<const SubmitCommand> unanswered;
    /// The newest transfer that a heartbeat was about.
    struct Transfer {
        RoundKey key;
        std::uint64_t session = 0;
        std::uint64_t bytes = 0;
        SwarmTime moved_at{};  ///< when it began, or `bytes` changed
    };
    Transfer transfer;
    struct SentView {
        ShortText contract;
        std::uint64_t version = 0;
        SwarmTime at{};
    };
    SentView sent_view;  ///< the newest one on this connection
    struct SentPart {
        FetchMembers fetched;
        SwarmTime at{};
    };
    LazyContainer<std::vector<SentPart>> sent_parts;  ///< of lists of members: see takes_part()
    /// As the ledger knows it; nullptr: it was not looked up since it has registered. An SN of a
    /// large swarm would wait for memory at each level of the ledger's tree, for each frame.
    const RegisteredNode* registered = nullptr;

    /// Whether it is to be sent the part; false: it was, a moment ago.
    bool takes_part(SwarmTime now, const FetchMembers& fetch);
    void forget_sent_parts(SwarmTime now);
    /// A frame of this node has come, here or at another SN.
    void on_frame(SwarmTime now);
    void on_heartbeat(SwarmTime now, const Heartbeat& news);
    /// The newest heartbeat, complete: with the senders that `received` has of it.
    Heartbeat heartbeat_with_senders() const;
    /// The rate at which it receives segments in the attempt of its newest heartbeat.
    double bytes_per_second() const;
};

/// What the answers are made of: the SN as it is now.
struct SnStatusSource {
    const NodeId& id;
    const Address& api_address;
    const Ledger& ledger;
    const std::map<NodeId, SnPeer>& peers;
    const std::map<std::string, RoundReports>& reports;  ///< by contract; as far as they came here
    const Digest& head;                                  ///< of the ledger
    std::uint64_t entries = 0;                           ///< in the ledger
    SwarmTime now;
    SwarmTime ledger_now;  ///< what contracts' deadlines are seen from
    SwarmTime started;
    const std::vector<Server>& servers;  ///< that keep the ledger, as this SN knows it
    std::optional<NodeId> leader;
    std::uint64_t term = 0;
    SwarmTime leader_seen;  ///< when there was one last
};

/// The answer to a query as JSON, keys always in the same order. Every answer says which SN leads
/// ("leader"), or null and for how long there has been none ("leader_missing_ms"), how many SNs
/// must agree ("servers_needed"), how many are here and which are away: others may have gone on
/// since. Topics:
///   "nodes"          every node it knows: name, role, address, connected, last_heard_ms_ago, lost,
///                    certificate_until (seconds since 1970, of its newest start; null: not known)
///   "servers"        the SNs that keep the ledger: name, address, votes, connected, leads; term
///   "roll"           who may be whom: name, role, CA, since which entry, by whom, expelled, votes
///   "contracts"      every contract: phase, run, round, attempt, check-ins, members
///   "contract" NAME  its rules, why it waits, every member, the last commit; "missing_model": the
///                    committed model that members ask for and nobody sends
///   "round" NAME     the round that is on: who has checked in and reported, how many bytes of how
///                    many each member has received, at which rate, and whom it waits for;
///                    deadline, last commit; "received", as members say it: the bytes by sender,
///                    of the attempt that is on and of the one that was committed last
///   "version"        of program and wire, ledger head and entries, uptime
/// Errc::not_found: no such topic or contract, with those that there are. Errc::too_large: more
/// than a frame may carry, with what to ask for.
Result<std::string> status_json(const SnStatusSource& source, const StatusQuery& query);

/// Answers tools, at once and, where they follow a query, whenever something has changed. Following
/// costs an SN at most follow_bytes_per_second a query: a change that comes earlier is told later,
/// with all that changed since.
class SnStatus {
public:
    static constexpr std::size_t followed_max = 4;  ///< queries a peer
    static constexpr std::int64_t follow_bytes_per_second = 1'000'000;

    /// \param timer  the node's timer for answers that are put off
    explicit SnStatus(std::uint32_t timer) : timer_(timer) {}

    void on_query(const NodeId& from, const StatusQuery& query, const SnStatusSource& source,
                  Outbox& out);
    void on_peer_lost(const NodeId& peer) { followers_.erase(peer); }
    void mark_changed();
    /// At the end of a step: tells followers what has changed.
    void notify_subscribers(const SnStatusSource& source, Outbox& out);

private:
    struct Followed {
        StatusQuery query;
        SwarmTime not_before{};  ///< the next answer
        bool changed = false;
    };

    /// Sends it. \return when the next answer may be sent; nothing if it was an error.
    static std::optional<SwarmTime> answer(const NodeId& to, const StatusQuery& query,
                                           const SnStatusSource& source, Outbox& out);

    std::uint32_t timer_;
    std::map<NodeId, std::vector<Followed>> followers_;
};

}  // namespace starling
