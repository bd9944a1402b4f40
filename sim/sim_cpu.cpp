// Processor sharing in virtual time: all tasks progress at the same rate, so each ends when the
// common progress has grown by its work, and an arrival or a departure changes the rate only.
#include "sim/sim_cpu.hpp"

#include <algorithm>

namespace starling {
namespace {

constexpr double rounding_seconds = 0.75e-9;  // the clock counts nanoseconds

}  // namespace

CpuTask::~CpuTask() {
    if (const std::shared_ptr<SimCpu> cpu = cpu_.lock()) {
        cpu->cancel(number_);
    }
}

double SimCpu::rate() const {
    return std::min(1.0, cores_ / static_cast<double>(std::max<std::size_t>(1, task_count())));
}

void SimCpu::advance() {
    const SwarmTime now = engine_.now();
    if (!running_) {
        progress_ = 0.0;
    } else {
        const double elapsed = to_seconds(now - updated_);
        const double each = elapsed * rate();
        progress_ += each;
        use_.busy_seconds += each * static_cast<double>(task_count());
        use_.active_seconds += elapsed;
    }
    updated_ = now;
}

CpuTask SimCpu::run(SwarmDuration work, std::function<void()> done) {
    advance();
    const std::uint64_t number = ++last_number_;
    if (!running_) {
        running_ = std::make_shared<Running>();
    }
    running_->by_number[number] =
        running_->tasks.emplace(progress_ + to_seconds(work), Task{number, std::move(done)});
    arm();
    // It is to be cancelled only as long as there are tasks.
    return {std::shared_ptr<SimCpu>(running_, this), number};
}

void SimCpu::cancel(std::uint64_t number) {
    if (!running_) {
        return;
    }
    const auto found = running_->by_number.find(number);
    if (found != running_->by_number.end()) {
        advance();
        erase(found->second);
        arm();
    }
}

void SimCpu::erase(Tasks::iterator task) {
    running_->by_number.erase(task->second.number);
    const auto erased = running_->tasks.extract(task);  // its destructor may cancel others
    if (running_->tasks.empty()) {
        running_.reset();
    }
}

void SimCpu::arm() {
    if (!running_) {
        return;
    }
    const double left = std::max(0.0, first()->first - progress_) / rate();
    const SwarmTime due = engine_.now() + from_seconds(left);
    if (armed_at_ <= due) {
        return;  // a timer that fires too early is set again
    }
    armed_at_ = due;
    engine_.at(due, [this, generation = ++generation_] {
        if (generation == generation_) {
            fire();
        }
    });
}

void SimCpu::fire() {
    armed_at_ = SwarmTime::max();
    advance();
    while (running_ && first()->first - progress_ <= rounding_seconds) {
        const std::function<void()> done = std::move(first()->second.done);
        erase(first());
        done();
    }
    arm();
}

void SimThread::run(SwarmDuration work, std::function<void()> done) {
    queue_.emplace_back(work, std::move(done));
    if (queue_.size() == 1) {
        next();
    }
}

void SimThread::wake(SwarmDuration work, std::function<void()> done) {
    if (!queue_.empty() || wake_up_.pauses == nullptr || !cpu_.has_idle_core()) {
        run(work, std::move(done));
        return;
    }
    queue_.emplace_back(work, std::move(done));
    running_ = wake_up_.pauses->run(wake_up_.time, [this] { next(); });
}

void SimThread::cancel() {
    queue_.clear();
    running_ = {};
}

void SimThread::next() {
    running_ = cpu_.run(queue_.front().first, [this] {
        const std::function<void()> done = std::move(queue_.front().second);
        queue_.pop_front();
        if (!queue_.empty()) {
            next();
        }
        done();
    });
}

}  // namespace starling
