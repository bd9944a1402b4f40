#include "sim/program_process.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/buffer_pool.hpp"

namespace starling {
namespace {

constexpr std::size_t tail_bytes = 4096;
constexpr std::size_t tail_lines = 12;
/// Read in one go: then the other programs have their turn.
constexpr std::size_t reads_max = 64;

Error io_error(const std::string& what) { return {Errc::io, what + ": " + std::strerror(errno)}; }

/// Parameters and state in memory of this process, since the program will write over them.
ProgramSocket::Record copied(ProgramSocket::Record record) {
    const std::size_t size = record.payload.size();
    if (size > 0) {
        BufferPool::Buffer buffer = BufferPool::of_models().take(size);
        std::memcpy(buffer.get(), record.payload.view().data(), size);
        const std::span room(buffer.get(), size);
        record.payload = Blob(std::move(buffer), room);
    }
    return record;
}

}  // namespace

Result<std::unique_ptr<ProgramProcess>> ProgramProcess::start(const ProgramStart& start) {
    std::array<int, 2> sockets{};
    std::array<int, 2> pipe{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()) != 0) {
        return io_error("no socket can be made");
    }
    Descriptor own(sockets[0]);
    const Descriptor its(sockets[1]);
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
        return io_error("no pipe can be made");
    }
    Descriptor output(pipe[0]);
    const Descriptor writes(pipe[1]);
    ::fcntl(output.number(), F_SETFL, O_NONBLOCK);
    Descriptor log(::open(start.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!log) {
        return io_error("its log " + start.log_file.string() + " can't be opened");
    }
    ChildCommand command = start.command;
    command.output = writes.number();
    command.inherited = its.number();
    command.environment[program_socket_variable] = std::to_string(its.number());
    command.end_signal = SIGKILL;  // it may hang
    const Result<pid_t> pid = start_child(command);
    if (!pid) {
        return pid.error();
    }
    return std::unique_ptr<ProgramProcess>(
        new ProgramProcess(std::move(own), std::move(output), std::move(log), *pid));
}

ProgramProcess::ProgramProcess(Descriptor socket, Descriptor output, Descriptor log, pid_t pid)
    : socket_(std::move(socket)),
      output_(std::move(output)),
      log_(std::move(log)),
      pid_(pid),
      end_(open_process(pid)) {}

ProgramProcess::~ProgramProcess() {
    if (!status_) {
        ::kill(-pid_, SIGKILL);
        ::kill(pid_, SIGKILL);  // in case it has not called setpgid() yet
        ::waitpid(pid_, nullptr, 0);
    }
}

std::array<pollfd, 3> ProgramProcess::ends() const {
    return {pollfd{socket_open_ ? socket_.number() : -1, POLLIN, 0},
            pollfd{output_.number(), POLLIN, 0}, pollfd{end_.number(), POLLIN, 0}};
}

Result<bool> ProgramProcess::read() {
    const Result<bool> wrote = read_output();
    if (!wrote) {
        return wrote;
    }
    const Result<bool> sent = read_messages();
    return sent ? Result<bool>(*wrote || *sent) : sent;
}

Result<bool> ProgramProcess::read_output() {
    std::array<char, std::size_t{64} * 1024> part{};
    bool any = false;
    for (std::size_t i = 0; output_ && i < reads_max; ++i) {
        const ssize_t got = ::read(output_.number(), part.data(), part.size());
        if (got < 0 && errno == EAGAIN) {
            break;
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            output_.close();
            break;
        }
        const auto size = static_cast<std::size_t>(got);
        if (::write(log_.number(), part.data(), size) != got) {
            return io_error("its log can't be written");
        }
        any = true;
        output_bytes_ += size;
        tail_.append(part.data(), size);
        tail_.erase(0, tail_.size() - std::min(tail_.size(), tail_bytes));
    }
    return any;
}

Result<bool> ProgramProcess::read_messages() {
    bool any = false;
    while (socket_open_ && messages_.size() < reads_max) {
        Result<std::optional<ProgramSocket::Record>> record = socket_.receive();
        if (!record) {
            if (record.error().code != Errc::unreachable) {
                return record.error();
            }
            socket_open_ = false;
            break;
        }
        if (!*record) {
            break;
        }
        Result<ProgramMessage> message = read_message(copied(std::move(**record)));
        if (!message) {
            return message.error();
        }
        messages_.push_back(std::move(*message));
        any = true;
    }
    return any;
}

std::optional<ProgramMessage> ProgramProcess::take_message() {
    if (messages_.empty()) {
        return std::nullopt;
    }
    ProgramMessage message = std::move(messages_.front());
    messages_.pop_front();
    return message;
}

std::optional<ExitStatus> ProgramProcess::ended() {
    siginfo_t info{};
    if (status_ ||
        ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid != pid_) {
        return status_;
    }
    ::kill(-pid_, SIGKILL);  // what it has started and left behind; its number is still its own
    int wait_status = 0;
    ::waitpid(pid_, &wait_status, 0);
    status_ = ExitStatus::of(wait_status);
    return status_;
}

std::string ProgramProcess::last_lines() const {
    std::vector<std::string> lines;
    std::string line;
    for (const char c : tail_ + "\n") {
        if (c != '\n') {
            line += static_cast<unsigned char>(c) < ' ' || c == 127 ? ' ' : c;
        } else if (!line.empty()) {
            lines.push_back(std::exchange(line, {}));
        }
    }
    std::string text;
    for (std::size_t i = lines.size() - std::min(lines.size(), tail_lines); i < lines.size(); ++i) {
        text += "\n    " + lines[i];
    }
    return text;
}

std::uint64_t ProgramProcess::memory_bytes() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/statm");
    std::uint64_t total = 0;
    std::uint64_t resident = 0;
    std::uint64_t shared = 0;
    file >> total >> resident >> shared;
    return file ? (resident - shared) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace starling
