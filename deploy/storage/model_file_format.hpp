#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/hasher.hpp"
#include "core/node/work.hpp"
#include "deploy/storage/draft_file.hpp"
#include "deploy/storage/mapped_files.hpp"
#include "transport/descriptor.hpp"

namespace starling {

/// The head of a file that holds a model: "STRLKEP2", u32 length of what follows, u64 serial,
/// string contract, u32 run, u64 round, u32 attempt, digest, u64 bytes of the model; then zeros up
/// to model_start, and the parameter vector. In a file "STRLKEPT", of versions before 2026-11-28,
/// the vector follows the head at once.
struct ModelHead {
    std::uint64_t serial = 0;
    RoundKey key;
    Digest digest;
    std::uint64_t bytes = 0;  ///< of the model
    std::uint64_t start = 0;  ///< offset of its first segment, as read
};

/// Offset of the first segment in files that are written.
constexpr std::uint64_t model_start = DraftFile::direct_bytes;
/// A model of `bytes` may have zeros behind it, up to this length.
constexpr std::uint64_t whole_pages(std::uint64_t bytes) {
    return (bytes + DraftFile::direct_bytes - 1) / DraftFile::direct_bytes *
           DraftFile::direct_bytes;
}

/// model_start bytes.
Bytes encode(const ModelHead& head);

/// What is to be said of a model's file that can't be used.
Error unusable_model(const std::filesystem::path& path, const std::string& why);
/// Nothing: the file is not complete. Errc::malformed: it is damaged.
Result<std::optional<ModelHead>> read_model_head(const Descriptor& file,
                                                 const std::filesystem::path& path);
/// Errc::malformed: it has another size or digest than its head says.
Result<KeptModel> read_model(const Descriptor& file, const std::filesystem::path& path,
                             const ModelHead& head, const Hasher& hasher, MappedFiles& mapped);

/// Segments of a model that begins at `start` of a file's bytes.
Segments segments_in(const Blob& file, std::uint64_t start);

}  // namespace starling
