// An archive file is made in this order, each step durable before the next one begins: entries into
// a draft, the draft renamed, the file read again and its chain computed, its segment noted in the
// ledger (by SqliteStore), and only then the rows removed from the ledger. So at every moment an
// entry is in the ledger, or in a file that the ledger knows, or in both.
#include "deploy/storage/ledger_archiver.hpp"

#include <algorithm>
#include <cerrno>

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/files/replace_file.hpp"
#include "core/ledger/consensus.hpp"

namespace starling {

namespace fs = std::filesystem;

namespace {

// Of a part, so that a write waits no longer for it than for another commit.
constexpr std::uint64_t rows_together = 512;
constexpr std::uint64_t bytes_together = std::uint64_t{256} * 1024;
/// That a file leaves on the disk for the ledger itself, beside as much as it takes.
constexpr std::uint64_t space_kept = std::uint64_t{4} * 1024 * 1024;

}  // namespace

LedgerArchiver::LedgerArchiver(fs::path directory, SqliteDatabase& ledger,
                               const LedgerArchive& archive, const Hasher& hasher)
    : directory_(std::move(directory)), ledger_(ledger), archive_(archive), hasher_(hasher) {
    ::unlink(draft_file().c_str());
}

fs::path LedgerArchiver::file() const {
    return directory_ / archive_file_name(segment_.first, segment_.last);
}

Result<void> LedgerArchiver::step(std::uint64_t entries, std::uint64_t rows) {
    Result<void> done = do_step(entries, rows);
    if (!done) {
        waits_ = true;
        select_.reset();
        draft_ = nullptr;
        written_ = nullptr;
        ::unlink(draft_file().c_str());
    }
    return done;
}

Result<void> LedgerArchiver::do_step(std::uint64_t entries, std::uint64_t rows) {
    if (written_) {
        return verify();
    }
    if (!draft_) {
        return begin(entries, rows);
    }
    return done_ < segment_.last ? copy() : rename();
}

Result<void> LedgerArchiver::begin(std::uint64_t entries, std::uint64_t rows) {
    segment_ = {archive_.last() + 1, archive_.last() + entries, archive_.last_link(), {}};
    done_ = archive_.last();
    done_link_ = archive_.last_link();
    if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST) {
        return write_error(directory_, errno);
    }
    if (const int failure = sync_directory_of(directory_); failure != 0) {
        return write_error(directory_, failure);
    }
    if (const auto enough = check_space(entries, rows); !enough) {
        return enough;
    }
    Result<SqlStatement> select =
        ledger_.prepare("SELECT idx, link, data FROM log WHERE idx>?1 ORDER BY idx LIMIT ?2");
    if (!select) {
        return select.error();
    }
    select_ = std::move(*select);
    Result<std::unique_ptr<ArchiveDraft>> draft = ArchiveDraft::create(draft_file());
    if (!draft) {
        return draft.error();
    }
    draft_ = std::move(*draft);
    return {};
}

/// Before it is written: the draft shares the disk with the ledger, whose writes must not fail.
Result<void> LedgerArchiver::check_space(std::uint64_t entries, std::uint64_t rows) {
    const Result<std::int64_t> pages = ledger_.number("PRAGMA page_count");
    const Result<std::int64_t> unused = ledger_.number("PRAGMA freelist_count");
    const Result<std::int64_t> page_bytes = ledger_.number("PRAGMA page_size");
    if (!pages || !unused || !page_bytes) {
        return (!pages ? pages : !unused ? unused : page_bytes).error();
    }
    const auto used = static_cast<std::uint64_t>((*pages - *unused) * *page_bytes);
    const std::uint64_t needed =
        2 * (used / std::max<std::uint64_t>(rows, 1) + 1) * entries + space_kept;
    std::error_code failed;
    const fs::space_info space = fs::space(directory_, failed);
    return failed || space.available >= needed ? Result<void>{}
                                               : write_error(file(), ENOSPC, needed);
}

Result<void> LedgerArchiver::copy() {
    const auto done = draft_->write([&] { return copy_rows(); });
    select_->reset();
    return done;
}

Result<void> LedgerArchiver::copy_rows() {
    const std::uint64_t end = std::min(done_ + rows_together, segment_.last);
    select_->bind(1, done_);
    select_->bind(2, end - done_);
    for (std::uint64_t bytes = 0; done_ < end && bytes < bytes_together;) {
        const int code = select_->step();
        if (code != SQLITE_ROW && code != SQLITE_DONE) {
            return ledger_.failed(code);
        }
        const std::uint64_t index = done_ + 1;
        const ByteView data = code == SQLITE_ROW ? select_->bytes(2) : ByteView{};
        const Digest link = chain_link(hasher_, done_link_, index, data);
        if (code == SQLITE_DONE || static_cast<std::uint64_t>(select_->number(0)) != index ||
            !std::ranges::equal(select_->bytes(1), link.bytes)) {
            return ledger_.error("entry " + std::to_string(index) +
                                 " is damaged or missing: its hash link does not match");
        }
        if (const auto added = draft_->add(index, link.bytes, data); !added) {
            return added;
        }
        bytes += data.size();
        done_ = index;
        done_link_ = link;
    }
    return {};
}

Result<void> LedgerArchiver::rename() {
    segment_.link = done_link_;
    if (const auto finished = draft_->finish(segment_); !finished) {
        return finished;
    }
    select_.reset();
    draft_ = nullptr;
    std::error_code ignored;
    if (fs::exists(file(), ignored)) {  // left by a crash before the ledger had noted it
        if (const auto same = ArchiveFile::open(file(), segment_, hasher_); !same) {
            return Error{Errc::io, same.error().message + ": move it away"};
        }
    }
    if (const auto renamed = rename_durably(draft_file(), file()); !renamed) {
        return renamed;
    }
    Result<std::unique_ptr<ArchiveFile>> written = ArchiveFile::open(file(), segment_, hasher_);
    if (!written) {
        return written.error();
    }
    written_ = std::move(*written);
    done_ = segment_.first - 1;
    done_link_ = segment_.before;
    return {};
}

Result<void> LedgerArchiver::verify() {
    const Result<std::uint64_t> last = written_->read(
        done_ + 1, std::min(done_ + rows_together, segment_.last),
        [&](std::uint64_t index, ByteView data, const Digest& link) {
            done_link_ = chain_link(hasher_, done_link_, index, data);
            return link == done_link_ ? Result<void>{}
                                      : written_->error("entry " + std::to_string(index) +
                                                        " was not written as it is");
        },
        bytes_together);
    if (!last) {
        return last.error();
    }
    done_ = *last;
    if (done_ == segment_.last) {
        if (done_link_ != segment_.link) {
            return written_->error("its last entry was not written as it is");
        }
        written_ = nullptr;
        made_ = segment_;
    }
    return {};
}

}  // namespace starling
