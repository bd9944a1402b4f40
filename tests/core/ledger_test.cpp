#include "core/ledger/ledger.hpp"

#include <gtest/gtest.h>

namespace starling::test {
namespace {

/// Submits commands to a ledger as members do.
class Members {
public:
    Answer submit(const std::string& node, Command command, std::int64_t time_ns = 0) {
        const Applied applied =
            ledger.apply({time_ns, {node}, 1, ++sequences[node], std::move(command)}, ++index);
        events = applied.events;
        return applied.answer;
    }
    Answer sn(Command command, std::int64_t time_ns = 0) {
        const Applied applied = ledger.apply({time_ns, {"sn1"}, 0, 0, std::move(command)}, ++index);
        events = applied.events;
        return applied.answer;
    }
    Answer enrol(const std::string& node, ContractConfig config, std::string layout = "w F32 3\n") {
        submit(node, RegisterNode{Role::sl, {"10.0.0.1", 1}});
        config.layout_bytes = 12;
        return submit(node, Enrol{"default", config, std::move(layout)});
    }
    Answer check_in(const std::string& node, Round round, CheckIn metrics = {}) {
        return submit(node, CheckInRound{"default", 0, round, metrics});
    }
    /// Applies the commit that an SN would propose after these reports: pairs of member and digest.
    Answer commit(Round round, Attempt attempt,
                  const std::vector<std::pair<std::string, int>>& reports,
                  const std::set<std::string>& not_durable = {}) {
        CommitRound command{"default", 0, round, attempt, {}};
        for (const auto& [node, digest] : reports) {
            MemberReport report{{node}, {}, {}, !not_durable.contains(node)};
            report.digest.bytes[0] = static_cast<std::byte>(digest);
            command.reports.push_back(report);
        }
        return sn(command);
    }
    const Contract& contract() const { return *ledger.find_contract("default"); }

    Ledger ledger;
    std::uint64_t index = 0;
    std::map<std::string, std::uint64_t> sequences;
    std::vector<LedgerEvent> events;
};

const ContractConfig two_peers{.min_peers = 2, .grace_ns = 1000};

TEST(Ledger, ARoundIsFrozenOnceAllCheckInAndCommittedOnceAllReportOneDigest) {
    Members m;
    EXPECT_EQ(m.enrol("sl1", two_peers).code, Errc::ok);
    EXPECT_EQ(m.enrol("sl2", two_peers).code, Errc::ok);
    m.check_in("sl2", 0);
    EXPECT_EQ(m.contract().phase, ContractPhase::gathering);
    m.check_in("sl1", 0);
    EXPECT_EQ(m.contract().phase, ContractPhase::exchanging);
    EXPECT_EQ(m.contract().frozen.front().id.name, "sl1");  // ascending, in any order of check-ins
    EXPECT_EQ(m.commit(0, 0, {{"sl1", 5}}).code, Errc::malformed) << "one report is missing";
    EXPECT_EQ(m.commit(0, 0, {{"sl2", 5}, {"sl1", 5}}).code, Errc::malformed);
    EXPECT_FALSE(m.contract().last_commit);
    EXPECT_EQ(m.commit(0, 0, {{"sl1", 5}, {"sl2", 5}}).code, Errc::ok);
    ASSERT_TRUE(m.contract().last_commit);
    EXPECT_EQ(m.contract().round, 1U);
    EXPECT_FALSE(m.contract().last_commit->final);
}

/// The answers to a commit of three members of which sl3, then sl2 and sl3, and then none has the
/// model on disk.
std::vector<Errc> answers_of(Durability durable) {
    std::vector<Errc> answers;
    for (const std::set<std::string>& without :
         {std::set<std::string>{"sl3"}, {"sl2", "sl3"}, {"sl1", "sl2", "sl3"}}) {
        Members m;
        for (const char* node : {"sl1", "sl2", "sl3"}) {
            m.enrol(node, {.min_peers = 3, .durable = durable});
        }
        for (const char* node : {"sl1", "sl2", "sl3"}) {
            m.check_in(node, 0);
        }
        answers.push_back(m.commit(0, 0, {{"sl1", 5}, {"sl2", 5}, {"sl3", 5}}, without).code);
    }
    return answers;
}

TEST(Ledger, ARoundIsCommittedOnceItsModelIsAsDurableAsTheContractSays) {
    EXPECT_EQ(answers_of(Durability::all), std::vector(3, Errc::malformed));
    EXPECT_EQ(answers_of(Durability::quorum),
              (std::vector{Errc::ok, Errc::malformed, Errc::malformed}));
    EXPECT_EQ(answers_of(Durability::none), std::vector(3, Errc::ok));
}

/// Those that merge segments in the attempt.
std::vector<std::string> owners(const Members& m) {
    std::vector<std::string> names;
    for (const RoundMember& member : m.contract().frozen) {
        if (member.merges) {
            names.push_back(member.id.name);
        }
    }
    return names;
}

TEST(Ledger, WithoutAMajorityEachMemberMergesOnceAndThenTheRunEnds) {
    Members m;
    m.enrol("sl1", two_peers);
    m.enrol("sl2", two_peers);
    m.check_in("sl1", 0);
    m.check_in("sl2", 0);
    EXPECT_EQ(owners(m), (std::vector<std::string>{"sl1", "sl2"}));
    for (Attempt attempt = 0; attempt < 2; ++attempt) {
        m.commit(0, attempt, {{"sl1", 5}, {"sl2", 6}});
        EXPECT_EQ(m.contract().phase, ContractPhase::exchanging);
        EXPECT_EQ(m.contract().attempt, attempt + 1);
        EXPECT_EQ(owners(m), std::vector<std::string>{"sl" + std::to_string(attempt + 1)});
        EXPECT_EQ(std::get<RoundUndecided>(m.events.back()).next.name, owners(m).front());
    }
    m.commit(0, 2, {{"sl1", 5}, {"sl2", 6}});
    EXPECT_EQ(m.contract().phase, ContractPhase::aborted);
    EXPECT_NE(m.contract().reason.find("'sl1' to 05"), std::string::npos) << m.contract().reason;
    EXPECT_NE(m.contract().reason.find("'sl2' to 06"), std::string::npos) << m.contract().reason;
}

/// The ledger after a round whose members report these digests.
Members with_members(int count) {
    Members m;
    for (int i = 1; i <= count; ++i) {
        m.enrol("sl" + std::to_string(i), two_peers);
    }
    return m;
}

std::vector<std::string> deviating(const Members& m) {
    std::vector<std::string> names;
    for (const LedgerEvent& event : m.events) {
        if (const auto* deviated = std::get_if<MemberDeviated>(&event)) {
            names.push_back(deviated->node.name);
        }
    }
    return names;
}

void check_in_all(Members& m, int count, Round round) {
    for (int i = 1; i <= count; ++i) {
        ASSERT_EQ(m.check_in("sl" + std::to_string(i), round).code, Errc::ok);
    }
}

TEST(Ledger, TheMajoritysDigestIsCommitted) {
    Members m = with_members(3);
    check_in_all(m, 3, 0);
    m.commit(0, 0, {{"sl1", 6}, {"sl2", 5}, {"sl3", 5}});
    EXPECT_EQ(deviating(m), std::vector<std::string>{"sl1"});
    ASSERT_TRUE(m.contract().last_commit);
    EXPECT_EQ(m.contract().last_commit->digest.bytes[0], std::byte{5});
    EXPECT_EQ(m.contract().phase, ContractPhase::gathering);
    check_in_all(m, 3, 1);
    EXPECT_EQ(m.contract().frozen.size(), 3U) << "it is in the next round";
}

TEST(Ledger, AMinorityOfTwoThatAgreeIsNotCommitted) {
    Members m = with_members(5);
    check_in_all(m, 5, 0);
    m.commit(0, 0, {{"sl1", 6}, {"sl2", 6}, {"sl3", 5}, {"sl4", 5}, {"sl5", 5}});
    EXPECT_EQ(deviating(m), (std::vector<std::string>{"sl1", "sl2"}));
    EXPECT_EQ(m.contract().last_commit->digest.bytes[0], std::byte{5});
}

TEST(Ledger, HalfOfTheMembersIsNoMajority) {
    Members m = with_members(4);
    check_in_all(m, 4, 0);
    for (Attempt attempt = 0; attempt < 5; ++attempt) {
        EXPECT_EQ(m.contract().phase, ContractPhase::exchanging);
        m.commit(0, attempt, {{"sl1", 6}, {"sl2", 6}, {"sl3", 5}, {"sl4", 5}});
    }
    EXPECT_EQ(m.contract().phase, ContractPhase::aborted);
    EXPECT_NE(m.contract().reason.find("'sl1', 'sl2' to 06"), std::string::npos)
        << m.contract().reason;
}

TEST(Ledger, AfterARoundWithoutAMajorityAllMergeAgain) {
    Members m = with_members(3);
    check_in_all(m, 3, 0);
    m.commit(0, 0, {{"sl1", 5}, {"sl2", 6}, {"sl3", 7}});
    EXPECT_EQ(owners(m), std::vector<std::string>{"sl1"});
    m.commit(0, 1, {{"sl1", 5}, {"sl2", 5}, {"sl3", 7}});
    EXPECT_EQ(deviating(m), std::vector<std::string>{"sl3"});
    check_in_all(m, 3, 1);
    EXPECT_EQ(owners(m).size(), 3U);
}

TEST(Ledger, AMemberThatDeviatesRepeatedlyIsExpelledFromTheRun) {
    Members m = with_members(3);
    for (Round round = 0; round < deviations_max; ++round) {
        check_in_all(m, 3, round);
        m.commit(round, 0, {{"sl1", 6}, {"sl2", 5}, {"sl3", 5}});
    }
    EXPECT_EQ(m.contract().members.at({"sl1"}).status, MemberStatus::expelled);
    EXPECT_EQ(m.check_in("sl1", deviations_max).code, Errc::stale);
    EXPECT_EQ(m.enrol("sl1", two_peers).code, Errc::refused);
    m.check_in("sl2", deviations_max);
    m.check_in("sl3", deviations_max);
    EXPECT_EQ(m.contract().phase, ContractPhase::exchanging) << "the others need not wait for it";
    EXPECT_EQ(m.contract().frozen.size(), 2U);
}

TEST(Ledger, AMemberThatTheQuorumNeedsIsNamedButNotExpelled) {
    Members m;
    const ContractConfig three_peers{.min_peers = 3, .grace_ns = 1000};
    for (const char* node : {"sl1", "sl2", "sl3"}) {
        m.enrol(node, three_peers);
    }
    for (Round round = 0; round < 2 * deviations_max; ++round) {
        check_in_all(m, 3, round);
        m.commit(round, 0, {{"sl1", 6}, {"sl2", 5}, {"sl3", 5}});
        EXPECT_EQ(deviating(m), std::vector<std::string>{"sl1"});
    }
    EXPECT_EQ(m.contract().phase, ContractPhase::gathering);
    EXPECT_EQ(m.contract().deviations.at({"sl1"}), 2 * deviations_max);
}

TEST(Ledger, ACommandIsAppliedOncePerSequenceNumber) {
    Members m;
    m.enrol("sl1", two_peers);
    const Entry entry{0, {"sl1"}, 1, 3, CheckInRound{"default", 0, 0, {}}};
    EXPECT_EQ(m.ledger.apply(entry, 10).events.size(), 1U);
    const Applied again = m.ledger.apply(entry, 11);
    EXPECT_EQ(again.answer.code, Errc::ok);
    EXPECT_TRUE(again.events.empty());
    EXPECT_EQ(m.ledger.apply({0, {"sl1"}, 1, 1, RegisterNode{}}, 12).answer.code, Errc::stale);
}

TEST(Ledger, ADelayedCommandOfAnEarlierSessionIsRefused) {
    Members m;
    m.enrol("sl1", two_peers);
    EXPECT_EQ(m.ledger.apply({0, {"sl1"}, 2, 1, RegisterNode{}}, 10).answer.code, Errc::ok);
    const Applied late = m.ledger.apply({0, {"sl1"}, 1, 7, RegisterNode{}}, 11);
    EXPECT_EQ(late.answer.code, Errc::replaced);
    EXPECT_TRUE(late.events.empty());
    EXPECT_EQ(m.ledger.apply({0, {"sl1"}, 2, 1, RegisterNode{}}, 12).answer.code, Errc::ok)
        << "the newer session continues";
}

TEST(Ledger, ADelayedCommitOfAnEarlierAttemptIsRefused) {
    Members m;
    for (const char* node : {"sl1", "sl2", "sl3"}) {
        m.enrol(node, two_peers);
    }
    for (const char* node : {"sl1", "sl2", "sl3"}) {
        m.check_in(node, 0);
    }
    ASSERT_EQ(m.contract().frozen.size(), 3U);
    m.sn(LoseNode{{"sl3"}, "silent"});
    EXPECT_EQ(m.contract().attempt, 1U);
    EXPECT_EQ(m.contract().frozen.size(), 2U);
    EXPECT_EQ(m.commit(0, 0, {{"sl1", 5}, {"sl2", 5}, {"sl3", 5}}).code, Errc::stale);
    EXPECT_EQ(m.commit(0, 0, {{"sl1", 5}, {"sl2", 5}}).code, Errc::stale);
    EXPECT_EQ(m.commit(0, 1, {{"sl1", 5}, {"sl2", 5}, {"sl3", 5}}).code, Errc::malformed);
    EXPECT_FALSE(m.contract().last_commit);
    EXPECT_EQ(m.commit(0, 1, {{"sl1", 7}, {"sl2", 7}}).code, Errc::ok);
    EXPECT_TRUE(m.contract().last_commit);
}

TEST(Ledger, AfterTheGracePeriodTheRoundProceedsWithoutTheRest) {
    Members m;
    for (const char* node : {"sl1", "sl2", "sl3"}) {
        m.enrol(node, two_peers);
    }
    m.check_in("sl1", 0);
    m.check_in("sl2", 0);
    EXPECT_EQ(m.contract().phase, ContractPhase::gathering);
    ASSERT_TRUE(m.contract().deadline);
    EXPECT_EQ(m.sn(ExpireDeadline{"default", 0, 5}).code, Errc::stale);
    EXPECT_EQ(m.sn(ExpireDeadline{"default", 0, to_ns(*m.contract().deadline)}).code, Errc::ok);
    EXPECT_EQ(m.contract().frozen.size(), 2U);
    EXPECT_EQ(m.check_in("sl3", 0).code, Errc::stale);
}

TEST(Ledger, AMemberThatTakesNoPartInARoundDoesNotRestartIt) {
    Members m;
    for (const char* node : {"sl1", "sl2", "sl3", "sl4"}) {
        m.enrol(node, two_peers);
    }
    m.check_in("sl1", 0);
    m.check_in("sl2", 0);
    m.sn(ExpireDeadline{"default", 0, to_ns(*m.contract().deadline)});
    ASSERT_EQ(m.contract().frozen.size(), 2U);
    m.enrol("sl3", two_peers);  // registers anew
    m.sn(LoseNode{{"sl4"}, "silent"});
    EXPECT_EQ(m.contract().attempt, 0U);
    EXPECT_EQ(m.commit(0, 0, {{"sl1", 5}, {"sl2", 5}}).code, Errc::ok);
}

TEST(Ledger, TheFirstRoundWaitsForARegisteredSlThatHasNotEnrolled) {
    Members m;
    m.enrol("sl1", two_peers);
    m.enrol("sl2", two_peers);
    m.submit("sl3", RegisterNode{Role::sl, {"10.0.0.3", 1}});
    m.check_in("sl1", 0);
    m.check_in("sl2", 0);
    EXPECT_EQ(m.contract().phase, ContractPhase::gathering);
    m.submit("sl3", Enrol{"default", m.contract().config, "w F32 3\n"});
    m.check_in("sl3", 0);
    EXPECT_EQ(m.contract().frozen.size(), 3U);
}

TEST(Ledger, TheRunIsCompleteWhenAllMembersHaveFinished) {
    Members m;
    m.enrol("sl1", two_peers);
    m.enrol("sl2", two_peers);
    CheckIn done;
    done.finished = true;
    m.check_in("sl1", 0, done);
    m.check_in("sl2", 0);
    m.commit(0, 0, {{"sl1", 1}, {"sl2", 1}});
    EXPECT_FALSE(m.contract().last_commit->final);
    m.check_in("sl1", 1, done);
    m.check_in("sl2", 1, done);
    m.commit(1, 0, {{"sl1", 2}, {"sl2", 2}});
    EXPECT_TRUE(m.contract().last_commit->final);
    EXPECT_EQ(m.contract().phase, ContractPhase::complete);
    EXPECT_EQ(m.submit("sl1", LeaveContract{"default", 0, "done"}).code, Errc::ok);
    EXPECT_EQ(m.contract().phase, ContractPhase::complete);
}

TEST(Ledger, DifferingOptionsAndLayoutsAreRefusedNamingBoth) {
    Members m;
    m.enrol("sl1", two_peers);
    ContractConfig three = two_peers;
    three.min_peers = 3;
    const Answer config = m.enrol("sl2", three);
    EXPECT_EQ(config.code, Errc::config_mismatch);
    EXPECT_NE(config.reason.find("min_peers 2"), std::string::npos);
    EXPECT_NE(config.reason.find("min_peers 3"), std::string::npos);
    ContractConfig other = two_peers;
    other.layout_fingerprint.bytes[0] = std::byte{1};
    const Answer layout = m.enrol("sl2", other, "v F32 3\n");
    EXPECT_EQ(layout.code, Errc::layout_mismatch);
    EXPECT_NE(layout.reason.find("'w' F32 3 against 'v' F32 3"), std::string::npos);
}

TEST(Ledger, WithoutAnyWeightNoRoundIsFrozen) {
    Members m;
    m.enrol("sl1", two_peers);
    m.enrol("sl2", two_peers);
    CheckIn idle;
    idle.weight = 0;
    m.check_in("sl1", 0, idle);
    m.check_in("sl2", 0, idle);
    EXPECT_EQ(m.contract().phase, ContractPhase::gathering);
}

/// The member with weight leaves during the grace period: a round without weight can't be merged.
TEST(Ledger, TheGracePeriodFreezesNoRoundWithoutWeight) {
    Members m;
    for (const char* node : {"sl1", "sl2", "sl3", "sl4"}) {
        m.enrol(node, two_peers);
    }
    CheckIn idle;
    idle.weight = 0;
    m.check_in("sl1", 0);
    m.check_in("sl2", 0, idle);
    m.check_in("sl3", 0, idle);
    ASSERT_TRUE(m.contract().deadline);
    m.sn(LoseNode{{"sl1"}, "silent"});
    if (m.contract().deadline) {
        m.sn(ExpireDeadline{"default", 0, to_ns(*m.contract().deadline)});
    }
    EXPECT_EQ(m.contract().phase, ContractPhase::gathering);
    m.check_in("sl4", 0);
    EXPECT_EQ(m.contract().phase, ContractPhase::exchanging)
        << "it has weight, and all have checked in";
}

TEST(Ledger, ACommitWithoutReportsIsRefused) {
    Members m;
    m.enrol("sl1", {.min_peers = 1});
    m.check_in("sl1", 0);
    EXPECT_EQ(m.commit(0, 0, {}).code, Errc::malformed);
}

Answer enrol_in(Members& m, const std::string& node, const std::string& contract) {
    ContractConfig config{.min_peers = 1};
    config.layout_bytes = 12;
    return m.submit(node, Enrol{contract, config, "w F32 3\n"});
}

TEST(Ledger, OneNodeCannotTakeAllContracts) {
    Members m;
    m.submit("sl1", RegisterNode{Role::sl, {"10.0.0.1", 1}});
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(enrol_in(m, "sl1", "c" + std::to_string(i)).code,
                  i < 4 ? Errc::ok : Errc::too_large);
    }
    EXPECT_EQ(m.ledger.contracts().size(), 4U);
}

/// A node that creates and leaves many contracts uses up neither the limit nor their run numbers.
TEST(Ledger, EndedContractsDoNotCountAgainstTheLimit) {
    Members m;
    m.enrol("sl1", {.min_peers = 1});
    m.check_in("sl1", 0, {.finished = true});
    m.commit(0, 0, {{"sl1", 5}});
    ASSERT_EQ(m.contract().phase, ContractPhase::complete);
    m.submit("sl2", RegisterNode{Role::sl, {"10.0.0.1", 1}});
    for (int i = 0; i < 200; ++i) {
        const std::string contract = "c" + std::to_string(i);
        ASSERT_EQ(enrol_in(m, "sl2", contract).code, Errc::ok) << i;
        m.submit("sl2", LeaveContract{contract, 0, "away"});
    }
    EXPECT_EQ(m.ledger.contracts().size(), 64U);
    EXPECT_NE(m.ledger.find_contract("default"), nullptr) << "it has a model";
    EXPECT_EQ(m.ledger.find_contract("c0"), nullptr);
    EXPECT_EQ(enrol_in(m, "sl2", "c0").run, 1U) << "nothing of run 0 is applied to the new run";
}

TEST(Ledger, RefusalsArePredictedBeforeTheCommandIsLogged) {
    Members m;
    m.enrol("sl1", two_peers);
    m.submit("sl2", RegisterNode{Role::sl, {"10.0.0.1", 1}});
    ContractConfig config = two_peers;
    config.layout_bytes = 12;
    const auto refused = [&](Command command) {
        const auto answer = m.ledger.refusal_of({0, {"sl2"}, 1, 2, std::move(command)});
        return answer ? answer->code : Errc::ok;
    };
    EXPECT_EQ(refused(Enrol{"default", config, "w F32 3\n"}), Errc::ok);
    EXPECT_EQ(refused(Enrol{"default", config, "junk"}), Errc::malformed);
    EXPECT_EQ(refused(Enrol{"default", config, "v F32 3\n"}), Errc::layout_mismatch);
    EXPECT_EQ(refused(Enrol{"default", config, "w F32 3\n", 7}), Errc::ok) << "stale: passed on";
    config.min_peers = 1;
    EXPECT_EQ(refused(Enrol{"default", config, "w F32 3\n"}), Errc::config_mismatch);
    EXPECT_TRUE(m.ledger.is_next({0, {"sl2"}, 1, 2, LeaveContract{}}));
    EXPECT_FALSE(m.ledger.is_next({0, {"sl2"}, 1, 3, LeaveContract{}}));
    EXPECT_FALSE(m.ledger.is_next({0, {"sl2"}, 2, 1, LeaveContract{}})) << "it must register first";
    EXPECT_TRUE(m.ledger.is_next({0, {"sl2"}, 2, 1, RegisterNode{}}));
}

/// A leading SN can write any time: sums with it must not overflow (run with -fsanitize).
TEST(Ledger, NoTimeInAnEntryCausesOverflow) {
    Members m;
    const ContractConfig patient{.min_peers = 2, .wait_limit_ns = 3'000'000'000'000'000'000};
    m.submit("sl1", RegisterNode{Role::sl, {"10.0.0.1", 1}}, INT64_MAX);
    ContractConfig config = patient;
    config.layout_bytes = 12;
    EXPECT_EQ(m.submit("sl1", Enrol{"default", config, "w F32 3\n"}, INT64_MAX).code, Errc::ok);
    ASSERT_TRUE(m.contract().deadline);
    EXPECT_GT(to_ns(*m.contract().deadline), config.wait_limit_ns);
    m.submit("sl2", RegisterNode{Role::sl, {"10.0.0.1", 1}}, INT64_MIN);
}

TEST(Ledger, TheSameEntriesGiveTheSameState) {
    // Replays a run into a second ledger and compares the views of both.
    Ledger a;
    Ledger b;
    std::vector<Entry> entries;
    std::uint64_t sequence = 0;
    for (const char* node : {"sl1", "sl2", "sl3"}) {
        ContractConfig config = two_peers;
        config.layout_bytes = 12;
        entries.push_back({1, {node}, 1, ++sequence, RegisterNode{Role::sl, {"10.0.0.1", 1}}});
        entries.push_back({2, {node}, 1, ++sequence, Enrol{"default", config, "w F32 3\n"}});
        entries.push_back({3, {node}, 1, ++sequence, CheckInRound{"default", 0, 0, {}}});
    }
    entries.push_back({4, {"sn1"}, 0, 0, LoseNode{{"sl2"}, "silent"}});
    for (std::size_t i = 0; i < entries.size(); ++i) {
        a.apply(entries[i], i + 1);
        b.apply(*decode_entry(encode_entry(entries[i])), i + 1);
    }
    EXPECT_EQ(view_of(*a.find_contract("default")), view_of(*b.find_contract("default")));
}

TEST(Ledger, PairsThatCannotExchangeAreNotBothSegmentOwners) {
    Members m = with_members(4);
    check_in_all(m, 4, 0);
    const KeepApart apart{"default", 0, 0, 0, {"sl2"}, {{"sl1"}, {"sl2"}, {"nobody"}}};
    EXPECT_EQ(m.sn(apart).code, Errc::ok);
    EXPECT_EQ(m.contract().attempt, 1U);
    const auto merging = [&] {
        std::string names;
        for (const RoundMember& member : m.contract().frozen) {
            names += member.merges ? member.id.name : "";
        }
        return names;
    };
    EXPECT_EQ(merging(), "sl3sl4");
    EXPECT_EQ(m.sn(apart).code, Errc::stale);
    m.commit(0, 1, {{"sl1", 5}, {"sl2", 5}, {"sl3", 5}, {"sl4", 5}});
    check_in_all(m, 4, 1);
    EXPECT_EQ(merging(), "sl3sl4") << "for the rest of the run";
    m.sn(KeepApart{"default", 0, 1, 0, {"sl4"}, {{"sl3"}}});
    EXPECT_EQ(merging(), "sl1sl2sl3sl4") << "at least one owner is needed";
    m.sn(ExcludeMember{.contract = "default", .run = 0, .round = 1, .attempt = 1, .node = {"sl4"}});
    EXPECT_EQ(merging(), "sl3");
    EXPECT_TRUE(is_sound(view_of(m.contract())));
}

TEST(Ledger, AMemberThatRestartsDuringRoundsRepeatedlyIsExpelled) {
    Members m = with_members(3);
    Round round = 0;
    const auto status = [&] { return m.contract().members.at({"sl3"}).status; };
    while (status() != MemberStatus::expelled && round < 100) {
        check_in_all(m, 3, round);
        m.submit("sl3", RegisterNode{Role::sl, {"10.0.0.1", 1}});  // another session of it
        EXPECT_EQ(m.contract().frozen.size(), 2U);
        m.commit(round, m.contract().attempt, {{"sl1", 5}, {"sl2", 5}});
        ++round;
        if (m.enrol("sl3", two_peers).code != Errc::ok) {
            break;
        }
    }
    EXPECT_EQ(round, holdups_max * rounds_per_holdup / rounds_per_refusal);
}

TEST(Ledger, AMemberWithoutACheckInForAnHourIsRemoved) {
    Members m = with_members(3);
    check_in_all(m, 3, 0);
    m.commit(0, 0, {{"sl1", 5}, {"sl2", 5}, {"sl3", 5}});
    const auto round = [&](Round number) {
        const std::int64_t at = static_cast<std::int64_t>(number) * 60'000'000'000;
        for (const char* node : {"sl1", "sl2"}) {
            m.submit(node, CheckInRound{"default", 0, number, {}}, at);
        }
        if (m.contract().deadline) {  // the grace period
            m.sn(ExpireDeadline{"default", 0, to_ns(*m.contract().deadline)}, at);
        }
        CommitRound commit{"default", 0, number, 0, {{{"sl1"}, {}, {}}, {{"sl2"}, {}, {}}}};
        EXPECT_EQ(m.sn(commit, at).code, Errc::ok);
    };
    const auto status = [&] { return m.contract().members.at({"sl3"}).status; };
    for (Round number = 1; number <= 60; ++number) {
        round(number);
        ASSERT_EQ(status(), MemberStatus::active) << number;
    }
    round(61);
    EXPECT_EQ(status(), MemberStatus::lost);
}

TEST(Ledger, ReportsInSeveralEntriesCommitARoundAsInOne) {
    Members m = with_members(3);
    for (const char* node : {"sl1", "sl2", "sl3"}) {
        m.check_in(node, 0);
    }
    const auto part = [&](Attempt attempt, std::vector<MemberReport> reports) {
        return m.sn(RecordReports{"default", 0, 0, attempt, std::move(reports)}).code;
    };
    Digest other;
    other.bytes[0] = std::byte{7};
    const MemberReport first{{"sl1"}, other, {}};
    const MemberReport second{{"sl2"}, {}, {}};
    const MemberReport third{{"sl3"}, {}, {}};
    EXPECT_EQ(part(0, {second}), Errc::malformed) << "not the next member";
    EXPECT_EQ(part(0, {}), Errc::malformed);
    EXPECT_EQ(part(0, {first, second, third}), Errc::malformed) << "nothing left for the commit";
    EXPECT_EQ(part(1, {first}), Errc::stale) << "another attempt";
    EXPECT_EQ(part(0, {first, second}), Errc::ok);
    EXPECT_EQ(part(0, {first, second}), Errc::stale) << "of a leader that took over";
    const CommitRound all{"default", 0, 0, 0, {first, second, third}};
    EXPECT_EQ(m.sn(all).code, Errc::malformed) << "two of them twice";
    EXPECT_EQ(m.sn(CommitRound{"default", 0, 0, 0, {third}}).code, Errc::ok);
    ASSERT_TRUE(m.contract().last_commit);
    EXPECT_EQ(m.contract().last_commit->digest, Digest{}) << "the majority's";
    EXPECT_EQ(m.contract().last_commit->members.size(), 3U);
    EXPECT_EQ(m.contract().deviations.at({"sl1"}), 1U) << "a report of the first part counts";
    EXPECT_TRUE(m.contract().reports.recorded.empty());
}

TEST(Ledger, AnotherAttemptForgetsTheRecordedReports) {
    Members m = with_members(3);
    for (const char* node : {"sl1", "sl2", "sl3"}) {
        m.check_in(node, 0);
    }
    const RecordReports part{"default", 0, 0, 0, {{{"sl1"}, {}, {}}}};
    ASSERT_EQ(m.sn(part).code, Errc::ok);
    m.sn(LoseNode{{"sl3"}, "silent"});
    ASSERT_EQ(m.contract().attempt, 1U);
    EXPECT_TRUE(m.contract().reports.recorded.empty());
    EXPECT_EQ(m.commit(0, 1, {{"sl1", 5}, {"sl2", 5}}).code, Errc::ok);
}

TEST(Ledger, NobodyIsRemovedAfterAnExchangeOfManyHours) {
    Members m = with_members(3);
    for (const char* node : {"sl1", "sl2"}) {
        m.check_in(node, 0);
    }
    m.sn(ExpireDeadline{"default", 0, to_ns(m.contract().deadline.value_or(SwarmTime{}))});
    ASSERT_EQ(m.contract().phase, ContractPhase::exchanging) << "sl3 came too late for it";
    CommitRound commit{"default", 0, 0, 0, {{{"sl1"}, {}, {}}, {{"sl2"}, {}, {}}}};
    const auto hours = std::chrono::nanoseconds(std::chrono::hours(9)).count();
    ASSERT_EQ(m.sn(commit, hours).code, Errc::ok);
    for (const auto& [id, member] : m.contract().members) {
        EXPECT_EQ(member.status, MemberStatus::active) << id.name;
    }
}

}  // namespace
}  // namespace starling::test
