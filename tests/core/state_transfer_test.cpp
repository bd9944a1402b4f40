// An SN that joins takes the state of the ledger, and copies the records before it later.
#include "core/sn/state_transfer.hpp"

#include <gtest/gtest.h>

#include "core/ledger/audit.hpp"
#include "core/sn/kept_snapshots.hpp"
#include "core/sn/older_records.hpp"
#include "tests/support/memory_swarm.hpp"
#include "tests/support/node_bench.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint32_t transfer_timer = 1;

/// A snapshot of a ledger of three SNs with this many records.
Bytes snapshot_of(std::uint64_t records) {
    const std::vector<Server> servers = {server(1), server(2), server(3)};
    ServerHistory history;
    history.apply_membership({1, 1, RecordKind::membership, encode_membership(servers)});
    TermRuns terms;
    for (std::uint64_t index = 1; index <= records; ++index) {
        terms.append(1);
    }
    Digest link;
    link.bytes[0] = static_cast<std::byte>(records);
    return encode_snapshot(openssl_hasher(), {link, 0, terms, history, Ledger{}});
}

OfferedSnapshot offer_of(std::uint64_t index, const Bytes& bytes) {
    return {index, bytes.size(), openssl_hasher().digest(bytes)};
}

/// SN 4 joins SNs 1 to 3 through SN 1.
struct Joining {
    Joining() {
        step(std::nullopt);
        connect(1);
        connect(2);
        connect(3);
    }

    void step(const std::optional<Input>& input) {
        std::vector<Effect> effects;
        Outbox out(effects);
        if (input) {
            verdict = transfer.on_input(now, *input, out);
        } else {
            transfer.begin(server(1).address, now, out);
        }
        for (const Effect& effect : effects) {
            if (const auto* send = std::get_if<Send>(&effect)) {
                sent.push_back(*send);
            } else if (const auto* dial = std::get_if<Connect>(&effect)) {
                dialled.push_back(dial->address);
            }
        }
    }
    void connect(std::uint64_t number) {
        step(PeerUp{server(number).node, Role::sn, server(number).address, 1, {}});
    }
    void offer(std::uint64_t number, std::vector<OfferedSnapshot> snapshots,
               std::vector<Server> servers = {server(1), server(2), server(3)}) {
        step(FrameReceived{server(number).node,
                           {SnapshotOffer{std::move(servers), std::move(snapshots)}, {}}});
    }
    void part(std::uint64_t number, std::uint64_t index, ByteView bytes, std::uint64_t offset = 0) {
        step(FrameReceived{server(number).node,
                           {SnapshotPart{index, offset}, Blob(Bytes(bytes.begin(), bytes.end()))}});
    }
    void pass(SwarmDuration time) {
        const SwarmTime end = now + time;
        while (now < end) {
            now += milliseconds(500);
            step(TimerDue{transfer_timer});
        }
    }
    /// Who was asked last for a part.
    std::string asked() const {
        for (auto send = sent.rbegin(); send != sent.rend(); ++send) {
            if (std::holds_alternative<FetchSnapshot>(send->frame.message)) {
                return send->to.name;
            }
        }
        return "";
    }

    StateTransfer transfer{{"sn4"}, openssl_hasher(), transfer_timer};
    SwarmTime now = from_ns(1'000'000'000);
    StateTransfer::Verdict verdict = StateTransfer::Verdict::waiting;
    std::vector<Send> sent;
    std::vector<Address> dialled;
};

const Bytes hundred = snapshot_of(100);
const Bytes forged_snapshot = snapshot_of(101);

TEST(StateTransfer, TakesASnapshotThatMostVotersOffer) {
    Joining joining;
    joining.offer(1, {offer_of(100, hundred)});
    EXPECT_EQ(joining.asked(), "") << "one of three voters has offered it";
    joining.offer(2, {offer_of(100, hundred)});
    ASSERT_EQ(joining.asked(), "sn1");
    joining.part(1, 100, hundred);
    ASSERT_EQ(joining.verdict, StateTransfer::Verdict::over);
    const auto taken = joining.transfer.take();
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->snapshot->index(), 100U);
    EXPECT_EQ(taken->confirmed, 2U);
    EXPECT_EQ(taken->voters, 3U);
    EXPECT_EQ(joining.transfer.take_held().size(), 3U) << "connections are handed on";
}

TEST(StateTransfer, OneSnCantHaveItsOwnStateTaken) {
    Joining joining;
    joining.offer(1, {offer_of(100, hundred)});
    joining.offer(3, {offer_of(101, forged_snapshot)}, {server(3), server(5), server(6)});
    joining.step(PeerUp{{"sn5"}, Role::sn, server(5).address, 1, {}});
    joining.offer(5, {offer_of(101, forged_snapshot)});
    EXPECT_EQ(joining.asked(), "") << "SN 5 is no voter by the SN that the operator named";
    joining.offer(2, {offer_of(100, hundred)});
    EXPECT_EQ(joining.asked(), "sn1");
}

TEST(StateTransfer, TheNewestSnapshotThatMostHaveIsTaken) {
    const Bytes newer = snapshot_of(200);
    Joining joining;
    joining.offer(1, {offer_of(200, newer), offer_of(100, hundred)});
    joining.offer(2, {offer_of(100, hundred)});
    joining.part(1, 100, hundred);
    ASSERT_TRUE(joining.transfer.take()) << "SN 2 has not made the newer one yet";
}

TEST(StateTransfer, ANamedSnThatLiesCantHaveItDialWithoutEnd) {
    Joining joining;
    for (std::uint64_t first = 10; first < 1'000; first += 10) {
        std::vector<Server> servers;
        for (std::uint64_t number = first; number < first + 10; ++number) {
            servers.push_back({{"sn" + std::to_string(number)},
                               {"10.9.0.1", static_cast<std::uint16_t>(number)},
                               number,
                               true});
        }
        joining.offer(1, {offer_of(100, hundred)}, servers);
    }
    EXPECT_GT(joining.dialled.size(), 10U);
    EXPECT_LE(joining.dialled.size(), servers_max + 1) << "nothing has failed yet";
}

TEST(StateTransfer, WrongOrMissingPartsLeadToAnotherSource) {
    Joining joining;
    joining.offer(1, {offer_of(100, hundred)});
    joining.offer(2, {offer_of(100, hundred)});
    joining.offer(3, {offer_of(100, hundred)});
    joining.part(1, 100, ByteView(hundred).first(10));
    EXPECT_EQ(joining.asked(), "sn2") << "not the whole part";
    Bytes damaged = hundred;
    damaged.back() ^= std::byte{1};
    joining.part(2, 100, damaged);
    EXPECT_EQ(joining.asked(), "sn3") << "SN 2 sent other bytes than it had offered";
    joining.step(PeerLost{{"sn3"}, "gone"});
    EXPECT_EQ(joining.verdict, StateTransfer::Verdict::over);
    EXPECT_FALSE(joining.transfer.take()) << "nobody is left: all records come by the log";
}

TEST(StateTransfer, ASilentSourceIsReplaced) {
    Joining joining;
    joining.offer(1, {offer_of(100, hundred)});
    joining.offer(2, {offer_of(100, hundred)});
    joining.pass(seconds(80));
    EXPECT_EQ(joining.asked(), "sn1");
    joining.pass(seconds(20));
    EXPECT_EQ(joining.asked(), "sn2");
}

TEST(StateTransfer, WithoutASnapshotThatMostHaveTheSnBeginsWithAnEmptyLog) {
    Joining none;
    none.offer(1, {});
    none.offer(2, {});
    EXPECT_EQ(none.verdict, StateTransfer::Verdict::over) << "most have made none";
    EXPECT_FALSE(none.transfer.take());
    Joining unconfirmed;
    unconfirmed.offer(1, {offer_of(100, hundred)});
    unconfirmed.pass(seconds(9));
    EXPECT_EQ(unconfirmed.verdict, StateTransfer::Verdict::waiting);
    unconfirmed.pass(seconds(2));
    EXPECT_EQ(unconfirmed.verdict, StateTransfer::Verdict::over);
    EXPECT_FALSE(unconfirmed.transfer.take());
}

TEST(StateTransfer, ASnapshotThatIsNoneIsNotTaken) {
    const Bytes nonsense(50);
    Joining joining;
    joining.offer(1, {offer_of(100, nonsense)});
    joining.offer(2, {offer_of(100, nonsense)});
    joining.part(1, 100, nonsense);
    EXPECT_EQ(joining.verdict, StateTransfer::Verdict::over);
    EXPECT_FALSE(joining.transfer.take());
}

TEST(StateTransfer, ALargeSnapshotComesInParts) {
    KeptSnapshots kept(openssl_hasher());
    const Bytes large(3 * state_part_bytes / 2, std::byte{7});
    kept.add(100, large);
    kept.add(200, hundred);
    EXPECT_EQ(kept.part({100, 0}).size(), state_part_bytes);
    EXPECT_EQ(kept.part({100, state_part_bytes}).size(), state_part_bytes / 2);
    EXPECT_TRUE(kept.part({100, large.size()}).empty());
    EXPECT_TRUE(kept.part({300, 0}).empty());
    EXPECT_EQ(kept.offers().front(), offer_of(200, hundred));
    kept.add(300, forged_snapshot);
    EXPECT_TRUE(kept.part({100, 0}).empty()) << "two are kept";
    Joining joining;
    joining.offer(1, {offer_of(100, large)});
    joining.offer(2, {offer_of(100, large)});
    joining.part(1, 100, ByteView(large).first(state_part_bytes));
    const auto* next = std::get_if<FetchSnapshot>(&joining.sent.back().frame.message);
    ASSERT_NE(next, nullptr);
    EXPECT_EQ(next->offset, state_part_bytes);
}

/// Records 1 to 9, and their links; links[0] is the one before record 1.
struct RecordChain {
    RecordChain() {
        for (std::uint64_t index = 1; index <= 9; ++index) {
            records.push_back(encode_record(
                {index, 1, RecordKind::entry, Bytes(index, static_cast<std::byte>(index))}));
            links.push_back(chain_link(openssl_hasher(), links.back(), index, records.back()));
        }
    }
    RecordsPart part(std::uint64_t first, std::uint64_t last) const {
        return {last,
                links[first - 1],
                {records.begin() + static_cast<std::ptrdiff_t>(first - 1),
                 records.begin() + static_cast<std::ptrdiff_t>(last)}};
    }
    std::vector<Bytes> records;
    std::vector<Digest> links{Digest{}};
};

TEST(OlderRecords, EachPartIsCheckedAgainstTheChainThatFollows) {
    using Answer = OlderRecords::Answer;
    const RecordChain chain;
    std::vector<Effect> effects;
    Outbox out(effects);
    OlderRecords older(openssl_hasher());
    older.begin({9, chain.links[9]});
    const NodeId sn{"sn1"};
    const auto take = [&](RecordsPart part) {
        older.ask(sn, from_ns(0), out);
        return older.take(sn, std::move(part), out);
    };
    EXPECT_EQ(older.take(sn, chain.part(5, 9), out), Answer::unasked);
    RecordsPart changed = chain.part(5, 9);
    changed.records[2].back() ^= std::byte{1};
    EXPECT_EQ(take(changed), Answer::wrong);
    RecordsPart false_link = chain.part(5, 9);
    false_link.link_before.bytes[0] ^= std::byte{1};
    EXPECT_EQ(take(false_link), Answer::wrong);
    EXPECT_FALSE(older.trusts(sn));
    EXPECT_TRUE(older.trusts({"sn2"}));
    EXPECT_EQ(take({9, {}, {}}), Answer::none);
    EXPECT_EQ(take({9, {}, std::vector<Bytes>(10, chain.records[8])}), Answer::wrong)
        << "more records than there can be";
    EXPECT_EQ(take(chain.part(5, 9)), Answer::kept);
    EXPECT_EQ(older.missing(), 4U);
    EXPECT_EQ(take(chain.part(1, 4)), Answer::kept);
    EXPECT_FALSE(older.lacking());
}

/// Whether an auditor takes all records that the SN has on its disk.
std::string audit_of(const MemoryStore& store) {
    const std::shared_ptr<const NodeVerifier> verifier = make_memory_verifier(openssl_hasher());
    LedgerAudit audit(openssl_hasher(), *verifier, {});
    Digest link;
    std::uint64_t index = 0;
    for (const Bytes& record : store.log().records) {
        link = chain_link(openssl_hasher(), link, ++index, record);
        if (const Result<void> taken = audit.take(index, record, link); !taken) {
            return taken.error().message;
        }
    }
    return "";
}

struct JoiningWithASnapshot : testing::Test {
    JoiningWithASnapshot() {
        for (int i = 1; i <= 3; ++i) {
            swarm.add_pair(i, {.min_peers = 3, .syncs = 420, .batch_time = milliseconds(20)});
        }
    }
    void empty_disk(int number) {
        swarm.network.crash({"sn" + std::to_string(number)});
        *swarm.sn_stores[static_cast<std::size_t>(number - 1)] = MemoryStore{};
        swarm.network.restart({"sn" + std::to_string(number)});
    }
    bool run_until(const std::string& event, const std::string& node) {
        std::size_t seen = 0;
        const auto reported = [&](const TraceRecorder::Line& line) {
            return line.event.name == event && line.node.name == node;
        };
        return swarm.network.run([&] { return swarm.trace.any_new(seen, reported); },
                                 swarm.network.now() + seconds(60));
    }
    MemorySwarm swarm{9, {}, 3, 200};
};

TEST_F(JoiningWithASnapshot, AnSnWithAnEmptyDiskCopiesTheRecordsBeforeIt) {
    ASSERT_TRUE(swarm.run_to_round(100));
    empty_disk(3);
    ASSERT_TRUE(run_until("ledger_state_taken", "sn3")) << swarm.trace.tail();
    const std::uint64_t index =
        std::stoull(field(swarm.trace.named("ledger_state_taken").back(), "entries"));
    EXPECT_GT(index, 199U);
    ASSERT_TRUE(run_until("older_entries_copied", "sn3")) << swarm.trace.tail();
    ASSERT_TRUE(swarm.run());
    swarm.run_for(seconds(3));
    swarm.expect_one_final_model();
    swarm.expect_one_ledger();
    EXPECT_EQ(swarm.sn_stores[2]->log().records, swarm.sn_stores[0]->log().records);
    EXPECT_EQ(audit_of(*swarm.sn_stores[2]), "");
    EXPECT_EQ(*swarm.sn_stores[2]->snapshot(), *swarm.sn_stores[0]->snapshot());
}

/// As the leader it could not send the others what they lack.
TEST_F(JoiningWithASnapshot, AnSnVotesAgainOnlyWhenItHasAllRecords) {
    ASSERT_TRUE(swarm.run_to_round(100));
    empty_disk(3);
    const auto votes = [&](const Server& one) {
        return one.node == NodeId{"sn3"} && one.voter &&
               one.number == swarm.sn_stores[2]->log().vote.self;
    };
    bool lacked = false;
    const bool voted = swarm.network.run(
        [&] {
            const DurableLog& log = swarm.sn_stores[0]->log();
            for (std::size_t at = log.records.size(); at > 0; --at) {
                const auto record = decode_record(at, log.records[at - 1]);
                if (record->kind == RecordKind::membership) {
                    const auto servers = decode_membership(record->data);
                    const bool voter = std::ranges::any_of(*servers, votes);
                    lacked = lacked || (voter && swarm.sn_stores[2]->log().missing.last > 0);
                    return voter;
                }
            }
            return false;
        },
        swarm.network.now() + seconds(60));
    EXPECT_TRUE(voted);
    EXPECT_FALSE(lacked);
    EXPECT_EQ(swarm.sn_stores[2]->log().missing.last, 0U);
}

TEST_F(JoiningWithASnapshot, AnSnThatIsKilledWhileItCopiesContinuesWhereItWas) {
    ASSERT_TRUE(swarm.run_to_round(400, std::chrono::minutes(8)));
    empty_disk(3);
    const MissingRecords& missing = swarm.sn_stores[2]->log().missing;
    std::uint64_t all = 0;
    ASSERT_TRUE(swarm.network.run(
        [&] {
            all = std::max(all, missing.last);
            return missing.last > 0 && missing.last < all;
        },
        swarm.network.now() + seconds(60)));
    swarm.network.crash({"sn3"});
    const std::uint64_t left = missing.last;
    swarm.network.restart({"sn3"});
    ASSERT_TRUE(run_until("older_entries_copied", "sn3")) << swarm.trace.tail();
    EXPECT_EQ(field(swarm.trace.named("older_entries_copied").back(), "entries"),
              std::to_string(left));
    ASSERT_TRUE(swarm.run());
    swarm.run_for(seconds(3));
    swarm.expect_one_ledger();
    EXPECT_EQ(swarm.sn_stores[2]->log().records, swarm.sn_stores[0]->log().records);
}

TEST_F(JoiningWithASnapshot, SucceedsWhileTheNamedSnIsRestarted) {
    ASSERT_TRUE(swarm.run_to_round(100));
    empty_disk(3);
    swarm.network.crash({"sn1"});
    swarm.network.restart({"sn1"});
    ASSERT_TRUE(swarm.run());
    swarm.run_for(seconds(5));
    swarm.expect_one_final_model();
    swarm.expect_one_ledger();
    EXPECT_EQ(swarm.sn_stores[2]->log().records, swarm.sn_stores[1]->log().records);
}

}  // namespace
}  // namespace starling::test
