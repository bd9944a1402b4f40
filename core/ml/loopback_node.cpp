#include "core/ml/ml_node.hpp"

namespace starling {
namespace {

class LoopbackNode final : public Node {
public:
    explicit LoopbackNode(NodeId id) : id_(std::move(id)) {}

    const NodeId& id() const override { return id_; }
    Role role() const override { return Role::ml; }

    void step(SwarmTime, const Input& input, std::vector<Effect>& effects) override {
        if (std::holds_alternative<Started>(input)) {
            effects.push_back(
                Report{TraceEvent("loopback")
                           .log(Level::info, "SwarmCallback",
                                "SWARM_LOOPBACK is set: training alone, without a swarm")});
            resume(BeginReply{}, effects);
        } else if (const auto* done = std::get_if<WorkDone>(&input)) {
            on_work(*done, effects);
        } else if (const auto* stop = std::get_if<StopRequested>(&input)) {
            effects.push_back(Stop{exit_code::aborted, stop->reason});
        }
    }

private:
    /// Numbers of work that this node starts.
    static constexpr std::uint64_t train_work = 1;
    static constexpr std::uint64_t hash_work = 2;

    void on_work(const WorkDone& done, std::vector<Effect>& effects) {
        if (const auto* digest = std::get_if<Digest>(&done.result)) {
            resume(SyncedReply{round_++, *digest, std::move(params_), finished_, {}}, effects);
            return;
        }
        const auto& request = std::get<TrainRequest>(done.result);
        if (const auto* sync = std::get_if<SyncRequest>(&request)) {
            finished_ = sync->check_in.finished;
            params_ = cut(sync->params);
            effects.push_back(StartWork{hash_work, HashWork{params_}});
        } else if (const auto* exit = std::get_if<ExitRequest>(&request)) {
            if (exit->code != Errc::ok) {
                effects.push_back(
                    Report{TraceEvent("program_failed").log(Level::error, "ml", exit->reason)});
            }
            effects.push_back(Stop{exit_code_of(exit->code), exit->reason});
        } else {
            resume(OpenedReply{0, 1}, effects);
        }
    }

    void resume(TrainReply reply, std::vector<Effect>& effects) {
        effects.push_back(StartWork{train_work, TrainWork{std::move(reply)}});
    }

    NodeId id_;
    Segments params_;
    Round round_ = 0;
    bool finished_ = false;
};

}  // namespace

std::unique_ptr<Node> make_loopback_node(NodeId id) {
    return std::make_unique<LoopbackNode>(std::move(id));
}

}  // namespace starling
