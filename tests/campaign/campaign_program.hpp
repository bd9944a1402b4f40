#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "core/base/invariant.hpp"
#include "core/base/random.hpp"
#include "tests/support/toy_program.hpp"
#include "transport/memory/memory_network.hpp"

namespace starling::test {

/// Settings shared by all programs of a campaign.
struct CampaignTraining {
    std::size_t elements = 500;  ///< float32 parameters
    std::uint32_t min_peers = 2;
    SwarmDuration grace = std::chrono::milliseconds(500);
    SwarmDuration part = std::chrono::milliseconds(400);  ///< training between two rounds
    std::uint64_t slowest_link = 4000;                    ///< bytes a second
    ExchangePlan exchange = ExchangePlan::automatic;
    CompressionMethod compression;
    Durability durable = Durability::all;
    bool until_merge = false;   ///< members differ: see CampaignProgram
    bool winding_down = false;  ///< the parts that begin now are the last ones
};

inline std::shared_ptr<const ParamLayout> campaign_layout(std::size_t elements) {
    return std::make_shared<const ParamLayout>(
        *ParamLayout::make({{"weight", DType::f32, {static_cast<std::int64_t>(elements)}}}));
}

/// Trains until the campaign winds down. A later start loads the swarm's model, whatever it had,
/// and continues to count parts from the kept state.
class CampaignProgram final : public ProgramModel {
public:
    static constexpr std::uint64_t batches = 16;  ///< between two rounds

    /// \param number  of the pair, from 1; \param weight  1, 2, 3 or 6
    CampaignProgram(const CampaignTraining& training, std::uint64_t number, EndMode end_mode,
                    std::uint32_t weight)
        : training_(training),
          number_(number),
          end_mode_(end_mode),
          weight_(weight),
          random_(number) {
        for (std::size_t i = 0; i < training.elements; ++i) {
            targets_.push_back(static_cast<float>(random_.normal()));
            if (i % 4 == 0 && number <= 4) {
                // The values of two members cancel each other: the remainder depends on the order
                // of summation. With compression they would leave nothing of the other values.
                const bool compressed = training.compression.kind != Compression::none;
                const double huge = std::ldexp(6.0 / weight, compressed ? 8 : 70);
                targets_.back() = static_cast<float>(number % 2 == 0 ? huge : -huge);
            }
        }
        params_.assign(training.elements, 0.0F);
    }

    std::pair<TrainRequest, SwarmDuration> resume(TrainReply reply) override {
        if (const auto* failed = std::get_if<FailedReply>(&reply)) {
            return {ExitRequest{failed->error.code, failed->error.message}, SwarmDuration{0}};
        }
        if (std::holds_alternative<BeginReply>(reply)) {
            return {open(), std::chrono::milliseconds(5)};
        }
        const auto* synced = std::get_if<SyncedReply>(&reply);
        if (synced == nullptr) {
            return {sync(0, false), SwarmDuration{0}};
        }
        load_params(*synced, params_);
        if (synced->final) {
            return {ExitRequest{}, std::chrono::milliseconds(1)};
        }
        for (std::size_t i = 0; i < params_.size(); ++i) {
            params_[i] += 0.5F * (targets_[i] - params_[i]);
        }
        if (synced->resumed) {
            parts_ = synced->resumed->position.epochs_done;
            STARLING_INVARIANT(synced->resumed->state.view()[0] == state_byte(),
                               "a state is kept whole, or not at all");
        }
        ++parts_;
        const auto spread = static_cast<std::uint64_t>(training_.part.count());
        return {
            sync(batches, training_.winding_down),
            training_.part / 2 + SwarmDuration{static_cast<std::int64_t>(random_.below(spread))}};
    }

private:
    TrainRequest open() const {
        OpenRequest request;
        request.contract = "default";
        request.config.min_peers = training_.min_peers;
        request.config.sync_frequency = batches;
        request.config.grace_ns = training_.grace.count();
        request.config.exchange = training_.exchange;
        request.config.compression = training_.compression;
        request.config.durable = training_.durable;
        request.config.slowest_link = training_.slowest_link;
        request.layout = campaign_layout(training_.elements);
        request.config.layout_bytes = request.layout->size_bytes();
        request.end_mode = end_mode_;
        return request;
    }

    TrainRequest sync(std::uint64_t trained, bool finished) const {
        SyncRequest request;
        request.check_in.weight = weight_;
        request.check_in.samples = trained;
        request.check_in.finished = finished;
        request.check_in.fresh = true;
        request.check_in.loss = std::numeric_limits<double>::quiet_NaN();
        request.check_in.scalars = Scalars{{"trained", static_cast<double>(trained)}};
        request.batches = trained;
        // A choice of each member alone.
        request.until_merge = training_.until_merge && number_ % 4 != 0;
        Bytes bytes(params_.size() * sizeof(float));
        std::memcpy(bytes.data(), params_.data(), bytes.size());
        request.params = cut(Blob(std::move(bytes)));
        if (trained > 0) {
            request.snapshot = {{parts_, 0}, Blob(Bytes(64, state_byte()))};
        }
        return request;
    }

    std::byte state_byte() const { return static_cast<std::byte>(parts_ % 251); }

    const CampaignTraining& training_;
    std::uint64_t number_;
    std::uint32_t parts_ = 0;  ///< trained, by all starts that could keep their state
    EndMode end_mode_;
    std::uint32_t weight_;
    Random random_;
    std::vector<float> params_;
    std::vector<float> targets_;
};

}  // namespace starling::test
