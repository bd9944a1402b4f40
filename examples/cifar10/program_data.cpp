#include "examples/cifar10/program_data.hpp"

#include <map>
#include <mutex>

#include "core/torch/cifar10.hpp"
#include "core/torch/drawn_images.hpp"

namespace starling {
namespace {

Result<std::shared_ptr<const ImageData>> read_data(const std::filesystem::path& directory,
                                                   const ProgramFlags& flags) {
    if (directory.empty()) {
        return std::make_shared<const ImageData>(
            draw_images({.train_count = flags.drawn_train, .test_count = flags.drawn_test}));
    }
    Result<ImageData> data = load_cifar10(directory);
    if (!data) {
        return data.error();
    }
    return std::make_shared<const ImageData>(std::move(*data));
}

}  // namespace

Result<std::shared_ptr<const ImageData>> load_data(const std::filesystem::path& directory,
                                                   const ProgramFlags& flags) {
    // Read-only, so that sharing does not affect trainings; freed with its last user.
    static std::mutex mutex;
    static std::map<std::string, std::weak_ptr<const ImageData>> shared;
    const std::string key = directory.string() + "\n" + std::to_string(flags.drawn_train) + "\n" +
                            std::to_string(flags.drawn_test);
    const std::lock_guard lock(mutex);
    if (std::shared_ptr<const ImageData> data = shared[key].lock()) {
        return data;
    }
    Result<std::shared_ptr<const ImageData>> data = read_data(directory, flags);
    if (data) {
        shared[key] = *data;
    }
    return data;
}

}  // namespace starling
