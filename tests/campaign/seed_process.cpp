#include "tests/campaign/seed_process.hpp"

#include <array>
#include <cstdio>
#include <cstring>
#include <sstream>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/invariant.hpp"
#include "tests/campaign/other_memory.hpp"

namespace starling::test {
namespace {

/// The pipe must hold the whole output.
constexpr std::size_t lines_max = 8;
constexpr std::size_t line_bytes_max = 600;

std::string text_of(const SeedResult& result) {
    std::ostringstream text;
    text << result.faults << ' ' << result.rounds << ' ' << result.crashes << ' ' << result.copies
         << ' ' << result.removals << ' ' << result.full_disks << ' ' << result.operations << ' '
         << result.violations << ' ' << result.hash << '\n';
    for (std::size_t i = 0; i < std::min(lines_max, result.first.size()); ++i) {
        text << result.first[i].substr(0, line_bytes_max) << '\n';
    }
    return text.str();
}

SeedResult result_of(const std::string& output) {
    SeedResult result;
    std::istringstream text(output);
    text >> result.faults >> result.rounds >> result.crashes >> result.copies >> result.removals >>
        result.full_disks >> result.operations >> result.violations >> result.hash;
    text.ignore();
    for (std::string line; std::getline(text, line);) {
        result.first.push_back(line);
    }
    return result;
}

}  // namespace

void SeedProcesses::start(std::uint64_t seed, const std::string& trace_file, bool other_memory) {
    std::array<int, 2> ends{};
    STARLING_INVARIANT(::pipe(ends.data()) == 0, "a few descriptors are to be had");
    std::fflush(nullptr);
    const pid_t pid = ::fork();
    STARLING_INVARIANT(pid >= 0, "a few processes are to be had");
    if (pid == 0) {
        ::close(ends[0]);
        const auto limit = static_cast<rlim_t>(cpu_limit_s_);
        const rlimit cpu{limit, limit};
        ::setrlimit(RLIMIT_CPU, &cpu);
        if (other_memory) {
            use_other_memory();
        }
        options_.trace_file = trace_file;
        const std::string text = text_of(run_seed(seed, options_));
        const bool told =
            ::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
        _exit(told ? 0 : 1);
    }
    ::close(ends[1]);
    running_[pid] = {seed, trace_file, ends[0]};
}

void SeedProcesses::run(std::uint64_t count, std::size_t jobs,
                        const std::function<void(std::uint64_t)>& start_one,
                        const std::function<void(Finished)>& take) {
    std::uint64_t started = 0;
    while (started < count || !running_.empty()) {
        while (started < count && running_.size() < jobs) {
            start_one(started++);
        }
        take(wait());
    }
}

SeedProcesses::Finished SeedProcesses::wait() {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, 0);
    const auto found = running_.find(pid);
    STARLING_INVARIANT(found != running_.end(), "only seeds are children");
    const Running ended = found->second;
    running_.erase(found);
    std::string output;
    std::array<char, 4096> buffer{};
    for (ssize_t n = 0; (n = ::read(ended.output, buffer.data(), buffer.size())) > 0;) {
        output.append(buffer.data(), static_cast<std::size_t>(n));
    }
    ::close(ended.output);
    Finished finished{ended.seed, ended.trace_file, result_of(output)};
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        ++finished.result.violations;
        finished.result.first.push_back(
            WIFSIGNALED(status)
                ? std::string("the process was ended by signal ") +
                      std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")"
                : "the process ended with code " + std::to_string(WEXITSTATUS(status)));
    }
    return finished;
}

}  // namespace starling::test
