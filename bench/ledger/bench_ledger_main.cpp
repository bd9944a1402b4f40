// How long an SN with a long ledger takes to start, and how much memory.
//
//   bench_ledger make DIRECTORY ENTRIES [MEMBERS]   writes a ledger there, of four members
//   bench_ledger start DIRECTORY                    starts an SN from it
//   bench_ledger archive DIRECTORY ENTRIES          moves old entries into files of so many; beside
//                                                   it, entries are written
//   bench_ledger join DIRECTORY [all]               an SN with an empty disk joins; all: by all
//                                                   entries, without the state
//
// Each prints a line of JSON.
//
// A start that is measured ends with the state that the last entry leads to: from there on the SN
// answers. Elections and connections are not part of it. Move the files *.snapshot-* away to
// measure a start that applies all entries.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/resource.h>

#include "bench/ledger/ledger_join.hpp"
#include "bench/ledger/ledger_maker.hpp"
#include "core/base/json_writer.hpp"
#include "core/sn/sn_node.hpp"
#include "transport/crypto/openssl_hasher.hpp"
#include "transport/memory/memory_keys.hpp"

namespace starling::bench {
namespace {

constexpr std::uint64_t snapshot_interval = 100'000;

double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::uint64_t peak_kib() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_maxrss);
}

Result<void> make(const std::filesystem::path& file, std::uint64_t entries, int members) {
    Result<SqliteStore::Opened> opened = SqliteStore::open(file, openssl_hasher());
    if (!opened) {
        return opened.error();
    }
    if (opened->log.last() > 0) {
        return Error{Errc::usage, file.string() + " is not empty"};
    }
    LedgerMaker maker(*opened->store, members, snapshot_interval);
    Result<void> done;
    while (done && maker.entries() < entries) {
        done = maker.add_round();
    }
    if (done) {
        done = maker.flush();
    }
    JsonWriter json;
    json.begin_object()
        .field("entries", maker.entries())
        .field("snapshots", maker.snapshots().count)
        .field("snapshot_bytes", maker.snapshots().bytes)
        .field("encode_s", maker.snapshots().encode_seconds)
        .field("save_s", maker.snapshots().save_seconds)
        .end_object();
    std::printf("%s\n", json.take().c_str());
    return done;
}

Result<void> start(const std::filesystem::path& file) {
    const auto begin = std::chrono::steady_clock::now();
    Result<SqliteStore::Opened> opened = SqliteStore::open(file, openssl_hasher());
    if (!opened) {
        return opened.error();
    }
    const double open_seconds = seconds_since(begin);
    SnNodeOptions options;
    options.id = {"sn1"};
    options.peer_address = {"10.0.1.1", 30304};
    options.signer = make_memory_signer(openssl_hasher(), options.id, 1);
    options.verifier = make_memory_verifier(openssl_hasher());
    const std::uint64_t entries = opened->log.last();
    const std::uint64_t before = opened->log.before();
    options.log = std::move(opened->log);
    options.memory.snapshot_interval = snapshot_interval;
    options.memory.archive = [&](std::uint64_t index) { return opened->store->record(index); };
    const std::unique_ptr<Node> node = make_sn_node(std::move(options), openssl_hasher());
    std::vector<Effect> effects;
    node->step(from_ns(0), Started{}, effects);
    const double seconds = seconds_since(begin);
    JsonWriter json;
    json.begin_object()
        .field("entries", entries)
        .field("in_snapshot", before)
        .field("file_bytes", static_cast<std::uint64_t>(std::filesystem::file_size(file)))
        .field("open_s", open_seconds)
        .field("start_s", seconds)
        .field("peak_kib", peak_kib())
        .end_object();
    std::printf("%s\n", json.take().c_str());
    return {};
}

double part_of(std::vector<double>& sorted, double part) {
    std::sort(sorted.begin(), sorted.end());
    return sorted.empty()
               ? 0
               : sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

/// An entry follows each part of the archiving: it waits for that part at most.
Result<void> archive(const std::filesystem::path& file, std::uint64_t entries) {
    Result<SqliteStore::Opened> opened = SqliteStore::open(
        file, openssl_hasher(), {entries, [](const std::string& note) {
                                     std::fprintf(stderr, "bench_ledger: %s\n", note.c_str());
                                 }});
    if (!opened) {
        return opened.error();
    }
    SqliteStore& store = *opened->store;
    const std::vector<Bytes> record(1, Bytes(300));
    std::vector<double> alone;
    std::vector<double> beside;
    std::vector<double> pauses;
    const auto write = [&](std::vector<double>& seconds) {
        const auto begin = std::chrono::steady_clock::now();
        Result<void> done = store.append(store.last_index() + 1, record);
        seconds.push_back(seconds_since(begin));
        return done;
    };
    Result<void> done;
    for (int i = 0; i < 1000 && done; ++i) {
        done = write(alone);
    }
    const auto begin = std::chrono::steady_clock::now();
    while (done && store.needs_maintenance()) {
        const auto part = std::chrono::steady_clock::now();
        done = store.maintain();
        pauses.push_back(seconds_since(part));
        if (done) {
            done = write(beside);
        }
    }
    JsonWriter json;
    json.begin_object()
        .field("archived", store.last_archived())
        .field("parts", static_cast<std::uint64_t>(pauses.size()))
        .field("all_s", seconds_since(begin))
        .field("pause_median_s", part_of(pauses, 0.5))
        .field("pause_p99_s", part_of(pauses, 0.99))
        .field("pause_longest_s", part_of(pauses, 1))
        .field("write_alone_median_s", part_of(alone, 0.5))
        .field("write_alone_p99_s", part_of(alone, 0.99))
        .field("write_alone_longest_s", part_of(alone, 1))
        .field("write_median_s", part_of(beside, 0.5))
        .field("write_p99_s", part_of(beside, 0.99))
        .field("write_longest_s", part_of(beside, 1))
        .end_object();
    std::printf("%s\n", json.take().c_str());
    return done;
}

}  // namespace
}  // namespace starling::bench

int main(int argc, char** argv) {
    using namespace starling;
    const std::string what = argc > 1 ? argv[1] : "";
    Result<void> done = Error{Errc::usage,
                              "usage: bench_ledger make DIRECTORY ENTRIES [MEMBERS], or "
                              "bench_ledger start DIRECTORY, or "
                              "bench_ledger archive DIRECTORY ENTRIES, or "
                              "bench_ledger join DIRECTORY [all]"};
    const std::filesystem::path file =
        std::filesystem::path(argc > 2 ? argv[2] : "") / "ledger.sqlite";
    if (what == "make" && (argc == 4 || argc == 5)) {
        done = bench::make(file, std::stoull(argv[3]), argc == 5 ? std::stoi(argv[4]) : 4);
    } else if (what == "start" && argc == 3) {
        done = bench::start(file);
    } else if (what == "archive" && argc == 4) {
        done = bench::archive(file, std::stoull(argv[3]));
    } else if (what == "join" && (argc == 3 || (argc == 4 && std::string(argv[3]) == "all"))) {
        done = bench::join(argv[2], argc == 3);
    }
    if (!done) {
        std::fprintf(stderr, "bench_ledger: %s\n", done.error().message.c_str());
    }
    return done ? exit_code::ok : exit_code_of(done.error().code);
}
