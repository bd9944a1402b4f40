// What an ML node sends to its SL when it ends, and while it stores its program's state.
#include "core/ml/ml_node.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "core/trace/event_fields.hpp"
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

/// An ML node whose program does not wait for the commit, after its first sync.
class GoesOnAtMerge : public StoresState {
protected:
    void SetUp() override {
        StoresState::SetUp();
        sync();
        stored();
        merged();
    }
    std::vector<Effect> next_sync(bool finished = false) {
        SyncRequest request;
        request.params = cut(Blob(Bytes(16)));
        request.snapshot = ProgramSnapshot{{1, 2}, Blob(Bytes(8))};
        request.until_merge = true;
        request.check_in.finished = finished;
        return step(WorkDone{train_work, TrainRequest{std::move(request)}});
    }
    /// The merged model of sync 1, not committed.
    std::vector<Effect> given() {
        frame(SyncDone{1, 1, 2, given_digest, false, false});
        return frame(MlSegment{1, 0}, Blob(Bytes(16)));
    }
    std::vector<Effect> other_committed() {
        frame(SyncDone{1, 1, 1, other_digest, false, true});
        return frame(MlSegment{1, 0}, Blob(Bytes(16)));
    }
    /// What the program gets.
    static const SyncedReply* reply(const std::vector<Effect>& effects) {
        for (const Effect& effect : effects) {
            const auto* start = std::get_if<StartWork>(&effect);
            const auto* train = start != nullptr ? std::get_if<TrainWork>(&start->what) : nullptr;
            if (train != nullptr) {
                return std::get_if<SyncedReply>(&train->reply);
            }
        }
        return nullptr;
    }

    static std::string round_of(const std::vector<Effect>& effects, std::string_view event) {
        for (const Effect& effect : effects) {
            const auto* report = std::get_if<Report>(&effect);
            if (report != nullptr && report->event.name == event) {
                return std::string(EventFields(report->event).text("round"));
            }
        }
        return "";
    }

    const Digest given_digest{{std::byte{1}}};
    const Digest other_digest{{std::byte{2}}};
};

TEST_F(GoesOnAtMerge, AndTheNextSyncWaitsForTheCommit) {
    EXPECT_TRUE(sent<SyncBegin>(next_sync())->until_merge);
    stored();
    const std::vector<Effect> taken = given();
    ASSERT_NE(reply(taken), nullptr);
    EXPECT_EQ(reply(taken)->digest, given_digest);
    ASSERT_NE(sent<ModelTaken>(taken), nullptr);
    EXPECT_EQ(sent<ModelTaken>(taken)->sequence, 1U);
    const std::vector<Effect> early = next_sync();
    EXPECT_EQ(sent<SyncBegin>(early), nullptr);
    EXPECT_FALSE(starts(early, store_work)) << "its slot holds the state of the last commit";
    const std::vector<Effect> committed = frame(SyncCommitted{1});
    ASSERT_NE(sent<SyncBegin>(committed), nullptr);
    EXPECT_EQ(sent<SyncBegin>(committed)->sequence, 2U);
    EXPECT_TRUE(starts(committed, store_work));
}

TEST_F(GoesOnAtMerge, AndSendsTheNextSyncAtOnceAfterTheCommit) {
    next_sync();
    stored();
    given();
    EXPECT_EQ(sent<SyncBegin>(frame(SyncCommitted{1})), nullptr);
    EXPECT_NE(sent<SyncBegin>(next_sync()), nullptr);
}

TEST_F(GoesOnAtMerge, BeforeItsStateIsStored) {
    next_sync();
    EXPECT_NE(reply(given()), nullptr);
    frame(SyncCommitted{1});
    EXPECT_EQ(sent<SyncBegin>(next_sync()), nullptr) << "a slot is still being written";
    const std::vector<Effect> effects = stored();
    EXPECT_NE(sent<SyncBegin>(effects), nullptr);
    EXPECT_EQ(round_of(effects, "state_kept"), "1");
}

TEST_F(GoesOnAtMerge, AndGetsWhatWasCommittedInsteadAtTheNextSync) {
    next_sync();
    stored();
    given();
    EXPECT_EQ(reply(other_committed()), nullptr) << "the program trains";
    const std::vector<Effect> replaced = next_sync();
    EXPECT_EQ(sent<SyncBegin>(replaced), nullptr) << "its parameters are of the other model";
    ASSERT_NE(reply(replaced), nullptr);
    EXPECT_EQ(reply(replaced)->digest, other_digest);
    EXPECT_TRUE(reply(replaced)->replaced);
    ASSERT_TRUE(reply(replaced)->resumed) << "its state at the last sync";
    EXPECT_EQ(reply(replaced)->resumed->position, (TrainingPosition{1, 2}));
    EXPECT_EQ(sent<SyncBegin>(next_sync())->sequence, 2U);
}

TEST_F(GoesOnAtMerge, AndGetsWhatWasCommittedInsteadWhileItWaits) {
    next_sync();
    stored();
    given();
    next_sync();
    const std::vector<Effect> replaced = other_committed();
    ASSERT_NE(reply(replaced), nullptr);
    EXPECT_TRUE(reply(replaced)->replaced);
}

TEST_F(GoesOnAtMerge, ButNotInItsLastSync) {
    EXPECT_FALSE(sent<SyncBegin>(next_sync(true))->until_merge);
}

TEST_F(GoesOnAtMerge, AndIgnoresASecondModelOrCommit) {
    next_sync();
    stored();
    EXPECT_EQ(frame(SyncCommitted{1}).size(), 1U) << "a report that it is ignored";
    given();
    EXPECT_EQ(reply(given()), nullptr);
    next_sync();
    EXPECT_EQ(sent<SyncBegin>(frame(SyncCommitted{0})), nullptr);
    EXPECT_NE(sent<SyncBegin>(frame(SyncCommitted{1})), nullptr);
    EXPECT_EQ(sent<SyncBegin>(frame(SyncCommitted{1})), nullptr);
}

TEST_F(StoresState, AnUncommittedModelIsRefusedInASyncThatWaitsForTheCommit) {
    sync();
    stored();
    frame(SyncDone{0, 0, 2, {}, false, false});
    EXPECT_FALSE(starts(frame(MlSegment{0, 0}, Blob(Bytes(16))), train_work));
    EXPECT_TRUE(starts(merged(), train_work));
}

TEST_F(GoesOnAtMerge, AndIsToldThatTheSlWasLostMeanwhile) {
    next_sync();
    stored();
    given();
    next_sync();
    const std::vector<Effect> effects = step(PeerLost{{"sl1"}, "reset"});
    EXPECT_TRUE(starts(effects, train_work)) << "the program gets the error";
    EXPECT_EQ(reply(effects), nullptr);
}

TEST_F(StoresState, WaitsForTheCommitInTheFirstSync) {
    SyncRequest request;
    request.params = cut(Blob(Bytes(16)));
    request.until_merge = true;
    const auto effects = step(WorkDone{train_work, TrainRequest{std::move(request)}});
    EXPECT_FALSE(sent<SyncBegin>(effects)->until_merge);
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
