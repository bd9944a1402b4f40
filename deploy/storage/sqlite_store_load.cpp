// What a start reads: the newest snapshot that can be used, the entries behind it with their links,
// and the vote.
#include <algorithm>

#include <sqlite3.h>

#include "core/base/coding.hpp"
#include "deploy/storage/detail/sqlite_store_parts.hpp"

namespace starling {

Result<MissingRecords> SqliteStore::read_missing() {
    Result<SqlStatement> select =
        database_->prepare("SELECT idx, link, data FROM log ORDER BY idx LIMIT 1");
    if (!select) {
        return select.error();
    }
    const int code = select->step();
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return database_->failed(code);
    }
    MissingRecords missing;
    if (code == SQLITE_DONE || select->number(0) <= 0 || !select->bytes(2).empty()) {
        return missing;
    }
    if (!select->read_digest(1, missing.link)) {
        return database_->error("its first row is damaged" + what_to_do(file_));
    }
    missing.last = static_cast<std::uint64_t>(select->number(0));
    return missing;
}

/// Of those whose last entry is in this ledger; nullptr: there is none.
Result<std::shared_ptr<const LedgerSnapshot>> SqliteStore::newest_snapshot(
    std::vector<std::string>& notes) {
    const auto not_used = [&](const std::string& why) {
        notes.push_back("a snapshot is not used, more entries are applied instead: " + why);
    };
    const SnapshotFiles::Found found = snapshots_.read();
    std::shared_ptr<const LedgerSnapshot> newest;
    for (const std::vector<std::string>& texts : {found.damaged, found.foreign}) {
        std::ranges::for_each(texts, not_used);
    }
    for (const SnapshotFiles::Snapshot& snapshot : found.snapshots) {
        const Result<std::optional<Digest>> link = find_link(snapshot.head.index);
        if (!link) {
            return link.error();
        }
        if (*link != snapshot.head.link) {
            not_used(snapshot.file.string() + ": it is of another ledger than " + file_.string());
            continue;
        }
        if (newest) {
            snapshots_at_[1] = snapshot.head.index;
            break;
        }
        Result<LedgerSnapshot> content = decode_snapshot(hasher_, snapshot.bytes);
        if (content) {
            snapshots_.keep(snapshot.file);
            snapshots_at_[0] = snapshot.head.index;
            newest = std::make_shared<const LedgerSnapshot>(std::move(*content));
            continue;
        }
        not_used(snapshot.file.string() + ": " + content.error().message);
    }
    return newest;
}

Result<std::optional<Digest>> SqliteStore::find_link(std::uint64_t index) {
    if (index > 0 && index <= archive_.last()) {
        const Result<Digest> link = archive_.link(index);
        return link ? Result<std::optional<Digest>>(*link) : link.error();
    }
    Result<SqlStatement> select = database_->prepare("SELECT link FROM log WHERE idx=?1");
    if (!select) {
        return select.error();
    }
    select->bind(1, index);
    const int code = select->step();
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return database_->failed(code);
    }
    Digest link;
    return code == SQLITE_ROW && select->read_digest(0, link) ? std::optional(link) : std::nullopt;
}

/// The archived records behind newest_, which are needed if no snapshot can be used. Moves newest_
/// to the last one.
Result<void> SqliteStore::read_archived(std::vector<Bytes>& records) {
    const Result<void> read = archive_.read(
        newest_.index + 1, [&](std::uint64_t index, ByteView data, const Digest& link) {
            const Digest computed = chain_link(hasher_, newest_.link, index, data);
            if (computed != link) {
                return Result<void>(
                    Error{Errc::io, archive_.file_at(index).string() + ": entry " +
                                        std::to_string(index) +
                                        " is damaged: its hash link does not match"});
            }
            records.emplace_back(data.begin(), data.end());
            newest_.link = computed;
            newest_.index = index;
            return Result<void>{};
        });
    return read ? read
                : Error{Errc::io, read.error().message +
                                      " (no snapshot of the ledger can be used, so this start "
                                      "needs all entries)"};
}

/// The records behind newest_, which it moves to the last one.
Result<std::vector<Bytes>> SqliteStore::read_behind(const std::optional<LedgerHead>& head) {
    const auto differs = [&](std::uint64_t index) {
        return database_->error("entry " + std::to_string(index) + " differs from the one in " +
                                head_file(file_).string() +
                                ": the two files belong to different ledgers" + what_to_do(file_));
    };
    if (head && head->index > 0 && head->index <= newest_.index) {
        const Result<std::optional<Digest>> link = find_link(head->index);
        if (!link || *link != head->link) {
            return link ? differs(head->index) : link.error();
        }
    }
    std::vector<Bytes> records;
    if (const auto archived = read_archived(records); !archived) {
        return archived.error();
    }
    Result<SqlStatement> select =
        database_->prepare("SELECT idx, link, data FROM log WHERE idx>?1 ORDER BY idx");
    if (!select) {
        return select.error();
    }
    select->bind(1, newest_.index);
    for (;;) {
        const std::uint64_t expected = newest_.index + 1;
        const std::string entry = "entry " + std::to_string(expected);
        const int code = select->step();
        if (code == SQLITE_DONE) {
            return records;
        }
        if (code != SQLITE_ROW) {
            return Error{Errc::io, database_->failed(code).message + " (at " + entry + ")" +
                                       what_to_do(file_)};
        }
        const std::int64_t index = select->number(0);
        if (index < 0 || static_cast<std::uint64_t>(index) != expected) {
            return database_->error(entry + " is missing: the next one is entry " +
                                    std::to_string(index));
        }
        const ByteView data = select->bytes(2);
        const Digest computed = chain_link(hasher_, newest_.link, expected, data);
        if (!std::ranges::equal(select->bytes(1), computed.bytes)) {
            return database_->error(entry + " is damaged: its hash link does not match" +
                                    what_to_do(file_));
        }
        if (head && head->index == expected && head->link != computed) {
            return differs(expected);
        }
        records.emplace_back(data.begin(), data.end());
        newest_.link = computed;
        newest_.index = expected;
    }
}

Result<Vote> SqliteStore::read_vote() {
    Result<SqlStatement> select = database_->prepare("SELECT data, sum FROM vote WHERE id=1");
    if (!select) {
        return select.error();
    }
    const int code = select->step();
    if (code == SQLITE_DONE) {
        return Vote{};
    }
    if (code != SQLITE_ROW) {
        return database_->failed(code);
    }
    const ByteView data = select->bytes(0);
    Reader reader(data);
    const Vote vote{reader.u64(), reader.u64(), reader.u64()};
    if (!reader.done() || !std::ranges::equal(select->bytes(1), hasher_.digest(data).bytes)) {
        return database_->error("this node's stored term and vote are damaged" + what_to_do(file_));
    }
    return vote;
}

}  // namespace starling
