// Decorator of SN and SL nodes: obtains a seat before the node starts, and renews it. States:
// seeking (no seat; inputs for the node are queued), held, ending. While no server can be reached a
// node that has a seat continues for a grace period, since training must not depend on one server;
// a refusal by the server that granted the seat ends it.
#include "core/licence/licensed_node.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "core/node/outbox.hpp"

namespace starling {
namespace {

constexpr SwarmDuration redial_interval = std::chrono::seconds(1);
constexpr std::size_t queued_inputs_max = 4096;  // for a node that has not started

/// Numbers above those of all nodes' own timers.
enum Timer : std::uint32_t { acquire_timer = 0xa9150000, renew_timer, redial_timer, grace_timer };

std::string seconds_text(SwarmDuration duration) {
    return std::to_string(std::chrono::ceil<std::chrono::seconds>(duration).count()) + " s";
}

/// Bounds on a server's lease: with a very short one, a server could keep a node busy with renewals
/// alone; a very long one might overflow a time.
bool is_valid_lease(std::int64_t ns) {
    return ns >= seat_lease_min.count() && ns <= seat_lease_max.count();
}

class LicensedNode final : public Node {
public:
    LicensedNode(std::unique_ptr<Node> inner, SeatOptions options)
        : inner_(std::move(inner)), options_(std::move(options)) {}

    const NodeId& id() const override { return inner_->id(); }
    Role role() const override { return inner_->role(); }
    std::uint64_t session() const override { return inner_->session(); }

    void step(SwarmTime now, const Input& input, std::vector<Effect>& effects) override {
        Outbox out(effects);
        now_ = now;
        if (stopped_) {
            return;
        }
        if (!handle_licence_input(input, out)) {
            forward(input, out);
        }
    }

private:
    static constexpr std::string_view component = "swarm.licence";  ///< of log lines
    enum class State { seeking, held, ending };

    /// Handles inputs about the licence. \return  false: it is for the inner node.
    bool handle_licence_input(const Input& input, Outbox& out);
    void forward(const Input& input, Outbox& out);
    void step_inner(const Input& input, Outbox& out);

    void dial(Outbox& out);
    void try_next_server(const std::string& why, Errc code, Outbox& out);
    void on_reply(const SeatReply& reply, Outbox& out);
    void on_held(const SeatReply& reply, Outbox& out);
    void on_server_lost(const std::string& reason, Outbox& out);
    void enter_grace(const std::string& why, Outbox& out);
    bool on_timer(std::uint32_t timer, Outbox& out);
    void give_up(Errc code, const std::string& reason, Outbox& out);

    const Address& server_address() const { return options_.servers[server_index_]; }
    bool is_server(const Address& address) const {
        return std::find(options_.servers.begin(), options_.servers.end(), address) !=
               options_.servers.end();
    }

    std::unique_ptr<Node> inner_;
    SeatOptions options_;
    State state_ = State::seeking;
    std::size_t server_index_ = 0;    ///< of the server to request a seat from
    std::size_t failed_servers_ = 0;  ///< servers in a row that gave no seat
    std::string last_failure_;
    Errc last_failure_code_ = Errc::unreachable;
    SwarmTime now_{};
    std::set<NodeId> servers_up_;    ///< connected licence servers
    std::optional<NodeId> server_;   ///< of these, the one requests are sent to
    std::optional<NodeId> grantor_;  ///< the server that granted the seat
    SwarmTime renewed_at_{};
    SwarmDuration lease_{0};
    bool in_grace_ = false;
    std::vector<Input> queued_inputs_;  ///< for inner, until it is started
    std::optional<Stop> end_;           ///< replaces inner's Stop
    bool stopped_ = false;
};

bool LicensedNode::handle_licence_input(const Input& input, Outbox& out) {
    if (std::holds_alternative<Started>(input)) {
        out.report(TraceEvent("seat_wanted")
                       .log(Level::info, component,
                            "Acquiring floating license for role " +
                                std::string(to_string(role())) + " from " +
                                to_string(server_address())));
        out.set_timer(acquire_timer, now_ + options_.acquire_timeout);
        dial(out);
        return true;
    }
    if (const auto* up = std::get_if<PeerUp>(&input); up != nullptr && up->role == Role::apls) {
        servers_up_.insert(up->peer);
        server_ = up->peer;
        if (up->ca != CaFingerprint{}) {
            out.pin_peer(up->peer, up->ca);
        }
        out.send(*server_, SeatRequest{state_ != State::seeking});
        return true;
    }
    if (const auto* lost = std::get_if<PeerLost>(&input);
        lost != nullptr && servers_up_.erase(lost->peer) > 0) {
        if (server_ && lost->peer == *server_) {
            on_server_lost(lost->reason, out);
        }
        return true;
    }
    if (const auto* failed = std::get_if<ConnectFailed>(&input);
        failed != nullptr && is_server(failed->address)) {
        if (!server_ && failed->address == server_address()) {
            try_next_server(failed->error.message,
                            failed->fatal ? Errc::refused : Errc::unreachable, out);
        }
        return true;
    }
    if (const auto* received = std::get_if<FrameReceived>(&input);
        received != nullptr && servers_up_.contains(received->from)) {
        const auto* reply = std::get_if<SeatReply>(&received->frame.message);
        if (reply != nullptr && server_ && received->from == *server_) {
            on_reply(*reply, out);
        }
        return true;
    }
    if (const auto* due = std::get_if<TimerDue>(&input)) {
        return on_timer(due->timer, out);
    }
    if (const auto* stop = std::get_if<StopRequested>(&input);
        stop != nullptr && state_ == State::seeking) {
        give_up(stop->by_operator() ? Errc::ok : stop->code, stop->reason, out);
        return true;
    }
    return false;
}

/// Passes an input to inner, or queues it until inner is started.
void LicensedNode::forward(const Input& input, Outbox& out) {
    if (state_ != State::seeking) {
        step_inner(input, out);
        return;
    }
    if (queued_inputs_.size() >= queued_inputs_max) {
        give_up(Errc::io, "peers sent too much data before this node had its seat", out);
        return;
    }
    queued_inputs_.push_back(input);
}

void LicensedNode::step_inner(const Input& input, Outbox& out) {
    std::vector<Effect> inner_effects;
    inner_->step(now_, input, inner_effects);
    for (Effect& effect : inner_effects) {
        if (auto* stop = std::get_if<Stop>(&effect)) {
            if (server_ && state_ == State::held) {
                out.send(*server_, SeatRelease{});
                out.report(
                    TraceEvent("seat_released").log(Level::info, component, "Releasing license"));
            }
            out.forward(end_ ? *end_ : std::move(*stop));
            stopped_ = true;
            return;
        }
        out.forward(std::move(effect));
    }
}

void LicensedNode::dial(Outbox& out) { out.connect(server_address(), Role::apls); }

/// This server gave no seat: tries the next one, at once unless all have been tried in a row.
void LicensedNode::try_next_server(const std::string& why, Errc code, Outbox& out) {
    // A refusal explains more than an unreachable server.
    if (last_failure_.empty() || code == Errc::refused || last_failure_code_ != Errc::refused) {
        last_failure_ = why;
        last_failure_code_ = code;
    }
    ++failed_servers_;
    server_index_ = (server_index_ + 1) % options_.servers.size();
    if (failed_servers_ < options_.servers.size()) {
        dial(out);
        return;
    }
    failed_servers_ = 0;
    if (state_ == State::seeking && last_failure_code_ == Errc::refused) {
        give_up(Errc::refused, last_failure_, out);
        return;
    }
    last_failure_ = why;
    last_failure_code_ = code;
    out.set_timer(redial_timer, now_ + redial_interval);
}

void LicensedNode::on_reply(const SeatReply& reply, Outbox& out) {
    std::string why = reply.reason;
    if (reply.code == Errc::ok) {
        if (is_valid_lease(reply.lease_ns)) {
            on_held(reply, out);
            return;
        }
        why = "licence server '" + server_->name + "' grants a seat for " +
              std::to_string(reply.lease_ns) + " ns; a lease must be from " +
              seconds_text(seat_lease_min) + " to " + seconds_text(seat_lease_max);
    }
    if (state_ == State::held && server_ == grantor_ && reply.code == Errc::refused) {
        give_up(Errc::refused, "the licence server revokes the seat: " + reply.reason, out);
    } else if (state_ != State::ending) {
        if (state_ == State::held) {
            enter_grace(why, out);
        }
        server_.reset();
        try_next_server(why, Errc::refused, out);
    }
}

void LicensedNode::on_held(const SeatReply& reply, Outbox& out) {
    renewed_at_ = now_;
    grantor_ = server_;
    lease_ = SwarmDuration{reply.lease_ns};
    failed_servers_ = 0;
    last_failure_.clear();
    out.set_timer(renew_timer, now_ + lease_ / 3);
    if (in_grace_) {
        in_grace_ = false;
        out.cancel_timer(grace_timer);
        out.report(TraceEvent("seat_renewed")
                       .log(Level::info, component,
                            "Licence server '" + server_->name +
                                "' is reachable again; the seat is renewed"));
    }
    if (state_ != State::seeking) {
        return;
    }
    state_ = State::held;
    out.cancel_timer(acquire_timer);
    out.report(
        TraceEvent("seat_held")
            .with("server", server_->name)
            .log(Level::info, component,
                 "License acquired from '" + server_->name + "', lease " + seconds_text(lease_)));
    step_inner(Started{}, out);
    for (const Input& input : std::exchange(queued_inputs_, {})) {
        if (!stopped_) {
            step_inner(input, out);
        }
    }
}

void LicensedNode::on_server_lost(const std::string& reason, Outbox& out) {
    server_.reset();
    if (state_ == State::held) {
        enter_grace("the connection to the licence server was lost: " + reason, out);
    }
    // The server that granted the seat is dialled again first, then the next in the list.
    out.set_timer(redial_timer, now_ + redial_interval);
}

void LicensedNode::enter_grace(const std::string& why, Outbox& out) {
    if (std::exchange(in_grace_, true)) {
        return;
    }
    out.set_timer(grace_timer, renewed_at_ + options_.grace);
    out.report(TraceEvent("licence_grace")
                   .with("seconds", static_cast<std::uint64_t>(to_seconds(options_.grace)))
                   .log(Level::warning, component,
                        "The seat can't be renewed (" + why +
                            "). This node continues without it for " +
                            seconds_text(options_.grace) + " (grace period) and keeps trying"));
}

bool LicensedNode::on_timer(std::uint32_t timer, Outbox& out) {
    switch (timer) {
        case acquire_timer:
            if (state_ == State::seeking) {
                give_up(
                    Errc::unreachable,
                    "no licence server can be reached within " +
                        seconds_text(options_.acquire_timeout) + ": " +
                        (last_failure_.empty() ? to_string(server_address()) + " does not answer"
                                               : last_failure_),
                    out);
            }
            return true;
        case renew_timer:
            if (server_) {
                if (now_ - renewed_at_ > lease_) {
                    enter_grace("the licence server does not answer", out);
                }
                out.send(*server_, SeatRequest{true});
                out.set_timer(renew_timer, now_ + lease_ / 3);
            }
            return true;
        case redial_timer:
            if (!server_) {
                dial(out);
            }
            return true;
        case grace_timer:
            if (in_grace_) {
                give_up(Errc::unreachable,
                        "no licence server was reached for " + seconds_text(options_.grace) +
                            " (the grace period is over)",
                        out);
            }
            return true;
        default:
            return false;
    }
}

/// Ends: at once if inner was not started, otherwise by inner's own stop.
void LicensedNode::give_up(Errc code, const std::string& reason, Outbox& out) {
    out.report(TraceEvent("seat_lost")
                   .with("code", static_cast<std::uint64_t>(exit_code_of(code)))
                   .log(code == Errc::ok ? Level::info : Level::error, component,
                        code == Errc::ok ? "Stopping (" + reason + ")" : reason));
    end_ = Stop{exit_code_of(code), reason};
    if (state_ == State::seeking) {
        out.forward(*end_);
        stopped_ = true;
        return;
    }
    state_ = State::ending;
    step_inner(StopRequested{reason, code}, out);
}

}  // namespace

std::unique_ptr<Node> make_licensed_node(std::unique_ptr<Node> inner, SeatOptions options) {
    if (options.servers.empty()) {
        return inner;
    }
    return std::make_unique<LicensedNode>(std::move(inner), std::move(options));
}

}  // namespace starling
