#include "core/check/ledger_check.hpp"

#include <algorithm>

namespace starling {
namespace {

constexpr std::string_view one_ledger = "one ledger";
constexpr std::string_view in_order = "entries in order";
constexpr std::string_view one_leader = "one leader a term";

AppliedCommand command_of(const EventFields& fields) {
    return {{std::string(fields.text("signer"))},  fields.number("session").value_or(0),
            fields.number("sequence").value_or(0), fields.number("answer").value_or(0),
            fields.number("run").value_or(0),      fields.flag("repeated")};
}

std::string text_of(const AppliedCommand& command) {
    return "command " + std::to_string(command.sequence) + " of '" + command.signer.name +
           "', session " + std::to_string(command.session) + ", answer " +
           std::to_string(command.answer) + ", run " + std::to_string(command.run) +
           (command.repeated ? ", repeated" : "");
}

}  // namespace

void LedgerCheck::on_started(SwarmTime, const NodeId& node, const EventFields& fields) {
    const std::uint64_t recovered = fields.number("silent").value_or(0);
    next_[node] = recovered + 1;
    recovered_ = std::max(recovered_, recovered);
    if (!all_reported(recovered)) {
        history_.set_incomplete(true);
    }
}

bool LedgerCheck::all_reported(std::uint64_t up_to) const {
    std::uint64_t reported = dropped_;
    for (auto entry = entries_.begin(); reported < up_to && entry != entries_.end(); ++entry) {
        if (entry->first != reported + 1) {
            return false;
        }
        reported = entry->first;
    }
    return reported >= up_to;
}

std::vector<std::string> LedgerCheck::unreported_entries() const {
    std::vector<std::string> ranges;
    std::uint64_t next = dropped_ + 1;
    const auto add_missing_before = [&](std::uint64_t end) {
        if (next < end) {
            ranges.push_back(std::to_string(next) +
                             (next + 1 < end ? " to " + std::to_string(end - 1) : ""));
        }
    };
    for (const auto& [index, entry] : entries_) {
        if (index > recovered_) {
            break;
        }
        add_missing_before(index);
        next = index + 1;
    }
    add_missing_before(recovered_ + 1);
    return ranges;
}

void LedgerCheck::check_order(SwarmTime time, const NodeId& node, std::uint64_t index) {
    const auto next = next_.find(node);
    if (next != next_.end() && next->second != index) {
        violations_.add(time, node, in_order,
                        "applies entry " + std::to_string(index) + ", and entry " +
                            std::to_string(next->second) + " would be next");
    }
    next_[node] = index + 1;
}

void LedgerCheck::on_applied(SwarmTime time, const NodeId& node, const EventFields& fields) {
    const auto index = fields.number("index");
    const auto term = fields.number("term");
    if (!index || !term || !fields.has("head")) {
        violations_.add(time, node, one_ledger, "an entry_applied without index, term or head");
        return;
    }
    if (gaps_.erase(node) > 0) {
        recovered_ = std::max(recovered_, *index - 1);
        history_.set_incomplete(history_.is_incomplete() || !all_reported(*index - 1));
    }
    check_order(time, node, *index);
    const AppliedCommand command = command_of(fields);
    const std::string_view head = fields.text("head");
    const auto known = entries_.find(*index);
    if (known == entries_.end()) {
        if (*index <= dropped_) {
            return;
        }
        if (*index > newest_) {
            newest_ = *index;
            newest_at_ = time;
        }
        entries_.emplace(*index, Known{std::string(head), *term, command, node});
        if (entries_.size() > entries_kept_max) {
            dropped_ = entries_.begin()->first;
            entries_.erase(entries_.begin());
        }
        history_.on_applied(time, node, *index, command);
        return;
    }
    const Known& first = known->second;
    if (first.head != head || first.term != *term) {
        violations_.add(time, node, one_ledger,
                        "entry " + std::to_string(*index) + " has head " + std::string(head) +
                            " and term " + std::to_string(*term) + " here, on " + first.by.name +
                            " head " + first.head + " and term " + std::to_string(first.term));
    } else if (first.command != command) {
        violations_.add(time, node, one_ledger,
                        "entry " + std::to_string(*index) + " is " + text_of(command) +
                            " here, on " + first.by.name + " " + text_of(first.command));
    }
}

void LedgerCheck::on_elected(SwarmTime time, const NodeId& node, const EventFields& fields) {
    const auto term = fields.number("term");
    if (!term) {
        violations_.add(time, node, one_leader, "a leader_elected without term");
        return;
    }
    const auto [first, fresh] = leaders_.emplace(*term, node);
    if (!fresh && first->second != node) {
        violations_.add(
            time, node, one_leader,
            "leads term " + std::to_string(*term) + ", which " + first->second.name + " leads too");
    }
}

void LedgerCheck::on_read_answered(SwarmTime time, const NodeId& node, const EventFields& fields) {
    const auto index = fields.number("entries");
    if (!index) {
        violations_.add(time, node, one_ledger, "a read_answered without entries");
        return;
    }
    const std::string_view head = fields.text("head");
    const auto known = entries_.find(*index);
    // One event has the whole head, the other its beginning.
    if (known != entries_.end() && !head.empty() && !head.starts_with(known->second.head)) {
        violations_.add(time, node, one_ledger,
                        "a read sees head " + std::string(head) + " at entry " +
                            std::to_string(*index) + ", " + known->second.by.name + " has " +
                            known->second.head);
    }
    history_.on_read_answered(time, node, *index);
}

}  // namespace starling
