// Removal of SNs by an administrator.
#include <algorithm>

#include "core/base/names_text.hpp"
#include "core/base/start_text.hpp"
#include "core/ledger/membership.hpp"
#include "core/sn/detail/sn_dispatcher.hpp"

namespace starling {
namespace {

constexpr std::size_t removals_max = 16;

std::string names_of(const std::vector<Server>& servers) {
    std::vector<NodeId> nodes;
    for (const Server& server : servers) {
        nodes.push_back(server.node);
    }
    return names_text(nodes);
}

}  // namespace

void SnNode::on_remove_server(const NodeId& from, const RemoveServer& what, Outbox& out) {
    if (peers_[from].role != Role::tool) {
        const Server* server = find_server(from);
        if (!raft().leads() || server == nullptr || !server->voter) {
            return;  // the SN that it comes from finds the one that leads
        }
    }
    if (const Result<void> may = check_removal(from, what); !may) {
        answer_removal({from, what}, may, out);
        return;
    }
    std::erase_if(removals_,
                  [&](const Removal& one) { return one.from == from && one.what.id == what.id; });
    if (removals_.size() == removals_max) {
        removals_.erase(removals_.begin());
    }
    removals_.push_back({from, what});
    forward_removals(out);
}

/// Repeated with each tick: a previous leader may have lost it.
void SnNode::forward_removals(Outbox& out) {
    if (raft().leads()) {
        return;
    }
    std::erase_if(removals_, [&](const Removal& one) { return peers_[one.from].role == Role::sn; });
    const std::optional<NodeId> leader = shown_leader();
    if (!leader && misses_leader()) {
        for (const Removal& one : std::exchange(removals_, {})) {
            answer_removal(one, Error{Errc::unreachable, leaderless_text()}, out);
        }
        return;
    }
    for (const Removal& one : removals_) {
        if (leader) {
            out.send(*leader, one.what);
        }
    }
}

void SnNode::on_removal_answer(const NodeId& from, const StatusReply& reply, const Blob& body,
                               Outbox& out) {
    if (!is_server(from)) {
        return;
    }
    const auto found = std::find_if(removals_.begin(), removals_.end(), [&](const Removal& one) {
        return one.what.id == reply.id && peers_[one.from].role == Role::tool;
    });
    if (found != removals_.end()) {
        out.send(found->from, reply, body);
        removals_.erase(found);
    }
}

/// On the leader, after each step.
void SnNode::process_removals(Outbox& out) {
    if (!raft().leads()) {
        return;
    }
    std::vector<Removal> waiting;
    for (const Removal& one : std::exchange(removals_, {})) {
        if (const auto done = try_to_remove(one, out)) {
            answer_removal(one, *done, out);
        } else {
            waiting.push_back(one);
        }
    }
    std::move(waiting.begin(), waiting.end(), std::back_inserter(removals_));
}

std::optional<Result<void>> SnNode::try_to_remove(const Removal& removal, Outbox& out) {
    const NodeId& node = removal.what.node;
    const Server* server = find_server(node);
    const std::uint64_t number = removal.what.number;
    if (server != nullptr && number != server->number) {
        return Error{Errc::stale,
                     "the SN '" + node.name +
                         "' that was meant no longer exists, and another one has joined under "
                         "its name since: if you mean that one, repeat the request"};
    }
    if (server == nullptr) {
        if (removed_.applied(node)) {
            return std::nullopt;  // proposed, and not agreed on yet
        }
        const RemovedServer* removed = removed_.find(node);
        if (removed == nullptr) {
            return Error{Errc::not_found, "no SN '" + node.name + "' keeps this ledger: " +
                                              names_of(raft().servers()) + " do"};
        }
        if (!removed->removal) {
            submit_own(RemoveServers{{node}, removal.what.by.name, false, removed->index, 0}, out);
        }
        return removed->removal ? std::optional<Result<void>>(Result<void>()) : std::nullopt;
    }
    if (const Result<void> enough = leaves_a_majority(node); !enough) {
        return enough;
    }
    const Result<void> begun = start_removal(node, out);
    return begun || begun.error().code == Errc::stale ? std::nullopt : std::optional(begun);
}

/// Starts the membership change. A leader can't remove itself: it steps down, and the next one does
/// it.
Result<void> SnNode::start_removal(const NodeId& node, Outbox& out) {
    ConsensusOutput output;
    Result<void> begun;
    if (node == options_.id) {
        raft().step_down(now_, output);
    } else {
        begun = raft().remove_server(now_, node, output);
    }
    perform(output, out);
    return begun;
}

/// The remaining SNs must have a reachable majority.
Result<void> SnNode::leaves_a_majority(const NodeId& without) const {
    std::vector<NodeId> left;
    std::vector<NodeId> up;
    for (const Server& server : raft().servers()) {
        if (server.node == without || !server.voter) {
            continue;
        }
        left.push_back(server.node);
        const auto peer = peers_.find(server.node);
        if (server.node == options_.id || (peer != peers_.end() && peer->second.here)) {
            up.push_back(server.node);
        }
    }
    if (left.empty()) {
        return Error{Errc::refused, "'" + without.name + "' is the last SN of its swarm"};
    }
    if (up.size() <= left.size() / 2) {
        return Error{Errc::refused, "without '" + without.name + "' the ledger would be kept by " +
                                        names_text(left) + ", of which only " +
                                        names_text(up, "none") +
                                        " can be reached: no majority. Start the others first"};
    }
    return {};
}

void SnNode::answer_removal(const Removal& removal, const Result<void>& done, Outbox& out) const {
    StatusReply reply{removal.what.id};
    if (!done) {
        reply.code = done.error().code;
        reply.reason = done.error().message;
        out.send(removal.from, std::move(reply));
        return;
    }
    const Result<std::string> json = status_json(status_source(), {0, "servers", "", false});
    if (!json) {
        out.send(removal.from, reply);
        return;
    }
    const auto* bytes = reinterpret_cast<const std::byte*>(json->data());
    out.send(removal.from, reply, Blob(Bytes(bytes, bytes + json->size())));
}

void SnNode::report_removal(const RemoveServers& removal, Outbox& out) const {
    const std::string gone = names_text(removal.removed);
    report(TraceEvent("servers_removed")
               .with("index", removal.index)
               .with("rebuilt", removal.rebuilt ? 1U : 0U)
               .log(Level::warning, component,
                    removal.rebuilt
                        ? "SN '" + removal.by + "' continued alone, without " + gone +
                              ": a new epoch of the ledger begins with entry " +
                              std::to_string(removal.index) + ", " + start_text(removal.session)
                        : "SN " + gone + " no longer keeps the ledger, as requested by '" +
                              removal.by + "'"),
           out);
}

/// SNs that a rebuilt ledger left behind may come back together and elect a leader among
/// themselves, without asking here: so the leader dials them.
void SnNode::dial_left_behind(Outbox& out) {
    if (!raft().leads()) {
        return;
    }
    for (const RemovedServer& removed : removed_.left_behind(now_)) {
        if (removed.node != options_.id && !is_server(removed.node)) {
            dialler_.dial(removed.address, out);
        }
    }
}

/// Tells a removed SN that comes back that it must not take part with its old disk.
void SnNode::reject_removed(const NodeId& node, std::uint64_t number, Outbox& out) {
    bool first = false;
    const RemovedServer& removed = removed_.mark_notified(number, node, first);
    const std::string text = removed_.text_for(number);
    if (first) {
        report(TraceEvent("removed_server_came_back")
                   .with("node", node.name)
                   .log(Level::warning, component,
                        "SN '" + node.name + "' has returned, but was removed with entry " +
                            std::to_string(removed.index) +
                            ": it is told to start with an empty disk"),
               out);
    }
    out.send(node, MembershipReply{Errc::stale, text, raft().servers(), {}, removed.rebuilt});
}

}  // namespace starling
