// SimGrid aborts, exits or crashes on many errors in a platform file. The simulation therefore runs
// in a child process, and the parent explains such an end: until the input is accepted
// (Stage::loading) it captures the child's stderr, and then names the file, the step that was under
// way, and SimGrid's reason. The step and the progress counters are in shared memory, which
// survives the child.
#include "sim/guarded_run.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <new>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/node/node.hpp"

namespace starling {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t stderr_max = std::size_t{256} * 1024;
constexpr std::size_t crash_reason_max = 400;
constexpr std::chrono::milliseconds progress_interval_max = std::chrono::minutes(1);

enum class Stage : int { loading, running, ended };

/// In memory that parent and child share; written by the child.
struct SharedStatus {
    std::atomic<Stage> stage{Stage::loading};
    RunMeter meter;
    std::array<char, 600> step{};
};

class ChildStatus final : public RunStatus {
public:
    ChildStatus(SharedStatus& shared, int own_stderr) : shared_(shared), own_stderr_(own_stderr) {}

    void doing(std::string_view step) override {
        const std::size_t size = std::min(step.size(), shared_.step.size() - 1);
        std::memcpy(shared_.step.data(), step.data(), size);
        shared_.step[size] = '\0';
    }
    void loaded() override {
        shared_.stage = Stage::running;
        if (own_stderr_ >= 0) {
            ::dup2(own_stderr_, STDERR_FILENO);
            ::close(std::exchange(own_stderr_, -1));
        }
    }
    RunMeter& meter() override { return shared_.meter; }

private:
    SharedStatus& shared_;
    int own_stderr_;
};

/// Both ends of a pipe; -1: closed.
struct Pipe {
    Pipe() {
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
            ends = {-1, -1};
        }
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close(0);
        close(1);
    }
    void close(std::size_t end) {
        if (ends[end] >= 0) {
            ::close(std::exchange(ends[end], -1));
        }
    }
    bool good() const { return ends[0] >= 0; }

    std::array<int, 2> ends{-1, -1};
};

RunProgress read_meter(const RunMeter& meter) {
    return {meter.simulated_ns, meter.events, meter.bytes_moved, meter.rounds,
            meter.rounds_planned};
}

/// The parent: waits for the child, prints progress, and explains its end.
class Guard {
public:
    Guard(const GuardOptions& options, SharedStatus& shared, pid_t child)
        : options_(options), shared_(shared), child_(child), next_(options.progress) {}

    int wait(Pipe& child_stderr, Pipe& alive) {
        std::array<pollfd, 2> ends = {pollfd{child_stderr.ends[0], POLLIN, 0},
                                      pollfd{alive.ends[0], POLLIN, 0}};
        while (ends[0].fd >= 0 || ends[1].fd >= 0) {
            const int ready = ::poll(ends.data(), ends.size(), until_progress());
            if (ready < 0 && errno != EINTR) {
                break;
            }
            if (ready == 0) {
                print_progress();
            }
            if (ready > 0 && ends[0].revents != 0 && !read_stderr(ends[0].fd)) {
                ends[0].fd = -1;
                if (shared_.stage != Stage::loading) {
                    print_stderr();
                }
            }
            if (ready > 0 && ends[1].revents != 0) {
                ends[1].fd = -1;
            }
        }
        int status = 0;
        while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
        }
        return end(status);
    }

private:
    int until_progress() const {
        if (options_.progress.count() == 0) {
            return -1;
        }
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(start_ + next_ - Clock::now());
        return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
    }

    void print_progress() {
        const auto wall = Clock::now() - start_;
        if (options_.progress.count() == 0 || wall < next_) {
            return;
        }
        next_ += std::min(next_, progress_interval_max);
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wall);
        if (shared_.stage == Stage::loading) {
            std::cerr << "swarm-sim: " << seconds.count() << " s: still " << shared_.step.data()
                      << std::endl;
            return;
        }
        const RunProgress now = read_meter(shared_.meter);
        std::cerr << "swarm-sim: " << progress_text(seconds, now, before_, options_.until_ns)
                  << std::endl;
        before_ = now;
    }

    /// Reads what the child wrote. False: the pipe is closed.
    bool read_stderr(int from) {
        std::array<char, 4096> part{};
        const ssize_t got = ::read(from, part.data(), part.size());
        if (got > 0 && stderr_text_.size() < stderr_max) {
            stderr_text_.append(part.data(), static_cast<std::size_t>(got));
        }
        return got > 0 || (got < 0 && errno == EINTR);
    }
    void print_stderr() { std::cerr << std::exchange(stderr_text_, {}) << std::flush; }

    int end(int status) {
        const Stage stage = shared_.stage;
        if (WIFEXITED(status) && stage == Stage::ended) {
            print_stderr();
            return WEXITSTATUS(status);
        }
        const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT) {
            print_stderr();
            ::signal(signal, SIG_DFL);
            ::raise(signal);
        }
        const std::string how = signal == 0 ? "it ended the process"
                                : signal == SIGABRT
                                    ? "it gave up"
                                    : std::string("it crashed (") + strsignal(signal) + ")";
        if (stage == Stage::loading && signal != SIGKILL) {
            const std::string reason = reason_in(stderr_text_);
            std::cerr << "swarm-sim: platform file " << options_.platform
                      << ": SimGrid can't use it: " << how << " while " << shared_.step.data()
                      << (reason.empty() ? ". Is a route or a property missing there?"
                                         : "; it said: " + reason)
                      << std::endl;
            return exit_code::usage;
        }
        print_stderr();
        std::cerr << "swarm-sim: the simulation failed: "
                  << (signal == SIGKILL ? "its process was killed, perhaps for lack of memory"
                                        : how)
                  << ", after " << progress_text({}, read_meter(shared_.meter), {})
                  << "; see SimGrid's output above, if any" << std::endl;
        return exit_code::failed;
    }

    const GuardOptions& options_;
    SharedStatus& shared_;
    pid_t child_;
    Clock::time_point start_ = Clock::now();
    std::chrono::milliseconds next_;
    RunProgress before_{-1, 0, 0, 0, 0};
    std::string stderr_text_;  ///< the child's stderr while it loads
};

int run_in_child(SharedStatus& shared, Pipe& child_stderr, pid_t guard,
                 const std::function<int(RunStatus&)>& run) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != guard) {
        ::_exit(exit_code::failed);  // the parent died before prctl()
    }
    const int own_stderr = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    ::dup2(child_stderr.ends[1], STDERR_FILENO);
    child_stderr.close(0);
    child_stderr.close(1);
    ChildStatus status(shared, own_stderr);
    const int code = run(status);
    std::cout.flush();
    status.loaded();
    shared.stage = Stage::ended;
    return code;
}

}  // namespace

int run_guarded(const GuardOptions& options, const std::function<int(RunStatus&)>& run) {
    void* memory = ::mmap(nullptr, sizeof(SharedStatus), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    SharedStatus alone;
    SharedStatus& shared = memory == MAP_FAILED ? alone : *new (memory) SharedStatus;
    Pipe child_stderr;
    Pipe alive;  // its write end is open in the child until that process ends
    std::cout.flush();
    std::fflush(nullptr);
    const pid_t guard = ::getpid();
    const pid_t child =
        memory == MAP_FAILED || !child_stderr.good() || !alive.good() ? -1 : ::fork();
    if (child < 0) {
        ChildStatus status(shared, -1);
        return run(status);
    }
    if (child == 0) {
        // The memory stays mapped, and the pipe `alive` open, until the process ends.
        ::close(alive.ends[0]);
        alive.ends = {-1, -1};
        return run_in_child(shared, child_stderr, guard, run);
    }
    child_stderr.close(1);
    alive.close(1);
    const int code = Guard(options, shared, child).wait(child_stderr, alive);
    ::munmap(memory, sizeof(SharedStatus));
    return code;
}

std::string reason_in(std::string_view stderr_text) {
    constexpr std::string_view marks[] = {"/CRITICAL] ", "what():  ", "/ERROR] ", "ERROR: "};
    for (const std::string_view mark : marks) {
        const std::size_t at = stderr_text.find(mark);
        if (at == std::string_view::npos) {
            continue;
        }
        std::string reason(stderr_text.substr(at + mark.size(), crash_reason_max));
        reason.resize(std::min(reason.find('\n'), reason.size()));
        for (char& c : reason) {
            c = static_cast<unsigned char>(c) < ' ' || c == 127 ? ' ' : c;
        }
        return reason;
    }
    return {};
}

std::string progress_text(std::chrono::seconds wall, const RunProgress& now,
                          const RunProgress& before, std::int64_t until_ns) {
    std::array<char, 200> text{};
    std::snprintf(
        text.data(), text.size(), "%.1f simulated seconds, %llu rounds, %llu events, %.1f MB moved",
        static_cast<double>(now.simulated_ns) / 1e9, static_cast<unsigned long long>(now.rounds),
        static_cast<unsigned long long>(now.events), static_cast<double>(now.bytes_moved) / 1e6);
    std::string line =
        (wall.count() > 0 ? std::to_string(wall.count()) + " s: " : std::string()) + text.data();
    const double rounds = now.rounds_planned == 0 ? 0.0
                                                  : static_cast<double>(now.rounds) /
                                                        static_cast<double>(now.rounds_planned);
    const double time =
        until_ns == 0 ? 0.0 : static_cast<double>(now.simulated_ns) / static_cast<double>(until_ns);
    if (const double share = std::max(rounds, time); share > 0.0 && share < 1.0) {
        const auto left =
            static_cast<long long>(static_cast<double>(wall.count()) * (1.0 - share) / share);
        std::snprintf(text.data(), text.size(), ", %d %%, about %lld:%02lld left",
                      static_cast<int>(share * 100.0), left / 60, left % 60);
        line += text.data();
    }
    if (now.simulated_ns == before.simulated_ns) {
        line +=
            now.events == before.events
                ? "; no progress since the last line: a training program or SimGrid is computing"
                : "; simulated time has not advanced since the last line";
    }
    return line;
}

}  // namespace starling
