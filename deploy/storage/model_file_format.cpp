#include "deploy/storage/model_file_format.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <unistd.h>

#include "core/base/coding.hpp"
#include "core/base/invariant.hpp"
#include "core/params/model_digest.hpp"

namespace starling {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view model_magic = "STRLKEP2";
constexpr std::string_view old_model_magic = "STRLKEPT";

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

}  // namespace

Bytes encode(const ModelHead& head) {
    Writer fields;
    fields.u64(head.serial);
    fields.string(head.key.contract);
    fields.u32(head.key.run);
    fields.u64(head.key.round);
    fields.u32(head.key.attempt);
    fields.digest(head.digest);
    fields.u64(head.bytes);
    Writer start;
    start.raw(std::as_bytes(std::span(model_magic)));
    start.u32(static_cast<std::uint32_t>(fields.bytes().size()));
    start.raw(fields.bytes());
    STARLING_INVARIANT(start.bytes().size() <= model_start, "names of contracts are bounded");
    Bytes whole = start.take();
    whole.resize(model_start);
    return whole;
}

Error unusable_model(const fs::path& path, const std::string& why) {
    return {Errc::malformed, "merged model " + path.string() + " " + why +
                                 " and not used: it is fetched from another member"};
}

Result<std::optional<ModelHead>> read_model_head(const Descriptor& file, const fs::path& path) {
    const Bytes opening = read_bytes(file, 0, model_magic.size() + 4);
    Reader begin(opening);
    const ByteView word = begin.raw(model_magic.size());
    const std::uint32_t head_size = begin.u32();
    const auto is = [&](std::string_view magic) {
        return std::ranges::equal(word, std::as_bytes(std::span(magic)));
    };
    if (is_incomplete(opening)) {
        return std::optional<ModelHead>();
    }
    if (!begin.done() || !(is(model_magic) || is(old_model_magic)) || head_size > model_start) {
        return unusable_model(path, "is damaged");
    }
    const Bytes bytes = read_bytes(file, opening.size(), head_size);
    Reader reader(bytes);
    ModelHead head;
    head.serial = reader.u64();
    head.key.contract = reader.string(contract_name_max);
    head.key.run = reader.u32();
    head.key.round = reader.u64();
    head.key.attempt = reader.u32();
    head.digest = reader.digest();
    head.bytes = reader.u64();
    head.start = is(model_magic) ? model_start : opening.size() + bytes.size();
    if (!reader.done()) {
        return unusable_model(path, "is damaged");
    }
    return std::optional(head);
}

Result<KeptModel> read_model(const Descriptor& file, const fs::path& path, const ModelHead& head,
                             const Hasher& hasher, MappedFiles& mapped) {
    std::error_code failed;
    const std::uint64_t there = fs::file_size(path, failed);
    const std::uint64_t bytes = there - std::min(there, head.start);
    if (failed || there < head.start || (bytes != head.bytes && bytes != whole_pages(head.bytes))) {
        return unusable_model(path, "is damaged");
    }
    auto segments = read_segments(file, head.start, head.bytes, hasher, mapped);
    if (!segments || segments->second != head.digest) {
        return unusable_model(path, "is damaged");
    }
    return KeptModel{head.key, head.digest, std::move(segments->first)};
}

/// Segments of a model that begins at `start` of a file's bytes.
Segments segments_in(const Blob& file, std::uint64_t start) {
    return cut(Blob(std::make_shared<const Blob>(file), file.view().subspan(start)));
}

}  // namespace starling
