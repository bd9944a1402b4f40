#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "core/base/hasher.hpp"
#include "transport/node_runner.hpp"

namespace starling {

/// A node's records in one SQLite file. Every entry is chained to the one before it:
/// see chain_link(). So a change to any entry is noticed at the next start, and the last link
/// names the whole history.
///
/// One process at a time. A write is one transaction (WAL, synchronous FULL): durable on return.
class SqliteStore final : public Store {
public:
    struct Opened {
        std::unique_ptr<SqliteStore> store;
        DurableLog log;
    };

    /// A longer entry is refused, in append and when a file holds one.
    static constexpr std::size_t entry_bytes_max = std::size_t{64} * 1024 * 1024;

    /// Opens or creates `file` (mode 0600; its directory must be there) and checks every link.
    /// Errc::io names the file and what is wrong: no permission, in use by another process, no
    /// database, another program's database, a newer format, and the first entry that is not what
    /// was written. `hasher` must outlive the store.
    static Result<Opened> open(const std::filesystem::path& file, const Hasher& hasher);

    SqliteStore(const SqliteStore&) = delete;
    SqliteStore& operator=(const SqliteStore&) = delete;
    ~SqliteStore() override;

    /// \pre  first is at most the last index + 1; anything else is an error and changes nothing.
    Result<void> append(std::uint64_t first, std::span<const Bytes> records) override;
    Result<void> save_vote(const Vote& vote) override;

    std::uint64_t last_index() const { return last_index_; }
    const Digest& last_link() const { return last_link_; }

private:
    struct Database;

    SqliteStore(std::unique_ptr<Database> database, const Hasher& hasher);
    Result<std::vector<Bytes>> read_all();
    Result<Vote> read_vote();
    Result<Digest> cut_from(std::uint64_t first);
    Result<void> insert(std::uint64_t index, ByteView bytes, const Digest& link);

    std::unique_ptr<Database> database_;
    const Hasher& hasher_;
    std::uint64_t last_index_ = 0;
    Digest last_link_;
};

}  // namespace starling
