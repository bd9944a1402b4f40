// Three files: two hold the models of the two newest rounds, and the third one is written while a
// round's segments arrive. One fdatasync makes it the newest: nothing is renamed, and what the
// other two hold is intact whatever happens. Its head is written last, since the digest is known
// last; until then there is a mark in its place. `serial` orders the files, since runs may restart
// at round 0; a file whose digest does not match is not used, and the model is then fetched from
// another member.
#include "deploy/storage/model_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>

#include <fcntl.h>
#include <unistd.h>

#include "core/base/coding.hpp"
#include "core/base/invariant.hpp"
#include "core/files/replace_file.hpp"
#include "core/params/model_digest.hpp"
#include "transport/descriptor.hpp"

namespace starling {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view model_magic = "STRLKEP2";
/// Where the head is followed by the segments at once: of versions before 2026-11-28.
constexpr std::string_view old_model_magic = "STRLKEPT";
/// Offset of the first segment, up to which the head is followed by zeros.
constexpr std::uint32_t model_start = DraftFile::direct_bytes;
/// In place of model_magic, and as long, in a file that is not complete.
constexpr std::string_view draft_magic = "STRLDRFT";
constexpr std::array<const char*, 3> model_names = {"merged-0.model", "merged-1.model",
                                                    "merged-2.model"};
/// Of versions that renamed it.
constexpr const char* old_draft_name = "merged.draft";

/// What the head of a file says.
struct Head {
    std::uint64_t serial = 0;
    RoundKey key;
    Digest digest;
    std::uint64_t bytes = 0;  ///< of the model
    std::uint64_t start = 0;  ///< offset of its first segment
};

/// Segments of a model that begins at `start` of a file's bytes.
Segments segments_in(const Blob& file, std::uint64_t start) {
    return cut(Blob(std::make_shared<const Blob>(file), file.view().subspan(start)));
}

/// `size` bytes of a file; fewer if it is shorter, or can't be read.
Bytes read_bytes(const Descriptor& file, std::uint64_t offset, std::uint64_t size) {
    Bytes bytes(size);
    std::uint64_t here = 0;
    while (here < size) {
        const ssize_t count = ::pread(file.number(), bytes.data() + here, size - here,
                                      static_cast<off_t>(offset + here));
        if (count == 0 || (count < 0 && errno != EINTR)) {
            break;
        }
        here += static_cast<std::uint64_t>(std::max<ssize_t>(count, 0));
    }
    bytes.resize(here);
    return bytes;
}

/// Segments of a model of `bytes` that begins at `start`, with their digest; in memory where the
/// file can't be mapped. Nothing: it can't be read. All bytes are read without the mapping, which
/// would raise a signal where the disk fails.
std::optional<std::pair<Segments, Digest>> read_segments(const Descriptor& file,
                                                         std::uint64_t start, std::uint64_t bytes,
                                                         const Hasher& hasher,
                                                         MappedFiles& mapped) {
    const Blob whole = mapped.map(file.number(), start + bytes);
    Segments segments = whole.empty() ? Segments{} : segments_in(whole, start);
    std::vector<Digest> digests;
    for (std::uint32_t i = 0; i < segment_count(bytes); ++i) {
        const std::uint64_t size = segment_size(bytes, i);
        Blob segment(read_bytes(file, start + i * segment_bytes, size));
        if (segment.size() != size) {
            return std::nullopt;
        }
        digests.push_back(segment_digest(segment, hasher));
        if (whole.empty()) {
            segments.push_back(std::move(segment));
        }
    }
    return std::pair(std::move(segments), model_digest(digests, hasher));
}

/// What comes before the segments.
Bytes start_of(std::uint64_t serial, const RoundKey& key, const Digest& digest,
               std::uint64_t bytes) {
    Writer head;
    head.u64(serial);
    head.string(key.contract);
    head.u32(key.run);
    head.u64(key.round);
    head.u32(key.attempt);
    head.digest(digest);
    head.u64(bytes);
    Writer start;
    start.raw(std::as_bytes(std::span(model_magic)));
    start.u32(static_cast<std::uint32_t>(head.bytes().size()));
    start.raw(head.bytes());
    STARLING_INVARIANT(start.bytes().size() <= model_start, "names of contracts are bounded");
    Bytes whole = start.take();
    whole.resize(model_start);
    return whole;
}

Error unusable(const fs::path& path, const std::string& why) {
    return {Errc::malformed, "merged model " + path.string() + " " + why +
                                 " and not used: it is fetched from another member"};
}

/// \return  nothing: the file is not complete
Result<std::optional<Head>> read_head(const Descriptor& file, const fs::path& path) {
    const Bytes opening = read_bytes(file, 0, model_magic.size() + 4);
    Reader begin(opening);
    const ByteView word = begin.raw(model_magic.size());
    const std::uint32_t head_size = begin.u32();
    const auto is = [&](std::string_view magic) {
        return std::ranges::equal(word, std::as_bytes(std::span(magic)));
    };
    // Zeros: the power failed before anything but the file's length was on the disk.
    const bool zeros =
        std::ranges::all_of(word, [](std::byte byte) { return byte == std::byte{}; });
    if (is(draft_magic) || zeros) {
        return std::optional<Head>();
    }
    if (!begin.done() || !(is(model_magic) || is(old_model_magic)) || head_size > model_start) {
        return unusable(path, "is damaged");
    }
    const Bytes bytes = read_bytes(file, opening.size(), head_size);
    Reader reader(bytes);
    Head head;
    head.serial = reader.u64();
    head.key.contract = reader.string(contract_name_max);
    head.key.run = reader.u32();
    head.key.round = reader.u64();
    head.key.attempt = reader.u32();
    head.digest = reader.digest();
    head.bytes = reader.u64();
    head.start = is(model_magic) ? model_start : opening.size() + bytes.size();
    if (!reader.done()) {
        return unusable(path, "is damaged");
    }
    return std::optional(head);
}

Result<KeptModel> read_model(const Descriptor& file, const fs::path& path, const Head& head,
                             const Hasher& hasher, MappedFiles& mapped) {
    std::error_code failed;
    const std::uint64_t there = fs::file_size(path, failed);
    if (failed || there < head.start || there - head.start != head.bytes) {
        return unusable(path, "is damaged");
    }
    auto segments = read_segments(file, head.start, head.bytes, hasher, mapped);
    if (!segments || segments->second != head.digest) {
        return unusable(path, "is damaged");
    }
    return KeptModel{head.key, head.digest, std::move(segments->first)};
}

}  // namespace

Result<ModelFiles::Opened> ModelFiles::open(fs::path directory, const Hasher& hasher) {
    Opened opened;
    opened.files.reset(new ModelFiles(std::move(directory)));
    if (const Result<void> read = opened.files->read_all(opened, hasher); !read) {
        return read.error();
    }
    return opened;
}

Result<void> ModelFiles::read_all(Opened& opened, const Hasher& hasher) {
    struct Found {
        std::size_t number;
        Descriptor file;
        Head head;
    };
    std::vector<Found> found;
    std::error_code ignored;
    fs::remove(directory_ / old_draft_name, ignored);
    for (std::size_t i = 0; i < files_.size(); ++i) {
        const fs::path path = path_of(i);
        remove_leftovers(path);
        std::error_code failed;
        if (!fs::exists(path, failed)) {
            if (failed) {
                return Error{Errc::io, path.string() + " can't be read: " + failed.message()};
            }
            continue;
        }
        Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        const Result<std::optional<Head>> head =
            file ? read_head(file, path)
                 : unusable(path, std::string("can't be read (") + std::strerror(errno) + ")");
        if (!head) {
            opened.notes.push_back(head.error().message);
        } else if (*head) {
            found.push_back({i, std::move(file), **head});
        }
    }
    std::ranges::sort(found, std::greater<>(), [](const Found& file) { return file.head.serial; });
    for (const Found& file : found) {
        const auto same = [&](const KeptModel& model) {
            return same_round(model.key, file.head.key);
        };
        // The oldest of three may be one that was not written to its end: it is not needed.
        if (opened.models.size() == 2 || std::ranges::any_of(opened.models, same)) {
            continue;
        }
        Result<KeptModel> model =
            read_model(file.file, path_of(file.number), file.head, hasher, mapped_);
        if (!model) {
            opened.notes.push_back(model.error().message);
            continue;
        }
        files_[file.number] = {file.head.serial, file.head.key};
        serial_ = std::max(serial_, file.head.serial);
        opened.models.insert(opened.models.begin(), std::move(*model));
    }
    return {};
}

ModelFiles::ModelFiles(fs::path directory) : directory_(std::move(directory)), draft_(mapped_) {}

Result<void> ModelFiles::write(const WriteWork& work) {
    if (!drafted_ || drafted_->number != work.draft) {
        if (const Result<void> begun = begin(work.draft, work.model_bytes); !begun) {
            return begun;
        }
    }
    if (!work.read_soon) {
        return write_direct(work.segments);
    }
    const Result<void> written = write_cached(work.segments);
    for (const PlacedSegment& segment : work.segments) {
        if (written) {
            draft_.begin_write_back(place_of(segment.index), segment.bytes.size());
        }
    }
    return written;
}

Result<Segments> ModelFiles::keep(const KeepWork& work) {
    const KeptModel& model = work.model;
    const std::uint64_t bytes = size_bytes(model.segments);
    if (work.draft == 0 || !drafted_ || drafted_->number != work.draft) {
        if (const Result<void> begun = begin(work.draft, bytes); !begun) {
            return begun.error();
        }
    }
    std::vector<PlacedSegment> rest;
    for (std::uint32_t i = 0; i < model.segments.size(); ++i) {
        if (!drafted_->written[i]) {
            rest.push_back({i, model.segments[i]});
        }
    }
    if (const Result<void> written = write_cached(rest); !written) {
        return written.error();
    }
    const Blob mapped = draft_.map(model_start + bytes);
    int number = draft_.write(start_of(serial_ + 1, model.key, model.digest, bytes), 0);
    number = number != 0 ? number : draft_.finish();
    if (number != 0) {
        return failed(number);
    }
    files_[drafted_->file] = {++serial_, model.key};
    drafted_.reset();
    return mapped.empty() ? Segments{} : segments_in(mapped, model_start);
}

/// In place of a draft that was not completed.
Result<void> ModelFiles::begin(DraftNumber number, std::uint64_t bytes) {
    const std::size_t file = file_to_replace();
    files_[file] = {};
    drafted_ = Drafted{number, file, bytes, std::vector<bool>(segment_count(bytes), false)};
    int failure = draft_.begin(path_of(file), model_start + bytes);
    failure = failure != 0 ? failure : draft_.write(std::as_bytes(std::span(draft_magic)), 0);
    return failure == 0 ? Result<void>{} : failed(failure);
}

Result<void> ModelFiles::write_cached(const std::vector<PlacedSegment>& segments) {
    for (const PlacedSegment& segment : segments) {
        const int number = draft_.write(segment.bytes.view(), place_of(segment.index));
        if (number != 0) {
            return failed(number);
        }
        drafted_->written[segment.index] = true;
    }
    return {};
}

/// Neighbours together: the fewer writes, the less each byte costs.
Result<void> ModelFiles::write_direct(std::vector<PlacedSegment> segments) {
    std::ranges::sort(segments, {}, &PlacedSegment::index);
    std::vector<ByteView> pieces;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const std::uint32_t index = segments[i].index;
        pieces.push_back(segments[i].bytes.view());
        drafted_->written[index] = true;
        const bool goes_on = i + 1 < segments.size() && segments[i + 1].index == index + 1 &&
                             segments[i + 1].bytes.size() == segment_bytes &&
                             pieces.size() < DraftFile::direct_pieces_max;
        if (!goes_on) {
            const auto first = static_cast<std::uint32_t>(index + 1 - pieces.size());
            if (const int number = draft_.write_direct(pieces, place_of(first)); number != 0) {
                return failed(number);
            }
            pieces.clear();
        }
    }
    return {};
}

Error ModelFiles::failed(int number) {
    const Error error = write_error(path_of(drafted_->file), number, model_start + drafted_->bytes);
    drafted_.reset();
    return error;
}

/// Offset in the draft.
std::uint64_t ModelFiles::place_of(std::uint32_t segment) const {
    return model_start + std::uint64_t{segment} * segment_bytes;
}

/// The oldest that holds neither the newest model nor that of a round before.
std::size_t ModelFiles::file_to_replace() const {
    const auto older = [](const File& a, const File& b) { return a.serial < b.serial; };
    const File* const newest = &*std::max_element(files_.begin(), files_.end(), older);
    const File* before = nullptr;
    for (const File& file : files_) {
        const bool of_another = file.serial > 0 && !same_round(file.key, newest->key);
        if (of_another && (before == nullptr || older(*before, file))) {
            before = &file;
        }
    }
    std::optional<std::size_t> oldest;
    for (std::size_t i = 0; i < files_.size(); ++i) {
        const bool needed = files_[i].serial > 0 && (&files_[i] == newest || &files_[i] == before);
        if (!needed && (!oldest || older(files_[i], files_[*oldest]))) {
            oldest = i;
        }
    }
    return *oldest;
}

fs::path ModelFiles::path_of(std::size_t file) const { return directory_ / model_names[file]; }

}  // namespace starling
