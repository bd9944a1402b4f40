// How a store is opened: its file is created or checked, and what a start needs is loaded (see
// sqlite_store_load.cpp). Whatever is refused stays unchanged.
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "deploy/storage/detail/sqlite_store_parts.hpp"

namespace starling {

namespace fs = std::filesystem;

namespace {

constexpr int format_version = SqliteStore::format_version;
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
    constexpr int newest = SqliteStore::format_version_archived;
    if (*format > newest) {
        return database.error("format " + std::to_string(*format) +
                              ", and this program supports format " + std::to_string(newest) +
                              ": use a newer Starling version");
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

std::string what_to_do(const fs::path& file) {
    return ". A node that is alone: restore its files, or move " + file.stem().string() +
           ".* away to start a new ledger. One of several SNs: do not restore a copy; move them "
           "away and rejoin with --sentinel-ip";
}

SqliteStore::SqliteStore(fs::path file, std::unique_ptr<SqliteDatabase> database,
                         const Hasher& hasher, ArchiveOptions archive)
    : file_(std::move(file)),
      database_(std::move(database)),
      hasher_(hasher),
      snapshots_(file_, hasher),
      archiving_(std::move(archive)),
      archive_({archive_directory(file_)}, hasher),
      archiver_(archive_directory(file_), *database_, archive_, hasher) {}

SqliteStore::~SqliteStore() = default;

Result<SqliteStore::Opened> SqliteStore::open(const fs::path& file, const Hasher& hasher,
                                              ArchiveOptions archive) {
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
    std::unique_ptr<SqliteStore> store(
        new SqliteStore(file, std::move(*database), hasher, std::move(archive)));
    std::vector<std::string> notes;
    Result<DurableLog> log = store->load(*head, notes);
    if (!log) {
        return log.error();
    }
    if (const auto ok = store->prepare(head->has_value()); !ok) {
        return ok.error();
    }
    return Opened{std::move(store), std::move(*log), std::move(notes)};
}

Result<DurableLog> SqliteStore::load(const std::optional<LedgerHead>& head,
                                     std::vector<std::string>& notes) {
    if (const auto archived = archive_.load(*database_); !archived) {
        return archived.error();
    }
    if (const std::string missing = archive_.missing_text(); !missing.empty()) {
        notes.push_back(missing);
    }
    Result<std::shared_ptr<const LedgerSnapshot>> snapshot = newest_snapshot(notes);
    if (!snapshot) {
        return snapshot.error();
    }
    if (*snapshot) {
        newest_.index = (*snapshot)->index();
        newest_.link = (*snapshot)->link;
    }
    const Result<MissingRecords> missing = read_missing();
    if (!missing) {
        return missing.error();
    }
    missing_ = missing->last;
    if (newest_.index < missing_) {
        return database_->error(
            "it begins behind entry " + std::to_string(missing_) +
            ", since this SN joined with the state after it, and no snapshot of that can be used" +
            what_to_do(file_));
    }
    Result<std::vector<Bytes>> records = read_behind(head);
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
    return DurableLog{*vote, std::move(*records), std::move(*snapshot), *missing};
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
             {&statements_->replace,
              "INSERT OR REPLACE INTO log(idx, link, data) VALUES(?1, ?2, ?3)"},
             {&statements_->cut, "DELETE FROM log WHERE idx>=?1"},
             {&statements_->record, "SELECT link, data FROM log WHERE idx=?1"},
             {&statements_->oldest, "SELECT idx, length(data) FROM log ORDER BY idx LIMIT 512"},
             {&statements_->remove, "DELETE FROM log WHERE idx<=?1"},
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
    if (const auto found = find_oldest_row(); !found) {
        return found;
    }
    return head_->head().next_server ? head_->replace(newest_) : Result<void>{};
}

}  // namespace starling
