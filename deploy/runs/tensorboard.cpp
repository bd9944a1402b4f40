// Event files as TensorBoard reads them: few fields of two messages, so they are encoded here.
#include "deploy/runs/tensorboard.hpp"

#include <array>
#include <bit>
#include <map>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/files/replace_file.hpp"

namespace starling {
namespace {

constexpr std::uint32_t castagnoli = 0x82F63B78;  // reversed

constexpr std::array<std::uint32_t, 256> crc_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? castagnoli : 0U);
        }
        table[byte] = crc;
    }
    return table;
}

template <typename Whole>
std::string little_endian(Whole value) {
    std::string bytes;
    for (std::size_t i = 0; i < sizeof(Whole); ++i) {
        bytes.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i)));
    }
    return bytes;
}

std::uint32_t masked(std::uint32_t crc) { return std::rotr(crc, 15) + 0xA282EAD8U; }

// The encoding of protocol buffers: each field is a key, number * 8 + kind, and its value.
constexpr unsigned varint_kind = 0;
constexpr unsigned fixed64_kind = 1;
constexpr unsigned bytes_kind = 2;
constexpr unsigned fixed32_kind = 5;

std::string varint(std::uint64_t value) {
    std::string bytes;
    for (; value >= 0x80; value >>= 7U) {
        bytes.push_back(static_cast<char>((value & 0x7FU) | 0x80U));
    }
    bytes.push_back(static_cast<char>(value));
    return bytes;
}

std::string key(unsigned number, unsigned kind) { return varint(number * 8 + kind); }

std::string bytes_field(unsigned number, std::string_view bytes) {
    return key(number, bytes_kind) + varint(bytes.size()) + std::string(bytes);
}

std::string wall_time_field(double wall_time_s) {
    return key(1, fixed64_kind) + little_endian(std::bit_cast<std::uint64_t>(wall_time_s));
}

/// All series of one member as an event file.
std::string event_file(const RunRecord& run, const std::vector<const RunSeries*>& all) {
    const auto wall_time = [&](std::int64_t us) {
        return static_cast<double>(run.started_us) / 1e6 + static_cast<double>(us) / 1e6;
    };
    std::string file = tf_record(tf_version_event(wall_time(0)));
    for (const RunSeries* series : all) {
        for (const RunPoint& point : series->points) {
            file += tf_record(tf_scalar_event(wall_time(point.us),
                                              static_cast<std::int64_t>(point.round), series->name,
                                              static_cast<float>(point.value)));
        }
    }
    return file;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
    static constexpr std::array<std::uint32_t, 256> table = crc_table();
    std::uint32_t crc = ~0U;
    for (const char c : bytes) {
        crc = (crc >> 8U) ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xFFU];
    }
    return ~crc;
}

std::string tf_record(std::string_view data) {
    const std::string length = little_endian(std::uint64_t{data.size()});
    return length + little_endian(masked(crc32c(length))) + std::string(data) +
           little_endian(masked(crc32c(data)));
}

std::string tf_version_event(double wall_time_s) {
    return wall_time_field(wall_time_s) + bytes_field(3, "brain.Event:2");
}

std::string tf_scalar_event(double wall_time_s, std::int64_t step, std::string_view tag,
                            float value) {
    const std::string scalar = bytes_field(1, tag) + key(2, fixed32_kind) +
                               little_endian(std::bit_cast<std::uint32_t>(value));
    return wall_time_field(wall_time_s) + key(2, varint_kind) +
           varint(static_cast<std::uint64_t>(step)) + bytes_field(5, bytes_field(1, scalar));
}

Result<void> write_tensorboard(std::span<const RunRecord> runs,
                               const std::filesystem::path& folder) {
    for (const RunRecord& run : runs) {
        std::map<std::string, std::vector<const RunSeries*>> members;
        for (const RunSeries& series : run.series) {
            members[series.member].push_back(&series);
        }
        for (const auto& [member, all] : members) {
            const std::string file = event_file(run, all);
            const ByteView bytes = std::as_bytes(std::span(file));
            // TensorBoard looks for "tfevents" in the name.
            const auto path =
                folder / run.id / member /
                ("events.out.tfevents." + std::to_string(run.recorded_s) + ".starling");
            if (const auto written = replace_file(path, std::span(&bytes, 1)); !written) {
                return written;
            }
        }
    }
    return {};
}

}  // namespace starling
