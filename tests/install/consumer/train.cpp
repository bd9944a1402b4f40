// A training program as a user of an installed Starling writes it. Each member pulls one number
// towards a target of its own; every merge takes the largest (rule.cpp).
#include <cstring>

#include "core/ml/swarm.hpp"

namespace {

class Weights final : public starling::ModelParameters {
public:
    const starling::ParamLayout& layout() const override { return layout_; }
    void save(std::span<std::byte> out) const override {
        std::memcpy(out.data(), &value, sizeof(value));
    }
    void load(std::span<const starling::Blob> segments) override {
        starling::copy_bytes(segments, 0, std::as_writable_bytes(std::span(&value, 1)));
    }

    float value = 0.0F;

private:
    starling::ParamLayout layout_ =
        *starling::ParamLayout::make({{"weight", starling::DType::f32, {1}}});
};

void train(starling::SwarmSession& swarm) {
    const float target = swarm.node().name == "ml1" ? 1.0F : 3.0F;
    Weights weights;
    starling::SwarmCallback callback(
        swarm, weights, {.sync_frequency = 2, .min_peers = 2, .merge_rule = "largest"});
    callback.on_train_begin();
    for (int batch = 0; batch < 8; ++batch) {
        weights.value += 0.5F * (target - weights.value);
        callback.on_batch_end(0.0);
    }
    callback.on_epoch_end();
    callback.on_train_end();
    swarm.log(starling::Level::info, "ends with " + std::to_string(weights.value) + ", digest " +
                                         to_string(callback.digest()));
}

}  // namespace

int main(int argc, char** argv) { return starling::ml_main(argc, argv, train); }
