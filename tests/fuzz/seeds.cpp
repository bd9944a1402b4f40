// The fuzzer's initial corpus: well-formed inputs of the parsers. Targets of nodes draw messages
// from any bytes (Drawer), so their inputs are random bytes, long enough for many messages.
#include "core/base/coding.hpp"
#include "core/base/random.hpp"
#include "core/ledger/membership.hpp"
#include "core/ledger/snapshot.hpp"
#include "core/licence/licence.hpp"
#include "core/licence/seat_book.hpp"
#include "core/torch/safetensors.hpp"
#include "core/wire/codec.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/support/node_bench.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling::fuzz {
namespace {

using test::Author;

Bytes bytes_of(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

/// \param parser  its index among those of its target: see choose().
Bytes with_choice(std::size_t parser, ByteView input) {
    Bytes seed = {static_cast<std::byte>(parser)};
    seed.insert(seed.end(), input.begin(), input.end());
    return seed;
}

std::vector<Bytes> entries_of_a_round() {
    Author member("sl1");
    return {member.entry(RegisterNode{Role::sl, {"10.0.0.1", 16000}, member.signer->credentials()}),
            member.entry(Enrol{"c", test::tiny_contract(1), test::tiny_layout, {}}),
            member.entry(CheckInRound{
                "c", 0, 0, {.scalars = Scalars{{"lr", 0.1}, {"val/accuracy", 0.5}}}, {}}),
            member.entry(CheckInRound{"c", 0, 0, {}, EarlyMerge{}}),
            encode_entry({5, {"sn1"}, 0, 0, CommitRound{"c", 0, 0, 0, {{member.id, {}, {}}}}, {}}),
            member.entry(LeaveContract{"c", 0, "done"})};
}

void add_messages(std::map<std::string, Bytes>& seeds) {
    Author member("sl1");
    ContractView view;
    view.name = "c";
    view.phase = ContractPhase::exchanging;
    view.frozen = {{{"sl1"}, {"10.0.0.1", 16000}}, {{"sl2"}, {"10.0.0.2", 16000}}};
    Heartbeat beat;
    beat.contract = "c";
    beat.stalls = {{{"sl2"}, true}};
    beat.report = MergeReport{};
    ConsensusMessage append;
    append.records = {encode_record({1, 1, RecordKind::entry, entries_of_a_round()[1]})};
    const Message messages[] = {
        Hello{{"sl1"}, Role::sl, 7},
        member.registration(),
        member.submit(Enrol{"c", test::tiny_contract(1), test::tiny_layout, {}}),
        beat,
        ViewUpdate{view, {}, {}},
        FetchSegments{{"c", 0, 1, 0}, SegmentKind::merged, {{0, 3}, {7, 1}}},
        SegmentData{{"c", 0, 1, 0}, SegmentKind::merged, 2},
        append,
        RelayedCommand{{"sl1"}, member.submit(ReadBarrier{})},
        MembershipReply{Errc::ok, "", {test::server(1), test::server(2)}, {}, {}}};
    Bytes stream;
    for (const Message& message : messages) {
        const Bytes head = encode_head({message, {}});
        const std::string name(type_name(message));
        const auto header = decode_header(ByteView(head).first(frame_header_bytes));
        Bytes seed = {static_cast<std::byte>(header->type - 1)};  // the parser counts types from 0
        seed.insert(seed.end(), head.begin() + frame_header_bytes, head.end());
        seeds["wire/" + name + (seeds.contains("wire/" + name) ? "2" : "")] =
            with_choice(wire_parser::message, seed);
        stream.insert(stream.end(), head.begin(), head.end());
    }
    seeds["wire/header"] =
        with_choice(wire_parser::header, ByteView(stream).first(frame_header_bytes));
    constexpr std::size_t chunk_bytes = 100;  // the parser reads its size less one from a byte
    seeds["wire/frames"] = with_choice(wire_parser::frames, with_choice(chunk_bytes - 1, stream));
}

void add_ledger(std::map<std::string, Bytes>& seeds) {
    Writer whole;
    const auto put = [&](const Bytes& record) {
        whole.u32(static_cast<std::uint32_t>(record.size()));
        whole.raw(record);
    };
    const Bytes servers = encode_membership({test::server(1), test::server(2, false)});
    put(encode_record({1, 1, RecordKind::membership, encode_membership({test::server(1)})}));
    std::uint64_t index = 1;
    TermRuns terms;
    terms.append(1);
    ServerHistory history;
    history.apply_membership({1, 1, RecordKind::membership, servers});
    Ledger ledger;
    for (const Bytes& entry : entries_of_a_round()) {
        terms.append(1);
        ledger.apply(*decode_entry(entry), index + 1);
        seeds["ledger/entry" + std::to_string(index)] = with_choice(ledger_parser::entry, entry);
        put(encode_record({++index, 1, RecordKind::entry, entry}));
    }
    seeds["ledger/record"] =
        with_choice(ledger_parser::record, encode_record({1, 1, RecordKind::membership, servers}));
    seeds["ledger/membership"] = with_choice(ledger_parser::membership, servers);
    seeds["ledger/seat"] = with_choice(
        ledger_parser::seat, encode_seat_entry({SeatEntry::Kind::taken, Role::sl, {"sl1"}}));
    Bytes snapshot = encode_snapshot(openssl_hasher(), {{}, 0, terms, history, ledger});
    snapshot.resize(snapshot.size() - 32);  // without its checksum
    seeds["ledger/snapshot"] = with_choice(ledger_parser::snapshot, snapshot);
    seeds["ledger/whole"] = with_choice(ledger_parser::audit, whole.take());
}

void add_texts(std::map<std::string, Bytes>& seeds) {
    Licence paid;
    paid.licensee = "Example";
    paid.seats = {{Role::sn, 1}, {Role::sl, 2}};
    paid.valid_until = 86400;
    const std::pair<std::size_t, std::string> texts[] = {
        {text_parser::json, R"({"a": [1, -2.5e3, true, null, "\u00e4\n"], "b": {"c": ""}})"},
        {text_parser::layout, "conv.weight F32 8,3,3,3\nconv.bias F32 8\ncount I64\n"},
        {text_parser::licence_file, signed_licence(licence_text(paid), Bytes(64))},
        {text_parser::words, "--rate 0.1 'two words' \"a \\\" b\" c\\ d"}};
    for (std::size_t i = 0; i < std::size(texts); ++i) {
        seeds["text/" + std::to_string(i)] = with_choice(texts[i].first, bytes_of(texts[i].second));
    }
    // The first byte selects the command line: 0 run-sn, 1 run-sl, 5 a command of swci (options()).
    const std::string options[] = {
        std::string(1, '\0') + "--host-ip=127.0.0.1\n--sentinel\n--sn-api-port=30404",
        std::string(1, '\1') + "--host-ip=::1\n--sn-ip\n[::1]:1\n--ml-cmd=a b\nSWARM_X=1",
        std::string(1, '\5') + "show\ncontract\nc"};
    for (std::size_t i = 0; i < std::size(options); ++i) {
        seeds["options/" + std::to_string(i)] = bytes_of(options[i]);
    }
}

void add_files(std::map<std::string, Bytes>& seeds) {
    const auto layout = ParamLayout::parse("w F32 2\nb I64 1\n");
    Bytes file = bytes_of(safetensors_header(*layout, {{"round", "3"}}));
    file.resize(file.size() + layout->size_bytes());
    seeds["files/safetensors"] = with_choice(file_parser::safetensors, file);
    const std::pair<std::size_t, std::string> texts[] = {
        {file_parser::session, "17\n"},
        {file_parser::trace,
         "# starling-trace 1\n12 sl1 round_committed contract=c round=0 text=\"a b\"\n"},
        {file_parser::xml,
         "<?xml version='1.0'?><!-- <a> --><platform version=\"4.1\"><host id='a&amp;b' "
         "speed=\"1Gf\"/></platform>"},
        {file_parser::profile, "PERIODICITY 10\n0 1\n5 0\n"}};
    for (const auto& [parser, text] : texts) {
        seeds["files/" + std::to_string(parser)] = with_choice(parser, bytes_of(text));
    }
}

/// \param head  of a record: its kind, then what the kind has.
void add_record(std::map<std::string, Bytes>& seeds, const std::string& name, std::size_t parser,
                const Writer& head, std::string_view payload) {
    Writer seed;
    seed.u8(static_cast<std::uint8_t>(parser));
    seed.u16(static_cast<std::uint16_t>(head.bytes().size() + 1));
    seed.u8(2);  // version
    seed.raw(head.bytes());
    seed.raw(bytes_of(payload));
    seeds["program/" + name] = seed.take();
}

void add_program_records(std::map<std::string, Bytes>& seeds) {
    const auto frame = [](Writer& out, Message message) {
        const Bytes bytes = encode_head({std::move(message), {}});
        out.u32(static_cast<std::uint32_t>(bytes.size()));
        out.raw(bytes);
    };
    Writer event;
    event.u8(3);
    event.string("loss_reported");
    event.u32(1);
    event.string("value");
    event.string("0.5");
    event.u8(0);
    event.string("toy");
    event.string("");
    add_record(seeds, "event", program_parser::message, event, "");
    Writer sync;
    sync.u8(5);
    frame(sync, SyncBegin{});
    sync.u64(10);
    sync.u64(12);
    sync.boolean(true);
    sync.u32(1);
    sync.u64(4);
    add_record(seeds, "sync", program_parser::message, sync, "parameters12state");
    Writer synced;
    synced.u8(3);
    frame(synced, SyncDone{});
    synced.boolean(false);
    synced.u64(12);
    synced.boolean(false);
    add_record(seeds, "synced", program_parser::reply, synced, "parameters12");
    Writer stream;
    stream.u8(program_parser::socket);
    stream.u8(1);  // with memory
    stream.u32(2);
    stream.u64(8);
    stream.u64(4096);
    stream.u8(1);
    stream.u8(1);
    seeds["program/socket"] = stream.take();
}

void add_random_inputs(std::map<std::string, Bytes>& seeds) {
    constexpr std::size_t inputs_per_target = 3;
    constexpr std::size_t input_bytes = 1200;  // some 30 messages
    Random random(1);
    for (const char* target : {"sn_members", "sn_servers", "raft", "sl", "ml", "licence", "tool"}) {
        for (std::size_t i = 0; i < inputs_per_target; ++i) {
            Bytes input(input_bytes);
            for (std::byte& byte : input) {
                byte = static_cast<std::byte>(random.next() & 0xffU);
            }
            seeds[std::string(target) + "/random" + std::to_string(i)] = input;
        }
    }
}

}  // namespace

std::map<std::string, Bytes> make_seeds() {
    std::map<std::string, Bytes> seeds;
    add_messages(seeds);
    add_ledger(seeds);
    add_texts(seeds);
    add_files(seeds);
    add_program_records(seeds);
    add_random_inputs(seeds);
    return seeds;
}

}  // namespace starling::fuzz
