#include "core/board/round_table.hpp"

#include <algorithm>

namespace starling {
namespace {

constexpr std::size_t contracts_max = 1'000;
constexpr std::size_t names_shown = 8;
// Above this many members a text is not made again for every single check-in.
constexpr std::size_t each_below = 32;

}  // namespace

RoundTable::Contract& RoundTable::contract_of(const std::string& name, Moment now) {
    const auto known = contracts_.find(name);
    Contract& contract = known == contracts_.end() && contracts_.size() >= contracts_max
                             ? contracts_["(further contracts)"]
                             : contracts_[name];
    contract.version = now.version;
    return contract;
}

BoardRound& RoundTable::round_of(const std::string& name, std::uint64_t round, Moment now) {
    const auto key = std::tuple(name, contract_of(name, now).run, round);
    const auto known = ids_.find(key);
    if (known == ids_.end()) {
        ids_[key] = rounds_.next();
        const auto dropped = rounds_.add(
            {.contract = name, .run = std::get<1>(key), .round = round, .version = now.version});
        if (dropped) {
            ids_.erase({dropped->contract, dropped->run, dropped->round});
        }
        return rounds_.back();
    }
    BoardRound& found = *rounds_.find(known->second);
    found.version = now.version;
    return found;
}

void RoundTable::joined(const std::string& name, std::size_t node, Moment now) {
    Contract& contract = contract_of(name, now);
    contract.lost.erase(node);
    if (contract.members.insert(node).second) {
        update_wait(name, now);
    }
}

void RoundTable::gone(const std::string& name, std::size_t node, Moment now) {
    Contract& contract = contract_of(name, now);
    contract.here.erase(node);
    if (contract.members.erase(node) > 0) {
        contract.lost.insert(node);
        update_wait(name, now);
    }
}

void RoundTable::forget(const std::string& name, std::size_t node, Moment now) {
    gone(name, node, now);
    contract_of(name, now).lost.erase(node);
}

void RoundTable::begins(const std::string& name, std::size_t by, Moment now) {
    Contract& contract = contract_of(name, now);
    if (!contract.phase.empty() && contract.ended_by == by) {
        contract = {.run = contract.run + 1, .wait = contract.wait, .version = now.version};
    }
}

void RoundTable::run_is(const std::string& name, std::uint64_t run, Moment now) {
    Contract& contract = contract_of(name, now);
    if (run > contract.run) {
        contract = {.run = run, .wait = contract.wait, .version = now.version};
    }
}

void RoundTable::checked_in(const std::string& name, std::size_t node, std::uint64_t round,
                            Moment now) {
    Contract& contract = contract_of(name, now);
    if (round < contract.round || !contract.phase.empty()) {
        return;  // a replica that is behind repeats what is known
    }
    if (round > contract.round) {
        contract.round = round;
        end_round(contract, now);
    }
    contract.members.insert(node);
    contract.lost.erase(node);
    if (!contract.here.insert(node).second) {
        return;
    }
    if (contract.here.size() == 1) {
        contract.since_us = now.us;
    }
    BoardRound& entry = round_of(name, round, now);
    entry.first_check_in_us = entry.first_check_in_us < 0 ? now.us : entry.first_check_in_us;
    entry.last_check_in_us = std::max(entry.last_check_in_us, now.us);
    update_wait(name, now);
}

void RoundTable::frozen(const std::string& name, std::uint64_t round, std::uint64_t attempt,
                        std::uint64_t members, Moment now) {
    Contract& contract = contract_of(name, now);
    if (round < contract.round) {
        return;
    }
    BoardRound& entry = round_of(name, round, now);
    if (entry.frozen_us >= 0 && attempt <= entry.attempt) {
        return;
    }
    entry.frozen_us = now.us;
    entry.attempt = attempt;
    entry.members = members;
    contract.exchange = true;
    contract.since_us = now.us;
    contract.merged.clear();
    update_wait(name, now);
}

void RoundTable::plan_is(const std::string& name, std::uint64_t round, std::string_view plan,
                         Moment now) {
    round_of(name, round, now).plan = plan.substr(0, 64);
}

void RoundTable::merged(const std::string& name, std::size_t node, std::uint64_t round,
                        std::uint64_t sent_bytes, Moment now) {
    Contract& contract = contract_of(name, now);
    if (sent_bytes > 0) {
        round_of(name, round, now).sent_bytes += sent_bytes;
    }
    if (round == contract.round && contract.merged.insert(node).second) {
        update_wait(name, now);
    }
}

void RoundTable::sent(const std::string& name, std::uint64_t round, std::uint64_t bytes,
                      Moment now) {
    round_of(name, round, now).sent_bytes += bytes;
}

void RoundTable::done(const std::string& name, std::uint64_t round, Moment now) {
    BoardRound& entry = round_of(name, round, now);
    entry.done_us = std::max(entry.done_us, now.us);
}

void RoundTable::end_round(Contract& contract, Moment now) {
    contract.exchange = false;
    contract.here.clear();
    contract.merged.clear();
    contract.since_us = now.us;
}

void RoundTable::committed(const std::string& name, std::uint64_t round, std::uint64_t members,
                           std::string_view digest, bool final, Moment now) {
    Contract& contract = contract_of(name, now);
    BoardRound& entry = round_of(name, round, now);
    if (entry.committed_us >= 0) {
        return;
    }
    entry.committed_us = now.us;
    entry.members = members;
    entry.digest = digest;
    entry.final = final;
    if (round >= contract.round) {
        contract.round = round + 1;
        end_round(contract, now);
        update_wait(name, now);
    }
}

void RoundTable::ended(const std::string& name, std::string_view phase, std::size_t by,
                       Moment now) {
    Contract& contract = contract_of(name, now);
    if (contract.phase.empty()) {
        contract.phase = phase;
        contract.ended_by = by;
        contract.since_us = now.us;
        update_wait(name, now);
    }
}

std::string RoundTable::names_of(const std::set<std::size_t>& nodes) const {
    std::string text;
    std::size_t count = 0;
    for (const std::size_t node : nodes) {
        if (count == names_shown) {
            return text + " and " + std::to_string(nodes.size() - names_shown) + " more";
        }
        text += (count++ == 0 ? "" : ", ") + nodes_.at(node).name;
        const NodeActivity state = nodes_.at(node).state;
        if (state == NodeActivity::down || state == NodeActivity::failed) {
            text += state == NodeActivity::down ? " (down)" : " (failed)";
        }
    }
    return text;
}

std::string RoundTable::wait_text(const Contract& contract, std::size_t& missing) const {
    missing = 0;
    if (!contract.phase.empty()) {
        return contract.phase == "complete" ? "The training is complete."
                                            : "The run was " + contract.phase + ".";
    }
    const std::string round = "Round " + std::to_string(contract.round) +
                              (nodes_.no_server_left() ? ", but no SN is running: " : ": ");
    std::set<std::size_t> awaited;
    const std::set<std::size_t>& all = contract.exchange ? contract.here : contract.members;
    const std::set<std::size_t>& ready = contract.exchange ? contract.merged : contract.here;
    std::set_difference(all.begin(), all.end(), ready.begin(), ready.end(),
                        std::inserter(awaited, awaited.end()));
    missing = awaited.size();
    if (contract.exchange) {
        return awaited.empty() ? round + "all members have merged; the ledger has to commit."
                               : round + "exchange of parameters, until " + names_of(awaited) +
                                     (awaited.size() == 1 ? " has" : " have") + " merged.";
    }
    if (contract.here.empty()) {
        return contract.members.empty() ? "No member has joined yet."
                                        : round + "the members train. Nobody waits.";
    }
    const std::size_t count = contract.members.size();
    const std::string here = std::to_string(contract.here.size()) + " of " + std::to_string(count) +
                             (count == 1 ? " member" : " members") +
                             (contract.here.size() == 1 ? " has" : " have") + " checked in";
    if (!awaited.empty()) {
        return round + here + ". Missing: " + names_of(awaited) + ".";
    }
    return round + here + ". More members have to join" +
           (contract.lost.empty() ? "." : "; lost: " + names_of(contract.lost) + ".");
}

void RoundTable::update_waits(Moment now) {
    for (const auto& [name, contract] : contracts_) {
        update_wait(name, now);
    }
}

void RoundTable::update_wait(const std::string& name, Moment now) {
    const auto known = contracts_.find(name);
    if (known == contracts_.end()) {
        return;
    }
    Contract& contract = known->second;
    std::size_t missing = 0;
    std::string text = wait_text(contract, missing);
    BoardWait* before = contract.wait == 0 ? nullptr : waits_.find(contract.wait - 1);
    if (before != nullptr && before->to_us < 0) {
        const std::size_t step = contract.members.size() / each_below;
        const std::size_t change =
            std::max(missing, contract.missing) - std::min(missing, contract.missing);
        const bool small =
            before->since_us == contract.since_us && missing > names_shown && change < step;
        if (before->text == text || small) {
            return;
        }
        before->to_us = std::max(now.us, before->from_us);
        before->version = now.version;
    }
    contract.missing = missing;
    contract.wait = waits_.next() + 1;
    waits_.add({0, name, now.us, -1, contract.since_us, std::move(text), now.version});
}

bool RoundTable::is_over(const std::string& name) const {
    const auto known = contracts_.find(name);
    return known != contracts_.end() && !known->second.phase.empty();
}

std::string RoundTable::only_contract() const {
    return contracts_.size() == 1 ? contracts_.begin()->first : "default";
}

void RoundTable::write(JsonWriter& json, std::uint64_t since) const {
    json.key("contracts").begin_array();
    for (const auto& [name, contract] : contracts_) {
        json.begin_object()
            .field("name", name)
            .field("run", contract.run)
            .field("round", contract.round)
            .field("members", contract.members.size())
            .field("phase", !contract.phase.empty() ? std::string_view(contract.phase)
                            : contract.exchange     ? "exchanging"
                            : contract.here.empty() ? "training"
                                                    : "gathering")
            .end_object();
    }
    json.end_array();
    rounds_.write(json, "rounds", since, [&](const BoardRound& round) {
        json.begin_object()
            .field("id", round.id)
            .field("contract", round.contract)
            .field("run", round.run)
            .field("round", round.round)
            .field("attempt", round.attempt)
            .field("members", round.members)
            .field("first_check_in_us", round.first_check_in_us)
            .field("last_check_in_us", round.last_check_in_us)
            .field("frozen_us", round.frozen_us)
            .field("committed_us", round.committed_us)
            .field("done_us", round.done_us)
            .field("sent_bytes", round.sent_bytes)
            .field("digest", round.digest)
            .field("plan", round.plan)
            .field("final", round.final)
            .end_object();
    });
    waits_.write(json, "waits", since, [&](const BoardWait& wait) {
        json.begin_object()
            .field("id", wait.id)
            .field("contract", wait.contract)
            .field("from_us", wait.from_us)
            .field("to_us", wait.to_us)
            .field("since_us", wait.since_us)
            .field("text", wait.text)
            .end_object();
    });
}

}  // namespace starling
