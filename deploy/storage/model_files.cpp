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

#include "core/files/replace_file.hpp"
#include "deploy/storage/model_file_format.hpp"
#include "transport/descriptor.hpp"

namespace starling {

namespace fs = std::filesystem;

namespace {

constexpr std::array<const char*, 3> model_names = {"merged-0.model", "merged-1.model",
                                                    "merged-2.model"};
/// Of versions that renamed it.
constexpr const char* old_draft_name = "merged.draft";
/// Smaller models take fewer pages than a request of its own is worth.
constexpr std::uint64_t at_once_bytes_min = std::uint64_t{256} * 1024;

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
        ModelHead head;
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
        const Result<std::optional<ModelHead>> head =
            file
                ? read_model_head(file, path)
                : unusable_model(path, std::string("can't be read (") + std::strerror(errno) + ")");
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
    const bool begins = work.draft == 0 || !drafted_ || drafted_->number != work.draft;
    const bool at_once = begins && !work.read_soon && bytes >= at_once_bytes_min &&
                         model.segments.size() + 2 <= DraftFile::direct_pieces_max;
    if (begins) {
        if (const Result<void> begun = begin(work.draft, bytes, at_once); !begun) {
            return begun.error();
        }
    }
    const Bytes head = encode({serial_ + 1, model.key, model.digest, bytes, model_start});
    const Blob mapped = draft_.map(model_start + bytes);
    int number = 0;
    if (!at_once || !write_at_once(model.segments, head)) {
        std::vector<PlacedSegment> rest;
        for (std::uint32_t i = 0; i < model.segments.size(); ++i) {
            if (!drafted_->written[i]) {
                rest.push_back({i, model.segments[i]});
            }
        }
        if (const Result<void> written = write_cached(rest); !written) {
            return written.error();
        }
        number = draft_.write(head, 0);
    }
    number = number != 0 ? number : draft_.finish();
    if (number != 0) {
        return failed(number);
    }
    files_[drafted_->file] = {++serial_, model.key};
    drafted_.reset();
    return mapped.empty() ? Segments{} : segments_in(mapped, model_start);
}

/// In place of a draft that was not completed.
///
/// \param at_once  the file is of whole pages, and what it holds is replaced by one call
Result<void> ModelFiles::begin(DraftNumber number, std::uint64_t bytes, bool at_once) {
    const std::size_t file = file_to_replace();
    files_[file] = {};
    drafted_ = Drafted{number, file, bytes, std::vector<bool>(segment_count(bytes), false)};
    const int failure =
        draft_.begin(path_of(file), model_start + (at_once ? whole_pages(bytes) : bytes),
                     FileReaders::all, at_once);
    return failure == 0 ? Result<void>{} : failed(failure);
}

/// All of a small model and its head past the system's cache. The disk gets one request instead of
/// several, and nothing is copied. If power fails meanwhile, the digest does not match.
///
/// \return false: it is to be written in the usual way.
bool ModelFiles::write_at_once(const Segments& segments, ByteView head) {
    constexpr std::size_t page = DraftFile::direct_bytes;
    alignas(page) std::array<std::byte, 2 * page> ends{};  // the head, and the last page
    std::ranges::copy(head, ends.begin());
    std::vector<ByteView> pieces{ByteView(ends).first(page)};
    for (const Blob& segment : segments) {
        pieces.push_back(segment.view());
    }
    if (const std::size_t rest = pieces.back().size() % page; rest > 0) {
        std::ranges::copy(pieces.back().last(rest), ends.begin() + page);
        pieces.back() = pieces.back().first(pieces.back().size() - rest);
        pieces.push_back(ByteView(ends).last(page));
    }
    return draft_.write_at_once(pieces, 0);
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
