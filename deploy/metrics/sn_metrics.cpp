#include <algorithm>

#include "core/trace/event_fields.hpp"
#include "deploy/metrics/contract_metrics.hpp"
#include "deploy/metrics/role_metrics.hpp"

namespace starling {
namespace {

class SnMetrics final : public RoleMetrics {
public:
    void count(SwarmTime time, const TraceEvent& event) override;
    void write(Exposition& out) const override;

private:
    void count_of_contract(SwarmTime time, const TraceEvent& event, ContractMetrics& metrics);
    void write_ledger(Exposition& out) const;
    void write_members(Exposition& out) const;

    MetricsByContract contracts_;
    std::uint64_t entries_ = 0;
    std::uint64_t denied_ = 0;
    bool leads_ = false;
    std::uint64_t term_ = 0;
};

void SnMetrics::count(SwarmTime time, const TraceEvent& event) {
    const EventFields fields(event);
    if (event.name == "entry_applied") {
        entries_ = fields.number("index").value_or(0);
        return;
    }
    if (event.name == "ledger_recovered") {
        entries_ = fields.number("entries").value_or(0);
        return;
    }
    if (event.name == "command_denied") {
        ++denied_;
        return;
    }
    if (event.name == "leader_elected" || event.name == "leader_ended" ||
        event.name == "leader_known") {
        leads_ = event.name == "leader_elected" || (leads_ && event.name == "leader_known");
        term_ = std::max(term_, fields.number("term").value_or(0));
        return;
    }
    if (const std::string_view contract = fields.text("contract"); !contract.empty()) {
        count_of_contract(time, event, contracts_[std::string(contract)]);
    }
}

void SnMetrics::count_of_contract(SwarmTime time, const TraceEvent& event,
                                  ContractMetrics& metrics) {
    const EventFields fields(event);
    if (event.name == "member_enrolled") {
        if (fields.flag("first")) {  // a new run
            metrics.members.clear();
            metrics.round = 0;
            metrics.attempt = 0;
            metrics.first_check_in.reset();
            metrics.last_commit.reset();
        }
        metrics.members.emplace(fields.text("node"));
    } else if (event.name == "member_gone") {
        metrics.members.erase(std::string(fields.text("node")));
        ++metrics.members_departed;
    } else if (event.name == "member_deviated") {
        ++metrics.deviated[std::string(fields.text("node"))];
    } else if (event.name == "member_not_finite") {
        ++metrics.not_finite[std::string(fields.text("node"))];
    } else if (event.name == "checked_in") {
        metrics.first_check_in = metrics.first_check_in.value_or(time);
    } else if (event.name == "round_frozen") {
        metrics.attempt_begins(time, fields);
    } else if (event.name == "round_committed") {
        metrics.exchange_ends(time);
        metrics.round_committed(time, fields);
    } else if (event.name == "contract_ended") {
        ++metrics.ended[std::string(fields.text("phase"))];
    }
}

void SnMetrics::write(Exposition& out) const {
    write_rounds(contracts_, Role::sn, out);
    write_ledger(out);
    write_members(out);
}

void SnMetrics::write_ledger(Exposition& out) const {
    out.family("starling_ledger_entries", "gauge", "Records in the log of the ledger.");
    out.sample({}, entries_);
    out.family("starling_ledger_leads", "gauge",
               "1 if this SN considers itself the leader; at most one SN per term is.");
    out.sample({}, leads_ ? 1.0 : 0.0);
    out.family("starling_ledger_term", "gauge", "Newest term of a leader that this SN knows.");
    out.sample({}, term_);
    out.family("starling_commands_denied_total", "counter", "Commands of nodes that were refused.");
    out.sample({}, denied_);
}

void SnMetrics::write_members(Exposition& out) const {
    out.family("starling_members", "gauge", "Current members of the contract.");
    for (const auto& [name, metrics] : contracts_) {
        out.sample({{"contract", name}}, metrics.members.size());
    }
    out.family("starling_members_gone_total", "counter", "Members that left or were lost.");
    for (const auto& [name, metrics] : contracts_) {
        out.sample({{"contract", name}}, metrics.members_departed);
    }
    const auto each_member = [&](const char* family, const char* help, auto rounds_of) {
        out.family(family, "counter", help);
        for (const auto& [name, metrics] : contracts_) {
            for (const auto& [member, rounds] : rounds_of(metrics)) {
                out.sample({{"contract", name}, {"member", member}}, rounds);
            }
        }
    };
    each_member("starling_deviating_merges_total",
                "Rounds that the member merged to different bytes than the majority.",
                [](const ContractMetrics& m) { return m.deviated; });
    each_member("starling_non_finite_contributions_total",
                "Rounds in which the member's parameters contained NaN or infinity.",
                [](const ContractMetrics& m) { return m.not_finite; });
    out.family("starling_contracts_ended_total", "counter",
               "Runs of the contract that ended, by result.");
    for (const auto& [name, metrics] : contracts_) {
        for (const char* phase : {"complete", "aborted"}) {
            const auto ended = metrics.ended.find(phase);
            out.sample({{"contract", name}, {"phase", phase}},
                       ended == metrics.ended.end() ? std::uint64_t{0} : ended->second);
        }
    }
}

}  // namespace

std::unique_ptr<RoleMetrics> make_sn_metrics() { return std::make_unique<SnMetrics>(); }

}  // namespace starling
