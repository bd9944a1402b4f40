// Counts failures and recoveries for the summary. SimGrid reports each direction of a split-duplex
// link as a link of its own; here they are one, so `off_` remembers what was reported already.
#include "sim/fault_log.hpp"

#include <algorithm>
#include <charconv>

namespace starling {
namespace {

std::string field(const TraceEvent& event, std::string_view key) {
    for (const TraceEvent::Field& one : event.fields) {
        if (one.key == key) {
            return one.value;
        }
    }
    return {};
}

std::uint64_t number(const TraceEvent& event, std::string_view key) {
    const std::string text = field(event, key);
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

/// The link's name in the platform file.
std::string whole_link(const std::string& name) {
    for (const std::string_view suffix : {"_UP", "_DOWN"}) {
        if (name.ends_with(suffix)) {
            return name.substr(0, name.size() - suffix.size());
        }
    }
    return name;
}

}  // namespace

void FaultLog::report(SwarmTime time, const NodeId& node, const TraceEvent& event) {
    if (event.name == "leader_elected") {
        ++elections_;
    } else if (event.name == "round_committed") {  // reported by each SN; the first counts
        committed_[field(event, "contract")].try_emplace(number(event, "round"),
                                                         Committed{time, number(event, "attempt")});
    }
    trace_.report(time, node, event);
}

void FaultLog::changed(SwarmTime time, bool host, const std::string& name, bool on) {
    bool& off = off_[{host, name}];
    if (off == !on) {
        return;  // the other direction of a link, or no change
    }
    off = !on;
    auto& [turned_off, turned_on] = host ? hosts_ : links_;
    ++(on ? turned_on : turned_off);
    report(time, NodeId{"platform"},
           TraceEvent(host ? (on ? "host_on" : "host_off") : (on ? "link_up" : "link_down"))
               .with(host ? "host" : "link", name)
               .log(Level::warning, "sim",
                    (host ? "Host " : "Link ") + name +
                        (host ? (on ? " came on" : " went off") : (on ? " is up" : " is down"))));
}

void FaultLog::host_changed(SwarmTime time, const std::string& host, bool on) {
    off_times_.changed(time, host, on);
    changed(time, true, host, on);
}
void FaultLog::link_changed(SwarmTime time, const std::string& link, bool on) {
    changed(time, false, whole_link(link), on);
}

void FaultLog::node_killed(SwarmTime time, const NodeId& node, const std::string& reason) {
    ++nodes_killed_;
    report(time, node, TraceEvent("node_killed").log(Level::warning, "sim", reason));
}

std::uint64_t FaultLog::retried_rounds() const {
    std::uint64_t retried = 0;
    for (const auto& [contract, rounds] : committed_) {
        for (const auto& [round, committed] : rounds) {
            retried += committed.attempt > 0 ? 1 : 0;
        }
    }
    return retried;
}

std::uint64_t FaultLog::attempts_max() const {
    std::uint64_t most = 0;
    for (const auto& [contract, rounds] : committed_) {
        for (const auto& [round, committed] : rounds) {
            most = std::max(most, committed.attempt + 1);
        }
    }
    return most;
}

std::vector<FaultLog::Pause> FaultLog::pauses() const {
    std::vector<Pause> all;
    for (const auto& [contract, rounds] : committed_) {
        const Committed* before = nullptr;
        for (const auto& [round, committed] : rounds) {
            if (before != nullptr) {
                all.push_back({round, committed.at - before->at});
            }
            before = &committed;
        }
    }
    return all;
}

FaultLog::Pause FaultLog::longest_pause() const {
    Pause longest;
    for (const Pause& pause : pauses()) {
        longest = pause.length > longest.length ? pause : longest;
    }
    return longest;
}

SwarmDuration FaultLog::median_pause() const {
    std::vector<Pause> all = pauses();
    if (all.empty()) {
        return SwarmDuration{0};
    }
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
    std::nth_element(all.begin(), middle, all.end(),
                     [](const Pause& a, const Pause& b) { return a.length < b.length; });
    return middle->length;
}

}  // namespace starling
