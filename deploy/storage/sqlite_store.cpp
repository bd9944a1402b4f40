#include "deploy/storage/sqlite_store.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "core/base/coding.hpp"

namespace starling {
namespace {

constexpr int format_version = 2;
constexpr int application_id = 0x53746172;  // "Star", in the file's header: file(1) shows it

struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

ByteView column_bytes(sqlite3_stmt* statement, int column) {
    const void* data = sqlite3_column_blob(statement, column);
    const int size = sqlite3_column_bytes(statement, column);
    return {static_cast<const std::byte*>(data),
            data == nullptr ? 0 : static_cast<std::size_t>(size)};
}

/// SQLite would create the file readable by others.
Result<void> create_private(const std::filesystem::path& file) {
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return Error{Errc::io, "ledger " + file.string() +
                                   " can't be opened for writing: " + std::strerror(errno)};
    }
    ::close(descriptor);
    return {};
}

}  // namespace

struct SqliteStore::Database {
    std::filesystem::path file;
    sqlite3* handle = nullptr;
    Statement insert;

    ~Database() {
        insert.reset();
        sqlite3_close(handle);
    }

    Error error(const std::string& what) const {
        return {Errc::io, "ledger " + file.string() + ": " + what};
    }
    Error failed(int code) const {
        switch (code & 0xFF) {
            case SQLITE_BUSY:
            case SQLITE_LOCKED:
                return error("in use by another process: stop that node first");
            case SQLITE_NOTADB:
                return error("this is no ledger: it is not an SQLite file");
            case SQLITE_READONLY:
                return error("can't be written: check the permissions of file and directory");
            case SQLITE_FULL:
                return error("the disk is full");
            default:
                return error(sqlite3_errmsg(handle));
        }
    }
    Result<void> run(const char* sql) {
        const int code = sqlite3_exec(handle, sql, nullptr, nullptr, nullptr);
        return code == SQLITE_OK ? Result<void>{} : failed(code);
    }
    Result<Statement> prepare(const char* sql) {
        sqlite3_stmt* statement = nullptr;
        const int code = sqlite3_prepare_v2(handle, sql, -1, &statement, nullptr);
        if (code != SQLITE_OK) {
            return failed(code);
        }
        return Statement(statement);
    }
    Result<std::int64_t> number(const char* sql) {
        Result<Statement> statement = prepare(sql);
        if (!statement) {
            return statement.error();
        }
        const int code = sqlite3_step(statement->get());
        if (code == SQLITE_DONE) {
            return std::int64_t{-1};
        }
        return code == SQLITE_ROW ? Result<std::int64_t>(sqlite3_column_int64(statement->get(), 0))
                                  : failed(code);
    }

    Result<void> connect();
    Result<void> check_format();
};

Result<void> SqliteStore::Database::connect() {
    const int code = sqlite3_open_v2(file.c_str(), &handle,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    if (code != SQLITE_OK) {
        return handle == nullptr ? error("not enough memory to open it") : failed(code);
    }
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, static_cast<int>(entry_bytes_max + 1024));
    // Exclusive before WAL: the lock is then held until close, and no shared-memory file is needed.
    for (const char* sql : {"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA journal_mode=WAL",
                            "PRAGMA synchronous=FULL", "BEGIN IMMEDIATE", "COMMIT"}) {
        if (const auto ok = run(sql); !ok) {
            return ok;
        }
    }
    return {};
}

Result<void> SqliteStore::Database::check_format() {
    const Result<std::int64_t> tables = number("SELECT count(*) FROM sqlite_master");
    if (!tables) {
        return tables.error();
    }
    if (*tables == 0) {
        const std::string create =
            "BEGIN IMMEDIATE;"
            "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
            "CREATE TABLE log(idx INTEGER PRIMARY KEY, link BLOB NOT NULL, data BLOB NOT NULL);"
            "CREATE TABLE vote(id INTEGER PRIMARY KEY, data BLOB NOT NULL, sum BLOB NOT NULL);"
            "INSERT INTO meta VALUES('starling_ledger_format'," +
            std::to_string(format_version) +
            ");PRAGMA application_id=" + std::to_string(application_id) + ";COMMIT;";
        return run(create.c_str());
    }
    const Result<std::int64_t> ours =
        number("SELECT count(*) FROM sqlite_master WHERE name IN ('meta','log')");
    if (!ours) {
        return ours.error();
    }
    const std::string foreign =
        "this SQLite file is no Starling ledger: choose another --workspace";
    if (*ours != 2) {
        return error(foreign);
    }
    const Result<std::int64_t> format =
        number("SELECT value FROM meta WHERE key='starling_ledger_format'");
    if (!format || *format < 1) {
        return format || format.error().message.find("no such column") != std::string::npos
                   ? error(foreign)
                   : format.error();
    }
    if (*format < format_version) {
        return error("format " + std::to_string(*format) +
                     " of an earlier Starling: move it away to begin a new ledger");
    }
    if (*format > format_version) {
        return error("format " + std::to_string(*format) + ", and this program knows format " +
                     std::to_string(format_version) + ": start it with a newer Starling");
    }
    return {};
}

SqliteStore::SqliteStore(std::unique_ptr<Database> database, const Hasher& hasher)
    : database_(std::move(database)), hasher_(hasher) {}

SqliteStore::~SqliteStore() = default;

Result<SqliteStore::Opened> SqliteStore::open(const std::filesystem::path& file,
                                              const Hasher& hasher) {
    if (const auto ok = create_private(file); !ok) {
        return ok.error();
    }
    auto database = std::make_unique<Database>();
    database->file = file;
    if (const auto ok = database->connect(); !ok) {
        return ok.error();
    }
    if (const auto ok = database->check_format(); !ok) {
        return ok.error();
    }
    std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(database), hasher));
    Result<std::vector<Bytes>> records = store->read_all();
    if (!records) {
        return records.error();
    }
    Result<Vote> vote = store->read_vote();
    if (!vote) {
        return vote.error();
    }
    Result<Statement> insert =
        store->database_->prepare("INSERT INTO log(idx, link, data) VALUES(?1, ?2, ?3)");
    if (!insert) {
        return insert.error();
    }
    store->database_->insert = std::move(*insert);
    return Opened{std::move(store), {*vote, std::move(*records)}};
}

Result<std::vector<Bytes>> SqliteStore::read_all() {
    Result<Statement> select = database_->prepare("SELECT idx, link, data FROM log ORDER BY idx");
    if (!select) {
        return select.error();
    }
    std::vector<Bytes> records;
    for (;;) {
        const std::uint64_t expected = last_index_ + 1;
        const std::string entry = "entry " + std::to_string(expected);
        const int code = sqlite3_step(select->get());
        if (code == SQLITE_DONE) {
            return records;
        }
        if (code != SQLITE_ROW) {
            return database_->error(entry + " can't be read: " + sqlite3_errmsg(database_->handle));
        }
        const std::int64_t index = sqlite3_column_int64(select->get(), 0);
        if (index < 0 || static_cast<std::uint64_t>(index) != expected) {
            return database_->error(entry + " is missing: the next one is entry " +
                                    std::to_string(index));
        }
        const ByteView link = column_bytes(select->get(), 1);
        const ByteView data = column_bytes(select->get(), 2);
        const Digest computed = chain_link(hasher_, last_link_, expected, data);
        if (!std::ranges::equal(link, computed.bytes)) {
            return database_->error(entry +
                                    " is damaged: its hash link does not fit. Restore the file, or "
                                    "move it away to begin a new ledger");
        }
        records.emplace_back(data.begin(), data.end());
        last_link_ = computed;
        last_index_ = expected;
    }
}

Result<Vote> SqliteStore::read_vote() {
    Result<Statement> select = database_->prepare("SELECT data, sum FROM vote WHERE id=1");
    if (!select) {
        return select.error();
    }
    const int code = sqlite3_step(select->get());
    if (code == SQLITE_DONE) {
        return Vote{};
    }
    if (code != SQLITE_ROW) {
        return database_->failed(code);
    }
    const ByteView data = column_bytes(select->get(), 0);
    Reader reader(data);
    const Vote vote{reader.u64(), reader.u64(), reader.u64()};
    if (!reader.done() ||
        !std::ranges::equal(column_bytes(select->get(), 1), hasher_.digest(data).bytes)) {
        return database_->error(
            "what this node has promised (term and vote) is damaged. Remove it from the swarm, "
            "move "
            "the file away, and let it join anew");
    }
    return vote;
}

Result<void> SqliteStore::save_vote(const Vote& vote) {
    Writer writer;
    writer.u64(vote.self);
    writer.u64(vote.term);
    writer.u64(vote.candidate);
    const Digest sum = hasher_.digest(writer.bytes());
    Result<Statement> put =
        database_->prepare("INSERT OR REPLACE INTO vote(id, data, sum) VALUES(1, ?1, ?2)");
    if (!put) {
        return put.error();
    }
    sqlite3_bind_blob64(put->get(), 1, writer.bytes().data(), writer.bytes().size(), SQLITE_STATIC);
    sqlite3_bind_blob64(put->get(), 2, sum.bytes.data(), sum.bytes.size(), SQLITE_STATIC);
    const int stepped = sqlite3_step(put->get());
    return stepped == SQLITE_DONE ? Result<void>{} : database_->failed(stepped);
}

Result<void> SqliteStore::append(std::uint64_t first, std::span<const Bytes> records) {
    if (first == 0 || first > last_index_ + 1) {
        return database_->error("entry " + std::to_string(first) + " can't follow entry " +
                                std::to_string(last_index_));
    }
    for (const Bytes& bytes : records) {
        if (bytes.size() > entry_bytes_max) {
            return database_->error("an entry of " + std::to_string(bytes.size()) +
                                    " bytes, the bound is " + std::to_string(entry_bytes_max));
        }
    }
    Result<void> done = database_->run("BEGIN IMMEDIATE");
    Digest link = last_link_;
    if (done && first <= last_index_) {
        const Result<Digest> before = cut_from(first);
        done = before ? Result<void>{} : before.error();
        link = before ? *before : link;
    }
    for (std::size_t i = 0; done && i < records.size(); ++i) {
        link = chain_link(hasher_, link, first + i, records[i]);
        done = insert(first + i, records[i], link);
    }
    if (done) {
        done = database_->run("COMMIT");  // durable when it is done
    }
    if (!done) {
        const Error failure = done.error();
        static_cast<void>(database_->run("ROLLBACK"));
        return failure;
    }
    last_link_ = link;
    last_index_ = first + records.size() - 1;
    return {};
}

/// Drops the entries from `first` on. \return  the link before them.
Result<Digest> SqliteStore::cut_from(std::uint64_t first) {
    if (const auto ok =
            database_->run(("DELETE FROM log WHERE idx>=" + std::to_string(first)).c_str());
        !ok) {
        return ok.error();
    }
    Digest link;
    if (first == 1) {
        return link;
    }
    Result<Statement> select =
        database_->prepare(("SELECT link FROM log WHERE idx=" + std::to_string(first - 1)).c_str());
    if (!select) {
        return select.error();
    }
    const int code = sqlite3_step(select->get());
    const ByteView bytes = code == SQLITE_ROW ? column_bytes(select->get(), 0) : ByteView{};
    if (bytes.size() != link.bytes.size()) {
        return database_->error("entry " + std::to_string(first - 1) + " can't be read");
    }
    std::ranges::copy(bytes, link.bytes.begin());
    return link;
}

Result<void> SqliteStore::insert(std::uint64_t index, ByteView bytes, const Digest& link) {
    sqlite3_stmt* insert = database_->insert.get();
    sqlite3_bind_int64(insert, 1, static_cast<sqlite3_int64>(index));
    sqlite3_bind_blob64(insert, 2, link.bytes.data(), link.bytes.size(), SQLITE_STATIC);
    // A null pointer would be stored as NULL.
    static constexpr char empty = 0;
    const void* data = bytes.empty() ? static_cast<const void*>(&empty) : bytes.data();
    sqlite3_bind_blob64(insert, 3, data, bytes.size(), SQLITE_STATIC);
    const int stepped = sqlite3_step(insert);
    const Result<void> done =
        stepped == SQLITE_DONE ? Result<void>{} : Result<void>(database_->failed(stepped));
    sqlite3_reset(insert);
    sqlite3_clear_bindings(insert);
    return done;
}

}  // namespace starling
