// Program states on disk. A slot is written in place: its blocks are used again, and no name
// changes, so one flush of the disk makes it durable. A crash meanwhile leaves the other slot,
// which has the state of the newest committed round (StateSlots). While a file is written it has a
// mark in place of its head. The digest detects what a power cut has torn, and damage by others:
// such a file is reported and not used, and its program starts from an older state.
#include "deploy/storage/state_files.hpp"

#include <algorithm>
#include <array>
#include <fstream>

#include "core/base/coding.hpp"
#include "core/files/replace_file.hpp"

namespace starling {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view state_magic = "STRLSTAT";
constexpr std::size_t start_bytes = 8 + 32 + 4;  // magic, digest, length of the head
constexpr std::uint32_t state_head_max = 4096;
/// The disk begins with a piece while the next one is copied into the page cache.
constexpr std::size_t piece_bytes = std::size_t{4} * 1024 * 1024;
constexpr std::array<const char*, 2> state_names = {"program-0.state", "program-1.state"};

Bytes head_of(const KeptState& state) {
    Writer writer;
    writer.string(state.contract);
    writer.u32(state.run);
    writer.u64(state.round);
    writer.digest(state.layout);
    writer.u32(state.program.position.epochs_done);
    writer.u64(state.program.position.batches_done);
    writer.u64(state.program.state.size());
    Writer with_length;
    with_length.u32(static_cast<std::uint32_t>(writer.bytes().size()));
    with_length.raw(writer.bytes());
    return with_length.take();
}

/// `size` bytes of the file; fewer if it is shorter.
Bytes read_bytes(std::istream& stream, std::uint64_t size) {
    Bytes bytes(size);
    stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
    bytes.resize(static_cast<std::size_t>(stream.gcount()));
    return bytes;
}

/// nullopt: the file was not written to its end. Errc::malformed: it can't be read, or is damaged.
Result<std::optional<KeptState>> read_state(const fs::path& file, const Hasher& hasher) {
    const Error damaged{Errc::malformed,
                        "program state " + file.string() + " is damaged and not used"};
    std::ifstream stream(file, std::ios::binary);
    const Bytes start = read_bytes(stream, start_bytes);
    std::error_code failed;
    const std::uint64_t there = fs::file_size(file, failed);
    if (failed || (start.empty() && there > 0)) {
        return Error{Errc::malformed, "program state " + file.string() + " can't be read"};
    }
    if (is_incomplete(start)) {
        return std::optional<KeptState>();
    }
    Reader opening(start);
    const ByteView word = opening.raw(state_magic.size());
    const Digest digest = opening.digest();
    const std::uint32_t size = opening.u32();
    if (!opening.done() || !std::ranges::equal(word, std::as_bytes(std::span(state_magic))) ||
        size > state_head_max) {
        return damaged;
    }
    const Bytes head = read_bytes(stream, size);
    Reader reader(head);
    KeptState state;
    state.contract = reader.string(contract_name_max);
    state.run = reader.u32();
    state.round = reader.u64();
    state.layout = reader.digest();
    state.program.position.epochs_done = reader.u32();
    state.program.position.batches_done = reader.u64();
    const std::uint64_t bytes = reader.u64();
    if (!reader.done() || bytes > program_state_bytes_max || there != start_bytes + size + bytes) {
        return damaged;  // checked before memory is allocated for a forged size
    }
    Bytes body = read_bytes(stream, bytes);
    const std::array<ByteView, 3> parts = {ByteView(start).last(4), head, body};
    if (hasher.digest(std::span<const ByteView>(parts)) != digest) {
        return damaged;
    }
    state.program.state = Blob(std::move(body));
    return std::optional<KeptState>(std::move(state));
}

}  // namespace

Result<StateFiles::Opened> StateFiles::open(fs::path directory, const Hasher& hasher) {
    Opened opened;
    for (std::size_t slot = 0; slot < state_names.size(); ++slot) {
        const fs::path file = directory / state_names[slot];
        remove_leftovers(file);
        std::error_code failed;
        if (!fs::exists(file, failed)) {
            if (failed) {
                return Error{Errc::io, file.string() + " can't be read: " + failed.message()};
            }
            continue;
        }
        Result<std::optional<KeptState>> read = read_state(file, hasher);
        if (read) {
            opened.states[slot] = std::move(*read);
        } else {
            opened.notes.push_back(read.error().message);
        }
    }
    opened.files.reset(new StateFiles(std::move(directory), hasher));
    return opened;
}

Result<void> StateFiles::keep_state(std::uint32_t slot, const KeptState& state) {
    const Bytes head = head_of(state);
    const std::array<ByteView, 2> signed_parts = {head, state.program.state.view()};
    Writer start;
    start.raw(std::as_bytes(std::span(state_magic)));
    start.digest(hasher_.digest(std::span<const ByteView>(signed_parts)));
    start.raw(head);
    const fs::path file = directory_ / state_names.at(slot);
    const ByteView body = state.program.state.view();
    const std::uint64_t size = start.bytes().size() + body.size();
    int failure = draft_.begin(file, size, FileReaders::owner);
    for (std::size_t at = 0; at < body.size() && failure == 0; at += piece_bytes) {
        const ByteView piece = body.subspan(at, std::min(piece_bytes, body.size() - at));
        failure = draft_.write(piece, start.bytes().size() + at);
        if (at + piece.size() < body.size()) {
            // Not the first page, whose head is written last.
            const std::uint64_t from = start.bytes().size() + at;
            draft_.begin_write_back(std::max<std::uint64_t>(from, DraftFile::direct_bytes),
                                    piece_bytes);
        }
    }
    failure = failure != 0 ? failure : draft_.write(start.bytes(), 0);
    failure = failure != 0 ? failure : draft_.finish();
    return failure == 0 ? Result<void>{} : write_error(file, failure, size);
}

Result<void> StateFiles::remove_states() {
    for (const char* name : state_names) {
        if (const Result<void> removed = remove_file(directory_ / name); !removed) {
            return removed;
        }
    }
    return {};
}

}  // namespace starling
