// Snapshots of the ledger: what continues from one can't be told from what applied every record.
#include "core/ledger/snapshot.hpp"

#include <gtest/gtest.h>

#include "core/base/random.hpp"
#include "core/ledger/ledger_soundness.hpp"
#include "core/ledger/membership.hpp"
#include "tests/support/node_bench.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling::test {
namespace {

/// What an SN keeps of the records that it has applied.
struct Replica {
    Bytes snapshot() const {
        return encode_snapshot(openssl_hasher(), {link, time_ns, terms, servers, ledger});
    }
    static Replica from(const Bytes& bytes) {
        Result<LedgerSnapshot> read = decode_snapshot(openssl_hasher(), bytes);
        EXPECT_TRUE(read) << read.error().message;
        return {read->link, read->time_ns, read->terms, read->servers, read->ledger};
    }
    Applied apply(const LogRecord& record) {
        link = chain_link(openssl_hasher(), link, record);
        terms.append(record.term);
        servers.apply_membership(record);
        if (record.kind != RecordKind::entry) {
            return {};
        }
        const Result<Entry> entry = decode_entry(record.data);
        EXPECT_TRUE(entry);
        time_ns = std::max(time_ns, entry->time_ns);
        Applied applied = ledger.apply(*entry, record.index);
        if (const auto* removal = std::get_if<RemoveServers>(&entry->command)) {
            servers.apply_removal(*entry, *removal, ledger.nodes());
        }
        return applied;
    }

    Digest link;
    std::int64_t time_ns = 0;
    TermRuns terms;
    ServerHistory servers;
    Ledger ledger;
};

/// Draws records that members, SNs and tools may have brought about, right and wrong ones.
class RecordDrawer {
public:
    explicit RecordDrawer(std::uint64_t seed) : random_(seed) {}

    LogRecord next(const Replica& at) {
        const std::uint64_t index = at.terms.last() + 1;
        term_ += random_.below(20) == 0 ? 1U : 0U;
        if (index == 1 || random_.below(25) == 0) {
            return {index, term_, RecordKind::membership, encode_membership(servers())};
        }
        time_ns_ += static_cast<std::int64_t>(random_.below(400)) * 1'000'000'000;
        Entry entry;
        entry.time_ns = time_ns_;
        if (random_.below(3) == 0) {
            entry.signer = {"sn" + std::to_string(1 + random_.below(3))};
            entry.command = of_server(at);
        } else {
            entry.signer = some_member();
            std::uint64_t& session = sessions_[entry.signer];
            const bool registers = session == 0 || random_.below(30) == 0;
            session += registers ? 1U : 0U;
            sequences_[entry.signer] = registers ? 1 : sequences_[entry.signer] + 1;
            entry.session = session;
            entry.sequence = sequences_[entry.signer];
            entry.command = registers ? registration(entry.signer) : of_member(at);
        }
        return {index, term_, RecordKind::entry, encode_entry(entry)};
    }

private:
    NodeId some_member() { return {"sl" + std::to_string(1 + random_.below(6))}; }
    const Contract* some_contract(const Replica& at) {
        const auto& contracts = at.ledger.contracts();
        if (contracts.empty()) {
            return nullptr;
        }
        return &std::next(contracts.begin(),
                          static_cast<std::ptrdiff_t>(random_.below(contracts.size())))
                    ->second;
    }
    std::vector<Server> servers() {
        std::vector<Server> all = {server(1), server(2 + random_.below(2))};
        all.back().number += 10 * random_.below(3);
        return all;
    }
    Digest some_ca() {
        Digest ca;
        ca.bytes[0] = static_cast<std::byte>(random_.below(3));
        return ca;
    }
    RegisterNode registration(const NodeId& node) {
        RegisterNode command{Role::sl, {"10.0.0." + node.name.substr(2), 1}, {}};
        command.credentials.ca = some_ca();
        command.credentials.certificate = Bytes(random_.below(50));
        return command;
    }
    Command of_member(const Replica& at) {
        const Contract* contract = some_contract(at);
        const std::uint64_t kind = random_.below(12);
        if (contract == nullptr || kind < 3) {
            ContractConfig config = tiny_contract(2);
            config.grace_ns = 1'000'000'000;
            return Enrol{"run" + std::to_string(random_.below(2)), config, tiny_layout,
                         std::nullopt, random_.below(2) == 0 ? "" : "site1"};
        }
        if (kind == 3) {
            return LeaveContract{contract->name, contract->run, "it is over"};
        }
        if (kind == 4) {
            return NameNonFinite{contract->name, contract->run, contract->round, some_member()};
        }
        if (kind == 5) {
            return NameFalseMerge{contract->name, contract->run, contract->round, some_member()};
        }
        CheckIn check_in;
        check_in.weight = static_cast<std::uint32_t>(random_.below(4));
        check_in.finished = random_.below(6) == 0;
        check_in.non_finite = random_.below(10) == 0;
        check_in.scalars = Scalars{{"loss", 0.5}};
        std::optional<EarlyMerge> merged;
        if (random_.below(2) == 0) {
            merged.emplace().digest.bytes[0] = std::byte{2};
            merged->base = contract->last_commit ? contract->last_commit->digest : Digest{};
        }
        return CheckInRound{contract->name, contract->run, contract->round, check_in, merged};
    }
    Command of_server(const Replica& at) {
        const Contract* contract = some_contract(at);
        switch (random_.below(9)) {
            case 0:
                return RegisterNode{Role::sn, {"10.0.1.1", 1}, {}};
            case 1:
                return SwarmRules{.admins = {{{"swci1"}, some_ca()}}, .owners_decide = true};
            case 2:
                return ChangeRoll{ChangeRoll::Kind::admit, some_member(), some_ca()};
            case 3:
                return RemoveServers{
                    {{"sn2"}}, "swci1", random_.below(2) == 0, at.servers.membership_index(), 4};
            case 4:
                return LoseNode{some_member(), "its lease is over"};
            default:
                return contract == nullptr ? Command(ReadBarrier{}) : of_round(*contract);
        }
    }
    Command of_round(const Contract& contract) {
        const auto kind = random_.below(6);
        if (kind == 0 && contract.deadline) {
            return ExpireDeadline{contract.name, contract.run, to_ns(*contract.deadline)};
        }
        if (kind == 1) {
            return ExcludeMember{contract.name,         contract.run,  contract.round,
                                 contract.attempt,      some_member(), random_.below(2) == 0,
                                 "it exchanges nothing"};
        }
        if (kind == 2) {
            return KeepApart{contract.name,    contract.run,  contract.round,
                             contract.attempt, some_member(), {some_member()}};
        }
        std::vector<MemberReport> reports;
        for (std::size_t i = contract.reports.recorded.size(); i < contract.frozen.size(); ++i) {
            MemberReport report{contract.frozen[i].id, {}, {}, true};
            report.digest.bytes[0] = static_cast<std::byte>(random_.below(8) == 0 ? 1 : 2);
            reports.push_back(report);
        }
        if (reports.size() > 1 && random_.below(2) == 0) {
            reports.resize(1);
            return RecordReports{contract.name, contract.run, contract.round, contract.attempt,
                                 reports};
        }
        return CommitRound{contract.name, contract.run, contract.round, contract.attempt, reports};
    }

    Random random_;
    std::uint64_t term_ = 1;
    std::int64_t time_ns_ = 0;
    std::map<NodeId, std::uint64_t> sessions_;
    std::map<NodeId, std::uint64_t> sequences_;
};

TEST(Snapshot, AReplicaFromASnapshotGivesTheAnswersOfOneThatAppliedEveryRecord) {
    std::uint64_t commits = 0;
    std::uint64_t removals = 0;
    std::uint64_t in_parts = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        RecordDrawer drawer(seed);
        Replica whole;
        std::optional<Replica> resumed;
        for (int step = 0; step < 400; ++step) {
            if (step % 40 == 20) {
                resumed = Replica::from(whole.snapshot());
                for (const auto& [name, contract] : resumed->ledger.contracts()) {
                    in_parts += contract.reports.recorded.empty() ? 0U : 1U;
                }
            }
            const LogRecord record = drawer.next(whole);
            const Applied applied = whole.apply(record);
            for (const LedgerEvent& event : applied.events) {
                commits += std::holds_alternative<RoundCommitted>(event) ? 1U : 0U;
            }
            if (resumed) {
                const Applied again = resumed->apply(record);
                ASSERT_EQ(again.answer.code, applied.answer.code) << "seed " << seed;
                ASSERT_EQ(again.answer.reason, applied.answer.reason) << "seed " << seed;
                ASSERT_EQ(again.events.size(), applied.events.size()) << "seed " << seed;
                ASSERT_EQ(resumed->snapshot(), whole.snapshot())
                    << "seed " << seed << ", record " << record.index;
            }
        }
        for (const auto& [number, removed] : whole.servers.removed()) {
            removals += removed.removal ? 1U : 0U;
        }
    }
    EXPECT_GT(commits, 100U) << "the records lead to rounds";
    EXPECT_GT(removals, 10U) << "and to removals of SNs";
    EXPECT_GT(in_parts, 5U) << "snapshots between a part of a round's reports and its commit";
}

TEST(Snapshot, EveryChangedByteIsDetected) {
    RecordDrawer drawer(7);
    Replica replica;
    for (int step = 0; step < 60; ++step) {
        replica.apply(drawer.next(replica));
    }
    const Bytes good = replica.snapshot();
    for (std::size_t at = 0; at < good.size(); ++at) {
        Bytes changed = good;
        changed[at] ^= std::byte{1};
        ASSERT_FALSE(decode_snapshot(openssl_hasher(), changed)) << "byte " << at;
    }
    ASSERT_FALSE(decode_snapshot(openssl_hasher(), ByteView(good).first(good.size() - 1)));
    ASSERT_FALSE(decode_snapshot(openssl_hasher(), {}));
}

/// A liar can compute the checksum.
Bytes with_sum(Bytes content) {
    const Digest sum = openssl_hasher().digest(content);
    content.insert(content.end(), sum.bytes.begin(), sum.bytes.end());
    return content;
}

/// As those of a liar.
TEST(Snapshot, BytesWithAValidChecksumAreReadInOneWayOrRefused) {
    RecordDrawer drawer(11);
    Replica replica;
    for (int step = 0; step < 200; ++step) {
        replica.apply(drawer.next(replica));
    }
    const Bytes good = replica.snapshot();
    Random random(5);
    int read = 0;
    for (int round = 0; round < 20'000; ++round) {
        Bytes changed(good.begin(), good.end() - 32);
        for (std::uint64_t changes = 1 + random.below(3); changes > 0; --changes) {
            changed[random.below(changed.size())] = static_cast<std::byte>(random.below(256));
        }
        changed = with_sum(std::move(changed));
        if (const Result<LedgerSnapshot> taken = decode_snapshot(openssl_hasher(), changed)) {
            ++read;
            ASSERT_EQ(encode_snapshot(openssl_hasher(), {taken->link, taken->time_ns, taken->terms,
                                                         taken->servers, taken->ledger}),
                      changed);
        }
    }
    EXPECT_GT(read, 100) << "changes of numbers";
}

/// A snapshot whose ledger has changed names and numbers, one here and there.
Bytes changed_snapshot(const Replica& replica, Random& random) {
    const Bytes good = replica.snapshot();
    Bytes changed(good.begin(), good.end() - 32);
    const auto is_digit = [](std::byte byte) {
        return byte >= std::byte{'1'} && byte <= std::byte{'6'};
    };
    for (std::size_t at = changed.size() / 8; at + 2 < changed.size(); ++at) {
        // Members are named sl1 to sl6, in a round as what differs from the name before.
        const bool name = changed[at] == std::byte{'s'} && changed[at + 1] == std::byte{'l'};
        const bool of_round = changed[at] == std::byte{2} && changed[at + 1] == std::byte{1};
        if ((name || of_round) && is_digit(changed[at + 2]) && random.chance(name ? 0.01 : 0.2)) {
            changed[at + 2] = static_cast<std::byte>('1' + random.below(9));
        } else if (random.chance(0.0002)) {
            changed[at] = static_cast<std::byte>(random.below(256));
        }
    }
    return with_sum(std::move(changed));
}

bool exchanges(const Replica& replica) {
    return std::ranges::any_of(replica.ledger.contracts(), [](const auto& contract) {
        return contract.second.phase == ContractPhase::exchanging;
    });
}

/// As one that more than half of the SNs made up: what is read nevertheless must bear whatever
/// records follow.
TEST(Snapshot, RecordsBehindAStateThatNoneLeadToDoNoHarm) {
    Random random(9);
    int refused = 0;
    int applied = 0;
    for (std::uint64_t seed = 1; seed <= 1'500; ++seed) {
        RecordDrawer drawer(seed % 30);
        Replica replica;
        for (std::uint64_t step = 0; step < 500 && (step < seed % 100 || !exchanges(replica));
             ++step) {
            replica.apply(drawer.next(replica));
        }
        const Result<LedgerSnapshot> taken =
            decode_snapshot(openssl_hasher(), changed_snapshot(replica, random));
        if (!taken) {
            ++refused;
            continue;
        }
        ++applied;
        Replica other{taken->link, taken->time_ns, taken->terms, taken->servers, taken->ledger};
        for (int step = 0; step < 60; ++step) {
            other.apply(drawer.next(other));
            for (const auto& [name, contract] : other.ledger.contracts()) {
                ASSERT_TRUE(is_sound(view_of(contract))) << "seed " << seed << ", " << name;
            }
        }
        ASSERT_TRUE(is_sound(other.ledger, other.terms.last())) << "seed " << seed;
    }
    EXPECT_GT(refused, 100);
    EXPECT_GT(applied, 100);
}

/// Raft can't start with them.
TEST(Snapshot, TwoSnsOfOneNameAreRefused) {
    Replica replica;
    replica.apply({1, 1, RecordKind::membership, encode_membership({server(1), server(2)})});
    const Bytes good = replica.snapshot();
    ASSERT_TRUE(decode_snapshot(openssl_hasher(), good));
    Bytes changed(good.begin(), good.end() - 32);
    const Bytes name{std::byte{'s'}, std::byte{'n'}, std::byte{'2'}};
    const auto at = std::search(changed.begin(), changed.end(), name.begin(), name.end());
    ASSERT_NE(at, changed.end());
    *(at + 2) = std::byte{'1'};
    EXPECT_FALSE(decode_snapshot(openssl_hasher(), with_sum(std::move(changed))));
}

TEST(Snapshot, TheTermOfEachRecordIsKeptInARunForEachTerm) {
    TermRuns terms;
    const std::vector<std::uint64_t> of_records = {1, 1, 1, 2, 5, 5, 9};
    for (const std::uint64_t term : of_records) {
        terms.append(term);
    }
    EXPECT_EQ(terms.all().size(), 4U);
    EXPECT_EQ(terms.last(), 7U);
    EXPECT_EQ(terms.term_of(0), 0U);
    for (std::size_t at = 0; at < of_records.size(); ++at) {
        EXPECT_EQ(terms.term_of(at + 1), of_records[at]) << "record " << at + 1;
    }
}

TEST(Snapshot, IsDueAfterAnIntervalAndFourTimesTheBytesOfTheOneBefore) {
    SnapshotSchedule schedule(3);
    const LogRecord record{1, 1, RecordKind::entry, Bytes(10)};
    EXPECT_FALSE(schedule.count(record));
    EXPECT_FALSE(schedule.count(record));
    EXPECT_TRUE(schedule.count(record));
    schedule.restart(10);
    for (int records = 1; records < 4; ++records) {
        EXPECT_FALSE(schedule.count(record)) << records << " records have fewer than 40 bytes";
    }
    EXPECT_TRUE(schedule.count(record));
    SnapshotSchedule never(0);
    EXPECT_FALSE(never.count(record));
}

}  // namespace
}  // namespace starling::test
