#include "sim/scale_summary.hpp"

#include <algorithm>

#include <sys/resource.h>

#include "core/base/size_text.hpp"

namespace starling {
namespace {

double to_seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

/// Segments: what members report themselves against what one copy of each would be.
std::string exchanged_text(const SimOutcome& outcome, std::uint64_t model_bytes) {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    std::uint64_t once = 0;
    for (const auto& [round, exchanged] : outcome.traffic.rounds()) {
        sent += exchanged.sent_bytes;
        received += exchanged.received_bytes;
        once += exchanged_once(exchanged.members, model_bytes);
    }
    std::string text = "segments      " + std::to_string(sent) + " bytes sent by members, " +
                       std::to_string(received) + " received, " + std::to_string(once) +
                       " if each is sent once: ";
    if (sent == once && received == once) {
        return text + "none sent twice\n";
    }
    if (sent < once) {
        return text + "later attempts used what earlier ones had sent\n";
    }
    return text + std::to_string(sent - once) + " sent twice or in vain\n";
}

}  // namespace

std::string scale_summary(const SimOutcome& outcome, const ScaleOptions& options) {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const double cpu = to_seconds_of(used.ru_utime) + to_seconds_of(used.ru_stime);
    const std::uint64_t rounds = std::max<std::uint64_t>(1, outcome.rounds.rounds().size());
    const double bytes = static_cast<double>(outcome.bytes.sent);
    return exchanged_text(outcome, options.parameters * 4) + "cost          " +
           decimal_text(cpu, 1) + " s CPU, " +
           decimal_text(static_cast<double>(used.ru_maxrss) * 1024 / 1e6, 1) + " MB at most, " +
           std::to_string(outcome.messages) + " messages, " +
           decimal_text(static_cast<double>(outcome.messages) / std::max(cpu, 1e-3), 0) +
           " a CPU second\n" + "per member    " +
           decimal_text(bytes / options.hosts / static_cast<double>(rounds), 0) +
           " bytes sent on links and within hosts a round, " +
           decimal_text(
               static_cast<double>(outcome.messages) / options.hosts / static_cast<double>(rounds),
               1) +
           " messages a round\n";
}

}  // namespace starling
