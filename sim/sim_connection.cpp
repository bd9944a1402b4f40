// Bytes and processor time of frames.
#include "sim/sim_connection.hpp"

#include <algorithm>
#include <numeric>

#include "core/wire/codec.hpp"

namespace starling {
namespace {

constexpr std::uint64_t tls_record_bytes = 16'384;
constexpr std::uint64_t tls_overhead_bytes = 22;  // header 5, content type 1, tag 16

}  // namespace

std::uint64_t wire_size(const Frame& frame, bool local_socket) {
    const std::uint64_t bytes = encoded_size(frame);
    const std::uint64_t records = (bytes + tls_record_bytes - 1) / tls_record_bytes;
    return bytes + (local_socket ? 0 : records * tls_overhead_bytes);
}

namespace sim_connection {

std::uint64_t bytes_of(const std::vector<Item>& burst) {
    return std::accumulate(burst.begin(), burst.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const Item& item) { return sum + item.bytes; });
}

SwarmDuration thread_time(const Calibration& table, const Connection& connection, const Slot& slot,
                          const std::vector<Item>& burst, bool sends) {
    const double rate = connection.local ? table.local_bytes_per_second
                        : sends          ? table.tls_send_bytes_per_second
                                         : table.tls_receive_bytes_per_second;
    // What a segment costs beside its bytes is part of the rates, which are measured with segments.
    const auto messages = std::count_if(
        burst.begin(), burst.end(), [](const Item& item) { return item.frame.body.size() == 0; });
    return from_seconds((static_cast<double>(messages) * table.message_seconds +
                         static_cast<double>(bytes_of(burst)) / rate) /
                        slot.speed);
}

}  // namespace sim_connection
}  // namespace starling
