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
#include "deploy/ml/program_process.hpp"

namespace starling {

/// The command of the ML program in `options`. Its environment: those variables of run-sl's own
/// (`own`) that clean_environment() keeps, those of --ml-e, and SWARM_SL_SOCKET, SWARM_ML_NAME,
/// SWARM_WORKSPACE, SWARM_TRACE, SWARM_STATE_DIR and SWARM_LOG_LEVEL; of two of one name the later
/// counts, but --ml-e may set SWARM_LOG_LEVEL. Creates the directory SWARM_STATE_DIR. Errc::usage:
/// no program is given; Errc::io: the directory can't be made.
Result<ProgramCommand> ml_command(const SlOptions& options, const NodeHost& host,
                                  const std::filesystem::path& socket,
                                  const std::map<std::string, std::string>& own);

/// The ML program of an SL, from start to end: logs its end, reminds of a program that has not
/// joined, and stops the SL if the program ends before it has joined.
class MlProcess {
public:
    /// Starts the program; to be called in the main thread, since the program ends with the thread
    /// that started it. `endpoint` and `log` must outlive it.
    static Result<std::unique_ptr<MlProcess>> start(
        const ProgramCommand& command, PolledEndpoint& endpoint, TraceLog& log,
        std::chrono::milliseconds first_reminder = join_reminder_first);
    ~MlProcess();

    const std::string& name() const { return name_; }
    /// To be called with every input of the SL node.
    void on_input(const Input& input);
    /// Waits for the program, or ends it.
    ///
    /// \return  the exit code of the pair. The program ended before it joined: its code, or
    /// `failed`
    ///     if that is 0. It had joined, and `node_code` is 0, or is peer_lost since the program
    ///     exited by itself with an error: the program's code. Otherwise `node_code`.
    int finish(int node_code);

private:
    MlProcess(const ProgramCommand& command, PolledEndpoint& endpoint, TraceLog& log)
        : name_(command.name),
          log_file_(command.log_file),
          state_file_(command.state_file),
          endpoint_(endpoint),
          log_(log) {}
    void ended(const ExitStatus& status);
    Result<void> note_start();
    std::string not_joined_text(const std::string& duration) const;

    const std::string name_;
    const std::filesystem::path log_file_;
    const std::filesystem::path state_file_;
    PolledEndpoint& endpoint_;
    TraceLog& log_;
    std::atomic<bool> joined_ = false;
    NodeId ml_;         ///< empty: it has not joined
    bool cut_ = false;  ///< it had joined, and its connection was lost at least once
    std::mutex state_mutex_;
    std::optional<NodeState> state_;    ///< not set: not started
    std::optional<ExitStatus> status_;  ///< not set: not ended
    bool finishing_ = false;            ///< its end is expected
    std::unique_ptr<ProgramProcess> process_;
    std::unique_ptr<JoinReminder> reminder_;
};

}  // namespace starling
