// What an ML node sends to its SL when it ends, and while it stores its program's state.
#include "core/ml/ml_node.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "transport/crypto/openssl_hasher.hpp"

namespace starling {
namespace {

class MlNodeTest : public testing::Test {
protected:
    std::vector<Effect> step(const Input& input) {
        std::vector<Effect> effects;
        node->step(SwarmTime{}, input, effects);
        return effects;
    }
    static Input program_fails() {
        return WorkDone{1, TrainRequest{ExitRequest{Errc::usage, "unknown flag"}}};
    }
    static const Stop* stop_of(const std::vector<Effect>& effects) {
        return effects.empty() ? nullptr : std::get_if<Stop>(&effects.back());
    }
    static const CloseSession* goodbye_of(const std::vector<Effect>& effects) {
        for (const Effect& effect : effects) {
            if (const auto* send = std::get_if<Send>(&effect)) {
                return std::get_if<CloseSession>(&send->frame.message);
            }
        }
        return nullptr;
    }

    std::unique_ptr<Node> node = make_ml_node({{"ml1"}, {"/sl.sock", 0}}, openssl_hasher());
    const PeerUp sl_is_up{{"sl1"}, Role::sl, {"/sl.sock", 0}};
};

TEST_F(MlNodeTest, AFailureBeforeTheConnectionIsUpIsReported) {
    step(Started{});
    EXPECT_EQ(stop_of(step(program_fails())), nullptr) << "not reported yet";
    const std::vector<Effect> effects = step(sl_is_up);
    ASSERT_NE(goodbye_of(effects), nullptr);
    EXPECT_EQ(goodbye_of(effects)->code, Errc::usage);
    ASSERT_NE(stop_of(effects), nullptr);
    EXPECT_EQ(stop_of(effects)->exit_code, exit_code::usage);
}

TEST_F(MlNodeTest, AStopBeforeTheConnectionIsUpIsReported) {
    step(Started{});
    EXPECT_EQ(stop_of(step(StopRequested{"SIGTERM"})), nullptr);
    const std::vector<Effect> effects = step(sl_is_up);
    ASSERT_NE(goodbye_of(effects), nullptr);
    EXPECT_EQ(goodbye_of(effects)->code, Errc::aborted);
    EXPECT_NE(stop_of(effects), nullptr);
}

TEST_F(MlNodeTest, EndsAtOnceIfNoSlCanBeReached) {
    step(Started{});
    EXPECT_EQ(stop_of(step(program_fails())), nullptr);
    const std::vector<Effect> effects =
        step(ConnectFailed{{"/sl.sock", 0}, {Errc::unreachable, "nobody"}, false});
    ASSERT_NE(stop_of(effects), nullptr);
    EXPECT_EQ(stop_of(effects)->exit_code, exit_code::usage);
}

/// An ML node that keeps its program's state, and has an open session.
class StoresState : public MlNodeTest {
protected:
    static constexpr std::uint64_t train_work = 1;
    static constexpr std::uint64_t store_work = 2;

    void SetUp() override {
        MlNodeOptions options{{"ml1"}, {"/sl.sock", 0}};
        options.keeps_state = true;
        node = make_ml_node(std::move(options), openssl_hasher());
        step(Started{});
        step(sl_is_up);
        OpenRequest open;
        open.layout =
            std::make_shared<const ParamLayout>(*ParamLayout::make({{"w", DType::f32, {4}}}));
        step(WorkDone{train_work, TrainRequest{std::move(open)}});
        frame(SessionOpened{0, 0, 1});
    }
    std::vector<Effect> frame(Message message, Blob body = {}) {
        return step(FrameReceived{{"sl1"}, {std::move(message), std::move(body)}});
    }
    std::vector<Effect> sync() {
        SyncRequest request;
        request.params = cut(Blob(Bytes(16)));
        request.snapshot = ProgramSnapshot{{1, 2}, Blob(Bytes(8))};
        return step(WorkDone{train_work, TrainRequest{std::move(request)}});
    }
    std::vector<Effect> merged() {
        frame(SyncDone{0, 0, 2, {}, false});
        return frame(MlSegment{0, 0}, Blob(Bytes(16)));
    }
    std::vector<Effect> stored() { return step(WorkDone{store_work, KeptReply{}}); }
    template <typename M>
    static const M* sent(const std::vector<Effect>& effects) {
        const M* found = nullptr;
        for (const Effect& effect : effects) {
            const auto* send = std::get_if<Send>(&effect);
            if (send != nullptr && std::holds_alternative<M>(send->frame.message)) {
                found = &std::get<M>(send->frame.message);
            }
        }
        return found;
    }
    static bool starts(const std::vector<Effect>& effects, std::uint64_t work) {
        return std::ranges::any_of(effects, [&](const Effect& effect) {
            const auto* start = std::get_if<StartWork>(&effect);
            return start != nullptr && start->work == work;
        });
    }
};

TEST_F(StoresState, WhileTheParametersAreSent) {
    const std::vector<Effect> effects = sync();
    EXPECT_TRUE(starts(effects, store_work));
    ASSERT_NE(sent<SyncBegin>(effects), nullptr);
    EXPECT_TRUE(sent<SyncBegin>(effects)->stores_state);
    EXPECT_NE(sent<MlSegment>(effects), nullptr);
    const std::vector<Effect> after = stored();
    ASSERT_NE(sent<StateStored>(after), nullptr);
    EXPECT_EQ(sent<StateStored>(after)->sequence, 0U);
    EXPECT_TRUE(starts(merged(), train_work));
}

TEST_F(StoresState, TheProgramWaitsForItIfAModelComesBefore) {
    sync();
    EXPECT_FALSE(starts(merged(), train_work));
    EXPECT_TRUE(starts(stored(), train_work));
}

TEST_F(StoresState, TheSlIsToldAtOnceThatItFails) {
    sync();
    const std::vector<Effect> effects =
        step(WorkDone{store_work, KeptReply{.code = Errc::io, .reason = "full"}});
    ASSERT_NE(sent<CloseSession>(effects), nullptr);
    EXPECT_EQ(sent<CloseSession>(effects)->code, Errc::io);
    EXPECT_TRUE(starts(effects, train_work)) << "the program is told, too";
}

TEST_F(StoresState, WhatIsStoredAfterAFailureTellsNobody) {
    sync();
    frame(SessionFailed{Errc::aborted, "over"});
    EXPECT_TRUE(stored().empty());
}

TEST_F(MlNodeTest, EndsAtOnceWhenTheConnectionIsUp) {
    step(Started{});
    step(sl_is_up);
    const std::vector<Effect> effects = step(program_fails());
    EXPECT_NE(goodbye_of(effects), nullptr);
    EXPECT_NE(stop_of(effects), nullptr);
}

}  // namespace
}  // namespace starling
