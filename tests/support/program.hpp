#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <sys/types.h>

namespace starling::test {

using Seconds = std::chrono::seconds;

/// A real program as a child process, its stdout and stderr read through one pipe. The destructor
/// kills and reaps it, so that no test leaves a process behind.
class Program {
public:
    /// \param arguments  path of the program first.
    /// \param environment  NAME=VALUE on top of PATH and the sanitizers' options.
    explicit Program(std::vector<std::string> arguments, std::vector<std::string> environment = {});
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program();

    /// Reads until the output contains `text` after its first `from` bytes. False if the program
    /// ended or the time limit was reached.
    bool wait_for(const std::string& text, Seconds limit = Seconds(60), std::size_t from = 0);
    /// Reads what it has written so far.
    void drain();
    /// Reads until the program ends. Its exit code; 128 + N if signal N ended it; -1 at the time
    /// limit.
    int wait_exit(Seconds limit = Seconds(60));
    void signal(int number) const;
    const std::string& output() const { return output_; }
    pid_t pid() const { return pid_; }
    /// Process ids of its children.
    std::vector<pid_t> children() const;

private:
    /// Reads what is available until `deadline`; false at the end of the output.
    bool read_some(std::chrono::steady_clock::time_point deadline);
    int reap();

    pid_t pid_ = -1;
    int pipe_ = -1;
    int exit_code_ = -1;
    bool at_end_ = false;
    std::string output_;
};

}  // namespace starling::test
