// The head of the ledger in a second file: a log that was cut at a whole entry, or replaced by an
// older copy, is consistent in itself, so only something beside it can tell.
//
// Two slots, written in turn, like LMDB's meta pages: a torn write spoils the slot that was being
// written, and the other one still holds the state before. Invariant: the head never claims an
// entry that is not durable in the log; the log may be ahead of it. It is written without fsync, so
// after a power cut it may be some seconds old (see DECISIONS.md).
#include "deploy/storage/ledger_head.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/coding.hpp"
#include "core/files/replace_file.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view head_magic = "STRLHEAD";
constexpr std::uint32_t head_version = 1;
constexpr std::uint32_t head_version_next = 2;  // with a next server
constexpr std::size_t sum_bytes = 32;
constexpr std::size_t vote_bytes = 3 * 8;
/// Bytes of a slot that its checksum covers, without a next server.
constexpr std::size_t covered_bytes = 8 + 4 + 8 + 8 + 32 + vote_bytes;

struct Slot {
    std::uint64_t sequence = 0;
    LedgerHead head;
};

Error system_error(const fs::path& file, const std::string& what) {
    const int number = errno;
    return {Errc::io, "ledger head " + file.string() + " " + what + ": " + std::strerror(number) +
                          space_advice(file, number)};
}

void put_vote(const Vote& vote, Writer& writer) {
    writer.u64(vote.self);
    writer.u64(vote.term);
    writer.u64(vote.candidate);
}

Vote take_vote(Reader& reader) { return {reader.u64(), reader.u64(), reader.u64()}; }

Bytes encode_slot(const Slot& slot, const Hasher& hasher) {
    Writer writer;
    writer.raw(std::as_bytes(std::span(head_magic)));
    writer.u32(slot.head.next_server ? head_version_next : head_version);
    writer.u64(slot.sequence);
    writer.u64(slot.head.index);
    writer.digest(slot.head.link);
    put_vote(slot.head.vote, writer);
    if (slot.head.next_server) {
        put_vote(*slot.head.next_server, writer);
    }
    writer.digest(hasher.digest(writer.bytes()));
    Bytes bytes = writer.take();
    bytes.resize(HeadFile::slot_bytes);
    return bytes;
}

std::optional<Slot> decode_slot(ByteView bytes, const Hasher& hasher) {
    if (bytes.size() < covered_bytes + vote_bytes + sum_bytes) {
        return std::nullopt;
    }
    Reader reader(bytes);
    const ByteView word = reader.raw(head_magic.size());
    const std::uint32_t version = reader.u32();
    const bool has_next = version == head_version_next;
    Slot slot;
    slot.sequence = reader.u64();
    slot.head.index = reader.u64();
    slot.head.link = reader.digest();
    slot.head.vote = take_vote(reader);
    if (has_next) {
        slot.head.next_server = take_vote(reader);
    }
    const Digest sum = reader.digest();
    const bool whole =
        std::ranges::equal(word, std::as_bytes(std::span(head_magic))) &&
        (version == head_version || has_next) &&
        sum == hasher.digest(bytes.first(covered_bytes + (has_next ? vote_bytes : 0)));
    return whole ? std::optional(slot) : std::nullopt;
}

/// 0, or -1 and errno.
int write_at(int descriptor, ByteView bytes, std::size_t offset) {
    while (!bytes.empty()) {
        const ssize_t written =
            ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written < 0 && errno != EINTR) {
            return -1;
        }
        const std::size_t done = written < 0 ? 0 : static_cast<std::size_t>(written);
        bytes = bytes.subspan(done);
        offset += done;
    }
    return 0;
}

Result<std::optional<Slot>> newest_slot(const fs::path& file, const Hasher& hasher) {
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        if (errno == ENOENT) {
            return std::optional<Slot>();
        }
        return system_error(file, "can't be read");
    }
    Bytes bytes(2 * HeadFile::slot_bytes);
    std::size_t size = 0;
    ssize_t count = 0;
    do {
        count =
            ::pread(descriptor, bytes.data() + size, bytes.size() - size, static_cast<off_t>(size));
        size += count > 0 ? static_cast<std::size_t>(count) : 0;
    } while ((count > 0 && size < bytes.size()) || (count < 0 && errno == EINTR));
    const int failure = count < 0 ? errno : 0;
    ::close(descriptor);
    if (failure != 0) {
        errno = failure;
        return system_error(file, "can't be read");
    }
    bytes.resize(size);
    std::optional<Slot> newest;
    for (std::size_t at = 0; at < size; at += HeadFile::slot_bytes) {
        const std::optional<Slot> slot = decode_slot(
            ByteView(bytes).subspan(at).first(std::min(size - at, HeadFile::slot_bytes)), hasher);
        if (slot && (!newest || slot->sequence > newest->sequence)) {
            newest = slot;
        }
    }
    if (!newest) {
        return Error{Errc::malformed,
                     "ledger head " + file.string() + " is damaged: neither of its slots is valid"};
    }
    return newest;
}

}  // namespace

Result<std::optional<LedgerHead>> HeadFile::read(const fs::path& file, const Hasher& hasher) {
    const Result<std::optional<Slot>> slot = newest_slot(file, hasher);
    if (!slot) {
        return slot.error();
    }
    return *slot ? std::optional((*slot)->head) : std::nullopt;
}

Result<std::unique_ptr<HeadFile>> HeadFile::open(fs::path file, const Hasher& hasher) {
    const Result<std::optional<Slot>> slot = newest_slot(file, hasher);
    if (!slot) {
        return slot.error();
    }
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
    if (descriptor < 0 || !*slot) {
        return system_error(file, "can't be opened for writing");
    }
    std::unique_ptr<HeadFile> opened(new HeadFile(std::move(file), hasher, descriptor));
    opened->sequence_ = (*slot)->sequence;
    opened->head_ = (*slot)->head;
    return opened;
}

Result<std::unique_ptr<HeadFile>> HeadFile::create(const fs::path& file, const Hasher& hasher,
                                                   const LedgerHead& head) {
    const fs::path beside = file.string() + ".part";
    const int descriptor = ::open(beside.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return system_error(file, "can't be made");
    }
    std::unique_ptr<HeadFile> made(new HeadFile(file, hasher, descriptor));
    if (const auto ok = made->replace(head); !ok) {
        ::unlink(beside.c_str());
        return ok.error();
    }
    if (::rename(beside.c_str(), file.c_str()) != 0 || (errno = sync_directory_of(file)) != 0) {
        const Error failure = system_error(file, "can't be made");
        ::unlink(beside.c_str());
        return failure;
    }
    return made;
}

HeadFile::~HeadFile() { ::close(descriptor_); }

Result<void> HeadFile::write(const LedgerHead& head) {
    const Bytes slot = encode_slot({sequence_ + 1, head}, hasher_);
    if (write_at(descriptor_, slot, (sequence_ + 1) % 2 * slot_bytes) != 0) {
        return system_error(file_, "can't be written");
    }
    ++sequence_;
    head_ = head;
    return {};
}

Result<void> HeadFile::replace(const LedgerHead& head) {
    for (int slot = 0; slot < 2; ++slot) {
        if (const auto ok = write(head); !ok) {
            return ok;
        }
        if (const auto ok = sync(); !ok) {
            return ok;
        }
    }
    return {};
}

Result<void> HeadFile::sync() {
    return ::fdatasync(descriptor_) == 0 ? Result<void>{}
                                         : system_error(file_, "can't be made durable");
}

}  // namespace starling
