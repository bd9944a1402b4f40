#include "tests/scenarios/scenario.hpp"

#include <cstdio>
#include <sstream>

namespace starling::test {
namespace {

using Words = std::vector<std::string>;

constexpr SwarmDuration run_limit = std::chrono::hours(1);  ///< of virtual time, for one command

Words words_of(const std::string& line) {
    std::istringstream in(line);
    Words words;
    for (std::string word; in >> word;) {
        words.push_back(word);
    }
    return words;
}

Error unknown(const std::string& what, const std::string& word) {
    return {Errc::usage, "unknown " + what + " '" + word + "'"};
}

/// The settings "key=value" of a command, taken out one by one; what remains is an error.
class Settings {
public:
    explicit Settings(const Words& words) {
        for (std::size_t i = 1; i < words.size(); ++i) {
            const std::size_t equals = words[i].find('=');
            values_[words[i].substr(0, equals)] =
                equals == std::string::npos ? "" : words[i].substr(equals + 1);
        }
    }
    double number(const std::string& key, double otherwise) {
        const auto found = values_.extract(key);
        if (!found) {
            return otherwise;
        }
        char* end = nullptr;
        const double value = std::strtod(found.mapped().c_str(), &end);
        if (found.mapped().empty() || *end != '\0') {
            bad_ = key + "=" + found.mapped();
        }
        return value;
    }
    std::string text(const std::string& key) {
        const auto found = values_.extract(key);
        return found ? found.mapped() : "";
    }
    Result<void> done() const {
        if (!bad_.empty()) {
            return Error{Errc::usage, "'" + bad_ + "' is no number"};
        }
        if (!values_.empty()) {
            return unknown("setting", values_.begin()->first);
        }
        return {};
    }

private:
    std::map<std::string, std::string> values_;
    std::string bad_;
};

/// "10s", "250ms"
Result<SwarmDuration> duration_of(const std::string& text) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    const std::string_view unit = end;
    if (end != text.c_str() && value >= 0 && (unit == "s" || unit == "ms")) {
        return from_seconds(unit == "s" ? value : value / 1000);
    }
    return Error{Errc::usage, "'" + text + "' is no time: write 10s or 250ms"};
}

std::string line_of(const TraceRecorder::Line& line) {
    char time[32];
    std::snprintf(time, sizeof time, "%11.6f", to_seconds(line.time - SwarmTime{}));
    std::string text =
        std::string(time) + " s  " + line.node.name + " " + std::string(line.event.name);
    for (const TraceEvent::Field& field : line.event.fields) {
        text += " " + std::string(field.key) + "=" + field.value.substr(0, 12);
    }
    return text + "\n";
}

}  // namespace

Result<std::string> Scenario::replay(std::string_view text) {
    Scenario scenario;
    std::istringstream in{std::string(text)};
    std::string result;
    int number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        result += line + "\n";
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        Result<std::string> output = scenario.execute(line);
        if (!output) {
            return Error{output.error().code,
                         "line " + std::to_string(number) + ": " + output.error().message};
        }
        if (!std::getline(in, line) || line != "----") {
            return Error{Errc::usage, "line " + std::to_string(number + 1) +
                                          ": '----' must follow each command"};
        }
        ++number;
        result += line + "\n" + *output + "\n";
        while (std::getline(in, line) && !line.empty()) {
            ++number;  // skips the expected events
        }
        ++number;
    }
    return result;
}

Result<std::string> Scenario::execute(const std::string& line) {
    const Words words = words_of(line);
    if (words[0] == "swarm") {
        return make_swarm(words);
    }
    if (!swarm_) {
        return Error{Errc::usage, "the first command must be 'swarm'"};
    }
    if (words[0] == "show") {
        shown_.clear();
        for (std::size_t i = 1; i < words.size(); ++i) {
            if (find_event_kind(words[i]) == nullptr) {
                return unknown("event", words[i]);
            }
            shown_.insert(words[i]);
        }
        return std::string();
    }
    if (words[0] == "run") {
        return run(words);
    }
    if (words[0] == "exits") {
        return exit_codes();
    }
    if (words[0] == "crash" || words[0] == "restart" || words[0] == "stop") {
        return change_processes(words);
    }
    return change_network(words);
}

Result<std::string> Scenario::make_swarm(const Words& words) {
    Settings settings(words);
    const auto seed = static_cast<std::uint64_t>(settings.number("seed", 1));
    const int servers = static_cast<int>(settings.number("sns", 1));
    const int pairs = static_cast<int>(settings.number("pairs", 2));
    ToyOptions toy;
    if (const std::string plan = settings.text("exchange"); !plan.empty()) {
        const Result<ExchangePlan> exchange = parse_exchange_plan(plan);
        if (!exchange) {
            return exchange.error();
        }
        toy.exchange = *exchange;
    }
    if (const std::string members = settings.text("durable"); !members.empty()) {
        const Result<Durability> durable = parse_durability(members);
        if (!durable) {
            return durable.error();
        }
        toy.durable = *durable;
    }
    toy.elements = static_cast<std::size_t>(settings.number("elements", 1000));
    toy.min_peers = static_cast<std::uint32_t>(settings.number("min_peers", 2));
    toy.syncs = static_cast<std::uint32_t>(settings.number("syncs", 2));
    toy.grace = from_seconds(settings.number("grace_s", 30));
    toy.keeps_state = settings.number("keeps_state", 0) != 0;
    const int broken_member = static_cast<int>(settings.number("nan_member", 0));
    const auto broken_sync = static_cast<std::uint32_t>(settings.number("nan_sync", 1));
    if (const Result<void> read = settings.done(); !read) {
        return read.error();
    }
    swarm_ = std::make_unique<MemorySwarm>(seed, SeatOptions{}, servers);
    for (int i = 1; i <= pairs; ++i) {
        toy.broken.clear();
        if (i == broken_member) {
            toy.broken[broken_sync] = std::numeric_limits<float>::quiet_NaN();
        }
        swarm_->add_pair(i, toy);
    }
    return std::string();
}

Result<std::string> Scenario::run(const Words& words) {
    if (words.size() == 3 && words[1] == "for") {
        const Result<SwarmDuration> time = duration_of(words[2]);
        if (!time) {
            return time.error();
        }
        swarm_->run_for(*time);
        return new_events();
    }
    if (words.size() == 3 && words[1] == "to" && words[2] == "end") {
        if (!swarm_->run(swarm_->network.now() - SwarmTime{} + run_limit)) {
            return Error{Errc::timeout,
                         "the training has not ended within an hour:\n" + swarm_->trace.tail()};
        }
        return new_events();
    }
    if (words.size() >= 3 && words[1] == "until") {
        return run_until(words);
    }
    return Error{
        Errc::usage,
        "write 'run for TIME', 'run to end' or 'run until EVENT [at=NODE] [field=value...]'"};
}

Result<std::string> Scenario::run_until(const Words& words) {
    if (find_event_kind(words[2]) == nullptr) {
        return unknown("event", words[2]);
    }
    std::size_t looked_at = reported_;
    const bool done = swarm_->network.run(
        [&] {
            const bool found = happened(words, looked_at);
            looked_at = swarm_->trace.lines.size();
            return found;
        },
        swarm_->network.now() + run_limit);
    if (!done) {
        return Error{Errc::timeout,
                     words[2] + " has not happened within an hour:\n" + swarm_->trace.tail()};
    }
    return new_events();
}

/// Whether the trace, from index `since` on, has an event with the name, node and fields of a 'run
/// until'.
bool Scenario::happened(const Words& words, std::size_t since) const {
    const std::vector<TraceRecorder::Line>& lines = swarm_->trace.lines;
    for (std::size_t at = since; at < lines.size(); ++at) {
        bool matches = lines[at].event.name == words[2];
        for (std::size_t i = 3; matches && i < words.size(); ++i) {
            const std::size_t equals = std::min(words[i].find('='), words[i].size());
            const std::string key = words[i].substr(0, equals);
            const std::string value = words[i].substr(std::min(equals + 1, words[i].size()));
            matches =
                value == (key == "at" ? std::string(lines[at].node.name) : field(lines[at], key));
        }
        if (matches) {
            return true;
        }
    }
    return false;
}

Result<std::string> Scenario::change_processes(const Words& words) {
    for (std::size_t i = 1; i < words.size(); ++i) {
        const NodeId process{words[i]};
        const bool known = swarm_->sls.contains(process) || swarm_->mls.contains(process) ||
                           std::count(swarm_->sns.begin(), swarm_->sns.end(), process) > 0;
        if (!known) {
            return unknown("process", words[i]);
        }
        if (words[0] == "crash") {
            swarm_->network.crash(process);
        } else if (words[0] == "restart") {
            swarm_->network.restart(process);
        } else {
            swarm_->network.deliver(process, StopRequested{"SIGTERM"});
        }
    }
    return new_events();
}

Result<std::string> Scenario::change_network(const Words& words) {
    MemoryNetwork& network = swarm_->network;
    if (words[0] == "partition") {
        std::set<NodeId> side;
        for (std::size_t i = 1; i < words.size(); ++i) {
            side.insert({words[i]});
        }
        network.partition(side);
    } else if (words[0] == "block" && words.size() == 3) {
        network.block({words[1]}, {words[2]});
    } else if (words[0] == "mute" && words.size() == 3) {
        network.mute({words[1]}, {words[2]});
    } else if (words[0] == "reset" && words.size() == 3) {
        network.reset({words[1]}, {words[2]});
    } else if (words[0] == "heal" && words.size() == 1) {
        network.heal();
    } else if (words[0] == "links") {
        Settings settings(words);
        network.faults.bytes_per_second =
            settings.number("bytes_per_second", network.faults.bytes_per_second);
        network.faults.drop = settings.number("drop", network.faults.drop);
        network.faults.duplicate = settings.number("duplicate", network.faults.duplicate);
        network.faults.reorder = settings.number("reorder", network.faults.reorder);
        if (const Result<void> read = settings.done(); !read) {
            return read.error();
        }
    } else {
        return unknown("command", words[0]);
    }
    return new_events();
}

std::string Scenario::exit_codes() const {
    std::string text;
    for (const auto* nodes : {&swarm_->sls, &swarm_->mls}) {
        for (const NodeId& node : *nodes) {
            const std::optional<Stop> stop = swarm_->network.stopped(node);
            text += node.name + ": " +
                    (stop ? std::to_string(stop->exit_code) : std::string("running or killed")) +
                    "\n";
        }
    }
    return text;
}

std::string Scenario::new_events() {
    std::string text;
    for (; reported_ < swarm_->trace.lines.size(); ++reported_) {
        const TraceRecorder::Line& line = swarm_->trace.lines[reported_];
        if (shown_.contains(std::string(line.event.name))) {
            text += line_of(line);
        }
    }
    return text;
}

}  // namespace starling::test
