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

/// A program to run, all of it settled.
struct SidecarCommand {
    std::string name;                                ///< of the ML node
    std::string program;                             ///< a path, or a name to look for in PATH
    std::vector<std::string> arguments;              ///< without the program's name
    std::filesystem::path working_directory;         ///< absolute
    std::map<std::string, std::string> environment;  ///< the whole of it
    std::filesystem::path state_file;                ///< what swarm-ps reads; see node_state.hpp
    std::vector<std::string> cleanup;                ///< run if it had to be killed; may be empty
    std::filesystem::path log_file;                  ///< stdout and stderr are appended, mode 0600
};

/// The file that `program` means: a name without '/' is looked for in `path` (as PATH), a relative
/// path is seen from `working_directory`. Errc::io if it is not there or can't be executed.
Result<std::filesystem::path> find_program(const std::string& program,
                                           const std::filesystem::path& working_directory,
                                           const std::string& path);

/// Why the system can't run `program` as a script, where it is one: Windows line ends, or an
/// interpreter in its first line that is not there. Errc::io says what to do.
Result<void> check_script(const std::filesystem::path& program);

/// The few variables of `own` that every program should have: PATH, HOME, LANG, TMPDIR,
/// LD_LIBRARY_PATH, the sanitizers' options and the like.
std::map<std::string, std::string> clean_environment(const std::map<std::string, std::string>& own);

/// A child process beside this one: a process group of its own, no descriptor of ours, and it ends
/// when the thread that started it does.
class Sidecar {
public:
    using OnExit = std::function<void(const ExitStatus&)>;

    /// `on_exit` is called once, in a thread of the sidecar's. Errc::io: the program, its directory
    /// or its log file are not usable; the child never ran then.
    static Result<std::unique_ptr<Sidecar>> start(const SidecarCommand& command, OnExit on_exit);
    Sidecar(const Sidecar&) = delete;
    Sidecar& operator=(const Sidecar&) = delete;
    /// Kills what is still there.
    ~Sidecar();

    pid_t pid() const { return pid_; }
    /// Waits until it has ended: SIGTERM after `patience`, SIGKILL after `limit`, both from now and
    /// to the whole process group.
    ExitStatus finish(std::chrono::milliseconds patience, std::chrono::milliseconds limit);

private:
    Sidecar(pid_t pid, std::vector<std::string> cleanup, OnExit on_exit);
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
