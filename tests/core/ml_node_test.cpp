// What an ML node sends to its SL when it ends.
#include "core/ml/ml_node.hpp"

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

TEST_F(MlNodeTest, EndsAtOnceWhenTheConnectionIsUp) {
    step(Started{});
    step(sl_is_up);
    const std::vector<Effect> effects = step(program_fails());
    EXPECT_NE(goodbye_of(effects), nullptr);
    EXPECT_NE(stop_of(effects), nullptr);
}

}  // namespace
}  // namespace starling
