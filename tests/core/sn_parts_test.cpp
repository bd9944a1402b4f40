// The collaborators of SnNode, each tested alone.
#include <gtest/gtest.h>

#include "core/node/log_interval.hpp"
#include "core/sn/applied_log.hpp"
#include "core/sn/entry_shares.hpp"
#include "core/sn/leadership.hpp"
#include "core/sn/leases.hpp"
#include "core/sn/membership_claims.hpp"
#include "core/sn/merge_reports.hpp"
#include "core/sn/original_check.hpp"
#include "core/sn/proposals.hpp"
#include "core/sn/round_motion.hpp"
#include "core/sn/server_dialler.hpp"
#include "tests/support/node_bench.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const SwarmTime start = from_ns(1'000'000'000);
const std::vector<Server> three = {server(1), server(2), server(3)};

MembershipReply refusal(std::optional<NodeId> leader) {
    MembershipReply reply;
    reply.code = Errc::refused;
    reply.reason = "not on the roll";
    reply.leader = std::move(leader);
    return reply;
}

TEST(MembershipClaims, ARefusalCountsOnlyFromTheLeaderThatMostSnsName) {
    MembershipClaims claims({"sn4"});
    claims.note_servers({"sn1"}, three);
    EXPECT_FALSE(claims.note_reply({"sn1"}, refusal(NodeId{"sn1"}), seconds(1)));
    MembershipReply other;
    other.leader = NodeId{"sn1"};
    EXPECT_TRUE(claims.note_reply({"sn2"}, other, seconds(1)));
}

TEST(MembershipClaims, ASingleRefusalIsBelievedAfterAMinuteWithoutALeader) {
    MembershipClaims claims({"sn4"});
    claims.note_servers({"sn1"}, three);
    EXPECT_FALSE(claims.note_reply({"sn1"}, refusal(std::nullopt), seconds(59)));
    EXPECT_TRUE(claims.note_reply({"sn1"}, refusal(std::nullopt), seconds(61)));
}

TEST(MembershipClaims, ARemovalNeedsAMajorityOfTheOtherVoters) {
    const std::vector<Server> five = {server(1), server(2), server(3), server(4), server(5)};
    MembershipClaims claims({"sn1"});
    EXPECT_TRUE(claims.note_removal({"sn2"}));
    EXPECT_FALSE(claims.note_removal({"sn2"})) << "said before";
    claims.note_removal({"sn3"});
    EXPECT_FALSE(claims.believes_removal({"sn3"}, five, seconds(1))) << "two of four others";
    claims.note_removal({"sn4"});
    EXPECT_TRUE(claims.believes_removal({"sn4"}, five, seconds(1)));
    EXPECT_FALSE(claims.believes_removal({"stranger"}, five, seconds(1)));
}

TEST(MembershipClaims, AnSnsClaimCountsForItsOwnAddressOnly) {
    MembershipClaims claims({"sn4"});
    claims.note_servers({"sn1"}, three);
    Server moved = server(2);
    moved.address.host = "10.9.9.9";
    claims.note_servers({"sn3"}, {moved});
    EXPECT_EQ(claims.servers().at(1).address, server(2).address);
    claims.note_servers({"sn2"}, {moved});
    EXPECT_EQ(claims.servers().at(1).address, moved.address);
}

TEST(EntryShares, ASignerThatWritesTooMuchWaitsUntilItsBucketRefills) {
    EntryShares shares;
    const Command large = Enrol{"c", {}, std::string(4 * 1024 * 1024, 'x'), {}};
    int taken = 0;
    while (shares.take({"sl1"}, large, start)) {
        ++taken;
    }
    EXPECT_EQ(taken, 3) << "three of the largest layouts fit";
    EXPECT_TRUE(shares.take({"sl2"}, large, start)) << "each signer has its own";
    // The fourth exceeded the bucket by some hundred bytes; it refills at 4 KiB a second.
    EXPECT_TRUE(shares.take({"sl1"}, large, start + seconds(1)));
    EXPECT_FALSE(shares.take({"sl1"}, large, start + seconds(1023)));
    EXPECT_TRUE(shares.take({"sl1"}, large, start + seconds(1025)));
}

TEST(EntryShares, ACommittedRoundGivesBackWhatItsCheckInHasCost) {
    EntryShares shares;
    CheckInRound check_in{.contract = "c"};
    for (int i = 0; i < 16; ++i) {
        check_in.check_in.scalars.change()[std::string(62, 'x') + std::to_string(10 + i)] = 1.0;
    }
    Commit commit;
    commit.members = std::vector<RoundMember>{{.id = {"sl1"}}};
    int taken = 0;
    while (shares.take({"sl1"}, check_in, start)) {
        ++taken;
    }
    EXPECT_LT(taken, 16 * 1024 * 1024 / 1024) << "what is reported counts, at more than 1 KiB here";
    EXPECT_GT(taken, 1000);
    for (int round = 0; round < 10 * taken; ++round) {
        shares.give_back(commit);
        ASSERT_TRUE(shares.take({"sl1"}, check_in, start)) << "each round costs nothing";
    }
    shares.give_back(commit);
    shares.give_back(commit);
    EXPECT_TRUE(shares.take({"sl1"}, check_in, start));
    EXPECT_FALSE(shares.take({"sl1"}, check_in, start)) << "a check-in is given back once";
}

TEST(LogInterval, IsOneMinutePerNode) {
    LogInterval lines;
    EXPECT_TRUE(lines.take({"sl1"}, start));
    EXPECT_TRUE(lines.take({"sl2"}, start));
    EXPECT_FALSE(lines.take({"sl1"}, start + seconds(59)));
    EXPECT_TRUE(lines.take({"sl1"}, start + seconds(60)));
}

TEST(Proposals, AnEntryIsPendingUntilItIsAppliedOrTheTermEnds) {
    Proposals proposals;
    const Entry lose{0, {"sn1"}, 0, 0, LoseNode{{"sl1"}, "silent"}, {}};
    EXPECT_TRUE(proposals.add(lose));
    EXPECT_FALSE(proposals.add(lose));
    EXPECT_TRUE(proposals.contains({"sn1"}, LoseNode{{"sl1"}, "another reason"}));
    proposals.remove(lose);
    EXPECT_TRUE(proposals.add(lose));
    proposals.clear();
    EXPECT_FALSE(proposals.contains({"sn1"}, lose.command));
}

TEST(RoundMotions, TheStallLimitAdaptsToThePausesOfTheAttempt) {
    RoundMotions motions;
    Contract contract;
    contract.name = "c";
    contract.frozen = std::vector<RoundMember>(2);
    contract.config.slowest_link = 4000;
    const RoundKey key{"c", 0, 1, 0};
    motions.begin_attempt("c", start);
    EXPECT_EQ(standstill_of(contract, motions.of("c")), seconds(15)) << "the shortest";
    EXPECT_TRUE(motions.note(key, true, 0, 100, start + seconds(20)));
    EXPECT_FALSE(motions.note(key, true, 100, 100, start + seconds(21))) << "no byte has come";
    EXPECT_EQ(standstill_of(contract, motions.of("c")), seconds(40)) << "twice the longest pause";
}

/// As of one that used another SN, whose news of it did not count while its connection lasted.
TEST(RoundMotions, TheFirstNewsOfAMemberEndNoPause) {
    RoundMotions motions;
    Contract contract;
    contract.name = "c";
    contract.frozen = std::vector<RoundMember>(2);
    const RoundKey key{"c", 0, 1, 0};
    motions.begin_attempt("c", start);
    EXPECT_TRUE(motions.note(key, true, std::nullopt, 100, start + seconds(20)));
    EXPECT_EQ(motions.of("c").moved_at, start + seconds(20));
    EXPECT_EQ(standstill_of(contract, motions.of("c")), seconds(15));
}

TEST(RoundMotions, TheFirstBytesOfASmallModelAreAwaitedForAsLongAsAllOfIt) {
    RoundMotions motions;
    Contract contract;
    contract.name = "c";
    contract.frozen = std::vector<RoundMember>(11);
    contract.config.slowest_link = 4000;
    motions.begin_attempt("c", start);
    contract.config.layout_bytes = 1600;
    EXPECT_EQ(standstill_of(contract, motions.of("c")), seconds(15));
    contract.config.layout_bytes = 8000;
    EXPECT_EQ(standstill_of(contract, motions.of("c")), seconds(30));
    contract.config.layout_bytes = 1'000'000;
    EXPECT_GT(standstill_of(contract, motions.of("c")), seconds(61)) << "a TLS record each";
}

TEST(MergeReports, ADurableReportIsNotTakenBackByAnEarlierOne) {
    Contract contract;
    contract.name = "c";
    contract.phase = ContractPhase::exchanging;
    contract.config.durable = Durability::quorum;
    contract.frozen =
        std::vector<RoundMember>{{.id = {"sl1"}, .address = {}}, {.id = {"sl2"}, .address = {}}};
    MemberReport early{{"sl1"}, {}, {}, false};
    MemberReport durable{{"sl1"}, {}, {}, true};
    MergeReports reports(false);
    reports.add({"c", 0, 0, 0}, contract, early);
    EXPECT_TRUE(reports.has(contract, {"sl1"}, early));
    EXPECT_FALSE(reports.has(contract, {"sl1"}, durable)) << "news";
    reports.add({"c", 0, 0, 0}, contract, durable);
    EXPECT_TRUE(reports.has(contract, {"sl1"}, early)) << "an SN can repeat what a member signed";
    early.node = durable.node = {"sl2"};
    reports.add({"c", 0, 0, 0}, contract, early);
    EXPECT_FALSE(reports.next_entry(contract, 2)) << "one of two is no majority";
    reports.add({"c", 0, 0, 0}, contract, durable);
    EXPECT_TRUE(reports.next_entry(contract, 2));
}

TEST(MergeReports, HasOfEachMemberWhatItSaidLast) {
    Contract contract;
    contract.name = "c";
    contract.phase = ContractPhase::exchanging;
    contract.frozen = {{.id = {"sl1"}}, {.id = {"sl2"}}, {.id = {"sl3"}}};
    const RoundKey key{"c", 0, 0, 0};
    const Digest one{{std::byte{1}}};
    const Digest other{{std::byte{2}}};
    MergeReports reports(false);
    reports.add(key, contract, {{"sl3"}, one, {}, true});
    reports.add(key, contract, {{"sl1"}, other, {}, true});
    reports.add(key, contract, {{"sl2"}, other, {}, false});
    reports.add(key, contract, {{"sl2"}, one, {}, true});
    reports.add(key, contract, {{"sl9"}, one, {}, true});
    EXPECT_EQ(reports.find(key, {"sl1"}), (MemberReport{{"sl1"}, other, {}, true}));
    EXPECT_EQ(reports.find(key, {"sl2"}), (MemberReport{{"sl2"}, one, {}, true}));
    EXPECT_FALSE(reports.find(key, {"sl9"})) << "no member";
    EXPECT_FALSE(reports.find({"c", 0, 0, 1}, {"sl1"})) << "of another attempt";
    const RoundReports& all = reports.all().at("c");
    EXPECT_EQ(all.size(), 3U);
    std::string order;
    all.for_each([&order](const MemberReport& report) { order += report.node.name; });
    EXPECT_EQ(order, "sl1sl2sl3");
    contract.frozen = {{.id = {"sl2"}}, {.id = {"sl3"}}};
    reports.add(key, contract, {{"sl3"}, other, {}, true});
    EXPECT_EQ(reports.find(key, {"sl2"}), (MemberReport{{"sl2"}, one, {}, true}));
    EXPECT_EQ(reports.all().at("c").size(), 2U);
}

/// Each report of a member that lies may have another digest.
TEST(MergeReports, AMemberThatReportsManyDigestsTakesNoMoreMemory) {
    RoundReports reports({"c", 0, 0, 0}, {{.id = {"sl1"}}, {.id = {"sl2"}}});
    const Digest first{{std::byte{1}}};
    reports.add({{"sl1"}, first, {}, true});
    for (int i = 2; i < 200; ++i) {
        const MemberReport report{{"sl2"}, {{static_cast<std::byte>(i)}}, {}, true};
        reports.add(report);
        EXPECT_EQ(reports.find({"sl2"}), report);
        reports.add({{"sl2"}, first, {}, true});
        EXPECT_EQ(reports.find({"sl2"})->digest, first);
        EXPECT_EQ(reports.find({"sl1"})->digest, first);
    }
    EXPECT_LE(reports.digest_count(), 3U);
    EXPECT_EQ(reports.size(), 2U);
}

TEST(MergeReports, MoreReportsThanAnEntryHasRoomForAreRecordedInParts) {
    Contract contract;
    contract.name = "c";
    contract.phase = ContractPhase::exchanging;
    contract.frozen = {{.id = {"sl1"}}, {.id = {"sl2"}}, {.id = {"sl3"}}};
    MergeReports reports(false);
    for (const RoundMember& member : contract.frozen) {
        EXPECT_FALSE(reports.next_entry(contract, 2)) << "'" << member.id.name << "' is missing";
        reports.add({"c", 0, 0, 0}, contract, {member.id, {}, {}, true});
    }
    const std::optional<Command> part = reports.next_entry(contract, 2);
    ASSERT_TRUE(part && std::holds_alternative<RecordReports>(*part));
    contract.reports.recorded = std::get<RecordReports>(*part).reports;
    ASSERT_EQ(contract.reports.recorded.size(), 2U);
    const std::optional<Command> rest = reports.next_entry(contract, 2);
    ASSERT_TRUE(rest && std::holds_alternative<CommitRound>(*rest));
    ASSERT_EQ(std::get<CommitRound>(*rest).reports.size(), 1U);
    EXPECT_EQ(std::get<CommitRound>(*rest).reports[0].node.name, "sl3");
}

TEST(OriginalCheck, AnUnmovedDiskNeedsNoCheck) {
    OriginalCheck check(7);
    std::vector<Effect> effects;
    Outbox out(effects);
    const DurableLog log = sn_options(three).log;
    EXPECT_FALSE(check.begin({"sn1"}, log, server(1).address, start, out));
    EXPECT_TRUE(effects.empty());
    EXPECT_FALSE(check.under_way());
}

TEST(OriginalCheck, ACopyIsDetectedByTheRefusalOfItsOriginal) {
    OriginalCheck check(7);
    std::vector<Effect> effects;
    Outbox out(effects);
    const DurableLog log = sn_options(three).log;
    ASSERT_TRUE(check.begin({"sn1"}, log, {"10.8.8.8", 30304}, start, out));
    EXPECT_EQ(check.on_input(PeerUp{{"sl1"}, Role::sl, {}, 1, {}}, out),
              OriginalCheck::Verdict::waiting);
    EXPECT_EQ(check.on_input(ConnectFailed{server(1).address, {Errc::replaced, "it runs"}}, out),
              OriginalCheck::Verdict::copied);
    EXPECT_EQ(check.found_at(), server(1).address);
}

TEST(OriginalCheck, AfterTheTimeLimitItServesAndHandlesDeferredInputs) {
    OriginalCheck check(7);
    std::vector<Effect> effects;
    Outbox out(effects);
    const DurableLog log = sn_options(three).log;
    ASSERT_TRUE(check.begin({"sn1"}, log, {"10.8.8.8", 30304}, start, out));
    check.on_input(PeerUp{{"sl1"}, Role::sl, {}, 1, {}}, out);
    EXPECT_EQ(check.on_input(TimerDue{7}, out), OriginalCheck::Verdict::alone);
    EXPECT_EQ(check.take_held().size(), 1U);
}

LogRecord record(std::uint64_t index) {
    return {index, 3, RecordKind::entry, Bytes(200, std::byte{static_cast<unsigned char>(index)})};
}

TEST(AppliedLog, ItsLinksAreThoseOfTheBytesOnDisk) {
    AppliedLog log(openssl_hasher(), 100);
    Digest link;
    for (std::uint64_t index = 1; index <= 3; ++index) {
        log.append(record(index));
        link = chain_link(openssl_hasher(), link, index, encode_record(record(index)));
        EXPECT_EQ(log.head(), link);
    }
    EXPECT_EQ(log.size(), 3U);
    EXPECT_EQ(log.term(), 3U);
}

TEST(AppliedLog, ACheckpointIsDueOnceAnInterval) {
    AppliedLog log(openssl_hasher(), 2);
    log.append(record(1));
    EXPECT_FALSE(log.checkpoint_due());
    log.append(record(2));
    EXPECT_TRUE(log.checkpoint_due());
    const Checkpoint signed_head = log.take_checkpoint();
    EXPECT_FALSE(log.checkpoint_due());
    log.append(record(3));
    EXPECT_FALSE(log.checkpoint_due());
    EXPECT_FALSE(log.contradicts(signed_head)) << "also once there are more records";
    EXPECT_TRUE(log.contradicts({1, signed_head.head}));
    EXPECT_TRUE(log.contradicts({0, {}}));
    EXPECT_TRUE(log.contradicts({4, signed_head.head})) << "of a record that is not there yet";
}

TEST(AppliedLog, ContinuesBehindASnapshotWithTheSameChain) {
    AppliedLog whole(openssl_hasher(), 100);
    for (std::uint64_t index = 1; index <= 3; ++index) {
        whole.append(record(index));
    }
    const Digest third = whole.head();
    AppliedLog resumed(openssl_hasher(), 100);
    resumed.begin_behind(third, whole.terms());
    EXPECT_EQ(resumed.size(), 3U);
    EXPECT_EQ(resumed.term(), 3U);
    whole.append(record(4));
    resumed.append(record(4));
    EXPECT_EQ(resumed.head(), whole.head());
    EXPECT_FALSE(resumed.contradicts({3, third}));
    EXPECT_TRUE(resumed.contradicts({3, whole.head()}));
    EXPECT_FALSE(resumed.contradicts({2, third})) << "its link is not known any more";
}

TEST(Leadership, LinesAboutAMissingLeaderGetRarer) {
    Leadership leadership(seconds(3));
    leadership.note_seen(start);
    EXPECT_FALSE(leadership.is_missing(start + seconds(3)));
    EXPECT_TRUE(leadership.is_missing(start + seconds(4)));
    EXPECT_FALSE(leadership.take_found_line()) << "none was logged as missing";
    EXPECT_TRUE(leadership.take_missing_line(start + seconds(4)));
    EXPECT_FALSE(leadership.take_missing_line(start + seconds(11)));
    EXPECT_TRUE(leadership.take_missing_line(start + seconds(12)));
    EXPECT_FALSE(leadership.take_missing_line(start + seconds(35)));
    EXPECT_TRUE(leadership.take_found_line());
    EXPECT_FALSE(leadership.take_found_line()) << "once";
    EXPECT_TRUE(leadership.take_missing_line(start + seconds(36))) << "begins anew";
}

TEST(Leadership, WhatWaitsIsResentOnceATermUnlessAskedFor) {
    Leadership leadership(seconds(3));
    EXPECT_TRUE(leadership.take_resend(2));
    EXPECT_FALSE(leadership.take_resend(2));
    leadership.request_resend();
    EXPECT_TRUE(leadership.take_resend(2));
    EXPECT_TRUE(leadership.take_resend(3));
}

class LeasesTest : public testing::Test {
protected:
    void submit(const std::string& node, Command command) {
        ledger.apply({0, {node}, 1, ++sequences[node], std::move(command)}, ++index);
    }
    static std::string name(int number) { return "sl" + std::to_string(number); }
    void connect(int count) {
        for (int i = 0; i < count; ++i) {
            peers[{name(i)}].connected = true;
        }
    }
    void disconnect_all() {
        for (auto& [id, peer] : peers) {
            peer.connected = false;
        }
    }
    static SnPeer with_pauses_of(SwarmDuration pause) {
        SnPeer peer;
        peer.longest_pause = pause;
        return peer;
    }

    Ledger ledger;
    std::map<NodeId, SnPeer> peers;
    std::map<std::string, std::uint64_t> sequences;
    std::uint64_t index = 0;
    Leases leases{SnNodeOptions::Limits{}};
};

TEST_F(LeasesTest, NamesThatWereOnlyRegisteredLengthenNoLease) {
    for (int i = 0; i < 1000; ++i) {
        submit(name(i), RegisterNode{Role::sl, {"10.0.0.1", 16000}});
    }
    connect(3);
    leases.count(start, ledger, peers);
    EXPECT_EQ(leases.of(with_pauses_of(seconds(1))), seconds(8));
}

TEST_F(LeasesTest, AreLongerInLargeSwarmsAndOnSlowLinks) {
    connect(1000);
    leases.count(start, ledger, peers);
    EXPECT_EQ(leases.of(with_pauses_of(seconds(1))), seconds(32));
    EXPECT_EQ(leases.of(with_pauses_of(seconds(10))), seconds(80));
    EXPECT_EQ(leases.of(with_pauses_of(seconds(60))), std::chrono::minutes(2));
}

TEST_F(LeasesTest, ANewLeaderCountsWhoHasTakenPart) {
    for (int i = 0; i < 500; ++i) {
        submit(name(i), RegisterNode{Role::sl, {"10.0.0.1", 16000}});
        submit(name(i), Enrol{"c", tiny_contract(500), tiny_layout, {}});
    }
    leases.count(start, ledger, peers);
    EXPECT_EQ(leases.of({}), seconds(8)) << "heartbeats become rarer with the first round";
    for (int i = 0; i < 500; ++i) {
        submit(name(i), CheckInRound{"c", 0, 0, {}});
    }
    leases.count(start, ledger, peers);
    EXPECT_EQ(leases.of({}), seconds(16));
}

/// An SL's heartbeats are as rare as all members that its run has had make them.
TEST_F(LeasesTest, StayAsLongWhenMembersAreGone) {
    ContractConfig config = tiny_contract(2);
    config.grace_ns = 60'000'000'000;
    for (int i = 0; i < 500; ++i) {
        submit(name(i), RegisterNode{Role::sl, {"10.0.0.1", 16000}});
        submit(name(i), Enrol{"c", config, tiny_layout, {}});
    }
    for (int i = 0; i < 500; ++i) {
        submit(name(i), CheckInRound{"c", 0, 0, {}});
    }
    for (int i = 100; i < 500; ++i) {
        submit(name(i), LeaveContract{"c", 0, "done"});
    }
    leases.count(start, ledger, peers);
    EXPECT_EQ(ledger.find_contract("c")->active_count(), 100U);
    EXPECT_EQ(leases.interval_factor(), 2);
    EXPECT_EQ(leases.of({}), seconds(16));
}

/// SLs were told to send a heartbeat in 40 s only, and may be silent for so long.
TEST_F(LeasesTest, StayAsLongUntilEachSlHasHeardThatTheyAreFewer) {
    connect(10'000);
    leases.count(start, ledger, peers);
    EXPECT_EQ(leases.interval_factor(), 40);
    disconnect_all();
    connect(100);
    leases.count(start + seconds(1), ledger, peers);
    leases.count(start + seconds(80), ledger, peers);
    EXPECT_EQ(leases.of({}), seconds(320));
    leases.count(start + seconds(81), ledger, peers);
    EXPECT_EQ(leases.of({}), seconds(8));
}

/// An SN looks at few nodes a second, but a silent one is not waited for any longer.
TEST_F(LeasesTest, BecomeNoLongerThanSixteenMinutesThoughHeartbeatsBecomeRarer) {
    connect(30'000);
    leases.count(start, ledger, peers);
    EXPECT_EQ(leases.interval_factor(), 120);
    EXPECT_EQ(leases.of({}), std::chrono::minutes(16));
    connect(100'000);
    leases.count(start, ledger, peers);
    EXPECT_EQ(leases.interval_factor(), 240);
    EXPECT_EQ(leases.of({}), std::chrono::minutes(16)) << "four heartbeats";
    EXPECT_EQ(leases.set_next_check(start), start + seconds(60));
    EXPECT_EQ(leases.time_to_return(with_pauses_of(seconds(240))), seconds(2));
}

TEST_F(LeasesTest, FollowAtOnceIfMoreSlsConnectAgain) {
    connect(10'000);
    leases.count(start, ledger, peers);
    disconnect_all();
    leases.count(start + seconds(1), ledger, peers);
    connect(10'000);
    leases.count(start + seconds(2), ledger, peers);
    disconnect_all();
    leases.count(start + seconds(81), ledger, peers);
    EXPECT_EQ(leases.interval_factor(), 40) << "they have become fewer just now";
}

TEST_F(LeasesTest, SlsAreToldHowManyAreConnectedToThisSn) {
    connect(10'000);
    leases.count(start, ledger, peers);
    EXPECT_EQ(leases.factor_of_connected(), 1) << "they are connected to other SNs";
    for (int i = 0; i < 5000; ++i) {
        leases.on_connected();
    }
    EXPECT_EQ(leases.factor_of_connected(), 20);
    leases.count(start, ledger, peers);
    EXPECT_GE(leases.interval_factor(), leases.factor_of_connected())
        << "no lease is shorter than what SLs are told";
}

TEST_F(LeasesTest, FollowFromWhatSlsWereToldBetweenTwoChecks) {
    for (int i = 0; i < 5000; ++i) {
        leases.on_connected();
    }
    for (int i = 0; i < 5000; ++i) {
        leases.on_disconnected();
    }
    EXPECT_EQ(leases.factor_of_connected(), 1);
    leases.count(start, ledger, peers);
    EXPECT_EQ(leases.interval_factor(), 20) << "some may have been told so";
    leases.count(start + seconds(1), ledger, peers);
    leases.count(start + seconds(41), ledger, peers);
    EXPECT_EQ(leases.interval_factor(), 1);
}

TEST_F(LeasesTest, ABrokenConnectionIsNoticedAsSoonInALargeSwarm) {
    connect(1000);
    leases.count(start, ledger, peers);
    leases.set_broken(1);
    EXPECT_EQ(leases.time_to_return(with_pauses_of(seconds(4))), milliseconds(2002));
    EXPECT_EQ(leases.time_to_return(with_pauses_of(seconds(13))), seconds(20)) << "a slow link";
    leases.set_broken(1000);
    EXPECT_EQ(leases.time_to_return(with_pauses_of(seconds(4))), seconds(4));
}

TEST_F(LeasesTest, ABrokenConnectionIsCheckedWithoutWaitingForTheNextLook) {
    connect(10'000);
    leases.count(start, ledger, peers);
    EXPECT_EQ(leases.set_next_check(start), start + seconds(20));
    EXPECT_TRUE(leases.check_sooner(start + seconds(1)));
    EXPECT_EQ(leases.next_check(), start + milliseconds(3500));
    EXPECT_FALSE(leases.check_sooner(start + seconds(2))) << "one look for all";
    leases.set_broken(1);
    EXPECT_EQ(leases.set_next_check(start), start + seconds(2)) << "until it is back or lost";
}

TEST(ServerDialler, AnAddressIsDialledOnceAtATime) {
    ServerDialler dialler(6, seconds(1));
    std::vector<Effect> effects;
    Outbox out(effects);
    const Address address = server(2).address;
    dialler.dial(address, out);
    dialler.dial(address, out);
    EXPECT_EQ(effects.size(), 1U);
    dialler.on_failed({address, {Errc::unreachable, "connection refused"}});
    EXPECT_EQ(dialler.error_text(address), " (connection refused)");
    dialler.dial_later(start, out);
    dialler.dial_later(start, out);
    EXPECT_EQ(effects.size(), 2U) << "one timer";
    dialler.on_timer();
    dialler.dial(address, out);
    EXPECT_EQ(effects.size(), 3U);
    dialler.on_connected(address);
    EXPECT_EQ(dialler.error_text(address), "");
}

}  // namespace
}  // namespace starling::test
