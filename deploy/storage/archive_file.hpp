#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "core/base/hasher.hpp"
#include "deploy/storage/sqlite_database.hpp"

namespace starling {

/// A run of entries that is in one archive file, as the ledger remembers it.
struct ArchiveSegment {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    Digest before;  ///< link of the entry before the first one
    Digest link;    ///< link of the last one

    friend bool operator==(const ArchiveSegment&, const ArchiveSegment&) = default;
};

/// "0000000001-0000262144"
std::string archive_file_name(std::uint64_t first, std::uint64_t last);
/// "entries 1 to 262144"
std::string entries_text(const ArchiveSegment& segment);
/// "ledger.archive" beside "ledger.sqlite".
std::filesystem::path archive_directory(std::filesystem::path ledger);
/// The table of segments, in a ledger and in an archive file.
constexpr const char* create_archive_table =
    "CREATE TABLE IF NOT EXISTS archive(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, "
    "before BLOB NOT NULL, link BLOB NOT NULL);";
/// Adds a row to it.
Result<void> put_segment(SqliteDatabase& database, const ArchiveSegment& segment);
/// Reads its columns first, last, before, link. \return  false: a link has another size
bool read_segment(const SqlStatement& row, ArchiveSegment& segment);

/// A segment of a ledger in a file of its own, which never changes: an SQLite file whose table
/// `log` has the rows as the ledger had them, with the segment in the table `archive` and the
/// format in `meta`. Every error is Errc::io and names the file.
class ArchiveFile {
public:
    /// Of this file.
    static constexpr int format_version = 1;
    using Take = std::function<Result<void>(std::uint64_t index, ByteView, const Digest& link)>;

    /// Refuses a file that has not the segment `expected`. \param hasher  must outlive the file
    static Result<std::unique_ptr<ArchiveFile>> open(const std::filesystem::path& file,
                                                     const ArchiveSegment& expected,
                                                     const Hasher& hasher);

    /// \pre  the index is one of the segment
    Result<Bytes> record(std::uint64_t index);
    /// \pre  the index is one of the segment
    Result<Digest> link(std::uint64_t index);
    /// The entries `from` to `to` in order, but no further one once they have `bytes_max` bytes;
    /// their links are not checked. The first error of `take` ends the reading and is returned.
    /// \return  the last one read
    Result<std::uint64_t> read(std::uint64_t from, std::uint64_t to, const Take& take,
                               std::uint64_t bytes_max = UINT64_MAX);
    const ArchiveSegment& segment() const { return segment_; }
    Error error(const std::string& what) const { return database_->error(what); }

private:
    ArchiveFile(std::unique_ptr<SqliteDatabase> database, SqlStatement one,
                const ArchiveSegment& segment, const Hasher& hasher)
        : database_(std::move(database)),
          one_(std::move(one)),
          segment_(segment),
          hasher_(hasher),
          read_index_(segment.first - 1),
          read_link_(segment.before) {}
    /// One row; `take` gets it. An error if there is none.
    Result<void> read_one(std::uint64_t index, const Take& take);

    std::unique_ptr<SqliteDatabase> database_;
    SqlStatement one_;  ///< reads one entry
    ArchiveSegment segment_;
    const Hasher& hasher_;
    std::uint64_t read_index_;  ///< of the newest record(), and its link: most are read in order
    Digest read_link_;
};

/// An archive file that is being written, under another name. Each part is durable on return.
class ArchiveDraft {
public:
    /// Replaces a file that was there.
    static Result<std::unique_ptr<ArchiveDraft>> create(const std::filesystem::path& file);

    /// Writes what `rows` adds by calls of add(), in one transaction.
    Result<void> write(const std::function<Result<void>()>& rows);
    Result<void> add(std::uint64_t index, ByteView link, ByteView data);
    Result<void> finish(const ArchiveSegment& segment);

private:
    explicit ArchiveDraft(std::unique_ptr<SqliteDatabase> database)
        : database_(std::move(database)) {}

    std::unique_ptr<SqliteDatabase> database_;
    SqlStatement insert_;
};

}  // namespace starling
