#pragma once

#include <filesystem>

#include "core/torch/image_set.hpp"
#include "examples/cifar10/program_options.hpp"

namespace starling {

/// CIFAR-10 out of `directory`; drawn images if it is empty. Several trainings of one process that
/// name the same data share one copy of it: a simulation of many hosts reads it once.
Result<std::shared_ptr<const ImageData>> load_data(const std::filesystem::path& directory,
                                                   const ProgramFlags& flags);

}  // namespace starling
