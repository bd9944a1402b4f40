#include "deploy/board/seat_events.hpp"

#include <set>
#include <utility>

#include "deploy/board/json_text.hpp"

namespace starling {

void SeatEvents::add(const JsonValue& answer, std::int64_t time_ns) {
    time_ns_ = time_ns;
    silent_ = false;
    if (!std::exchange(answered_, true)) {
        report(TraceEvent("apls_ready"));
    }
    model_.heard(time_ns, server_name);
    std::string seats;
    for (const JsonMember& item : list_of(answer, "seats")) {
        seats += (seats.empty() ? "" : ",") + text_of(item.value, "role") + ":" +
                 text_of(item.value, "taken") + "/" + text_of(item.value, "all");
    }
    const std::string valid = text_of(answer, "valid") == "true" ? "1" : "0";
    const std::string licensee = text_of(answer, "licensee");
    const std::string until = text_of(answer, "until");
    std::string now = licensee + "\n" + until + "\n" + valid + "\n" + seats;
    if (now != std::exchange(told_, now)) {
        report(TraceEvent("licence_seats")
                   .with("licensee", licensee)
                   .with("until", until)
                   .with("valid", valid)
                   .with("answers", "1")
                   .with("seats", seats));
    }
    add_holders(answer);
}

void SeatEvents::add_holders(const JsonValue& answer) {
    std::map<std::string, bool> holders;
    for (const JsonMember& item : list_of(answer, "holders")) {
        holders[text_of(item.value, "name")] = text_of(item.value, "connected") == "true";
    }
    std::set<std::string> revoked;
    for (const JsonMember& name : list_of(answer, "revoked")) {
        revoked.insert(name.value.text);
    }
    for (const auto& [name, connected] : holders) {
        if (!holders_.contains(name)) {
            report(TraceEvent("seat_taken").with("node", name));
        }
    }
    for (const auto& [name, connected] : holders_) {
        if (holders.contains(name)) {
            continue;
        }
        if (revoked.contains(name)) {
            report(TraceEvent("seat_revoked").with("node", name).with("by", "an operator"));
        } else {
            report(TraceEvent(connected ? "seat_released" : "seat_lapsed").with("node", name));
        }
    }
    holders_ = std::move(holders);
}

void SeatEvents::no_answer(std::int64_t time_ns) {
    time_ns_ = time_ns;
    if (!std::exchange(silent_, true)) {
        told_.clear();
        report(TraceEvent("licence_seats").with("answers", "0"));
    }
}

}  // namespace starling
