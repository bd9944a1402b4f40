#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "core/runs/run_record.hpp"

namespace starling {

/// CRC-32C (Castagnoli; RFC 3720, B.4).
std::uint32_t crc32c(std::string_view bytes);

/// One record of a TFRecord file: u64 length, u32 masked CRC-32C of it, the data, u32 masked
/// CRC-32C of the data; little-endian. Masked: rotated right by 15 bits, plus 0xa282ead8
/// (tensorflow/core/lib/io/record_writer.h).
std::string tf_record(std::string_view data);

/// The first event of a file, `file_version: "brain.Event:2"`, and one that holds a scalar, as
/// protocol buffers (tensorflow/core/util/event.proto, core/framework/summary.proto).
/// \param wall_time_s  seconds since 1970
std::string tf_version_event(double wall_time_s);
std::string tf_scalar_event(double wall_time_s, std::int64_t step, std::string_view tag,
                            float value);

/// Writes the series of each member as a run of TensorBoard, `folder`/ID/MEMBER; the step is the
/// round. Files of an earlier export of the same run are replaced. Errc::io names the file.
Result<void> write_tensorboard(std::span<const RunRecord> runs,
                               const std::filesystem::path& folder);

}  // namespace starling
