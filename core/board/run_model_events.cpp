// What each event means for the picture of a run, by the role of the node that reports it.
#include "core/base/scalars.hpp"
#include "core/board/run_model.hpp"

namespace starling {

/// A node is a member of one contract at a time.
void RunModel::joins(std::size_t node, const std::string& contract) {
    const std::string before = nodes_.at(node).contract;
    if (!before.empty() && before != contract) {
        rounds_.forget(before, node, now_);
    }
    nodes_.changed(node, now_).contract = contract;
    rounds_.joined(contract, node, now_);
}

void RunModel::node_ended(std::size_t node) {
    if (nodes_.at(node).role == Role::sn) {
        nodes_.count_servers();
    }
    if (nodes_.at(node).role != Role::ml) {
        rounds_.update_waits(now_);
    }
}

void RunModel::add_of_any(std::size_t node, std::string_view name, const EventFields& fields) {
    if (name == "node_stopped") {
        const std::uint64_t code = fields.number("code").value_or(0);
        nodes_.changed(node, now_).exit_code = code;
        enter(node, code == 0 ? NodeActivity::ended : NodeActivity::failed, nodes_.at(node).round);
        node_ended(node);
    } else if (name == "node_killed") {
        enter(node, NodeActivity::down, nodes_.at(node).round);
        node_ended(node);
    } else if (name == "seat_held" || name == "seat_renewed") {
        nodes_.changed(node, now_).seat = "held";
    } else if (name == "seat_wanted" || name == "seat_lost") {
        nodes_.changed(node, now_).seat = name == "seat_lost" ? "lost" : "requested";
    } else if (name == "licence_grace") {
        nodes_.changed(node, now_).seat = "in grace";
    } else if (name.starts_with("seat_") && fields.has("node")) {
        const std::size_t other = nodes_.index_of(fields.text("node"), now_);
        nodes_.changed(other, now_).seat = name == "seat_taken" ? "held" : name.substr(5, 64);
    } else if (name == "scalar") {
        const std::string_view what = fields.text("name");
        const std::optional<double> value = fields.real("value");
        if (value && is_scalar_name(what)) {
            // In a live swarm swarm-board tells what an SN says of the member `node`.
            curves_.scalar(fields.has("node") ? nodes_.index_of(fields.text("node"), now_) : node,
                           what, fields.number("round").value_or(0), *value, now_);
        }
    } else if (name == "apls_ready") {
        enter(node, NodeActivity::serving, 0);
    }
}

void RunModel::note_check_in(std::size_t node, std::uint64_t round, const EventFields& fields) {
    if (const auto loss = fields.number("loss_millionths")) {
        curves_.loss(node, round, *loss, now_);
    }
    if (const auto epochs = fields.number("epochs")) {
        nodes_.checked_in(node, round, *epochs, fields.number("epochs_total").value_or(0),
                          fields.flag("finished"), now_);
    }
}

void RunModel::add_of_ml(std::size_t node, std::string_view name, const EventFields& fields) {
    const std::uint64_t round = fields.number("round").value_or(nodes_.at(node).round);
    if (name == "sl_connected") {
        nodes_.changed(node, now_).partner = fields.text("sl").substr(0, board_text_max);
        enter(node, NodeActivity::training, 0);
    } else if (name == "sync_begin") {
        enter(node, NodeActivity::waiting, nodes_.at(node).round);
    } else if (name == "sync_end") {
        enter(node, NodeActivity::training, round + 1);
    } else if (name == "loopback") {
        enter(node, NodeActivity::training, 0);
    } else if (name == "program_failed" || name == "session_failed") {
        enter(node, NodeActivity::failed, round);
    } else if (name == "evaluation" && fields.number("samples").value_or(0) > 0) {
        curves_.accuracy(node, round, fields.number("correct").value_or(0),
                         *fields.number("samples"), fields.number("classes").value_or(0), now_);
    }
}

void RunModel::add_of_sl(std::size_t node, std::string_view name, const EventFields& fields) {
    const std::uint64_t round = fields.number("round").value_or(0);
    const auto contract = [&] { return contract_of(node); };
    if (name == "sl_ready") {
        nodes_.changed(node, now_).site =
            std::string(fields.text("site")).substr(0, board_text_max);
        enter(node, NodeActivity::starting, 0);
    } else if (name == "session_opened") {
        const std::string joined(fields.text("contract").substr(0, board_text_max));
        rounds_.run_is(joined, fields.number("run").value_or(0), now_);
        joins(node, joined);
        enter(node, NodeActivity::training, 0);
    } else if (name == "sync_receiving") {
        enter(node, NodeActivity::sending, round);
    } else if (name == "check_in") {
        enter(node, NodeActivity::waiting, round);
        rounds_.checked_in(contract(), node, round, now_);
        note_check_in(node, round, fields);
    } else if (name == "exchange_early") {
        enter(node, NodeActivity::exchanging, round);
    } else if (name == "merged_early") {
        enter(node, NodeActivity::reporting, round);
    } else if (name == "exchange_begin") {
        enter(node, NodeActivity::exchanging, round);
        rounds_.frozen(contract(), round, fields.number("attempt").value_or(0),
                       fields.number("members").value_or(0), now_);
    } else if (name == "exchange_plan") {
        rounds_.plan_is(contract(), round, fields.text("plan"), now_);
    } else if (name == "exchange_done") {
        enter(node, NodeActivity::reporting, round);
        BoardNode& own = nodes_.changed(node, now_);
        own.sent_bytes += fields.number("sent_bytes").value_or(0);
        own.received_bytes += fields.number("received_bytes").value_or(0);
        rounds_.merged(contract(), node, round, fields.number("sent_bytes").value_or(0), now_);
        links_.received(node, fields.text("from"), now_);
    } else if (name == "round_done") {
        enter(node, fields.flag("final") ? NodeActivity::serving : NodeActivity::training,
              round + 1);
        rounds_.done(contract(), round, now_);
    } else if (name == "catch_up_begin") {
        enter(node, NodeActivity::catching_up, round);
    } else if (name == "caught_up") {
        enter(node, NodeActivity::training, round + 1);
    }
}

void RunModel::add_of_sn(std::size_t node, std::string_view name, const EventFields& fields) {
    if (name == "sn_started") {
        enter(node, NodeActivity::starting, 0);
        nodes_.count_servers();
        rounds_.update_waits(now_);
    } else if (name == "api_ready" && nodes_.at(node).state == NodeActivity::starting) {
        enter(node, NodeActivity::following, 0);
    } else if (name == "leader_elected") {
        const std::uint64_t term = fields.number("term").value_or(0);
        if (term >= term_) {
            leader_ = nodes_.at(node).name;
            term_ = term;
        }
        enter(node, NodeActivity::leading, 0);
    } else if (name == "leader_known") {
        const bool itself = fields.text("leader") == nodes_.at(node).name;
        if (fields.number("term").value_or(0) > term_) {
            leader_ = std::string(fields.text("leader")).substr(0, board_text_max);
            term_ = *fields.number("term");
        }
        enter(node, itself ? NodeActivity::leading : NodeActivity::following, 0);
    } else if (name == "leader_ended" || name == "leader_found") {
        enter(node, NodeActivity::following, 0);
    } else if (name == "leaderless") {
        enter(node, NodeActivity::leaderless, 0);
        leader_.clear();
    }
}

void RunModel::told(std::size_t node, NodeActivity state, std::uint64_t round) {
    BoardNode& about = nodes_.changed(node, now_);
    about.role = about.role.value_or(Role::sl);
    if (!about.own_events) {
        about.last_us = now_.us;
        enter(node, state, round);
    }
}

void RunModel::add_of_contract(std::size_t sn, std::string_view name, const EventFields& fields) {
    const std::string contract = std::string(fields.text("contract")).substr(0, board_text_max);
    const std::uint64_t round = fields.number("round").value_or(0);
    const auto member = [&] { return nodes_.index_of(fields.text("node"), now_); };
    if (name == "member_enrolled") {
        const std::size_t node = member();
        if (fields.flag("first")) {
            rounds_.begins(contract, sn, now_);
        }
        if (fields.has("site")) {
            nodes_.changed(node, now_).site =
                std::string(fields.text("site")).substr(0, board_text_max);
        }
        joins(node, contract);
        told(node, NodeActivity::training, 0);
    } else if (name == "checked_in") {
        const std::size_t node = member();
        if (!rounds_.is_over(contract)) {
            joins(node, contract);
        }
        rounds_.checked_in(contract, node, round, now_);
        told(node, NodeActivity::waiting, round);
        note_check_in(node, round, fields);  // of swarm-board, for a live swarm
    } else if (name == "round_frozen") {
        rounds_.frozen(contract, round, fields.number("attempt").value_or(0),
                       fields.number("members").value_or(0), now_);
    } else if (name == "merge_reported") {
        const std::size_t node = member();
        if (!rounds_.is_over(contract)) {
            joins(node, contract);
        }
        rounds_.merged(contract, node, round, 0, now_);
        told(node, NodeActivity::reporting, round);
    } else if (name == "round_committed") {
        rounds_.run_is(contract, fields.number("run").value_or(0), now_);
        rounds_.committed(contract, round, fields.number("members").value_or(0),
                          fields.text("digest").substr(0, 64), fields.flag("final"), now_);
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            if (!nodes_.at(i).own_events && nodes_.at(i).contract == contract &&
                nodes_.at(i).round == round) {
                told(i, fields.flag("final") ? NodeActivity::serving : NodeActivity::training,
                     round + 1);
            }
        }
    } else if (name == "member_gone" || name == "member_excluded") {
        const std::size_t node = member();
        const NodeActivity state = nodes_.at(node).state;
        if (!rounds_.is_over(contract) && state != NodeActivity::ended &&
            state != NodeActivity::failed) {
            enter(node, NodeActivity::down, nodes_.at(node).round);
        } else if (rounds_.is_over(contract)) {
            told(node, NodeActivity::ended, nodes_.at(node).round);
        }
        rounds_.gone(contract, node, now_);
    } else if (name == "contract_ended") {
        rounds_.ended(contract, fields.text("phase").substr(0, 64), sn, now_);
    }
}

}  // namespace starling
