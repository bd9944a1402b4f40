#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "core/ledger/snapshot.hpp"

namespace starling {

/// The two newest snapshots of a ledger, in two files beside it that are written in turn (mode
/// 0600). Each is replaced atomically: a crash leaves the old or the new one, and in any case the
/// other.
class SnapshotFiles {
public:
    struct Snapshot {
        std::filesystem::path file;
        Bytes bytes;
        SnapshotHead head;
    };
    struct Found {
        std::vector<Snapshot> snapshots;   ///< the newest first
        std::vector<std::string> damaged;  ///< files that can't be used, and why
        std::vector<std::string> foreign;  ///< of another version of this program
    };

    /// \param ledger  its file; with the extensions .snapshot-0 and .snapshot-1 it names the two.
    SnapshotFiles(const std::filesystem::path& ledger, const Hasher& hasher);

    /// Reads both, and decodes neither.
    Found read() const;
    /// The next save() replaces another file than this one.
    void keep(const std::filesystem::path& file) { next_ = file == files_[0] ? 1 : 0; }
    /// Durable when it returns. Errc::io names the file and what the operating system said;
    /// Errc::too_large: no start would read it.
    Result<void> save(const Bytes& snapshot);

private:
    std::array<std::filesystem::path, 2> files_;
    const Hasher& hasher_;
    std::size_t next_ = 0;
};

}  // namespace starling
