#include "deploy/board/status_events.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "deploy/board/json_text.hpp"

namespace starling {
namespace {

/// A whole number from 0 to below `most`; nothing: the text is none.
std::optional<std::int64_t> whole_number(const std::string& text,
                                         std::int64_t most = 10'000'000'000) {
    std::int64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    const bool whole = error == std::errc{} && rest == end && number >= 0 && number < most;
    return whole ? std::optional(number) : std::nullopt;
}

/// The run and round that an answer is about.
std::optional<std::pair<std::int64_t, std::int64_t>> place_of(const JsonValue& answer) {
    const auto run = whole_number(text_of(answer, "run"));
    const auto round = whole_number(text_of(answer, "round"));
    return run && round ? std::optional(std::pair(*run, *round)) : std::nullopt;
}

/// Of its last commit: run, round and digest; empty: there is none.
std::string commit_of(const JsonValue& answer) {
    const JsonValue* const commit = answer.find("last_commit");
    const std::string digest = commit == nullptr ? "" : text_of(*commit, "digest");
    return digest.empty() ? ""
                          : text_of(answer, "run") + " " + text_of(*commit, "round") + " " + digest;
}

constexpr std::size_t commits_max = 256;  // an SN that lags is behind by fewer rounds
constexpr std::int64_t age_max_ms = 1'000'000'000;
constexpr std::int64_t bytes_max = std::int64_t{1} << 50U;

}  // namespace

void StatusEvents::add(std::string_view topic, const JsonValue& answer, std::int64_t time_ns) {
    time_ns_ = time_ns;
    model_.answered();
    if ((topic == "contract" || topic == "round") && lags(answer)) {
        return;
    }
    if (topic == "servers") {
        add_servers(answer);
    } else if (topic == "nodes") {
        add_nodes(answer);
    } else if (topic == "contract") {
        add_contract(answer);
    } else if (topic == "round") {
        add_round(answer);
    }
}

void StatusEvents::add_servers(const JsonValue& answer) {
    if (const std::string name = text_of(answer, "name"); !name.empty()) {
        sn_ = name;
    }
    for (const JsonMember& item : list_of(answer, "servers")) {
        const std::string name = text_of(item.value, "name");
        const bool leads = text_of(item.value, "leads") == "true";
        const std::string now = leads                                        ? "leads"
                                : text_of(item.value, "connected") == "true" ? "follows"
                                                                             : "away";
        if (name.empty() || std::exchange(leads_[name], now) == now) {
            continue;
        }
        if (leads) {
            report(name, TraceEvent("leader_elected").with("term", text_of(answer, "term")));
        } else if (now == "follows") {
            report(name, TraceEvent("leader_known")
                             .with("leader", text_of(answer, "leader"))
                             .with("term", text_of(answer, "term")));
        } else {
            report(name, TraceEvent("no_answer").with("address", name));
        }
    }
    if (text_of(answer, "leader").empty() && std::exchange(leads_[sn_], "none") != "none") {
        report(sn_, TraceEvent("leaderless"));
    }
}

void StatusEvents::add_nodes(const JsonValue& answer) {
    for (const JsonMember& item : list_of(answer, "nodes")) {
        const std::string name = text_of(item.value, "name");
        const Result<Role> role = parse_role(text_of(item.value, "role"));
        if (name.empty() || !role || *role == Role::tool) {
            continue;
        }
        const bool here = text_of(item.value, "connected") == "true";
        const auto known = connected_.find(name);
        if (known == connected_.end()) {
            model_.add_start("node=" + name + " role=" + std::string(to_string(*role)));
        }
        const auto age_ms = whole_number(text_of(item.value, "last_heard_ms_ago"));
        if (age_ms && *age_ms < age_max_ms) {
            model_.heard(time_ns_ - *age_ms * 1'000'000, name);
        }
        if (*role == Role::sl && (known == connected_.end() ? !here : known->second != here)) {
            report(sn_,
                   here ? TraceEvent("node_registered").with("node", name)
                        : TraceEvent("member_gone").with("contract", contract_).with("node", name));
        }
        connected_[name] = here;
        model_.placed(name, text_of(item.value, "host"));
        add_certificate(name, item.value);
    }
}

void StatusEvents::add_certificate(const std::string& node, const JsonValue& item) {
    constexpr std::int64_t day_s = 86'400;
    constexpr std::int64_t days_warned = 30;
    const std::optional<std::int64_t> until = whole_number(text_of(item, "certificate_until"));
    if (!until) {
        return;
    }
    model_.certificate_until(node, *until);
    const std::int64_t left_s = *until - time_ns_ / 1'000'000'000;
    const std::int64_t days = std::max<std::int64_t>(left_s, 0) / day_s;
    if (days < days_warned && (days_.count(node) == 0 || days_[node] != days)) {
        days_[node] = days;
        report(sn_, TraceEvent("certificate_ends")
                        .with("node", node)
                        .with("days", static_cast<std::uint64_t>(days)));
    }
}

void StatusEvents::add_contract(const JsonValue& answer) {
    const std::string contract = text_of(answer, "name");
    const std::string round = text_of(answer, "round");
    contract_ = contract;
    forget_earlier_ledger(answer);
    if (text_of(answer, "run") != run_) {  // the members join anew
        run_ = text_of(answer, "run");
        members_.clear();
    }
    add_missing_model(answer);
    for (const JsonMember& item : list_of(answer, "members")) {
        const std::string name = text_of(item.value, "name");
        const bool active = text_of(item.value, "status") == "active";
        if (active && members_.insert(name).second) {
            report(sn_, TraceEvent("member_enrolled")
                            .with("contract", contract)
                            .with("node", name)
                            .with("site", text_of(item.value, "site"))
                            .with("first", members_.size() == 1 ? "1" : "0"));
        } else if (!active && members_.erase(name) > 0) {
            report(sn_, TraceEvent("member_gone").with("contract", contract).with("node", name));
        }
        add_check_in(item.value, round);
    }
}

void StatusEvents::add_missing_model(const JsonValue& answer) {
    const JsonValue* const missing = answer.find("missing_model");
    if (missing == nullptr || missing->kind != JsonValue::Kind::object) {
        missing_.clear();
        return;
    }
    const std::string round = text_of(*missing, "round");
    const std::size_t asking = list_of(*missing, "asking").size();
    const bool lost = text_of(*missing, "lost") == "true";
    std::string now =
        run_ + " " + round + " " + std::to_string(asking) + " " + std::to_string(lost);
    if (now != std::exchange(missing_, now)) {
        report(sn_, TraceEvent("model_missing")
                        .with("contract", contract_)
                        .with("run", run_)
                        .with("round", round)
                        .with("asking", asking)
                        .with("lost", lost ? 1U : 0U));
    }
}

/// Whether it tells what others have told: the board has turned to an SN that lags behind. Its last
/// commit was told of, which is not so in a new ledger.
bool StatusEvents::lags(const JsonValue& answer) const {
    const auto now = place_of(answer);
    return now && *now < reached_ &&
           std::find(commits_.begin(), commits_.end(), commit_of(answer)) != commits_.end();
}

/// A ledger's runs and rounds only grow: an earlier one is of a new ledger, whose attempts have the
/// numbers of attempts that were told of.
void StatusEvents::forget_earlier_ledger(const JsonValue& answer) {
    const auto now = place_of(answer);
    if (now && *now < std::exchange(reached_, *now)) {
        members_.clear();
        check_ins_.clear();
        told_.clear();
        received_.clear();
        commits_.clear();
        missing_.clear();
    }
}

void StatusEvents::add_check_in(const JsonValue& member, const std::string& round) {
    const std::string name = text_of(member, "name");
    const std::string key = run_ + " " + round;
    if (text_of(member, "checked_in") != "true" || std::exchange(check_ins_[name], key) == key) {
        return;
    }
    TraceEvent event = TraceEvent("checked_in")
                           .with("contract", contract_)
                           .with("node", name)
                           .with("round", round)
                           .with("epochs", text_of(member, "epochs_done"))
                           .with("epochs_total", text_of(member, "epochs_total"))
                           .with("finished", text_of(member, "finished") == "true" ? "1" : "0");
    const std::string text = text_of(member, "last_loss");
    const double loss = text.empty() ? -1 : std::strtod(text.c_str(), nullptr);
    if (std::isfinite(loss) && loss >= 0 && loss < 1e12) {
        event = std::move(event).with("loss_millionths", static_cast<std::uint64_t>(loss * 1e6));
    }
    report(sn_, event);
    for (const JsonMember& scalar : list_of(member, "scalars")) {
        report(sn_, TraceEvent("scalar")
                        .with("node", name)
                        .with("round", round)
                        .with("name", scalar.name)
                        .with("value", scalar.value.kind == JsonValue::Kind::null
                                           ? "nan"  // or infinite: JSON has neither
                                           : scalar.value.text));
    }
}

void StatusEvents::add_commit(const JsonValue& answer, const std::string& contract) {
    const std::string key = commit_of(answer);
    if (key.empty() || std::find(commits_.begin(), commits_.end(), key) != commits_.end()) {
        return;
    }
    const JsonValue* const commit = answer.find("last_commit");
    commits_.push_back(key);
    if (commits_.size() > commits_max) {
        commits_.pop_front();
    }
    report(sn_, TraceEvent("round_committed")
                    .with("contract", contract)
                    .with("run", text_of(answer, "run"))
                    .with("round", text_of(*commit, "round"))
                    .with("members", list_of(*commit, "members").size())
                    .with("digest", text_of(*commit, "digest"))
                    .with("final", text_of(*commit, "final") == "true" ? "1" : "0"));
}

/// Answers tell sums of an attempt, the events what has come since. An answer about an earlier
/// attempt than was told of is passed over, so that no member can make its bytes count twice.
void StatusEvents::add_received(const JsonValue& answer) {
    for (const JsonMember& item : list_of(answer, "received")) {
        const auto number = [&](std::string_view key) {
            return whole_number(text_of(item.value, key)).value_or(0);
        };
        const std::tuple attempt(number("run"), number("round"), number("attempt"));
        Received& known = received_[text_of(item.value, "name")];
        if (attempt < known.attempt) {
            continue;
        }
        if (attempt > known.attempt) {
            known = {attempt, {}};
        }
        std::string from;
        for (const JsonMember& sender : list_of(item.value, "from")) {
            std::int64_t& before = known.from[sender.name];
            const std::int64_t bytes = whole_number(sender.value.text, bytes_max).value_or(0);
            if (bytes > before) {
                from += (from.empty() ? "" : ",") + sender.name + ":" +
                        std::to_string(bytes - std::exchange(before, bytes));
            }
        }
        if (!from.empty()) {
            report(sn_, TraceEvent("bytes_received")
                            .with("contract", text_of(answer, "name"))
                            .with("node", text_of(item.value, "name"))
                            .with("round", text_of(item.value, "round"))
                            .with("from", from));
        }
    }
}

void StatusEvents::add_round(const JsonValue& answer) {
    const std::string contract = text_of(answer, "name");
    const std::string round = text_of(answer, "round");
    const std::string attempt = text_of(answer, "attempt");
    forget_earlier_ledger(answer);
    add_received(answer);
    add_commit(answer, contract);
    const std::string key = text_of(answer, "run") + " " + round;
    if (std::exchange(round_, key) != key) {
        told_.clear();
    }
    const auto once = [&](const std::string& what, TraceEvent event) {
        if (told_.insert(what).second) {
            report(sn_, std::move(event).with("contract", contract).with("round", round));
        }
    };
    for (const JsonMember& name : list_of(answer, "checked_in_members")) {
        once("in " + name.value.text, TraceEvent("checked_in").with("node", name.value.text));
    }
    if (const auto& frozen = list_of(answer, "exchanging_members"); !frozen.empty()) {
        once("frozen " + attempt,
             TraceEvent("round_frozen").with("attempt", attempt).with("members", frozen.size()));
    }
    for (const JsonMember& name : list_of(answer, "reported_members")) {
        once("merged " + attempt + " " + name.value.text,
             TraceEvent("merge_reported").with("node", name.value.text).with("attempt", attempt));
    }
    const std::string phase = text_of(answer, "phase");
    if (phase == "complete" || phase == "aborted") {
        once("ended", TraceEvent("contract_ended").with("phase", phase));
    }
}

}  // namespace starling
