#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

#include "core/base/result.hpp"
#include "transport/process/child_process.hpp"

namespace starling {

/// A program to run.
struct ProgramCommand {
    std::string name;                                ///< of the ML node
    std::string program;                             ///< a path, or a name that is searched in PATH
    std::vector<std::string> arguments;              ///< without the program's name
    std::filesystem::path working_directory;         ///< absolute
    std::map<std::string, std::string> environment;  ///< complete
    std::filesystem::path state_file;                ///< for swarm-ps; see node_state.hpp
    std::vector<std::string> cleanup;  ///< command to run if it had to be killed; may be empty
    std::filesystem::path log_file;    ///< stdout and stderr are appended, mode 0600
};

/// A child process with a process group of its own and no inherited descriptors. It ends when the
/// thread that started it ends.
class ProgramProcess {
public:
    using OnExit = std::function<void(const ExitStatus&)>;

    /// `on_exit` is called once, in a thread of the process. Errc::io: the program, its directory
    /// or its log file can't be used; then the program was not run.
    static Result<std::unique_ptr<ProgramProcess>> start(const ProgramCommand& command,
                                                         OnExit on_exit);
    ProgramProcess(const ProgramProcess&) = delete;
    ProgramProcess& operator=(const ProgramProcess&) = delete;
    /// Kills the process group.
    ~ProgramProcess();

    pid_t pid() const { return pid_; }
    /// Waits for its end; sends the whole process group SIGTERM after `wait_limit` and SIGKILL
    /// after `limit`, both counted from now.
    ExitStatus finish(std::chrono::milliseconds wait_limit, std::chrono::milliseconds limit);

private:
    ProgramProcess(pid_t pid, std::vector<std::string> cleanup, OnExit on_exit);
    void watch();
    bool wait_until(std::chrono::steady_clock::time_point when);
    void kill_group(int signal);
    void clean_up() const;

    const pid_t pid_;
    const std::vector<std::string> cleanup_;
    OnExit on_exit_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<ExitStatus> status_;
    std::thread watcher_;
};

}  // namespace starling
