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

constexpr int format_version = 1;
constexpr int application_id = 0x53746172;  // "Star", in the file's header: file(1) shows it

struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

Digest link_of(const Hasher& hasher, const Digest& before, std::uint64_t index, ByteView data) {
    Writer number;
    number.u64(index);
    const std::array<ByteView, 3> parts{ByteView(before.bytes), ByteView(number.bytes()), data};
    return hasher.digest(std::span<const ByteView>(parts));
}

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
    Result<Statement> insert =
        store->database_->prepare("INSERT INTO log(idx, link, data) VALUES(?1, ?2, ?3)");
    if (!insert) {
        return insert.error();
    }
    store->database_->insert = std::move(*insert);
    return Opened{std::move(store), std::move(*records)};
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
        const Digest computed = link_of(hasher_, last_link_, expected, data);
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

Result<void> SqliteStore::append(std::uint64_t index, ByteView bytes) {
    if (index != last_index_ + 1) {
        return database_->error("entry " + std::to_string(index) + " can't follow entry " +
                                std::to_string(last_index_));
    }
    if (bytes.size() > entry_bytes_max) {
        return database_->error("entry " + std::to_string(index) + " is " +
                                std::to_string(bytes.size()) + " bytes long, the bound is " +
                                std::to_string(entry_bytes_max));
    }
    const Digest link = link_of(hasher_, last_link_, index, bytes);
    sqlite3_stmt* insert = database_->insert.get();
    sqlite3_bind_int64(insert, 1, static_cast<sqlite3_int64>(index));
    sqlite3_bind_blob64(insert, 2, link.bytes.data(), link.bytes.size(), SQLITE_STATIC);
    // A null pointer would be stored as NULL.
    static constexpr char empty = 0;
    const void* data = bytes.empty() ? static_cast<const void*>(&empty) : bytes.data();
    sqlite3_bind_blob64(insert, 3, data, bytes.size(), SQLITE_STATIC);
    const int stepped = sqlite3_step(insert);  // its own transaction: durable when it is done
    std::optional<Error> failure;
    if (stepped != SQLITE_DONE) {
        failure = database_->failed(stepped);
    }
    sqlite3_reset(insert);
    sqlite3_clear_bindings(insert);
    if (failure) {
        return *failure;
    }
    last_link_ = link;
    last_index_ = index;
    return {};
}

}  // namespace starling
