#pragma once

#include <vector>

#include "deploy/storage/archive_file.hpp"

namespace starling {

/// The archive files of one ledger, as a whole: all entries from the first one to last(). They are
/// opened when they are read, at most two at a time, and may be missing until then.
class LedgerArchive {
public:
    /// \param directories  where its files are looked for, in this order
    LedgerArchive(std::vector<std::filesystem::path> directories, const Hasher& hasher)
        : directories_(std::move(directories)), hasher_(hasher) {}

    /// Reads what the ledger in `database` remembers of its archive files. Errc::io: it can't be
    /// read, or they don't follow each other.
    Result<void> load(SqliteDatabase& database);
    /// \pre  it begins behind last()
    void add(const ArchiveSegment& segment) { segments_.push_back(segment); }

    /// The last entry in an archive file; 0: there is no such file.
    std::uint64_t last() const { return segments_.empty() ? 0 : segments_.back().last; }
    /// Of that entry.
    Digest last_link() const { return segments_.empty() ? Digest{} : segments_.back().link; }
    const std::vector<ArchiveSegment>& segments() const { return segments_; }
    /// Where the file of a segment is, or would be in the first directory.
    std::filesystem::path file_of(const ArchiveSegment& segment) const;
    /// The same, of the segment with that entry.
    std::filesystem::path file_at(std::uint64_t index) const { return file_of(segment_of(index)); }
    /// What is said at a start about files that are not there; empty: all are.
    std::string missing_text() const;

    /// Errc::io names the file that is missing, damaged or of another ledger, and tells what to do.
    /// \pre  1 <= index <= last()
    Result<Bytes> record(std::uint64_t index);
    Result<Digest> link(std::uint64_t index);
    /// The entries `from` to last() in order, unchecked: see ArchiveFile::read().
    Result<void> read(std::uint64_t from, const ArchiveFile::Take& take);

private:
    const ArchiveSegment& segment_of(std::uint64_t index) const;
    Result<ArchiveFile*> open(const ArchiveSegment& segment);
    /// After an error the file is opened again with the next call: it may have been replaced.
    Error close(const Error& error);

    std::vector<std::filesystem::path> directories_;
    const Hasher& hasher_;
    std::vector<ArchiveSegment> segments_;
    std::vector<std::unique_ptr<ArchiveFile>> open_;  ///< the one used last comes first
};

}  // namespace starling
