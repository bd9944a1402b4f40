// bench_commit: the time until a command is committed (replicated and durable), and until an SN is
// ready, with real run-sn processes over mutual TLS on loopback.

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "bench/commit/commit_client.hpp"
#include "core/node/node.hpp"

namespace starling::bench {
namespace {

struct Options {
    std::string directory = "bench-commit";
    std::string programs;
    std::size_t commands = 1000;
    std::size_t starts = 5;
    std::size_t entries = 0;
};

double quantile(std::vector<double> values, double q) {
    std::sort(values.begin(), values.end());
    return values.empty() ? 0.0
                          : values[static_cast<std::size_t>(
                                std::lround(q * static_cast<double>(values.size() - 1)))];
}

/// Prints a row: latencies with `window` commands in flight.
Result<void> measure_commits(SnCluster& cluster, std::size_t at, const char* label,
                             std::size_t count, std::size_t window) {
    const auto client =
        CommitClient::connect(cluster.address(at), cluster.client(), SnCluster::client_name);
    if (!client) {
        return client.error();
    }
    if (const auto warm = (*client)->commit(20, 1); !warm) {
        return warm.error();
    }
    const auto begin = std::chrono::steady_clock::now();
    const Result<std::vector<double>> times = (*client)->commit(count, window);
    if (!times) {
        return times.error();
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf("  %-32s %4zu %9.2f %9.2f %9.2f %10.0f\n", label, window, quantile(*times, 0.5),
                quantile(*times, 0.99), quantile(*times, 1.0),
                static_cast<double>(count) / took.count());
    std::fflush(stdout);
    return {};
}

/// Times of starts, after a kill each. \param again  on the disks of the start before; otherwise on
/// empty ones.
Result<std::vector<double>> measure_starts(const Options& options, int servers, bool again) {
    std::vector<double> seconds;
    std::unique_ptr<SnCluster> cluster;
    for (std::size_t i = 0; i < options.starts; ++i) {
        if (!cluster || !again) {
            cluster.reset();
            std::filesystem::remove_all(options.directory);
            auto made = SnCluster::make(options.directory, options.programs, servers);
            if (!made) {
                return made.error();
            }
            cluster = std::move(*made);
            if (again) {
                if (const auto first = cluster->start(); !first) {
                    return first.error();
                }
                cluster->kill();
            }
        }
        const auto took = cluster->start();
        if (!took) {
            return took.error();
        }
        seconds.push_back(took->count());
        cluster->kill();
    }
    return seconds;
}

Result<void> run_commits(const Options& options, int servers) {
    std::filesystem::remove_all(options.directory);
    auto cluster = SnCluster::make(options.directory, options.programs, servers);
    if (!cluster) {
        return cluster.error();
    }
    if (const auto ready = (*cluster)->start(); !ready) {
        return ready.error();
    }
    const std::size_t leader = (*cluster)->leader();
    Result<void> done =
        measure_commits(**cluster, leader, servers == 1 ? "1 SN" : "3 SNs, client at the leader",
                        options.commands, 1);
    if (done && servers > 1) {
        done = measure_commits(**cluster, (leader + 1) % (*cluster)->size(),
                               "3 SNs, client at another", options.commands, 1);
    }
    if (done) {
        done = measure_commits(**cluster, leader, servers == 1 ? "1 SN" : "3 SNs", options.commands,
                               32);
    }
    (*cluster)->stop();
    return done;
}

/// Time until an SN with options.entries entries is ready.
Result<void> run_long_log(const Options& options) {
    std::filesystem::remove_all(options.directory);
    auto cluster = SnCluster::make(options.directory, options.programs, 1);
    if (!cluster) {
        return cluster.error();
    }
    if (const auto ready = (*cluster)->start(); !ready) {
        return ready.error();
    }
    if (const auto done =
            measure_commits(**cluster, 0, "1 SN, filling its ledger", options.entries, 256);
        !done) {
        return done;
    }
    std::vector<double> seconds;
    for (std::size_t i = 0; i < options.starts; ++i) {
        (*cluster)->stop();
        const auto took = (*cluster)->start();
        if (!took) {
            return took.error();
        }
        seconds.push_back(took->count());
    }
    const std::string output = (*cluster)->output(0);
    const std::size_t at = output.find("Recovered");
    std::printf(
        "start to ready with a long log: %.3f s (median of %zu; %.60s)\n", quantile(seconds, 0.5),
        options.starts,
        at == std::string::npos ? "" : output.substr(at, output.find(',', at) - at).c_str());
    return {};
}

Result<void> run(const Options& options) {
    std::printf("commit on loopback, mutual TLS, fsync in %s\n  %-32s %4s %9s %9s %9s %10s\n",
                options.directory.c_str(), "", "open", "p50 ms", "p99 ms", "max ms", "commits/s");
    for (const int servers : {1, 3}) {
        if (const auto done = run_commits(options, servers); !done) {
            return done;
        }
    }
    std::printf("start to ready, all started together, s (median of %zu, slowest)\n",
                options.starts);
    for (const int servers : {1, 3}) {
        for (const bool again : {false, true}) {
            const auto seconds = measure_starts(options, servers, again);
            if (!seconds) {
                return seconds.error();
            }
            std::printf("  %d SN, %-27s %9.3f %9.3f\n", servers,
                        again ? "again after a kill" : "empty disks", quantile(*seconds, 0.5),
                        quantile(*seconds, 1.0));
            std::fflush(stdout);
        }
    }
    return options.entries == 0 ? Result<void>{} : run_long_log(options);
}

}  // namespace
}  // namespace starling::bench

int main(int argc, char** argv) {
    using namespace starling;
    bench::Options options;
    options.programs = std::filesystem::absolute(argv[0]).parent_path().string();
    CLI::App app("Latency of a commit and time to ready of run-sn on this host's disk");
    app.add_option("--dir", options.directory,
                   "Directory on the disk to be measured; made, emptied and removed")
        ->capture_default_str();
    app.add_option("--bin", options.programs, "Where run-sn is")->capture_default_str();
    app.add_option("--commands", options.commands, "Commands of each row")->capture_default_str();
    app.add_option("--starts", options.starts, "Starts of each row")->capture_default_str();
    app.add_option("--entries", options.entries,
                   "Also the start with a ledger of so many entries; 0: not")
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    std::error_code ignored;
    if (std::filesystem::exists(options.directory, ignored)) {
        std::fprintf(stderr, "bench_commit: %s already exists: choose another --dir\n",
                     options.directory.c_str());
        return exit_code::usage;
    }
    options.directory = std::filesystem::absolute(options.directory).string();
    const Result<void> done = bench::run(options);
    std::filesystem::remove_all(options.directory, ignored);
    if (!done) {
        std::fprintf(stderr, "bench_commit: %s\n", done.error().message.c_str());
        return exit_code_of(done.error().code);
    }
    return exit_code::ok;
}
