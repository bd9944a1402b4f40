// Runs many swarms under random faults, in virtual time.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string_view>
#include <thread>

#include <CLI/CLI.hpp>

#include "deploy/log/progress_line.hpp"
#include "tests/campaign/seed_process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace starling::test {
namespace {

const std::map<std::string, Plant> plants = {
    {"stale-reads", Plant::stale_reads},
    {"r3-off", Plant::r3_off},
    {"lost-sync", Plant::lost_sync},
    {"arrival-order", Plant::arrival_order},
    {"attempt-unchecked", Plant::attempt_unchecked},
    {"lease-without-progress", Plant::lease_without_progress},
    {"fence-off", Plant::fence_off},
    {"removed-serves", Plant::removed_serves},
    {"disk-is-farewell", Plant::disk_is_farewell},
};

struct Arguments {
    CampaignOptions options;
    std::uint64_t seeds = 100;
    std::uint64_t first_seed = 1;
    std::size_t jobs = std::max(1U, std::thread::hardware_concurrency());
    bool twice = false;
    std::string plant;
    int cpu_limit_s = 60;
};

struct Totals {
    std::uint64_t seeds = 0;
    std::uint64_t failed = 0;
    SeedResult sum;
};

std::string command_of(const Arguments& arguments, std::uint64_t seed) {
    const CampaignOptions& options = arguments.options;
    std::string text = "swarm-campaign --seeds 1 --first-seed " + std::to_string(seed) +
                       " --servers " + std::to_string(options.servers) + " --pairs " +
                       std::to_string(options.pairs);
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%g", options.fault_seconds);
    text += std::string(" --seconds ") + seconds;
    text += options.membership ? " --membership" : " --no-membership";
    text += options.hostile ? " --hostile" : "";
    text += arguments.plant.empty() ? "" : " --plant " + arguments.plant;
    return text + (arguments.twice ? " --twice" : " --trace " + std::to_string(seed) + ".trace");
}

void add(Totals& totals, const Arguments& arguments, const SeedProcesses::Finished& finished,
         ProgressLine& progress) {
    const SeedResult& result = finished.result;
    progress.update(++totals.seeds);
    totals.sum.faults += result.faults;
    totals.sum.rounds += result.rounds;
    totals.sum.crashes += result.crashes;
    totals.sum.copies += result.copies;
    totals.sum.removals += result.removals;
    totals.sum.full_disks += result.full_disks;
    totals.sum.operations += result.operations;
    totals.sum.violations += result.violations;
    if (result.violations == 0) {
        return;
    }
    ++totals.failed;
    progress.clear();
    std::cout << "seed " << finished.seed << ": " << result.violations << " violations\n";
    constexpr std::size_t shown_max = 4;
    for (std::size_t i = 0; i < std::min(shown_max, result.first.size()); ++i) {
        std::cout << "  " << result.first[i] << "\n";
    }
    std::cout << "  again: " << command_of(arguments, finished.seed) << "\n" << std::flush;
}

/// The first difference between two runs of one seed, as text. Both traces are kept.
std::string first_difference(const std::string& first, const std::string& second) {
    std::ifstream one(first);
    std::ifstream other(second);
    std::string line;
    std::string other_line;
    for (std::uint64_t number = 1;; ++number) {
        const bool more = static_cast<bool>(std::getline(one, line));
        const bool other_more = static_cast<bool>(std::getline(other, other_line));
        if (!more && !other_more) {
            return first + " and " + second + " do not differ";
        }
        if (more != other_more || line != other_line) {
            return "line " + std::to_string(number) + " of " + first + " is " +
                   (more ? line : "missing") + ", of " + second + " " +
                   (other_more ? other_line : "missing");
        }
    }
}

/// The second run of a seed must equal the first, event for event. \return whether it does.
bool compare(SeedProcesses::Finished& second, const SeedProcesses::Finished& first) {
    if (first.result.hash == second.result.hash) {
        std::filesystem::remove(first.trace_file);
        std::filesystem::remove(second.trace_file);
        return true;
    }
    ++second.result.violations;
    second.result.first.push_back("a second run of the same seed had another trace (hash " +
                                  std::to_string(second.result.hash) + ", the first " +
                                  std::to_string(first.result.hash) + ")");
    second.result.first.push_back(first_difference(first.trace_file, second.trace_file));
    return false;
}

Totals run_once(const Arguments& arguments) {
    SeedProcesses processes(arguments.options, arguments.cpu_limit_s);
    ProgressLine progress("seeds", arguments.seeds);
    Totals totals;
    processes.run(
        arguments.seeds, arguments.jobs,
        [&](std::uint64_t run) {
            processes.start(arguments.first_seed + run, arguments.options.trace_file);
        },
        [&](const SeedProcesses::Finished& finished) {
            add(totals, arguments, finished, progress);
        });
    return totals;
}

/// Runs every seed twice, the second time with a different memory layout.
Totals run_twice(const Arguments& arguments) {
    TemporaryDirectory directory;
    SeedProcesses processes(arguments.options, arguments.cpu_limit_s);
    ProgressLine progress("seeds", arguments.seeds);
    Totals totals;
    std::map<std::uint64_t, SeedProcesses::Finished> first_runs;
    processes.run(
        2 * arguments.seeds, arguments.jobs,
        [&](std::uint64_t run) {
            const std::uint64_t seed = arguments.first_seed + run / 2;
            const bool second = run % 2 != 0;
            const std::string file = std::to_string(seed) + (second ? ".second" : ".first");
            processes.start(seed, directory.path() / file, second);
        },
        [&](SeedProcesses::Finished finished) {
            const auto known = first_runs.find(finished.seed);
            if (known == first_runs.end()) {
                first_runs.emplace(finished.seed, std::move(finished));
                return;
            }
            if (!compare(finished, known->second)) {
                directory.keep();
            }
            first_runs.erase(known);
            add(totals, arguments, finished, progress);
        });
    return totals;
}

void print(const Totals& totals) {
    std::cout << totals.seeds << " seeds, " << totals.sum.faults << " faults, " << totals.sum.rounds
              << " rounds, " << totals.sum.crashes << " crashes, " << totals.sum.copies
              << " copies, " << totals.sum.removals << " removals, " << totals.sum.full_disks
              << " full ML disks, " << totals.sum.violations << " violations\n";
}

constexpr const char* description =
    "Sends swarms of SNs, SLs, MLs and readers through random faults in virtual time: frames lost, "
    "doubled and\nreordered, slow links, partitions, crashes, power cuts, writes that were not "
    "synced, disk errors of SNs and SLs, full\ndisks of MLs, clocks that differ; workspaces of "
    "pairs and of SNs that are copied and started twice; SNs that an\nadministrator removes, some "
    "of which come back. Then all is well again, and the training must end. Every event is\n"
    "checked (core/check). All comes from the seed.\n"
    "Exit code: 0, 1 with violations, 2 for a wrong flag.";

/// Of flags that do not go together; empty: none.
std::string_view conflict_in(const Arguments& arguments) {
    const CampaignOptions& options = arguments.options;
    if (!options.trace_file.empty() && (arguments.seeds != 1 || arguments.twice)) {
        return "--trace takes one run: use --seeds 1 without --twice";
    }
    if (options.hostile && (options.pairs < 4 || options.servers < 3)) {
        return "--hostile needs --pairs 4 and --servers 3, or more";
    }
    return "";
}

int run(int argc, char** argv) {
    CLI::App app(description);
    Arguments arguments;
    CampaignOptions& options = arguments.options;
    app.add_option("--seeds", arguments.seeds, "how many runs")->capture_default_str();
    app.add_option("--first-seed", arguments.first_seed, "of the first run; the next have the next")
        ->capture_default_str();
    app.add_option("--servers", options.servers, "SNs")
        ->capture_default_str()
        ->check(CLI::Range(1, 9));
    app.add_option("--pairs", options.pairs, "pairs of SL and ML")
        ->capture_default_str()
        ->check(CLI::Range(2, 99));
    auto* membership = app.add_flag("--membership,!--no-membership", options.membership,
                                    "SNs leave, join and are replaced by empty ones (default: "
                                    "with 5 servers and more)");
    app.add_option("--seconds", options.fault_seconds, "of virtual time with faults")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 100'000.0));
    app.add_option("--jobs", arguments.jobs, "runs at once (default: the number of cores)")
        ->check(CLI::Range(1, 1024));
    app.add_option("--plant", arguments.plant, "a bug that must be found")
        ->check(CLI::IsMember(plants));
    app.add_flag("--hostile", options.hostile,
                 "one member and one SN lie, in three of 25 ways and some more, and also fail as "
                 "all do; the "
                 "others' training must go on. With 4 pairs and 3 servers at least: of fewer, the "
                 "others are too few to tell who lies, or to reach a quorum of the round");
    app.add_option("--trace", options.trace_file, "writes the trace of the run; with --seeds 1");
    app.add_flag("--twice", arguments.twice,
                 "runs every seed twice: both must have the same trace. Traces that differ are "
                 "kept, and the first line that differs is shown");
    app.add_option("--cpu-limit", arguments.cpu_limit_s, "seconds of a run, after which it hangs")
        ->capture_default_str();
    app.footer(
        "\nExamples:\n  swarm-campaign --seeds 1000\n  swarm-campaign --seeds 300 --servers 5\n"
        "  swarm-campaign --seeds 1000 --hostile\n"
        "  swarm-campaign --seeds 1 --first-seed 42 --trace 42.trace\n"
        "  swarm-campaign --seeds 50 --plant stale-reads      (exit code 1)");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    if (const std::string_view wrong = conflict_in(arguments); !wrong.empty()) {
        std::cerr << "swarm-campaign: " << wrong << "\n";
        return 2;
    }
    if (membership->count() == 0) {
        options.membership = options.servers >= 5;
    }
    if (!arguments.plant.empty()) {
        options.plant = plants.at(arguments.plant);
    }
    options.hash_trace = arguments.twice;
    const Totals totals = arguments.twice ? run_twice(arguments) : run_once(arguments);
    print(totals);
    return totals.sum.violations == 0 ? 0 : 1;
}

}  // namespace
}  // namespace starling::test

int main(int argc, char** argv) { return starling::test::run(argc, argv); }
