#include "deploy/storage/snapshot_files.hpp"

#include <algorithm>

#include "core/files/read_file.hpp"
#include "core/files/replace_file.hpp"

namespace starling {

namespace fs = std::filesystem;

namespace {

/// 100,000 members, each with certificates of 8 KiB.
constexpr std::uint64_t snapshot_bytes_max = std::uint64_t{1} << 30U;

}  // namespace

SnapshotFiles::SnapshotFiles(const fs::path& ledger, const Hasher& hasher) : hasher_(hasher) {
    for (std::size_t slot = 0; slot < files_.size(); ++slot) {
        files_[slot] = ledger;
        files_[slot].replace_extension(".snapshot-" + std::to_string(slot));
    }
}

SnapshotFiles::Found SnapshotFiles::read() const {
    Found found;
    for (const fs::path& file : files_) {
        std::error_code failed;
        if (!fs::exists(file, failed) && !failed) {
            continue;
        }
        const Result<std::string> text = read_whole_file(file, snapshot_bytes_max);
        if (!text) {
            found.damaged.push_back(text.error().message);
            continue;
        }
        const ByteView bytes = std::as_bytes(std::span(*text));
        Result<SnapshotHead> head = decode_snapshot_head(hasher_, bytes);
        if (!head) {
            (head.error().code == Errc::unknown_version ? found.foreign : found.damaged)
                .push_back(file.string() + ": " + head.error().message);
            continue;
        }
        found.snapshots.push_back({file, {bytes.begin(), bytes.end()}, *head});
    }
    std::sort(found.snapshots.begin(), found.snapshots.end(),
              [](const Snapshot& a, const Snapshot& b) { return a.head.index > b.head.index; });
    return found;
}

Result<void> SnapshotFiles::save(const Bytes& snapshot) {
    const fs::path& file = files_.at(next_);
    if (snapshot.size() > snapshot_bytes_max) {
        return Error{Errc::too_large, file.string() + ": " + std::to_string(snapshot.size()) +
                                          " bytes are more than a start reads"};
    }
    remove_leftovers(file);  // of a start that was killed here
    const ByteView whole = snapshot;
    Result<void> done = replace_file(file, std::span(&whole, 1), FileReaders::owner);
    if (done) {
        next_ = 1 - next_;
    }
    return done;
}

}  // namespace starling
