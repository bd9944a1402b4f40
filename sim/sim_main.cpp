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

#include "core/files/read_file.hpp"
#include "sim/deployment.hpp"
#include "sim/guarded_run.hpp"
#include "sim/output_files.hpp"
#include "sim/platform_file.hpp"
#include "sim/run_recorder.hpp"
#include "sim/scale_summary.hpp"
#include "sim/sim_flags.hpp"
#include "sim/simulation.hpp"
#include "sim/summary.hpp"

namespace starling {
namespace {

constexpr std::size_t lazy_above_hosts = 10'000;

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

int usage(const std::string& message) {
    std::cerr << "swarm-sim: " << message << "\n";
    return exit_code::usage;
}

Result<void> load(SimEngine& engine, Simulation& simulation, const SimFlags& flags) {
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

bool is_of_link(const Fault& fault) { return fault.is_of_link(); }

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

/// Links of faults must exist, and hosts whose power or disk fails; other hosts and nodes are
/// looked up when the fault happens.
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
std::string title_of(const SimFlags& flags) {
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

std::optional<RunRecord> planned_record(const SimFlags& flags,
                                        const std::vector<std::string>& command) {
    return flags.out.record.empty()
               ? std::nullopt
               : std::optional(record_of_simulation(command, flags.seed, configuration_of(flags),
                                                    {{"platform", flags.platform},
                                                     {"deployment", flags.deployment},
                                                     {"calibration", flags.calibration}}));
}

/// A generated star whose links never change: see SimEngine::assume_equal_hosts().
bool is_plain_star(const SimFlags& flags, const std::vector<Fault>& faults) {
    return flags.scale.hosts > 0 && flags.platform.empty() &&
           flags.scale.kind == ScaleOptions::Kind::star &&
           std::none_of(faults.begin(), faults.end(), is_of_link);
}

int simulate(const SimFlags& flags, SimulationOptions options,
             const std::vector<std::string>& command, RunStatus& status) {
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
    // Nothing asks for a single host or its links: two stand for all.
    const bool alike =
        equal_hosts && options.faults.empty() && scale.churn_percent == 0.0 && !options.report_use;
    scale.hosts = alike ? 2 : scale.hosts;
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
        engine.assume_equal_hosts(alike ? scale_host_names(flags.scale)
                                        : std::vector<std::string>());
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
    SimFlags flags;
    CLI::App app("Runs a swarm of the real protocol code on a simulated platform.");
    declare_flags(app, flags);
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
    if (const Result<void> checked = check_flags(flags); !checked) {
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
