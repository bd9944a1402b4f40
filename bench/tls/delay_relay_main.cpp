// delay_relay: a link between two network namespaces with a constant delay and a rate, both ways,
// for kernels without netem. Each namespace gets a TUN device `wan0`, whose address the caller
// sets. Segments travel in the kernel's large packets (TSO), so that a gigabit per second costs
// little CPU.

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace starling::bench {
namespace {

using Clock = std::chrono::steady_clock;

/// The kernel's largest packet with its offload header.
constexpr std::size_t packet_bytes_max = 65'536 + 64;
constexpr std::size_t packets_at_once = 64;

struct Options {
    std::string first;
    std::string second;
    double delay_ms = 50;
    double mbit_per_s = 1000;
    double buffer_mb = 32;
};

/// Opens a TUN device in a namespace; -1, with a message, if the system refuses.
int open_device(const std::string& network) {
    const int space = ::open(network.c_str(), O_RDONLY | O_CLOEXEC);
    // A device belongs to the namespace in which its file was opened.
    const bool inside = space >= 0 && ::setns(space, CLONE_NEWNET) == 0;
    const int device = inside ? ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
    ifreq request{};
    request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
    std::strncpy(request.ifr_name, "wan0", IFNAMSIZ - 1);
    constexpr unsigned offloads = TUN_F_CSUM | TUN_F_TSO4;
    const bool made = device >= 0 && ::ioctl(device, TUNSETIFF, &request) == 0 &&
                      ::ioctl(device, TUNSETOFFLOAD, offloads) == 0;
    if (!made) {
        std::fprintf(stderr, "delay_relay: no device in %s: %s\n", network.c_str(),
                     std::strerror(errno));
    }
    ::close(space);
    return made ? device : -1;
}

/// One direction of the link.
class Direction {
public:
    Direction(int from, int to, const Options& options)
        : from_(from),
          to_(to),
          delay_(std::chrono::duration_cast<Clock::duration>(
              std::chrono::duration<double, std::milli>(options.delay_ms))),
          seconds_per_byte_(8 / (options.mbit_per_s * 1e6)),
          buffer_seconds_(options.buffer_mb * 1e6 * seconds_per_byte_) {}

    /// Reads the packets that are ready at the sender.
    void take() {
        for (std::size_t i = 0; i < packets_at_once; ++i) {
            std::vector<std::byte> bytes = std::move(spare_);
            bytes.resize(packet_bytes_max);
            const ssize_t count = ::read(from_, bytes.data(), bytes.size());
            if (count <= 0) {
                spare_ = std::move(bytes);
                return;
            }
            const Clock::time_point now = Clock::now();
            link_free_ = std::max(link_free_, now);
            if (std::chrono::duration<double>(link_free_ - now).count() > buffer_seconds_) {
                ++dropped_;
                spare_ = std::move(bytes);
                continue;
            }
            link_free_ += std::chrono::duration_cast<Clock::duration>(
                std::chrono::duration<double>(static_cast<double>(count) * seconds_per_byte_));
            under_way_.push_back({link_free_ + delay_, {bytes.data(), bytes.data() + count}});
            spare_ = std::move(bytes);
        }
    }

    /// Writes packets that are due to the receiver.
    void deliver(Clock::time_point now) {
        while (!under_way_.empty() && under_way_.front().due <= now) {
            const std::vector<std::byte>& bytes = under_way_.front().bytes;
            if (::write(to_, bytes.data(), bytes.size()) < 0) {
                ++dropped_;
            }
            under_way_.pop_front();
        }
    }

    Clock::time_point due() const {
        return under_way_.empty() ? Clock::time_point::max() : under_way_.front().due;
    }
    int from() const { return from_; }
    std::size_t dropped() const { return dropped_; }

private:
    struct Packet {
        Clock::time_point due;
        std::vector<std::byte> bytes;
    };

    int from_;
    int to_;
    Clock::duration delay_;
    double seconds_per_byte_;
    double buffer_seconds_;  ///< bound on the wait for the link; beyond it packets are dropped
    Clock::time_point link_free_{};
    std::deque<Packet> under_way_;
    std::vector<std::byte> spare_;
    std::size_t dropped_ = 0;
};

/// Relays until standard input ends.
void relay(std::array<Direction, 2>& directions) {
    for (;;) {
        const Clock::time_point due = std::min(directions[0].due(), directions[1].due());
        const Clock::duration wait =
            due == Clock::time_point::max()
                ? Clock::duration(std::chrono::hours(1))
                : std::max<Clock::duration>(due - Clock::now(), Clock::duration::zero());
        const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(wait).count();
        const timespec limit{ns / 1'000'000'000, ns % 1'000'000'000};
        std::array<pollfd, 3> ready{
            {{directions[0].from(), POLLIN, 0}, {directions[1].from(), POLLIN, 0}, {0, 0, 0}}};
        ::ppoll(ready.data(), ready.size(), &limit, nullptr);
        for (Direction& direction : directions) {
            direction.take();
            direction.deliver(Clock::now());
        }
        if (ready[2].revents != 0) {
            std::printf("dropped %zu and %zu packets\n", directions[0].dropped(),
                        directions[1].dropped());
            return;
        }
    }
}

}  // namespace
}  // namespace starling::bench

int main(int argc, char** argv) {
    using namespace starling::bench;
    Options options;
    CLI::App app(
        "Emulates a link between two network namespaces with a constant delay and a limited rate, "
        "until standard input ends");
    app.add_option("--first-net", options.first, "One network namespace, as /proc/PID/ns/net")
        ->required();
    app.add_option("--second-net", options.second, "The other network namespace")->required();
    app.add_option("--delay-ms", options.delay_ms, "Delay in each direction, in ms")
        ->capture_default_str();
    app.add_option("--mbit", options.mbit_per_s, "Rate in each direction, in Mbit/s")
        ->capture_default_str();
    app.add_option(
           "--buffer-mb", options.buffer_mb,
           "Queue in front of the link in each direction, in MB; packets beyond it are dropped")
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    const int first = open_device(options.first);
    const int second = open_device(options.second);
    if (first < 0 || second < 0) {
        return 1;
    }
    std::printf("ready\n");
    std::fflush(stdout);
    std::array<Direction, 2> directions{Direction(first, second, options),
                                        Direction(second, first, options)};
    relay(directions);
    return 0;
}
