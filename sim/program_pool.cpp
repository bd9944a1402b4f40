#include "sim/program_pool.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

#include "core/base/overloaded.hpp"
#include "core/base/size_text.hpp"
#include "core/node/node.hpp"
#include "transport/process/open_files.hpp"

namespace starling {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds poll_interval{100};
/// Of log lines and events between two requests, which are kept until the second.
constexpr std::size_t events_max = 100'000;
/// Of names of events and fields, which are kept for ever.
constexpr std::size_t names_max = 10'000;

/// A text that lives as long as this process, as the names of a TraceEvent do.
std::string_view lasting(const std::string& text) {
    static std::set<std::string, std::less<>> texts;
    if (const auto found = texts.find(text); found != texts.end()) {
        return *found;
    }
    if (texts.size() >= names_max) {
        throw ProgramError("programs have used more than " + std::to_string(names_max) +
                           " names of trace events, fields and log components");
    }
    return *texts.insert(text).first;
}

TraceEvent trace_event(const ReportedEvent& reported) {
    TraceEvent event(lasting(reported.name));
    for (const auto& [key, value] : reported.fields) {
        event.fields.push_back({lasting(key), value});
    }
    event.level = reported.level;
    event.component = lasting(reported.component);
    event.text = reported.text;
    return event;
}

std::uint64_t available_memory() {
    std::ifstream file("/proc/meminfo");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string name;
        std::uint64_t kib = 0;
        if (words >> name >> kib && name == "MemAvailable:") {
            return kib * 1024;
        }
    }
    return ~std::uint64_t{0};
}

}  // namespace

/// One program of the pool. It is idle, or waits for a core (in ready_), or computes (in
/// computing_) until it waits with a request.
class ProgramPool::Member final : public RunningProgram {
public:
    Member(ProgramPool& pool, ProgramStart start) : start_(std::move(start)), pool_(pool) {}
    ~Member() override { pool_.remove(*this); }

    void resume(TrainReply reply) override { pool_.resume(*this, std::move(reply)); }
    TrainingThread::Progress wait(std::uint64_t beyond_batches) override {
        pool_.wait([this, beyond_batches] { return waiting_ || batches_ > beyond_batches; });
        return {batches_, waiting_};
    }
    TrainRequest take_request() override {
        TrainRequest request = std::move(*request_);
        request_.reset();
        return request;
    }
    std::vector<TraceEvent> take_events() override { return std::exchange(events_, {}); }
    std::string workload() const override { return workload_; }

    // Called by the pool.

    void prepare(TrainReply reply) {
        reply_ = std::move(reply);
        batches_ = 0;
        waiting_ = false;
    }
    /// It has a core now.
    void go() {
        heard_at_ = Clock::now();
        if (!process_) {
            Result<std::unique_ptr<ProgramProcess>> started = ProgramProcess::start(start_);
            if (!started) {
                fail(started.error().message);
            }
            process_ = std::move(*started);
        }
        // One that has ended or does not listen is found by check().
        if (const Result<void> sent = process_->send(*std::exchange(reply_, {}));
            !sent && sent.error().code != Errc::unreachable) {
            fail(sent.error().message);
        }
    }
    /// Takes what it has sent and written. \return  there was something.
    bool read() {
        const Result<bool> any = process_->read();
        if (!any) {
            fail(any.error().message);
        }
        while (std::optional<ProgramMessage> message = process_->take_message()) {
            take(std::move(*message));
        }
        return *any;
    }
    void note_end() {
        const std::optional<ExitStatus> status = process_->ended();
        if (!status) {
            return;
        }
        while (read()) {
        }
        const auto* exit = request_ ? std::get_if<ExitRequest>(&*request_) : nullptr;
        if (exit == nullptr) {
            fail("it " + status->text() + " before it had left the swarm");
        }
        if (exit->code == Errc::ok && status->exit_code() != exit_code::ok) {
            fail("it " + status->text() + " after its training");
        }
        if (exit->code != Errc::ok) {  // the swarm hears of it, as on a host
            std::cerr << "swarm-sim: " << explained("it " + status->text()) << std::endl;
        }
        waiting_ = true;
    }
    [[noreturn]] void fail(const std::string& why) const { throw ProgramError(explained(why)); }

    const ProgramProcess& process() const { return *process_; }
    const std::string& name() const { return start_.name; }
    bool waiting() const { return waiting_; }

    Clock::time_point heard_at_{};    ///< of it, while it computes
    std::uint64_t memory_bytes_ = 0;  ///< when it was looked at last

private:
    std::string explained(const std::string& what) const {
        std::string text = "program " + start_.name + ": " + what;
        if (process_) {
            const std::string lines = process_->last_lines();
            text += ". Its log " + start_.log_file.string() +
                    (lines.empty() ? " is empty" : " ends with:" + lines);
        }
        return text;
    }

    void take(ProgramMessage message) {
        if (request_) {
            fail("it has sent something although it waits for a reply");
        }
        std::visit(Overloaded{[this](const BatchDone&) { ++batches_; },
                              [this](WorkloadNamed& named) { workload_ = std::move(named.name); },
                              [this](const ReportedEvent& event) {
                                  if (events_.size() >= events_max) {
                                      fail("it has written more than " +
                                           std::to_string(events_max) +
                                           " log lines since its last sync");
                                  }
                                  events_.push_back(trace_event(event));
                              },
                              [this](TrainRequest& request) {
                                  request_ = std::move(request);
                                  // The end is complete with that of its process.
                                  waiting_ = !std::holds_alternative<ExitRequest>(*request_);
                              }},
                   message);
    }

    ProgramStart start_;
    ProgramPool& pool_;
    std::unique_ptr<ProgramProcess> process_;
    std::optional<TrainReply> reply_;  ///< not sent yet
    std::optional<TrainRequest> request_;
    std::vector<TraceEvent> events_;
    std::uint64_t batches_ = 0;
    bool waiting_ = false;
    std::string workload_;
};

ProgramPool::ProgramPool(ProgramLimits limits) : limits_(limits) {
    if (limits_.at_once == 0) {
        limits_.at_once = std::max(1U, std::thread::hardware_concurrency());
    }
    if (limits_.memory_bytes == 0) {
        limits_.memory_bytes = available_memory() / 10 * 8;
    }
    allow_many_files();  // each program needs three descriptors
}

ProgramPool::~ProgramPool() = default;

std::unique_ptr<RunningProgram> ProgramPool::add(ProgramStart start) {
    auto member = std::make_unique<Member>(*this, std::move(start));
    members_.push_back(member.get());
    return member;
}

void ProgramPool::remove(Member& member) {
    std::erase(members_, &member);
    std::erase(ready_, &member);
    std::erase(computing_, &member);
}

void ProgramPool::resume(Member& member, TrainReply reply) {
    member.prepare(std::move(reply));
    ready_.push_back(&member);
    start_ready();
}

void ProgramPool::start_ready() {
    while (!ready_.empty() && computing_.size() < limits_.at_once) {
        Member& member = *ready_.front();
        ready_.pop_front();
        computing_.push_back(&member);
        member.go();
    }
}

void ProgramPool::wait(const std::function<bool()>& done) {
    while (!done()) {
        poll_computing();
        std::erase_if(computing_, [](const Member* member) { return member->waiting(); });
        start_ready();
    }
}

void ProgramPool::poll_computing() {
    std::vector<pollfd> ends;
    for (const Member* member : computing_) {
        const auto own = member->process().ends();
        ends.insert(ends.end(), own.begin(), own.end());
    }
    ::poll(ends.data(), ends.size(), static_cast<int>(poll_interval.count()));
    for (Member* member : computing_) {
        check(*member, member->read());
    }
    check_memory();
}

/// \param heard  it has sent or written something.
void ProgramPool::check(Member& member, bool heard) {
    if (heard) {
        member.heard_at_ = Clock::now();
    }
    if (member.process().output_bytes() > limits_.output_bytes) {
        member.fail("it has written more than " + size_text(limits_.output_bytes) +
                    " of output (--program-output)");
    }
    member.note_end();
    if (!member.waiting() && Clock::now() - member.heard_at_ > limits_.silence) {
        member.fail("it hangs: no batch, no sync, no output and no end for " +
                    std::to_string(limits_.silence.count()) + " s (--program-timeout)");
    }
}

/// Of those that compute; what the others use does not change.
void ProgramPool::check_memory() {
    if (Clock::now() - memory_checked_ < poll_interval) {
        return;
    }
    memory_checked_ = Clock::now();
    for (Member* member : computing_) {
        member->memory_bytes_ = member->process().memory_bytes();
    }
    std::uint64_t sum = 0;
    const Member* largest = nullptr;
    for (const Member* member : members_) {
        sum += member->memory_bytes_;
        if (largest == nullptr || member->memory_bytes_ > largest->memory_bytes_) {
            largest = member;
        }
    }
    if (sum > limits_.memory_bytes) {
        throw ProgramError("the programs use " + size_text(sum) + " of memory, more than " +
                           size_text(limits_.memory_bytes) + " (--programs-memory); most of it " +
                           largest->name() + ": " + size_text(largest->memory_bytes_) +
                           ". Simulate fewer hosts or a smaller model, or allow more");
    }
}

}  // namespace starling
