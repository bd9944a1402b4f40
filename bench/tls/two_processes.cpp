#include "bench/tls/two_processes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <new>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace starling::bench {
namespace {

constexpr std::size_t runs_max = 1000;
constexpr std::size_t sides = 2;

/// In memory shared by both processes.
struct Shared {
    pthread_barrier_t barrier;
    std::array<double, sides> began{};
    std::array<double, sides> ended{};
    std::array<double, sides> cpu_seconds{};
    std::array<double, sides> peak_mib{};
    std::array<double, runs_max> seconds{};
};

double monotonic_seconds() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

rusage usage() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return used;
}

double cpu_seconds() {
    const rusage used = usage();
    return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           1e-6 * static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

Result<void> enter(const std::string& network) {
    if (network.empty()) {
        return {};
    }
    const int descriptor = ::open(network.c_str(), O_RDONLY | O_CLOEXEC);
    const bool entered = descriptor >= 0 && ::setns(descriptor, CLONE_NEWNET) == 0;
    const int why = errno;
    ::close(descriptor);
    return entered ? Result<void>{}
                   : Error{Errc::io, "can't enter " + network + ": " + std::strerror(why)};
}

Result<void> run_side(Shared& shared, std::size_t index, const TwoProcesses::Plan& plan,
                      const TwoProcesses::MakeSide& make) {
    if (Result<void> entered = enter(index == 0 ? plan.first_network : plan.second_network);
        !entered) {
        return entered;
    }
    const std::unique_ptr<TwoProcesses::Side> side = make();
    ::pthread_barrier_wait(&shared.barrier);  // the accepting side listens now
    if (Result<void> connected = side->connect(); !connected) {
        return connected;
    }
    double cpu_before = 0;
    for (std::size_t run = 0; run < plan.warm_up + plan.runs; ++run) {
        side->prepare();
        if (run == plan.warm_up) {
            cpu_before = cpu_seconds();
        }
        ::pthread_barrier_wait(&shared.barrier);
        shared.began[index] = monotonic_seconds();
        if (Result<void> done = side->run(); !done) {
            return done;
        }
        shared.ended[index] = monotonic_seconds();
        ::pthread_barrier_wait(&shared.barrier);
        if (index == 0 && run >= plan.warm_up) {
            shared.seconds[run - plan.warm_up] = std::max(shared.ended[0], shared.ended[1]) -
                                                 std::min(shared.began[0], shared.began[1]);
        }
    }
    shared.cpu_seconds[index] = cpu_seconds() - cpu_before;
    shared.peak_mib[index] = static_cast<double>(usage().ru_maxrss) / 1024;
    return {};
}

}  // namespace

Result<TwoProcesses::Figures> TwoProcesses::measure(const Plan& plan, const MakeSide& first,
                                                    const MakeSide& second) {
    if (plan.runs == 0 || plan.runs > runs_max) {
        return Error{Errc::usage, "1 to " + std::to_string(runs_max) + " runs"};
    }
    void* memory =
        ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return Error{Errc::io, "no shared memory"};
    }
    auto& shared = *new (memory) Shared;
    pthread_barrierattr_t attributes;
    ::pthread_barrierattr_init(&attributes);
    ::pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_barrier_init(&shared.barrier, &attributes, sides);

    std::array<pid_t, sides> children{};
    for (std::size_t index = 0; index < sides; ++index) {
        children[index] = ::fork();
        if (children[index] == 0) {
            const Result<void> done = run_side(shared, index, plan, index == 0 ? first : second);
            if (!done) {
                std::fprintf(stderr, "bench_tls: %s\n", done.error().message.c_str());
            }
            ::_exit(done ? 0 : 1);
        }
    }
    bool good = true;
    for (std::size_t left = sides; left > 0; --left) {
        int status = 0;
        const pid_t ended = ::wait(&status);
        if (status != 0) {
            good = false;  // the other one would wait at the barrier forever
            ::kill(ended == children[0] ? children[1] : children[0], SIGKILL);
        }
    }
    Figures figures;
    figures.seconds.assign(shared.seconds.begin(),
                           shared.seconds.begin() + static_cast<std::ptrdiff_t>(plan.runs));
    const auto count = static_cast<double>(plan.runs);
    figures.cpu_seconds = (shared.cpu_seconds[0] + shared.cpu_seconds[1]) / count;
    figures.first_cpu_seconds = shared.cpu_seconds[0] / count;
    figures.peak_mib = std::max(shared.peak_mib[0], shared.peak_mib[1]);
    ::munmap(memory, sizeof(Shared));
    if (!good) {
        return Error{Errc::io, "a process failed"};
    }
    return figures;
}

}  // namespace starling::bench
