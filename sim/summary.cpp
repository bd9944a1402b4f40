#include "sim/summary.hpp"

#include <algorithm>
#include <sstream>

#include "core/base/json_writer.hpp"
#include "core/base/size_text.hpp"

namespace starling {
namespace {

std::string seconds(SwarmDuration duration) { return decimal_text(to_seconds(duration), 6); }
std::string seconds(SwarmTime time) { return seconds(time.time_since_epoch()); }

std::string_view how_text(SimOutcome::End how) {
    switch (how) {
        case SimOutcome::End::finished:
            return "finished";
        case SimOutcome::End::stalled:
            return "stalled";
        case SimOutcome::End::no_round:
            return "no_round";
        case SimOutcome::End::round_limit:
            return "round_limit";
        case SimOutcome::End::until:
            return "until";
    }
    return "unknown";
}

std::string count(std::uint64_t number, const std::string& what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

std::string state_text(const NodeOutcome& node) {
    const std::string restarts =
        node.restarts == 0 ? "" : ", restarted " + count(node.restarts, "time");
    if (node.exit_code) {
        return "exit code " + std::to_string(*node.exit_code) +
               (node.reason.empty() ? "" : " (" + node.reason + ")") + restarts;
    }
    return (node.killed ? "killed by a fault" : "still running") + restarts;
}

void write_faults(const FaultLog& faults, std::ostream& text) {
    if (faults.any()) {
        const auto& [hosts_off, hosts_on] = faults.hosts();
        const auto& [links_down, links_up] = faults.links();
        text << "faults        hosts off " << hosts_off << ", on again " << hosts_on
             << "; links down " << links_down << ", up again " << links_up << "; nodes killed "
             << faults.nodes_killed() << ", restarted " << faults.nodes_restarted() << "\n";
    }
    if (faults.elections() > 1) {
        text << "elections     " << faults.elections() << " of an SN that leads the ledger\n";
    }
    if (faults.retried_rounds() > 0) {
        text << "attempts      " << count(faults.retried_rounds(), "round")
             << " took more than one, at most " << faults.attempts_max() << "\n";
    }
    const FaultLog::Pause longest = faults.longest_pause();
    if (longest.length > SwarmDuration{0}) {
        text << "longest pause " << seconds(longest.length) << " s without a commit, before round "
             << longest.round << " (median " << seconds(faults.median_pause()) << " s)\n";
    }
}

std::string use_json(const ResourceUse& use) {
    std::ostringstream json;
    json.precision(9);
    json << "  \"machines\": [";
    const char* separator = "\n";
    for (const MachineUse& machine : use.machines) {
        json << separator << "    {\"name\": " << json_string(machine.name)
             << ", \"cores\": " << machine.cores << ", \"cpu_seconds\": " << machine.cpu_seconds
             << ", \"disk_seconds\": " << machine.disk_seconds << "}";
        separator = ",\n";
    }
    json << "\n  ],\n  \"links\": [";
    separator = "\n";
    for (const LinkUse& link : use.links) {
        json << separator << "    {\"name\": " << json_string(link.name)
             << ", \"bytes\": " << link.bytes << ", \"bytes_per_second\": " << link.bytes_per_second
             << "}";
        separator = ",\n";
    }
    json << "\n  ]\n";
    return json.str();
}

void write_energy(const EnergyUse& use, std::ostream& text) {
    if (!use.missing.empty()) {
        text << "energy        not computed: " << use.missing << "\n";
        return;
    }
    const EnergyUse::Kind hosts = use.all_hosts();
    const double at_rest = hosts.at_rest + use.links.at_rest;
    text << "energy        " << joules_text(hosts.joules + use.links.joules) << ": hosts "
         << joules_text(hosts.joules) << ", links " << joules_text(use.links.joules)
         << "; at rest they would have used " << joules_text(at_rest) << " in that time\n";
    constexpr std::size_t kinds_max = 12;
    for (std::size_t i = 0; i < std::min(use.hosts.size(), kinds_max); ++i) {
        const EnergyUse::Kind& kind = use.hosts[i];
        text << "energy of     " << count(kind.hosts, "host") << " " << kind.name << ": "
             << joules_text(kind.joules) << ", "
             << joules_text(kind.joules / static_cast<double>(kind.hosts)) << " each\n";
    }
    if (use.hosts.size() > kinds_max) {
        text << "energy of     " << use.hosts.size() - kinds_max << " more kinds: see --json\n";
    }
}

std::string energy_json(const std::optional<EnergyUse>& use) {
    JsonWriter json;
    if (!use || !use->missing.empty()) {
        return "null";
    }
    const auto write = [&json](const EnergyUse::Kind& kind, std::string_view number) {
        json.begin_object().field("name", kind.name).field(number, kind.hosts);
        json.field("joules", kind.joules).field("joules_at_rest", kind.at_rest).end_object();
    };
    json.begin_object().key("hosts").begin_array();
    for (const EnergyUse::Kind& kind : use->hosts) {
        write(kind, "hosts");
    }
    json.end_array().key("links");
    write(use->links, "links");
    return json.end_object().take();
}

bool same_digests(const RoundLog& rounds) {
    for (const auto& [round, entry] : rounds.rounds()) {
        if (!entry.same_digest) {
            return false;
        }
    }
    return true;
}

void write_nodes(const SimOutcome& outcome, NodeLines lines, std::ostringstream& text) {
    constexpr std::size_t failed_max = 20;
    std::size_t failed = 0;
    for (const NodeOutcome& node : outcome.nodes) {
        const bool ok = node.exit_code == exit_code::ok;
        failed += ok ? 0U : 1U;
        if (lines == NodeLines::all || (!ok && failed <= failed_max)) {
            text << "node          " << node.id.name << " on " << node.host << ": "
                 << state_text(node) << "\n";
        }
    }
    if (lines == NodeLines::failed) {
        text << "nodes         " << outcome.nodes.size() - failed << " ended with exit code 0, "
             << failed << " did not\n";
    }
}

}  // namespace

std::string summary_text(const SimOutcome& outcome, NodeLines lines) {
    std::ostringstream text;
    const auto& rounds = outcome.rounds.rounds();
    if (outcome.how == SimOutcome::End::stalled) {
        text << "stalled       nothing more can happen after " << seconds(outcome.end)
             << " s; these nodes wait for each other:";
        for (const NodeOutcome& node : outcome.nodes) {
            if (!node.exit_code && !node.killed) {
                text << " " << node.id.name;
            }
        }
        text << "\n";
    } else if (outcome.how == SimOutcome::End::no_round) {
        text << "no round      hosts fail faster than the swarm can complete a round: "
             << outcome.restarting.name << " was restarted repeatedly, until "
             << seconds(outcome.end) << " s\n";
    } else if (outcome.how == SimOutcome::End::round_limit) {
        text << "no round      " << outcome.no_rounds << "\n";
    } else if (outcome.how == SimOutcome::End::until) {
        text << "ended         at --until\n";
    }
    text << "rounds        " << rounds.size() << "\n"
         << "time          " << seconds(outcome.end) << " s simulated\n"
         << "exchange      " << seconds(outcome.rounds.median_exchange_time())
         << " s per round (median, from the last check-in to the last member that continues)\n"
         << "bytes         " << outcome.bytes.sent << " sent, " << outcome.bytes.delivered
         << " delivered, " << outcome.bytes.lost << " lost\n"
         << "final digest  "
         << (rounds.empty() ? std::string("none") : to_string(rounds.rbegin()->second.digest))
         << "\n";
    if (outcome.energy) {
        write_energy(*outcome.energy, text);
    }
    write_faults(outcome.faults, text);
    if (!same_digests(outcome.rounds)) {
        text << "WARNING       programs got different parameters in one round\n";
    }
    write_nodes(outcome, lines, text);
    return text.str();
}

std::string summary_json(const SimOutcome& outcome, std::uint64_t seed) {
    std::ostringstream json;
    const auto& rounds = outcome.rounds.rounds();
    json << "{\n  \"seed\": " << seed << ",\n  \"end\": \"" << how_text(outcome.how) << "\",\n"
         << "  \"exit_code\": " << outcome.exit_code() << ",\n"
         << "  \"simulated_seconds\": " << seconds(outcome.end) << ",\n"
         << "  \"round_count\": " << rounds.size() << ",\n"
         << "  \"exchange_seconds_median\": " << seconds(outcome.rounds.median_exchange_time())
         << ",\n"
         << "  \"bytes_sent\": " << outcome.bytes.sent << ",\n"
         << "  \"bytes_delivered\": " << outcome.bytes.delivered << ",\n"
         << "  \"bytes_lost\": " << outcome.bytes.lost << ",\n"
         << "  \"hosts_off\": " << outcome.faults.hosts().first << ",\n"
         << "  \"hosts_on\": " << outcome.faults.hosts().second << ",\n"
         << "  \"links_down\": " << outcome.faults.links().first << ",\n"
         << "  \"links_up\": " << outcome.faults.links().second << ",\n"
         << "  \"nodes_killed\": " << outcome.faults.nodes_killed() << ",\n"
         << "  \"nodes_restarted\": " << outcome.faults.nodes_restarted() << ",\n"
         << "  \"elections\": " << outcome.faults.elections() << ",\n"
         << "  \"retried_rounds\": " << outcome.faults.retried_rounds() << ",\n"
         << "  \"attempts_max\": " << outcome.faults.attempts_max() << ",\n"
         << "  \"longest_pause_seconds\": " << seconds(outcome.faults.longest_pause().length)
         << ",\n"
         << "  \"longest_pause_round\": " << outcome.faults.longest_pause().round << ",\n"
         << "  \"final_digest\": "
         << (rounds.empty() ? std::string("null")
                            : json_string(to_string(rounds.rbegin()->second.digest)))
         << ",\n  \"same_digests\": " << (same_digests(outcome.rounds) ? "true" : "false")
         << ",\n  \"rounds\": [";
    const char* separator = "\n";
    for (const auto& [round, entry] : rounds) {
        json << separator << "    {\"round\": " << round
             << ", \"first_check_in\": " << seconds(entry.first_check_in)
             << ", \"last_check_in\": " << seconds(entry.last_check_in)
             << ", \"last_result\": " << seconds(entry.last_result)
             << ", \"members\": " << entry.members
             << ", \"digest\": " << json_string(to_string(entry.digest)) << "}";
        separator = ",\n";
    }
    json << "\n  ],\n  \"nodes\": [";
    separator = "\n";
    for (const NodeOutcome& node : outcome.nodes) {
        json << separator << "    {\"name\": " << json_string(node.id.name)
             << ", \"role\": " << json_string(to_string(node.role))
             << ", \"host\": " << json_string(node.host) << ", \"exit_code\": "
             << (node.exit_code ? std::to_string(*node.exit_code) : std::string("null"))
             << ", \"killed\": " << (node.killed ? "true" : "false")
             << ", \"restarts\": " << node.restarts << ", \"reason\": " << json_string(node.reason)
             << "}";
        separator = ",\n";
    }
    json << "\n  ],\n  \"energy\": " << energy_json(outcome.energy) << ",\n"
         << use_json(outcome.use) << "}\n";
    return json.str();
}

}  // namespace starling
