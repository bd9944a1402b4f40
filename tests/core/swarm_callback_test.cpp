// SwarmCallback in a program of its own thread; the test plays the ML node that answers it.
#include <cstring>

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
    void load(ByteView in) override { std::memcpy(values.data(), in.data(), in.size()); }

    std::vector<float> values;

private:
    ParamLayout layout_;
};

/// A program that opens a session with these options, until its next request after it began.
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
    EXPECT_EQ(open->config.merge_rule, MergeRule::mean);
}

TEST(SwarmCallback, AMergeRuleThatIsNotKnownEndsTheProgramWithThoseThatAre) {
    SwarmCallbackOptions options;
    options.merge_rule = "median";
    const TrainRequest request = first_request(options);
    const auto* end = std::get_if<ExitRequest>(&request);
    ASSERT_NE(end, nullptr);
    EXPECT_EQ(end->code, Errc::usage);
    EXPECT_EQ(end->reason, "SwarmCallback: 'median' is no merge rule: one of mean");
}

}  // namespace
}  // namespace starling::test
