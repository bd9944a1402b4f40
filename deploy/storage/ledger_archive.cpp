#include "deploy/storage/ledger_archive.hpp"

#include <algorithm>

#include <sqlite3.h>

namespace starling {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t open_max = 2;

std::string restore_advice() {
    return ". Put the file back from a back-up or from where it was moved, or copy the one of that "
           "name from another SN of this swarm; the node may be running";
}

}  // namespace

Result<void> LedgerArchive::load(SqliteDatabase& database) {
    const Result<std::int64_t> tables =
        database.number("SELECT count(*) FROM sqlite_master WHERE name='archive'");
    if (!tables || *tables == 0) {
        return tables ? Result<void>{} : tables.error();
    }
    Result<SqlStatement> select =
        database.prepare("SELECT first, last, before, link FROM archive ORDER BY first");
    if (!select) {
        return select.error();
    }
    for (;;) {
        const int code = select->step();
        if (code == SQLITE_DONE) {
            return {};
        }
        if (code != SQLITE_ROW) {
            return database.failed(code);
        }
        ArchiveSegment segment;
        if (!read_segment(*select, segment) || segment.first != last() + 1 ||
            segment.last < segment.first || segment.before != last_link()) {
            return database.error("its list of archive files is damaged behind entry " +
                                  std::to_string(last()));
        }
        add(segment);
    }
}

fs::path LedgerArchive::file_of(const ArchiveSegment& segment) const {
    const std::string name = archive_file_name(segment.first, segment.last);
    for (const fs::path& directory : directories_) {
        std::error_code ignored;
        if (fs::exists(directory / name, ignored)) {
            return directory / name;
        }
    }
    return directories_.front() / name;
}

std::string LedgerArchive::missing_text() const {
    std::string names;
    std::size_t missing = 0;
    for (const ArchiveSegment& segment : segments_) {
        std::error_code ignored;
        if (const fs::path file = file_of(segment); !fs::exists(file, ignored)) {
            names = missing++ == 0 ? file.string() : names;
        }
    }
    if (missing == 0) {
        return "";
    }
    return std::to_string(missing) + " of " + std::to_string(segments_.size()) +
           " archive files of the ledger are not there, the first one is " + names +
           ". This node goes on without them, but can't give their entries to others" +
           restore_advice();
}

const ArchiveSegment& LedgerArchive::segment_of(std::uint64_t index) const {
    return *std::lower_bound(
        segments_.begin(), segments_.end(), index,
        [](const ArchiveSegment& segment, std::uint64_t i) { return segment.last < i; });
}

Result<ArchiveFile*> LedgerArchive::open(const ArchiveSegment& segment) {
    const auto found = std::find_if(open_.begin(), open_.end(),
                                    [&](const auto& file) { return file->segment() == segment; });
    if (found != open_.end()) {
        std::rotate(open_.begin(), found, found + 1);
        return open_.front().get();
    }
    const fs::path file = file_of(segment);
    std::error_code ignored;
    if (!fs::exists(file, ignored)) {
        return Error{Errc::io, "ledger archive file " + file.string() + " is missing: " +
                                   entries_text(segment) + " can't be read" + restore_advice()};
    }
    Result<std::unique_ptr<ArchiveFile>> opened = ArchiveFile::open(file, segment, hasher_);
    if (!opened) {
        return Error{Errc::io, opened.error().message + restore_advice()};
    }
    open_.resize(std::min(open_.size(), open_max - 1));
    open_.insert(open_.begin(), std::move(*opened));
    return open_.front().get();
}

Error LedgerArchive::close(const Error& error) {
    open_.erase(open_.begin());
    return {Errc::io, error.message + restore_advice()};
}

Result<Bytes> LedgerArchive::record(std::uint64_t index) {
    const Result<ArchiveFile*> file = open(segment_of(index));
    if (!file) {
        return file.error();
    }
    Result<Bytes> record = (*file)->record(index);
    return record ? std::move(record) : close(record.error());
}

Result<Digest> LedgerArchive::link(std::uint64_t index) {
    const ArchiveSegment& segment = segment_of(index);
    if (index == segment.last) {
        return segment.link;
    }
    const Result<ArchiveFile*> file = open(segment);
    if (!file) {
        return file.error();
    }
    const Result<Digest> link = (*file)->link(index);
    return link ? link : close(link.error());
}

Result<void> LedgerArchive::read(std::uint64_t from, const ArchiveFile::Take& take) {
    while (from <= last()) {
        const ArchiveSegment segment = segment_of(from);
        const Result<ArchiveFile*> file = open(segment);
        if (!file) {
            return file.error();
        }
        Digest end;
        const Result<std::uint64_t> read = (*file)->read(
            from, segment.last, [&](std::uint64_t index, ByteView data, const Digest& link) {
                end = link;
                return take(index, data, link);
            });
        if (!read) {
            return read.error();
        }
        if (end != segment.link) {
            return close(
                (*file)->error("damaged: its last entry has another hash link than the "
                               "ledger says"));
        }
        from = segment.last + 1;
    }
    return {};
}

}  // namespace starling
