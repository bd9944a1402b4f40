#include "core/node/dial_watch.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "core/base/heap_optional.hpp"
#include "core/node/outbox.hpp"

namespace starling {
namespace {

/// Nodes are started one after the other: so long nobody is missed.
constexpr SwarmDuration first_line_after = std::chrono::seconds(3);
constexpr SwarmDuration first_interval = std::chrono::seconds(5);
constexpr SwarmDuration interval_max = std::chrono::minutes(5);
/// Failures that lie further apart are not of one absence.
constexpr SwarmDuration pause_max = std::chrono::minutes(1);
constexpr std::size_t watched_max = 64;

class DialWatch final : public Node {
public:
    DialWatch(std::unique_ptr<Node> inner, std::vector<DialTarget> targets)
        : inner_(std::move(inner)) {
        for (DialTarget& target : targets) {
            if (!target.addresses.empty()) {
                watched_.push_back({.target = std::move(target)});
            }
        }
    }

    const NodeId& id() const override { return inner_->id(); }
    Role role() const override { return inner_->role(); }
    std::uint64_t session() const override { return inner_->session(); }

    void step(SwarmTime now, const Input& input, std::vector<Effect>& effects) override {
        const std::size_t before = effects.size();
        inner_->step(now, input, effects);
        bool stops = false;
        for (std::size_t i = before; i < effects.size(); ++i) {
            if (const auto* connect = std::get_if<Connect>(&effects[i])) {
                on_dial(now, *connect);
            }
            stops = stops || std::holds_alternative<Stop>(effects[i]);
        }
        if (const auto* up = std::get_if<PeerUp>(&input)) {
            on_up(*up);
        } else if (const auto* lost = std::get_if<PeerLost>(&input)) {
            on_lost(*lost);
        } else if (const auto* failed = std::get_if<ConnectFailed>(&input); failed && !stops) {
            Outbox out(effects);
            on_failed(now, *failed, out);
        }
    }

private:
    struct Unanswered {
        SwarmTime since;
        SwarmTime failed_at;  ///< the last time
        SwarmTime next_line;
        SwarmDuration interval = first_interval;
        std::map<Address, std::string> errors;  ///< the newest of each address
    };
    struct Watched {
        DialTarget target;
        std::optional<NodeId> peer;           ///< while connected
        HeapOptional<Unanswered> unanswered;  ///< dials; nothing: it was reached
    };

    Watched* find(const Address& address) {
        const auto found = std::find_if(watched_.begin(), watched_.end(), [&](const Watched& one) {
            const std::vector<Address>& all = one.target.addresses;
            return std::find(all.begin(), all.end(), address) != all.end();
        });
        return found == watched_.end() ? nullptr : &*found;
    }

    static void begin(Watched& watched, SwarmTime now) {
        watched.unanswered = Unanswered{
            .since = now, .failed_at = now, .next_line = now + first_line_after, .errors = {}};
    }

    void on_dial(SwarmTime now, const Connect& connect) {
        Watched* watched = find(connect.address);
        if (watched == nullptr && connect.role == Role::sn && watched_.size() < watched_max) {
            const DialTarget target{"SN",
                                    {connect.address},
                                    "It is one of the SNs that keep the ledger: is it running, and "
                                    "can it be reached over the network?"};
            watched_.push_back({.target = target});
            watched = &watched_.back();
        }
        if (watched != nullptr && !watched->peer && !watched->unanswered) {
            begin(*watched, now);
        }
    }

    void on_up(const PeerUp& up) {
        if (Watched* watched = find(up.dialled)) {
            watched->peer = up.peer;
            watched->unanswered.reset();
        }
    }

    void on_lost(const PeerLost& lost) {
        for (Watched& watched : watched_) {
            if (watched.peer == lost.peer) {
                watched.peer.reset();
            }
        }
    }

    void on_failed(SwarmTime now, const ConnectFailed& failed, Outbox& out) {
        Watched* watched = find(failed.address);
        if (watched == nullptr || watched->peer || !watched->unanswered) {
            return;
        }
        if (now - watched->unanswered->failed_at > pause_max) {
            begin(*watched, now);
        }
        Unanswered& unanswered = *watched->unanswered;
        unanswered.failed_at = now;
        unanswered.errors[failed.address] = failed.error.message;
        if (now < unanswered.next_line) {
            return;
        }
        unanswered.next_line = now + unanswered.interval;
        unanswered.interval = std::min(unanswered.interval * 2, interval_max);
        const auto seconds = static_cast<std::uint64_t>(to_seconds(now - unanswered.since));
        std::string text = std::string("No ") + watched->target.name + " has answered for " +
                           std::to_string(seconds) + " s: ";
        const char* between = "";
        for (const auto& [address, error] : unanswered.errors) {
            text += between + error;
            between = "; ";
        }
        out.report(TraceEvent("no_answer")
                       .with("address", to_string(failed.address))
                       .with("seconds", seconds)
                       .log(Level::warning, "swarm.net",
                            text + ". " + watched->target.advice + " This node keeps trying"));
    }

    std::unique_ptr<Node> inner_;
    std::vector<Watched> watched_;
};

}  // namespace

std::unique_ptr<Node> watch_dials(std::unique_ptr<Node> inner, std::vector<DialTarget> targets) {
    return std::make_unique<DialWatch>(std::move(inner), std::move(targets));
}

DialTarget sn_target(std::vector<Address> addresses) {
    return {"SN", std::move(addresses),
            "Is run-sn running there? Check --sn-ip and --sn-api-port."};
}

DialTarget sentinel_target(const std::optional<Address>& address) {
    return {"SN", address ? std::vector{*address} : std::vector<Address>{},
            "Is an SN of the swarm running there? Check --sentinel-ip HOST:PORT: the port is the "
            "other SN's --sn-p2p-port, or its --sn-api-port."};
}

DialTarget licence_target(std::vector<Address> addresses) {
    return {"licence server", std::move(addresses),
            "Is run-apls running there? Check --apls-ip and --apls-port."};
}

}  // namespace starling
