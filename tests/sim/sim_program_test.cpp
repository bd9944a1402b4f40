#include <chrono>
#include <cmath>
#include <thread>

#include <gtest/gtest.h>

#include "sim/sim_training.hpp"
#include "tests/sim/in_child.hpp"
#include "tests/sim/sim_support.hpp"

namespace starling {
namespace {

SyncedReply reply_to(const SyncRequest& request, Round round) {
    SyncedReply reply;
    reply.round = round;
    reply.final = request.check_in.finished;
    reply.params.push_back(Blob(Bytes(4)));
    return reply;
}

/// Answers a program's requests at once, and records their times: "open@800 sync0@800 ...", in ms.
struct Swarm {
    Swarm() : engine("test", {std::string("--cfg=") + SIM_CFG}, false) {
        if (!engine.load_platform(two_hosts_xml)) {
            throw std::runtime_error("platform");
        }
    }
    void asked(TrainRequest request) {
        const auto ms =
            std::chrono::duration_cast<std::chrono::microseconds>(engine.now().time_since_epoch());
        const std::string time = "@" + std::to_string(ms.count() / 1000) + " ";
        if (std::holds_alternative<OpenRequest>(request)) {
            seen += "open" + time;
            program->resume(OpenedReply{});
        } else if (const auto* sync = std::get_if<SyncRequest>(&request)) {
            seen += "sync" + std::to_string(sync->batches) + (sync->check_in.finished ? "f" : "") +
                    time;
            SyncedReply reply = reply_to(*sync, round++);
            reply.resumed = std::exchange(resumed, {});
            program->resume(std::move(reply));
        } else {
            const auto& end = std::get<ExitRequest>(request);
            seen += end.code == Errc::ok ? "exit" + time : "failed: " + end.reason;
        }
    }
    std::string run() {
        engine.at({}, [this] { program->resume(BeginReply{}); });
        engine.run();
        return seen;
    }

    SimEngine engine;
    WorkVariation variation{0.0, Random(1)};
    SimMachine machine{engine, 1.0, "machine", variation};
    SimHost host{machine, 1.0};
    SimHost slow_host{machine, 0.5};
    std::unique_ptr<SimProgram> program;
    std::optional<ProgramSnapshot> resumed;  ///< sent with the first reply
    std::string seen;
    Round round = 0;
};

std::string modelled(TrainingModel model) {
    return in_child([model] {
        Swarm swarm;
        swarm.program = make_modelled_program(swarm.host, std::make_shared<TrainingModel>(model),
                                              [&](TrainRequest r) { swarm.asked(std::move(r)); });
        return swarm.run();
    });
}

TrainingModel small() {
    TrainingModel model;
    model.parameters = 1;
    model.batch_time.seconds = 0.01;
    model.samples = 100;
    model.batch_size = 10;
    model.sync_frequency = 4;
    return model;
}

TEST(ModelledTraining, SyncsAtBeginEveryFewBatchesAndAtTheEnd) {
    EXPECT_EQ(modelled(small()), "open@800 sync0@800 sync4@840 sync4@880 sync2f@900 exit@900 ");
}

TEST(ModelledTraining, SyncsTwiceWhenTheEndIsASyncPoint) {
    TrainingModel model = small();
    model.sync_frequency = 5;
    EXPECT_EQ(modelled(model), "open@800 sync0@800 sync5@850 sync5@900 sync0f@900 exit@900 ");
}

TEST(ModelledTraining, ResumesWhereAnEarlierStartWasStopped) {
    const auto resumed_at = [](TrainingPosition position) {
        return in_child([position] {
            Swarm swarm;
            swarm.resumed = ProgramSnapshot{position, {}};
            TrainingModel model = small();
            model.epochs = 2;
            swarm.program =
                make_modelled_program(swarm.host, std::make_shared<TrainingModel>(model),
                                      [&](TrainRequest r) { swarm.asked(std::move(r)); });
            return swarm.run();
        });
    };
    EXPECT_EQ(resumed_at({1, 6}), "open@800 sync0@800 sync4@840 sync0f@840 exit@840 ");
    EXPECT_EQ(resumed_at({2, 0}), "open@800 sync0@800 sync0f@800 exit@800 ");
}

TEST(ModelledTraining, ReadsPropertiesAndNamesInvalidOnes) {
    const auto model =
        read_training_model({{"model.parameters", "1000"}, {"model.flops_per_batch", "1e9"}},
                            {{"MAX_EPOCHS", "3"}, {"MIN_PEERS", "4"}});
    ASSERT_TRUE(model);
    EXPECT_EQ(model->parameters, 1000u);
    EXPECT_DOUBLE_EQ(model->batch_time.seconds, 1.0);
    EXPECT_EQ(model->epochs, 3u);
    EXPECT_EQ(model->min_peers, 4u);
    const auto measured = read_training_model({{"model.workload", "toy"}}, {});
    ASSERT_TRUE(measured);
    EXPECT_EQ(measured->batch_time.workload, "toy");
    const auto both =
        read_training_model({{"model.workload", "toy"}, {"model.seconds_per_batch", "1"}}, {});
    ASSERT_FALSE(both);
    EXPECT_NE(both.error().message.find("model.seconds_per_batch and model.workload"),
              std::string::npos)
        << both.error().message;
    const auto wrong = read_training_model({{"model.samples", "many"}}, {});
    ASSERT_FALSE(wrong);
    EXPECT_NE(wrong.error().message.find("model.samples is 'many'"), std::string::npos);
    EXPECT_FALSE(read_training_model({}, {{"MAX_EPOCHS", "1.5"}}));
    const auto choices = read_training_model({}, {{"EXCHANGE", "tree"},
                                                  {"COMPRESS", "int8"},
                                                  {"MERGE", "krum:f=1"},
                                                  {"DURABLE", "quorum"},
                                                  {"SYNC_UNTIL", "merge"}});
    ASSERT_TRUE(choices) << choices.error().message;
    EXPECT_EQ(choices->exchange, ExchangePlan::tree);
    EXPECT_EQ(choices->compression.kind, Compression::int8);
    EXPECT_EQ(choices->merge.rule, MergeRule::krum);
    EXPECT_EQ(choices->durable, Durability::quorum);
    EXPECT_EQ(choices->sync_until, SyncUntil::merge);
    const auto some = read_training_model({}, {{"DURABLE", "some"}});
    ASSERT_FALSE(some);
    EXPECT_NE(some.error().message.find("environment variable DURABLE: 'some'"), std::string::npos)
        << some.error().message;
}

class OneFloat final : public ModelParameters {
public:
    OneFloat() : layout_(*ParamLayout::make({TensorSpec{"w", DType::f32, {1}, 0}})) {}
    const ParamLayout& layout() const override { return layout_; }
    void save(std::span<std::byte> out) const override {
        std::fill(out.begin(), out.end(), std::byte{});
    }
    void load(std::span<const Blob>) override {}

private:
    ParamLayout layout_;
};

/// Ten batches that each take `real` on the wall clock.
std::string real(std::chrono::milliseconds real, const std::string& workload, double spread = 0.0) {
    return in_child([real, workload, spread] {
        const auto train = [real, workload](SwarmSession& session) {
            OneFloat parameters;
            SwarmCallbackOptions options;
            options.sync_frequency = 4;
            options.workload = workload;
            SwarmCallback callback(session, parameters, options);
            callback.on_train_begin();
            for (int i = 0; i < 10; ++i) {
                const auto until = std::chrono::steady_clock::now() + real;
                while (std::chrono::steady_clock::now() < until) {  // busy
                }
                callback.on_batch_end(1.0);
            }
            callback.on_train_end();
        };
        Calibration table;
        table.workloads["w"] = {0.01, 0.8, {}, spread};
        Swarm swarm;
        swarm.program = make_real_program(
            swarm.slow_host, {"ml1"}, run_in_thread(train, {}), table,
            [&](TrainRequest r) { swarm.asked(std::move(r)); }, [](const TraceEvent&) {});
        std::string seen = swarm.run();
        swarm.program.reset();
        return seen;
    });
}

TEST(RealTraining, ChargesCalibratedTimeWhateverTheThreadsSpeed) {
    const std::string wanted = "open@1600 sync0@1600 sync4@1680 sync4@1760 sync2f@1800 exit@1800 ";
    EXPECT_EQ(real(std::chrono::milliseconds(0), "w"), wanted);
    EXPECT_EQ(real(std::chrono::milliseconds(3), "w"), wanted);
}

TEST(RealTraining, TimesBetweenSyncsDifferByTheMeasuredSpread) {
    const std::string seen = real(std::chrono::milliseconds(0), "w", 0.2);
    EXPECT_EQ(seen.find("sync4@1680"), std::string::npos) << seen;
    EXPECT_EQ(seen, real(std::chrono::milliseconds(0), "w", 0.2));
    EXPECT_EQ(seen.substr(0, 21), "open@1600 sync0@1600 ");
}

TEST(RealTraining, AMissingWorkloadEndsTheProgramAndSaysHowToMeasureIt) {
    const std::string seen = real(std::chrono::milliseconds(0), "other");
    EXPECT_EQ(seen.rfind("failed: ", 0), 0u) << seen;
    EXPECT_NE(seen.find("SWARM_CALIBRATE=FILE"), std::string::npos) << seen;
}

}  // namespace
}  // namespace starling
