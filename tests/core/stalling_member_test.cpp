// Members that stall rounds on purpose or by a fault: each costs the others a bounded time, and is
// expelled from the run.
#include "core/sn/stalled_pairs.hpp"
#include "tests/support/memory_swarm.hpp"
#include "tests/support/node_bench.hpp"
#include "tests/support/tampered_node.hpp"

namespace starling::test {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const SegmentData* segment_of(const Effect& effect) {
    const auto* send = std::get_if<Send>(&effect);
    return send == nullptr ? nullptr : std::get_if<SegmentData>(&send->frame.message);
}
bool is_in_training(const SegmentData* data) { return data != nullptr && data->key.round > 0; }
Heartbeat* heartbeat_in_training(Effect& effect) {
    auto* send = std::get_if<Send>(&effect);
    auto* heartbeat = send == nullptr ? nullptr : std::get_if<Heartbeat>(&send->frame.message);
    return heartbeat != nullptr && heartbeat->round > 0 ? heartbeat : nullptr;
}
void withhold_report(Effect& effect) {
    if (Heartbeat* heartbeat = heartbeat_in_training(effect)) {
        heartbeat->report.reset();
    }
}
void drop(Effect& effect) { effect = Report{TraceEvent("withheld")}; }

class StallingMember : public testing::Test {
protected:
    explicit StallingMember(int sns = 1) : swarm(11, {}, sns) {}

    /// Five segments of 256 KiB by default, so that there are several segment owners.
    void add_pairs(int count, std::size_t elements = 300'000) {
        for (int i = 1; i <= count; ++i) {
            swarm.add_pair(i, {.elements = elements, .min_peers = 2, .syncs = 12});
        }
    }
    void tamper(const std::string& sl, TamperedNode::ChangeInput change_input,
                TamperedNode::ChangeEffect change_effect) {
        swarm.tampered[sl] = [=, this](std::unique_ptr<Node> node) {
            const auto change = [=, this](Effect& effect) {
                withhold_early_merge(effect, {sl}, *swarm.signers.at(sl));
                if (change_effect) {
                    change_effect(effect);
                }
            };
            return std::make_unique<TamperedNode>(std::move(node), change_input, change);
        };
    }
    std::size_t excluded(const std::string& node) const {
        const auto lines = swarm.trace.named("member_excluded", "sn1");
        return static_cast<std::size_t>(std::count_if(
            lines.begin(), lines.end(), [&](const auto& l) { return field(l, "node") == node; }));
    }
    /// The longest time between two commits.
    SwarmDuration longest_round() const {
        SwarmDuration longest{0};
        const auto committed = swarm.trace.named("round_committed", "sn1");
        for (std::size_t at = 1; at < committed.size(); ++at) {
            longest = std::max(longest, committed[at].time - committed[at - 1].time);
        }
        return longest;
    }
    /// The honest members end with one final model, no round takes longer than `limit`, and the
    /// stalling member is expelled.
    void expect_expelled(const std::string& number, int members, SwarmDuration limit) {
        ASSERT_TRUE(swarm.run(holdups_max * limit + minutes(10))) << swarm.trace.tail();
        EXPECT_LE(longest_round(), limit);
        std::printf("[ measured ] the longest round: %.0f s\n", to_seconds(longest_round()));
        EXPECT_TRUE(swarm.trace.logged("expelled: it delayed 5 rounds", "sn1"));
        EXPECT_EQ(swarm.code("sl" + number), exit_code::refused);
        EXPECT_EQ(excluded("sl" + number), holdups_max);
        const auto committed = swarm.trace.named("round_committed");
        EXPECT_EQ(field(committed.back(), "final"), "1");
        for (int i = 1; i <= members; ++i) {
            if (std::to_string(i) != number) {
                EXPECT_EQ(swarm.code("ml" + std::to_string(i)), 0) << i;
            }
        }
    }
    MemorySwarm swarm;
};

class StallingMemberWithThreeSns : public StallingMember {
protected:
    StallingMemberWithThreeSns() : StallingMember(3) {}

    /// From now on the SN that leads loses the others for three seconds, again and again.
    void interrupt_each_leader(SwarmDuration interval) {
        swarm.network.at(swarm.network.now() + interval, [this, interval] {
            for (const NodeId& sn : swarm.sns) {
                if (sn.name != swarm.leader()) {
                    swarm.network.block({swarm.leader()}, sn);
                }
            }
            swarm.network.at(swarm.network.now() + seconds(3), [this] { swarm.network.heal(); });
            interrupt_each_leader(interval);
        });
    }
};

TEST_F(StallingMember, AMemberThatSendsNoSegmentsIsExpelled) {
    tamper("sl2", nullptr, [](Effect& effect) {
        if (is_in_training(segment_of(effect))) {
            drop(effect);
        }
    });
    add_pairs(4);
    expect_expelled("2", 4, 4 * minutes(2));
}

TEST_F(StallingMember, AnOwnerThatWithholdsMergedSegmentsAndItsReportIsExpelled) {
    tamper("sl2", nullptr, [](Effect& effect) {
        const SegmentData* data = segment_of(effect);
        if (is_in_training(data) && data->kind == SegmentKind::merged) {
            drop(effect);
            return;
        }
        withhold_report(effect);
    });
    add_pairs(4);
    expect_expelled("2", 4, minutes(13));
}

TEST_F(StallingMember, AMemberThatNeverReportsItsDigestIsExpelled) {
    tamper("sl3", nullptr, withhold_report);
    add_pairs(4);
    expect_expelled("3", 4, minutes(13));
}

TEST_F(StallingMemberWithThreeSns, AMemberThatNeverReportsIsExpelledThoughTheSnsLeadInTurn) {
    tamper("sl3", nullptr, withhold_report);
    add_pairs(4);
    interrupt_each_leader(minutes(4));
    // The limit is 11 minutes, and each of three SNs counts from when it first heard all members.
    expect_expelled("3", 4, minutes(20));
    EXPECT_GT(swarm.trace.named("leader_elected").size(), 10U);
}

/// As a transport reports the progress of a peer that sends one byte now and then.
class DrippingSender {
public:
    void operator()(Input& input) {
        if (auto* arrivals = std::get_if<Arrivals>(&input)) {
            arrivals->body_bytes[{"sl2"}] = ++bytes_;
        }
    }

private:
    std::uint64_t bytes_ = 0;
};

TEST_F(StallingMember, AMemberThatSendsAByteNowAndThenStallsARoundForTheLimitOnly) {
    tamper("sl2", nullptr, [](Effect& effect) {
        if (is_in_training(segment_of(effect))) {
            drop(effect);
        }
    });
    for (const char* honest : {"sl1", "sl3", "sl4"}) {
        tamper(honest, DrippingSender(), nullptr);
    }
    add_pairs(4);
    ContractConfig config;
    config.layout_bytes = 1'200'000;
    expect_expelled("2", 4, attempt_limit(config, 4) + minutes(2));
    EXPECT_TRUE(swarm.trace.logged("the exchange took longer than at 4000 bytes/s", "sn1"));
}

TEST_F(StallingMember, AMemberThatOnlySaysThatItReceivesStallsARoundForTheLimitOnly) {
    tamper("sl2", nullptr, [claimed = std::uint64_t{0}](Effect& effect) mutable {
        if (Heartbeat* heartbeat = heartbeat_in_training(effect)) {
            heartbeat->report.reset();
            heartbeat->progress.received_bytes = ++claimed;
        }
    });
    add_pairs(4);
    ContractConfig config;
    config.layout_bytes = 1'200'000;
    expect_expelled("2", 4, attempt_limit(config, 4) + minutes(3));
}

/// The model has one segment, so each attempt has one owner, which is apart from the member then.
TEST_F(StallingMember, AMemberThatDelaysOneOwnerAfterTheOtherHasTheWholeLimitOnce) {
    tamper("sl8", nullptr, [claimed = std::uint64_t{0}](Effect& effect) mutable {
        if (is_in_training(segment_of(effect))) {
            drop(effect);
        } else if (Heartbeat* heartbeat = heartbeat_in_training(effect)) {
            heartbeat->report.reset();
            heartbeat->progress.received_bytes = ++claimed;
        }
    });
    add_pairs(8, 1000);
    ContractConfig config;
    config.layout_bytes = 4000;
    // The whole limit, half of it, and a quarter each for the third and fourth owner.
    expect_expelled("8", 8, 2 * attempt_limit(config, 8) + minutes(1));
    EXPECT_EQ(swarm.trace.named("members_kept_apart", "sn1").size(), 3U);
}

Contract attempt_of(int members, std::set<MemberPair> apart) {
    Contract contract;
    std::vector<RoundMember> frozen;
    for (int i = 1; i <= members; ++i) {
        frozen.push_back({{"sl" + std::to_string(i)}, {"10.0.0.1", 16000}, 1, 1});
    }
    contract.frozen = MemberList(std::move(frozen));
    contract.apart = std::move(apart);
    return contract;
}

TEST(PairLimits, AreShorterForMembersThatAreApartFromOthersOfTheAttempt) {
    const Contract contract = attempt_of(
        5, {{{"sl1"}, {"sl2"}}, {{"sl1"}, {"sl3"}}, {{"sl4"}, {"sl9"}}});  // sl9 is not in it
    const SwarmDuration whole = attempt_limit(contract.config, 5);
    const PairLimits limits(contract);
    EXPECT_EQ(limits.of({{"sl4"}, {"sl5"}}), whole);
    EXPECT_EQ(limits.of({{"sl3"}, {"sl5"}}), whole / 2);
    EXPECT_EQ(limits.of({{"sl1"}, {"sl5"}}), whole / 4);
    EXPECT_EQ(limits.of({{"sl1"}, {"sl3"}}), whole / 4);

    const std::set<MemberPair> all = {{{"sl4"}, {"sl5"}}, {{"sl3"}, {"sl5"}}, {{"sl1"}, {"sl5"}}};
    EXPECT_TRUE(limits.overdue(all, whole / 4 - seconds(1)).empty());
    EXPECT_EQ(limits.overdue(all, whole / 4), (std::set<MemberPair>{{{"sl1"}, {"sl5"}}}));
    EXPECT_EQ(limits.overdue(all, whole / 2).size(), 2U);
    EXPECT_EQ(limits.overdue(all, whole), all);
}

TEST_F(StallingMember, AMemberThatFalselyBlamesMostOthersIsExpelled) {
    // Reports of one member after the other that it sends nothing, and reports no digest.
    tamper("sl4", nullptr, [](Effect& effect) {
        if (Heartbeat* heartbeat = heartbeat_in_training(effect)) {
            heartbeat->report.reset();
            const std::string blamed = "sl" + std::to_string(1 + heartbeat->round % 3);
            heartbeat->stalls = {{{blamed}, false, false}};
        }
    });
    add_pairs(4);
    expect_expelled("4", 4, minutes(13));
    EXPECT_EQ(swarm.trace.named("member_excluded", "sn1").size(), holdups_max) << "nobody else";
}

TEST_F(StallingMember, AMemberFalselyBlamedByOneOtherIsNeitherExcludedNorExpelled) {
    tamper("sl4", nullptr, [](Effect& effect) {
        if (Heartbeat* heartbeat = heartbeat_in_training(effect)) {
            heartbeat->report.reset();
            heartbeat->stalls = {{{"sl2"}, false, false}};
        }
    });
    add_pairs(4);
    expect_expelled("4", 4, minutes(13));
    EXPECT_EQ(excluded("sl2"), 0U);
    EXPECT_EQ(swarm.trace.named("members_kept_apart", "sn1").size(), 1U);
}

TEST_F(StallingMember, AMemberThatSendsNothingToOneOtherCostsOneAttempt) {
    tamper("sl4", nullptr, [](Effect& effect) {
        const auto* send = std::get_if<Send>(&effect);
        if (is_in_training(segment_of(effect)) && send->to == NodeId{"sl2"}) {
            drop(effect);
        }
    });
    add_pairs(4);
    ASSERT_TRUE(swarm.run(minutes(10))) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_EQ(swarm.trace.named("members_kept_apart", "sn1").size(), 1U);
    EXPECT_TRUE(swarm.trace.named("member_excluded", "sn1").empty());
    for (const auto& committed : swarm.trace.named("round_committed", "sn1")) {
        EXPECT_EQ(field(committed, "members"), "4");
    }
}

/// The connection breaks when both have the other's contribution: neither can say which segments
/// the other one has merged.
TEST_F(StallingMember, TwoThatSendEachOtherNoMergedSegmentsCostOneShortAttempt) {
    for (const auto& [from, to] : {std::pair("sl1", "sl2"), std::pair("sl2", "sl1")}) {
        const NodeId other{to};
        tamper(from, nullptr, [other](Effect& effect) {
            const SegmentData* data = segment_of(effect);
            if (is_in_training(data) && data->kind == SegmentKind::merged &&
                std::get<Send>(effect).to == other) {
                drop(effect);
            }
        });
    }
    add_pairs(4);
    ASSERT_TRUE(swarm.run(minutes(20))) << swarm.trace.tail();
    EXPECT_LE(longest_round(), seconds(70));
    EXPECT_EQ(excluded("sl1") + excluded("sl2"), 0U);
}

TEST_F(StallingMember, AMemberThatSendsTheOnlyOwnerNothingGetsNoOtherExcluded) {
    // Without a majority one member merges for all, and nothing moves between it and sl1.
    tamper("sl1", nullptr, [](Effect& effect) {
        const SegmentData* data = segment_of(effect);
        if (is_in_training(data) && data->kind == SegmentKind::merged) {
            auto& send = std::get<Send>(effect);
            send.frame.body = with_flipped_bit(send.frame.body,
                                               static_cast<std::size_t>(send.to.name.back() - '0'));
        } else if (is_in_training(data) && data->key.attempt > 0) {
            drop(effect);
        }
    });
    add_pairs(4);
    ASSERT_TRUE(swarm.run(minutes(30))) << swarm.trace.tail();
    EXPECT_FALSE(swarm.trace.named("round_undecided", "sn1").empty());
    EXPECT_GT(excluded("sl1"), 0U);
    for (const char* honest : {"sl2", "sl3", "sl4"}) {
        EXPECT_EQ(swarm.code(honest), 0) << honest;
        EXPECT_EQ(excluded(honest), 0U) << honest;
    }
}

/// Heartbeats of 500 members are half as many: five of each still come within ten seconds.
TEST(StallingMemberInALargeSwarm, ANewLeaderJudgesAsSoonAsInASmallSwarm) {
    NodeBench sn(make_sn_node(sn_options(), openssl_hasher()));
    std::vector<Author> members;
    for (int i = 0; i < 500; ++i) {
        members.emplace_back("sl" + std::to_string(i));
    }
    ContractConfig config = tiny_contract(2);
    config.grace_ns = 60'000'000'000;
    for (Author& member : members) {
        sn.step(PeerUp{member.id, Role::sl, {}});
        sn.frame(member.id, member.registration());
        sn.frame(member.id, member.submit(Enrol{"c", config, tiny_layout, {}}));
    }
    CheckIn metrics;
    metrics.weight = 1;
    for (Author& member : members) {
        sn.frame(member.id, member.submit(CheckInRound{"c", 0, 0, metrics}));
    }
    const auto all_say = [&](const Heartbeat& said) {
        for (const Author& member : members) {
            sn.frame(member.id, said);
        }
    };
    const auto attempt = [&] { return sn.last<ViewUpdate>(members[0].id)->view.attempt; };
    const Heartbeat waits{
        .contract = "c", .progress = {8, 16, "sl1"}, .stalls = {{{"sl1"}, false, false}}};
    all_say(waits);
    ASSERT_EQ(sn.last<ViewUpdate>(members[0].id)->view.frozen.size(), 500U);
    sn.pass(seconds(10));
    all_say(waits);
    sn.pass(seconds(4));
    EXPECT_EQ(attempt(), 0U);
    sn.pass(seconds(4));
    EXPECT_EQ(attempt(), 1U) << "nothing has moved for longer than 15 s";
}

TEST_F(StallingMember, AMemberThatMinPeersRequiresIsWaitedFor) {
    tamper("sl2", nullptr, [](Effect& effect) {
        if (is_in_training(segment_of(effect))) {
            drop(effect);
        }
    });
    add_pairs(2);
    EXPECT_FALSE(swarm.run(minutes(30)));
    EXPECT_EQ(excluded("sl2"), 0U);
    EXPECT_TRUE(swarm.trace.logged("It is waited for, since min_peers 2 needs it", "sn1"));
}

}  // namespace
}  // namespace starling::test
