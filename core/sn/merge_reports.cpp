#include "core/sn/merge_reports.hpp"

namespace starling {

bool MergeReports::is_about(const RoundKey& key, const Contract& contract) const {
    RoundKey current{contract.name, contract.run, contract.round, contract.attempt};
    if (count_old_attempts_) {
        current.attempt = key.attempt;
    }
    return key == current;
}

const RoundReports* MergeReports::find(const Contract& contract) const {
    const auto found = reports_.find(contract.name);
    return found != reports_.end() && is_about(found->second.key, contract) ? &found->second
                                                                            : nullptr;
}

bool MergeReports::has(const Contract& contract, const NodeId& node) const {
    const RoundReports* reports = find(contract);
    if (reports == nullptr) {
        return false;
    }
    const auto report = reports->of.find(node);
    return report != reports->of.end() &&
           (report->second.durable || contract.config.durable == Durability::none);
}

bool MergeReports::has(const Contract& contract, const NodeId& node,
                       const MemberReport& report) const {
    const RoundReports* reports = find(contract);
    if (reports == nullptr) {
        return false;
    }
    const auto known = reports->of.find(node);
    return known != reports->of.end() &&
           (known->second == report || (known->second.durable && !report.durable));
}

const MemberReport* MergeReports::find(const RoundKey& key, const NodeId& node) const {
    const auto reports = reports_.find(key.contract);
    if (reports == reports_.end() || reports->second.key != key) {
        return nullptr;
    }
    const auto found = reports->second.of.find(node);
    return found == reports->second.of.end() ? nullptr : &found->second;
}

void MergeReports::add(const RoundKey& key, const Contract& contract, const MemberReport& report) {
    RoundReports& reports = reports_[contract.name];
    if (!is_about(reports.key, contract)) {
        reports = {key, {}};
    }
    reports.of.insert_or_assign(report.node, report);
}

std::optional<Command> MergeReports::next_entry(const Contract& contract, std::size_t most) const {
    const RoundReports* reports = find(contract);
    if (reports == nullptr || contract.phase != ContractPhase::exchanging ||
        reports->of.size() < contract.frozen.size()) {
        return std::nullopt;
    }
    const std::size_t recorded = contract.reports.recorded.size();
    std::size_t durable = 0;
    std::vector<MemberReport> next;
    for (std::size_t i = 0; i < contract.frozen.size(); ++i) {
        const auto report = reports->of.find(contract.frozen[i].id);
        if (report == reports->of.end()) {
            return std::nullopt;
        }
        const MemberReport& counts = i < recorded ? contract.reports.recorded[i] : report->second;
        durable += counts.durable ? 1U : 0U;
        if (i >= recorded && next.size() < most) {
            next.push_back(report->second);
        }
    }
    if (!is_durable_enough(contract.config.durable, durable, contract.frozen.size())) {
        return std::nullopt;
    }
    if (recorded + next.size() < contract.frozen.size()) {
        return RecordReports{contract.name, contract.run, contract.round, contract.attempt,
                             std::move(next)};
    }
    return CommitRound{contract.name, contract.run, contract.round, contract.attempt,
                       std::move(next)};
}

}  // namespace starling
