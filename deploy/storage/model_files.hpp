#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/hasher.hpp"
#include "deploy/storage/draft_file.hpp"
#include "transport/node_runner.hpp"

namespace starling {

/// Merged parameters in three files of a directory: two have those of the two newest rounds, and
/// the third one has what has come of the next model, or blocks for it. Their format:
/// model_file_format.hpp. A file that is not complete has a mark in place of its head.
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
    /// A complete one, which may be read; without a serial there is none.
    struct File {
        std::uint64_t serial = 0;
        RoundKey key;
    };
    /// What the draft holds.
    struct Drafted {
        DraftNumber number = 0;
        std::size_t file = 0;
        std::uint64_t bytes = 0;    ///< of the model
        std::vector<bool> written;  ///< for each segment
    };

    explicit ModelFiles(std::filesystem::path directory);

    Result<void> read_all(Opened& opened, const Hasher& hasher);
    Result<void> begin(DraftNumber number, std::uint64_t bytes, bool at_once = false);
    bool write_at_once(const Segments& segments, ByteView head);
    Result<void> write_cached(const std::vector<PlacedSegment>& segments);
    Result<void> write_direct(std::vector<PlacedSegment> segments);
    Error failed(int number);
    std::uint64_t place_of(std::uint32_t segment) const;
    std::size_t file_to_replace() const;
    std::filesystem::path path_of(std::size_t file) const;

    std::filesystem::path directory_;
    std::array<File, 3> files_;
    std::uint64_t serial_ = 0;  ///< of the newest
    MappedFiles mapped_;
    DraftFile draft_;
    std::optional<Drafted> drafted_;
};

}  // namespace starling
