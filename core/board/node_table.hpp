#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ids.hpp"
#include "core/board/kept_list.hpp"
#include "core/board/moment.hpp"

namespace starling {

/// What a node does.
enum class NodeActivity : std::uint8_t {
    starting,
    training,     ///< its program trains
    sending,      ///< the program hands its parameters to the SL
    waiting,      ///< has checked in (SL) or submitted its parameters (ML), and waits for the round
    exchanging,   ///< parameters with the other members
    reporting,    ///< has merged, and waits for the ledger's commit
    catching_up,  ///< fetches the model of a round that it missed
    leading,      ///< an SN: the leader
    following,    ///< an SN: not the leader
    leaderless,   ///< an SN that knows no leader
    serving,      ///< a licence server or a tool
    ended,        ///< with exit code 0
    failed,       ///< ended with another exit code
    down          ///< killed, or lost to the others
};

std::string_view to_string(NodeActivity state);

/// How far a member's program has come, by its check-ins.
struct NodeProgress {
    std::uint64_t epochs = 0;        ///< that it has trained
    std::uint64_t epochs_total = 0;  ///< that it wants to train; 0: it does not say
    std::uint64_t epochs_round = 0;  ///< the first round to which it checked in with `epochs`
    bool finished = false;           ///< with that check-in
};

/// Of a text out of an event, in bytes: events may be made up.
constexpr std::size_t board_text_max = 500;

struct BoardNode {
    std::string name;
    std::optional<Role> role;
    NodeActivity state = NodeActivity::starting;
    std::int64_t since_us = 0;  ///< start of the state
    std::int64_t last_us = 0;   ///< last sign of life
    std::uint64_t round = 0;
    bool own_events = false;  ///< it is known by its own trace, not by what an SN says of it
    std::string contract;     ///< of which an SL is a member
    std::string partner;      ///< of an ML: its SL
    std::string site;         ///< where its owner says that it is; empty: not said
    std::string host;         ///< on which it runs; empty: not known
    std::string seat;         ///< of the licence: "held", "refused", ...; empty: not known
    /// Of the certificate with which it has started, seconds since 1970; nothing: not known.
    std::optional<std::int64_t> certificate_until;
    NodeProgress progress;
    std::uint64_t sent_bytes = 0;
    std::uint64_t received_bytes = 0;
    std::optional<std::uint64_t> exit_code;
    std::uint64_t version = 0;
    std::size_t span = 0;  ///< id of the open span
};

/// A time that a node was in one state.
struct NodeSpan {
    std::size_t id = 0;
    std::size_t node = 0;
    NodeActivity state = NodeActivity::starting;
    std::int64_t from_us = 0;
    std::int64_t to_us = -1;  ///< -1: until now
    std::uint64_t round = 0;
    std::uint64_t version = 0;
};

/// The nodes of a run in order of appearance, and the history of their states. At most `nodes_max`
/// and `spans_max` of them: a further node shares the last entry, the oldest spans are dropped.
class NodeTable {
public:
    NodeTable(std::size_t nodes_max, std::size_t spans_max)
        : nodes_max_(nodes_max), spans_(spans_max) {}

    /// Index of the node, which is added if it is new.
    std::size_t index_of(std::string_view name, Moment now);
    std::optional<std::size_t> find(std::string_view name) const;
    BoardNode& changed(std::size_t index, Moment now);
    const BoardNode& at(std::size_t index) const { return nodes_[index]; }
    std::size_t size() const { return nodes_.size(); }

    bool any_running() const;
    /// There were SNs, and each has ended.
    bool no_server_left() const { return servers_ > 0 && servers_ended_ == servers_; }
    /// To be called when a role is learned or an SN ends or starts: see no_server_left().
    void count_servers();

    /// Is called whenever a node has entered another state, or the same one of another round.
    void on_enter(std::function<void(std::size_t index, const BoardNode& node, Moment now)> call) {
        on_enter_ = std::move(call);
    }
    /// The member has checked in, with what that says of its program.
    void checked_in(std::size_t index, std::uint64_t round, std::uint64_t epochs,
                    std::uint64_t epochs_total, bool finished, Moment now);

    /// The node is in that state from now on. A repeated state of the same round changes nothing.
    void enter(std::size_t index, NodeActivity state, std::uint64_t round, Moment now);

    /// Writes the members "nodes", "spans", "spans_from" (id of the oldest one kept) of an object:
    /// what changed after version `since`.
    void write(JsonWriter& json, std::uint64_t since) const;

private:
    const std::size_t nodes_max_;
    std::vector<BoardNode> nodes_;
    std::map<std::string, std::size_t, std::less<>> index_;
    KeptList<NodeSpan> spans_;
    std::size_t servers_ = 0;
    std::size_t servers_ended_ = 0;
    std::function<void(std::size_t, const BoardNode&, Moment)> on_enter_;
};

}  // namespace starling
