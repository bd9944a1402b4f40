// A record: u32 bytes of the head, u64 bytes of the payload, u64 bytes of the memory it lies in, if
// that is passed with this record (else 0), all little-endian; then the head.
#include "transport/program/program_socket.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

#include "core/base/coding.hpp"
#include "core/params/param_layout.hpp"
#include "transport/tls/passed_files.hpp"

namespace starling {
namespace {

constexpr std::size_t record_header_bytes = 4 + 8 + 8;
constexpr std::size_t read_bytes = std::size_t{64} * 1024;
/// Parameters and the program's state beside them.
constexpr std::uint64_t payload_bytes_max = 5 * ParamLayout::bytes_max;

Error closed() { return {Errc::unreachable, "the other end has closed its connection"}; }

void wait_for(int socket, short events) {
    pollfd end{socket, events, 0};
    ::poll(&end, 1, -1);
}

}  // namespace

Result<void> ProgramSocket::send(ByteView head, std::span<const Blob> payload) {
    std::uint64_t size = 0;
    for (const Blob& part : payload) {
        size += part.size();
    }
    const std::size_t room = outgoing_ ? outgoing_->bytes().size() : 0;
    const bool new_region = size > room;
    if (const Result<void> put = put_payload(payload, size); !put) {
        return put;
    }
    Writer out;
    out.reserve(record_header_bytes + head.size());
    out.u32(static_cast<std::uint32_t>(head.size()));
    out.u64(size);
    out.u64(new_region ? outgoing_->bytes().size() : 0);
    out.raw(head);
    return send_all(out.bytes(), new_region);
}

Result<void> ProgramSocket::put_payload(std::span<const Blob> payload, std::uint64_t size) {
    if (size == 0) {
        return {};
    }
    if (!outgoing_ || outgoing_->bytes().size() < size) {
        outgoing_.reset();
        Result<SharedRegion> region =
            SharedRegion::create(SharedRegion::Use::write_alone, static_cast<std::size_t>(size));
        if (!region) {
            return region.error();
        }
        outgoing_ = std::move(*region);
    }
    std::byte* to = outgoing_->writable().data();
    for (const Blob& part : payload) {
        if (!part.empty()) {
            std::memcpy(to, part.view().data(), part.size());
        }
        to += part.size();
    }
    return {};
}

Result<void> ProgramSocket::send_all(ByteView bytes, bool with_region) {
    while (!bytes.empty()) {
        const ssize_t sent =
            with_region ? send_with_files(socket_.number(), bytes, {&outgoing_->file(), 1})
                        : ::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent > 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(sent));
            if (std::exchange(with_region, false)) {
                outgoing_->file().close();
            }
        } else if (errno == EAGAIN) {
            wait_for(socket_.number(), POLLOUT);
        } else if (errno != EINTR) {
            return closed();
        }
    }
    return {};
}

Result<std::optional<ProgramSocket::Record>> ProgramSocket::receive() {
    for (;;) {
        Result<std::optional<Record>> record = take_record();
        if (!record || *record) {
            return record;
        }
        const std::size_t before = received_.size();
        received_.resize(before + read_bytes);
        std::vector<Descriptor> files;
        const ssize_t got =
            receive_with_files(socket_.number(), std::span(received_).subspan(before), files);
        const int failure = errno;
        received_.resize(before + (got > 0 ? static_cast<std::size_t>(got) : 0));
        for (Descriptor& file : files) {
            regions_.push_back(std::move(file));
        }
        if (got > 0 || (got < 0 && failure == EINTR)) {
            continue;
        }
        if (got < 0 && failure == EAGAIN) {
            return std::optional<Record>();
        }
        return closed();
    }
}

Result<ProgramSocket::Record> ProgramSocket::receive_next() {
    for (;;) {
        Result<std::optional<Record>> record = receive();
        if (!record) {
            return record.error();
        }
        if (*record) {
            return std::move(**record);
        }
        wait_for(socket_.number(), POLLIN);
    }
}

void ProgramSocket::stop_receiving() { ::shutdown(socket_.number(), SHUT_RD); }

Result<std::optional<ProgramSocket::Record>> ProgramSocket::take_record() {
    Reader in(ByteView(received_).subspan(taken_));
    const std::uint32_t head = in.u32();
    const std::uint64_t payload = in.u64();
    const std::uint64_t region = in.u64();
    if (!in.ok()) {
        received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(taken_));
        taken_ = 0;
        return std::optional<Record>();
    }
    if (head > head_bytes_max || payload > payload_bytes_max || region > payload_bytes_max) {
        return Error{Errc::too_large, "a record is larger than any can be"};
    }
    const ByteView bytes = in.raw(head);
    if (!in.ok()) {
        return std::optional<Record>();
    }
    if (region > 0) {
        if (const Result<void> taken = take_region(region); !taken) {
            return taken.error();
        }
    }
    Record record;
    record.head.assign(bytes.begin(), bytes.end());
    if (payload > 0) {
        if (!incoming_ || payload > incoming_->bytes().size()) {
            return Error{Errc::malformed, "a payload lies outside of the memory for it"};
        }
        record.payload =
            Blob(incoming_, incoming_->bytes().first(static_cast<std::size_t>(payload)));
    }
    taken_ += record_header_bytes + head;
    return std::optional<Record>(std::move(record));
}

Result<void> ProgramSocket::take_region(std::uint64_t size) {
    if (regions_.empty()) {
        return Error{Errc::malformed, "the memory for a payload did not come with it"};
    }
    const Descriptor file = std::move(regions_.front());
    regions_.pop_front();
    Result<SharedRegion> region =
        SharedRegion::open(file, SharedRegion::Use::read, static_cast<std::size_t>(size));
    if (!region) {
        return Error{Errc::refused,
                     "the memory for a payload can't be used: " + region.error().message};
    }
    incoming_ = std::make_shared<SharedRegion>(std::move(*region));
    return {};
}

}  // namespace starling
