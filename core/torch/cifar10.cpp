#include "core/torch/cifar10.hpp"

#include <algorithm>
#include <fstream>
#include <system_error>

namespace starling {
namespace {

constexpr std::size_t records_per_file = 10'000;
constexpr std::size_t record_bytes = 1 + image_bytes;
constexpr std::size_t train_files = 5;

/// The size is checked before anything is read, so a wrong file costs no memory.
Result<void> check_size(const std::filesystem::path& path) {
    std::error_code failure;
    if (!std::filesystem::exists(path, failure)) {
        return Error{Errc::not_found, "CIFAR-10: " + path.string() +
                                          " is missing; get-data fetches the binary version"};
    }
    const std::uintmax_t size = std::filesystem::file_size(path, failure);
    if (failure) {
        return Error{Errc::io, "CIFAR-10: " + path.string() + ": " + failure.message()};
    }
    constexpr std::uintmax_t expected = records_per_file * record_bytes;
    if (size != expected) {
        return Error{Errc::malformed,
                     "CIFAR-10: " + path.string() + " has " + std::to_string(size) +
                         " bytes, the binary version has " + std::to_string(expected) + " (" +
                         (size < expected ? "truncated" : "too large") + "); fetch it again"};
    }
    return {};
}

/// Appends the records of one file to `set`.
Result<void> read_file(const std::filesystem::path& path, ImageSet& set) {
    if (const Result<void> checked = check_size(path); !checked) {
        return checked.error();
    }
    std::ifstream file(path, std::ios::binary);
    std::vector<char> record(record_bytes);
    for (std::size_t i = 0; i < records_per_file; ++i) {
        if (!file.read(record.data(), static_cast<std::streamsize>(record.size()))) {
            return Error{Errc::io, "CIFAR-10: " + path.string() + " can't be read at record " +
                                       std::to_string(i)};
        }
        const auto label = static_cast<std::uint8_t>(record[0]);
        if (label >= image_classes) {
            return Error{Errc::malformed, "CIFAR-10: " + path.string() + ", record " +
                                              std::to_string(i) + ": label " +
                                              std::to_string(label) + ", expected 0 to 9"};
        }
        set.labels.push_back(label);
        set.pixels.insert(set.pixels.end(), record.begin() + 1, record.end());
    }
    return {};
}

void reserve(ImageSet& set, std::size_t files) {
    set.labels.reserve(files * records_per_file);
    set.pixels.reserve(files * records_per_file * image_bytes);
}

}  // namespace

Result<ImageData> load_cifar10(const std::filesystem::path& directory) {
    std::error_code failure;
    const std::filesystem::path inner = directory / cifar10_folder;
    const std::filesystem::path folder =
        std::filesystem::is_directory(inner, failure) ? inner : directory;

    ImageData data;
    data.source = "CIFAR-10";
    data.class_names = {"airplane", "automobile", "bird",  "cat",  "deer",
                        "dog",      "frog",       "horse", "ship", "truck"};
    std::vector<std::filesystem::path> files;
    for (std::size_t i = 1; i <= train_files; ++i) {
        files.push_back(folder / ("data_batch_" + std::to_string(i) + ".bin"));
    }
    const std::filesystem::path test_file = folder / "test_batch.bin";
    files.push_back(test_file);
    for (const std::filesystem::path& path : files) {
        if (const Result<void> checked = check_size(path); !checked) {
            return checked.error();
        }
    }
    reserve(data.train, train_files);
    reserve(data.test, 1);
    for (const std::filesystem::path& path : files) {
        ImageSet& set = path == test_file ? data.test : data.train;
        if (const Result<void> read = read_file(path, set); !read) {
            return read.error();
        }
    }
    return data;
}

}  // namespace starling
