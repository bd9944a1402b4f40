// -d as daemons do it (fork, setsid, /dev/null), except that the launcher waits for the node's
// start, so that a script learns from the exit code whether it succeeded. The child reports through
// a pipe of notes (Note). The launcher also reads the child's output and forwards what an operator
// must see. End of file in the pipe of notes means that the child has ended.
#include "deploy/host/detach.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deploy/log/log_file.hpp"
#include "transport/process/child_process.hpp"

namespace starling {
namespace {

using Clock = std::chrono::steady_clock;

/// Kinds of notes from the child to its launcher: a letter, a text, and a line end.
enum Note : char { note_log = 'l', note_waiting = 'w', note_started = 's' };

int to_launcher = -1;  // -1: there is no launcher

void send_note(Note note, const std::string& text) {
    if (to_launcher >= 0) {
        const std::string line = std::string(1, note) + one_line(text) + "\n";
        [[maybe_unused]] const ssize_t written = ::write(to_launcher, line.data(), line.size());
    }
}

void point_to_null(int target, int flags) {
    const int null = ::open("/dev/null", flags | O_CLOEXEC);
    if (null >= 0) {
        ::dup2(null, target);
        ::close(null);
    }
}

void print(int target, const std::string& text) {
    [[maybe_unused]] const ssize_t written = ::write(target, text.data(), text.size());
}

/// Splits what arrives in a pipe into lines.
class LineReader {
public:
    explicit LineReader(Descriptor pipe) : pipe_(std::move(pipe)) {
        ::fcntl(pipe_.number(), F_SETFL, O_NONBLOCK);
    }
    int number() const { return pipe_.number(); }
    /// The lines available now; `rest`: also an incomplete last one.
    std::vector<std::string> read(bool rest) {
        std::array<char, 4096> block{};
        ssize_t count = 0;
        while ((count = ::read(pipe_.number(), block.data(), block.size())) > 0) {
            text_.append(block.data(), static_cast<std::size_t>(count));
        }
        if (count == 0) {
            pipe_.close();
        }
        std::vector<std::string> lines;
        for (std::size_t end = 0; (end = text_.find('\n')) != std::string::npos;) {
            lines.push_back(text_.substr(0, end + 1));
            text_.erase(0, end + 1);
        }
        if ((rest || count == 0) && !text_.empty()) {
            lines.push_back(std::exchange(text_, {}) + "\n");
        }
        return lines;
    }

private:
    Descriptor pipe_;
    std::string text_;
};

struct Pipes {
    Descriptor notes;
    Descriptor out;  ///< the child's standard output: its log lines
    Descriptor err;
};

class Launcher {
public:
    Launcher(std::string_view program, pid_t child, Pipes pipes,
             std::chrono::milliseconds wait_limit)
        : program_(program),
          child_(child),
          notes_(std::move(pipes.notes)),
          out_(std::move(pipes.out)),
          err_(std::move(pipes.err)),
          wait_limit_(wait_limit) {
        sigset_t ends;
        sigemptyset(&ends);
        sigaddset(&ends, SIGINT);
        sigaddset(&ends, SIGTERM);
        signals_ = Descriptor(::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
    }

    int run() {
        while (notes_.number() >= 0) {
            if (deadline_ && Clock::now() >= *deadline_) {
                print(STDOUT_FILENO, waiting_ + "\n");
                return 0;
            }
            wait_for_input();
            handle_signals();
            forward_output(false);
            for (const std::string& note : notes_.read(false)) {
                if (handle_note(note)) {
                    return 0;
                }
            }
        }
        return ended();
    }

private:
    void wait_for_input() {
        std::array<pollfd, 4> waited{};
        const std::array<int, 4> numbers = {notes_.number(), out_.number(), err_.number(),
                                            signals_.number()};
        for (std::size_t i = 0; i < waited.size(); ++i) {
            waited[i] = {numbers[i], POLLIN, 0};  // poll() ignores negative numbers
        }
        int limit = -1;
        if (deadline_) {
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now());
            limit = static_cast<int>(std::max<std::int64_t>(0, left.count()));
        }
        ::poll(waited.data(), waited.size(), limit);
    }

    void handle_signals() {
        signalfd_siginfo info{};
        while (::read(signals_.number(), &info, sizeof(info)) == sizeof(info)) {
            interrupted_by_ = static_cast<int>(info.ssi_signo);
            deadline_.reset();
            ::kill(child_, SIGTERM);
        }
    }

    /// Forwards warnings, errors and standard error.
    /// \param rest  whether also a last line without its end.
    void forward_output(bool rest) {
        for (const std::string& line : out_.read(rest)) {
            const bool matters = line.find(" : WARNING : ") != std::string::npos ||
                                 line.find(" : ERROR : ") != std::string::npos;
            if (matters) {
                print(STDERR_FILENO, line);
                forwarded_ = true;
            }
            last_line_ = line;
        }
        for (const std::string& line : err_.read(rest)) {
            print(STDERR_FILENO, line);
            forwarded_ = true;
        }
    }

    /// \return  whether the node is up.
    bool handle_note(const std::string& note) {
        const std::string text = note.substr(1, note.size() - 2);
        if (note.front() == note_log) {
            log_ = text;
        } else if (note.front() == note_waiting) {
            waiting_ = text;
            if (interrupted_by_ == 0) {
                deadline_ = Clock::now() + wait_limit_;
            }
        } else if (note.front() == note_started && interrupted_by_ == 0) {
            forward_output(true);
            print(STDOUT_FILENO, text + "\n");
            return true;
        }
        return false;
    }

    int ended() {
        int wait_status = 0;
        while (::waitpid(child_, &wait_status, 0) < 0 && errno == EINTR) {
        }
        forward_output(true);
        const ExitStatus status = ExitStatus::of(wait_status);
        if (!forwarded_ && !last_line_.empty()) {
            print(STDERR_FILENO, last_line_);
        }
        const std::string log = log_.empty() ? "" : "; its log: " + log_;
        if (interrupted_by_ != 0) {
            print(STDERR_FILENO,
                  program_ + ": interrupted before the node was up; it was stopped" + log + "\n");
            return 128 + interrupted_by_;
        }
        const bool failed = status.exit_code() != 0;
        print(failed ? STDERR_FILENO : STDOUT_FILENO,
              program_ + (failed ? ": not started: it " : ": it ") + status.text() + log + "\n");
        return status.exit_code();
    }

    const std::string program_;
    const pid_t child_;
    LineReader notes_;
    LineReader out_;
    LineReader err_;
    const std::chrono::milliseconds wait_limit_;
    Descriptor signals_;
    std::optional<Clock::time_point> deadline_;  ///< set once only other hosts are awaited
    std::string waiting_;                        ///< printed at the deadline
    std::string log_;                            ///< the child's log file
    std::string last_line_;                      ///< of its output; shown if it ends silently
    bool forwarded_ = false;                     ///< a line was forwarded
    int interrupted_by_ = 0;                     ///< signal that the launcher got; 0: none
};

struct Pipe {
    Descriptor read;
    Descriptor write;
};

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return Error{Errc::io, std::string("-d: can't create a pipe: ") + std::strerror(errno)};
    }
    return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

}  // namespace

Result<std::optional<int>> detach_process(std::string_view program,
                                          std::chrono::milliseconds wait_limit) {
    std::array<Pipe, 3> pipes;
    for (Pipe& pipe : pipes) {
        Result<Pipe> made = make_pipe();
        if (!made) {
            return made.error();
        }
        pipe = std::move(*made);
    }
    auto& [notes, out, err] = pipes;
    const pid_t child = ::fork();
    if (child < 0) {
        return Error{Errc::io, std::string("-d: can't create a process: ") + std::strerror(errno)};
    }
    if (child > 0) {
        for (Pipe& pipe : pipes) {
            pipe.write.close();
        }
        Launcher launcher(program, child,
                          {std::move(notes.read), std::move(out.read), std::move(err.read)},
                          wait_limit);
        return std::optional<int>(launcher.run());
    }
    ::setsid();
    point_to_null(STDIN_FILENO, O_RDONLY);
    ::dup2(out.write.number(), STDOUT_FILENO);
    ::dup2(err.write.number(), STDERR_FILENO);
    to_launcher = notes.write.release();
    return std::optional<int>();
}

void announce_log(const std::filesystem::path& file) { send_note(note_log, file.string()); }

void announce_waiting(const std::string& text) { send_note(note_waiting, text); }

void announce_started(const std::string& text) {
    if (to_launcher < 0) {
        return;
    }
    send_note(note_started, text);
    ::close(std::exchange(to_launcher, -1));
    point_to_null(STDOUT_FILENO, O_WRONLY);
    point_to_null(STDERR_FILENO, O_WRONLY);
}

}  // namespace starling
