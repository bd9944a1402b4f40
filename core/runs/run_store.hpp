#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/runs/run_record.hpp"

namespace starling {

/// A folder of recorded runs: one file ID.json a run, which is written whole or not at all. Several
/// programs may write into one at the same time.
class RunStore {
public:
    explicit RunStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

    /// Makes the folder where it is missing. Errc::io names the file.
    Result<void> write(const RunRecord& record) const;

    struct Listed {
        std::vector<RunRecord> runs;      ///< by time, the newest last
        std::vector<std::string> errors;  ///< "FILE: why it is no record", for people
    };
    /// What is there; a file that is damaged, or no record, is an error beside the others.
    /// Errc::io: there is no such folder, or it can't be read.
    Result<Listed> list() const;

    /// The run whose id is `text`, or begins with it if only one does; "latest": the one that was
    /// recorded last. Errc::not_found or Errc::usage (it is ambiguous) says which there are.
    Result<RunRecord> find(const std::string& text) const;

private:
    std::filesystem::path file_of(const std::string& id) const { return folder_ / (id + ".json"); }

    std::filesystem::path folder_;
};

}  // namespace starling
