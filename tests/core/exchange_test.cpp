// One attempt at a round at one member: what the centre of a star holds in memory, whatever the
// number of members, and from whom the members of a tree get what is merged.
#include "core/sl/exchange.hpp"

#include <algorithm>
#include <deque>

#include <gtest/gtest.h>

#include "core/sl/work_id.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t segments = 96;

ExchangeSetup setup_of(std::uint32_t members, const std::string& self, ExchangePlan exchange) {
    ExchangeSetup setup;
    setup.self = {self};
    setup.key = {"c", 0, 0, 0};
    std::vector<RoundMember> all;
    for (std::uint32_t i = 0; i < members; ++i) {
        const std::string digits = std::to_string(i);
        all.push_back({.id = {"sl" + std::string(3 - digits.size(), '0') + digits}});
    }
    setup.members = std::move(all);
    setup.layout = std::make_shared<const ParamLayout>(*ParamLayout::make(
        {{"w", DType::f32, {static_cast<std::int64_t>(segments * segment_bytes / 4)}}}));
    setup.method = *parse_merge_method("mean");
    setup.exchange = exchange;
    return setup;
}

OwnContribution own_of(const ExchangeSetup& setup) {
    return {SegmentCodec(setup.layout, setup.compression),
            {.values = cut(Blob::phantom(segments * segment_bytes)), .reference = {}},
            {}};
}

std::set<NodeId> others_of(const ExchangeSetup& setup) {
    std::set<NodeId> others;
    for (const RoundMember& member : setup.members) {
        if (member.id != setup.self) {
            others.insert(member.id);
        }
    }
    return others;
}

/// The centre of a star whose members send at very different rates: the first one always sends all
/// that it was asked for before the next one sends anything.
class StarCentre {
public:
    explicit StarCentre(std::uint32_t members)
        : members_(members),
          setup_(setup_of(members, "sl000", ExchangePlan::star)),
          others_(others_of(setup_)),
          own_(own_of(setup_)),
          exchange_([this] {
              ExchangeSetup setup = setup_;
              setup.own = &own_;
              setup.kept = &kept_;
              return setup;
          }()) {}

    void run() {
        exchange_.start(now_, others_, out_);
        take_effects();
        while (!asked_.empty()) {
            const auto first =
                std::min_element(asked_.begin(), asked_.end(),
                                 [](const auto& a, const auto& b) { return a.first < b.first; });
            const auto [from, segment] = *first;
            asked_.erase(first);
            now_ += milliseconds(1);
            ++held_;
            most_held_ = std::max(most_held_, held_);
            EXPECT_TRUE(exchange_.on_segment(now_, from,
                                             {setup_.key, SegmentKind::contribution, segment},
                                             Blob::phantom(segment_bytes), out_));
            take_effects();
        }
    }
    bool complete() const { return exchange_.complete(); }
    std::uint64_t most_held_bytes() const { return most_held_ * segment_bytes; }
    std::size_t most_senders() const { return most_senders_; }
    std::size_t requests() const { return requests_; }

private:
    void take_effects() {
        while (!effects_.empty()) {
            const std::vector<Effect> taken = std::exchange(effects_, {});
            for (const Effect& effect : taken) {
                take(effect);
            }
        }
        std::set<NodeId> senders;
        for (const auto& [from, segment] : asked_) {
            senders.insert(from);
        }
        most_senders_ = std::max(most_senders_, senders.size());
    }
    void take(const Effect& effect) {
        if (const auto* send = std::get_if<Send>(&effect)) {
            const auto& fetch = std::get<FetchSegments>(send->frame.message);
            ASSERT_EQ(fetch.kind, SegmentKind::contribution);
            for (const std::uint32_t segment : segments_in(fetch.ranges, segments)) {
                ASSERT_TRUE(ever_asked_.emplace(send->to, segment).second) << "asked twice";
                asked_.emplace_back(send->to, segment);
            }
            ++requests_;
        } else if (const auto* work = std::get_if<StartWork>(&effect)) {
            const auto& merge = std::get<MergeWork>(work->what);
            held_ -= members_ - 1;
            exchange_.on_merged(now_, {merge.segment, Blob::phantom(segment_bytes), {}}, out_);
        }
    }

    std::uint32_t members_;
    ExchangeSetup setup_;
    std::set<NodeId> others_;
    OwnContribution own_;
    KeptContributions kept_;
    Exchange exchange_;
    SwarmTime now_{};
    std::vector<Effect> effects_;
    Outbox out_{effects_};
    std::deque<std::pair<NodeId, std::uint32_t>> asked_;
    std::set<std::pair<NodeId, std::uint32_t>> ever_asked_;
    std::uint64_t held_ = 0;  ///< contributions of others to segments that are not merged
    std::uint64_t most_held_ = 0;
    std::size_t most_senders_ = 0;
    std::size_t requests_ = 0;
};

TEST(Exchange, TheCentreOfAStarHoldsAWindowAndNotTheModelsOfAllMembers) {
    for (const std::uint32_t members : {2U, 8U, 32U, 64U}) {
        StarCentre centre(members);
        centre.run();
        EXPECT_TRUE(centre.complete()) << members;
        EXPECT_LE(centre.most_held_bytes(), contribution_window_bytes) << members;
        // Several segments a request: at most one for each two segments and member.
        EXPECT_LE(centre.requests(), members * segments / 2) << members;
    }
}

TEST(Exchange, OfManyMembersTheCentreHoldsTwoSegmentsAndLetsSomeSendAtOnce) {
    StarCentre centre(200);
    centre.run();
    EXPECT_TRUE(centre.complete());
    EXPECT_LE(centre.most_held_bytes(), 2 * 200 * segment_bytes);
    EXPECT_LE(centre.most_senders(), fan_in_window);
}

/// Members that send all at once, whatever they are asked for.
TEST(Exchange, ContributionsBeyondTheWindowAreRefusedAndRequestedOnceItIsOpen) {
    ExchangeSetup setup = setup_of(8, "sl000", ExchangePlan::star);
    KeptContributions kept;
    setup.kept = &kept;
    OwnContribution own = own_of(setup);
    setup.own = &own;
    const RoundKey key = setup.key;
    const std::set<NodeId> others = others_of(setup);
    Exchange exchange(std::move(setup));
    std::vector<Effect> effects;
    Outbox out(effects);
    std::deque<std::uint32_t> merges;
    std::vector<std::pair<NodeId, std::uint32_t>> asked;
    const auto take_effects = [&] {
        for (const Effect& effect : std::exchange(effects, {})) {
            if (const auto* work = std::get_if<StartWork>(&effect)) {
                merges.push_back(std::get<MergeWork>(work->what).segment);
            } else if (const auto* send = std::get_if<Send>(&effect)) {
                const auto& fetch = std::get<FetchSegments>(send->frame.message);
                for (const std::uint32_t segment : segments_in(fetch.ranges, segments)) {
                    asked.emplace_back(send->to, segment);
                }
            }
        }
    };
    const auto send = [&](const NodeId& from, std::uint32_t segment) {
        return exchange
            .on_segment(SwarmTime{}, from, {key, SegmentKind::contribution, segment},
                        Blob::phantom(segment_bytes), out)
            .has_value();
    };
    exchange.start(SwarmTime{}, others, out);
    take_effects();
    asked.clear();
    constexpr std::uint64_t window = contribution_window_bytes / (8 * segment_bytes);
    for (const NodeId& from : others) {
        for (std::uint32_t segment = 0; segment < segments; ++segment) {
            EXPECT_EQ(send(from, segment), segment < window) << segment;
        }
    }
    take_effects();
    EXPECT_EQ(merges.size(), window);
    for (std::size_t done = 0; done < segments; ++done) {
        ASSERT_FALSE(merges.empty()) << done;
        exchange.on_merged(SwarmTime{}, {merges.front(), Blob::phantom(segment_bytes), {}}, out);
        merges.pop_front();
        take_effects();
        for (const auto& [from, segment] : std::exchange(asked, {})) {
            EXPECT_TRUE(send(from, segment));
        }
        take_effects();
    }
    EXPECT_TRUE(exchange.complete());
    EXPECT_TRUE(merges.empty());
}

TEST(Exchange, KeepsContributionsOfHalfAModelForTheNextAttempt) {
    KeptContributions kept;
    constexpr std::uint32_t count = 200;
    for (std::uint32_t segment = 0; segment < count; ++segment) {
        kept.keep({.id = {"sl1"}}, segment, Blob::phantom(segment_bytes), count * segment_bytes);
    }
    EXPECT_TRUE(kept.find({.id = {"sl1"}}, count / 2 - 1));
    EXPECT_FALSE(kept.find({.id = {"sl1"}}, count / 2));
}

/// Of the nodes asked for merged segments at the start of an exchange, how many segments of each.
std::map<std::string, std::size_t> asked_for_merged(const std::string& self) {
    ExchangeSetup setup = setup_of(9, self, ExchangePlan::tree);
    const std::set<NodeId> others = others_of(setup);
    OwnContribution own = own_of(setup);
    setup.own = &own;
    Exchange exchange(std::move(setup));
    std::vector<Effect> effects;
    Outbox out(effects);
    exchange.start({}, others, out);
    std::map<std::string, std::size_t> asked;
    for (const Effect& effect : effects) {
        const auto* send = std::get_if<Send>(&effect);
        const auto* fetch =
            send == nullptr ? nullptr : std::get_if<FetchSegments>(&send->frame.message);
        if (fetch != nullptr && fetch->kind == SegmentKind::merged) {
            asked[send->to.name] += segments_in(fetch->ranges, segments).size();
        }
    }
    return asked;
}

/// When a member probes the centre of a star, of which no segment comes: seconds since the start.
///
/// \param owed  what the centre answers to each probe.
std::vector<int> probe_seconds(std::uint32_t owed) {
    ExchangeSetup setup = setup_of(2, "sl001", ExchangePlan::star);
    const NodeId centre{"sl000"};
    OwnContribution own = own_of(setup);
    setup.own = &own;
    Exchange exchange(std::move(setup));
    std::vector<Effect> effects;
    Outbox out(effects);
    exchange.start({}, {centre}, out);
    std::vector<int> probed;
    for (int second = 1; second <= 40; ++second) {
        const SwarmTime now = SwarmTime{} + std::chrono::seconds(second);
        exchange.on_tick(now, out);
        for (const Effect& effect : std::exchange(effects, {})) {
            const auto* send = std::get_if<Send>(&effect);
            const auto* probe =
                send == nullptr ? nullptr : std::get_if<FetchProbe>(&send->frame.message);
            if (probe != nullptr) {
                probed.push_back(second);
                exchange.on_probe_reply(now, centre, {probe->key, probe->serial, true, owed}, out);
            }
        }
    }
    return probed;
}

TEST(Exchange, APartnerThatIsSlowIsProbedMoreAndMoreRarely) {
    EXPECT_EQ(probe_seconds(segments), (std::vector<int>{5, 15, 35}));
}

TEST(Exchange, WhatIsLostAgainIsMissedAsSoonAsTheFirstTime) {
    EXPECT_EQ(probe_seconds(0), (std::vector<int>{5, 10, 15, 20, 25, 30, 35, 40}));
}

TEST(Exchange, InATreeEachGroupGetsEachMergedSegmentOnce) {
    std::size_t within = 0;
    std::size_t across = 0;
    for (int i = 3; i < 6; ++i) {  // the second of three groups of three
        for (const auto& [source, count] : asked_for_merged("sl00" + std::to_string(i))) {
            const bool near = source >= "sl003" && source <= "sl005";
            (near ? within : across) += count;
        }
    }
    EXPECT_EQ(across, segments * 6 / 9) << "those of six owners elsewhere";
    EXPECT_EQ(within, 3 * segments - across - segments / 3) << "own ones need no transfer";
}

}  // namespace
}  // namespace starling
