// Serving the committed model to other members, and how long a node lingers for them at the end.
#include "core/sl/model_server.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

using std::chrono::seconds;

SwarmTime at(int second) { return SwarmTime{} + seconds(second); }

class ModelServerTest : public testing::Test {
protected:
    static CommittedModel model(Round round) {
        CommittedModel model{.key = {"c", 0, round, 0}, .commit = {.round = round}};
        model.segments.resize(3);
        return model;
    }
    static FetchSegments fetch(Round round, std::vector<SegmentRange> ranges) {
        return {{"c", 0, round, 0}, SegmentKind::merged, std::move(ranges)};
    }
    std::size_t sent_now() {
        std::size_t count = 0;
        for (const Effect& effect : effects) {
            count += std::holds_alternative<Send>(effect) ? 1U : 0U;
        }
        effects.clear();
        return count;
    }

    const NodeId peer{"sl2"};
    std::vector<Effect> effects;
    Outbox out{effects};
    ModelServer server{seconds(10)};
};

TEST_F(ModelServerTest, ServesTheNewestModelOnly) {
    server.hold(model(3), out);
    server.hold(model(4), out);
    EXPECT_FALSE(server.on_fetch(at(0), peer, fetch(3, {{0, 3}}), out));
    EXPECT_TRUE(server.on_fetch(at(0), peer, fetch(4, {{0, 3}}), out));
    EXPECT_EQ(sent_now(), 3U);
}

TEST_F(ModelServerTest, HoldsAModelOnTheDiskOnceItIsThere) {
    server.hold(model(3), out);
    Digest other;
    other.bytes[0] = std::byte{1};
    const Segments stored(3, Blob::phantom(7));
    server.on_stored({{"c", 0, 2, 0}, {}, stored});
    server.on_stored({{"c", 0, 3, 0}, other, stored});  // this node had merged another one
    server.on_stored({{"c", 0, 3, 0}, {}, {}});
    EXPECT_EQ(server.model()->segments.front().size(), 0U);
    server.on_stored({{"c", 0, 3, 0}, {}, stored});
    EXPECT_EQ(server.model()->segments.front().size(), 7U);
}

TEST_F(ModelServerTest, ServesRepeatedRequestsSixteenTimesPerConnection) {
    server.hold(model(3), out);
    for (int i = 0; i < 20; ++i) {
        server.on_fetch(at(i), peer, fetch(3, {{0, 1}}), out);
    }
    EXPECT_EQ(sent_now(), std::size_t{ServedSegments::copies_max});
    server.on_connection_changed(peer);
    server.on_fetch(at(30), peer, fetch(3, {{0, 1}}), out);
    EXPECT_EQ(sent_now(), 1U);
}

TEST_F(ModelServerTest, LingersWhileAPeerFetches) {
    server.hold(model(3), out);
    server.begin_linger(at(100), out);
    server.on_probe(at(105), peer, {.key = {"c", 0, 3, 0}, .serial = 1}, out);
    EXPECT_TRUE(server.lingers_on(at(110), 1'000'000, out));  // until second 115
    EXPECT_FALSE(server.lingers_on(at(115), 1'000'000, out));
}

TEST_F(ModelServerTest, StopsLingeringAtTheLimit) {
    server.hold(model(3), out);
    server.begin_linger(at(0), out);
    int second = 0;
    do {
        second += 10;
        server.on_fetch(at(second), peer, fetch(3, {{0, 1}}), out);
    } while (second < 10'000 && server.lingers_on(at(second), 500'000, out));
    EXPECT_EQ(second, 510);  // the linger time, and 500 kB at 1 kB/s
}

}  // namespace
}  // namespace starling
