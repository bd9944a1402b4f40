#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <optional>

#include "core/base/random.hpp"
#include "transport/memory/memory_network.hpp"

namespace starling::test {

enum class ToyParameters {
    plain,
    with_extra_tensor,  ///< a different layout
    phantom             ///< a size and no bytes (see Blob): for models larger than the memory
};

struct ToyOptions {
    std::uint64_t seed = 1;       ///< of this member's data
    std::size_t elements = 1000;  ///< float32 parameters
    std::uint32_t min_peers = 2;
    std::uint32_t syncs = 3;  ///< in-training syncs between the first and the last
    SwarmDuration batch_time = std::chrono::milliseconds(1);
    std::uint32_t weight = 1;
    EndMode end_mode = EndMode::active;
    SwarmDuration grace = std::chrono::seconds(30);
    SwarmDuration wait_limit{0};
    ToyParameters parameters = ToyParameters::plain;
    std::string contract = "default";
    NonFinitePolicy non_finite = NonFinitePolicy::refuse;
    ExchangePlan exchange = ExchangePlan::automatic;
    Durability durable = Durability::all;
    bool until_merge = false;           ///< see SyncUntil
    std::string merge = "mean";         ///< see parse_merge_method()
    std::string compression = "none";   ///< see parse_compression()
    std::optional<MergeMethod> method;  ///< in its place: one that has no text here
    // values that parameters are set to after so many syncs
    std::map<std::uint32_t, float> broken;
    // whether it stores its momentum, which a resumed program needs to give the same bits
    bool keeps_state = false;
};

/// Copies the merged model into `params`, as far as it fits.
inline void load_params(const SyncedReply& reply, std::vector<float>& params) {
    std::size_t at = 0;
    for (const Blob& segment : reply.params) {
        if (segment.is_phantom()) {
            return;
        }
        const std::size_t size = std::min(segment.size(), params.size() * sizeof(float) - at);
        std::memcpy(reinterpret_cast<std::byte*>(params.data()) + at, segment.view().data(), size);
        at += size;
    }
}

/// A convex task with a known optimum: each member pulls its parameters towards its own random
/// target, so the swarm's model must end between the targets, in the limit at their mean.
class ToyProgram final : public ProgramModel {
public:
    /// \param scalars  reported with each check-in
    explicit ToyProgram(ToyOptions options, Scalars scalars = {})
        : options_(options),
          scalars_(std::move(scalars)),
          params_(options.parameters == ToyParameters::phantom ? 0 : options.elements, 0.0F),
          momentum_(params_.size(), 0.0F) {
        Random random(options.seed);
        for (std::size_t i = 0; i < params_.size(); ++i) {
            target_.push_back(static_cast<float>(random.normal()));
        }
    }

    std::pair<TrainRequest, SwarmDuration> resume(TrainReply reply) override {
        if (const auto* failed = std::get_if<FailedReply>(&reply)) {
            return {ExitRequest{failed->error.code, failed->error.message}, SwarmDuration{0}};
        }
        if (std::holds_alternative<BeginReply>(reply)) {
            return {open(), std::chrono::milliseconds(5)};
        }
        if (const auto* synced = std::get_if<SyncedReply>(&reply)) {
            load_params(*synced, params_);
            if (synced->final) {
                return {ExitRequest{}, std::chrono::milliseconds(1)};
            }
            if (synced->resumed) {
                resume_at(*synced->resumed);
            }
            if (synced_ > options_.syncs) {
                return {sync(true), SwarmDuration{0}};  // had finished when it was killed
            }
            ++synced_;
            train();
            if (const auto value = options_.broken.find(synced_); value != options_.broken.end()) {
                params_[params_.size() / 2] = value->second;
            }
            const bool finished = synced_ > options_.syncs;
            return {sync(finished), options_.batch_time * 16};
        }
        return {sync(false), SwarmDuration{0}};  // session opened: round 0
    }

private:
    TrainRequest open() const {
        OpenRequest request;
        request.contract = options_.contract;
        request.config.min_peers = options_.min_peers;
        request.config.sync_frequency = 16;
        request.config.non_finite = options_.non_finite;
        request.config.exchange = options_.exchange;
        request.config.compression = *parse_compression(options_.compression);
        request.config.durable = options_.durable;
        request.config.merge =
            options_.method ? *options_.method : *parse_merge_method(options_.merge);
        request.config.grace_ns = options_.grace.count();
        request.config.wait_limit_ns = options_.wait_limit.count();
        std::vector<TensorSpec> tensors = {
            {"weight", DType::f32, {static_cast<std::int64_t>(options_.elements)}}};
        if (options_.parameters == ToyParameters::with_extra_tensor) {
            tensors.push_back({"bias", DType::f32, {3}});
        }
        Result<ParamLayout> layout = ParamLayout::make(tensors);
        request.config.layout_bytes = layout->size_bytes();
        request.layout = std::make_shared<const ParamLayout>(std::move(*layout));
        request.end_mode = options_.end_mode;
        return request;
    }

    TrainRequest sync(bool finished) const {
        SyncRequest request;
        request.check_in.weight = options_.weight;
        request.check_in.samples = 16 * 32;
        request.check_in.finished = finished;
        request.check_in.fresh = true;
        request.check_in.loss = std::numeric_limits<double>::quiet_NaN();
        request.check_in.scalars = scalars_;
        request.batches = synced_ == 0 ? 0 : 16;
        request.until_merge = options_.until_merge;
        request.params = cut(parameters());
        if (options_.keeps_state && synced_ > 0) {
            const auto state = std::as_bytes(std::span(momentum_));
            request.snapshot = {{synced_, 0}, Blob(Bytes(state.begin(), state.end()))};
        }
        return request;
    }

    Blob parameters() const {
        if (options_.parameters == ToyParameters::phantom) {
            return Blob::phantom(options_.elements * sizeof(float));
        }
        Bytes bytes(params_.size() * sizeof(float) +
                    (options_.parameters == ToyParameters::with_extra_tensor ? 12 : 0));
        std::memcpy(bytes.data(), params_.data(), params_.size() * sizeof(float));
        return Blob(std::move(bytes));
    }

    void resume_at(const ProgramSnapshot& kept) {
        synced_ = kept.position.epochs_done;
        std::memcpy(momentum_.data(), kept.state.view().data(), kept.state.size());
    }

    void train() {
        for (std::size_t i = 0; i < params_.size(); ++i) {
            if (options_.keeps_state) {
                momentum_[i] = 0.5F * momentum_[i] + 0.25F * (target_[i] - params_[i]);
                params_[i] += momentum_[i];
            } else {
                params_[i] += 0.5F * (target_[i] - params_[i]);
            }
        }
    }

    ToyOptions options_;
    Scalars scalars_;
    std::vector<float> params_;
    std::vector<float> momentum_;
    std::vector<float> target_;
    std::uint32_t synced_ = 0;
};

}  // namespace starling::test
