#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/hasher.hpp"
#include "deploy/storage/ledger_head.hpp"
#include "transport/node_runner.hpp"

namespace starling {

class SqliteDatabase;

/// A node's records in one SQLite file. Every entry is chained to the one before it: see
/// chain_link(). So a change to any entry is noticed at the next start, and the last link names the
/// whole history. The head of that history and the vote stand in a second file (the same name with
/// .head), so that a file that was cut or is gone is noticed as well.
///
/// One process at a time. A write is one transaction (WAL, synchronous FULL): durable on return.
/// After a write that failed every other one fails too: nobody knows what the disk holds.
class SqliteStore final : public Store {
public:
    struct Opened {
        std::unique_ptr<SqliteStore> store;
        DurableLog log;
    };

    /// A longer entry is refused, in append and when a file holds one.
    static constexpr std::size_t entry_bytes_max = std::size_t{64} * 1024 * 1024;

    /// Opens or creates `file` and its head (mode 0600; their directory must be there) and checks
    /// every link. Errc::io names the file and what is wrong: no permission, in use by another
    /// process, no database, another program's database, another format, the first entry that is
    /// not what was written, entries or a vote that are lost. What is refused is not changed.
    /// `hasher` must outlive the store.
    static Result<Opened> open(const std::filesystem::path& file, const Hasher& hasher);
    static std::filesystem::path head_file(std::filesystem::path file) {
        return file.replace_extension(".head");
    }

    SqliteStore(const SqliteStore&) = delete;
    SqliteStore& operator=(const SqliteStore&) = delete;
    ~SqliteStore() override;

    /// \pre  first is at most the last index + 1; anything else is an error and changes nothing.
    Result<void> append(std::uint64_t first, std::span<const Bytes> records) override;
    Result<void> save_vote(const Vote& vote) override;
    /// In one transaction. A vote of another server (a rebuild) goes on from this one's ledger: the
    /// head says so before, so that a crash leaves the old server's log or the new one's, and
    /// nothing that is refused.
    Result<void> write(std::span<const StoreWrite> writes) override;
    /// The WAL has some pages to move into the database; one that is too long is moved without it.
    bool untidy() const override;
    Result<void> tidy() override;

    std::uint64_t last_index() const { return newest_.index; }
    const Digest& last_link() const { return newest_.link; }

private:
    struct Statements;

    SqliteStore(std::filesystem::path file, std::unique_ptr<SqliteDatabase> database,
                const Hasher& hasher);
    /// Reads and checks everything. \param head  what the second file says.
    Result<DurableLog> load(const std::optional<LedgerHead>& head);
    Result<std::vector<Bytes>> read_all(const std::optional<LedgerHead>& head);
    Result<Vote> read_vote();
    Result<void> check_head(const LedgerHead& head, const Vote& vote) const;
    /// For all that follows: statements, head file.
    Result<void> prepare(bool has_head);
    /// That records can follow entry `last`.
    Result<void> check_append(std::uint64_t first, std::span<const Bytes> records,
                              std::uint64_t last) const;
    /// The head must never be ahead of the log: it goes back before entries from `first` on do.
    void lower_head(std::uint64_t first);
    /// The head must accept the new server's vote before the log holds it, and no other one's.
    void announce_server(const Vote& vote);
    /// Of the entry `index`, which is there.
    Result<Digest> link_of(std::uint64_t index);
    Result<void> put_records(std::uint64_t first, std::span<const Bytes> records,
                             LedgerHead& newest);
    Result<void> put_vote(const Vote& vote, LedgerHead& newest);
    /// One transaction around `put`, then the head.
    template <typename Put>
    Result<void> commit(Put put);

    std::filesystem::path file_;
    std::unique_ptr<SqliteDatabase> database_;
    std::unique_ptr<Statements> statements_;
    std::unique_ptr<HeadFile> head_;
    const Hasher& hasher_;
    LedgerHead newest_;  ///< what is durable
    std::optional<Error> failed_;
};

}  // namespace starling
