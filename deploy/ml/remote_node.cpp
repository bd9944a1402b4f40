// Two threads use the socket: the program's thread sends, this one receives the replies.
#include "deploy/ml/remote_node.hpp"

#include <atomic>
#include <charconv>
#include <mutex>
#include <optional>

#include <fcntl.h>
#include <sys/socket.h>

#include "core/ml/training_thread.hpp"
#include "transport/program/program_messages.hpp"

namespace starling {
namespace {

class RemoteNode {
public:
    RemoteNode(Descriptor socket, TraceLog& log) : socket_(std::move(socket)), log_(log) {}

    int run(TrainFunction train, ProgramOptions options, const MlProgramHooks& hooks) {
        TrainingThread::Hooks for_program;
        std::optional<TrainingThread> thread;
        for_program.on_request = [&] { send_request(*thread); };
        for_program.on_trace = [this](const TraceEvent& event) {
            if (!event.text.empty()) {
                log_.line(event.level, event.component, event.text);
            }
            send(reported(event));
        };
        for_program.on_batch = [this] { on_batch(); };
        thread.emplace(std::move(train), std::move(options), std::move(for_program));
        hooks.on_begin({[this](StopRequested why) { stop(std::move(why)); },
                        [this] {
                            ++noted_;
                            send(BatchDone{});
                        }});
        const int code = pass_replies(*thread);
        hooks.on_end(code);
        return code;
    }

private:
    int pass_replies(TrainingThread& thread) {
        for (;;) {
            Result<ProgramSocket::Record> record = socket_.receive_next();
            Result<TrainReply> reply =
                record ? read_reply(*record) : Result<TrainReply>(record.error());
            if (!reply) {
                return end_code(reply.error());
            }
            thread.resume(std::move(*reply));
        }
    }

    int end_code(const Error& error) {
        const std::lock_guard lock(mutex_);
        if (ended_) {
            return exit_code_of(ended_->code);
        }
        const Error why = stopped_.value_or(error);
        log_.line(
            Level::error, "ml",
            "The ML node of this program, which is in another process, is not used any more: " +
                why.message);
        return exit_code_of(why.code);
    }

    void send_request(TrainingThread& thread) {
        TrainRequest request = thread.take_request();
        if (std::holds_alternative<OpenRequest>(request)) {
            send(WorkloadNamed{thread.workload()});
        }
        const auto* exit = std::get_if<ExitRequest>(&request);
        if (exit == nullptr) {
            send(std::move(request));
            return;
        }
        if (exit->code != Errc::ok) {
            log_.line(Level::error, "ml", exit->reason);
        }
        const ExitRequest end = *exit;
        send(std::move(request));
        const std::lock_guard lock(mutex_);
        ended_ = Error{end.code, end.reason};
        socket_.stop_receiving();
    }

    void on_batch() {
        if (noted_ > 0) {
            --noted_;
        } else {
            send(BatchDone{});
        }
    }

    void send(const ProgramMessage& message) {
        const std::lock_guard lock(mutex_);
        const Result<void> sent = send_message(socket_, message);
        if (!sent && sent.error().code != Errc::unreachable) {  // pass_replies() sees a closed one
            stopped_ = sent.error();
            socket_.stop_receiving();
        }
    }

    void stop(StopRequested why) {
        const std::lock_guard lock(mutex_);
        stopped_ = Error{why.code, std::move(why.reason)};
        socket_.stop_receiving();
    }

    ProgramSocket socket_;
    TraceLog& log_;
    std::atomic<std::uint64_t> noted_ = 0;  ///< batches that were told of before on_batch()
    std::mutex mutex_;                      ///< of sending, and of the fields below
    std::optional<Error> ended_;            ///< the program has ended; code ok: it has returned
    std::optional<Error> stopped_;          ///< why nothing is received any more
};

}  // namespace

Result<int> run_for_remote_node(TrainFunction train, ProgramOptions options,
                                const std::string& socket, TraceLog& log,
                                const MlProgramHooks& hooks) {
    int number = -1;
    const auto [stop, failure] =
        std::from_chars(socket.data(), socket.data() + socket.size(), number);
    int type = 0;
    socklen_t size = sizeof(type);
    if (failure != std::errc{} || stop != socket.data() + socket.size() ||
        ::getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) {
        return Error{Errc::usage, std::string(program_socket_variable) + " is '" + socket +
                                      "', which is no socket that this process has inherited: does "
                                      "something between it and its starter close descriptors?"};
    }
    ::fcntl(number, F_SETFD, FD_CLOEXEC);
    RemoteNode node(Descriptor(number), log);
    return node.run(std::move(train), std::move(options), hooks);
}

}  // namespace starling
