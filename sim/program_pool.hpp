#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "sim/program_process.hpp"

namespace starling {

/// Bounds of what the programs of a simulation may use of this machine.
struct ProgramLimits {
    std::size_t at_once = 0;            ///< that compute at one time; 0: the cores of this machine
    std::uint64_t memory_bytes = 0;     ///< of all together; 0: 80 % of what is available now
    std::chrono::seconds silence{600};  ///< without a batch, a request or output while it computes
    std::uint64_t output_bytes = std::uint64_t{256} << 20;  ///< that each may write
};

/// A program has ended without leaving the swarm, has hung, or has exceeded a limit: for a person.
class ProgramError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The programs of a simulation that are processes of their own. A program computes only between a
/// reply and its next request; no more do so at once than there are cores, in the order in which
/// they were resumed. The others wait at their sockets. One thread does all this, while the
/// simulation waits for a program.
class ProgramPool {
public:
    explicit ProgramPool(ProgramLimits limits);
    ProgramPool(const ProgramPool&) = delete;
    ProgramPool& operator=(const ProgramPool&) = delete;
    ~ProgramPool();

    /// A program, which its first resume() starts. Its functions throw ProgramError.
    /// The pool must outlive it.
    std::unique_ptr<RunningProgram> add(ProgramStart start);

private:
    class Member;

    void resume(Member& member, TrainReply reply);
    void wait(const std::function<bool()>& done);
    void remove(Member& member);
    void start_ready();
    void poll_computing();
    void check(Member& member, bool heard);
    void check_memory();

    ProgramLimits limits_;
    std::vector<Member*> members_;
    std::deque<Member*> ready_;  ///< resumed, and waiting for a core
    std::vector<Member*> computing_;
    std::chrono::steady_clock::time_point memory_checked_{};
};

}  // namespace starling
