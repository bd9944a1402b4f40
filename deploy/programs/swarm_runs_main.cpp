// swarm-runs: records of runs, side by side, and as files for TensorBoard and MLflow.

#include <cstdio>
#include <ctime>
#include <random>

#include "core/runs/run_origin.hpp"
#include "core/runs/run_results.hpp"
#include "core/runs/run_store.hpp"
#include "deploy/board/trace_files.hpp"
#include "deploy/programs/tool_main.hpp"
#include "deploy/runs/mlflow.hpp"
#include "deploy/runs/runs_text.hpp"
#include "deploy/runs/tensorboard.hpp"

namespace starling {
namespace {

constexpr Program program{
    "swarm-runs",
    "Keeps records of runs: their configuration, commit, machine, seed, results and curves.",
    "  swarm-sim platform.xml deployment.xml --record runs     records a simulation\n"
    "  swarm-runs add --trace host-*/trace/*.trace --name first --set model=cnn\n"
    "  swarm-runs list; swarm-runs diff latest 20261128-17\n"
    "  swarm-runs export --tensorboard tb; tensorboard --logdir tb\n"
    "  swarm-runs export --mlflow mlruns; mlflow ui --backend-store-uri mlruns\n"
    "Exit codes: 0, 1 if a record is damaged or something can't be read or written, 2 usage.\n",
    "COMMAND [RUN...]",
    "  list                  all recorded runs\n"
    "  show RUN              one run with its configuration, results and series\n"
    "  diff RUN RUN          what differs between two runs\n"
    "  add                   records a run from the traces of its nodes, and prints its id\n"
    "  export [RUN...]       writes files for TensorBoard and MLflow; default: all runs\n"
    "  RUN is an id, the first characters of one, or 'latest'\n"};

constexpr std::string_view what = "What";
constexpr std::string_view adding = "For add";
constexpr std::string_view exporting = "For export";

constexpr Flag flags[] = {
    {"--runs", "DIR", what, "Where the records are; default: ./runs", "STARLING_RUNS"},
    {"--json", "", what, "For list, show and diff: print JSON"},
    {"--trace",
     "FILE",
     adding,
     "Trace of a node, or of a simulation; repeatable, and files may follow",
     "",
     {.repeatable = true}},
    {"--name", "TEXT", adding, "A name for people"},
    {"--set", "KEY=VALUE", adding, "Of the configuration; repeatable", "", {.repeatable = true}},
    {"--seed", "NUMBER", adding, "The run's seed"},
    {"--tensorboard", "DIR", exporting, "Write event files for TensorBoard into DIR"},
    {"--mlflow", "DIR", exporting, "Write into this file store of MLflow (mlruns)"},
};

void print(const std::string& text) { std::fputs(text.c_str(), stdout); }

Result<int> list(const RunStore& store, const FlagValues& values) {
    const Result<RunStore::Listed> listed = store.list();
    if (!listed) {
        return listed.error();
    }
    print(values.has("--json") ? runs_json(listed->runs, listed->errors)
                               : runs_table(listed->runs));
    std::fflush(stdout);
    for (const std::string& error : listed->errors) {
        std::fprintf(stderr, "swarm-runs: %s\n", error.c_str());
    }
    return listed->errors.empty() ? exit_code::ok : exit_code::failed;
}

/// Reads traces as swarm-board does.
Result<void> read_traces(const std::vector<std::string>& paths, RunRecord& record) {
    Result<TraceFiles> files = TraceFiles::open(paths);
    if (!files) {
        return files.error();
    }
    RunModel model(record_limits);
    files->read_all_into(model);
    if (const auto taken = take_results(model, record); !taken) {
        return taken.error();
    }
    record.kind = model.virtual_time() ? "simulated" : "recorded";
    return {};
}

Result<int> add(const RunStore& store, const FlagValues& values,
                const std::vector<std::string>& more_traces) {
    std::vector<std::string> traces;
    for (const FlagValues::Value& value : values.all("--trace")) {
        traces.push_back(value.text);
    }
    traces.insert(traces.end(), more_traces.begin(), more_traces.end());
    if (traces.empty()) {
        return Error{Errc::usage, "add needs --trace FILE..., the traces of the run's nodes"};
    }
    RunRecord record = record_of_here(std::time(nullptr), std::random_device()(), "", {});
    record.name = values.text("--name");
    for (const FlagValues::Value& value : values.all("--set")) {
        const std::size_t equals = value.text.find('=');
        if (equals == 0 || equals == std::string::npos) {
            return Error{Errc::usage, "--set " + value.text + ": it must be KEY=VALUE"};
        }
        record.configuration[value.text.substr(0, equals)] = value.text.substr(equals + 1);
    }
    if (values.has("--seed")) {
        record.seed = number_in(values.text("--seed"));
        if (!record.seed) {
            return Error{Errc::usage,
                         "--seed is '" + values.text("--seed") + "', it must be a whole number"};
        }
    }
    if (const auto read = read_traces(traces, record); !read) {
        return read.error();
    }
    if (record.results.rounds == 0) {
        return Error{Errc::io, "these traces contain no committed round: nothing is recorded"};
    }
    if (const auto written = store.write(record); !written) {
        return written.error();
    }
    print(record.id + "\n");
    return exit_code::ok;
}

Result<int> export_runs(const RunStore& store, const FlagValues& values,
                        const std::vector<std::string>& ids) {
    if (!values.has("--tensorboard") && !values.has("--mlflow")) {
        return Error{Errc::usage, "export needs --tensorboard DIR or --mlflow DIR"};
    }
    std::vector<RunRecord> runs;
    int code = exit_code::ok;
    if (ids.empty()) {
        Result<RunStore::Listed> listed = store.list();
        if (!listed) {
            return listed.error();
        }
        for (const std::string& error : listed->errors) {
            std::fprintf(stderr, "swarm-runs: %s\n", error.c_str());
            code = exit_code::failed;
        }
        runs = std::move(listed->runs);
    }
    for (const std::string& id : ids) {
        Result<RunRecord> run = store.find(id);
        if (!run) {
            return run.error();
        }
        runs.push_back(std::move(*run));
    }
    if (values.has("--tensorboard")) {
        if (const auto done = write_tensorboard(runs, values.text("--tensorboard")); !done) {
            return done.error();
        }
    }
    if (values.has("--mlflow")) {
        if (const auto done = write_mlflow(runs, values.text("--mlflow")); !done) {
            return done.error();
        }
    }
    return code;
}

Result<int> show_or_diff(const RunStore& store, const FlagValues& values,
                         const std::vector<std::string>& ids) {
    std::vector<RunRecord> runs;
    for (const std::string& id : ids) {
        Result<RunRecord> run = store.find(id);
        if (!run) {
            return run.error();
        }
        runs.push_back(std::move(*run));
    }
    if (runs.size() == 1) {
        print(values.has("--json") ? to_json(runs[0]) : run_text(runs[0]));
    } else if (values.has("--json")) {
        print(difference_json(runs[0], runs[1]));
    } else {
        const std::string text = difference_text(runs[0], runs[1]);
        print(text.empty() ? "The runs do not differ.\n" : text);
    }
    return exit_code::ok;
}

Result<int> run(const FlagValues& values) {
    std::vector<std::string> operands = values.operands();
    const std::string command = operands.empty() ? "" : operands.front();
    if (!operands.empty()) {
        operands.erase(operands.begin());
    }
    const RunStore store(values.text("--runs", "runs"));
    if (command == "list" && operands.empty()) {
        return list(store, values);
    }
    if ((command == "show" && operands.size() == 1) ||
        (command == "diff" && operands.size() == 2)) {
        return show_or_diff(store, values, operands);
    }
    if (command == "add") {
        return add(store, values, operands);
    }
    if (command == "export") {
        return export_runs(store, values, operands);
    }
    return Error{Errc::usage,
                 "the command must be list, show RUN, diff RUN RUN, add --trace FILE... or export "
                 "--tensorboard DIR, --mlflow DIR. See swarm-runs --help"};
}

}  // namespace
}  // namespace starling

int main(int argc, char** argv) {
    return starling::tool_main(argc, argv, starling::program, starling::flags, starling::run);
}
