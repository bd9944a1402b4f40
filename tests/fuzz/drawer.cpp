#include "tests/fuzz/drawer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace starling::fuzz {

using test::Author;

std::uint64_t Drawer::number() {
    switch (in_range(0, 9)) {
        case 0:
            return std::numeric_limits<std::uint64_t>::max();
        case 1:
            return std::uint64_t{1} << 63U;
        case 2:
            return std::uint64_t{1} << 48U;
        case 3:
            return data_.ConsumeIntegral<std::uint64_t>();
        default:
            return static_cast<std::uint64_t>(in_range(0, 5));
    }
}

NodeId Drawer::node() {
    static constexpr const char* names[] = {"sl1", "sl2", "sl3", "sn1",   "sn2",
                                            "sn3", "ml1", "zz",  "swci1", "apls1"};
    return {names[in_range(0, 9)]};
}

std::string Drawer::contract() {
    switch (in_range(0, 12)) {
        case 0:
            return "d";
        case 1:
            return "";
        case 2:
            return std::string(contract_name_max, 'x');
        case 3:
            return "\xff\n\"";
        default:
            return "c";
    }
}

std::string Drawer::text(std::size_t bytes_max) {
    return one_in(16) ? std::string(bytes_max, '\xff') : data_.ConsumeRandomLengthString(6);
}

Address Drawer::address() {
    static constexpr const char* hosts[] = {"10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2", ""};
    return {one_in(16) ? std::string(255, 'h') : hosts[in_range(0, 4)],
            static_cast<std::uint16_t>(in_range(0, 3))};
}

Digest Drawer::digest() {
    Digest digest;
    digest.bytes[0] = static_cast<std::byte>(in_range(0, 2));
    return digest;
}

Bytes Drawer::bytes(std::size_t count) {
    const std::vector<std::uint8_t> drawn = data_.ConsumeBytes<std::uint8_t>(count);
    Bytes bytes(count);
    std::ranges::copy(std::as_bytes(std::span(drawn)), bytes.begin());
    return bytes;
}

SwarmDuration Drawer::time_span() {
    static constexpr SwarmDuration spans[] = {
        std::chrono::milliseconds(1), std::chrono::milliseconds(500), std::chrono::seconds(3),
        std::chrono::seconds(10),     std::chrono::seconds(61),       std::chrono::hours(2)};
    return spans[in_range(0, 5)];
}

AdmittedName Drawer::admitted() {
    AdmittedName name{node(), std::nullopt};
    if (coin()) {
        name.ca = digest();
    }
    return name;
}

Server Drawer::server() { return {node(), address(), number() | 1U, coin()}; }

Round Drawer::round() { return one_in(8) ? number() : static_cast<Round>(in_range(0, 3)); }
Attempt Drawer::attempt() {
    return one_in(8) ? small_number() : static_cast<Attempt>(in_range(0, 2));
}

RoundKey Drawer::key() {
    return {contract(), static_cast<starling::Run>(in_range(0, 1)), round(), attempt(), one_in(4)};
}

ContractConfig Drawer::config() {
    ContractConfig config = test::tiny_contract(static_cast<std::uint32_t>(in_range(1, 2)));
    config.min_peers = one_in(8) ? small_number() : config.min_peers;
    config.layout_bytes = one_in(10) ? number() : config.layout_bytes;
    config.sync_frequency = one_in(10) ? small_number() : 1;
    config.grace_ns = one_in(4) ? static_cast<std::int64_t>(number()) : 1'000'000'000;
    config.non_finite = static_cast<NonFinitePolicy>(in_range(1, 3));
    config.exchange = static_cast<ExchangePlan>(in_range(1, 4));
    config.durable = static_cast<Durability>(in_range(1, 3));
    if (one_in(8)) {
        config.merge = static_cast<MergeRule>(in_range(1, 6));
        config.compression.kind = static_cast<Compression>(in_range(0, 4));
    }
    config.wait_limit_ns = one_in(4) ? static_cast<std::int64_t>(number()) : 0;
    return config;
}

CheckIn Drawer::check_in() {
    static constexpr double losses[] = {0.0, NAN, INFINITY, -1.0, 1e300};
    CheckIn check_in;
    check_in.weight = one_in(4) ? small_number() : 1;
    check_in.samples = number();
    check_in.epochs_done = small_number();
    check_in.epochs_total = small_number();
    check_in.finished = coin();
    check_in.fresh = coin();
    check_in.non_finite = coin();
    check_in.loss = losses[in_range(0, 4)];
    for (const char* name : {"a", "a/b", "val/accuracy"}) {
        if (one_in(4)) {
            check_in.scalars.change()[name] = losses[in_range(0, 4)];
        }
    }
    return check_in;
}

RoundMember Drawer::member() {
    RoundMember member{node(), address()};
    member.weight = one_in(4) ? small_number() : 1;
    member.check_in_index = static_cast<std::uint64_t>(in_range(0, 5));
    return member;
}

ContractView Drawer::view() {
    ContractView view;
    view.name = contract();
    view.run = static_cast<starling::Run>(in_range(0, 1));
    view.version = number();
    view.phase = static_cast<ContractPhase>(in_range(1, 4));
    view.round = round();
    view.attempt = attempt();
    view.checked_in = small_number();
    view.min_peers = small_number();
    (view.phase == ContractPhase::exchanging ? view.frozen : view.holders) =
        some(4, [&] { return member(); });
    view.departed = some(2, [&] { return node(); });
    if (coin()) {
        Commit commit;
        commit.round = round();
        commit.attempt = attempt();
        commit.digest = digest();
        commit.members = some(4, [&] { return member(); });
        commit.final = coin();
        view.last_commit = commit;
    }
    view.all_stayed = coin();
    view.reason = text(reason_max);
    return view;
}

RegisterNode Drawer::register_node(Author* author) {
    RegisterNode said{one_in(6) ? static_cast<Role>(in_range(1, 5)) : Role::sl, address(), {}};
    if (author != nullptr) {
        said.credentials = author->signer->credentials();
    }
    said.credentials.ca = one_in(4) ? digest() : said.credentials.ca;
    return said;
}

Enrol Drawer::enrol() {
    static constexpr const char* layouts[] = {
        "w F32 04\n",     "",     "v F32 4\n",         "w F32 0,4\n",
        "w U8 70000,8\n", "junk", "b U8 8\nw F32 2\n", "w U8 1099511627776\n"};
    const bool odd = one_in(8);
    return Enrol{contract(), config(), odd ? layouts[in_range(0, 7)] : test::tiny_layout,
                 one_in(6) ? std::optional<starling::Run>(small_number()) : std::nullopt};
}

RemoveServers Drawer::remove_servers() {
    RemoveServers said;
    said.removed = some(2, [&] { return node(); });
    said.by = text(node_name_max);
    said.rebuilt = coin();
    said.index = number();
    said.session = number();
    return said;
}

SwarmRules Drawer::swarm_rules() {
    SwarmRules said;
    said.admission = coin() ? Admission::roll : Admission::first_contact;
    said.admins = some(2, [&] { return admitted(); });
    said.operators = some(2, [&] { return admitted(); });
    said.roll = some(3, [&] { return admitted(); });
    said.voters = some(2, [&] { return node(); });
    return said;
}

std::optional<EarlyMerge> Drawer::early_merge() {
    return coin() ? std::optional(EarlyMerge{digest(), digest(), coin()}) : std::nullopt;
}

Command Drawer::command(Author* author) {
    const auto run = static_cast<starling::Run>(in_range(0, 2));
    switch (in_range(0, 17)) {
        case 0:
            return register_node(author);
        case 1:
        case 2:
            return enrol();
        case 3:
        case 4:
            return CheckInRound{contract(), run, round(), check_in(), early_merge()};
        case 5:
            return LeaveContract{contract(), run, text(reason_max)};
        case 6: {
            CommitRound commit{contract(), run, round(), attempt(), some(3, [&] {
                                   return MemberReport{node(), digest(), {}, coin()};
                               })};
            return one_in(3) ? Command(RecordReports{commit.contract, run, commit.round,
                                                     commit.attempt, commit.reports})
                             : Command(commit);
        }
        case 7:
            return ExpireDeadline{contract(), run, static_cast<std::int64_t>(number())};
        case 8:
            return LoseNode{node(), text(reason_max)};
        case 9:
            return ExcludeMember{.contract = contract(),
                                 .run = run,
                                 .round = round(),
                                 .attempt = attempt(),
                                 .node = node(),
                                 .refused = coin(),
                                 .reason = text(reason_max)};
        case 10:
            return ReadBarrier{};
        case 11:
            return remove_servers();
        case 12:
            return swarm_rules();
        case 13: {
            const AdmittedName name = admitted();
            return ChangeRoll{static_cast<ChangeRoll::Kind>(in_range(1, 3)), name.node, name.ca};
        }
        case 14:
            return NameNonFinite{contract(), run, round(), node()};
        case 15:
            return KeepApart{contract(), run,    round(),
                             attempt(),  node(), some(3, [&] { return node(); })};
        case 16:
            return NameFalseMerge{contract(), run, round(), node()};
        default:
            return Checkpoint{number(), digest()};
    }
}

Heartbeat Drawer::heartbeat(Author* author) {
    Heartbeat beat;
    beat.contract = contract();
    beat.run = static_cast<starling::Run>(in_range(0, 2));
    beat.known_version = number();
    beat.progress = {number(), number(), one_in(4) ? node().name : ""};
    beat.round = round();
    beat.attempt = attempt();
    beat.stalls = some(3, [&] { return Stall{node(), coin(), coin()}; });
    beat.senders = some(3, [&] { return Sender{node().name, number()}; });
    if (coin()) {
        MergeReport report;
        report.digest = digest();
        report.durable = coin();
        if (author != nullptr) {
            report.signature =
                author->signer->sign(report_text(author->id, beat.contract, beat.run, beat.round,
                                                 beat.attempt, report.digest, report.durable));
        }
        beat.report = report;
    }
    beat.session = coin() ? 7 : number();
    return beat;
}

}  // namespace starling::fuzz
