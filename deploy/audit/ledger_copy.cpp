// SQLite changes the files beside a database even when reading it (WAL index), and locks out
// others. An audit must do neither to evidence, so it works on a copy.
#include "deploy/audit/ledger_copy.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <sqlite3.h>

#include "deploy/storage/sqlite_database.hpp"
#include "deploy/storage/sqlite_store.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t row_bytes_max = std::size_t{64} * 1024 * 1024;

/// A private temporary directory, removed by the destructor.
class PrivateDirectory {
public:
    PrivateDirectory() {
        std::error_code failed;
        std::string name = (fs::temp_directory_path(failed) / "swarm-audit-XXXXXX").string();
        made_ = !failed && ::mkdtemp(name.data()) != nullptr;
        path_ = name;
    }
    PrivateDirectory(const PrivateDirectory&) = delete;
    PrivateDirectory& operator=(const PrivateDirectory&) = delete;
    ~PrivateDirectory() {
        if (made_) {
            std::error_code ignored;
            fs::remove_all(path_, ignored);
        }
    }
    bool made() const { return made_; }
    const fs::path& path() const { return path_; }

private:
    fs::path path_;
    bool made_ = false;
};

/// Copies the database before its write-ahead log: pages that a checkpoint moves meanwhile are then
/// in both copies, never in neither, since SQLite restarts the log only with the next write.
Result<void> copy_both(const fs::path& from, const fs::path& to) {
    std::error_code failed;
    fs::copy_file(from, to, failed);
    const fs::path wal = from.string() + "-wal";
    std::error_code ignored;
    if (!failed && fs::exists(wal, ignored)) {
        fs::copy_file(wal, to.string() + "-wal", failed);
    }
    if (failed) {
        return Error{Errc::io, from.string() + ": can't be copied: " + failed.message()};
    }
    return {};
}

}  // namespace

Result<void> read_ledger_copy(
    const fs::path& file,
    const std::function<Result<void>(std::uint64_t, ByteView, const Digest&)>& take) {
    std::error_code ignored;
    if (!fs::is_regular_file(file, ignored)) {
        return Error{Errc::io, file.string() + ": no such file"};
    }
    const PrivateDirectory directory;
    if (!directory.made()) {
        return Error{Errc::io, "no directory for a copy can be created: " +
                                   std::string(std::strerror(errno)) + "; set TMPDIR"};
    }
    const fs::path copied = directory.path() / file.filename();
    if (const auto done = copy_both(file, copied); !done) {
        return done;
    }
    const auto database = SqliteDatabase::open(copied, row_bytes_max);
    if (!database) {
        return database.error();
    }
    if (const auto format =
            (*database)->number("SELECT value FROM meta WHERE key='starling_ledger_format'");
        format && *format != SqliteStore::format_version) {
        return Error{Errc::io, file.string() + ": format " + std::to_string(*format) +
                                   ", and this program reads format " +
                                   std::to_string(SqliteStore::format_version) +
                                   ": use the swarm-audit of the version that wrote it"};
    }
    Result<SqlStatement> select =
        (*database)->prepare("SELECT idx, link, data FROM log ORDER BY idx");
    if (!select) {
        return Error{Errc::io, file.string() + ": not a ledger: " + select.error().message};
    }
    for (;;) {
        const int code = select->step();
        if (code == SQLITE_DONE) {
            return {};
        }
        if (code != SQLITE_ROW) {
            return (*database)->failed(code);
        }
        Digest link;
        const ByteView bytes = select->bytes(1);
        if (bytes.size() == link.bytes.size()) {
            std::ranges::copy(bytes, link.bytes.begin());
        }
        if (const auto good =
                take(static_cast<std::uint64_t>(select->number(0)), select->bytes(2), link);
            !good) {
            return good;
        }
    }
}

}  // namespace starling
