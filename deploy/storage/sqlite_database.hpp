#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/hasher.hpp"
#include "core/base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace starling {

/// A prepared statement. Bind, step, read columns; reset() makes it ready for the next use.
class SqlStatement {
public:
    explicit SqlStatement(sqlite3_stmt* statement = nullptr) : statement_(statement) {}
    SqlStatement(SqlStatement&& other) noexcept : statement_(other.release()) {}
    SqlStatement& operator=(SqlStatement&& other) noexcept;
    ~SqlStatement();

    /// Bound bytes must live until the next reset().
    void bind(int position, std::uint64_t number);
    void bind(int position, ByteView bytes);
    /// \return  SQLITE_ROW, SQLITE_DONE, or an error code.
    int step();
    void reset();
    std::int64_t number(int column) const;
    std::string text(int column) const;
    /// Valid until the next step().
    ByteView bytes(int column) const;
    /// \return  false: the column has another size; `digest` is unchanged then
    bool read_digest(int column, Digest& digest) const;

private:
    sqlite3_stmt* release() {
        sqlite3_stmt* released = statement_;
        statement_ = nullptr;
        return released;
    }
    sqlite3_stmt* statement_;
};

/// One SQLite file of a node, held by this process alone. Errors name the file and the reason,
/// including the operating system's if there is one.
class SqliteDatabase {
public:
    /// \pre  the file exists. Does not change it.
    static Result<std::unique_ptr<SqliteDatabase>> open(const std::filesystem::path& file,
                                                        std::size_t row_bytes_max);
    /// A file that nobody changes: it is read without a lock, and nothing is made beside it.
    static Result<std::unique_ptr<SqliteDatabase>> open_immutable(const std::filesystem::path& file,
                                                                  std::size_t row_bytes_max);
    SqliteDatabase(const SqliteDatabase&) = delete;
    SqliteDatabase& operator=(const SqliteDatabase&) = delete;
    ~SqliteDatabase();

    /// Switches to WAL and durable commits, and checks that the file can be written.
    Result<void> begin_writing();
    /// "ledger FILE: WHAT", Errc::io.
    Error error(const std::string& what) const;
    /// Explains a result code of SQLite.
    Error failed(int code) const;
    Result<void> run(const char* sql);
    Result<SqlStatement> prepare(const char* sql);
    /// First column of the first row; -1 if there is no row.
    Result<std::int64_t> number(const char* sql);
    Result<std::string> text(const char* sql);
    /// Runs a statement without results and resets it.
    Result<void> finish(SqlStatement& statement);
    /// Frames in the WAL after the last commit.
    int wal_frames() const { return wal_frames_; }
    /// Moves the WAL's pages into the file.
    Result<void> checkpoint();
    /// Fills the WAL up with zeros to that length, if the disk has much more space: commits then
    /// change no length of a file, which is another write of the disk each time. To SQLite zeros
    /// are no frames.
    void reserve_wal(int frames) const;

private:
    explicit SqliteDatabase(std::filesystem::path file) : file_(std::move(file)) {}

    std::filesystem::path file_;
    sqlite3* handle_ = nullptr;
    int wal_frames_ = 0;
};

}  // namespace starling
