// SQLite changes the files beside a database even when reading it (WAL index), and locks out
// others. An audit must do neither to evidence, so it works on a copy.
#include "deploy/audit/ledger_copy.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <sqlite3.h>

#include "deploy/storage/ledger_archive.hpp"
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

Result<void> check_format(SqliteDatabase& database, const fs::path& file) {
    const Result<std::int64_t> format =
        database.number("SELECT value FROM meta WHERE key='starling_ledger_format'");
    if (!format || (*format >= SqliteStore::format_version &&
                    *format <= SqliteStore::format_version_archived)) {
        return {};  // what is no ledger is refused when it is read
    }
    return Error{Errc::io, file.string() + ": format " + std::to_string(*format) +
                               ", and this program reads formats " +
                               std::to_string(SqliteStore::format_version) + " and " +
                               std::to_string(SqliteStore::format_version_archived) +
                               ": use the swarm-audit of the version that wrote it"};
}

/// \return  the last archived entry; 0: there is none
Result<std::uint64_t> read_archive(SqliteDatabase& database, std::vector<fs::path> directories,
                                   const Hasher& hasher, const ArchiveFile::Take& take) {
    LedgerArchive archive(std::move(directories), hasher);
    Result<void> done = archive.load(database);
    if (done) {
        done = archive.read(1, [&](std::uint64_t index, ByteView data, const Digest& link) {
            const Result<void> taken = take(index, data, link);
            return taken ? taken
                         : Error{taken.error().code, taken.error().message + " (in " +
                                                         archive.file_at(index).string() + ")"};
        });
    }
    if (!done) {
        return Error{Errc::malformed, done.error().message};
    }
    return archive.last();
}

Result<void> read_rows(SqliteDatabase& database, const fs::path& file, std::uint64_t behind,
                       const ArchiveFile::Take& take) {
    Result<SqlStatement> select =
        database.prepare("SELECT idx, link, data FROM log WHERE idx>?1 ORDER BY idx");
    if (!select) {
        return Error{Errc::io, file.string() + ": not a ledger: " + select.error().message};
    }
    select->bind(1, behind);
    for (;;) {
        const int code = select->step();
        if (code == SQLITE_DONE) {
            return {};
        }
        if (code != SQLITE_ROW) {
            return database.failed(code);
        }
        Digest link;
        select->read_digest(1, link);  // else it stays zero, which fits to no entry
        if (const auto good =
                take(static_cast<std::uint64_t>(select->number(0)), select->bytes(2), link);
            !good) {
            return good;
        }
    }
}

}  // namespace

Result<void> read_ledger_copy(
    const fs::path& file, const fs::path& elsewhere, const Hasher& hasher,
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
    if (const auto format = check_format(**database, file); !format) {
        return format;
    }
    std::vector<fs::path> directories = {archive_directory(file)};
    if (!elsewhere.empty()) {
        directories.push_back(elsewhere);
    }
    const Result<std::uint64_t> archived =
        read_archive(**database, std::move(directories), hasher, take);
    return archived ? read_rows(**database, file, *archived, take) : archived.error();
}

}  // namespace starling
