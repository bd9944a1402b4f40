#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "deploy/host/endpoint_watch.hpp"
#include "deploy/host/join_reminder.hpp"
#include "deploy/host/node_host.hpp"
#include "deploy/host/node_state.hpp"
#include "deploy/ml/sidecar.hpp"

namespace starling {

/// What the program that `ml` describes is started with: a small clean environment out of `own`,
/// the values of --ml-e, and SWARM_SL_SOCKET, SWARM_ML_NAME, SWARM_WORKSPACE, SWARM_TRACE,
/// SWARM_STATE_DIR, SWARM_LOG_LEVEL. Makes the last but one. Errc::usage: there is no program;
/// Errc::io: that directory can't be made.
Result<SidecarCommand> ml_command(const SlOptions& options, const NodeHost& host,
                                  const std::filesystem::path& socket,
                                  const std::map<std::string, std::string>& own);

/// The ML program of an SL, from start to end: it logs how the program ended, speaks of one that
/// does not join, and stops the SL if the program ended before it ever did.
class MlSidecar {
public:
    /// Starts the program; call it in the main thread. `endpoint` and `log` must outlive it.
    static Result<std::unique_ptr<MlSidecar>> start(
        const SidecarCommand& command, PolledEndpoint& endpoint, TraceLog& log,
        std::chrono::milliseconds first_reminder = join_reminder_first);
    ~MlSidecar();

    const std::string& name() const { return name_; }
    /// Show it every input of the SL node.
    void look(const Input& input);
    /// Waits for the program, or ends it. \return the exit code of the pair: that of a program that
    /// ended by itself before it joined; else `node_code`, or the program's own if that is 0, or if
    /// it stands for a program that exited with a code of its own.
    int finish(int node_code);

private:
    MlSidecar(const SidecarCommand& command, PolledEndpoint& endpoint, TraceLog& log)
        : name_(command.name),
          log_file_(command.log_file),
          state_file_(command.state_file),
          endpoint_(endpoint),
          log_(log) {}
    void ended(const ExitStatus& status);
    Result<void> note_start();
    std::string silence(const std::string& duration) const;

    const std::string name_;
    const std::filesystem::path log_file_;
    const std::filesystem::path state_file_;
    PolledEndpoint& endpoint_;
    TraceLog& log_;
    std::atomic<bool> joined_ = false;
    NodeId ml_;         ///< once it has joined
    bool cut_ = false;  ///< its connection is gone
    std::mutex state_mutex_;
    std::optional<NodeState> state_;    ///< once it has started
    std::optional<ExitStatus> status_;  ///< once it has ended
    bool finishing_ = false;            ///< its end is nothing that must be told
    std::unique_ptr<Sidecar> sidecar_;
    std::unique_ptr<JoinReminder> reminder_;
};

}  // namespace starling
