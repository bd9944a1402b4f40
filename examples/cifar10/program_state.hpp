#pragma once

#include <string>

#include "core/ml/swarm.hpp"
#include "core/torch/image_classifier.hpp"

namespace starling {

/// The state of the example's optimiser, with the options of its training. The order of the images
/// needs no state: it depends on seed, shard and epoch only.
class TrainingState final : public ProgramState {
public:
    /// \param options  as text; a state with other options is refused. `classifier` must outlive
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
