#include <algorithm>

#include <sys/socket.h>

#include "core/base/coding.hpp"
#include "core/base/invariant.hpp"
#include "tests/fuzz/targets.hpp"
#include "transport/program/program_messages.hpp"
#include "transport/tls/passed_files.hpp"
#include "transport/tls/shared_region.hpp"

namespace starling::fuzz {
namespace {

constexpr std::size_t region_bytes = 4096;

struct SocketPair {
    SocketPair() {
        int ends[2];
        STARLING_INVARIANT(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0,
                           "a process may have a pair of sockets");
        one = Descriptor(ends[0]);
        other = Descriptor(ends[1]);
    }
    Descriptor one;
    Descriptor other;
};

/// The first two bytes are the size of the head; what follows it is the payload.
ProgramSocket::Record record_of(ByteView input) {
    Reader in(input);
    const std::size_t wanted = in.u16();
    const ByteView rest = in.ok() ? input.subspan(2) : ByteView();
    const ByteView head = rest.first(std::min(wanted, rest.size()));
    const ByteView payload = rest.subspan(head.size());
    return {Bytes(head.begin(), head.end()), Blob(Bytes(payload.begin(), payload.end()))};
}

/// Sends what was read and reads it once more.
template <typename Send, typename Read>
void check_round_trip(Send send, Read read) {
    SocketPair pair;
    ProgramSocket from(std::move(pair.one));
    ProgramSocket to(std::move(pair.other));
    STARLING_INVARIANT(send(from), "it fits the socket's buffer");
    const auto record = to.receive_next();
    STARLING_INVARIANT(record && read(*record), "it is read as it is sent");
}

void message(ByteView input) {
    if (const auto first = read_message(record_of(input))) {
        check_round_trip([&](ProgramSocket& to) { return send_message(to, *first); }, read_message);
    }
}

void reply(ByteView input) {
    if (const auto first = read_reply(record_of(input))) {
        check_round_trip([&](ProgramSocket& to) { return send_reply(to, *first); }, read_reply);
    }
}

/// What a program that is not ours may write to its socket, with the memory for a payload if the
/// first byte is odd.
void socket_bytes(ByteView input) {
    if (input.size() < 2) {
        return;
    }
    SocketPair pair;
    const bool with_region = (std::to_integer<unsigned>(input[0]) & 1U) != 0;
    const ByteView bytes = input.subspan(1);
    auto region = SharedRegion::create(SharedRegion::Use::write_alone, region_bytes);
    STARLING_INVARIANT(region, "a page of memory can be shared");
    const ssize_t sent = with_region
                             ? send_with_files(pair.one.number(), bytes, {&region->file(), 1})
                             : ::send(pair.one.number(), bytes.data(), bytes.size(), 0);
    STARLING_INVARIANT(sent == static_cast<ssize_t>(bytes.size()), "it fits the socket's buffer");
    pair.one.close();
    ProgramSocket socket(std::move(pair.other));
    for (;;) {
        const auto record = socket.receive();
        if (!record || !*record) {
            return;
        }
        STARLING_INVARIANT((*record)->payload.size() <= region_bytes, "within what was shared");
        (void)read_message(**record);
        (void)read_reply(**record);
    }
}

}  // namespace

void program(ByteView input) {
    constexpr InputTest parsers[] = {message, reply, socket_bytes};
    static_assert(std::size(parsers) == program_parser::count);
    choose(parsers, input);
}

}  // namespace starling::fuzz
