// cpu_speed: how fast the CPUs of this machine are from moment to moment, whatever runs on them.
//
// A virtual machine shares its cores with others, which no counter inside shows: the same program
// may take 1.4 times as long a second later. A thread on each CPU does the same computation 40
// times a second (1 % of the CPU). Its CPU time is printed, which excludes waiting for other
// processes of this machine.
#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sched.h>

namespace starling::bench {
namespace {

constexpr timespec pause{0, 25'000'000};
constexpr std::size_t values = 2048;   ///< 8 KiB, in the L1 cache: memory is not measured
constexpr int warm_up_passes = 200;    ///< until the core has its full clock
constexpr int measured_passes = 3000;  ///< about 0.2 ms

volatile std::sig_atomic_t stopped = 0;
std::atomic<bool> failed{false};

std::int64_t nanoseconds(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

class Computation {
public:
    void run(int passes) {
        for (int pass = 0; pass < passes; ++pass) {
            for (std::size_t i = 0; i < values; ++i) {
                sums_[i] = sums_[i] * 0.999F + 0.5F;
            }
            asm volatile("" : : "r"(sums_.data()) : "memory");  // each pass is really computed
        }
    }

private:
    std::array<float, values> sums_{};
};

void measure(int cpu) {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    if (const int error = pthread_setaffinity_np(pthread_self(), sizeof only, &only)) {
        std::fprintf(stderr, "cpu_speed: CPU %d can't be used: %s\n", cpu, std::strerror(error));
        failed = true;
        return;
    }
    Computation computation;
    while (stopped == 0) {
        nanosleep(&pause, nullptr);
        computation.run(warm_up_passes);
        const std::int64_t begin = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
        computation.run(measured_passes);
        const std::int64_t took = nanoseconds(CLOCK_THREAD_CPUTIME_ID) - begin;
        std::printf("%lld %d %lld\n", static_cast<long long>(nanoseconds(CLOCK_REALTIME)), cpu,
                    static_cast<long long>(took));
    }
}

int run(int arguments, char** words) {
    if (arguments != 1) {
        const bool asked = std::strcmp(words[1], "--help") == 0 || std::strcmp(words[1], "-h") == 0;
        std::fprintf(asked ? stdout : stderr,
                     "usage: cpu_speed\n"
                     "Prints lines of: nanoseconds since 1970, the CPU, and the nanoseconds of CPU "
                     "time that a fixed\ncomputation took there; 40 a second of each CPU that this "
                     "process may use, until SIGINT or SIGTERM.\n"
                     "Exit codes: 0; 1 a CPU can't be used; 2 usage.\n");
        return asked ? 0 : 2;
    }
    std::signal(SIGINT, [](int) { stopped = 1; });
    std::signal(SIGTERM, [](int) { stopped = 1; });
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        std::perror("cpu_speed: sched_getaffinity");
        return 1;
    }
    std::vector<std::jthread> threads;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &allowed)) {
            threads.emplace_back(measure, cpu);
        }
    }
    threads.clear();  // waits
    return failed ? 1 : 0;
}

}  // namespace
}  // namespace starling::bench

int main(int arguments, char** words) { return starling::bench::run(arguments, words); }
