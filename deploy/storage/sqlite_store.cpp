// The log of a node in SQLite. Durability is SQLite's (WAL, synchronous=FULL: a commit returns
// after fsync); what is added is the hash chain over entries, which finds changed bytes, and the
// head file, which finds missing ones.
//
// Order of a write: transaction, then head. So after a crash the log is where the head says, or
// ahead of it, and never behind. After a failed write nobody knows what is on the disk (Rebello et
// al., "Can Applications Recover from fsync Failures?", 2020): all later ones fail too.
#include "deploy/storage/sqlite_store.hpp"

#include <algorithm>

#include <sqlite3.h>

#include "core/base/coding.hpp"
#include "deploy/storage/detail/sqlite_store_parts.hpp"

namespace starling {
namespace {

// Length of the WAL, in frames of 4 KiB, at which a checkpoint is made: when the node is idle, and
// in any case.
constexpr int wal_frames_idle = 500;
constexpr int wal_frames_max = 4000;

Error not_here(std::uint64_t index) {
    return {Errc::not_found, "entry " + std::to_string(index) + " is not in this ledger"};
}

/// The last entry that is not here after a write.
std::uint64_t missing_after(const StoreWrite& write, std::uint64_t missing) {
    if (const auto* begin = std::get_if<BeginBehind>(&write)) {
        return begin->missing.last;
    }
    const auto* older = std::get_if<PersistOlder>(&write);
    return older != nullptr ? older->first - 1 : missing;
}

}  // namespace

Result<void> SqliteStore::commit(const std::function<Result<void>(LedgerHead&)>& put) {
    if (failed_) {
        return *failed_;
    }
    LedgerHead newest = newest_;
    Result<void> done = database_->finish(statements_->begin);
    if (done) {
        done = put(newest);
    }
    if (done) {
        done = database_->finish(statements_->commit);  // durable on return
    }
    if (done) {
        done = head_->head().next_server ? head_->replace(newest) : head_->write(newest);
    }
    if (!done) {
        failed_ = done.error();
        static_cast<void>(database_->run("ROLLBACK"));
        return done;
    }
    newest_ = newest;
    return database_->wal_frames() < wal_frames_max ? Result<void>{} : checkpoint();
}

bool SqliteStore::needs_maintenance() const {
    return !failed_ && (database_->wal_frames() >= wal_frames_idle || archiving_due());
}

Result<void> SqliteStore::maintain() {
    if (failed_) {
        return *failed_;
    }
    return archiving_due() && database_->wal_frames() < wal_frames_idle ? archive_some()
                                                                        : checkpoint();
}

/// Up to the length at which an idle node makes a checkpoint. Then the WAL is used from its
/// beginning again.
void SqliteStore::reserve() { database_->reserve_wal(wal_frames_idle); }

Result<void> SqliteStore::checkpoint() {
    Result<void> done = head_->sync();
    if (done) {
        done = database_->checkpoint();
    }
    if (!done) {
        failed_ = done.error();
    }
    return done;
}

Result<void> SqliteStore::save_vote(const Vote& vote) {
    return commit([&](LedgerHead& newest) { return put_vote(vote, newest); });
}

Result<void> SqliteStore::save_snapshot(const Bytes& snapshot) {
    if (failed_) {
        return *failed_;
    }
    const Result<void> saved = snapshots_.save(snapshot);
    if (saved && archiving_.entries > 0) {
        const Result<SnapshotHead> head = decode_snapshot_head(hasher_, snapshot);
        snapshots_at_ = {head ? head->index : 0, snapshots_at_[0]};
        archiver_.resume();
    }
    return saved;
}

Result<void> SqliteStore::begin_behind(const BeginBehind& begin) {
    const StoreWrite write = begin;
    return SqliteStore::write(std::span(&write, 1));
}

Result<void> SqliteStore::append_older(const PersistOlder& older) {
    const StoreWrite write = older;
    return SqliteStore::write(std::span(&write, 1));
}

Result<Digest> SqliteStore::link(std::uint64_t index) {
    if (index < missing_ || index > newest_.index) {
        return not_here(index);
    }
    const Result<Digest> link = link_of(index);
    return link || index > archive_.last() ? link : not_readable(index, link.error());
}

Result<Bytes> SqliteStore::record(std::uint64_t index) {
    if (index <= missing_ || index > newest_.index) {
        return not_here(index);
    }
    if (index <= archive_.last()) {
        Result<Bytes> read = archive_.record(index);
        return read ? std::move(read) : not_readable(index, read.error());
    }
    const Result<Digest> before = index == read_index_ + 1 ? read_link_ : link_of(index - 1);
    if (!before) {
        failed_ = before.error();
        return before.error();
    }
    statements_->record.bind(1, index);
    const int code = statements_->record.step();
    const ByteView data = code == SQLITE_ROW ? statements_->record.bytes(1) : ByteView{};
    const Digest link = chain_link(hasher_, *before, index, data);
    Result<Bytes> read = Bytes(data.begin(), data.end());
    if (code != SQLITE_ROW) {
        read = database_->error("entry " + std::to_string(index) + " can't be read");
    } else if (!std::ranges::equal(statements_->record.bytes(0), link.bytes)) {
        read = database_->error("entry " + std::to_string(index) +
                                " is damaged: its hash link does not match" + what_to_do(file_));
    }
    statements_->record.reset();
    if (!read) {
        failed_ = read.error();
        return read;
    }
    read_index_ = index;
    read_link_ = link;
    return read;
}

Result<void> SqliteStore::append(std::uint64_t first, std::span<const Bytes> records) {
    if (const auto ok = check_append(first, records, newest_.index); !ok) {
        return ok;
    }
    lower_head(first);
    return commit([&](LedgerHead& newest) { return put_records(first, records, newest); });
}

Result<void> SqliteStore::write(std::span<const StoreWrite> writes) {
    std::uint64_t last = newest_.index;
    std::uint64_t lowest = last + 1;
    std::uint64_t missing = missing_;
    for (const StoreWrite& write : writes) {
        if (const auto ok = check_missing(write, last, missing); !ok) {
            return ok;
        }
        missing = missing_after(write, missing);
        if (const auto* persist = std::get_if<Persist>(&write)) {
            if (const auto ok = check_append(persist->first, persist->records, last); !ok) {
                return ok;
            }
            lowest = std::min(lowest, persist->first);
            last = persist->first + persist->records.size() - 1;
        } else if (const auto* begin = std::get_if<BeginBehind>(&write)) {
            if (const auto saved = save_snapshot(begin->snapshot); !saved) {
                return saved;
            }
            last = begin->missing.last;
            lowest = last + 1;
        }
    }
    lower_head(lowest);
    for (const StoreWrite& write : writes) {
        if (const auto* vote = std::get_if<PersistVote>(&write)) {
            announce_server(vote->vote);
        }
    }
    const Result<void> done = commit([&](LedgerHead& newest) {
        Result<void> put;
        for (const StoreWrite& write : writes) {
            if (put) {
                put = put_write(write, newest);
            }
        }
        return put;
    });
    missing_ = done ? missing : missing_;
    return done;
}

Result<void> SqliteStore::put_write(const StoreWrite& write, LedgerHead& newest) {
    if (const auto* persist = std::get_if<Persist>(&write)) {
        return put_records(persist->first, persist->records, newest);
    }
    if (const auto* older = std::get_if<PersistOlder>(&write)) {
        return put_older(*older);
    }
    if (const auto* vote = std::get_if<PersistVote>(&write)) {
        return put_vote(vote->vote, newest);
    }
    const auto& begin = std::get<BeginBehind>(write);
    newest.index = begin.missing.last;
    newest.link = begin.missing.link;
    const Result<void> done = put_row(newest.index, newest.link, {});
    return done ? put_vote(begin.vote, newest) : done;
}

/// The record whose row had its link only comes first, then the ones before, then the row that
/// stands for all before those.
Result<void> SqliteStore::put_older(const PersistOlder& older) {
    Result<void> done;
    if (older.first > 1) {
        done = put_row(older.first - 1, older.link_before, {});
    }
    Digest link = older.link_before;
    std::uint64_t index = older.first;
    for (const Bytes& record : older.records) {
        link = chain_link(hasher_, link, index, record);
        if (done) {
            done = put_row(index, link, record);
        }
        ++index;
    }
    return done;
}

Result<void> SqliteStore::put_row(std::uint64_t index, const Digest& link, ByteView data) {
    statements_->replace.bind(1, index);
    statements_->replace.bind(2, link.bytes);
    statements_->replace.bind(3, data);
    return database_->finish(statements_->replace);
}

Result<void> SqliteStore::check_missing(const StoreWrite& write, std::uint64_t last,
                                        std::uint64_t missing) const {
    const auto* older = std::get_if<PersistOlder>(&write);
    if (older != nullptr && (older->first == 0 || older->records.empty() ||
                             older->first + older->records.size() != missing + 1)) {
        return database_->error("entries from " + std::to_string(older->first) +
                                " on are not the newest that are missing");
    }
    return std::holds_alternative<BeginBehind>(write) && last > 0
               ? database_->error("it has entries, so it can't begin behind a snapshot")
               : Result<void>{};
}

Result<void> SqliteStore::check_append(std::uint64_t first, std::span<const Bytes> records,
                                       std::uint64_t last) const {
    if (first == 0 || first > last + 1) {
        return database_->error("entry " + std::to_string(first) + " can't follow entry " +
                                std::to_string(last));
    }
    if (first <= archive_.last()) {
        return database_->error("entry " + std::to_string(first) +
                                " is in an archive file and can't be replaced");
    }
    for (const Bytes& bytes : records) {
        if (bytes.size() > entry_bytes_max) {
            return database_->error("an entry of " + std::to_string(bytes.size()) +
                                    " bytes, the limit is " + std::to_string(entry_bytes_max));
        }
    }
    return {};
}

void SqliteStore::lower_head(std::uint64_t first) {
    if (failed_ || first > newest_.index) {
        return;
    }
    const Result<Digest> before = link_of(first - 1);
    const Result<void> lowered =
        before ? head_->replace({first - 1, *before, newest_.vote}) : before.error();
    if (!lowered) {
        failed_ = lowered.error();
    }
}

void SqliteStore::announce_server(const Vote& vote) {
    if (failed_ || newest_.vote.self == 0 || vote.self == newest_.vote.self) {
        return;
    }
    LedgerHead announced = newest_;
    announced.next_server = vote;
    if (const auto done = head_->replace(announced); !done) {
        failed_ = done.error();
    }
}

Result<void> SqliteStore::put_vote(const Vote& vote, LedgerHead& newest) {
    Writer writer;
    writer.u64(vote.self);
    writer.u64(vote.term);
    writer.u64(vote.candidate);
    const Digest sum = hasher_.digest(writer.bytes());
    statements_->vote.bind(1, writer.bytes());
    statements_->vote.bind(2, sum.bytes);
    newest.vote = vote;
    return database_->finish(statements_->vote);
}

Result<void> SqliteStore::put_records(std::uint64_t first, std::span<const Bytes> records,
                                      LedgerHead& newest) {
    if (first <= newest.index) {
        const Result<Digest> before = link_of(first - 1);
        if (!before) {
            return before.error();
        }
        statements_->cut.bind(1, first);
        if (const auto ok = database_->finish(statements_->cut); !ok) {
            return ok;
        }
        newest.index = first - 1;
        newest.link = *before;
    }
    for (const Bytes& record : records) {
        const Digest link = chain_link(hasher_, newest.link, newest.index + 1, record);
        statements_->insert.bind(1, newest.index + 1);
        statements_->insert.bind(2, link.bytes);
        statements_->insert.bind(3, record);
        if (const auto ok = database_->finish(statements_->insert); !ok) {
            return ok;
        }
        ++newest.index;
        newest.link = link;
    }
    return {};
}

Result<Digest> SqliteStore::link_of(std::uint64_t index) {
    if (index == 0) {
        return Digest{};
    }
    const Result<std::optional<Digest>> link = find_link(index);
    if (!link) {
        return link.error();
    }
    return *link ? Result<Digest>(**link)
                 : database_->error("entry " + std::to_string(index) + " can't be read");
}

}  // namespace starling
