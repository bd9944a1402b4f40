#include "sim/sim_flags.hpp"

#include <CLI/CLI.hpp>

#include "core/base/real_text.hpp"
#include "core/licence/licence.hpp"
#include "sim/duration.hpp"

namespace starling {
namespace {

void declare_general(CLI::App& app, SimFlags& flags) {
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

void declare_programs(CLI::App& app, SimFlags& flags) {
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

void declare_scale(CLI::App& app, SimFlags& flags) {
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

}  // namespace

void declare_flags(CLI::App& app, SimFlags& flags) {
    declare_general(app, flags);
    declare_programs(app, flags);
    declare_scale(app, flags);
}

std::map<std::string, std::string> configuration_of(const SimFlags& flags) {
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

Result<void> check_flags(SimFlags& flags) {
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

Result<SimulationOptions> simulation_options(const SimFlags& flags, TrainFunction train) {
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

}  // namespace starling
