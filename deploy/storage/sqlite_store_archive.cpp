// What a store archives, and when: entries that two snapshots stand for, in parts while the node is
// idle. A failure to make an archive file is told and tried again with the next snapshot; one of
// the ledger's own file ends the node, as any other failed write.
#include <algorithm>

#include <sqlite3.h>

#include "deploy/storage/detail/sqlite_store_parts.hpp"

namespace starling {

namespace {

constexpr const char* making = "the next archive file";  // as a subject of notes
// Of the rows that are removed in one transaction.
constexpr std::uint64_t removed_bytes = std::uint64_t{256} * 1024;

}  // namespace

bool SqliteStore::archiving_due() const {
    const bool more = archiving_.entries > 0 && missing_ == 0 && !archiver_.waits() &&
                      archive_.last() + archiving_.entries <= snapshots_at_[1];
    return more || archiver_.made() || (oldest_row_ > 0 && oldest_row_ <= archive_.last());
}

Result<void> SqliteStore::archive_some() {
    if (oldest_row_ > 0 && oldest_row_ <= archive_.last()) {
        return remove_archived();
    }
    if (archiver_.made()) {
        return note_segment(*archiver_.made());
    }
    const Result<void> done = archiver_.step(archiving_.entries, newest_.index - archive_.last());
    if (!done) {
        note(making, "no archive file of the ledger is made, its entries stay where they are: " +
                         done.error().message + ". It is tried again later");
    }
    return {};
}

Result<void> SqliteStore::note_segment(const ArchiveSegment& segment) {
    const std::string format = create_archive_table + std::string("UPDATE meta SET value=") +
                               std::to_string(format_version_archived) +
                               " WHERE key='starling_ledger_format'";
    const Result<void> done = commit([&](LedgerHead&) {
        const Result<void> made = database_->run(format.c_str());
        return made ? put_segment(*database_, segment) : made;
    });
    if (!done) {
        return done;
    }
    archive_.add(segment);
    archiver_.taken();
    noted_.erase(making);
    return find_oldest_row();
}

Result<void> SqliteStore::find_oldest_row() {
    if (archive_.last() == 0) {
        return {};
    }
    const Result<std::int64_t> oldest = database_->number("SELECT min(idx) FROM log");
    if (!oldest) {
        failed_ = oldest.error();
        return oldest.error();
    }
    oldest_row_ = static_cast<std::uint64_t>(std::max<std::int64_t>(*oldest, 0));
    return {};
}

Result<void> SqliteStore::remove_archived() {
    std::uint64_t end = 0;
    int code = SQLITE_ROW;
    for (std::uint64_t bytes = 0; bytes < removed_bytes && code == SQLITE_ROW;) {
        code = statements_->oldest.step();
        const auto index = static_cast<std::uint64_t>(statements_->oldest.number(0));
        if (code == SQLITE_ROW && index <= archive_.last()) {
            end = index;
            bytes += static_cast<std::uint64_t>(statements_->oldest.number(1));
        } else if (code == SQLITE_ROW) {
            break;
        }
    }
    statements_->oldest.reset();
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        failed_ = database_->failed(code);
        return *failed_;
    }
    const Result<void> done = commit([&](LedgerHead&) {
        statements_->remove.bind(1, end);
        return database_->finish(statements_->remove);
    });
    return done ? find_oldest_row() : done;
}

Error SqliteStore::not_readable(std::uint64_t index, const Error& error) {
    note(archive_.file_at(index).string(), error.message);
    return {Errc::not_found, error.message};
}

void SqliteStore::note(const std::string& about, const std::string& text) {
    if (noted_.insert(about).second && archiving_.note) {
        archiving_.note(text);
    }
}

}  // namespace starling
