#pragma once

#include <memory>

#include <torch/nn/module.h>

#include "core/ml/swarm.hpp"

// For libtorch programs that join a swarm. The only header of this project that includes torch.

namespace starling {

/// All named parameters and buffers of `module`, with their types, under torch's names
/// ("conv1.weight"). The tensors are shared with the module, not copied: load() changes the module.
/// Their format in the swarm is always row-major. Throws SwarmError: a tensor has a type that can't
/// be merged (bool, complex, quantised), or there is none at all.
std::unique_ptr<ModelParameters> parameters_of(torch::nn::Module& module);

}  // namespace starling
