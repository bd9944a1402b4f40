// A client for one request: dials servers in turn, asks the first that answers, and ends. Requests
// that change the ledger are signed commands, so the tool registers first (command 1), then submits
// the change (2); both may be repeated after a lost connection, since the ledger applies each
// (session, sequence) once.
#include "core/tool/tool_node.hpp"

#include <charconv>
#include <optional>
#include <set>

#include "core/base/overloaded.hpp"
#include "core/json/json.hpp"
#include "core/node/outbox.hpp"

namespace starling {
namespace {

enum Timer : std::uint32_t { limit_timer = 1, redial_timer = 2, ask_again_timer = 3 };

/// Before the servers are tried again.
constexpr SwarmDuration redial_interval = std::chrono::milliseconds(250);
/// Before a further query is asked again that is not followed, or was answered with an error.
constexpr SwarmDuration ask_again_interval = std::chrono::seconds(1);

class ToolNode final : public Node {
public:
    explicit ToolNode(ToolNodeOptions options)
        : options_(std::move(options)), causes_(options_.servers.size()) {
        STARLING_INVARIANT(!options_.servers.empty(), "a tool has someone to ask");
        if (const auto* query = std::get_if<StatusQuery>(&options_.request)) {
            request_id_ = query->id;
            follow_ = query->follow;
        } else if (const auto* rule = std::get_if<SeatRule>(&options_.request)) {
            request_id_ = rule->id;
        } else {
            request_id_ = std::get<RemoveServer>(options_.request).id;
        }
    }

    const NodeId& id() const override { return options_.id; }
    Role role() const override { return Role::tool; }
    std::uint64_t session() const override { return options_.session; }

    void step(SwarmTime now, const Input& input, std::vector<Effect>& effects) override {
        Outbox out(effects);
        if (stopped_) {
            return;
        }
        std::visit(Overloaded{
                       [&](const Started&) {
                           out.set_timer(limit_timer, now + options_.limit);
                           dial(out);
                       },
                       [&](const PeerUp& up) { on_peer_up(up, out); },
                       [&](const PeerLost& lost) { on_peer_lost(now, lost, out); },
                       [&](const ConnectFailed& failed) { on_failed(now, failed, out); },
                       [&](const FrameReceived& received) { on_frame(now, received, out); },
                       [&](const TimerDue& due) { on_timer(due, out); },
                       [&](const WorkDone&) {},
                       [](const Arrivals&) {},
                       [&](const StopRequested& stop_requested) {
                           stop(exit_code::ok, stop_requested.reason, out);
                       },
                   },
                   input);
    }

private:
    void dial(Outbox& out) { out.connect(options_.servers[next_], options_.server_role); }
    void dial_later(SwarmTime now, Outbox& out) {
        out.set_timer(redial_timer, now + redial_interval);
    }
    /// Selects the next server. \return  false at the end of the list, which then starts again.
    bool advance() {
        next_ = (next_ + 1) % options_.servers.size();
        return next_ != 0;
    }
    void on_peer_up(const PeerUp& up, Outbox& out);
    void on_peer_lost(SwarmTime now, const PeerLost& lost, Outbox& out);
    void on_failed(SwarmTime now, const ConnectFailed& failed, Outbox& out);
    void on_frame(SwarmTime now, const FrameReceived& received, Outbox& out);
    bool on_further_reply(SwarmTime now, const StatusReply& reply, std::string_view text,
                          Outbox& out);
    void on_timer(const TimerDue& due, Outbox& out);
    void ask(Outbox& out);
    bool asks_for_number() const {
        return std::holds_alternative<RemoveServer>(options_.request) && !signed_;
    }
    /// ID of the awaited answer. The query for a server's number has an ID of its own: its answer
    /// may arrive twice, after a lost connection, and must not be taken for the removal's.
    std::uint32_t awaited_id() const { return asks_for_number() ? ~request_id_ : request_id_; }
    void sign_removal(RemoveServer& removal, std::string_view servers) const;
    void on_result(const CommandResult& result, Outbox& out);
    void stop_unreachable(Outbox& out);
    void stop(int code, const std::string& reason, Outbox& out);

    ToolNodeOptions options_;
    std::uint32_t request_id_ = 0;
    bool follow_ = false;
    std::vector<std::string>
        causes_;            ///< why each server could not be asked; empty: not tried, or connected
    std::size_t next_ = 0;  ///< index of the server to dial
    std::optional<NodeId> server_;       ///< connected
    std::uint64_t commands_done_ = 0;    ///< of two, if the roll is changed
    bool signed_ = false;                ///< the request, if it is a removal, has been signed
    std::set<std::uint32_t> due_again_;  ///< further queries to be asked again
    bool answered_ = false;              ///< at least once
    bool stopped_ = false;
};

void ToolNode::on_peer_up(const PeerUp& up, Outbox& out) {
    server_ = up.peer;
    causes_[next_].clear();
    ask(out);
}

/// Sends the next message: registration (command 1), change (2), request. A removal is preceded by
/// a query for the number of the server.
void ToolNode::ask(Outbox& out) {
    if (asks_for_number()) {
        out.send(*server_, StatusQuery{awaited_id(), "servers", "", false});
        return;
    }
    if (!options_.change || commands_done_ == 2) {
        out.send(*server_, options_.request);
        for (const StatusQuery& query : options_.also) {
            out.send(*server_, query);
        }
        return;
    }
    Command command = commands_done_ == 0
                          ? Command(RegisterNode{Role::tool, {}, options_.signer->credentials()})
                          : Command(*options_.change);
    SubmitCommand submit{options_.session, commands_done_ + 1, std::move(command), {}};
    submit.signature = options_.signer->sign(
        command_text(options_.id, submit.session, submit.sequence, submit.command));
    out.send(*server_, std::move(submit));
}

/// The number is kept if the connection is lost and another SN is asked: a server of that name that
/// has joined since must not be removed.
void ToolNode::sign_removal(RemoveServer& removal, std::string_view servers) const {
    const Result<JsonValue> json = parse_json(servers);
    const JsonValue* list = json ? json->find("servers") : nullptr;
    for (const JsonMember& item : list == nullptr ? std::vector<JsonMember>{} : list->items) {
        const JsonValue* name = item.value.find("name");
        const JsonValue* number = item.value.find("number");
        if (name != nullptr && number != nullptr && name->text == removal.node.name) {
            std::from_chars(number->text.data(), number->text.data() + number->text.size(),
                            removal.number);
        }
    }
    removal.credentials = options_.signer->credentials();
    removal.signature =
        options_.signer->sign(removal_text(options_.id, removal.node, removal.number));
}

void ToolNode::on_result(const CommandResult& result, Outbox& out) {
    if (!options_.change || result.sequence != commands_done_ + 1 || commands_done_ == 2 ||
        !result.is_for(options_.session)) {
        return;
    }
    if (result.code != Errc::ok) {
        stop(exit_code_of(result.code), "'" + server_->name + "' answers: " + result.reason, out);
        return;
    }
    ++commands_done_;
    ask(out);
}

void ToolNode::on_peer_lost(SwarmTime now, const PeerLost& lost, Outbox& out) {
    if (server_ != lost.peer) {
        return;
    }
    server_.reset();
    causes_[next_] = lost.reason;
    if (answered_) {
        out.set_timer(limit_timer, now + options_.limit);
        out.report(TraceEvent("server_lost")
                       .log(Level::warning, "tool",
                            "The connection to '" + lost.peer.name + "' at " +
                                to_string(options_.servers[next_]) + " is lost (" + lost.reason +
                                "): reconnecting"));
    }
    advance();
    dial_later(now, out);  // also if a newer connection of a tool with this name replaced it
}

void ToolNode::on_failed(SwarmTime now, const ConnectFailed& failed, Outbox& out) {
    causes_[next_] = failed.error.message;
    if (failed.fatal) {
        stop(exit_code::refused, failed.error.message, out);
    } else if (advance()) {
        dial(out);
    } else if (answered_) {
        dial_later(now, out);
    } else {
        stop_unreachable(out);
    }
}

/// \return  false if the reply is not to a further query.
bool ToolNode::on_further_reply(SwarmTime now, const StatusReply& reply, std::string_view text,
                                Outbox& out) {
    for (const StatusQuery& query : options_.also) {
        if (query.id != reply.id) {
            continue;
        }
        if (reply.code == Errc::ok) {
            options_.on_reply(reply, text);
        }
        if (reply.code != Errc::ok || !query.follow) {
            due_again_.insert(query.id);
            out.set_timer(ask_again_timer, now + ask_again_interval);
        }
        return true;
    }
    return false;
}

void ToolNode::on_frame(SwarmTime now, const FrameReceived& received, Outbox& out) {
    if (const auto* result = std::get_if<CommandResult>(&received.frame.message);
        result != nullptr && server_ == received.from) {
        on_result(*result, out);
        return;
    }
    const auto* reply = std::get_if<StatusReply>(&received.frame.message);
    if (reply == nullptr || server_ != received.from) {
        return;
    }
    const ByteView body = received.frame.body.view();
    const std::string_view text(reinterpret_cast<const char*>(body.data()), body.size());
    if (on_further_reply(now, *reply, text, out) || reply->id != awaited_id()) {
        return;
    }
    if (reply->code != Errc::ok) {
        stop(exit_code_of(reply->code), "'" + received.from.name + "' answers: " + reply->reason,
             out);
        return;
    }
    if (asks_for_number()) {
        sign_removal(std::get<RemoveServer>(options_.request), text);
        signed_ = true;
        ask(out);
        return;
    }
    if (!answered_ || follow_) {
        out.cancel_timer(limit_timer);
    }
    answered_ = true;
    options_.on_reply(*reply, text);
    if (!follow_) {
        stop(exit_code::ok, "answered", out);
    }
}

void ToolNode::on_timer(const TimerDue& due, Outbox& out) {
    if (due.timer == redial_timer) {
        dial(out);
    } else if (due.timer == ask_again_timer) {
        for (const StatusQuery& query : options_.also) {
            if (server_ && due_again_.count(query.id) > 0) {
                out.send(*server_, query);
            }
        }
        due_again_.clear();
    } else if (due.timer == limit_timer) {
        if (server_) {
            causes_[next_] = "connected, but it did not answer";
        }
        stop_unreachable(out);
    }
}

void ToolNode::stop_unreachable(Outbox& out) {
    std::string reason;
    for (std::size_t i = 0; i < options_.servers.size(); ++i) {
        const std::string address = to_string(options_.servers[i]);
        const std::string cause = causes_[i].empty() ? "no answer in time" : causes_[i];
        reason += reason.empty() ? "" : "; ";
        reason += cause.find(address) != std::string::npos ? cause : address + ": " + cause;
    }
    stop(exit_code::peer_lost, "no server can be reached: " + reason, out);
}

void ToolNode::stop(int code, const std::string& reason, Outbox& out) {
    stopped_ = true;
    out.report(TraceEvent("node_stopped")
                   .with("code", static_cast<std::uint64_t>(code))
                   .log(code == exit_code::ok ? Level::debug : Level::error, "tool",
                        code == exit_code::ok ? "" : reason));
    out.stop(code, reason);
}

}  // namespace

std::unique_ptr<Node> make_tool_node(ToolNodeOptions options) {
    return std::make_unique<ToolNode>(std::move(options));
}

}  // namespace starling
