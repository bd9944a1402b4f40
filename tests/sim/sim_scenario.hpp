#pragma once

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/check/swarm_checker.hpp"
#include "sim/deployment.hpp"
#include "sim/simulation.hpp"
#include "tests/sim/in_child.hpp"
#include "tests/support/trace_recorder.hpp"

namespace starling::test {

/// One simulation, as swarm-sim would run it, judged in the child process in which it ran.
struct Scenario {
    std::string platform;
    std::string deployment;
    bool with_profiles = true;
    std::vector<std::string> faults;
    double until_seconds = 2000;  ///< a run that takes longer has failed
    TrainFunction train;          ///< empty: modelled training
    std::string workspace = "workspace";
    Calibration calibration;
    /// From this time on there are no faults, and every round ends within round_limit. 0: not
    /// reported to the checker.
    double healed_seconds = 0.0;
    SwarmDuration round_limit = std::chrono::seconds(60);
};

struct ScenarioRun {
    SimOutcome outcome;
    const TraceRecorder& trace;
    const SwarmChecker& checker;
};

/// Passes events to the recorder and to the checker, which is told when all faults are healed.
class JudgedTrace final : public TraceSink {
public:
    explicit JudgedTrace(const Scenario& scenario) : scenario_(scenario) {}

    void report(SwarmTime time, const NodeId& node, const TraceEvent& event) override {
        const SwarmTime healed{from_seconds(scenario_.healed_seconds)};
        if (!told_ && scenario_.healed_seconds > 0.0 && time >= healed) {
            told_ = true;
            checker.report(healed, {"platform"},
                           TraceEvent("healed").with(
                               "round_limit_ms", static_cast<std::uint64_t>(
                                                     scenario_.round_limit.count() / 1'000'000)));
        }
        recorder.report(time, node, event);
        checker.report(time, node, event);
    }

    TraceRecorder recorder;
    SwarmChecker checker;

private:
    const Scenario& scenario_;
    bool told_ = false;
};

/// Returns the error that `judge` found in the run; empty: none.
inline std::string run_scenario(const Scenario& scenario,
                                const std::function<std::string(const ScenarioRun&)>& judge) {
    return in_child([&]() -> std::string {
        SimEngine engine("test", {std::string("--cfg=") + SIM_CFG}, false);
        if (auto loaded = engine.load_platform(scenario.platform, scenario.with_profiles);
            !loaded) {
            return loaded.error().message;
        }
        SimulationOptions options;
        options.train = scenario.train;
        options.workspace = scenario.workspace;
        options.calibration = scenario.calibration;
        options.until = SwarmTime{from_seconds(scenario.until_seconds)};
        options.linger = std::chrono::seconds(5);  // until all SNs know of the end
        for (const std::string& text : scenario.faults) {
            options.faults.push_back(*parse_fault(text));
        }
        JudgedTrace judged(scenario);
        SimTrace trace(nullptr, nullptr, Level::info, 1, &judged);
        Simulation simulation(engine, trace, std::move(options));
        const auto loaded =
            engine.load_deployment(scenario.deployment, check_actor,
                                   [&](const SimActor& actor) { simulation.start_actor(actor); });
        if (!loaded) {
            return loaded.error().message;
        }
        const ScenarioRun run{simulation.run(), judged.recorder, judged.checker};
        judged.checker.finish(engine.now());
        return judge(run);
    });
}

inline double seconds_of(const TraceRecorder::Line& line) {
    return to_seconds(line.time.time_since_epoch());
}

/// Checks that every node ended with success, every program with the final model, which is the
/// ledger's.
inline std::string one_final_model(const ScenarioRun& run) {
    std::ostringstream wrong;
    if (run.outcome.how != SimOutcome::End::finished || run.outcome.exit_code() != 0) {
        wrong << "ended " << static_cast<int>(run.outcome.how) << " with "
              << run.outcome.exit_code() << " at " << to_seconds(run.outcome.end.time_since_epoch())
              << "\n"
              << run.trace.tail(1000);
    }
    const auto committed = run.trace.named("round_committed");
    if (committed.empty() || field(committed.back(), "final") != "1") {
        return wrong.str() + "no final round\n";
    }
    for (const NodeOutcome& node : run.outcome.nodes) {
        const auto ends = run.trace.named("sync_end", node.id.name);
        if (node.role == Role::ml &&
            (ends.empty() || field(ends.back(), "final") != "1" ||
             field(ends.back(), "digest") != field(committed.back(), "digest"))) {
            wrong << node.id.name << " does not have the final model\n";
        }
    }
    const ByteCount& bytes = run.outcome.bytes;
    if (bytes.sent != bytes.delivered + bytes.lost) {
        wrong << "some bytes sent are neither delivered nor lost\n";
    }
    return wrong.str();
}

/// Checks that no invariant was violated.
inline std::string no_violation(const ScenarioRun& run) {
    std::string wrong;
    for (const Violation& violation : run.checker.violations().kept()) {
        wrong += to_string(violation) + "\n";
    }
    return wrong + (run.checker.rounds() > 0 ? "" : "no round was seen\n");
}

/// Checks that every SN applied the same records, and that all SNs up at the end have all of them.
inline std::string one_ledger(const ScenarioRun& run) {
    std::ostringstream wrong;
    std::map<std::string, std::string> heads;
    for (const auto& applied : run.trace.named("entry_applied")) {
        const auto [known, fresh] = heads.emplace(field(applied, "index"), field(applied, "head"));
        if (known->second != field(applied, "head")) {
            wrong << applied.node.name << " has another entry " << known->first << "\n";
        }
    }
    std::map<std::string, std::uint64_t> newest;
    std::uint64_t ended_at = 0;
    for (const auto& line : run.trace.lines) {
        if (line.event.name == "entry_applied") {
            newest[line.node.name] = std::stoull(field(line, "index"));
        } else if (line.event.name == "contract_ended") {
            ended_at = newest[line.node.name];
        } else if (line.event.name == "node_stopped" && !field(line, "head").empty() &&
                   (ended_at == 0 || newest[line.node.name] < ended_at)) {
            wrong << line.node.name << " does not know of the end, entry " << ended_at << "\n";
        }
    }
    std::set<std::string> terms;
    for (const auto& elected : run.trace.named("leader_elected")) {
        if (!terms.insert(field(elected, "term")).second) {
            wrong << "two leaders in term " << field(elected, "term") << "\n";
        }
    }
    return wrong.str();
}

/// The time of the first report of each commit, by round.
inline std::map<int, double> commit_times(const ScenarioRun& run) {
    std::map<int, double> times;
    for (const auto& committed : run.trace.named("round_committed")) {
        times.try_emplace(std::stoi(field(committed, "round")), seconds_of(committed));
    }
    return times;
}

inline int commits_between(const ScenarioRun& run, double from, double to) {
    int count = 0;
    for (const auto& [round, time] : commit_times(run)) {
        count += time > from && time < to ? 1 : 0;
    }
    return count;
}

}  // namespace starling::test
