// Rounds that their check-ins commit: all members have merged them before, with the members of the
// round before.
#include "core/ledger/ledger.hpp"
#include "core/ledger/ledger_soundness.hpp"
#include "core/ledger/snapshot.hpp"
#include "tests/support/memory_swarm.hpp"
#include "tests/support/tampered_node.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Digest digest_of(int number) {
    Digest digest;
    digest.bytes[0] = static_cast<std::byte>(number);
    return digest;
}

/// \param base  of the commit before: 0 after round 0
EarlyMerge merged_to(int digest, bool durable = true, int base = 0) {
    return {digest_of(digest), digest_of(base), durable};
}

/// A ledger whose members sl1, sl2, ... have committed round 0.
class EarlyCommit : public testing::Test {
protected:
    explicit EarlyCommit(std::uint32_t count = 3) {
        for (std::uint32_t i = 1; i <= count; ++i) {
            names.push_back("sl" + std::to_string(i));
        }
    }
    void begin(const ContractConfig& config) {
        for (const std::string& name : names) {
            enrol(name, config);
        }
        for (const std::string& name : names) {
            check_in(name, {});
        }
        CommitRound commit{"default", 0, 0, 0, {}};
        for (const std::string& name : names) {
            commit.reports.push_back({{name}, {}, {}, true});
        }
        apply({"sn1"}, 0, 0, commit);
        ASSERT_EQ(contract().round, 1U);
    }
    void begin() { begin({.min_peers = 2, .grace_ns = 1000}); }
    void enrol(const std::string& name, ContractConfig config) {
        config.layout_bytes = 12;
        submit(name, RegisterNode{Role::sl, {"10.0.0.1", 1}});
        EXPECT_EQ(submit(name, Enrol{"default", config, "w F32 3\n"}).code, Errc::ok);
    }
    /// For the round that is on.
    Answer check_in(const std::string& name, const std::optional<EarlyMerge>& merged,
                    const CheckIn& said = {}) {
        const Round round = ledger.find_contract("default")->round;
        return submit(name, CheckInRound{"default", 0, round, said, merged});
    }
    Answer submit(const std::string& name, Command command) {
        return apply({name}, 1, ++sequences[name], std::move(command));
    }
    Answer apply(const NodeId& signer, std::uint64_t session, std::uint64_t sequence,
                 Command command) {
        const Applied applied =
            ledger.apply({0, signer, session, sequence, std::move(command)}, ++index);
        events = applied.events;
        EXPECT_TRUE(is_sound(ledger, index));
        return applied.answer;
    }
    template <typename Event>
    bool happened() const {
        return std::ranges::any_of(
            events, [](const auto& event) { return std::holds_alternative<Event>(event); });
    }
    const Contract& contract() const { return *ledger.find_contract("default"); }

    std::vector<std::string> names;
    Ledger ledger;
    std::uint64_t index = 0;
    std::map<std::string, std::uint64_t> sequences;
    std::vector<LedgerEvent> events;
};

TEST_F(EarlyCommit, TheLastCheckInCommitsARoundThatAllHaveMerged) {
    begin();
    check_in("sl2", merged_to(5));
    check_in("sl1", merged_to(5));
    EXPECT_EQ(contract().round, 1U);
    check_in("sl3", merged_to(5));
    EXPECT_TRUE(happened<CheckedIn>() && happened<RoundFrozen>() && happened<RoundCommitted>());
    EXPECT_EQ(contract().phase, ContractPhase::gathering);
    EXPECT_EQ(contract().round, 2U);
    ASSERT_TRUE(contract().last_commit);
    EXPECT_EQ(contract().last_commit->digest, merged_to(5).digest);
    EXPECT_EQ(contract().last_commit->members.size(), 3U);
    EXPECT_FALSE(contract().last_commit->final);
    check_in("sl1", merged_to(6, true, 5));
    check_in("sl2", merged_to(6, true, 5));
    check_in("sl3", merged_to(6, true, 5));
    EXPECT_EQ(contract().round, 3U) << "and so on";
}

/// As after a rebuild of the ledger without some of its SNs: the same round, another history.
TEST_F(EarlyCommit, AMergeAfterAnotherCommitDoesNotCount) {
    begin();
    check_in("sl1", merged_to(5));
    check_in("sl2", merged_to(5));
    check_in("sl3", merged_to(5, true, 4));
    EXPECT_EQ(contract().phase, ContractPhase::exchanging);
}

/// The others ended what they had begun with it, and could not say any more who sent them what.
TEST_F(EarlyCommit, AMemberThatLeavesAndComesBackLeavesTheRoundToReports) {
    begin();
    enrol("sl4", {.min_peers = 2, .grace_ns = 1000});
    check_in("sl1", merged_to(6));
    check_in("sl2", merged_to(5));
    submit("sl3", LeaveContract{"default", 0, "for a moment"});
    submit("sl3",
           Enrol{"default", {.min_peers = 2, .grace_ns = 1000, .layout_bytes = 12}, "w F32 3\n"});
    check_in("sl3", merged_to(5));
    submit("sl4", LeaveContract{"default", 0, "for good"});
    EXPECT_EQ(contract().phase, ContractPhase::exchanging);
    EXPECT_EQ(contract().frozen.size(), 3U);
    EXPECT_TRUE(contract().deviations.empty());
}

TEST_F(EarlyCommit, OneThatHasNotMergedLeavesTheRoundToReports) {
    begin();
    check_in("sl1", merged_to(5));
    check_in("sl2", {});
    check_in("sl3", merged_to(5));
    EXPECT_EQ(contract().phase, ContractPhase::exchanging);
    EXPECT_EQ(contract().round, 1U);
    EXPECT_TRUE(contract().reports.recorded.empty()) << "they were no reports of this attempt";
}

TEST_F(EarlyCommit, ANewerCheckInTakesBackWhatTheOneBeforeSaid) {
    begin();
    check_in("sl1", merged_to(5));
    check_in("sl1", {});
    check_in("sl2", merged_to(5));
    check_in("sl3", merged_to(5));
    EXPECT_EQ(contract().phase, ContractPhase::exchanging);
}

/// They have merged without it.
TEST_F(EarlyCommit, AFurtherMemberLeavesTheRoundToReports) {
    begin();
    enrol("sl4", {.min_peers = 2, .grace_ns = 1000});
    check_in("sl4", merged_to(5));
    for (const std::string& name : names) {
        check_in(name, merged_to(5));
    }
    EXPECT_EQ(contract().phase, ContractPhase::exchanging);
    EXPECT_EQ(contract().frozen.size(), 4U);
}

TEST_F(EarlyCommit, AMissingMemberLeavesTheRoundToReports) {
    begin();
    check_in("sl1", merged_to(5));
    check_in("sl3", merged_to(5));
    submit("sl2", LeaveContract{"default", 0, "it is needed elsewhere"});
    EXPECT_EQ(contract().phase, ContractPhase::exchanging);
    EXPECT_EQ(contract().frozen.size(), 2U);
}

TEST_F(EarlyCommit, AnotherWeightThanBeforeLeavesTheRoundToReports) {
    begin();
    check_in("sl1", merged_to(5));
    CheckIn heavier;
    heavier.weight = 2;
    check_in("sl2", merged_to(5), heavier);
    check_in("sl3", merged_to(5));
    EXPECT_EQ(contract().phase, ContractPhase::exchanging);
}

TEST_F(EarlyCommit, TheFirstRoundIsLeftToReports) {
    for (const std::string& name : names) {
        enrol(name, {.min_peers = 3});
    }
    for (const std::string& name : names) {
        check_in(name, merged_to(5));
    }
    EXPECT_EQ(contract().phase, ContractPhase::exchanging);
    EXPECT_EQ(contract().round, 0U);
}

TEST_F(EarlyCommit, TheModelIsAsDurableAsTheContractSays) {
    for (const auto& [durable, commits] : {std::pair{Durability::all, false},
                                           {Durability::quorum, true},
                                           {Durability::none, true}}) {
        ledger = {};
        sequences.clear();
        begin({.min_peers = 3, .durable = durable});
        check_in("sl1", merged_to(5));
        check_in("sl2", merged_to(5));
        check_in("sl3", merged_to(5, false));
        EXPECT_EQ(contract().round, commits ? 2U : 1U) << to_string(durable);
    }
}

TEST_F(EarlyCommit, AMemberThatDeviatesIsNamed) {
    begin();
    check_in("sl1", merged_to(5));
    check_in("sl2", merged_to(6));
    check_in("sl3", merged_to(5));
    EXPECT_EQ(contract().last_commit->digest, merged_to(5).digest);
    EXPECT_TRUE(happened<MemberDeviated>());
    EXPECT_EQ(contract().deviations, (std::map<NodeId, std::uint32_t>{{{"sl2"}, 1}}));
}

TEST_F(EarlyCommit, WithoutAMajorityAnotherAttemptFollows) {
    begin();
    check_in("sl1", merged_to(5));
    check_in("sl2", merged_to(6));
    check_in("sl3", merged_to(7));
    EXPECT_TRUE(happened<RoundUndecided>());
    EXPECT_EQ(contract().phase, ContractPhase::exchanging);
    EXPECT_EQ(contract().attempt, 1U);
    EXPECT_EQ(contract().round, 1U);
}

TEST_F(EarlyCommit, TheLastRoundIsFinal) {
    begin();
    CheckIn finished;
    finished.finished = true;
    for (const std::string& name : names) {
        check_in(name, merged_to(5), finished);
    }
    EXPECT_EQ(contract().phase, ContractPhase::complete);
    EXPECT_TRUE(contract().last_commit->final);
}

class EarlyCommitSwarm : public testing::Test {
protected:
    /// Rounds that reports have committed.
    std::set<std::string> reported() const {
        std::set<std::string> rounds;
        for (const auto& line : swarm.trace.named("merge_reported", "sn1")) {
            rounds.insert(field(line, "round"));
        }
        return rounds;
    }
    MemorySwarm swarm{5};
};

TEST_F(EarlyCommitSwarm, CheckInsCommitAllRoundsButTheFirst) {
    for (int i = 1; i <= 3; ++i) {
        swarm.add_pair(i, {.min_peers = 3, .syncs = 6});
    }
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_EQ(reported(), (std::set<std::string>{"0"}));
    EXPECT_EQ(swarm.trace.named("round_committed").size(), 8U);
}

/// A delay of the check-ins would only cost time.
TEST_F(EarlyCommitSwarm, MembersThatDoNotArriveTogetherCheckInAtOnce) {
    swarm.add_pair(1, {.min_peers = 2, .syncs = 12, .batch_time = milliseconds(1)});
    swarm.add_pair(2, {.min_peers = 2, .syncs = 12, .batch_time = milliseconds(150)});
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    std::map<std::string, SwarmTime> begun;
    for (const auto& line : swarm.trace.named("check_in", "sl1")) {
        begun[field(line, "round")] = line.time;
    }
    std::set<std::string> delayed;
    for (const auto& line : swarm.trace.named("checked_in", "sn1")) {
        const std::string round = field(line, "round");
        if (field(line, "node") == "sl1" && line.time - begun.at(round) > milliseconds(500)) {
            delayed.insert(round);
        }
    }
    EXPECT_TRUE(delayed.empty()) << *delayed.begin();
}

TEST_F(EarlyCommitSwarm, AMemberThatIsKilledBeforeItHearsOfTheCommitGoesOn) {
    for (int i = 1; i <= 3; ++i) {
        swarm.add_pair(i, {.min_peers = 3, .syncs = 30, .batch_time = milliseconds(20)});
    }
    for (const std::string round : {"3", "7", "11"}) {
        ASSERT_TRUE(swarm.network.run(
            [&] {
                const auto commits = swarm.trace.named("round_committed", "sn1");
                return !commits.empty() && field(commits.back(), "round") == round;
            },
            swarm.network.now() + seconds(60)));
        swarm.crash_pair(2);
        swarm.run_for(seconds(2));
        swarm.restart_pair(2);
    }
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
}

/// An SL whose SN keeps one of its check-ins to itself, says that the ledger has it, and tells of a
/// commit or of frozen members that follow. Then nothing passes between the two any more.
class LiedTo final : public Node {
public:
    LiedTo(std::unique_ptr<Node> inner, Round round, bool& lied)
        : inner_(std::move(inner)), round_(round), lied_(lied) {}
    const NodeId& id() const override { return inner_->id(); }
    Role role() const override { return inner_->role(); }
    std::uint64_t session() const override { return inner_->session(); }
    void step(SwarmTime now, const Input& input, std::vector<Effect>& effects) override {
        if (const auto* received = std::get_if<FrameReceived>(&input)) {
            if (received->from == liar_) {
                return;
            }
            if (const auto* update = std::get_if<ViewUpdate>(&received->frame.message)) {
                view_ = update->view;
            }
        }
        std::vector<Effect> said;
        inner_->step(now, input, said);
        std::vector<Input> lies;
        for (Effect& effect : said) {
            const Send* const send = std::get_if<Send>(&effect);
            if (send == nullptr || !keeps(*send, lies)) {
                effects.push_back(std::move(effect));
            }
        }
        for (const Input& lie : lies) {
            inner_->step(now, lie, effects);
        }
    }

private:
    /// Whether the SN keeps it to itself.
    bool keeps(const Send& send, std::vector<Input>& lies) {
        if (!liar_.name.empty()) {
            return send.to == liar_;
        }
        const auto* submit = std::get_if<SubmitCommand>(&send.frame.message);
        const auto* said = submit ? std::get_if<CheckInRound>(&submit->command) : nullptr;
        if (said == nullptr || said->round != round_) {
            return false;
        }
        liar_ = send.to;
        lied_ = true;
        lies.push_back(FrameReceived{
            liar_, {CommandResult{submit->sequence, Errc::ok, "", 0, submit->session}, {}}});
        ContractView view = view_;
        ++view.version;
        if (said->merged) {
            view.last_commit->round = said->round;
            view.last_commit->digest = said->merged->digest;
            view.round = said->round + 1;
        } else {
            view.phase = ContractPhase::exchanging;
            view.frozen = view.last_commit->members;
        }
        lies.push_back(FrameReceived{liar_, {ViewUpdate{view, {}, {}}, {}}});
        return true;
    }

    std::unique_ptr<Node> inner_;
    Round round_;
    bool& lied_;
    NodeId liar_;
    ContractView view_;
};

/// What is exchanged early proves nothing of the check-in: the next SN gets it again.
TEST_F(EarlyCommitSwarm, ACheckInThatAnSnHasKeptToItselfIsNotForgotten) {
    for (const Durability durable : {Durability::all, Durability::quorum}) {
        MemorySwarm lied_to{5, {}, 3};
        bool lied = false;
        lied_to.tampered["sl1"] = [&lied](std::unique_ptr<Node> node) {
            return std::make_unique<LiedTo>(std::move(node), 4, lied);
        };
        for (int i = 1; i <= 3; ++i) {
            lied_to.add_pair(i, {.min_peers = 3, .syncs = 12, .durable = durable});
        }
        EXPECT_TRUE(lied_to.run()) << to_string(durable) << lied_to.trace.tail();
        EXPECT_TRUE(lied);
        lied_to.expect_one_final_model();
    }
}

/// A member that sees NaN can't say before the freeze what it has merged, and does not wait.
TEST_F(EarlyCommitSwarm, NaNsDelayNoRound) {
    for (const NonFinitePolicy policy : {NonFinitePolicy::warn, NonFinitePolicy::refuse}) {
        for (const bool until_merge : {false, true}) {
            MemorySwarm with_nan{5};
            for (int i = 1; i <= 3; ++i) {
                ToyOptions toy{.min_peers = 3, .syncs = 40, .until_merge = until_merge};
                toy.non_finite = policy;
                for (std::uint32_t sync = 4; i == 2 && sync < 40; ++sync) {
                    toy.broken[sync] = std::numeric_limits<float>::quiet_NaN();
                }
                with_nan.add_pair(i, toy);
            }
            ASSERT_TRUE(with_nan.run()) << with_nan.trace.tail();
            const auto commits = with_nan.trace.named("round_committed", "sn1");
            ASSERT_GE(commits.size(), 40U);
            const SwarmDuration mean = (commits[39].time - commits[9].time) / 30;
            EXPECT_LT(mean, milliseconds(150)) << until_merge;
        }
    }
}

/// Each says that it has merged to another digest than it has: with three there is a majority.
TEST_F(EarlyCommitSwarm, AMemberThatLiesInItsCheckInsIsExpelled) {
    swarm.tampered["sl2"] = [this](std::unique_ptr<Node> node) {
        const auto lie = [this](Effect& effect) {
            Send* const send = std::get_if<Send>(&effect);
            auto* const submit = send ? std::get_if<SubmitCommand>(&send->frame.message) : nullptr;
            auto* const said = submit ? std::get_if<CheckInRound>(&submit->command) : nullptr;
            if (said != nullptr && said->merged) {
                said->merged->digest.bytes[3] ^= std::byte{1};
                submit->signature = swarm.signers.at("sl2")->sign(
                    command_text({"sl2"}, submit->session, submit->sequence, submit->command));
            }
        };
        return std::make_unique<TamperedNode>(std::move(node), nullptr, lie);
    };
    for (int i = 1; i <= 3; ++i) {
        swarm.add_pair(i, {.min_peers = 2, .syncs = 8});
    }
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    EXPECT_EQ(swarm.code("ml1"), 0);
    EXPECT_EQ(swarm.code("ml3"), 0);
    EXPECT_EQ(swarm.code("sl2"), exit_code::refused);
    EXPECT_EQ(swarm.trace.named("member_deviated", "sn1").size(), deviations_max);
}

}  // namespace
}  // namespace starling::test
