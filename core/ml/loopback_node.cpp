#include "core/ml/ml_node.hpp"
#include "core/node/outbox.hpp"
#include "core/params/model_digest.hpp"

namespace starling {
namespace {

class LoopbackNode final : public Node {
public:
    LoopbackNode(NodeId id, const Hasher& hasher) : id_(std::move(id)), hasher_(hasher) {}

    const NodeId& id() const override { return id_; }
    Role role() const override { return Role::ml; }

    void step(SwarmTime, const Input& input, std::vector<Effect>& effects) override {
        Outbox out(effects);
        if (std::holds_alternative<Started>(input)) {
            out.report(TraceEvent("loopback")
                           .log(Level::info, "SwarmCallback", "Training alone, without a swarm"));
            resume(BeginReply{}, out);
        } else if (const auto* done = std::get_if<WorkDone>(&input)) {
            on_work(*done, out);
        } else if (const auto* stop = std::get_if<StopRequested>(&input)) {
            out.stop(exit_code::aborted, stop->reason);
        }
    }

private:
    /// Numbers of work that this node starts.
    static constexpr std::uint64_t train_work = 1;
    static constexpr std::uint64_t hash_work = 2;

    void on_work(const WorkDone& done, Outbox& out) {
        if (const auto* hashed = std::get_if<SegmentDigests>(&done.result)) {
            std::vector<Digest> digests;
            for (const auto& [index, digest] : hashed->digests) {
                digests.push_back(digest);
            }
            resume(
                SyncedReply{
                    round_++, model_digest(digests, hasher_), std::move(params_), finished_, {}},
                out);
            return;
        }
        const auto& request = std::get<TrainRequest>(done.result);
        if (const auto* sync = std::get_if<SyncRequest>(&request)) {
            finished_ = sync->check_in.finished;
            params_ = sync->params;
            for (const auto& [name, value] : *sync->check_in.scalars) {
                out.report(scalar_event(round_, name, value));
            }
            out.start_work(hash_work, HashWork{placed(params_)});
        } else if (const auto* exit = std::get_if<ExitRequest>(&request)) {
            if (exit->code != Errc::ok) {
                out.report(TraceEvent("program_failed").log(Level::error, "ml", exit->reason));
            }
            out.stop(exit_code_of(exit->code), exit->reason);
        } else {
            resume(OpenedReply{0, 1}, out);
        }
    }

    void resume(TrainReply reply, Outbox& out) {
        out.start_work(train_work, TrainWork{std::move(reply)});
    }

    NodeId id_;
    const Hasher& hasher_;
    Segments params_;
    Round round_ = 0;
    bool finished_ = false;
};

}  // namespace

std::unique_ptr<Node> make_loopback_node(NodeId id, const Hasher& hasher) {
    return std::make_unique<LoopbackNode>(std::move(id), hasher);
}

}  // namespace starling
