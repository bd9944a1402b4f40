// Commands, reports and checkpoints are signed, and the ledger accepts no unsigned ones.
#include "tests/support/memory_swarm.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;

/// A single SN without a network, which leads, with an SL connected.
class SignedCommands : public testing::Test {
protected:
    SignedCommands() {
        SnNodeOptions options;
        options.id = {"sn1"};
        options.signer = make_memory_signer(openssl_hasher(), options.id, 1);
        options.verifier = make_memory_verifier(openssl_hasher());
        sn = make_sn_node(options, openssl_hasher());
        step(Started{});
        step(PeerUp{{"sl1"}, Role::sl, {}});
    }
    void step(const Input& input) {
        effects.clear();
        sn->step(from_ns(++clock), input, effects);
    }
    /// Submits the command as sl1, signed by `signer`. \return  the SN's answer.
    CommandResult submit(Command command, const NodeSigner& signer, const NodeId& name = {"sl1"}) {
        SubmitCommand submit{5, ++sequence, std::move(command), {}};
        submit.signature = signer.sign(command_text(name, 5, sequence, submit.command));
        step(FrameReceived{{"sl1"}, {submit, {}}});
        for (const Effect& effect : effects) {
            const auto* send = std::get_if<Send>(&effect);
            const auto* result =
                send == nullptr ? nullptr : std::get_if<CommandResult>(&send->frame.message);
            if (result != nullptr && result->sequence == sequence) {
                return *result;
            }
        }
        ADD_FAILURE() << "no answer";
        return {};
    }
    bool wrote() const {
        return std::any_of(effects.begin(), effects.end(), [](const Effect& effect) {
            return std::holds_alternative<Persist>(effect);
        });
    }
    RegisterNode registration() const { return {Role::sl, {"10.0.0.1", 1}, own->credentials()}; }

    std::shared_ptr<const NodeSigner> own = make_memory_signer(openssl_hasher(), {"sl1"}, 1);
    std::shared_ptr<const NodeSigner> other = make_memory_signer(openssl_hasher(), {"sl2"}, 1);
    std::unique_ptr<Node> sn;
    std::vector<Effect> effects;
    std::int64_t clock = 0;
    std::uint64_t sequence = 0;
};

TEST_F(SignedCommands, SignedByTheirAuthorAreAccepted) {
    EXPECT_EQ(submit(registration(), *own).code, Errc::ok);
    EXPECT_TRUE(wrote());
    EXPECT_EQ(submit(ReadBarrier{}, *own).code, Errc::ok);
}

TEST_F(SignedCommands, WithAnothersSignatureAreRefusedAndNotLogged) {
    EXPECT_EQ(submit(registration(), *other).code, Errc::refused);
    EXPECT_FALSE(wrote());
    sequence = 0;  // a refused command does not use up its number
    ASSERT_EQ(submit(registration(), *own).code, Errc::ok);
    const CommandResult result = submit(LeaveContract{"default", 0, "x"}, *other);
    EXPECT_EQ(result.code, Errc::refused);
    EXPECT_NE(result.reason.find("not made by node 'sl1'"), std::string::npos) << result.reason;
    EXPECT_FALSE(wrote());
}

TEST_F(SignedCommands, WithASignatureForAnotherNameOrNumberAreRefused) {
    ASSERT_EQ(submit(registration(), *own).code, Errc::ok);
    EXPECT_EQ(submit(LeaveContract{"default", 0, "x"}, *own, {"sl2"}).code, Errc::refused);
}

TEST_F(SignedCommands, OfUnregisteredNodesAreRefused) {
    const CommandResult result = submit(LeaveContract{"default", 0, "x"}, *own);
    EXPECT_EQ(result.code, Errc::refused);
    EXPECT_NE(result.reason.find("not registered"), std::string::npos) << result.reason;
}

TEST_F(SignedCommands, ThatOnlySnsMaySubmitAreRefused) {
    ASSERT_EQ(submit(registration(), *own).code, Errc::ok);
    EXPECT_EQ(submit(Checkpoint{1, {}}, *own).code, Errc::refused);
    EXPECT_EQ(submit(CommitRound{"default", 0, 0, 0, {}}, *own).code, Errc::refused);
}

TEST_F(SignedCommands, AnAnswerToAnEarlierSessionIsNotSentToThisOne) {
    ASSERT_EQ(submit(registration(), *own).code, Errc::ok);  // session 5
    step(PeerUp{{"sn2"}, Role::sn, {}});
    // An SN that forwarded for the earlier session does so late: the sequence number may be one
    // that this session waits for.
    step(FrameReceived{{"sn2"}, {RelayedCommand{{"sl1"}, {4, 2, ReadBarrier{}, {}}}, {}}});
    for (const Effect& effect : effects) {
        const auto* send = std::get_if<Send>(&effect);
        EXPECT_TRUE(send == nullptr || !std::holds_alternative<CommandResult>(send->frame.message));
    }
}

class SignedRounds : public testing::TestWithParam<int> {};

TEST_P(SignedRounds, ARoundIsOneEntryPerMemberAndOneForAll) {
    MemorySwarm swarm(5, {}, GetParam());
    constexpr int members = 4;
    for (int i = 1; i <= members; ++i) {
        swarm.add_pair(i, {.min_peers = 4, .syncs = 20, .batch_time = milliseconds(20)});
    }
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    std::vector<int> committed_at;
    for (const auto& line : swarm.trace.named("round_committed", "sn1")) {
        committed_at.push_back(0);
        for (const auto& entry : swarm.trace.named("entry_applied", "sn1")) {
            // SNs join and register during the first rounds: those entries belong to no round.
            const std::string kind = field(entry, "kind");
            const bool of_a_round = kind != "register" && kind != "membership";
            committed_at.back() += of_a_round && entry.time <= line.time ? 1 : 0;
        }
    }
    ASSERT_EQ(committed_at.size(), 22U);
    for (std::size_t i = 1; i < committed_at.size(); ++i) {
        EXPECT_LE(committed_at[i] - committed_at[i - 1], members + 2) << "round " << i;
    }
}

TEST_P(SignedRounds, EverySnSignsTheLastHead) {
    MemorySwarm swarm(5, {}, GetParam());
    for (int i = 1; i <= 3; ++i) {
        swarm.add_pair(i, {.min_peers = 3, .syncs = 20, .batch_time = milliseconds(20)});
    }
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.run_for(std::chrono::seconds(1));
    std::set<std::string> signers;
    for (const Bytes& bytes : swarm.sn_store().log().records) {
        const Result<LogRecord> record = decode_record(1, bytes);
        const Result<Entry> entry = decode_entry(record->data);
        if (record->kind == RecordKind::entry && std::get_if<Checkpoint>(&entry->command)) {
            signers.insert(entry->signer.name);
        }
    }
    EXPECT_EQ(signers.size(), static_cast<std::size_t>(GetParam()));
    EXPECT_TRUE(swarm.trace.named("ledger_forked").empty());
    EXPECT_TRUE(swarm.trace.named("signature_refused").empty());
}

INSTANTIATE_TEST_SUITE_P(Servers, SignedRounds, testing::Values(1, 3));

TEST(SignedReports, AReportInAnothersNameIsIgnored) {
    MemorySwarm swarm(5);
    for (int i = 1; i <= 2; ++i) {
        swarm.add_pair(
            i, {.syncs = 30, .batch_time = milliseconds(20), .durable = Durability::quorum});
    }
    ASSERT_TRUE(swarm.run_to_round(3));
    // sl2's report, forged by a node without its key.
    const std::size_t before = swarm.trace.named("exchange_begin", "sl2").size();
    ASSERT_TRUE(swarm.network.run(
        [&] { return swarm.trace.named("exchange_begin", "sl2").size() > before; },
        swarm.network.now() + std::chrono::seconds(10)));
    const auto begun = swarm.trace.named("exchange_begin", "sl2").back();
    Heartbeat heartbeat;
    heartbeat.contract = "default";
    heartbeat.round = std::stoull(field(begun, "round"));
    heartbeat.report = MergeReport{};
    swarm.network.deliver({"sn1"}, FrameReceived{{"sl2"}, {heartbeat, {}}});
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_EQ(swarm.trace.named("signature_refused", "sn1").size(), 1U);
}

}  // namespace
}  // namespace starling::test
