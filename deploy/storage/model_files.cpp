// Two files in turn: a third one, the draft, is written while a round's segments arrive, and
// replaces the older of the two atomically, so the newer round is intact whatever happens. The head
// of a draft is written last, since the digest is known last. `serial` orders the files, since runs
// may restart at round 0; a file whose digest does not match is not used, and the model is then
// fetched from another member.
#include "deploy/storage/model_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/base/coding.hpp"
#include "core/files/replace_file.hpp"
#include "core/params/model_digest.hpp"

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

Result<Read> read_model(const fs::path& file, const Hasher& hasher) {
    const std::string name = "merged model " + file.string();
    const std::string instead = " and not used: it is fetched from another member";
    const Error damaged{Errc::malformed, name + " is damaged" + instead};
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
        return Error{Errc::io, name + " can't be read (" + std::strerror(errno) + ")" + instead};
    }
    Bytes start(model_magic.size() + 4);
    stream.read(reinterpret_cast<char*>(start.data()), static_cast<std::streamsize>(start.size()));
    Reader opening(start);
    const ByteView word = opening.raw(model_magic.size());
    const std::uint32_t size = opening.u32();
    if (!stream || !std::ranges::equal(word, std::as_bytes(std::span(model_magic))) ||
        size > model_head_max) {
        return damaged;
    }
    Bytes head(size);
    stream.read(reinterpret_cast<char*>(head.data()), static_cast<std::streamsize>(size));
    Reader reader(head);
    Read read;
    read.serial = reader.u64();
    read.model.key.contract = reader.string(contract_name_max);
    read.model.key.run = reader.u32();
    read.model.key.round = reader.u64();
    read.model.key.attempt = reader.u32();
    read.model.digest = reader.digest();
    const std::uint64_t bytes = reader.u64();
    std::error_code failed;
    const std::uint64_t there = fs::file_size(file, failed);
    if (!stream || !reader.done() || failed || there != start.size() + size + bytes) {
        return damaged;  // checked before memory is allocated for a forged size
    }
    Bytes vector(bytes);
    stream.read(reinterpret_cast<char*>(vector.data()), static_cast<std::streamsize>(bytes));
    read.model.segments = cut(Blob(std::move(vector)));
    if (!stream || model_digest(read.model.segments, hasher) != read.model.digest) {
        return damaged;
    }
    return read;
}

}  // namespace

Result<ModelFiles::Opened> ModelFiles::open(fs::path directory, const Hasher& hasher) {
    Opened opened;
    std::vector<Read> found;
    for (const char* name : model_names) {
        const fs::path file = directory / name;
        remove_leftovers(file);
        std::error_code failed;
        if (!fs::exists(file, failed)) {
            if (failed) {
                return Error{Errc::io, file.string() + " can't be read: " + failed.message()};
            }
            continue;
        }
        Result<Read> read = read_model(file, hasher);
        if (read) {
            found.push_back(std::move(*read));
        } else {
            opened.notes.push_back(read.error().message);
        }
    }
    std::sort(found.begin(), found.end(),
              [](const Read& a, const Read& b) { return a.serial < b.serial; });
    for (Read& read : found) {
        opened.models.push_back(std::move(read.model));
    }
    opened.files.reset(
        new ModelFiles(std::move(directory), found.empty() ? 0 : found.back().serial));
    if (!opened.models.empty()) {
        opened.files->newest_ = opened.models.back().key;
    }
    return opened;
}

ModelFiles::ModelFiles(fs::path directory, std::uint64_t serial)
    : directory_(std::move(directory)), serial_(serial), draft_(directory_ / draft_name) {}

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

Result<void> ModelFiles::keep(const KeepWork& work) {
    const KeptModel& model = work.model;
    std::uint64_t bytes = 0;
    for (const Blob& segment : model.segments) {
        bytes += segment.size();
    }
    if (work.draft == 0 || !drafted_ || drafted_->number != work.draft) {
        if (const Result<void> begun = begin(work.draft, model.key, bytes); !begun) {
            return begun;
        }
    }
    std::vector<PlacedSegment> rest;
    for (std::uint32_t i = 0; i < model.segments.size(); ++i) {
        if (!drafted_->written[i]) {
            rest.push_back({i, model.segments[i]});
        }
    }
    if (const Result<void> written = write_segments(rest); !written) {
        return written;
    }
    const std::uint64_t serial = serial_for(model.key);
    int number = draft_.write(start_of(serial, model.key, model.digest, bytes), 0);
    number = number != 0 ? number : draft_.replace(target_for(model.key));
    if (number != 0) {
        return failed(number);
    }
    drafted_.reset();
    serial_ = serial;
    newest_ = model.key;
    return {};
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
