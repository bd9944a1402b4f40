// swarm-report: compares the traces of a simulation with those of the real run.
#include <fstream>
#include <iostream>
#include <random>

#include <CLI/CLI.hpp>

#include "bench/report/comparison.hpp"
#include "core/board/report_page.hpp"
#include "deploy/board/trace_files.hpp"

namespace starling {
namespace {

Result<std::vector<TraceRecord>> read_all(const std::vector<std::string>& files) {
    std::vector<TraceRecord> all;
    for (const std::string& file : files) {
        Result<std::vector<TraceRecord>> records = read_trace(file);
        if (!records) {
            return records.error();
        }
        all.insert(all.end(), records->begin(), records->end());
    }
    return all;
}

Result<std::optional<RunFigures>> read_run(const std::vector<std::string>& files) {
    if (files.empty()) {
        return std::optional<RunFigures>{};
    }
    Result<std::vector<TraceRecord>> all = read_all(files);
    if (!all) {
        return all.error();
    }
    Result<RunFigures> figures = figures_of(newest_training(std::move(*all)));
    if (!figures) {
        return Error{figures.error().code, files.front() + ": " + figures.error().message};
    }
    return std::optional<RunFigures>(std::move(*figures));
}

/// Programs without a swarm have no rounds, only final results.
Result<std::optional<TestResults>> read_alone(const std::vector<std::string>& files) {
    if (files.empty()) {
        return std::optional<TestResults>{};
    }
    const Result<std::vector<TraceRecord>> all = read_all(files);
    if (!all) {
        return all.error();
    }
    return std::optional<TestResults>(test_results_of(*all));
}

/// Fills `model`, if there are files. Errc::io names one.
Result<void> read_model(const std::vector<std::string>& paths, RunModel& model) {
    Result<TraceFiles> files = TraceFiles::open(paths);
    if (!files) {
        return files.error();
    }
    files->read_all_into(model);
    return {};
}

/// The page with timeline, curves and replay of both runs. Errc::io names a file.
Result<void> write_page(const std::string& path, const std::vector<std::string>& predicted,
                        const std::vector<std::string>& measured, const Comparison& comparison) {
    RunModel predicted_model;
    RunModel measured_model;
    std::vector<ShownRun> runs;
    if (!predicted.empty()) {
        if (const auto read = read_model(predicted, predicted_model); !read) {
            return read.error();
        }
        runs.push_back({"rehearsal", "simulated", &predicted_model});
    }
    if (!measured.empty()) {
        if (const auto read = read_model(measured, measured_model); !read) {
            return read.error();
        }
        runs.push_back({"real run", "recorded", &measured_model});
    }
    std::random_device random;
    const PageNonce nonce = {random(), random(), random(), random()};
    return write_report_page(path, "Swarm training", runs, json_of(comparison), nonce);
}

int run(int argc, char** argv) {
    CLI::App app(
        "Reads trace files of a simulation and of a real run and sets them side by side.\n"
        "Exit code: 0, 1 for a file that can't be read, 4 if --same-model does not hold.");
    std::vector<std::string> predicted;
    std::vector<std::string> measured;
    std::vector<std::string> alone;
    std::string json;
    std::string html;
    bool same_model = false;
    app.add_option("--predicted", predicted, "trace file of the simulation")->type_name("FILE...");
    app.add_option("--measured", measured, "trace files of the nodes of the real run")
        ->type_name("FILE...");
    app.add_option("--alone", alone, "traces of the same programs, each trained without a swarm")
        ->type_name("FILE...");
    app.add_option("--json", json, "also write the figures to this file")->type_name("FILE");
    app.add_option("--html", html,
                   "also write a page with timeline, curves and replay of the runs to this file")
        ->type_name("FILE");
    app.add_flag("--same-model", same_model,
                 "fail unless all ML nodes of both runs ended with the same parameters");
    app.footer("\nExample:\n  swarm-report --predicted sim.trace --measured host-1/trace/*.trace");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    Comparison comparison;
    for (auto& [files, figures] : {std::pair(&predicted, &comparison.predicted),
                                   std::pair(&measured, &comparison.measured)}) {
        auto read = read_run(*files);
        if (!read) {
            std::cerr << "swarm-report: " << read.error().message << "\n";
            return 1;
        }
        *figures = *read;
    }
    auto without_swarm = read_alone(alone);
    if (!without_swarm) {
        std::cerr << "swarm-report: " << without_swarm.error().message << "\n";
        return 1;
    }
    comparison.alone = std::move(*without_swarm);
    std::cout << table_of(comparison) << speed_of(comparison) << benefit_of(comparison);
    if (!json.empty()) {
        std::ofstream out(json);
        out << json_of(comparison);
        if (!out.flush()) {
            std::cerr << "swarm-report: can't write '" << json << "'\n";
            return 1;
        }
    }
    if (!html.empty() && !(predicted.empty() && measured.empty())) {
        if (const auto written = write_page(html, predicted, measured, comparison); !written) {
            std::cerr << "swarm-report: " << written.error().message << "\n";
            return 1;
        }
    }
    if (same_model && !same_model_everywhere(comparison)) {
        std::cerr << "swarm-report: the final models are not the same everywhere\n";
        return 4;
    }
    return 0;
}

}  // namespace
}  // namespace starling

int main(int argc, char** argv) { return starling::run(argc, argv); }
