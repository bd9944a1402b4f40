// SQLite's C interface as objects with destructors, and its errors as text for the operator.
// Settings: WAL with synchronous=FULL, where a commit is durable on return
// (sqlite.org/pragma.html#pragma_synchronous). Checkpoints are made by the caller, since an
// automatic one would be a long pause within a commit.
#include "deploy/storage/sqlite_database.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/files/replace_file.hpp"
#include "transport/descriptor.hpp"

namespace starling {

SqlStatement& SqlStatement::operator=(SqlStatement&& other) noexcept {
    sqlite3_finalize(std::exchange(statement_, other.release()));
    return *this;
}

SqlStatement::~SqlStatement() { sqlite3_finalize(statement_); }

void SqlStatement::bind(int position, std::uint64_t number) {
    sqlite3_bind_int64(statement_, position, static_cast<sqlite3_int64>(number));
}

void SqlStatement::bind(int position, ByteView bytes) {
    // SQLite would store a null pointer as NULL.
    static constexpr char empty = 0;
    const void* data = bytes.empty() ? static_cast<const void*>(&empty) : bytes.data();
    sqlite3_bind_blob64(statement_, position, data, bytes.size(), SQLITE_STATIC);
}

int SqlStatement::step() {
    errno = 0;
    return sqlite3_step(statement_);
}

void SqlStatement::reset() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

std::int64_t SqlStatement::number(int column) const {
    return sqlite3_column_int64(statement_, column);
}

std::string SqlStatement::text(int column) const {
    const unsigned char* text = sqlite3_column_text(statement_, column);
    return text == nullptr ? "" : reinterpret_cast<const char*>(text);
}

ByteView SqlStatement::bytes(int column) const {
    const void* data = sqlite3_column_blob(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    return {static_cast<const std::byte*>(data),
            data == nullptr ? 0 : static_cast<std::size_t>(size)};
}

bool SqlStatement::read_digest(int column, Digest& digest) const {
    const ByteView found = bytes(column);
    if (found.size() != digest.bytes.size()) {
        return false;
    }
    std::ranges::copy(found, digest.bytes.begin());
    return true;
}

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(const std::filesystem::path& file,
                                                             std::size_t row_bytes_max) {
    std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(file));
    const int code = sqlite3_open_v2(file.c_str(), &database->handle_,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    if (code != SQLITE_OK) {
        return database->handle_ == nullptr ? database->error("not enough memory to open it")
                                            : database->failed(code);
    }
    sqlite3* handle = database->handle_;
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, static_cast<int>(row_bytes_max));
    // A ledger that is refused must stay unchanged, including its WAL.
    sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    // Exclusive mode before WAL: then the lock is held until close, and no shared-memory file is
    // needed.
    if (const auto ok = database->run("PRAGMA locking_mode=EXCLUSIVE"); !ok) {
        return ok.error();
    }
    return database;
}

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open_immutable(
    const std::filesystem::path& file, std::size_t row_bytes_max) {
    std::string uri = "file:";
    for (const char c : std::filesystem::absolute(file).string()) {
        uri += c == '%' ? "%25" : c == '?' ? "%3f" : c == '#' ? "%23" : std::string(1, c);
    }
    uri += "?immutable=1";
    std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(file));
    errno = 0;
    const int code =
        sqlite3_open_v2(uri.c_str(), &database->handle_,
                        SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
    if (code != SQLITE_OK) {
        return database->handle_ == nullptr ? database->error("not enough memory to open it")
                                            : database->failed(code);
    }
    sqlite3_extended_result_codes(database->handle_, 1);
    sqlite3_limit(database->handle_, SQLITE_LIMIT_LENGTH, static_cast<int>(row_bytes_max));
    return database;
}

SqliteDatabase::~SqliteDatabase() { sqlite3_close(handle_); }

Result<void> SqliteDatabase::begin_writing() {
    // No automatic checkpoints: they are made between commits (checkpoint()), not within one.
    // A ledger has no secrets, so removed rows are not overwritten: that would put all their pages
    // into the WAL.
    for (const char* sql :
         {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA wal_autocheckpoint=0",
          "PRAGMA secure_delete=OFF", "BEGIN IMMEDIATE", "COMMIT"}) {
        if (const auto ok = run(sql); !ok) {
            return ok;
        }
    }
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
    sqlite3_wal_hook(
        handle_,
        [](void* database, sqlite3*, const char*, int frames) {
            static_cast<SqliteDatabase*>(database)->wal_frames_ = frames;
            return SQLITE_OK;
        },
        this);
    return {};
}

Error SqliteDatabase::error(const std::string& what) const {
    return {Errc::io, "ledger " + file_.string() + ": " + what};
}

Error SqliteDatabase::failed(int code) const {
    // SQLite does not record errno of a failed commit; that of its last system call is still set.
    const int left = errno;
    const int noted = sqlite3_system_errno(handle_);
    const int number = noted != 0 ? noted : left;
    const std::string reason = number == 0 ? "" : std::string(" (") + std::strerror(number) + ")";
    switch (code & 0xFF) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return error("in use by another process: stop that node first");
        case SQLITE_NOTADB:
            return error("this is not a ledger: it is not an SQLite file");
        case SQLITE_READONLY:
            return error("can't be written: check the permissions of file and directory");
        case SQLITE_CORRUPT:
            return error(std::string("damaged: ") + sqlite3_errmsg(handle_));
        case SQLITE_FULL:
            return error("the disk is full" + space_advice(file_, ENOSPC));
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
            return error(sqlite3_errmsg(handle_) + reason + space_advice(file_, number));
        default:
            return error(sqlite3_errmsg(handle_));
    }
}

Result<void> SqliteDatabase::run(const char* sql) {
    errno = 0;
    const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
    return code == SQLITE_OK ? Result<void>{} : failed(code);
}

Result<SqlStatement> SqliteDatabase::prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v2(handle_, sql, -1, &statement, nullptr);
    if (code != SQLITE_OK) {
        return failed(code);
    }
    return SqlStatement(statement);
}

Result<std::int64_t> SqliteDatabase::number(const char* sql) {
    Result<SqlStatement> statement = prepare(sql);
    if (!statement) {
        return statement.error();
    }
    const int code = statement->step();
    if (code == SQLITE_DONE) {
        return std::int64_t{-1};
    }
    return code == SQLITE_ROW ? Result<std::int64_t>(statement->number(0)) : failed(code);
}

Result<std::string> SqliteDatabase::text(const char* sql) {
    Result<SqlStatement> statement = prepare(sql);
    if (!statement) {
        return statement.error();
    }
    const int code = statement->step();
    return code == SQLITE_ROW || code == SQLITE_DONE ? Result<std::string>(statement->text(0))
                                                     : failed(code);
}

Result<void> SqliteDatabase::finish(SqlStatement& statement) {
    const int code = statement.step();
    const Result<void> done = code == SQLITE_DONE ? Result<void>{} : Result<void>(failed(code));
    statement.reset();
    return done;
}

Result<void> SqliteDatabase::checkpoint() {
    int frames = 0;
    int moved = 0;
    const int code =
        sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, &frames, &moved);
    if (code != SQLITE_OK) {
        return failed(code);
    }
    wal_frames_ = frames - moved;
    return {};
}

void SqliteDatabase::reserve_wal(int frames) const {
    constexpr off_t head_bytes = 32;
    constexpr off_t frame_bytes = 24 + 4096;
    constexpr std::uint64_t times_free = 16;
    const off_t wanted = head_bytes + frames * frame_bytes;
    // Locks are on the database itself, so a second descriptor of the WAL does no harm.
    const Descriptor wal(::open((file_.string() + "-wal").c_str(), O_WRONLY | O_CLOEXEC));
    struct stat now {};
    struct statvfs disk {};
    rlimit longest{};  // more would end this process with SIGXFSZ
    if (!wal || ::fstat(wal.number(), &now) != 0 || ::fstatvfs(wal.number(), &disk) != 0 ||
        disk.f_bavail * disk.f_frsize < times_free * static_cast<std::uint64_t>(wanted) ||
        ::getrlimit(RLIMIT_FSIZE, &longest) != 0 ||
        longest.rlim_cur < static_cast<rlim_t>(wanted)) {
        return;
    }
    const std::vector<std::byte> zeros(std::size_t{256} * 1024);
    off_t end = now.st_size;
    while (end < wanted) {
        const auto size = std::min(zeros.size(), static_cast<std::size_t>(wanted - end));
        const ssize_t written = ::pwrite(wal.number(), zeros.data(), size, end);
        if (written <= 0) {
            break;
        }
        end += written;
    }
    if (end < wanted || ::fdatasync(wal.number()) != 0) {
        static_cast<void>(::ftruncate(wal.number(), now.st_size));
    }
}

}  // namespace starling
