#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/base/hasher.hpp"
#include "deploy/storage/draft_file.hpp"
#include "transport/node_runner.hpp"

namespace starling {

/// A program's state in two files of a directory, one per slot, readable by their owner only. A
/// file is "STRLSTAT", SHA-256 of all that follows, u32 length of the head, the head (string
/// contract, u32 run, u64 round, digest of the layout, u32 epochs, u64 batches, u64 bytes), and the
/// state. While it is written, it begins with "STRLDRFT".
class StateFiles final : public StateStore {
public:
    struct Opened {
        std::unique_ptr<StateFiles> files;
        KeptStates states;
        std::vector<std::string> notes;  ///< a file that can't be used, and why
    };
    /// `directory` must exist, and be used by this program only. Errc::io: it can't be read.
    /// `hasher` must outlive the files.
    static Result<Opened> open(std::filesystem::path directory, const Hasher& hasher);

    /// In place: what the slot held is gone, also if it fails. \return Errc::io names the file
    Result<void> keep_state(std::uint32_t slot, const KeptState& state) override;
    Result<void> remove_states() override;

private:
    StateFiles(std::filesystem::path directory, const Hasher& hasher)
        : directory_(std::move(directory)), hasher_(hasher), draft_(mapped_) {}

    std::filesystem::path directory_;
    const Hasher& hasher_;
    MappedFiles mapped_;  ///< none: states are read into memory
    DraftFile draft_;
};

}  // namespace starling
