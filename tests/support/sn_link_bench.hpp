#pragma once

#include <algorithm>
#include <list>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/sl/sn_link.hpp"
#include "transport/crypto/openssl_hasher.hpp"
#include "transport/memory/memory_keys.hpp"

namespace starling::test {

inline SwarmTime at(SwarmDuration since_start) { return SwarmTime{} + since_start; }

/// The connection of an SL to two SNs, unless a test makes another one.
class SnLinkBench : public testing::Test {
protected:
    using Hosts = std::vector<std::string>;

    /// The addresses dialled by `act`.
    template <typename Act>
    std::vector<std::string> dialled(Act act) {
        std::vector<Effect> effects;
        Outbox out(effects);
        act(out);
        std::vector<std::string> hosts;
        for (const Effect& effect : effects) {
            if (const auto* connect = std::get_if<Connect>(&effect)) {
                hosts.push_back(connect->address.host);
            }
        }
        return hosts;
    }
    void up(SwarmTime now, const NodeId& sn, const Address& dialled_at = {}) {
        dialled([&](Outbox& out) {
            link.on_up(now, {.peer = sn, .role = Role::sn, .dialled = dialled_at}, out);
        });
    }
    auto heartbeat(SwarmTime now, std::optional<Round> awaited = std::nullopt) {
        return dialled([&](Outbox& out) { link.send_heartbeat(now, {}, awaited, out); });
    }

    Hosts merge_differs(SwarmTime now) {
        return dialled([&](Outbox& out) { link.on_merge_differs(now, out); });
    }
    Hosts left_out(SwarmTime now) {
        return dialled([&](Outbox& out) { link.on_left_out(now, out); });
    }

    /// Whether a heartbeat at that time warns of an SN that does not answer.
    bool warns(SwarmTime now) {
        std::vector<Effect> effects;
        Outbox out(effects);
        link.send_heartbeat(now, {}, std::nullopt, out);
        return std::ranges::any_of(effects, [](const Effect& effect) {
            const auto* report = std::get_if<Report>(&effect);
            return report != nullptr &&
                   report->event.text.find("has not answered") != std::string::npos;
        });
    }

    /// Of links to those SNs.
    const SlNodeOptions& with(std::vector<Address> addresses) {
        SlNodeOptions& options = setups.emplace_back();
        options.id = {"sl1"};
        options.sn_addresses = std::move(addresses);
        options.session = own_session;
        options.signer = make_memory_signer(openssl_hasher(), NodeId{"sl1"}, own_session);
        return options;
    }
    /// What the SN's answer to a heartbeat makes of them.
    int factor_after(const CommandResult& answer) {
        dialled([&](Outbox& out) {
            link.on_heartbeat_answered(at(std::chrono::seconds(1)), answer, out);
        });
        return link.interval_factor();
    }

    void check_in(Round round) {
        dialled([&](Outbox& out) {
            link.submit(at(std::chrono::seconds(1)), CheckInRound{"c", 0, round, {}}, out);
        });
    }
    auto answer(std::uint64_t sequence, Errc code) {
        std::vector<Effect> effects;
        Outbox out(effects);
        return link.take_answered(at(std::chrono::seconds(1)), {sequence, code, "", 0, own_session},
                                  out);
    }
    using Numbers = std::vector<std::uint64_t>;
    /// Numbers of the commands that go out with a heartbeat.
    Numbers repeated() {
        std::vector<Effect> effects;
        Outbox out(effects);
        link.send_heartbeat(at(std::chrono::seconds(1)), {}, std::nullopt, out);
        return commands_to(link.sn().value(), effects);
    }
    static Numbers commands_to(const NodeId& sn, const std::vector<Effect>& effects) {
        Numbers numbers;
        for (const Effect& effect : effects) {
            const auto* send = std::get_if<Send>(&effect);
            const auto* submit =
                send == nullptr ? nullptr : std::get_if<SubmitCommand>(&send->frame.message);
            if (submit != nullptr && send->to == sn) {
                numbers.push_back(submit->sequence);
            }
        }
        return numbers;
    }

    static constexpr std::uint64_t own_session = 7;
    std::list<SlNodeOptions> setups;
    SnLink link{with({{"a", 1}, {"b", 1}})};
};

}  // namespace starling::test
