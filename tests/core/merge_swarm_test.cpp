// Swarms with each merge rule: whatever the plan, the order of arrival and the network's faults,
// the ledger has the digests that the rule's definition gives.
#include <algorithm>

#include "core/merge/merge_segment.hpp"
#include "core/merge/plan.hpp"
#include "core/params/model_digest.hpp"
#include "core/sl/own_contribution.hpp"
#include "tests/support/memory_swarm.hpp"
#include "tests/support/tampered_node.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;

const std::vector<std::string> tested_rules = {"mean",
                                               "coordinate-median",
                                               "trimmed-mean:beta=0.3",
                                               "geometric-median",
                                               "krum:f=1,select=2",
                                               "centred-clipping:tau=50"};

/// What the members of a swarm of ToyPrograms hold after each round, calculated here: parameters
/// are merged in one place, segment by segment.
class Rehearsal {
public:
    Rehearsal(int members, const ToyOptions& toy) : toy_(toy), merged_(toy.elements, 0.0F) {
        for (int number = 1; number <= members; ++number) {
            Random random(static_cast<std::uint64_t>(number) * 1000);
            targets_.emplace_back();
            for (std::size_t i = 0; i < toy.elements; ++i) {
                targets_.back().push_back(static_cast<float>(random.normal()));
            }
        }
        residuals_.resize(targets_.size());
        layout_ = std::make_shared<const ParamLayout>(*ParamLayout::make(
            {{"weight", DType::f32, {static_cast<std::int64_t>(toy.elements)}}}));
    }

    /// \param lost_in  the round from which on the last member is missing; 0: none
    std::vector<std::string> digests(std::uint32_t lost_in = 0) {
        std::vector<std::string> digests = {round(false)};
        for (std::uint32_t sync = 0; sync <= toy_.syncs; ++sync) {
            if (sync + 1 == lost_in) {
                targets_.pop_back();
            }
            digests.push_back(round(true));
        }
        return digests;
    }

private:
    std::string round(bool trained) {
        const CompressionMethod compression = *parse_compression(toy_.compression);
        std::vector<OwnContribution> contributions;
        for (const std::vector<float>& target : targets_) {
            std::vector<float> params = merged_;
            for (std::size_t i = 0; trained && i < params.size(); ++i) {
                params[i] += 0.5F * (target[i] - params[i]);
            }
            const auto bytes = std::as_bytes(std::span(params));
            contributions.emplace_back(
                SegmentCodec(layout_, compression),
                OwnParameters{cut(Blob(Bytes(bytes.begin(), bytes.end()))), reference_},
                residuals_[contributions.size()]);
        }
        Segments segments;
        for (std::uint32_t at = 0; at < segment_count(layout_->size_bytes()); ++at) {
            MergeWork work{.layout = layout_,
                           .segment = at,
                           .method = *parse_merge_method(toy_.merge),
                           .compression = compression,
                           .reference = contributions.front().reference(at)};
            for (OwnContribution& own : contributions) {
                work.contributions.push_back(own.encoded(at));
                work.weights.push_back(toy_.weight);
            }
            segments.push_back(merge_segment(work).merged);
            const ByteView view = segments.back().view();
            std::memcpy(reinterpret_cast<std::byte*>(merged_.data()) + at * segment_bytes,
                        view.data(), view.size());
        }
        for (std::size_t member = 0; member < contributions.size(); ++member) {
            residuals_[member] = contributions[member].residuals();
        }
        reference_ = segments;
        return to_string(model_digest(segments, openssl_hasher()));
    }

    ToyOptions toy_;
    std::vector<std::vector<float>> targets_;
    std::vector<float> merged_;
    Segments reference_;               ///< merged_ in segments; empty before the first round
    std::vector<Segments> residuals_;  ///< of each member
    std::shared_ptr<const ParamLayout> layout_;
};

std::vector<std::string> committed_digests(const MemorySwarm& swarm) {
    std::vector<std::string> digests;
    for (const auto& committed : swarm.trace.named("round_committed")) {
        digests.push_back(field(committed, "digest"));
    }
    return digests;
}

/// With frames that come late, twice, in another order or never.
void expect_rehearsed(const std::string& rule, std::size_t elements, std::uint64_t seed,
                      ExchangePlan exchange = ExchangePlan::automatic,
                      const std::string& compression = "none") {
    const ToyOptions toy{.elements = elements,
                         .min_peers = 5,
                         .exchange = exchange,
                         .merge = rule,
                         .compression = compression};
    MemorySwarm swarm(seed);
    swarm.network.faults = {.delay_min = milliseconds(1),
                            .delay_max = milliseconds(30),
                            .drop = 0.01,
                            .duplicate = 0.05,
                            .reorder = 0.2};
    for (int number = 1; number <= 5; ++number) {
        swarm.add_pair(number, toy);
    }
    ASSERT_TRUE(swarm.run()) << rule << "\n" << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_EQ(committed_digests(swarm), Rehearsal(5, toy).digests()) << rule;
}

/// "trimmed-mean:beta=0.3" as "trimmed_mean", in names of tests.
std::string name_of(const testing::TestParamInfo<std::string>& info) {
    std::string name = info.param.substr(0, info.param.find(':'));
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

class MergeByEachRule : public testing::TestWithParam<std::string> {};

TEST_P(MergeByEachRule, OfASmallModelInAStarIsTheRulesOwn) {
    static_assert(100'000 * sizeof(float) < 5 * star_bytes_per_member);
    expect_rehearsed(GetParam(), 100'000, 3);
}

TEST_P(MergeByEachRule, OfALargeModelThatIsShardedIsTheRulesOwn) {
    static_assert(400'000 * sizeof(float) > 5 * star_bytes_per_member);
    expect_rehearsed(GetParam(), 400'000, 4);
}

const ExchangePlan every_plan[] = {ExchangePlan::star, ExchangePlan::butterfly, ExchangePlan::tree};

TEST_P(MergeByEachRule, HasTheSameBytesUnderEveryPlan) {
    for (const ExchangePlan plan : every_plan) {
        expect_rehearsed(GetParam(), 200'000, 5, plan);
    }
}

INSTANTIATE_TEST_SUITE_P(Rules, MergeByEachRule, testing::ValuesIn(tested_rules), name_of);

class MergeWithEachCompression : public testing::TestWithParam<std::string> {};

TEST_P(MergeWithEachCompression, HasTheSameBytesUnderEveryPlan) {
    for (const ExchangePlan plan : every_plan) {
        expect_rehearsed("mean", 100'000, 6, plan, GetParam());
    }
    expect_rehearsed("coordinate-median", 100'000, 7, ExchangePlan::butterfly, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Compressions, MergeWithEachCompression,
                         testing::Values("f16", "bf16", "int8", "top-k:fraction=0.05"), name_of);

/// The last of five members sends no contributions in round 3, and is killed after the others have
/// exchanged theirs. In the next attempt these are not sent again; what their compression has lost
/// counts in round 4 all the same, and once.
TEST(MergeInASwarm, ErrorFeedbackSurvivesARepeatedAttempt) {
    for (const char* compression : {"int8", "top-k:fraction=0.05"}) {
        const ToyOptions toy{.elements = 300'000,  // five segments
                             .min_peers = 4,
                             .exchange = ExchangePlan::butterfly,
                             .compression = compression};
        MemorySwarm swarm(8);
        swarm.tampered["sl5"] = [](std::unique_ptr<Node> node) {
            return std::make_unique<TamperedNode>(std::move(node), nullptr, [](Effect& effect) {
                auto* send = std::get_if<Send>(&effect);
                const auto* data =
                    send == nullptr ? nullptr : std::get_if<SegmentData>(&send->frame.message);
                if (data != nullptr && data->key.round == 3) {
                    send->to = {"nobody"};
                }
            });
        };
        for (int number = 1; number <= 5; ++number) {
            swarm.add_pair(number, toy);
        }
        ASSERT_TRUE(swarm.run_to_round(2)) << swarm.trace.tail();
        swarm.run_for(std::chrono::seconds(2));
        swarm.crash_pair(5);
        ASSERT_TRUE(swarm.run_to_round(4)) << swarm.trace.tail();
        const auto begun = swarm.trace.named("exchange_begin", "sl1");
        EXPECT_EQ(field(begun.at(4), "attempt"), "1") << "of round 3";
        EXPECT_EQ(committed_digests(swarm), Rehearsal(5, toy).digests(3)) << compression;
    }
}

/// Bytes of segments that the members sent each other in rounds from 1 on.
std::uint64_t exchanged_bytes(const std::string& compression) {
    MemorySwarm swarm;
    for (int number = 1; number <= 3; ++number) {
        swarm.add_pair(
            number, {.elements = 200'000, .min_peers = 3, .syncs = 3, .compression = compression});
    }
    EXPECT_TRUE(swarm.run()) << swarm.trace.tail();
    std::uint64_t bytes = 0;
    for (const auto& done : swarm.trace.named("exchange_done")) {
        bytes += field(done, "round") == "0" ? 0 : std::stoull(field(done, "sent_bytes"));
    }
    return bytes;
}

TEST(MergeInASwarm, CompressionSendsFewerBytes) {
    const auto plain = static_cast<double>(exchanged_bytes("none"));
    EXPECT_NEAR(static_cast<double>(exchanged_bytes("bf16")) / plain, 0.5, 0.001);
    EXPECT_NEAR(static_cast<double>(exchanged_bytes("int8")) / plain, 0.254, 0.001);
    EXPECT_LT(static_cast<double>(exchanged_bytes("top-k:fraction=0.01")) / plain, 0.04);
}

TEST(MergeInASwarm, AMemberThatSendsNoEncodingIsExcluded) {
    MemorySwarm swarm;
    swarm.tampered["sl2"] = [](std::unique_ptr<Node> node) {
        return std::make_unique<TamperedNode>(std::move(node), nullptr, [](Effect& effect) {
            auto* send = std::get_if<Send>(&effect);
            if (send != nullptr && std::holds_alternative<SegmentData>(send->frame.message)) {
                send->frame.body = Blob(Bytes(7, std::byte{0xff}));
            }
        });
    };
    for (int number = 1; number <= 4; ++number) {
        swarm.add_pair(number,
                       {.elements = 20'000, .min_peers = 2, .syncs = 2, .compression = "top-k"});
    }
    ASSERT_TRUE(swarm.run_to_round(1, std::chrono::hours(1))) << swarm.trace.tail();
    EXPECT_FALSE(swarm.trace.named("segment_refused").empty());
}

/// The member's own segments, with 1e30 in each place.
void send_garbage(Effect& effect) {
    auto* send = std::get_if<Send>(&effect);
    const auto* data = send == nullptr ? nullptr : std::get_if<SegmentData>(&send->frame.message);
    if (data != nullptr && data->kind == SegmentKind::contribution) {
        const std::vector<float> values(send->frame.body.size() / sizeof(float), 1e30F);
        const auto bytes = std::as_bytes(std::span(values));
        send->frame.body = Blob(Bytes(bytes.begin(), bytes.end()));
    }
}

/// Largest parameter of the model that the pair has kept last.
float largest_parameter(const MemorySwarm& swarm, int pair) {
    float largest = 0.0F;
    for (const Blob& segment : swarm.sl_stores.at(pair)->models->back().segments) {
        for (std::size_t at = 0; at < segment.size(); at += sizeof(float)) {
            float value = 0.0F;
            std::memcpy(&value, segment.view().data() + at, sizeof value);
            largest = std::max(largest, std::abs(value));
        }
    }
    return largest;
}

TEST(MergeInASwarm, GarbageOfOneMemberDestroysTheMeanAndNoRobustRule) {
    for (const std::string& rule : tested_rules) {
        MemorySwarm swarm;
        swarm.tampered["sl2"] = [](std::unique_ptr<Node> node) {
            return std::make_unique<TamperedNode>(std::move(node), nullptr, send_garbage);
        };
        for (int number = 1; number <= 5; ++number) {
            // sl2 owns the star's only segments in round 1, and merges what it does not send.
            swarm.add_pair(number, {.elements = 20'000, .min_peers = 5, .syncs = 2, .merge = rule});
        }
        ASSERT_TRUE(swarm.run_to_round(2)) << rule << "\n" << swarm.trace.tail();
        if (rule == "mean") {
            EXPECT_GT(largest_parameter(swarm, 1), 1e20F);
        } else {
            EXPECT_LT(largest_parameter(swarm, 1), 5.0F) << rule;
        }
    }
}

TEST(MergeInASwarm, AProgramsOwnRuleIsUsedLikeAnyOther) {
    const ToyOptions toy{.elements = 200'000, .min_peers = 2, .merge = "toy-first:factor=0.5"};
    MemorySwarm swarm;
    swarm.add_pair(1, toy);
    swarm.add_pair(2, toy);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_EQ(committed_digests(swarm), Rehearsal(2, toy).digests());
    EXPECT_TRUE(swarm.trace.logged("merge toy-first:factor=0.5", "sl1"));
}

TEST(MergeInASwarm, AnSlWithoutTheProgramsRuleSaysSo) {
    MergeMethod unknown;
    unknown.rule = MergeRule::of_program;
    unknown.name = "of-another-program";
    MemorySwarm swarm;
    swarm.add_pair(1, {.method = unknown});
    swarm.add_pair(2, {.method = unknown});
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    for (const char* ml : {"ml1", "ml2"}) {
        EXPECT_NE(swarm.code(ml), 0);
        EXPECT_TRUE(swarm.trace.logged("this SL has no merge rule 'of-another-program'", ml))
            << swarm.trace.tail();
    }
}

TEST(MergeInASwarm, MembersWithDifferentParametersAreRefused) {
    MemorySwarm swarm;
    swarm.add_pair(1, {.merge = "trimmed-mean:beta=0.1"});
    swarm.add_pair(2, {.merge = "trimmed-mean:beta=0.2"});
    swarm.run_for(std::chrono::seconds(20));
    const bool first = swarm.trace.logged("beta=0.1", "ml2") && swarm.code("ml2") == 3;
    const bool second = swarm.trace.logged("beta=0.2", "ml1") && swarm.code("ml1") == 3;
    EXPECT_TRUE(first || second) << swarm.trace.tail();
}

}  // namespace
}  // namespace starling::test
