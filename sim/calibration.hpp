#pragma once

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/ids.hpp"
#include "core/base/result.hpp"

namespace starling {

/// Cost of a training program on the reference machine.
struct WorkloadCost {
    double seconds_per_batch = 0.0;
    double startup_seconds = 0.0;  ///< from the start of the program to its first request
    /// Evenly spaced quantiles of a batch's seconds in the intervals between two syncs, ascending:
    /// the first is the shortest, the last the longest. Empty: unknown, `spread` counts.
    std::vector<double> quantiles;
    /// Standard deviation of the logarithm of the time between two syncs.
    double spread = 0.0;
};

/// Costs on the reference machine, which is a host of speed 1 Gf (1e9 flop/s) in a platform file.
/// Workloads are measured with `SWARM_CALIBRATE=FILE PROGRAM`; the other defaults are rough figures
/// for one core of a current server, to be replaced by your own.
struct Calibration {
    static constexpr double no_cost = std::numeric_limits<double>::infinity();

    std::string file;  ///< source of the values; empty: defaults
    /// By name. A row `WORKLOAD@NODE` is that of the ML node of this name only, if it runs a
    /// program; modelled training (TrainingModel::batch_time) takes the row without a node.
    std::map<std::string, WorkloadCost> workloads;
    double merge_bytes_per_second = 4e9;   ///< of all contributions together
    double hash_bytes_per_second = 1.5e9;  ///< SHA-256
    double fsync_seconds = 0.002;          ///< to make one record of the ledger durable
    double disk_bytes_per_second = 1e9;    ///< writing a merged model; measured by swarm-calibrate
    double handshake_seconds = 0.003;      ///< CPU time of a mutual TLS handshake, both ends
    /// Standard deviation of the logarithm of the time of equal work.
    double spread = 0.0;

    // CPU time that swarm-calibrate measures. Without it (infinite rates) nothing is charged.

    double tls_send_bytes_per_second = no_cost;     ///< TLS, TCP and framing, by the sender
    double tls_receive_bytes_per_second = no_cost;  ///< the same by the receiver
    double local_bytes_per_second = no_cost;        ///< between SL and ML, at each end
    double message_seconds = 0.0;                   ///< of a frame without a segment, at each end
    /// The same of frames between SLs, and between SL and ML, which nobody signs; default: as
    /// above.
    std::optional<double> unsigned_message_seconds;
    double wake_seconds = 0.0;  ///< until a thread that waits for a frame runs; no CPU time
    double save_bytes_per_second = no_cost;   ///< by the program: its tensors to segments
    double load_bytes_per_second = no_cost;   ///< segments to its tensors
    double write_bytes_per_second = no_cost;  ///< of the kernel, for a model that is stored

    /// Whether sending and receiving costs processor time.
    bool charges_network() const {
        return message_seconds > 0.0 || unsigned_message_seconds.value_or(0.0) > 0.0 ||
               wake_seconds > 0.0 || tls_send_bytes_per_second < no_cost ||
               tls_receive_bytes_per_second < no_cost || local_bytes_per_second < no_cost;
    }
    /// \param ml  the ML node that runs it; its own row counts before that of all nodes
    /// \return  Errc::usage: it is not in the table; the message tells how to measure it.
    Result<WorkloadCost> workload(const std::string& name, const NodeId& ml = {}) const;
};

/// Reads a JSON object with the members above; missing ones keep their defaults, unknown ones are
/// errors. Errc::usage names file and line.
Result<Calibration> read_calibration(const std::string& file);
/// The same, of a text; `file` is for messages only.
Result<Calibration> parse_calibration(const std::string& text, const std::string& file);

}  // namespace starling
