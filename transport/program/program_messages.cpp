// A head: u8 version, u8 kind, then what the kind has; what exists as a message between ML and SL
// is encoded as that message's frame. A payload: parameters, then the program's state.
#include "transport/program/program_messages.hpp"

#include <algorithm>

#include "core/base/coding.hpp"
#include "core/base/overloaded.hpp"
#include "core/wire/codec.hpp"

namespace starling {
namespace {

constexpr std::uint8_t version = 2;
constexpr std::size_t name_bytes_max = 64;
constexpr std::size_t fields_max = 64;
constexpr std::size_t text_bytes_max = std::size_t{64} * 1024;

enum class Kind : std::uint8_t { batch = 1, workload, event, open, sync, exit };
enum class ReplyKind : std::uint8_t { begin = 1, opened, synced, failed };

struct Outgoing {
    template <typename K>
    explicit Outgoing(K kind) {
        head.u8(version);
        head.u8(static_cast<std::uint8_t>(kind));
    }
    void frame(Message message) {
        const Bytes bytes = encode_head({std::move(message), {}});
        head.u32(static_cast<std::uint32_t>(bytes.size()));
        head.raw(bytes);
    }
    void parameters(const Segments& segments) {
        head.u64(size_bytes(segments));
        payload.insert(payload.end(), segments.begin(), segments.end());
    }
    void snapshot(const std::optional<ProgramSnapshot>& snapshot) {
        head.boolean(snapshot.has_value());
        if (snapshot) {
            head.u32(snapshot->position.epochs_done);
            head.u64(snapshot->position.batches_done);
            payload.push_back(snapshot->state);
        }
    }

    Writer head;
    std::vector<Blob> payload;
};

/// Reads what Outgoing wrote; after the first error nothing is read any more.
class Incoming {
public:
    explicit Incoming(const ProgramSocket::Record& record)
        : in(record.head), payload_(record.payload) {
        if (in.u8() != version) {
            fail({Errc::unknown_version,
                  "the program and this process have different versions of Starling"});
        }
    }
    template <typename M>
    M frame() {
        const ByteView bytes = in.raw(in.count(1, message_bytes_max + frame_header_bytes));
        if (bytes.size() < frame_header_bytes) {
            in.fail();
            return {};
        }
        const Result<FrameHeader> header = decode_header(bytes.first(frame_header_bytes));
        if (!header) {
            fail(header.error());
            return {};
        }
        Result<Message> message = decode_message(*header, bytes.subspan(frame_header_bytes));
        if (!message || !std::holds_alternative<M>(*message)) {
            fail(message ? malformed() : message.error());
            return {};
        }
        return std::get<M>(std::move(*message));
    }
    Segments parameters() {
        const std::uint64_t size = in.u64();
        if (size > payload_.size()) {
            in.fail();
            return {};
        }
        rest_ = size;
        return cut(slice(0, static_cast<std::size_t>(size)));
    }
    std::optional<ProgramSnapshot> snapshot() {
        if (!in.boolean()) {
            return std::nullopt;
        }
        ProgramSnapshot snapshot;
        snapshot.position.epochs_done = in.u32();
        snapshot.position.batches_done = in.u64();
        snapshot.state = slice(rest_, payload_.size() - rest_);
        return snapshot;
    }
    template <typename T>
    Result<T> result(T value) {
        if (error_) {
            return *error_;
        }
        return in.done() ? Result<T>(std::move(value)) : malformed();
    }
    Result<void> check() const { return error_ ? Result<void>(*error_) : Result<void>(); }

    Reader in;

private:
    static Error malformed() { return {Errc::malformed, "a record can't be read"}; }
    void fail(Error error) {
        if (!error_) {
            error_ = std::move(error);
        }
        in.fail();
    }
    Blob slice(std::size_t begin, std::size_t size) const {
        return Blob(std::make_shared<const Blob>(payload_), payload_.view().subspan(begin, size));
    }

    Blob payload_;
    std::size_t rest_ = 0;  ///< where the state begins
    std::optional<Error> error_;
};

bool is_name(const std::string& text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
}

void put(Outgoing& out, const ReportedEvent& event) {
    out.head.string(event.name);
    out.head.u32(static_cast<std::uint32_t>(event.fields.size()));
    for (const auto& [key, value] : event.fields) {
        out.head.string(key);
        out.head.string(value);
    }
    out.head.u8(static_cast<std::uint8_t>(event.level));
    out.head.string(event.component);
    out.head.string(event.text);
}

ReportedEvent get_event(Reader& in) {
    ReportedEvent event;
    event.name = in.string(name_bytes_max);
    const std::uint32_t fields = in.count(2 * sizeof(std::uint32_t), fields_max);
    bool valid = is_name(event.name);
    for (std::uint32_t i = 0; i < fields; ++i) {
        std::string key = in.string(name_bytes_max);
        valid = valid && is_name(key);
        event.fields.emplace_back(std::move(key), in.string(text_bytes_max));
    }
    event.level = decode_enum(in, Level::debug, Level::error);
    event.component = in.string(name_bytes_max);
    event.text = in.string(text_bytes_max);
    if (!valid) {
        in.fail();
    }
    return event;
}

Result<void> send_request(ProgramSocket& socket, const TrainRequest& request) {
    return std::visit(
        Overloaded{[&](const OpenRequest& open) {
                       Outgoing out(Kind::open);
                       out.frame(OpenSession{open.contract, open.config, open.layout->text(),
                                             open.end_mode});
                       return socket.send(out.head.bytes());
                   },
                   [&](const SyncRequest& sync) {
                       Outgoing out(Kind::sync);
                       out.frame(SyncBegin{0, sync.check_in, false, sync.until_merge});
                       out.head.u64(sync.batches);
                       out.parameters(sync.params);
                       out.snapshot(sync.snapshot);
                       return socket.send(out.head.bytes(), out.payload);
                   },
                   [&](const ExitRequest& exit) {
                       Outgoing out(Kind::exit);
                       out.frame(CloseSession{exit.code, exit.reason});
                       return socket.send(out.head.bytes());
                   }},
        request);
}

Result<ProgramMessage> read_open(Incoming& incoming) {
    OpenSession session = incoming.frame<OpenSession>();
    if (const Result<void> read = incoming.check(); !read) {
        return read.error();
    }
    Result<ParamLayout> layout = ParamLayout::parse(session.layout_text);
    if (!layout) {
        return layout.error();
    }
    OpenRequest request;
    request.contract = std::move(session.contract);
    request.config = session.config;
    request.layout = std::make_shared<const ParamLayout>(std::move(*layout));
    request.end_mode = session.end_mode;
    return incoming.result<ProgramMessage>(TrainRequest(std::move(request)));
}

Result<ProgramMessage> read_sync(Incoming& incoming) {
    SyncRequest request;
    SyncBegin begin = incoming.frame<SyncBegin>();
    request.check_in = std::move(begin.check_in);
    request.until_merge = begin.until_merge;
    request.batches = incoming.in.u64();
    request.params = incoming.parameters();
    request.snapshot = incoming.snapshot();
    return incoming.result<ProgramMessage>(TrainRequest(std::move(request)));
}

}  // namespace

ReportedEvent reported(const TraceEvent& event) {
    const auto bounded = [](std::string_view text, std::size_t most) {
        return std::string(text.substr(0, most));
    };
    ReportedEvent copy;
    copy.name = event.name;
    for (const TraceEvent::Field& field : event.fields) {
        copy.fields.emplace_back(field.key, bounded(field.value, text_bytes_max));
    }
    copy.level = event.level;
    copy.component = bounded(event.component, name_bytes_max);
    copy.text = bounded(event.text, text_bytes_max);
    return copy;
}

Result<void> send_message(ProgramSocket& socket, const ProgramMessage& message) {
    return std::visit(
        Overloaded{
            [&](const BatchDone&) { return socket.send(Outgoing(Kind::batch).head.bytes()); },
            [&](const WorkloadNamed& workload) {
                Outgoing out(Kind::workload);
                out.head.string(workload.name);
                return socket.send(out.head.bytes());
            },
            [&](const ReportedEvent& event) {
                Outgoing out(Kind::event);
                put(out, event);
                return socket.send(out.head.bytes());
            },
            [&](const TrainRequest& request) { return send_request(socket, request); }},
        message);
}

Result<ProgramMessage> read_message(const ProgramSocket::Record& record) {
    Incoming incoming(record);
    switch (decode_enum(incoming.in, Kind::batch, Kind::exit)) {
        case Kind::workload:
            return incoming.result<ProgramMessage>(
                WorkloadNamed{incoming.in.string(text_bytes_max)});
        case Kind::event:
            return incoming.result<ProgramMessage>(get_event(incoming.in));
        case Kind::open:
            return read_open(incoming);
        case Kind::sync:
            return read_sync(incoming);
        case Kind::exit: {
            CloseSession close = incoming.frame<CloseSession>();
            return incoming.result<ProgramMessage>(
                TrainRequest(ExitRequest{close.code, std::move(close.reason)}));
        }
        case Kind::batch:
            break;
    }
    return incoming.result<ProgramMessage>(BatchDone{});
}

Result<void> send_reply(ProgramSocket& socket, const TrainReply& reply) {
    return std::visit(
        Overloaded{
            [&](const BeginReply&) { return socket.send(Outgoing(ReplyKind::begin).head.bytes()); },
            [&](const OpenedReply& opened) {
                Outgoing out(ReplyKind::opened);
                out.frame(SessionOpened{0, opened.round, opened.min_peers});
                return socket.send(out.head.bytes());
            },
            [&](const SyncedReply& synced) {
                Outgoing out(ReplyKind::synced);
                out.frame(SyncDone{0, synced.round, 0, synced.digest, synced.final, true});
                out.head.boolean(synced.replaced);
                out.parameters(synced.params);
                out.snapshot(synced.resumed);
                return socket.send(out.head.bytes(), out.payload);
            },
            [&](const FailedReply& failed) {
                Outgoing out(ReplyKind::failed);
                out.frame(SessionFailed{failed.error.code, failed.error.message});
                return socket.send(out.head.bytes());
            }},
        reply);
}

Result<TrainReply> read_reply(const ProgramSocket::Record& record) {
    Incoming incoming(record);
    switch (decode_enum(incoming.in, ReplyKind::begin, ReplyKind::failed)) {
        case ReplyKind::opened: {
            const SessionOpened opened = incoming.frame<SessionOpened>();
            return incoming.result<TrainReply>(OpenedReply{opened.round, opened.min_peers});
        }
        case ReplyKind::synced: {
            const SyncDone done = incoming.frame<SyncDone>();
            const bool replaced = incoming.in.boolean();
            SyncedReply reply{done.round, done.digest, incoming.parameters(),
                              done.final, {},          replaced};
            reply.resumed = incoming.snapshot();
            return incoming.result<TrainReply>(std::move(reply));
        }
        case ReplyKind::failed: {
            SessionFailed failed = incoming.frame<SessionFailed>();
            return incoming.result<TrainReply>(
                FailedReply{{failed.code, std::move(failed.reason)}});
        }
        case ReplyKind::begin:
            break;
    }
    return incoming.result<TrainReply>(BeginReply{});
}

}  // namespace starling
