// The log of a node in SQLite. Durability is SQLite's (WAL, synchronous=FULL: a commit returns
// after fsync); what is added is the hash chain over entries, which finds changed bytes, and the
// head file, which finds missing ones.
//
// Order of a write: transaction, then head. So after a crash the log is where the head says, or
// ahead of it, and never behind. After a failed write nobody knows what is on the disk (Rebello et
// al., "Can Applications Recover from fsync Failures?", 2020): all later ones fail too.
#include "deploy/storage/sqlite_store.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "core/base/coding.hpp"
#include "deploy/storage/sqlite_database.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

constexpr int format_version = SqliteStore::format_version;
// Length of the WAL, in frames of 4 KiB, at which a checkpoint is made: when the node is idle, and
// in any case.
constexpr int wal_frames_idle = 500;
constexpr int wal_frames_max = 4000;
constexpr int application_id = 0x53746172;  // "Star", in the file's header: file(1) shows it

/// SQLite would create the file readable by others.
Result<void> create_private(const fs::path& file) {
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return Error{Errc::io, "ledger " + file.string() +
                                   " can't be opened for writing: " + std::strerror(errno)};
    }
    ::close(descriptor);
    return {};
}

std::string entries_text(std::uint64_t first, std::uint64_t last) {
    return first == last ? "entry " + std::to_string(first)
                         : "entries " + std::to_string(first) + " to " + std::to_string(last);
}

std::string what_to_do(const fs::path& file) {
    return ". A node that is alone: restore its files, or move " + file.filename().string() +
           "* and " + SqliteStore::head_file(file).filename().string() +
           " away to start a new ledger. One of several SNs: do not restore a copy; move both away "
           "and rejoin with --sentinel-ip";
}

bool is_set(const LedgerHead& head) { return head != LedgerHead{}; }

Error cut_error(const fs::path& file, std::uint64_t there, const LedgerHead& head) {
    return {Errc::io, "ledger " + file.string() +
                          (there == 0 ? " is empty" : " ends with entry " + std::to_string(there)) +
                          ", but " + SqliteStore::head_file(file).string() +
                          " was written after entry " + std::to_string(head.index) + ": " +
                          entries_text(there + 1, head.index) +
                          (there + 1 == head.index ? " is lost" : " are lost") + what_to_do(file)};
}

std::string vote_text(const Vote& vote) {
    return "term " + std::to_string(vote.term) + ", vote for " +
           (vote.candidate == 0 ? "nobody" : "server " + std::to_string(vote.candidate));
}

Error lost_vote_error(const fs::path& file, const Vote& there, const Vote& promised) {
    return {Errc::io,
            "ledger " + file.string() + " contains " + vote_text(there) + ", but " +
                SqliteStore::head_file(file).string() + " contains " + vote_text(promised) +
                ": a recorded vote is lost, and this node might vote twice" + what_to_do(file)};
}

Result<void> create_tables(SqliteDatabase& database) {
    if (const auto ok = database.begin_writing(); !ok) {
        return ok;
    }
    const std::string create =
        "BEGIN IMMEDIATE;"
        "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE log(idx INTEGER PRIMARY KEY, link BLOB NOT NULL, data BLOB NOT NULL);"
        "CREATE TABLE vote(id INTEGER PRIMARY KEY, data BLOB NOT NULL, sum BLOB NOT NULL);"
        "INSERT INTO meta VALUES('starling_ledger_format'," +
        std::to_string(format_version) +
        ");PRAGMA application_id=" + std::to_string(application_id) + ";COMMIT;";
    return database.run(create.c_str());
}

/// Checks that it is a ledger of this format, and intact as far as SQLite can tell.
Result<void> check_format(SqliteDatabase& database) {
    const Result<std::int64_t> ours =
        database.number("SELECT count(*) FROM sqlite_master WHERE name IN ('meta','log')");
    if (!ours) {
        return ours.error();
    }
    const std::string foreign =
        "this SQLite file is not a Starling ledger: choose another --workspace";
    if (*ours != 2) {
        return database.error(foreign);
    }
    const Result<std::int64_t> format =
        database.number("SELECT value FROM meta WHERE key='starling_ledger_format'");
    if (!format || *format < 1) {
        return format || format.error().message.find("no such column") != std::string::npos
                   ? database.error(foreign)
                   : format.error();
    }
    if (*format < format_version) {
        return database.error(
            "format " + std::to_string(*format) +
            " of an earlier Starling version: move it away to start a new ledger");
    }
    if (*format > format_version) {
        return database.error("format " + std::to_string(*format) +
                              ", and this program supports format " +
                              std::to_string(format_version) + ": use a newer Starling version");
    }
    const Result<std::string> mode = database.text("PRAGMA journal_mode");
    if (!mode) {
        return mode.error();
    }
    if (*mode != "wal") {
        return database.error("its header is damaged: according to it the file has no WAL");
    }
    return {};
}

}  // namespace

struct SqliteStore::Statements {
    SqlStatement begin;
    SqlStatement commit;
    SqlStatement insert;
    SqlStatement cut;
    SqlStatement link;
    SqlStatement vote;
};

SqliteStore::SqliteStore(fs::path file, std::unique_ptr<SqliteDatabase> database,
                         const Hasher& hasher)
    : file_(std::move(file)), database_(std::move(database)), hasher_(hasher) {}

SqliteStore::~SqliteStore() = default;

Result<SqliteStore::Opened> SqliteStore::open(const fs::path& file, const Hasher& hasher) {
    Result<std::optional<LedgerHead>> head = HeadFile::read(head_file(file), hasher);
    if (!head) {
        const bool damaged = head.error().code == Errc::malformed;
        return Error{Errc::io, head.error().message + (damaged ? what_to_do(file) : "")};
    }
    std::error_code ignored;
    const std::uintmax_t size = fs::exists(file, ignored) ? fs::file_size(file, ignored) : 0;
    if (size == 0 && *head && is_set(**head)) {
        return cut_error(file, 0, **head);  // before SQLite discards its WAL as stale
    }
    if (const auto ok = create_private(file); !ok) {
        return ok.error();
    }
    Result<std::unique_ptr<SqliteDatabase>> database =
        SqliteDatabase::open(file, entry_bytes_max + 1024);
    if (!database) {
        return database.error();
    }
    const Result<std::int64_t> tables = (*database)->number("SELECT count(*) FROM sqlite_master");
    if (!tables) {
        return tables.error();
    }
    head = HeadFile::read(head_file(file), hasher);  // read again, now that the database is locked
    if (!head) {
        return head.error();
    }
    if (*tables == 0 && *head && is_set(**head)) {
        return cut_error(file, 0, **head);
    }
    if (const auto ok = *tables == 0 ? create_tables(**database) : check_format(**database); !ok) {
        return ok.error();
    }
    std::unique_ptr<SqliteStore> store(new SqliteStore(file, std::move(*database), hasher));
    Result<DurableLog> log = store->load(*head);
    if (!log) {
        return log.error();
    }
    if (const auto ok = store->prepare(head->has_value()); !ok) {
        return ok.error();
    }
    return Opened{std::move(store), std::move(*log)};
}

Result<DurableLog> SqliteStore::load(const std::optional<LedgerHead>& head) {
    Result<std::vector<Bytes>> records = read_all(head);
    if (!records) {
        return records.error();
    }
    const Result<Vote> vote = read_vote();
    if (!vote) {
        return vote.error();
    }
    newest_.vote = *vote;
    if (!head && is_set(newest_)) {
        return Error{Errc::io,
                     "ledger head " + head_file(file_).string() +
                         " is missing: without it, it can't be verified that the ledger " +
                         file_.string() + " (" + entries_text(1, newest_.index) + ") is whole" +
                         what_to_do(file_)};
    }
    if (head) {
        if (const auto ok = check_head(*head, *vote); !ok) {
            return ok.error();
        }
    }
    return DurableLog{*vote, std::move(*records)};
}

Result<std::vector<Bytes>> SqliteStore::read_all(const std::optional<LedgerHead>& head) {
    Result<SqlStatement> select =
        database_->prepare("SELECT idx, link, data FROM log ORDER BY idx");
    if (!select) {
        return select.error();
    }
    std::vector<Bytes> records;
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
            return database_->error(
                entry + " differs from the one in " + head_file(file_).string() +
                ": the two files belong to different ledgers" + what_to_do(file_));
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

/// The head is written after the database, so it may be behind but never ahead.
Result<void> SqliteStore::check_head(const LedgerHead& head, const Vote& vote) const {
    if (newest_.index < head.index) {
        return cut_error(file_, newest_.index, head);
    }
    if (head.next_server && vote == *head.next_server && newest_.index > head.index) {
        // The write was durable before a crash, and the votes of the old server do not bind the new
        // one.
        return {};
    }
    const Vote& promised = head.vote;
    const bool other_server = promised.self != 0 && vote.self != promised.self;
    const bool lost =
        vote.term < promised.term || (vote.term == promised.term && promised.candidate != 0 &&
                                      vote.candidate != promised.candidate);
    return other_server || lost ? lost_vote_error(file_, vote, promised) : Result<void>{};
}

Result<void> SqliteStore::prepare(bool has_head) {
    if (const auto ok = database_->begin_writing(); !ok) {
        return ok;
    }
    statements_ = std::make_unique<Statements>();
    for (const auto& [statement, sql] :
         std::initializer_list<std::pair<SqlStatement*, const char*>>{
             {&statements_->begin, "BEGIN IMMEDIATE"},
             {&statements_->commit, "COMMIT"},
             {&statements_->insert, "INSERT INTO log(idx, link, data) VALUES(?1, ?2, ?3)"},
             {&statements_->cut, "DELETE FROM log WHERE idx>=?1"},
             {&statements_->link, "SELECT link FROM log WHERE idx=?1"},
             {&statements_->vote,
              "INSERT OR REPLACE INTO vote(id, data, sum) VALUES(1, ?1, ?2)"}}) {
        Result<SqlStatement> prepared = database_->prepare(sql);
        if (!prepared) {
            return prepared.error();
        }
        *statement = std::move(*prepared);
    }
    Result<std::unique_ptr<HeadFile>> head =
        has_head ? HeadFile::open(head_file(file_), hasher_)
                 : HeadFile::create(head_file(file_), hasher_, newest_);
    if (!head) {
        return head.error();
    }
    head_ = std::move(*head);
    return head_->head().next_server ? head_->replace(newest_) : Result<void>{};
}

template <typename Put>
Result<void> SqliteStore::commit(Put put) {
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
    return database_->wal_frames() < wal_frames_max ? Result<void>{} : maintain();
}

bool SqliteStore::needs_maintenance() const {
    return !failed_ && database_->wal_frames() >= wal_frames_idle;
}

Result<void> SqliteStore::maintain() {
    if (failed_) {
        return *failed_;
    }
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
    for (const StoreWrite& write : writes) {
        if (const auto* persist = std::get_if<Persist>(&write)) {
            if (const auto ok = check_append(persist->first, persist->records, last); !ok) {
                return ok;
            }
            lowest = std::min(lowest, persist->first);
            last = persist->first + persist->records.size() - 1;
        }
    }
    lower_head(lowest);
    for (const StoreWrite& write : writes) {
        if (const auto* vote = std::get_if<PersistVote>(&write)) {
            announce_server(vote->vote);
        }
    }
    return commit([&](LedgerHead& newest) {
        Result<void> done;
        for (const StoreWrite& write : writes) {
            if (done) {
                const auto* persist = std::get_if<Persist>(&write);
                done = persist != nullptr ? put_records(persist->first, persist->records, newest)
                                          : put_vote(std::get<PersistVote>(write).vote, newest);
            }
        }
        return done;
    });
}

Result<void> SqliteStore::check_append(std::uint64_t first, std::span<const Bytes> records,
                                       std::uint64_t last) const {
    if (first == 0 || first > last + 1) {
        return database_->error("entry " + std::to_string(first) + " can't follow entry " +
                                std::to_string(last));
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
    Digest link;
    if (index == 0) {
        return link;
    }
    statements_->link.bind(1, index);
    const int code = statements_->link.step();
    const ByteView bytes = code == SQLITE_ROW ? statements_->link.bytes(0) : ByteView{};
    const bool whole = bytes.size() == link.bytes.size();
    if (whole) {
        std::ranges::copy(bytes, link.bytes.begin());
    }
    statements_->link.reset();
    return whole ? Result<Digest>(link)
                 : database_->error("entry " + std::to_string(index) + " can't be read");
}

}  // namespace starling
