// bench_tls: throughput of one connection between two processes: mutual TLS between the endpoints
// of two SLs, or plain TCP for comparison. Prints one line of JSON.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <CLI/CLI.hpp>

#include "bench/tls/streams.hpp"
#include "core/node/node.hpp"
#include "deploy/certs/cert_files.hpp"
#include "deploy/certs/cert_issuer.hpp"

namespace starling::bench {
namespace {

struct Options {
    StreamOptions stream{{"127.0.0.1", 30999}};
    TwoProcesses::Plan plan;
    bool plain = false;
};

/// A temporary directory for keys, removed by the destructor.
class Directory {
public:
    Directory() : path_(::mkdtemp(pattern_.data())) {}
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    ~Directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string file(const std::string& name) const { return (path_ / name).string(); }

private:
    std::string pattern_ = (std::filesystem::temp_directory_path() / "bench-tls-XXXXXX").string();
    std::filesystem::path path_;
};

Result<IdentityFiles> issue(const Directory& directory, const IssuedCert& ca,
                            const std::string& name, const std::string& ip) {
    LeafRequest request;
    request.name.name = name;
    request.roles = {Role::sl};
    request.ips = {ip};
    const Result<IssuedCert> leaf = issue_leaf(ca, request);
    if (!leaf) {
        return leaf.error();
    }
    IdentityFiles files;
    files.cert = directory.file(name + ".pem");
    files.key = directory.file(name + ".key");
    files.ca_file = directory.file("ca.pem");
    Result<void> written = write_file(files.cert, leaf->cert_pem, FileMode::readable);
    if (written) {
        written = write_file(files.key, leaf->key_pem, FileMode::secret);
    }
    return written ? Result<IdentityFiles>(files) : written.error();
}

Result<TwoProcesses::Figures> measure(const Options& options) {
    if (options.plain) {
        return TwoProcesses::measure(
            options.plan, [&] { return make_plain_sender(options.stream); },
            [&] { return make_plain_receiver(options.stream); });
    }
    const Directory directory;
    const Result<IssuedCert> ca = make_ca("bench CA", {});
    if (!ca) {
        return ca.error();
    }
    if (Result<void> written =
            write_file(directory.file("ca.pem"), ca->cert_pem, FileMode::readable);
        !written) {
        return written.error();
    }
    const std::string ip = options.stream.address.host;
    const Result<IdentityFiles> sender = issue(directory, *ca, "sender", ip);
    const Result<IdentityFiles> receiver = issue(directory, *ca, "receiver", ip);
    if (!sender || !receiver) {
        return sender ? receiver.error() : sender.error();
    }
    return TwoProcesses::measure(
        options.plan, [&] { return make_frame_sender(options.stream, *sender); },
        [&] { return make_frame_receiver(options.stream, *receiver); });
}

void print(const Options& options, const TwoProcesses::Figures& figures) {
    std::vector<double> sorted = figures.seconds;
    std::sort(sorted.begin(), sorted.end());
    const double median = sorted[sorted.size() / 2];
    const double bytes =
        static_cast<double>(options.stream.bytes) * (options.stream.both_ways ? 2.0 : 1.0);
    std::printf(
        "{\"what\":\"%s\",\"bytes\":%.0f,\"runs\":%zu,\"seconds_median\":%.6f,"
        "\"seconds_min\":%.6f,\"GB_per_s\":%.3f,\"cpu_seconds\":%.6f,"
        "\"sender_cpu_seconds\":%.6f,\"peak_mib\":%.1f}\n",
        options.plain ? "plain_tcp" : (options.stream.both_ways ? "frames_both_ways" : "frames"),
        bytes, sorted.size(), median, sorted.front(), bytes / median / 1e9, figures.cpu_seconds,
        figures.first_cpu_seconds, figures.peak_mib);
}

}  // namespace
}  // namespace starling::bench

int main(int argc, char** argv) {
    using namespace starling;
    bench::Options options;
    CLI::App app("Measures one stream of parameters between two processes over mutual TLS");
    app.add_option("--bytes", options.stream.bytes, "Bytes per run")->capture_default_str();
    app.add_option("--segment", options.stream.segment_bytes, "Bytes per frame")
        ->capture_default_str();
    app.add_option("--runs", options.plan.runs, "Number of measured runs")->capture_default_str();
    app.add_option("--warm-up", options.plan.warm_up, "Number of runs before them, not measured")
        ->capture_default_str();
    app.add_option("--host", options.stream.address.host, "IP address of the receiver")
        ->capture_default_str();
    app.add_option("--port", options.stream.address.port, "Port of the receiver")
        ->capture_default_str();
    app.add_option("--sender-net", options.plan.first_network,
                   "The sender's network namespace, as /proc/PID/ns/net");
    app.add_option("--receiver-net", options.plan.second_network,
                   "The receiver's network namespace");
    app.add_flag("--both-ways", options.stream.both_ways, "Both processes send at the same time");
    app.add_flag("--plain", options.plain, "A TCP stream without TLS and frames, for comparison");
    CLI11_PARSE(app, argc, argv);
    const Result<bench::TwoProcesses::Figures> figures = bench::measure(options);
    if (!figures) {
        std::fprintf(stderr, "bench_tls: %s\n", figures.error().message.c_str());
        return exit_code_of(figures.error().code);
    }
    bench::print(options, *figures);
    return exit_code::ok;
}
