// The simulator's command line: it reads the inputs in an order that finds the user's errors before
// SimGrid does, and runs the simulation in a child process (guarded_run.hpp). Exit code 2 is an
// error in flags or files.
#include "sim/sim_main.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <CLI/CLI.hpp>

#include "core/base/real_text.hpp"
#include "core/files/read_file.hpp"
#include "core/licence/licence.hpp"
#include "sim/deployment.hpp"
#include "sim/duration.hpp"
#include "sim/guarded_run.hpp"
#include "sim/output_files.hpp"
#include "sim/platform_file.hpp"
#include "sim/run_recorder.hpp"
#include "sim/scale_deployment.hpp"
#include "sim/scale_summary.hpp"
#include "sim/simulation.hpp"
#include "sim/summary.hpp"

namespace starling {
namespace {

constexpr std::size_t lazy_above_hosts = 10'000;

/// Files to be written; empty: not asked for.
struct Outputs {
    std::string trace;
    std::string json;
    std::string report;
    std::string record;  ///< folder of records of runs
};

/// Of training that is not modelled.
struct ProgramFlags {
    std::string workspace = "workspace";
    bool run = false;  ///< as processes
    ProgramLimits limits;
    std::int64_t timeout_seconds = ProgramLimits().silence.count();
};

struct Flags {
    std::string platform;
    std::string deployment;
    std::uint64_t seed = 1;
    OutputFlags out;
    std::vector<std::string> faults;
    std::string calibration;
    double cores_shared = 0.0;
    double until_seconds = 0.0;
    std::string round_limit;
    double progress_seconds = 10.0;
    std::string date;
    std::string log_level = "info";
    ProgramFlags programs;
    std::vector<std::string> simgrid;
    bool no_profiles = false;
    bool quiet = false;
    ScaleOptions scale;  ///< hosts is 0: a deployment file is given
    std::string scale_kind = "star";
};

void declare(CLI::App& app, Flags& flags) {
    app.add_option("PLATFORM,--platform", flags.platform,
                   "SimGrid platform file; with --scale it may be omitted");
    app.add_option("DEPLOYMENT", flags.deployment,
                   "SimGrid deployment file; functions run-apls, run-sn, run-sl, ml with the "
                   "binaries' arguments");
    app.add_option("--seed", flags.seed, "seed of all random numbers")->capture_default_str();
    app.add_option("--trace", flags.out.trace, "write the trace of all nodes to this file");
    app.add_option("--json", flags.out.json, "write the summary as JSON to this file");
    app.add_option("--report", flags.out.report,
                   "write a page with timeline, curves and replay to this file (HTML)");
    app.add_option("--timeline", flags.out.timeline,
                   "write the run for ui.perfetto.dev or chrome://tracing to this file (JSON)");
    app.add_option("--record", flags.out.record,
                   "record the run in this folder, for swarm-runs: configuration, commit, results "
                   "and curves")
        ->envname("STARLING_RUNS");
    app.add_option("--fault", flags.faults,
                   "\"t=30s kill host-2\"; kill or restart a host or node; cut or heal a link; "
                   "power: a host goes off and loses writes that were under way; bandwidth 1Mbps, "
                   "latency 200ms, loss 2% of a link; disk 1MBps of a host; `for 60s` before the "
                   "name ends a cut or such a change; the rest of the text is the name, including "
                   "spaces; a link's direction is NAME_UP or NAME_DOWN; repeatable")
        ->allow_extra_args(false);
    app.add_flag("--no-profiles", flags.no_profiles,
                 "ignore the state, bandwidth and other profiles of PLATFORM");
    app.add_option("--calibration", flags.calibration,
                   "cost of training, merging, hashing, disk and network (JSON, from "
                   "`SWARM_CALIBRATE=FILE PROGRAM` and swarm-calibrate)");
    app.add_option("--cores-shared", flags.cores_shared,
                   "all hosts are emulated on one machine of so many cores, which they share, as "
                   "on a test machine; default: each host has the cores of its platform, and hosts "
                   "with the same property 'machine' share them")
        ->check(CLI::Range(0.01, 1e6));
    app.add_option("--until", flags.until_seconds, "end at this simulated second")
        ->check(CLI::Range(1e-9, 1e9));
    app.add_option(
        "--round-limit", flags.round_limit,
        "end with exit code 4 if no round completes for this time while nobody trains: 90s, "
        "30m, 5h, 2d; default: two hours, or ten times the time that the bytes of a round "
        "need over the narrowest link, if that is longer");
    app.add_option("--progress", flags.progress_seconds,
                   "report the progress of a slow run on stderr, first after this many seconds of "
                   "wall-clock "
                   "time, then less often; 0: never")
        ->check(CLI::Range(0.0, 86400.0))
        ->capture_default_str();
    app.add_option("--date", flags.date,
                   "day on which the simulation starts, UTC, as 2026-11-30, for licences; default: "
                   "the first day of the licence");
    app.add_option("--log-level", flags.log_level, "debug, info, warning or error")
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
        ->capture_default_str();
    app.add_option("--workspace", flags.programs.workspace,
                   "real training runs in WORKSPACE/HOST/, so that hosts have separate files")
        ->capture_default_str();
    app.add_option("--cfg", flags.simgrid,
                   "a setting of SimGrid, e.g. contexts/factory:thread; repeatable")
        ->allow_extra_args(false);
    app.add_flag("--quiet", flags.quiet, "no log lines, only the summary");
}

/// SimGrid's full recomputation of sharing is fastest up to 10,000 hosts. The setting must be made
/// before the platform is read, so hosts are counted in the text.
bool is_large(const std::string& platform_file) {
    Result<std::ifstream> stream = open_file(platform_file);
    std::size_t hosts = 0;
    for (std::string line; stream && std::getline(*stream, line);) {
        hosts +=
            line.find("<host ") != std::string::npos || line.find("<peer ") != std::string::npos;
    }
    return hosts > lazy_above_hosts;
}

void declare_programs(CLI::App& app, Flags& flags) {
    ProgramLimits& limits = flags.programs.limits;
    const std::string group = "Real programs";
    app.add_flag("--run-programs", flags.programs.run,
                 "start the ML programs of DEPLOYMENT (--ml-entrypoint, --ml-cmd) as processes and "
                 "give them real rounds; --calibration has the time of their batches. Otherwise "
                 "training is modelled")
        ->group(group);
    app.add_option("--programs-at-once", limits.at_once,
                   "how many of them compute at one time; default: as many as this machine has "
                   "cores")
        ->check(CLI::Range(1, 100'000))
        ->group(group);
    app.add_option("--programs-memory", limits.memory_bytes,
                   "end the run if all of them use more than this: 8G, 500M; default: 80 % of what "
                   "is available at the start")
        ->transform(CLI::AsSizeValue(false))
        ->group(group);
    app.add_option("--program-timeout", flags.programs.timeout_seconds,
                   "end the run if a program that computes does nothing for so many seconds: no "
                   "batch, no sync, no output")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str()
        ->group(group);
    app.add_option("--program-output", limits.output_bytes,
                   "end the run if a program writes more than this; default 256M")
        ->transform(CLI::AsSizeValue(false))
        ->group(group);
}

void declare_scale(CLI::App& app, Flags& flags) {
    ScaleOptions& scale = flags.scale;
    const std::string group = "A swarm of any size, without a deployment file";
    app.add_option(
           "--scale", scale.hosts,
           "one SN, and an SL with modelled training on each of so many hosts: of PLATFORM, "
           "or of a generated platform")
        ->group(group);
    app.add_option("--exchange", scale.exchange,
                   "plan of the exchange: auto, star, butterfly or tree, as EXCHANGE of a program")
        ->check(CLI::IsMember({"auto", "star", "butterfly", "tree"}))
        ->capture_default_str()
        ->group(group);
    app.add_option("--sn-host", scale.sn_host, "host of the SN; default: the first by name")
        ->group(group);
    app.add_option("--rounds", scale.rounds, "of the run")
        ->check(CLI::Range(1, 100'000))
        ->capture_default_str()
        ->group(group);
    app.add_option("--parameters", scale.parameters, "of the model, 4 bytes each")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{100'000'000'000}))
        ->capture_default_str()
        ->group(group);
    app.add_option("--scale-kind", flags.scale_kind,
                   "the generated platform: star (10 Gbit/s and 50 us between any two hosts) or "
                   "sites (about 100 hosts each; 10 ms between sites)")
        ->capture_default_str()
        ->group(group);
    app.add_option(
           "--churn", scale.churn_percent,
           "of the generated hosts, in percent, that leave for 10 s in each minute; a round "
           "then takes about a minute, and needs a majority of the hosts")
        ->check(CLI::Range(0.0, 40.0))
        ->group(group);
}

int usage(const std::string& message) {
    std::cerr << "swarm-sim: " << message << "\n";
    return exit_code::usage;
}

Result<SimulationOptions> simulation_options(const Flags& flags, TrainFunction train) {
    SimulationOptions options;
    if (flags.programs.run && train) {
        return Error{Errc::usage,
                     "--run-programs: this simulator has a training program in it; use swarm-sim"};
    }
    options.train = std::move(train);
    if (flags.programs.run) {
        options.programs = flags.programs.limits;
        options.programs->silence = std::chrono::seconds(flags.programs.timeout_seconds);
    }
    options.workspace = flags.programs.workspace;
    options.seed = flags.seed;
    options.report_use = !flags.out.json.empty();
    if (flags.cores_shared > 0.0) {
        options.cores_shared = flags.cores_shared;
    }
    if (!flags.calibration.empty()) {
        Result<Calibration> calibration = read_calibration(flags.calibration);
        if (!calibration) {
            return calibration.error();
        }
        options.calibration = std::move(*calibration);
    }
    for (const std::string& text : flags.faults) {
        Result<Fault> fault = parse_fault(text);
        if (!fault) {
            return fault.error();
        }
        options.faults.push_back(std::move(*fault));
    }
    if (!flags.date.empty()) {
        const Result<std::int64_t> date = parse_date(flags.date);
        if (!date) {
            return Error{Errc::usage, "--date: " + date.error().message};
        }
        options.date = *date;
    }
    if (!flags.round_limit.empty()) {
        options.round_limit = parse_duration(flags.round_limit);
        if (!options.round_limit || *options.round_limit <= SwarmDuration{0}) {
            return Error{
                Errc::usage,
                "--round-limit " + flags.round_limit +
                    " is not a time above 0: a number with a unit, such as 90s, 30m, 5h or 2d"};
        }
    }
    if (flags.until_seconds > 0.0) {
        options.until = SwarmTime{from_seconds(flags.until_seconds)};
    }
    return options;
}

Result<void> load(SimEngine& engine, Simulation& simulation, const Flags& flags) {
    if (flags.scale.hosts > 0) {
        const Result<std::vector<HostIndex>> hosts = scale_hosts(engine, flags.scale);
        if (!hosts) {
            return hosts.error();
        }
        Result<std::vector<SimNodePlan>> nodes =
            scale_nodes(engine, flags.scale, *hosts, flags.scale.churn_percent == 0.0);
        if (!nodes) {
            return nodes.error();
        }
        simulation.set_nodes(std::move(*nodes));
        return {};
    }
    return engine.load_deployment(
        flags.deployment, check_actor,
        [&simulation](const SimActor& actor) { simulation.start_actor(actor); });
}

/// Which of the positional arguments and flags go together.
Result<void> check_inputs(Flags& flags) {
    ScaleOptions& scale = flags.scale;
    if (scale.hosts == 0) {
        return flags.platform.empty() || flags.deployment.empty()
                   ? Error{Errc::usage,
                           "PLATFORM and DEPLOYMENT are required, or --scale N: see --help"}
                   : Result<void>();
    }
    if (flags.programs.run) {
        return Error{Errc::usage,
                     "--run-programs and --scale: training of generated swarms is "
                     "modelled"};
    }
    if (!flags.deployment.empty()) {
        return Error{Errc::usage, "DEPLOYMENT " + flags.deployment + " and --scale: specify one"};
    }
    if (!flags.platform.empty() && scale.churn_percent > 0) {
        return Error{Errc::usage,
                     "--churn is for generated platforms: remove PLATFORM, or use "
                     "platforms/generate --churn"};
    }
    const Result<ScaleOptions::Kind> kind = parse_scale_kind(flags.scale_kind);
    if (!kind) {
        return kind.error();
    }
    scale.kind = *kind;
    scale.seed = flags.seed;
    return check_scale(scale);
}

bool is_of_link(const Fault& fault) { return fault.is_of_link(); }

/// Links of faults must exist, and hosts whose power or disk fails; other hosts and nodes are
/// looked up when the fault happens.
/// The end of a fault restores what was before it, so a second one of the kind must not begin
/// within.
Result<void> check_no_overlap(const std::vector<Fault>& faults) {
    const auto holds_at = [](const Fault& fault, SwarmTime time) {
        return fault.at <= time && (!fault.lasting || time < fault.at + *fault.lasting);
    };
    for (const Fault& first : faults) {
        for (const Fault& second : faults) {
            if (&first != &second && first.kind == second.kind && first.target == second.target &&
                (first.lasting || second.lasting) && holds_at(first, second.at)) {
                return Error{Errc::usage, "--fault \"" + second.text + "\" begins while \"" +
                                              first.text + "\" holds"};
            }
        }
    }
    return {};
}

Result<void> check_targets(const SimEngine& engine, const std::vector<Fault>& faults) {
    for (const Fault& fault : faults) {
        const bool of_link = fault.is_of_link();
        const bool of_host = fault.kind == Fault::Kind::power || fault.kind == Fault::Kind::disk;
        if ((of_link && !engine.has_link(fault.target)) ||
            (of_host && !engine.find_host(fault.target))) {
            return Error{Errc::usage, "--fault \"" + fault.text + "\": the platform has no " +
                                          (of_link ? "link " : "host ") + fault.target};
        }
        if (of_link && fault.changes_conditions() && engine.is_wireless(fault.target)) {
            return Error{Errc::usage, "--fault \"" + fault.text +
                                          "\": SimGrid can't change the conditions of a link with "
                                          "sharing_policy WIFI; cut and heal work"};
        }
    }
    return check_no_overlap(faults);
}

/// Of the page that --report asks for.
std::string title_of(const Flags& flags) {
    const auto name_of = [](const std::string& file, const std::string& without_file) {
        return file.empty() ? without_file : std::filesystem::path(file).filename().string();
    };
    return name_of(flags.deployment, std::to_string(flags.scale.hosts) + " hosts") + " on " +
           name_of(flags.platform, "a generated platform") + ", seed " + std::to_string(flags.seed);
}

Result<void> read_watts(const SimEngine& engine, const std::string& platform_file,
                        SimulationOptions& options) {
    const Result<std::string> text = read_xml_file(platform_file, "platform");
    Result<PlatformWatts> watts =
        text ? PlatformWatts::read(engine, *text) : Result<PlatformWatts>(text.error());
    if (!watts) {
        return watts.error();
    }
    options.watts = std::move(*watts);
    return {};
}

/// What is recorded of the flags: those that can change the outcome, and were given.
std::map<std::string, std::string> configuration_of(const Flags& flags) {
    std::map<std::string, std::string> all;
    const auto add = [&](const char* name, bool given, const std::string& value) {
        if (given) {
            all[name] = value;
        }
    };
    std::string faults;
    for (const std::string& fault : flags.faults) {
        faults += (faults.empty() ? "" : "; ") + fault;
    }
    add("faults", !faults.empty(), faults);
    add("no_profiles", flags.no_profiles, "true");
    add("cores_shared", flags.cores_shared > 0.0, real_text(flags.cores_shared));
    add("until_seconds", flags.until_seconds > 0.0, real_text(flags.until_seconds));
    add("round_limit", !flags.round_limit.empty(), flags.round_limit);
    add("date", !flags.date.empty(), flags.date);
    const bool scaled = flags.scale.hosts > 0;
    add("scale", scaled, std::to_string(flags.scale.hosts));
    add("rounds", scaled, std::to_string(flags.scale.rounds));
    add("parameters", scaled, std::to_string(flags.scale.parameters));
    add("scale_kind", scaled && flags.platform.empty(), flags.scale_kind);
    add("exchange", scaled, flags.scale.exchange);
    add("sn_host", !flags.scale.sn_host.empty(), flags.scale.sn_host);
    add("churn_percent", flags.scale.churn_percent > 0.0, real_text(flags.scale.churn_percent));
    return all;
}

std::optional<RunRecord> planned_record(const Flags& flags,
                                        const std::vector<std::string>& command) {
    return flags.out.record.empty()
               ? std::nullopt
               : std::optional(record_of_simulation(command, flags.seed, configuration_of(flags),
                                                    {{"platform", flags.platform},
                                                     {"deployment", flags.deployment},
                                                     {"calibration", flags.calibration}}));
}

/// A generated star whose links never change: see SimEngine::assume_equal_hosts().
bool is_plain_star(const Flags& flags, const std::vector<Fault>& faults) {
    return flags.scale.hosts > 0 && flags.platform.empty() &&
           flags.scale.kind == ScaleOptions::Kind::star &&
           std::none_of(faults.begin(), faults.end(), is_of_link);
}

int simulate(const Flags& flags, SimulationOptions options, const std::vector<std::string>& command,
             RunStatus& status) {
    std::vector<std::string> simgrid;
    for (const std::string& setting : flags.simgrid) {
        simgrid.push_back("--cfg=" + setting);
    }
    OutputFiles files(flags.out, title_of(flags), flags.seed, planned_record(flags, command));
    if (const auto opened = files.open(); !opened) {
        return usage(opened.error().message);
    }
    status.doing("reading it");
    const bool scaled = flags.scale.hosts > 0;
    const bool equal_hosts = is_plain_star(flags, options.faults);
    ScaleOptions scale = flags.scale;
    scale.own_loopbacks = !equal_hosts;
    const SubstituteFile platform(flags.platform,
                                  scaled && flags.platform.empty() ? scale_platform(scale) : "");
    SimEngine engine("swarm-sim", simgrid, scaled || is_large(platform.path()));
    engine.set_meter(status.meter());
    if (scaled) {
        if (std::none_of(options.faults.begin(), options.faults.end(), is_of_link)) {
            engine.time_loopbacks();
        }
        options.large = true;
        status.meter().rounds_planned = flags.scale.rounds;
    }
    if (const auto loaded = engine.load_platform(platform.path(), !flags.no_profiles); !loaded) {
        return usage(loaded.error().message);
    }
    if (const auto checked = check_targets(engine, options.faults); !checked) {
        return usage(checked.error().message);
    }
    if (equal_hosts) {
        engine.assume_equal_hosts();
    }
    if (const auto read = read_watts(engine, platform.path(), options); !read) {
        return usage("platform file " + flags.platform + ": " + read.error().message);
    }
    SimTrace trace(files.trace(), flags.quiet ? nullptr : &std::cout, level_named(flags.log_level),
                   flags.seed, files.model());
    Simulation simulation(engine, trace, std::move(options));
    status.doing("reading the deployment file " + flags.deployment);
    if (const auto loaded = load(engine, simulation, flags); !loaded) {
        return usage(loaded.error().message);
    }
    simulation.check_routes([&status](const std::string& step) { status.doing(step); });
    status.loaded();
    const SimOutcome outcome = simulation.run();
    std::cout << summary_text(outcome, scaled ? NodeLines::failed : NodeLines::all);
    if (scaled) {
        std::cout << scale_summary(outcome, flags.scale);
    }
    std::cout << std::flush;
    if (const auto written = files.finish(outcome); !written) {
        return usage(written.error().message);
    }
    if (!files.trace_is_written()) {
        std::cerr << "swarm-sim: --trace: can't write all of " << flags.out.trace << "\n";
        return exit_code::failed;
    }
    return outcome.exit_code();
}

}  // namespace

int sim_main(int argc, char** argv, TrainFunction train, std::string_view program_help) {
    Flags flags;
    CLI::App app("Runs a swarm of the real protocol code on a simulated platform.");
    declare(app, flags);
    declare_programs(app, flags);
    declare_scale(app, flags);
    app.footer(
        "\nExamples:\n"
        "  swarm-sim platforms/two_hosts.xml deployment.xml --trace two.trace\n"
        "  swarm-sim platforms/two_hosts.xml deployment.xml --fault 't=30s kill host-2' --seed 7\n"
        "  swarm-sim --scale 1000 --rounds 5 --parameters 131072 --quiet" +
        (program_help.empty() ? "" : "\n\n" + std::string(program_help)));
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? exit_code::ok : exit_code::usage;
    }
    if (const Result<void> checked = check_inputs(flags); !checked) {
        return usage(checked.error().message);
    }
    Result<SimulationOptions> options = simulation_options(flags, std::move(train));
    if (!options) {
        return usage(options.error().message);
    }
    const GuardOptions guard{
        flags.platform.empty() ? "(generated)" : flags.platform,
        std::chrono::milliseconds(static_cast<std::int64_t>(flags.progress_seconds * 1e3)),
        static_cast<std::int64_t>(flags.until_seconds * 1e9)};
    return run_guarded(guard, [&](RunStatus& status) {
        try {
            return simulate(flags, std::move(*options), {argv, argv + argc}, status);
        } catch (const UsageError& error) {
            return usage(error.what());
        } catch (const PlatformError& error) {
            return usage(error.what());
        } catch (const ProgramError& error) {
            std::cerr << "swarm-sim: " << error.what() << "\n";
            return exit_code::failed;
        } catch (const std::exception& error) {
            std::cerr << "swarm-sim: the simulation failed: " << error.what() << "\n";
            return exit_code::failed;
        }
    });
}

}  // namespace starling
