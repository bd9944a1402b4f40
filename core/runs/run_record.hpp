#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace starling {

/// One value of a series. Its round may be that of a check-in or of a commit.
struct RunPoint {
    std::uint64_t round = 0;
    std::int64_t us = 0;  ///< since the run's first event
    double value = 0.0;
};

/// What one member measured under one name, by ascending rounds, each once.
struct RunSeries {
    std::string member;  ///< name of its SL; "swarm": of all members
    std::string name;    ///< is_scalar_name(): "loss", "accuracy", "round_seconds", ...
    std::vector<RunPoint> points;
};

/// What came out of a run, as far as its events say.
struct RunResults {
    std::string end = "not ended";  ///< "complete", "aborted" or "not ended"
    std::uint64_t rounds = 0;       ///< committed ones
    std::uint64_t members = 0;      ///< the most in a round
    double seconds = 0.0;           ///< from the first event to the last
    double round_seconds = 0.0;     ///< from commit to commit, median; 0: fewer than two
    std::uint64_t sent_bytes = 0;   ///< parameters, by all members
    std::string digest;             ///< of the last committed model; may be empty
};

/// A run of a swarm as it is kept: what it was, how it was set up and what came out.
struct RunRecord {
    std::string id;               ///< is_run_id()
    std::string name;             ///< for people; may be empty
    std::string kind;             ///< "simulated" or "recorded"
    std::int64_t recorded_s = 0;  ///< when it was recorded, seconds since 1970
    /// When its first event was, microseconds since 1970; of a simulation, when it was recorded.
    std::int64_t started_us = 0;
    std::string program;
    std::string version;    ///< of Starling
    std::string commit;     ///< of the git repository in which it was started; empty: none
    bool modified = false;  ///< files of that repository were changed and not committed
    std::string machine;    ///< system, processor architecture and cores
    std::optional<std::uint64_t> seed;
    std::vector<std::string> command;
    std::map<std::string, std::string> configuration;
    RunResults results;
    std::vector<RunSeries> series;
};

/// A member's name that can stand in a series and in a path: 1 to 64 of `A-Za-z0-9._-`, the first
/// none of ".-".
bool is_member_name(std::string_view text);
/// 1 to 64 of `A-Za-z0-9_-`, the first a letter or digit: a safe name of a file, and of a run in
/// MLflow.
bool is_run_id(std::string_view text);

/// The record as JSON: see core/runs/FORMAT.md.
std::string to_json(const RunRecord& record);
/// Errc::malformed, with what is wrong: whatever the bytes are, a record keeps to the rules above.
Result<RunRecord> parse_run_record(std::string_view json);

}  // namespace starling
