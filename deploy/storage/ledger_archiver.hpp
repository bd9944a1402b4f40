#pragma once

#include <optional>

#include "deploy/storage/ledger_archive.hpp"

namespace starling {

/// How a store archives its oldest entries.
struct ArchiveOptions {
    /// Entries in an archive file; 0: none is made.
    std::uint64_t entries = 0;
    /// Gets what the operator has to know: that the next file can't be made, or which one can't be
    /// read, and why; each once. May be empty.
    std::function<void(const std::string&)> note = {};
};

/// Copies the oldest entries of a ledger into an archive file, a part of it with each step(), and
/// reads the file again before it says that it is made. The ledger is not changed. A failure leaves
/// no file, and the next resume() begins anew.
class LedgerArchiver {
public:
    /// Removes the draft of an earlier start. All must outlive it.
    LedgerArchiver(std::filesystem::path directory, SqliteDatabase& ledger,
                   const LedgerArchive& archive, const Hasher& hasher);

    /// Does the next part, which takes about as long as a commit.
    /// \param entries  in the file, from the first one that no archive file has
    /// \param rows  that the ledger has, for the space that is needed
    Result<void> step(std::uint64_t entries, std::uint64_t rows);
    /// Whether step() failed, and resume() was not called since.
    bool waits() const { return waits_; }
    void resume() { waits_ = false; }
    /// The segment of a file that is whole, durable and verified. Once the ledger has it, and its
    /// archive too, call taken().
    const std::optional<ArchiveSegment>& made() const { return made_; }
    void taken() { made_.reset(); }

private:
    Result<void> do_step(std::uint64_t entries, std::uint64_t rows);
    Result<void> begin(std::uint64_t entries, std::uint64_t rows);
    Result<void> check_space(std::uint64_t entries, std::uint64_t rows);
    Result<void> copy();
    Result<void> copy_rows();
    Result<void> rename();
    Result<void> verify();
    std::filesystem::path draft_file() const { return directory_ / "draft"; }
    std::filesystem::path file() const;

    std::filesystem::path directory_;
    SqliteDatabase& ledger_;
    const LedgerArchive& archive_;
    const Hasher& hasher_;
    std::optional<SqlStatement> select_;
    std::unique_ptr<ArchiveDraft> draft_;
    std::unique_ptr<ArchiveFile> written_;  ///< the file, which is read again
    ArchiveSegment segment_;                ///< that is being archived
    std::uint64_t done_ = 0;                ///< the last entry that was copied, or verified
    Digest done_link_;
    bool waits_ = false;
    std::optional<ArchiveSegment> made_;
};

}  // namespace starling
