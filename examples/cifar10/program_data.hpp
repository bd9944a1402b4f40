#pragma once

#include <filesystem>

#include "core/torch/image_set.hpp"
#include "examples/cifar10/program_options.hpp"

namespace starling {

/// CIFAR-10 from `directory`; drawn images if it is empty. Trainings of one process with the same
/// data share one copy: a simulation of many hosts reads it once.
Result<std::shared_ptr<const ImageData>> load_data(const std::filesystem::path& directory,
                                                   const ProgramFlags& flags);

}  // namespace starling
