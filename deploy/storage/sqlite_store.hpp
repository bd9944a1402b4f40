#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "core/base/hasher.hpp"
#include "deploy/storage/ledger_archiver.hpp"
#include "deploy/storage/ledger_head.hpp"
#include "deploy/storage/snapshot_files.hpp"
#include "transport/node_runner.hpp"

namespace starling {

class SqliteDatabase;

/// A node's records in one SQLite file. Every entry is chained to the one before it: see
/// chain_link(). So a change of an entry is detected at the next start, and the last link
/// identifies the whole history. With a snapshot (see SnapshotFiles) a start reads only what is
/// behind it; entries before are checked when they are read, and by swarm-audit. The head of that
/// history and the vote are also in a second file (the same name with .head), which detects that
/// the first was truncated or removed. The oldest entries may be in files of their own: see
/// LedgerArchive. What is said of entries below holds for these, too, but for errors: one that
/// can't be read there is Errc::not_found, told once, and no failure of the store.
///
/// One process at a time. A write is one transaction (WAL, synchronous FULL): durable on return.
/// After a failed write all later ones fail, too.
class SqliteStore final : public Store {
public:
    struct Opened {
        std::unique_ptr<SqliteStore> store;
        DurableLog log;
        std::vector<std::string> notes;  ///< a snapshot that can't be used, a file that is missing
    };

    /// Of the file and of the records in it. To be raised with any change of the bytes of a record
    /// or of what it means: an entry that can't be decoded, or has another meaning, gives this SN
    /// another state than the one that it had acknowledged.
    static constexpr int format_version = 5;
    /// Of a ledger whose oldest entries are in archive files: a program that knows none of these
    /// would miss them.
    static constexpr int format_version_archived = 6;
    /// Longer entries are refused, in append() and in a file.
    static constexpr std::size_t entry_bytes_max = std::size_t{64} * 1024 * 1024;

    /// Opens or creates `file` and its head (mode 0600; their directory must exist), takes the
    /// newest snapshot beside it that is whole and of this ledger, and checks every link behind it;
    /// without a snapshot, every link. Errc::io names the file and what is wrong: no permission, in
    /// use by another process, no database, another program's database, another format, the first
    /// damaged entry, lost entries or a lost vote. A file that is refused is not changed. `hasher`
    /// must outlive the store.
    static Result<Opened> open(const std::filesystem::path& file, const Hasher& hasher,
                               ArchiveOptions archive = {});
    static std::filesystem::path head_file(std::filesystem::path file) {
        return file.replace_extension(".head");
    }

    SqliteStore(const SqliteStore&) = delete;
    SqliteStore& operator=(const SqliteStore&) = delete;
    ~SqliteStore() override;

    /// \pre  first is at most the last index + 1; anything else is an error and changes nothing.
    Result<void> append(std::uint64_t first, std::span<const Bytes> records) override;
    Result<void> save_vote(const Vote& vote) override;
    /// Errc::io, Errc::too_large: the earlier snapshots stay, and the store can be used on.
    Result<void> save_snapshot(const Bytes& snapshot) override;
    /// Keeps the snapshot, too. A row with the link of the last missing entry, and without its
    /// bytes, stands for all that are missing: see MissingRecords.
    Result<void> begin_behind(const BeginBehind& begin) override;
    Result<void> append_older(const PersistOlder& older) override;
    /// A durable entry, whose link is checked. Errc::not_found: it is not here (yet). After any
    /// other error all writes fail.
    Result<Bytes> record(std::uint64_t index);
    /// Link of a durable entry. Errc::not_found as above; index 0: the one before the first entry.
    Result<Digest> link(std::uint64_t index);
    /// In one transaction. With a vote of another server (a rebuild) the log becomes that server's:
    /// the head announces it before, so that after a crash the log of either the old or the new
    /// server is accepted.
    Result<void> write(std::span<const StoreWrite> writes) override;
    /// The WAL is long enough for a checkpoint (2 MB; commit() makes one itself at 16 MB, if the
    /// node was never idle), or there are entries to archive: those in a whole segment that the
    /// older one of two snapshots stands for.
    bool needs_maintenance() const override;
    /// A checkpoint, or a small part of the archiving.
    Result<void> maintain() override;
    /// Makes commits cheaper for a node that lives long: see SqliteDatabase::reserve_wal().
    void reserve();

    std::uint64_t last_index() const { return newest_.index; }
    /// The last entry in an archive file; 0: none is archived.
    std::uint64_t last_archived() const { return archive_.last(); }
    const Digest& last_link() const { return newest_.link; }

private:
    struct Statements;

    SqliteStore(std::filesystem::path file, std::unique_ptr<SqliteDatabase> database,
                const Hasher& hasher, ArchiveOptions archive);
    /// Reads and checks what a start needs.
    /// \param head  contents of the head file.
    Result<DurableLog> load(const std::optional<LedgerHead>& head, std::vector<std::string>& notes);
    Result<std::shared_ptr<const LedgerSnapshot>> newest_snapshot(std::vector<std::string>& notes);
    Result<std::vector<Bytes>> read_behind(const std::optional<LedgerHead>& head);
    Result<void> read_archived(std::vector<Bytes>& records);
    /// Link of an entry; nothing: there is none, or it is no link.
    Result<std::optional<Digest>> find_link(std::uint64_t index);
    Result<Vote> read_vote();
    Result<void> check_head(const LedgerHead& head, const Vote& vote) const;
    /// Prepares for writing: statements, head file.
    Result<void> prepare(bool has_head);
    /// Checks that records can follow entry `last`.
    Result<void> check_append(std::uint64_t first, std::span<const Bytes> records,
                              std::uint64_t last) const;
    /// Checks that a write that begins the log, or adds older records, fits to what is missing.
    Result<void> check_missing(const StoreWrite& write, std::uint64_t last,
                               std::uint64_t missing) const;
    Result<void> checkpoint();
    bool archiving_due() const;
    Result<void> archive_some();
    Result<void> note_segment(const ArchiveSegment& segment);
    /// Removes rows that an archive file has.
    Result<void> remove_archived();
    /// Of the first row, once there is an archive file.
    Result<void> find_oldest_row();
    /// Tells it, and says that the entry is not here.
    Error not_readable(std::uint64_t index, const Error& error);
    /// \param about  each subject is told once
    void note(const std::string& about, const std::string& text);
    /// Keeps the head from being ahead of the log: lowers it before entries from `first` on are
    /// removed.
    void lower_head(std::uint64_t first);
    /// Makes the head accept the vote of this new server, before the log contains it.
    void announce_server(const Vote& vote);
    /// Link of the entry `index`, which must exist.
    Result<Digest> link_of(std::uint64_t index);
    Result<void> put_records(std::uint64_t first, std::span<const Bytes> records,
                             LedgerHead& newest);
    Result<void> put_write(const StoreWrite& write, LedgerHead& newest);
    Result<void> put_older(const PersistOlder& older);
    Result<void> put_row(std::uint64_t index, const Digest& link, ByteView data);
    /// What is missing, by the first row.
    Result<MissingRecords> read_missing();
    Result<void> put_vote(const Vote& vote, LedgerHead& newest);
    /// Runs `put` in one transaction, then writes the head.
    Result<void> commit(const std::function<Result<void>(LedgerHead&)>& put);

    std::filesystem::path file_;
    std::unique_ptr<SqliteDatabase> database_;
    std::unique_ptr<Statements> statements_;
    std::unique_ptr<HeadFile> head_;
    const Hasher& hasher_;
    SnapshotFiles snapshots_;
    std::array<std::uint64_t, 2> snapshots_at_{};  ///< the last entries of the newest one and the
                                                   ///< one before; 0: there is none
    ArchiveOptions archiving_;
    LedgerArchive archive_;
    LedgerArchiver archiver_;
    std::uint64_t oldest_row_ = 0;  ///< see find_oldest_row(); 0: nothing is archived
    std::set<std::string> noted_;   ///< subjects of notes
    LedgerHead newest_;             ///< the durable state
    std::uint64_t missing_ = 0;     ///< entries up to this one are not here yet
    std::uint64_t read_index_ = 0;  ///< of the newest record(), and its link
    Digest read_link_;
    std::optional<Error> failed_;  ///< the first failure; all later writes return it
};

}  // namespace starling
