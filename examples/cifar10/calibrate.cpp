// Measures the time of a batch for the simulator's calibration table. Existing rows of the file are
// kept; it is read before the measurement too, so that an unreadable file is reported at once.
#include "examples/cifar10/calibrate.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <numeric>
#include <span>
#include <vector>

#include "core/files/read_file.hpp"
#include "core/files/replace_file.hpp"
#include "core/json/workload_table.hpp"
#include "core/torch/batches.hpp"
#include "core/torch/image_classifier.hpp"
#include "examples/cifar10/program_data.hpp"

namespace starling {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double progress_seconds = 5.0;  ///< between two lines

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

double mean(std::span<const double> values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Of each complete interval.
std::vector<double> means_between_syncs(std::span<const double> times, std::size_t batches) {
    std::vector<double> means;
    for (; times.size() >= batches; times = times.subspan(batches)) {
        means.push_back(mean(times.first(batches)));
    }
    return means;
}

double quantile(const std::vector<double>& sorted, double share) {
    return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5)];
}

}  // namespace

std::string workload_name(const ProgramFlags& flags) {
    return "cifar10/" + flags.model + "/" + std::to_string(flags.batch_size);
}

Result<MeasuredWorkload> measure_batches(const ProgramFlags& flags) {
    use_torch_threads(static_cast<int>(flags.threads));
    const Clock::time_point start = Clock::now();
    const Result<std::shared_ptr<const ImageData>> data = load_data(flags.data_dir, flags);
    if (!data) {
        return data.error();
    }
    ImageClassifier classifier({flags.model, flags.seed, flags.calibrate_batches});
    BatchSource source((*data)->train, full_part((*data)->train.size()),
                       {flags.batch_size, flags.seed, 1});
    MeasuredWorkload measured;
    measured.startup_seconds = seconds_since(start);

    std::vector<double> times;
    // The first batches include allocations and code generation.
    const std::uint64_t warm_up = std::min<std::uint64_t>(5, flags.calibrate_batches / 2);
    std::uint64_t epoch = 0;
    source.start_epoch(epoch);
    const Clock::time_point first_batch = Clock::now();
    double said_at = 0.0;
    for (std::uint64_t i = 0; i < flags.calibrate_batches; ++i) {
        const Clock::time_point batch_start = Clock::now();
        std::optional<Batch> batch = source.next();
        if (!batch) {
            source.start_epoch(++epoch);
            batch = source.next();
        }
        classifier.train_batch(*batch);
        if (i >= warm_up) {
            times.push_back(seconds_since(batch_start));
        }
        const double seconds = seconds_since(first_batch);
        if (seconds - said_at >= progress_seconds) {
            said_at = seconds;
            const auto done = static_cast<double>(i + 1);
            const double left =
                seconds / done * (static_cast<double>(flags.calibrate_batches) - done);
            std::cerr << "cifar10: calibration: batch " << i + 1 << "/" << flags.calibrate_batches
                      << ", about " << std::llround(left) << " s left" << std::endl;
        }
    }
    // The mean, since a round is the sum of its batches, of which some are much slower than the
    // median.
    measured.seconds_per_batch = mean(times);
    measured.spread = log_deviation(means_between_syncs(times, flags.sync_frequency));
    std::sort(times.begin(), times.end());
    measured.p10 = quantile(times, 0.1);
    measured.p90 = quantile(times, 0.9);
    return measured;
}

/// The existing contents of the file; empty if there is no file.
Result<std::string> calibrations_so_far(const std::string& file) {
    std::error_code ignored;
    return std::filesystem::exists(file, ignored) ? read_whole_file(file) : Result<std::string>("");
}

int calibrate(const ProgramFlags& flags) {
    // Before measuring, which takes a minute.
    if (const Result<std::string> before = calibrations_so_far(flags.calibrate); !before) {
        std::cerr << "cifar10: --calibrate: " << before.error().message << "\n";
        return EXIT_FAILURE;
    }
    const Result<MeasuredWorkload> measured = measure_batches(flags);
    if (!measured) {
        std::cerr << "cifar10: " << measured.error().message << "\n";
        return EXIT_FAILURE;
    }
    // Read again: another calibration may have written meanwhile.
    const Result<std::string> before = calibrations_so_far(flags.calibrate);
    const Result<std::string> merged =
        before ? with_workload(*before, workload_name(flags), *measured) : before;
    if (!merged) {
        std::cerr << "cifar10: --calibrate: " << (before ? flags.calibrate + " is " : std::string())
                  << merged.error().message << "\n";
        return EXIT_FAILURE;
    }
    const std::array<ByteView, 1> parts = {std::as_bytes(std::span(*merged))};
    if (const Result<void> written = replace_file(flags.calibrate, parts); !written) {
        std::cerr << "cifar10: " << written.error().message << "\n";
        return EXIT_FAILURE;
    }
    std::cout << workload_name(flags) << ": " << row_text(*measured) << "\n";
    return EXIT_SUCCESS;
}

}  // namespace starling
