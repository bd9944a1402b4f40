// The threads take turns: Python's thread hands over a step and waits, the program's thread does it
// and may ask something meanwhile. Every wait also ends when the node does.
#include "deploy/python/node_thread.hpp"

namespace starling {

NodeThread::NodeThread(std::vector<std::string> arguments) {
    driver_ =
        std::thread([this, words = std::move(arguments)]() mutable { drive(std::move(words)); });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return begun_ || ended_; });
    if (refused_) {
        const Error refused = *refused_;
        lock.unlock();
        driver_.join();
        throw SwarmError(refused);
    }
}

NodeThread::~NodeThread() {
    if (driver_.joinable()) {
        abandon("the training program has ended");
        driver_.join();
    }
}

void NodeThread::drive(std::vector<std::string> arguments) {
    MlProgramHooks hooks;
    hooks.on_begin = [this](MlProgramHooks::Node node) {
        const std::lock_guard lock(mutex_);
        control_ = std::move(node);
    };
    hooks.on_end = [this](int code) {
        const std::lock_guard lock(mutex_);
        control_ = {};
        ended_ = code;
        changed_.notify_all();
    };
    Result<int> code = Error{Errc::io, "the ML node has not started"};
    try {
        code = run_ml_program(
            std::move(arguments), [this](SwarmSession& session) { run_program(session); }, hooks);
    } catch (const std::exception& error) {
        code = Error{Errc::io, error.what()};
    }
    const std::lock_guard lock(mutex_);
    control_ = {};
    if (!code) {
        refused_ = code.error();
    }
    ended_ = code ? *code : exit_code_of(code.error().code);
    busy_ = false;
    changed_.notify_all();
}

void NodeThread::run_program(SwarmSession& session) {
    std::unique_lock lock(mutex_);
    begun_ = true;
    changed_.notify_all();
    for (;;) {
        changed_.wait(lock, [this] { return step_ || leaving_ || ended_; });
        if (ended_) {
            return;
        }
        if (leaving_) {
            if (leaving_->code != Errc::ok) {
                throw SwarmError(Error{leaving_->code, leaving_->reason});
            }
            return;
        }
        const Step step = std::move(*step_);
        step_.reset();
        lock.unlock();
        try {
            step(session);
            end_step(nullptr);
        } catch (const std::exception&) {
            end_step(std::current_exception());
        } catch (...) {  // the node has ended, and ends this thread
            end_step(nullptr);
            throw;
        }
        lock.lock();
    }
}

void NodeThread::end_step(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    busy_ = false;
    error_ = std::move(error);
    changed_.notify_all();
}

void NodeThread::start(Step step) {
    const std::lock_guard lock(mutex_);
    if (ended_ || abandoned_) {
        return;  // wait() says so
    }
    STARLING_INVARIANT(!busy_, "one thread of Python calls, and waits for each step");
    step_ = std::move(step);
    busy_ = true;
    changed_.notify_all();
}

void NodeThread::note_batch() {
    const std::lock_guard lock(mutex_);
    if (control_.note_batch) {
        control_.note_batch();
    }
}

NodeThread::Progress NodeThread::wait(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit, [this] { return !busy_ || (question_ && !answer_); });
    if (question_ && !answer_) {
        return {false, question_};
    }
    return {!busy_, {}};
}

void NodeThread::answer(std::optional<std::string> failed) {
    const std::lock_guard lock(mutex_);
    answer_ = failed ? std::move(*failed) : "";
    question_ = nullptr;
    changed_.notify_all();
}

void NodeThread::rethrow() {
    std::unique_lock lock(mutex_);
    if (const std::exception_ptr error = std::exchange(error_, nullptr)) {
        lock.unlock();
        std::rethrow_exception(error);
    }
    if (ended_ || abandoned_) {
        const Errc code = ended_ == exit_code::peer_lost ? Errc::unreachable
                          : ended_ == exit_code::refused ? Errc::refused
                                                         : Errc::aborted;
        lock.unlock();
        throw SwarmError(Error{code, end_text()});
    }
}

void NodeThread::abandon(const std::string& reason) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !in_buffers_; });
    abandoned_ = true;
    if (control_.stop) {
        control_.stop(StopRequested{reason});
    }
    changed_.notify_all();
}

int NodeThread::leave(std::optional<Error> failure) {
    {
        const std::lock_guard lock(mutex_);
        if (!leaving_ && !busy_) {
            leaving_ = failure ? ExitRequest{failure->code, failure->message} : ExitRequest{};
        } else if (busy_ && control_.stop) {
            control_.stop(
                StopRequested{failure ? failure->message : "the training program has ended"});
        }
        changed_.notify_all();
    }
    if (driver_.joinable()) {
        driver_.join();
    }
    return exit_code();
}

bool NodeThread::has_ended() const {
    const std::lock_guard lock(mutex_);
    return ended_ || abandoned_;
}

std::string NodeThread::end_text() const {
    const std::lock_guard lock(mutex_);
    if (abandoned_) {
        return "SwarmCallback: an earlier call was interrupted, so this program has left the swarm";
    }
    return "SwarmCallback: the ML node has ended (exit code " + std::to_string(ended_.value_or(0)) +
           "); its last lines in this log say why";
}

int NodeThread::exit_code() const {
    const std::lock_guard lock(mutex_);
    return ended_.value_or(exit_code::ok);
}

void NodeThread::ask(Question question) {
    std::unique_lock lock(mutex_);
    answer_.reset();
    question_ = std::move(question);
    changed_.notify_all();
    changed_.wait(lock, [this] { return answer_ || abandoned_ || ended_; });
    question_ = nullptr;
    if (!answer_) {
        throw std::runtime_error("interrupted");
    }
    const std::string failed = *answer_;
    answer_.reset();
    if (!failed.empty()) {
        throw std::runtime_error(failed);
    }
}

void NodeThread::with_buffers(const std::function<void()>& use) {
    {
        const std::lock_guard lock(mutex_);
        if (abandoned_) {
            throw std::runtime_error("interrupted");
        }
        in_buffers_ = true;
    }
    use();
    const std::lock_guard lock(mutex_);
    in_buffers_ = false;
    changed_.notify_all();
}

}  // namespace starling
