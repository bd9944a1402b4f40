#include "core/ml/training_thread.hpp"

namespace starling {
namespace {

/// Thrown into the program when its node is destroyed; not a std::exception, so that the program's
/// own handlers do not catch it.
struct ProgramEnds {};

}  // namespace

TrainingThread::TrainingThread(TrainFunction train, ProgramOptions options, Hooks hooks)
    : session_(std::move(options), *this), hooks_(std::move(hooks)) {
    thread_ = std::thread([this, run_train = std::move(train)]() mutable { run(run_train); });
}

TrainingThread::~TrainingThread() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void TrainingThread::resume(TrainReply reply) {
    {
        const std::lock_guard lock(mutex_);
        STARLING_INVARIANT(!reply_ && !request_, "node and program take turns");
        reply_ = std::move(reply);
        batches_ = 0;
        waiting_ = false;
    }
    changed_.notify_all();
}

TrainingThread::Progress TrainingThread::wait(std::uint64_t beyond_batches) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ || batches_ > beyond_batches; });
    return {batches_, waiting_};
}

TrainRequest TrainingThread::take_request() {
    const std::lock_guard lock(mutex_);
    STARLING_INVARIANT(request_.has_value(), "a request is taken once, after it was announced");
    TrainRequest request = std::move(*request_);
    request_.reset();
    return request;
}

std::string TrainingThread::workload() const {
    const std::lock_guard lock(mutex_);
    return workload_;
}

TrainReply TrainingThread::ask(TrainRequest request) {
    {
        const std::lock_guard lock(mutex_);
        request_ = std::move(request);
        waiting_ = true;
    }
    changed_.notify_all();
    if (hooks_.on_request) {
        hooks_.on_request();
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ending_ || reply_.has_value(); });
    if (ending_) {
        throw ProgramEnds{};
    }
    TrainReply reply = std::move(*reply_);
    reply_.reset();
    return reply;
}

void TrainingThread::count_batch() {
    {
        const std::lock_guard lock(mutex_);
        if (ending_) {
            throw ProgramEnds{};
        }
        ++batches_;
    }
    changed_.notify_all();
    if (hooks_.on_batch) {
        hooks_.on_batch();
    }
}

void TrainingThread::trace(const TraceEvent& event) {
    if (hooks_.on_trace) {
        hooks_.on_trace(event);
    }
}

void TrainingThread::set_workload(std::string workload) {
    const std::lock_guard lock(mutex_);
    workload_ = std::move(workload);
}

void TrainingThread::run(const TrainFunction& train) {
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ending_ || reply_.has_value(); });
        if (ending_) {
            return;
        }
        reply_.reset();
    }
    ExitRequest end;
    try {
        train(session_);
    } catch (const ProgramEnds&) {
        return;
    } catch (const SwarmError& error) {
        end = {error.error().code, error.error().message};
    } catch (const std::exception& error) {
        end = {Errc::program, std::string("the training program failed: ") + error.what()};
    }
    try {
        ask(std::move(end));
    } catch (const ProgramEnds&) {
        return;
    }
}

}  // namespace starling
