// Fetching a missed round's model: which results of work are accepted, and what follows a wrong
// model.
#include "core/sl/catch_up.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

TEST(WorkId, CanBeRestoredFromItsNumber) {
    const WorkId merge{
        .kind = WorkId::Kind::merge, .serial = 0xfedcba98, .segment = (1U << 29U) - 1};
    const WorkId keep{.kind = WorkId::Kind::keep_fetched, .serial = 7};
    EXPECT_EQ(WorkId::of(merge.number()), merge);
    EXPECT_EQ(WorkId::of(keep.number()), keep);
    EXPECT_FALSE(merge.is_of_fetch());
    EXPECT_TRUE(keep.is_of_fetch());
}

class CatchUpTest : public testing::Test {
protected:
    static constexpr std::uint64_t bytes = 16;

    static Commit commit(Round round) {
        return {.round = round, .members = {{.id = {"sl2"}}, {.id = {"sl3"}}}};
    }
    void begin(Round round) {
        catch_up.begin({}, {"c", 0, round, 0}, commit(round), layout, minutes(10), out);
        EXPECT_FALSE(catch_up.on_tick({}, {{"sl2"}, {"sl3"}}, out));
    }
    /// Receives the model's only segment. \return the work that this starts.
    WorkId receive(Round round, std::byte first = {}) {
        Bytes segment(bytes);
        segment[0] = first;
        effects.clear();
        catch_up.on_segment({}, catch_up.source()->id, {{"c", 0, round, 0}, SegmentKind::merged, 0},
                            Blob(segment), out);
        const auto* work = effects.empty() ? nullptr : std::get_if<StartWork>(&effects.back());
        EXPECT_NE(work, nullptr);
        return work == nullptr ? WorkId{} : WorkId::of(work->work);
    }

    const std::shared_ptr<const ParamLayout> layout = std::make_shared<const ParamLayout>(
        *ParamLayout::make({{"w", DType::f32, {bytes / 4}, 0}}));
    std::vector<Effect> effects;
    Outbox out{effects};
    CatchUp catch_up{NodeId{"sl1"}, minutes(5)};
};

TEST_F(CatchUpTest, HashesAndStoresTheModel) {
    begin(3);
    const WorkId hash = receive(3);
    EXPECT_EQ(hash.kind, WorkId::Kind::hash_fetched);
    EXPECT_TRUE(catch_up.awaits(hash));
    EXPECT_TRUE(catch_up.on_hashed({}, Digest{}, out));
    EXPECT_TRUE(catch_up.start_keeping(out));
    EXPECT_EQ(WorkId::of(std::get<StartWork>(effects.back()).work).kind,
              WorkId::Kind::keep_fetched);
    EXPECT_EQ(catch_up.finish(out).commit.round, 3U);
    EXPECT_FALSE(catch_up.running());
}

/// A node that goes on before its disk has the model may fetch the next one meanwhile.
TEST_F(CatchUpTest, WritesOneModelAtATimeAndOnlyTheNewestOfThoseThatWait) {
    const auto kept = [&] {
        const auto& work = std::get<StartWork>(effects.back());
        return std::get<KeepWork>(work.what).model.key.round;
    };
    begin(3);
    receive(3);
    EXPECT_TRUE(catch_up.on_hashed({}, Digest{}, out));
    EXPECT_TRUE(catch_up.start_keeping(out));
    EXPECT_EQ(kept(), 3U);
    catch_up.finish(out);
    for (const Round next : {4U, 5U}) {
        begin(next);
        receive(next);
        EXPECT_TRUE(catch_up.on_hashed({}, Digest{}, out));
        EXPECT_FALSE(catch_up.start_keeping(out));
    }
    catch_up.on_kept();
    EXPECT_TRUE(catch_up.start_keeping(out));
    EXPECT_EQ(kept(), 5U);
    EXPECT_TRUE(catch_up.awaits(WorkId::of(std::get<StartWork>(effects.back()).work)));
    EXPECT_FALSE(catch_up.start_keeping(out)) << "it is being written";
    catch_up.finish(out);
    catch_up.on_kept();
    EXPECT_FALSE(catch_up.start_keeping(out)) << "nothing is left";
}

TEST_F(CatchUpTest, IgnoresResultsOfAnEarlierFetch) {
    begin(3);
    const WorkId hash = receive(3);
    begin(4);
    EXPECT_FALSE(catch_up.awaits(hash));
    EXPECT_TRUE(catch_up.awaits(receive(4)));
    EXPECT_FALSE(catch_up.awaits(hash));
}

TEST_F(CatchUpTest, AsksTheNextSourceAfterAWrongModel) {
    begin(3);
    receive(3);
    const NodeId first = catch_up.source()->id;
    Digest other;
    other.bytes[0] = std::byte{1};
    EXPECT_FALSE(catch_up.on_hashed({}, other, out));
    EXPECT_NE(catch_up.source()->id, first);
    EXPECT_EQ(catch_up.transfer().received_bytes, 0U);
}

TEST_F(CatchUpTest, ASourceThatSendsAByteNowAndThenIsLeftAfterItsLimit) {
    begin(3);
    const NodeId first = catch_up.source()->id;
    const auto drips_until = [&](SwarmDuration end) {
        for (SwarmDuration at{0}; at <= end; at += seconds(10)) {
            Arrivals arrivals;
            arrivals.body_bytes[first] = static_cast<std::uint64_t>(at / seconds(10)) + 1;
            catch_up.on_arrivals(SwarmTime{} + at, arrivals);
            EXPECT_FALSE(catch_up.on_tick(SwarmTime{} + at, {{"sl2"}, {"sl3"}}, out));
        }
        return catch_up.source()->id;
    };
    EXPECT_EQ(drips_until(minutes(10)), first);
    EXPECT_NE(drips_until(minutes(10) + seconds(10)), first);
}

TEST_F(CatchUpTest, GivesUpAfterTheLimitWithoutProgress) {
    begin(3);
    EXPECT_FALSE(catch_up.on_tick(SwarmTime{} + minutes(5), {}, out));
    const auto end = catch_up.on_tick(SwarmTime{} + minutes(5) + seconds(1), {}, out);
    ASSERT_TRUE(end);
    EXPECT_EQ(end->how, NodeEnd::How::crash);
}

TEST_F(CatchUpTest, NamesTheOwnersOfDifferingSegments) {
    Deviation own{.round = 3, .merged = {Blob(Bytes(bytes))}, .owners = {{"sl2"}}};
    catch_up.note_deviation(own);
    begin(3);
    receive(3, std::byte{1});
    const std::vector<DifferentSegments> found = catch_up.take_differences(3, catch_up.segments());
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].owner, NodeId{"sl2"});
    EXPECT_TRUE(catch_up.take_differences(3, catch_up.segments()).empty());
}

/// A model that an earlier run ended with, too.
TEST_F(CatchUpTest, NamesTheOwnersThoughTheAgreedModelNeedNotBeFetched) {
    const Deviation own{.round = 3, .merged = {Blob(Bytes(bytes))}, .owners = {{"sl2"}}};
    const Segments agreed{Blob(Bytes(bytes, std::byte{1}))};
    catch_up.note_deviation(own);
    EXPECT_EQ(catch_up.take_differences(3, agreed).size(), 1U);
    catch_up.note_deviation(own);
    EXPECT_TRUE(catch_up.take_differences(4, agreed).empty()) << "of another round";
}

}  // namespace
}  // namespace starling
