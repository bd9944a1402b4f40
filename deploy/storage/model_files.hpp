#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/hasher.hpp"
#include "deploy/storage/draft_file.hpp"
#include "transport/node_runner.hpp"

namespace starling {

/// Merged parameters in two files of a directory, one for each of the two newest rounds. A file is
/// "STRLKEPT", u32 length of the head, the head (u64 serial, string contract, u32 run, u64 round,
/// u32 attempt, digest, u64 bytes), and the parameter vector. A third file, the draft, holds what
/// has come of the next model, or blocks for it; it is never read.
///
/// The segments that it returns are read from the files when they are used (see MappedFiles), and
/// take no memory until then.
class ModelFiles final : public ModelStore {
public:
    struct Opened {
        std::unique_ptr<ModelFiles> files;
        std::vector<KeptModel> models;   ///< newest last; their digests are verified
        std::vector<std::string> notes;  ///< a file that can't be used, and why
    };
    /// `directory` must exist. Errc::io: it can't be read. `hasher` is used in this call only.
    static Result<Opened> open(std::filesystem::path directory, const Hasher& hasher);

    Result<void> write(const WriteWork& work) override;
    Result<Segments> keep(const KeepWork& work) override;

private:
    /// What the draft holds.
    struct Drafted {
        DraftNumber number = 0;
        RoundKey key;
        std::uint64_t bytes = 0;    ///< of the model
        std::uint64_t start = 0;    ///< offset of its first segment
        std::vector<bool> written;  ///< for each segment
    };

    explicit ModelFiles(std::filesystem::path directory);

    Result<void> read_all(Opened& opened, const Hasher& hasher);
    Result<void> begin(DraftNumber number, const RoundKey& key, std::uint64_t bytes);
    Result<void> write_segments(const std::vector<PlacedSegment>& segments);
    Error failed(int number);
    std::uint64_t place_of(std::uint32_t segment) const;
    std::uint64_t serial_for(const RoundKey& key) const;
    std::filesystem::path target_for(const RoundKey& key) const;

    std::filesystem::path directory_;
    std::uint64_t serial_ = 0;  ///< of the newest file
    std::optional<RoundKey> newest_;
    MappedFiles mapped_;
    DraftFile draft_;
    std::optional<Drafted> drafted_;
};

}  // namespace starling
