#include <algorithm>

#include "core/trace/event_fields.hpp"
#include "deploy/metrics/contract_figures.hpp"
#include "deploy/metrics/role_figures.hpp"

namespace starling {
namespace {

class SnFigures final : public RoleFigures {
public:
    void count(SwarmTime time, const TraceEvent& event) override;
    void write(Exposition& out) const override;

private:
    void count_of_contract(SwarmTime time, const TraceEvent& event, ContractFigures& figures);
    void write_ledger(Exposition& out) const;
    void write_members(Exposition& out) const;

    FiguresByContract contracts_;
    std::uint64_t entries_ = 0;
    std::uint64_t denied_ = 0;
    bool leads_ = false;
    std::uint64_t term_ = 0;
};

void SnFigures::count(SwarmTime time, const TraceEvent& event) {
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

void SnFigures::count_of_contract(SwarmTime time, const TraceEvent& event,
                                  ContractFigures& figures) {
    const EventFields fields(event);
    if (event.name == "member_enrolled") {
        if (fields.flag("first")) {  // a new run
            figures.members.clear();
            figures.round = 0;
            figures.attempt = 0;
            figures.first_check_in.reset();
            figures.last_commit.reset();
        }
        figures.members.emplace(fields.text("node"));
    } else if (event.name == "member_gone") {
        figures.members.erase(std::string(fields.text("node")));
        ++figures.members_gone;
    } else if (event.name == "member_deviated") {
        ++figures.deviated[std::string(fields.text("node"))];
    } else if (event.name == "member_not_finite") {
        ++figures.not_finite[std::string(fields.text("node"))];
    } else if (event.name == "checked_in") {
        figures.first_check_in = figures.first_check_in.value_or(time);
    } else if (event.name == "round_frozen") {
        figures.attempt_begins(time, fields);
    } else if (event.name == "round_committed") {
        figures.exchange_ends(time);
        figures.round_committed(time, fields);
    } else if (event.name == "contract_ended") {
        ++figures.ended[std::string(fields.text("phase"))];
    }
}

void SnFigures::write(Exposition& out) const {
    write_rounds(contracts_, Role::sn, out);
    write_ledger(out);
    write_members(out);
}

void SnFigures::write_ledger(Exposition& out) const {
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

void SnFigures::write_members(Exposition& out) const {
    out.family("starling_members", "gauge", "Current members of the contract.");
    for (const auto& [name, figures] : contracts_) {
        out.sample({{"contract", name}}, figures.members.size());
    }
    out.family("starling_members_gone_total", "counter", "Members that left or were lost.");
    for (const auto& [name, figures] : contracts_) {
        out.sample({{"contract", name}}, figures.members_gone);
    }
    const auto each_member = [&](const char* family, const char* help, auto rounds_of) {
        out.family(family, "counter", help);
        for (const auto& [name, figures] : contracts_) {
            for (const auto& [member, rounds] : rounds_of(figures)) {
                out.sample({{"contract", name}, {"member", member}}, rounds);
            }
        }
    };
    each_member("starling_deviating_merges_total",
                "Rounds that the member merged to different bytes than the majority.",
                [](const ContractFigures& f) { return f.deviated; });
    each_member("starling_non_finite_contributions_total",
                "Rounds in which the member's parameters contained NaN or infinity.",
                [](const ContractFigures& f) { return f.not_finite; });
    out.family("starling_contracts_ended_total", "counter",
               "Runs of the contract that ended, by result.");
    for (const auto& [name, figures] : contracts_) {
        for (const char* phase : {"complete", "aborted"}) {
            const auto ended = figures.ended.find(phase);
            out.sample({{"contract", name}, {"phase", phase}},
                       ended == figures.ended.end() ? std::uint64_t{0} : ended->second);
        }
    }
}

}  // namespace

std::unique_ptr<RoleFigures> make_sn_figures() { return std::make_unique<SnFigures>(); }

}  // namespace starling
