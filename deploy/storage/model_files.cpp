// Two files in turn: a third one, the draft, is written while a round's segments arrive, and
// replaces the older of the two atomically, so the newer round is intact whatever happens. The head
// of a draft is written last, since the digest is known last. `serial` orders the files, since runs
// may restart at round 0; a file whose digest does not match is not used, and the model is then
// fetched from another member.
#include "deploy/storage/model_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "core/base/coding.hpp"
#include "core/files/replace_file.hpp"
#include "core/params/model_digest.hpp"
#include "transport/descriptor.hpp"

namespace starling {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view model_magic = "STRLKEPT";
constexpr std::uint32_t model_head_max = 4096;
constexpr const char* model_names[] = {"merged-0.model", "merged-1.model"};
constexpr const char* draft_name = "merged.draft";

struct Read {
    std::uint64_t serial = 0;
    KeptModel model;
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

/// Of a length that the name of the contract alone determines.
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
    return start.take();
}

Result<Read> read_model(const fs::path& path, const Hasher& hasher, MappedFiles& mapped) {
    const std::string name = "merged model " + path.string();
    const std::string instead = " and not used: it is fetched from another member";
    const Error damaged{Errc::malformed, name + " is damaged" + instead};
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) {
        return Error{Errc::io, name + " can't be read (" + std::strerror(errno) + ")" + instead};
    }
    const Bytes opening = read_bytes(file, 0, model_magic.size() + 4);
    Reader begin(opening);
    const ByteView word = begin.raw(model_magic.size());
    const std::uint32_t head_size = begin.u32();
    if (!begin.done() || !std::ranges::equal(word, std::as_bytes(std::span(model_magic))) ||
        head_size > model_head_max) {
        return damaged;
    }
    const Bytes head = read_bytes(file, opening.size(), head_size);
    Reader reader(head);
    Read read;
    read.serial = reader.u64();
    read.model.key.contract = reader.string(contract_name_max);
    read.model.key.run = reader.u32();
    read.model.key.round = reader.u64();
    read.model.key.attempt = reader.u32();
    read.model.digest = reader.digest();
    const std::uint64_t bytes = reader.u64();
    const std::uint64_t start = opening.size() + head.size();
    std::error_code failed;
    const std::uint64_t there = fs::file_size(path, failed);
    if (!reader.done() || failed || there < start || there - start != bytes) {
        return damaged;
    }
    auto segments = read_segments(file, start, bytes, hasher, mapped);
    if (!segments || segments->second != read.model.digest) {
        return damaged;
    }
    read.model.segments = std::move(segments->first);
    return read;
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
    std::vector<Read> found;
    for (const char* name : model_names) {
        const fs::path file = directory_ / name;
        remove_leftovers(file);
        std::error_code failed;
        if (!fs::exists(file, failed)) {
            if (failed) {
                return Error{Errc::io, file.string() + " can't be read: " + failed.message()};
            }
            continue;
        }
        Result<Read> read = read_model(file, hasher, mapped_);
        if (read) {
            found.push_back(std::move(*read));
        } else {
            opened.notes.push_back(read.error().message);
        }
    }
    std::sort(found.begin(), found.end(),
              [](const Read& a, const Read& b) { return a.serial < b.serial; });
    for (Read& read : found) {
        serial_ = read.serial;
        newest_ = read.model.key;
        opened.models.push_back(std::move(read.model));
    }
    return {};
}

ModelFiles::ModelFiles(fs::path directory)
    : directory_(std::move(directory)), draft_(directory_ / draft_name, mapped_) {}

Result<void> ModelFiles::write(const WriteWork& work) {
    if (!drafted_ || drafted_->number != work.draft) {
        if (const Result<void> begun = begin(work.draft, work.key, work.model_bytes); !begun) {
            return begun;
        }
    }
    const Result<void> written = write_segments(work.segments);
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
        if (const Result<void> begun = begin(work.draft, model.key, bytes); !begun) {
            return begun.error();
        }
    }
    std::vector<PlacedSegment> rest;
    for (std::uint32_t i = 0; i < model.segments.size(); ++i) {
        if (!drafted_->written[i]) {
            rest.push_back({i, model.segments[i]});
        }
    }
    if (const Result<void> written = write_segments(rest); !written) {
        return written.error();
    }
    const std::uint64_t start = drafted_->start;
    const Blob mapped = draft_.map(start + bytes);
    const std::uint64_t serial = serial_for(model.key);
    int number = draft_.write(start_of(serial, model.key, model.digest, bytes), 0);
    number = number != 0 ? number : draft_.replace(target_for(model.key));
    if (number != 0) {
        return failed(number);
    }
    drafted_.reset();
    serial_ = serial;
    newest_ = model.key;
    return mapped.empty() ? Segments{} : segments_in(mapped, start);
}

/// In place of a draft that was not completed.
Result<void> ModelFiles::begin(DraftNumber number, const RoundKey& key, std::uint64_t bytes) {
    const std::uint64_t start = start_of(0, key, {}, 0).size();
    drafted_ = Drafted{number, key, bytes, start, std::vector<bool>(segment_count(bytes), false)};
    const int failure = draft_.begin(start + bytes);
    return failure == 0 ? Result<void>{} : failed(failure);
}

Result<void> ModelFiles::write_segments(const std::vector<PlacedSegment>& segments) {
    for (const PlacedSegment& segment : segments) {
        const int number = draft_.write(segment.bytes.view(), place_of(segment.index));
        if (number != 0) {
            return failed(number);
        }
        drafted_->written[segment.index] = true;
    }
    return {};
}

Error ModelFiles::failed(int number) {
    const Error error =
        write_error(target_for(drafted_->key), number, drafted_->start + drafted_->bytes);
    drafted_.reset();
    return error;
}

/// Offset in the draft.
std::uint64_t ModelFiles::place_of(std::uint32_t segment) const {
    return drafted_->start + std::uint64_t{segment} * segment_bytes;
}

std::uint64_t ModelFiles::serial_for(const RoundKey& key) const {
    return newest_ && same_round(*newest_, key) ? serial_ : serial_ + 1;
}

fs::path ModelFiles::target_for(const RoundKey& key) const {
    return directory_ / model_names[serial_for(key) % 2];
}

}  // namespace starling
