// SwarmCallback in a program of its own thread; the test acts as the ML node.
#include <cstring>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "core/ml/swarm.hpp"
#include "core/ml/training_thread.hpp"

namespace starling::test {
namespace {

class Floats final : public ModelParameters {
public:
    explicit Floats(std::size_t count) : values(count, 0.0F) {
        layout_ = *ParamLayout::make({{"w", DType::f32, {static_cast<std::int64_t>(count)}, 0}});
    }
    const ParamLayout& layout() const override { return layout_; }
    void save(std::span<std::byte> out) const override {
        std::memcpy(out.data(), values.data(), out.size());
    }
    void load(std::span<const Blob> segments) override {
        copy_bytes(segments, 0, std::as_writable_bytes(std::span(values)));
    }

    std::vector<float> values;

private:
    ParamLayout layout_;
};

/// Runs a program that opens a session with these options, up to its first request.
TrainRequest first_request(const SwarmCallbackOptions& options) {
    const TrainFunction train = [&](SwarmSession& session) {
        Floats parameters(3);
        const SwarmCallback callback(session, parameters, options);
    };
    TrainingThread thread(train, {}, {});
    thread.resume(BeginReply{});
    thread.wait(0);
    return thread.take_request();
}

TEST(SwarmCallback, OpensTheSessionWithTheMergeRuleOfThisName) {
    const TrainRequest request = first_request({});
    const auto* open = std::get_if<OpenRequest>(&request);
    ASSERT_NE(open, nullptr);
    EXPECT_EQ(to_string(open->config.merge), "mean");
    SwarmCallbackOptions options;
    options.merge_rule = "trimmed-mean:beta=0.2";
    const TrainRequest trimmed = first_request(options);
    ASSERT_TRUE(std::holds_alternative<OpenRequest>(trimmed));
    EXPECT_EQ(to_string(std::get<OpenRequest>(trimmed).config.merge), "trimmed-mean:beta=0.2");
}

TEST(SwarmCallback, AMergeRuleThatNeedsMoreMembersEndsTheProgram) {
    SwarmCallbackOptions options;
    options.merge_rule = "krum:f=2";
    options.min_peers = 6;
    const TrainRequest request = first_request(options);
    ASSERT_TRUE(std::holds_alternative<ExitRequest>(request));
    EXPECT_EQ(std::get<ExitRequest>(request).reason,
              "SwarmCallback: merge rule 'krum:f=2,select=1' needs at least 7 members, but "
              "min_peers is 6");
}

TEST(SwarmCallback, AnUnknownMergeRuleEndsTheProgramAndListsTheKnownOnes) {
    SwarmCallbackOptions options;
    options.merge_rule = "median";
    const TrainRequest request = first_request(options);
    const auto* end = std::get_if<ExitRequest>(&request);
    ASSERT_NE(end, nullptr);
    EXPECT_EQ(end->code, Errc::usage);
    EXPECT_TRUE(end->reason.starts_with(
        "SwarmCallback: 'median' is not a merge rule: one of mean, coordinate-median, "))
        << end->reason;
}

TEST(SwarmCallback, SendsTheParametersInSegments) {
    constexpr std::size_t count = segment_bytes / sizeof(float) + 3;
    const TrainFunction train = [&](SwarmSession& session) {
        Floats parameters(count);
        std::iota(parameters.values.begin(), parameters.values.end(), 1.0F);
        SwarmCallback callback(session, parameters, {});
        callback.on_train_begin();
    };
    TrainingThread thread(train, {}, {});
    const auto answer = [&](TrainReply reply) {
        thread.resume(std::move(reply));
        thread.wait(std::numeric_limits<std::uint64_t>::max());  // not for a batch
        return thread.take_request();
    };
    answer(BeginReply{});
    const TrainRequest request = answer(OpenedReply{0, 1});
    const auto* sync = std::get_if<SyncRequest>(&request);
    ASSERT_NE(sync, nullptr);
    ASSERT_TRUE(is_whole(sync->params, count * sizeof(float)));
    std::vector<float> sent(count);
    copy_bytes(sync->params, 0, std::as_writable_bytes(std::span(sent)));
    EXPECT_EQ(sent.front(), 1.0F);
    EXPECT_EQ(sent.back(), static_cast<float>(count));
    answer(FailedReply{{Errc::aborted, "x"}});
}

TEST(SwarmCallback, LoadsTheSegmentsOfTheMergedModel) {
    const std::size_t count = segment_bytes / sizeof(float) + 3;
    std::vector<float> loaded;
    const TrainFunction train = [&](SwarmSession& session) {
        Floats parameters(count);
        SwarmCallback callback(session, parameters, {});
        callback.on_train_begin();
        loaded = parameters.values;
    };
    TrainingThread thread(train, {}, {});
    const auto answer = [&](TrainReply reply) {
        thread.resume(std::move(reply));
        thread.wait(std::numeric_limits<std::uint64_t>::max());
        return thread.take_request();
    };
    answer(BeginReply{});
    answer(OpenedReply{0, 1});
    std::vector<float> merged(count);
    std::iota(merged.begin(), merged.end(), 1.0F);
    const auto bytes = std::as_bytes(std::span(merged));
    const Segments segments = cut(Blob(Bytes(bytes.begin(), bytes.end())));
    answer(SyncedReply{0, {}, segments, false, {}});
    EXPECT_EQ(loaded, merged);
}

/// A program that does not wait for commits: two syncs in training, and the last one.
class TrainsBeforeTheCommit : public testing::Test {
protected:
    TrainReply synced(Round round, float value, bool replaced = false, bool final = false) const {
        SyncedReply reply;
        reply.round = round;
        Bytes bytes(sizeof(float));
        std::memcpy(bytes.data(), &value, sizeof value);
        reply.params = cut(Blob(std::move(bytes)));
        reply.digest.bytes[0] = static_cast<std::byte>(value);
        reply.replaced = replaced;
        if (replaced) {
            reply.resumed = ProgramSnapshot{{0, 1}, Blob(Bytes{std::byte{10}})};
        }
        reply.final = final;
        return reply;
    }
    TrainRequest answer(TrainReply reply) {
        thread.resume(std::move(reply));
        thread.wait(std::numeric_limits<std::uint64_t>::max());  // not for a batch
        return thread.take_request();
    }
    static std::byte state_of(const TrainRequest& request) {
        return std::get<SyncRequest>(request).snapshot->state.view()[0];
    }
    static float value_of(const TrainRequest& request) {
        float value = 0.0F;
        copy_bytes(std::get<SyncRequest>(request).params, 0,
                   std::as_writable_bytes(std::span(&value, 1)));
        return value;
    }

    /// One byte.
    struct Optimiser final : public ProgramState {
        Bytes save() const override { return Bytes{value}; }
        Result<void> load(ByteView in) override {
            value = in[0];
            return {};
        }
        std::byte value{1};
    };
    Optimiser state;
    std::uint64_t rounds = 0;
    TrainingThread thread{[this](SwarmSession& session) {
                              Floats parameters(1);
                              SwarmCallbackOptions options;
                              options.sync_frequency = 1;
                              options.sync_until = SyncUntil::merge;
                              options.state = &state;
                              SwarmCallback callback(session, parameters, options);
                              callback.on_train_begin();
                              for (int batch = 0; batch < 2; ++batch) {
                                  parameters.values[0] += 1.0F;
                                  state.value = static_cast<std::byte>(10 + batch);
                                  callback.report("loss", batch);
                                  callback.on_batch_end(0.0);
                              }
                              callback.on_train_end();
                              rounds = callback.rounds();
                          },
                          {},
                          {}};
};

TEST_F(TrainsBeforeTheCommit, AndGoesOnFromTheModelThatReplacesTheOther) {
    answer(BeginReply{});
    answer(OpenedReply{0, 1});
    const TrainRequest first = answer(synced(0, 10.0F));
    EXPECT_TRUE(std::get<SyncRequest>(first).until_merge);
    EXPECT_EQ(value_of(first), 11.0F);
    const TrainRequest second = answer(synced(1, 20.0F));
    EXPECT_EQ(value_of(second), 21.0F);
    EXPECT_EQ(state_of(second), std::byte{11});
    // The second batch was of a model that was not committed. The program has no third one.
    const TrainRequest last = answer(synced(1, 30.0F, true));
    EXPECT_TRUE(std::get<SyncRequest>(last).check_in.finished);
    EXPECT_EQ(value_of(last), 30.0F);
    EXPECT_EQ(state_of(last), std::byte{10}) << "as it was at the sync before";
    EXPECT_EQ(std::get<SyncRequest>(last).check_in.scalars->size(), 1U) << "not reported yet";
    answer(synced(2, 40.0F, false, true));
    EXPECT_EQ(rounds, 3U);
}

TEST_F(TrainsBeforeTheCommit, AndHandsInTheModelThatReplacesTheOtherAtTheEnd) {
    answer(BeginReply{});
    answer(OpenedReply{0, 1});
    answer(synced(0, 10.0F));
    answer(synced(1, 20.0F));
    EXPECT_TRUE(std::get<SyncRequest>(answer(synced(2, 25.0F))).check_in.finished);
    const TrainRequest again = answer(synced(2, 30.0F, true));
    EXPECT_TRUE(std::get<SyncRequest>(again).check_in.finished);
    EXPECT_EQ(value_of(again), 30.0F);
    const TrainRequest exit = answer(synced(3, 40.0F, false, true));
    ASSERT_TRUE(std::holds_alternative<ExitRequest>(exit));
    EXPECT_EQ(std::get<ExitRequest>(exit).code, Errc::ok);
}

}  // namespace
}  // namespace starling::test
