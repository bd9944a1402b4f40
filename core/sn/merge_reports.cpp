#include "core/sn/merge_reports.hpp"

namespace starling {

std::optional<MemberReport> RoundReports::at(std::uint32_t place) const {
    const Said& said = said_[place];
    if (!said.reported) {
        return std::nullopt;
    }
    return MemberReport{members_[place].id, digests_[said.says_first ? 0 : said.own],
                        said.signature, said.durable};
}

void RoundReports::add(const MemberReport& report) {
    const std::uint32_t place = members_.index_of(report.node);
    if (place >= said_.size()) {
        return;
    }
    Said& said = said_[place];
    size_ += said.reported ? 0U : 1U;
    said.reported = true;
    if (digests_.empty()) {
        digests_.push_back(report.digest);
    }
    said.says_first = digests_.front() == report.digest;
    if (!said.says_first) {
        if (said.own == 0) {
            said.own = static_cast<std::uint32_t>(digests_.size());
            digests_.emplace_back();
        }
        digests_[said.own] = report.digest;
    }
    said.signature = report.signature;
    said.durable = report.durable;
}

bool MergeReports::is_about(const RoundKey& key, const Contract& contract) const {
    RoundKey current{contract.name, contract.run, contract.round, contract.attempt};
    if (count_old_attempts_) {
        current.attempt = key.attempt;
    }
    return key == current;
}

const RoundReports* MergeReports::find(const Contract& contract) const {
    const auto found = reports_.find(contract.name);
    return found != reports_.end() && is_about(found->second.key(), contract) ? &found->second
                                                                              : nullptr;
}

bool MergeReports::has(const Contract& contract, const NodeId& node) const {
    const RoundReports* reports = find(contract);
    if (reports == nullptr) {
        return false;
    }
    const auto report = reports->find(node);
    return report && (report->durable || contract.config.durable == Durability::none);
}

bool MergeReports::has(const Contract& contract, const NodeId& node,
                       const MemberReport& report) const {
    const RoundReports* reports = find(contract);
    if (reports == nullptr) {
        return false;
    }
    const auto known = reports->find(node);
    return known && (*known == report || (known->durable && !report.durable));
}

std::optional<MemberReport> MergeReports::find(const RoundKey& key, const NodeId& node) const {
    const auto reports = reports_.find(key.contract);
    return reports == reports_.end() || reports->second.key() != key ? std::nullopt
                                                                     : reports->second.find(node);
}

void MergeReports::add(const RoundKey& key, const Contract& contract, const MemberReport& report) {
    RoundReports& reports = reports_[contract.name];
    if (!is_about(reports.key(), contract)) {
        reports = {key, contract.frozen};
    }
    if (!reports.are_of(contract.frozen)) {  // as of an earlier attempt, if these count
        RoundReports moved(reports.key(), contract.frozen);
        reports.for_each([&moved](const MemberReport& known) { moved.add(known); });
        reports = std::move(moved);
    }
    reports.add(report);
}

std::optional<Command> MergeReports::next_entry(const Contract& contract, std::size_t most) const {
    const RoundReports* reports = find(contract);
    if (reports == nullptr || contract.phase != ContractPhase::exchanging ||
        reports->size() < contract.frozen.size()) {
        return std::nullopt;
    }
    const std::size_t recorded = contract.reports.recorded.size();
    std::size_t durable = 0;
    std::vector<MemberReport> next;
    for (std::size_t i = 0; i < contract.frozen.size(); ++i) {
        std::optional<MemberReport> report = reports->find(contract.frozen[i].id);
        if (!report) {
            return std::nullopt;
        }
        const MemberReport& counts = i < recorded ? contract.reports.recorded[i] : *report;
        durable += counts.durable ? 1U : 0U;
        if (i >= recorded && next.size() < most) {
            next.push_back(std::move(*report));
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
