// Members that merge to different bytes than the others, or make others do so: rounds continue
// without them, and they are named.
#include "core/sl/work_id.hpp"
#include "tests/support/memory_swarm.hpp"
#include "tests/support/tampered_node.hpp"

namespace starling::test {
namespace {

class Deviation : public testing::Test {
protected:
    void add_pairs(int count, std::uint32_t min_peers = 2) {
        for (int i = 1; i <= count; ++i) {
            // Five segments of 256 KiB, so that there are several segment owners.
            swarm.add_pair(i, {.elements = 300'000, .min_peers = min_peers, .syncs = 8});
        }
    }
    void change_input(const std::string& sl, TamperedNode::ChangeInput change) {
        swarm.tampered[sl] = [change](std::unique_ptr<Node> node) {
            return std::make_unique<TamperedNode>(std::move(node), change, nullptr);
        };
    }
    void change_effects(const std::string& sl, TamperedNode::ChangeEffect change) {
        swarm.tampered[sl] = [change](std::unique_ptr<Node> node) {
            return std::make_unique<TamperedNode>(std::move(node), nullptr, change);
        };
    }
    std::set<std::string> deviating() const {
        std::set<std::string> names;
        for (const auto& line : swarm.trace.named("member_deviated")) {
            names.insert(field(line, "node"));
        }
        return names;
    }
    MemorySwarm swarm{5};
};

/// Flips a bit in each merged segment received from another owner.
void flip_merged_segments(Input& input) {
    auto* received = std::get_if<FrameReceived>(&input);
    const auto* data =
        received == nullptr ? nullptr : std::get_if<SegmentData>(&received->frame.message);
    if (data != nullptr && data->kind == SegmentKind::merged && data->key.round == 2) {
        received->frame.body = with_flipped_bit(received->frame.body);
    }
}

TEST_F(Deviation, FaultyMemoryAtAMemberCostsTheOthersNoRound) {
    int flipped = 0;
    change_input("sl2", [&flipped](Input& input) {
        if (flipped < 3) {  // the model fetched afterwards is intact
            const auto* received = std::get_if<FrameReceived>(&input);
            const auto* data =
                received == nullptr ? nullptr : std::get_if<SegmentData>(&received->frame.message);
            flipped += data != nullptr && data->kind == SegmentKind::merged && data->key.round == 2;
            flip_merged_segments(input);
        }
    });
    add_pairs(3);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    ASSERT_EQ(flipped, 3);
    swarm.expect_one_final_model();
    EXPECT_EQ(deviating(), std::set<std::string>{"sl2"});
    EXPECT_EQ(swarm.trace.named("member_deviated", "sn1").size(), 1U);
    EXPECT_EQ(swarm.trace.named("caught_up", "sl2").size(), 1U);
    EXPECT_TRUE(swarm.trace.logged("This node merged round 2 to", "sl2"));
}

TEST_F(Deviation, AnOwnerThatSendsOneMemberWrongBytesIsNamedByIt) {
    change_effects("sl1", [](Effect& effect) {
        auto* send = std::get_if<Send>(&effect);
        const auto* data =
            send == nullptr ? nullptr : std::get_if<SegmentData>(&send->frame.message);
        if (data != nullptr && data->kind == SegmentKind::merged && data->key.round == 3 &&
            send->to.name == "sl4") {
            send->frame.body = with_flipped_bit(send->frame.body);
        }
    });
    add_pairs(4);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_EQ(deviating(), std::set<std::string>{"sl4"});
    const auto named = swarm.trace.named("segments_deviate", "sl4");
    ASSERT_EQ(named.size(), 1U);
    EXPECT_EQ(field(named.front(), "owner"), "sl1");
}

TEST_F(Deviation, AnOwnerThatLiesToOneMemberEachRoundDoesNotGetItExpelled) {
    change_effects("sl1", [](Effect& effect) {
        auto* send = std::get_if<Send>(&effect);
        const auto* data =
            send == nullptr ? nullptr : std::get_if<SegmentData>(&send->frame.message);
        if (data != nullptr && data->kind == SegmentKind::merged && data->key.round > 0 &&
            send->to.name == "sl4") {
            send->frame.body = with_flipped_bit(send->frame.body);
        }
    });
    add_pairs(4);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_LT(swarm.trace.named("member_deviated", "sn1").size(), deviations_max);
    ASSERT_EQ(swarm.trace.named("members_kept_apart", "sn1").size(), 1U);
    EXPECT_TRUE(swarm.trace.logged("Member 'sl4' reports that it received wrong bytes", "sn1"));
}

/// Each of the others has other bytes, and so no two members the same digest.
TEST_F(Deviation, AnOwnerThatSendsEveryMemberOtherBytesDoesNotEndTheRun) {
    change_effects("sl1", [](Effect& effect) {
        auto* send = std::get_if<Send>(&effect);
        const auto* data =
            send == nullptr ? nullptr : std::get_if<SegmentData>(&send->frame.message);
        if (data != nullptr && data->kind == SegmentKind::merged && data->key.round > 0) {
            for (char number = '1'; number < send->to.name.back(); ++number) {
                send->frame.body =
                    with_flipped_bit(send->frame.body, static_cast<std::size_t>(number));
            }
        }
    });
    add_pairs(4);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    const auto undecided = swarm.trace.named("round_undecided", "sn1");
    ASSERT_FALSE(undecided.empty());
    EXPECT_EQ(field(undecided.front(), "round"), "1");
    EXPECT_TRUE(swarm.trace.logged("'sl2' merges for all", "sn1"));
    std::map<std::string, int> attempts;
    for (const auto& line : undecided) {
        EXPECT_LE(++attempts[field(line, "round")], 2) << "its turn, and before that all of them";
    }
}

/// Nine members in a tree: three groups of three.
class TreeDeviation : public Deviation {
protected:
    void add_tree() {
        for (int i = 1; i <= 9; ++i) {
            swarm.add_pair(
                i,
                {.elements = 300'000, .min_peers = 2, .syncs = 6, .exchange = ExchangePlan::tree});
        }
    }
    /// What `sl` sends of merged segments to sl4, sl5 and sl6 in a round passes through `change`.
    void change_merged(const std::string& sl, Round round, void (*change)(Send&)) {
        change_effects(sl, [round, change](Effect& effect) {
            auto* send = std::get_if<Send>(&effect);
            const auto* data =
                send == nullptr ? nullptr : std::get_if<SegmentData>(&send->frame.message);
            if (data != nullptr && data->kind == SegmentKind::merged && data->key.round == round &&
                send->to.name >= "sl4" && send->to.name <= "sl6") {
                change(*send);
            }
        });
    }
};

void flip(Send& send) { send.frame.body = with_flipped_bit(send.frame.body); }

TEST_F(TreeDeviation, ARelayThatAltersWhatItPassesOnIsNamedByItsGroup) {
    change_merged("sl5", 3, flip);
    add_tree();
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_EQ(deviating(), (std::set<std::string>{"sl4", "sl6"}));
    for (const char* sl : {"sl4", "sl6"}) {
        const auto named = swarm.trace.named("segments_deviate", sl);
        ASSERT_EQ(named.size(), 1U) << sl;
        EXPECT_EQ(field(named.front(), "owner"), "sl5");
    }
    EXPECT_EQ(swarm.trace.named("members_kept_apart", "sn1").size(), 2U);
}

TEST_F(TreeDeviation, ARelayThatWasMisledItselfIsNotKeptApartFromItsGroup) {
    change_merged("sl1", 4, flip);
    add_tree();
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_EQ(deviating(), (std::set<std::string>{"sl4", "sl5", "sl6"}));
    const auto apart = swarm.trace.named("members_kept_apart", "sn1");
    ASSERT_EQ(apart.size(), 1U) << swarm.trace.tail();
    EXPECT_TRUE(swarm.trace.logged("Member 'sl5' reports that it received wrong bytes", "sn1"));
}

TEST_F(TreeDeviation, ARelayThatPassesNothingOnCostsOneAttempt) {
    change_merged("sl5", 3, [](Send& send) { send.to = {"nobody"}; });
    add_tree();
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_TRUE(deviating().empty());
    EXPECT_TRUE(swarm.trace.named("member_excluded").empty());
    const auto apart = swarm.trace.named("members_kept_apart", "sn1");
    ASSERT_EQ(apart.size(), 1U);
    EXPECT_EQ(field(apart.front(), "node"), "sl5");
}

/// Signs a digest of its own in each report, and sends it with every heartbeat.
class WrongReports {
public:
    void operator()(Input& input) const {
        auto* done = std::get_if<WorkDone>(&input);
        if (done == nullptr || WorkId::of(done->work).is_of_fetch()) {
            return;
        }
        if (auto* merged = std::get_if<MergeResult>(&done->result)) {
            merged->digest.bytes[0] ^= std::byte{0xff};
        } else if (auto* hashed = std::get_if<SegmentDigests>(&done->result)) {
            hashed->digests.front().second.bytes[0] ^= std::byte{0xff};
        }
    }
};

TEST_F(Deviation, AMemberThatReportsAnotherDigestIsExpelled) {
    change_input("sl1", WrongReports());
    add_pairs(4);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    EXPECT_EQ(deviating(), std::set<std::string>{"sl1"});
    EXPECT_EQ(swarm.trace.named("member_deviated", "sn1").size(), deviations_max);
    EXPECT_EQ(swarm.code("sl1"), exit_code::refused);
    EXPECT_TRUE(swarm.trace.logged("was expelled from contract 'default'", "sl1"));
    // The entry that expels it commits a round with it. Nobody begins the next one with it.
    const int last = std::stoi(field(swarm.trace.named("member_deviated", "sn1").back(), "round"));
    std::set<int> early_with_all;
    for (const auto& line : swarm.trace.named("exchange_early", "sl2")) {
        if (field(line, "members") == "4") {
            early_with_all.insert(std::stoi(field(line, "round")));
        }
    }
    ASSERT_FALSE(early_with_all.empty());
    EXPECT_EQ(*early_with_all.rbegin(), last);
    for (const char* ml : {"ml2", "ml3", "ml4"}) {
        EXPECT_EQ(swarm.code(ml), 0) << ml;
    }
    const auto committed = swarm.trace.named("round_committed");
    EXPECT_EQ(field(committed.back(), "final"), "1");
    EXPECT_EQ(field(committed.back(), "members"), "3");
}

TEST_F(Deviation, TwoOfFiveThatReportTheSameWrongDigestAreNamed) {
    change_input("sl1", WrongReports());
    change_input("sl2", WrongReports());
    add_pairs(5);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    EXPECT_EQ(deviating(), (std::set<std::string>{"sl1", "sl2"}));
    for (const char* ml : {"ml3", "ml4", "ml5"}) {
        EXPECT_EQ(swarm.code(ml), 0) << ml;
    }
    EXPECT_EQ(field(swarm.trace.named("round_committed").back(), "final"), "1");
}

TEST_F(Deviation, WithTwoMembersNoMajorityExists) {
    change_input("sl1", WrongReports());
    add_pairs(2);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    EXPECT_EQ(swarm.code("ml2"), exit_code::aborted);
    EXPECT_TRUE(swarm.trace.logged("no majority of the members merged round 0", "ml2"));
}

}  // namespace
}  // namespace starling::test
