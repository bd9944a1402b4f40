#include "core/ledger/contract.hpp"

#include <algorithm>
#include <array>

#include "core/base/choice.hpp"

namespace starling {

std::string_view to_string(EndMode mode) {
    switch (mode) {
        case EndMode::snapshot:
            return "snapshot";
        case EndMode::active:
            return "active";
        case EndMode::inactive:
            return "inactive";
    }
    return "unknown";
}

Result<EndMode> parse_end_mode(std::string_view text) {
    return parse_choice(text, std::array{EndMode::snapshot, EndMode::active, EndMode::inactive},
                        "is not an end mode");
}

std::string_view to_string(ContractPhase phase) {
    switch (phase) {
        case ContractPhase::gathering:
            return "gathering";
        case ContractPhase::exchanging:
            return "exchanging";
        case ContractPhase::complete:
            return "complete";
        case ContractPhase::aborted:
            return "aborted";
    }
    return "unknown";
}

bool is_site(std::string_view text) { return text.empty() || parse_node_id(text).has_value(); }

std::string_view to_string(Durability durability) {
    switch (durability) {
        case Durability::all:
            return "all";
        case Durability::quorum:
            return "quorum";
        case Durability::none:
            return "none";
    }
    return "unknown";
}

Result<Durability> parse_durability(std::string_view text) {
    return parse_choice(text, std::array{Durability::all, Durability::quorum, Durability::none},
                        "does not say who has a model on disk before its round is committed");
}

bool is_durable_enough(Durability durability, std::size_t durable, std::size_t members) {
    switch (durability) {
        case Durability::all:
            return durable >= members;
        case Durability::quorum:
            return durable * 2 > members;
        case Durability::none:
            return true;
    }
    return false;
}

SwarmDuration attempt_limit(const ContractConfig& config, std::size_t members) {
    const auto bytes = static_cast<double>(busiest_member_bytes(
        std::max<std::size_t>(members, 1), config.layout_bytes, config.exchange));
    constexpr double longest = 1e9;  // seconds; more can't be added to a time
    const double seconds = 4 * bytes / static_cast<double>(config.slowest_link);
    return std::chrono::minutes(10) + from_seconds(std::min(seconds, longest));
}

std::string to_string(const ContractConfig& config) {
    const auto seconds = [](std::int64_t ns) { return std::to_string(ns / 1'000'000'000) + " s"; };
    return "min_peers " + std::to_string(config.min_peers) + ", sync_frequency " +
           std::to_string(config.sync_frequency) + ", merge " + to_string(config.merge) +
           ", compression " + to_string(config.compression) + ", non-finite " +
           std::string(to_string(config.non_finite)) + ", exchange " +
           std::string(to_string(config.exchange)) + ", durable " +
           std::string(to_string(config.durable)) + ", grace " + seconds(config.grace_ns) +
           ", wait limit " + (config.wait_limit_ns == 0 ? "none" : seconds(config.wait_limit_ns)) +
           ", slowest link " + std::to_string(config.slowest_link) + " bytes/s";
}

void MemberCounts::add(const NodeId& node, const Member& member) {
    const bool is_active = member.status == MemberStatus::active;
    active += is_active ? 1U : 0U;
    checked_in += is_active && member.check_in ? 1U : 0U;
    lost += member.status == MemberStatus::lost ? 1U : 0U;
    expelled += member.status == MemberStatus::expelled ? 1U : 0U;
    name_bytes += name_bytes_of(node);
}

void MemberCounts::remove(const NodeId& node, const Member& member) {
    MemberCounts one;
    one.add(node, member);
    active -= one.active;
    checked_in -= one.checked_in;
    lost -= one.lost;
    expelled -= one.expelled;
    name_bytes -= one.name_bytes;
}

bool merge_alike(const MemberList& one, const MemberList& other) {
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [](const RoundMember& a, const RoundMember& b) {
                          return a.id == b.id && a.weight == b.weight && a.merges == b.merges &&
                                 a.site == b.site && a.session == b.session;
                      });
}

bool Contract::are_apart(const NodeId& one, const NodeId& other) const {
    return apart.contains(std::minmax(one, other));
}

bool Contract::has_ended() const {
    return phase == ContractPhase::complete || phase == ContractPhase::aborted;
}

void Contract::stop_exchange() {
    frozen.clear();
    departed.clear();
    std::vector<MemberReport>().swap(reports.recorded);
}

// Asked with each heartbeat, and nearly always there are none: then nothing is looked up.

bool Contract::has_lost(const NodeId& node) const {
    if (members.counts.lost == 0) {
        return false;
    }
    const auto member = members.find(node);
    return !has_ended() && member != members.end() && member->second.status == MemberStatus::lost;
}

bool Contract::has_expelled(const NodeId& node) const {
    if (members.counts.expelled == 0) {
        return false;
    }
    const auto member = members.find(node);
    return member != members.end() && member->second.status == MemberStatus::expelled;
}

std::string expelled_text(const Contract& contract, const NodeId& node) {
    const std::string who =
        "node '" + node.name + "' was expelled from contract '" + contract.name + "': ";
    const auto deviated = contract.deviations.find(node);
    if (deviated != contract.deviations.end() && deviated->second >= deviations_max) {
        return who + "its merges differed from the others' in " + std::to_string(deviations_max) +
               " rounds. Check the memory of its machine and its program; the next run accepts it "
               "again";
    }
    return who + "it held up " + std::to_string(holdups_max) +
           " rounds, or restarted during rounds or refused connections ten times as often. Check "
           "the "
           "network between it and the other members, and their certificates; the next run accepts "
           "it again";
}

namespace {

bool all_stayed(const Contract& contract) {
    if (contract.phase != ContractPhase::gathering || !contract.last_commit) {
        return false;
    }
    const MemberList& members = contract.last_commit->members;
    return members.size() <= early_members_max &&
           std::all_of(members.begin(), members.end(), [&](const RoundMember& member) {
               const auto found = contract.members.find(member.id);
               return found != contract.members.end() &&
                      found->second.status == MemberStatus::active;
           });
}

}  // namespace

MemberList further_holders(const Contract& contract) {
    if (contract.phase != ContractPhase::gathering || !contract.last_commit ||
        contract.members.size() > early_members_max || contract.checked_in_count() == 0) {
        return {};
    }
    std::vector<RoundMember> holders;
    for (const auto& [id, member] : contract.members) {
        if (holders.size() < holders_max && member.status == MemberStatus::active &&
            member.check_in && contract.last_commit->members.find(id) == nullptr) {
            holders.push_back({.id = id, .address = member.address});
        }
    }
    return holders;
}

ContractView view_of(const Contract& contract) {
    ContractView view;
    view.name = contract.name;
    view.run = contract.run;
    view.version = contract.version;
    view.phase = contract.phase;
    view.round = contract.round;
    view.attempt = contract.attempt;
    view.checked_in = contract.checked_in_count();
    view.min_peers = contract.config.min_peers;
    view.frozen = contract.frozen;
    view.holders = further_holders(contract);
    view.departed = contract.departed;
    view.last_commit = contract.last_commit;
    view.all_stayed = all_stayed(contract);
    view.reason = contract.reason;
    return view;
}

namespace {

bool are_sound(const MemberList& members) {
    const bool ascending = std::adjacent_find(members.begin(), members.end(),
                                              [](const RoundMember& a, const RoundMember& b) {
                                                  return !(a.id < b.id);
                                              }) == members.end();
    return ascending && std::all_of(members.begin(), members.end(),
                                    [](const RoundMember& m) { return m.weight <= weight_max; });
}

}  // namespace

bool can_merge(const MemberList& members) {
    return std::any_of(members.begin(), members.end(),
                       [](const RoundMember& m) { return m.weight > 0; }) &&
           std::any_of(members.begin(), members.end(),
                       [](const RoundMember& m) { return m.merges; });
}

bool is_sound(const ContractView& view) {
    const bool departed_ascend = std::adjacent_find(view.departed.begin(), view.departed.end(),
                                                    [](const NodeId& a, const NodeId& b) {
                                                        return !(a < b);
                                                    }) == view.departed.end();
    if (!are_sound(view.frozen) || !are_sound(view.holders) || !departed_ascend ||
        (view.last_commit && !are_sound(view.last_commit->members))) {
        return false;
    }
    if (view.phase != ContractPhase::exchanging) {
        return true;
    }
    return can_merge(view.frozen) &&
           std::none_of(view.frozen.begin(), view.frozen.end(), [&](const RoundMember& m) {
               return std::binary_search(view.departed.begin(), view.departed.end(), m.id);
           });
}

}  // namespace starling
