#pragma once

#include <string>

#include "core/ml/swarm.hpp"
#include "core/torch/image_classifier.hpp"

namespace starling {

/// The example's optimiser, with the options of the training that it belongs to. The order of the
/// images needs no state: it follows from seed, shard and epoch.
class TrainingState final : public ProgramState {
public:
    /// \param options  in words: with others the state is of no use. `classifier` must outlive
    /// this.
    TrainingState(ImageClassifier& classifier, std::string options)
        : classifier_(classifier), options_(std::move(options)) {}

    Bytes save() const override;
    Result<void> load(ByteView in) override;

private:
    ImageClassifier& classifier_;
    std::string options_;
};

}  // namespace starling
