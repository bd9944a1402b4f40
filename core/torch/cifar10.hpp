#pragma once

#include <filesystem>

#include "core/base/result.hpp"
#include "core/torch/image_set.hpp"

namespace starling {

/// The folder with the batches in the official archive.
constexpr const char* cifar10_folder = "cifar-10-batches-bin";

/// Reads the *binary version* of CIFAR-10 (https://www.cs.toronto.edu/~kriz/cifar.html): files
/// data_batch_1.bin to data_batch_5.bin and test_batch.bin, each 10,000 records of one label byte
/// and 3,072 pixel bytes, in `directory`/cifar-10-batches-bin or in `directory` itself. 50,000
/// training and 10,000 test images in the files' order; 184 MB of memory. Errc::not_found: a file
/// is missing. Errc::malformed: a file's size or a label is wrong; the message names file and
/// record. Errc::io: a file can't be read.
Result<ImageData> load_cifar10(const std::filesystem::path& directory);

}  // namespace starling
