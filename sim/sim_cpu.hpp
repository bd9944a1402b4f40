#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "sim/sim_engine.hpp"

namespace starling {

class SimCpu;

/// A task under way; the destructor cancels it.
class CpuTask {
public:
    CpuTask() = default;
    CpuTask(std::weak_ptr<SimCpu> cpu, std::uint64_t number)
        : cpu_(std::move(cpu)), number_(number) {}
    CpuTask(CpuTask&& other) noexcept { swap(other); }
    CpuTask& operator=(CpuTask&& other) noexcept {
        CpuTask old(std::move(*this));
        swap(other);
        return *this;
    }
    CpuTask(const CpuTask&) = delete;
    CpuTask& operator=(const CpuTask&) = delete;
    ~CpuTask();

private:
    void swap(CpuTask& other) noexcept {
        std::swap(cpu_, other.cpu_);
        std::swap(number_, other.number_);
    }

    std::weak_ptr<SimCpu> cpu_;
    std::uint64_t number_ = 0;
};

/// Cores that tasks share evenly, as by a fair scheduler: with more tasks than cores each gets
/// cores / tasks of a core, and no task more than one. That is SimGrid's model of an Exec on a host
/// of several cores; here hosts may also share the cores of one machine. A disk is one "core".
class SimCpu {
public:
    SimCpu(SimEngine& engine, double cores) : engine_(engine), cores_(cores) {}
    SimCpu(const SimCpu&) = delete;
    SimCpu& operator=(const SimCpu&) = delete;

    /// \param work  time on a core of its own. \param done  called from SimEngine::run(), once.
    [[nodiscard]] CpuTask run(SwarmDuration work, std::function<void()> done);
    double cores() const { return cores_; }
    bool has_idle_core() const { return static_cast<double>(task_count()) < cores_; }
    /// Of all tasks, up to now.
    struct Use {
        double busy_seconds = 0.0;    ///< that they took of the cores, added up
        double active_seconds = 0.0;  ///< during which there was any
    };
    Use use() {
        advance();
        return use_;
    }

private:
    friend class CpuTask;
    struct Task {
        std::uint64_t number = 0;
        std::function<void()> done;
    };
    using Tasks = std::multimap<double, Task>;

    void cancel(std::uint64_t number);
    std::size_t task_count() const { return running_ ? running_->tasks.size() : 0; }
    /// Which task ends first. \pre  there is one; of erase() as well
    Tasks::iterator first() const { return running_->tasks.begin(); }
    void erase(Tasks::iterator task);
    /// Credits the tasks with the time since the last call.
    void advance();
    void arm();
    void fire();
    double rate() const;

    SimEngine& engine_;
    double cores_;
    double progress_ = 0.0;  ///< core seconds that each task present since 0 has got
    SwarmTime updated_{};
    Use use_;
    struct Running {
        Tasks tasks;  ///< by the value of progress_ at which each ends
        std::map<std::uint64_t, Tasks::iterator> by_number;
    };
    std::shared_ptr<Running> running_;  ///< with a task at least: an idle one takes no memory
    SwarmTime armed_at_ = SwarmTime::max();
    std::uint32_t last_number_ = 0;
    std::uint32_t generation_ = 0;  ///< of the newest timer; older ones are ignored
};

/// How long a thread that waits on an idle core takes to run again.
struct WakeUp {
    SwarmDuration time{};
    SimCpu* pauses = nullptr;  ///< unlimited cores; outlives the thread. nullptr: no time
};

/// Tasks of one thread: one after the other, on cores that it shares with other threads.
class SimThread {
public:
    explicit SimThread(SimCpu& cpu, WakeUp wake_up = {}) : cpu_(cpu), wake_up_(wake_up) {}
    SimThread(const SimThread&) = delete;
    SimThread& operator=(const SimThread&) = delete;

    /// The thread itself has something to do.
    void run(SwarmDuration work, std::function<void()> done);
    /// The same for what comes from outside: wakes the thread up if it waits.
    void wake(SwarmDuration work, std::function<void()> done);
    /// Drops all tasks; their `done` is not called.
    void cancel();

private:
    void next();

    SimCpu& cpu_;
    const WakeUp wake_up_;
    std::deque<std::pair<SwarmDuration, std::function<void()>>>
        queue_;  ///< the first runs, or wakes the thread up
    CpuTask running_;
};

}  // namespace starling
