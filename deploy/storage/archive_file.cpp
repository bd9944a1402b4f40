// Archive files are SQLite files that are written once. A draft needs no journal: it is removed
// after a crash. A finished file is opened as immutable: SQLite then takes no lock and makes no
// file beside it, so it may be on read-only storage and be read by an audit while its SN runs.
#include "deploy/storage/archive_file.hpp"

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "core/files/replace_file.hpp"
#include "core/ledger/consensus.hpp"
#include "deploy/storage/sqlite_store.hpp"

namespace starling {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t row_bytes_max = SqliteStore::entry_bytes_max + 1024;
constexpr int archive_application_id =
    0x53744172;  // "StAr", in the file's header: file(1) shows it

}  // namespace

std::string archive_file_name(std::uint64_t first, std::uint64_t last) {
    std::array<char, 48> name{};
    const int size =
        std::snprintf(name.data(), name.size(), "%010" PRIu64 "-%010" PRIu64, first, last);
    return {name.data(), static_cast<std::size_t>(size)};
}

std::string entries_text(const ArchiveSegment& segment) {
    return "entries " + std::to_string(segment.first) + " to " + std::to_string(segment.last);
}

fs::path archive_directory(fs::path ledger) { return ledger.replace_extension(".archive"); }

bool read_segment(const SqlStatement& row, ArchiveSegment& segment) {
    segment.first = static_cast<std::uint64_t>(row.number(0));
    segment.last = static_cast<std::uint64_t>(row.number(1));
    return row.read_digest(2, segment.before) && row.read_digest(3, segment.link);
}

Result<void> put_segment(SqliteDatabase& database, const ArchiveSegment& segment) {
    Result<SqlStatement> insert =
        database.prepare("INSERT INTO archive(first, last, before, link) VALUES(?1, ?2, ?3, ?4)");
    if (!insert) {
        return insert.error();
    }
    insert->bind(1, segment.first);
    insert->bind(2, segment.last);
    insert->bind(3, segment.before.bytes);
    insert->bind(4, segment.link.bytes);
    return database.finish(*insert);
}

Result<std::unique_ptr<ArchiveFile>> ArchiveFile::open(const fs::path& file,
                                                       const ArchiveSegment& expected,
                                                       const Hasher& hasher) {
    Result<std::unique_ptr<SqliteDatabase>> database =
        SqliteDatabase::open_immutable(file, row_bytes_max);
    if (!database) {
        return database.error();
    }
    const Result<std::int64_t> format =
        (*database)->number("SELECT value FROM meta WHERE key='starling_archive_format'");
    if (!format) {
        return format.error();
    }
    if (*format != format_version) {
        return (*database)->error("archive format " + std::to_string(*format) +
                                  ", and this program supports format " +
                                  std::to_string(format_version));
    }
    Result<SqlStatement> select =
        (*database)->prepare("SELECT first, last, before, link FROM archive");
    if (!select) {
        return select.error();
    }
    ArchiveSegment segment;
    const int code = select->step();
    if (code != SQLITE_ROW) {
        return code == SQLITE_DONE ? (*database)->error("damaged: it names no entries")
                                   : (*database)->failed(code);
    }
    if (!read_segment(*select, segment) || segment != expected) {
        return (*database)->error("it is not the archive of " + entries_text(expected) +
                                  " of this ledger, but of another one");
    }
    Result<SqlStatement> one = (*database)->prepare("SELECT link, data FROM log WHERE idx=?1");
    if (!one) {
        return one.error();
    }
    return std::unique_ptr<ArchiveFile>(
        new ArchiveFile(std::move(*database), std::move(*one), segment, hasher));
}

Result<std::uint64_t> ArchiveFile::read(std::uint64_t from, std::uint64_t to, const Take& take,
                                        std::uint64_t bytes_max) {
    Result<SqlStatement> select = database_->prepare(
        "SELECT idx, link, data FROM log WHERE idx BETWEEN ?1 AND ?2 ORDER BY idx");
    if (!select) {
        return select.error();
    }
    select->bind(1, from);
    select->bind(2, to);
    std::uint64_t bytes = 0;
    std::uint64_t last = from - 1;
    while (last < to && bytes < bytes_max) {
        const std::uint64_t expected = last + 1;
        const int code = select->step();
        if (code != SQLITE_ROW && code != SQLITE_DONE) {
            const Error failure = database_->failed(code);
            return Error{failure.code,
                         failure.message + " (at entry " + std::to_string(expected) + ")"};
        }
        if (code == SQLITE_DONE || static_cast<std::uint64_t>(select->number(0)) != expected) {
            return error("damaged: entry " + std::to_string(expected) + " is missing in it");
        }
        Digest link;
        if (!select->read_digest(1, link)) {
            return error("damaged: the hash link of entry " + std::to_string(expected) +
                         " is none");
        }
        const ByteView data = select->bytes(2);
        if (const auto taken = take(expected, data, link); !taken) {
            return taken.error();
        }
        bytes += data.size();
        last = expected;
    }
    return last;
}

Result<void> ArchiveFile::read_one(std::uint64_t index, const Take& take) {
    one_.bind(1, index);
    const int code = one_.step();
    Result<void> done;
    Digest link;
    if (code == SQLITE_DONE) {
        done = error("damaged: entry " + std::to_string(index) + " is missing in it");
    } else if (code != SQLITE_ROW) {
        done = database_->failed(code);
    } else if (!one_.read_digest(0, link)) {
        done = error("damaged: the hash link of entry " + std::to_string(index) + " is none");
    } else {
        done = take(index, one_.bytes(1), link);
    }
    one_.reset();
    return done;
}

Result<Digest> ArchiveFile::link(std::uint64_t index) {
    Digest found;
    const auto done = read_one(index, [&](std::uint64_t, ByteView, const Digest& link) {
        found = link;
        return Result<void>{};
    });
    return done ? Result<Digest>(found) : done.error();
}

Result<Bytes> ArchiveFile::record(std::uint64_t index) {
    if (index == segment_.first) {
        read_link_ = segment_.before;
    } else if (index != read_index_ + 1) {
        const Result<Digest> before = link(index - 1);
        if (!before) {
            return before.error();
        }
        read_link_ = *before;
    }
    Bytes record;
    const auto done = read_one(index, [&](std::uint64_t, ByteView data, const Digest& link) {
        if (chain_link(hasher_, read_link_, index, data) != link) {
            return Result<void>(error("entry " + std::to_string(index) +
                                      " is damaged: its hash link does not match"));
        }
        record.assign(data.begin(), data.end());
        read_link_ = link;
        return Result<void>{};
    });
    read_index_ = done ? index : 0;
    return done ? Result<Bytes>(std::move(record)) : done.error();
}

Result<std::unique_ptr<ArchiveDraft>> ArchiveDraft::create(const fs::path& file) {
    ::unlink(file.c_str());
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return write_error(file, errno);
    }
    ::close(descriptor);
    Result<std::unique_ptr<SqliteDatabase>> database = SqliteDatabase::open(file, row_bytes_max);
    if (!database) {
        return database.error();
    }
    const std::string sql =
        "PRAGMA journal_mode=OFF;PRAGMA synchronous=FULL;PRAGMA application_id=" +
        std::to_string(archive_application_id) +
        ";BEGIN;"
        "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;" +
        create_archive_table +
        "CREATE TABLE log(idx INTEGER PRIMARY KEY, link BLOB NOT NULL, data BLOB NOT NULL);"
        "INSERT INTO meta VALUES('starling_archive_format'," +
        std::to_string(ArchiveFile::format_version) + ");COMMIT";
    if (const auto made = (*database)->run(sql.c_str()); !made) {
        return made.error();
    }
    Result<SqlStatement> insert =
        (*database)->prepare("INSERT INTO log(idx, link, data) VALUES(?1, ?2, ?3)");
    if (!insert) {
        return insert.error();
    }
    std::unique_ptr<ArchiveDraft> draft(new ArchiveDraft(std::move(*database)));
    draft->insert_ = std::move(*insert);
    return draft;
}

Result<void> ArchiveDraft::write(const std::function<Result<void>()>& rows) {
    Result<void> done = database_->run("BEGIN");
    if (done) {
        done = rows();
    }
    return done ? database_->run("COMMIT") : done;
}

Result<void> ArchiveDraft::add(std::uint64_t index, ByteView link, ByteView data) {
    insert_.bind(1, index);
    insert_.bind(2, link);
    insert_.bind(3, data);
    return database_->finish(insert_);
}

Result<void> ArchiveDraft::finish(const ArchiveSegment& segment) {
    return write([&] { return put_segment(*database_, segment); });
}

}  // namespace starling
