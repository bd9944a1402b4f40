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
#include "deploy/process/process.hpp"

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

/// The file of `program`: a name without '/' is searched in `path` (as in PATH), a relative path
/// starts at `working_directory`. Errc::io if it is not found or can't be executed.
Result<std::filesystem::path> find_program(const std::string& program,
                                           const std::filesystem::path& working_directory,
                                           const std::string& path);

/// If `program` is a script, checks that the system can run it. Errc::io: it has Windows line ends,
/// or the interpreter in its first line can't be run; the message tells what to do.
Result<void> check_script(const std::filesystem::path& program);

/// The few variables of `own` that every program gets: PATH, HOME, LANG, TMPDIR, LD_LIBRARY_PATH,
/// the sanitizers' options and the like.
std::map<std::string, std::string> clean_environment(const std::map<std::string, std::string>& own);

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
