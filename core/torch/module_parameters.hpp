#pragma once

#include <memory>

#include <torch/nn/module.h>

#include "core/ml/swarm.hpp"

// The one header of this project that includes torch: what a libtorch program needs to join a
// swarm.

namespace starling {

/// All named parameters and buffers of `module`, with their types, under the names that torch gives
/// them ("conv1.weight"). The tensors are shared with the module, not copied: load() changes the
/// module. Their memory format on the swarm is always row-major.
/// Throws SwarmError: a tensor has a type that can't be merged (bool, complex, quantised), or there
/// is none at all.
std::unique_ptr<ModelParameters> parameters_of(torch::nn::Module& module);

}  // namespace starling
