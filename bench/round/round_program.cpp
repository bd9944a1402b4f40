// A training program without training: it waits at a barrier, calls on_batch_end(), and records how
// long that blocked. The barrier is in memory that all programs share, so that all members start a
// round together, like the processes of the compared libraries. Before it the program asks the
// benchmark (bench/round/round): it sends one byte over its Unix socket and waits for one.
//
//   bench-round-ml --elements N --rounds N --times FILE [--barrier SOCKET --start FILE]
//                  [--ask-until ROUND] [--pause SECONDS] [--work PASSES] [--durable MEMBERS]
//                  [--sync-until WHEN] [--exchange PLAN] [--compress METHOD]
//
// --ask-until: in later rounds the benchmark is asked no more, up to the end: it would take the
// processor from members that have not ended the round. --pause: before each round.
// --work stands for training: before it waits, it multiplies each parameter PASSES times. Without
// --barrier it does not wait, like an ordinary training program.
// Each line of FILE: number of the call, start and end in seconds of CLOCK_MONOTONIC, and how many
// seconds the work before it took.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <limits>
#include <thread>

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/ml/swarm.hpp"

namespace starling {
namespace {

class VectorParameters final : public ModelParameters {
public:
    explicit VectorParameters(std::size_t elements)
        : layout_(
              *ParamLayout::make({{"weight", DType::f32, {static_cast<std::int64_t>(elements)}}})),
          values_(elements, 0.5F) {}
    const ParamLayout& layout() const override { return layout_; }
    /// Arithmetic in the first-level cache, as in the matrix products of training: what other
    /// programs do to the memory matters little.
    void train(int passes) {
        constexpr std::size_t block = 4096;
        for (std::size_t begin = 0; begin < values_.size(); begin += block) {
            const std::span<float> values =
                std::span(values_).subspan(begin, std::min(block, values_.size() - begin));
            for (int pass = 0; pass < passes; ++pass) {
                for (float& value : values) {
                    value = value * 0.999F + 0.0005F;
                }
            }
        }
    }
    void save(std::span<std::byte> out) const override {
        std::memcpy(out.data(), values_.data(), out.size());
    }
    Segments save_segments() const override {
        SegmentWriter out(layout_.size_bytes());
        out.put(0, std::as_bytes(std::span(values_)));
        return out.take();
    }
    void load(std::span<const Blob> segments) override {
        copy_bytes(segments, 0, std::as_writable_bytes(std::span(values_)));
    }

private:
    ParamLayout layout_;
    std::vector<float> values_;
};

struct Flags {
    std::size_t elements = 0;
    int rounds = 0;
    int work = 0;
    std::string barrier;
    std::string start;
    std::string times;
    int ask_until = std::numeric_limits<int>::max();
    double pause = 0.0;
    Durability durable = Durability::all;
    SyncUntil sync_until = SyncUntil::commit;
    ExchangePlan exchange = ExchangePlan::automatic;
    std::string compression = "none";
};

template <typename Value>
Value accepted(Result<Value> value) {
    if (!value) {
        throw SwarmError(value.error());
    }
    return *value;
}

Flags parse(const std::vector<std::string>& arguments) {
    Flags flags;
    for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
        const std::string& name = arguments[i];
        const std::string& value = arguments[i + 1];
        if (name == "--elements") {
            flags.elements = std::stoull(value);
        } else if (name == "--rounds") {
            flags.rounds = std::stoi(value);
        } else if (name == "--work") {
            flags.work = std::stoi(value);
        } else if (name == "--barrier") {
            flags.barrier = value;
        } else if (name == "--start") {
            flags.start = value;
        } else if (name == "--ask-until") {
            flags.ask_until = std::stoi(value);
        } else if (name == "--pause") {
            flags.pause = std::stod(value);
        } else if (name == "--durable") {
            flags.durable = accepted(parse_durability(value));
        } else if (name == "--sync-until") {
            flags.sync_until = accepted(parse_sync_until(value));
        } else if (name == "--exchange") {
            flags.exchange = accepted(parse_exchange_plan(value));
        } else if (name == "--compress") {
            flags.compression = value;
        } else if (name == "--times") {
            flags.times = value;
        } else {
            throw SwarmError(Error{Errc::usage, "bench-round-ml: unknown flag '" + name + "'"});
        }
    }
    if (flags.elements == 0 || flags.times.empty()) {
        throw SwarmError(Error{Errc::usage, "bench-round-ml: --elements and --times are needed"});
    }
    return flags;
}

class Barrier {
public:
    /// \param path   of the benchmark's socket; empty: nobody waits.
    /// \param start  file with a pthread_barrier_t of all programs
    Barrier(const std::string& path, const std::string& start)
        : socket_(path.empty() ? -1 : ::socket(AF_UNIX, SOCK_STREAM, 0)) {
        if (path.empty()) {
            return;
        }
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            throw SwarmError(
                Error{Errc::io, "no barrier at " + path + ": " + std::strerror(errno)});
        }
        const int file = ::open(start.c_str(), O_RDWR | O_CLOEXEC);
        void* const map =
            ::mmap(nullptr, sizeof(pthread_barrier_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        ::close(file);
        if (map == MAP_FAILED) {
            throw SwarmError(
                Error{Errc::io, "no barrier at " + start + ": " + std::strerror(errno)});
        }
        start_ = static_cast<pthread_barrier_t*>(map);
    }
    Barrier(const Barrier&) = delete;
    Barrier& operator=(const Barrier&) = delete;
    ~Barrier() {
        if (socket_ >= 0) {
            ::close(socket_);
        }
    }

    /// \param ask  the benchmark first
    void wait(bool ask) const {
        char byte = 0;
        if (socket_ < 0) {
            return;
        }
        if (ask && (::write(socket_, &byte, 1) != 1 || ::read(socket_, &byte, 1) != 1)) {
            throw SwarmError(Error{Errc::io, "the benchmark that holds the barrier is gone"});
        }
        ::pthread_barrier_wait(start_);
    }

private:
    int socket_;
    pthread_barrier_t* start_ = nullptr;  ///< mapped until the program ends
};

double seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

void train(SwarmSession& swarm) {
    const Flags flags = parse(swarm.arguments());
    VectorParameters parameters(flags.elements);
    SwarmCallbackOptions options;
    options.sync_frequency = 1;
    options.min_peers = swarm.min_peers();
    options.durable = flags.durable;
    options.sync_until = flags.sync_until;
    options.exchange = flags.exchange;
    options.compression = flags.compression;
    SwarmCallback callback(swarm, parameters, options);
    const Barrier barrier(flags.barrier, flags.start);
    std::ofstream times(flags.times);
    times.precision(9);
    times << std::fixed;
    callback.on_train_begin();
    for (int round = 1; round <= flags.rounds; ++round) {
        const double work_begin = seconds();
        parameters.train(flags.work);
        const double work = seconds() - work_begin;
        std::this_thread::sleep_for(std::chrono::duration<double>(flags.pause));
        barrier.wait(round <= flags.ask_until);
        const double begin = seconds();
        callback.on_batch_end(0.0);
        times << round << ' ' << begin << ' ' << seconds() << ' ' << work << '\n';
    }
    barrier.wait(true);
    callback.on_epoch_end();
    callback.on_train_end();
}

}  // namespace
}  // namespace starling

int main(int argc, char** argv) { return starling::ml_main(argc, argv, starling::train); }
