#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/ml/swarm.hpp"

namespace starling {

/// Saves parameters as `stem`.safetensors, and with the network's forward pass as `stem`.pt for
/// torch.jit.load. The same parameters and texts give the same bytes on every node.
Result<void> save_model(const std::filesystem::path& stem, const ModelParameters& parameters,
                        const std::map<std::string, std::string>& metadata,
                        std::string_view script);

}  // namespace starling
