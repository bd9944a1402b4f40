#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/hasher.hpp"
#include "transport/node_runner.hpp"

namespace starling {

/// Merged parameters in two files of a directory, one for each of the two newest rounds. A file is
/// "STRLKEPT", u32 length of the head, the head (u64 serial, string contract, u32 run, u64 round,
/// u32 attempt, digest, u64 bytes), and the parameter vector.
class ModelFiles final : public ModelStore {
public:
    struct Opened {
        std::unique_ptr<ModelFiles> files;
        std::vector<KeptModel> models;   ///< newest last; their digests are verified
        std::vector<std::string> notes;  ///< a file that can't be used, and why
    };
    /// `directory` must exist. Errc::io: it can't be read. `hasher` is used in this call only.
    static Result<Opened> open(std::filesystem::path directory, const Hasher& hasher);

    Result<void> keep(const KeptModel& model) override;

private:
    ModelFiles(std::filesystem::path directory, std::uint64_t serial)
        : directory_(std::move(directory)), serial_(serial) {}

    std::filesystem::path directory_;
    std::uint64_t serial_;  ///< of the newest file
    std::optional<RoundKey> newest_;
};

}  // namespace starling
