#pragma once

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/overloaded.hpp"
#include "core/ledger/membership.hpp"
#include "core/sn/sn_node.hpp"
#include "transport/crypto/openssl_hasher.hpp"
#include "transport/memory/memory_keys.hpp"

namespace starling::test {

/// Runs a single node without a network: feeds it inputs and records its effects.
struct NodeBench {
    explicit NodeBench(std::unique_ptr<Node> made) : node(std::move(made)) { step(Started{}); }

    void step(const Input& input) {
        effects.clear();
        node->step(now, input, effects);
        for (const Effect& effect : effects) {
            std::visit(Overloaded{[&](const Send& send) { sent.push_back(send); },
                                  [&](const SetTimer& timer) { timers[timer.timer] = timer.at; },
                                  [&](const CancelTimer& timer) { timers.erase(timer.timer); },
                                  [&](const Persist& persist) {
                                      records.resize(persist.first - 1);
                                      records.insert(records.end(), persist.records.begin(),
                                                     persist.records.end());
                                  },
                                  [&](const PersistVote& vote) { votes.push_back(vote.vote); },
                                  [&](const Connect& dial) { dialled.push_back(dial.address); },
                                  [&](const Stop& stop) { stopped = stop; }, [](const auto&) {}},
                       effect);
        }
    }
    void frame(const NodeId& from, Message message, Blob body = {}) {
        step(FrameReceived{from, {std::move(message), std::move(body)}});
    }
    /// Lets time pass, firing each timer when it is due. \param timers_max  after this many timers
    /// the remaining time passes at once, as when a host was suspended.
    void pass(SwarmDuration time, int timers_max = std::numeric_limits<int>::max()) {
        const SwarmTime end = now + time;
        for (int fired = 0; fired < timers_max && !stopped; ++fired) {
            auto next = timers.end();
            for (auto timer = timers.begin(); timer != timers.end(); ++timer) {
                if (timer->second <= end &&
                    (next == timers.end() || timer->second < next->second)) {
                    next = timer;
                }
            }
            if (next == timers.end()) {
                break;
            }
            const std::uint32_t due = next->first;
            now = std::max(now, next->second);
            timers.erase(next);
            step(TimerDue{due});
        }
        now = std::max(now, end);
    }
    /// The latest message of this type that the node sent to `to`.
    template <typename Type>
    const Type* last(const NodeId& to) const {
        for (auto send = sent.rbegin(); send != sent.rend(); ++send) {
            if (const auto* message = std::get_if<Type>(&send->frame.message);
                message != nullptr && send->to == to) {
                return message;
            }
        }
        return nullptr;
    }
    std::uint64_t bytes_kept() const {
        std::uint64_t bytes = 0;
        for (const Bytes& record : records) {
            bytes += record.size();
        }
        return bytes;
    }

    std::unique_ptr<Node> node;
    SwarmTime now = from_ns(1'000'000'000);
    std::vector<Effect> effects;  ///< of the latest step
    std::vector<Send> sent;
    std::vector<Bytes> records;  ///< its log, as stored on disk
    std::vector<Vote> votes;
    std::vector<Address> dialled;
    std::map<std::uint32_t, SwarmTime> timers;
    std::optional<Stop> stopped;
};

inline Server server(std::uint64_t number, bool voter = true) {
    const std::string text = std::to_string(number);
    return {{"sn" + text}, {"10.0.1." + text, 30304}, number, voter};
}

/// Options of SN 1, with the given servers in its log; without any, it is the only SN.
inline SnNodeOptions sn_options(const std::vector<Server>& servers = {}) {
    SnNodeOptions options;
    options.id = {"sn1"};
    options.api_address = options.peer_address = server(1).address;
    options.signer = make_memory_signer(openssl_hasher(), options.id, 1);
    options.verifier = make_memory_verifier(openssl_hasher());
    if (!servers.empty()) {
        options.log.vote = {1, 1, 0};
        options.log.records = {
            encode_record({1, 1, RecordKind::membership, encode_membership(servers)})};
    }
    return options;
}

/// A node that signs its commands.
struct Author {
    explicit Author(const std::string& name)
        : id{name}, signer(make_memory_signer(openssl_hasher(), id, 1)) {}

    SubmitCommand submit(Command command) {
        SubmitCommand submit{session, ++sequence, std::move(command), {}};
        submit.signature = signer->sign(command_text(id, session, sequence, submit.command));
        return submit;
    }
    SubmitCommand registration() {
        return submit(RegisterNode{Role::sl, {"10.0.0.1", 16000}, signer->credentials()});
    }
    Bytes entry(Command command, std::int64_t time_ns = 5) {
        const SubmitCommand submitted = submit(std::move(command));
        return encode_entry({time_ns, id, submitted.session, submitted.sequence, submitted.command,
                             submitted.signature});
    }

    NodeId id;
    std::shared_ptr<const NodeSigner> signer;
    std::uint64_t session = 7;
    std::uint64_t sequence = 0;
};

constexpr const char* tiny_layout = "w F32 4\n";
inline ContractConfig tiny_contract(std::uint32_t min_peers) {
    ContractConfig config;
    config.min_peers = min_peers;
    config.layout_bytes = 16;
    return config;
}

}  // namespace starling::test
