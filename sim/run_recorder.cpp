#include "sim/run_recorder.hpp"

#include <ctime>
#include <filesystem>
#include <random>

#include "core/files/read_file.hpp"
#include "core/runs/run_origin.hpp"
#include "core/runs/run_results.hpp"
#include "core/runs/run_store.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling {

RunRecord record_of_simulation(const std::vector<std::string>& command, std::uint64_t seed,
                               std::map<std::string, std::string> configuration,
                               const std::map<std::string, std::string>& files) {
    const std::string program = std::filesystem::path(command.front()).filename().string();
    RunRecord record = record_of_here(std::time(nullptr), std::random_device()(), program, command);
    record.kind = "simulated";
    record.seed = seed;
    record.configuration = std::move(configuration);
    for (const auto& [what, path] : files) {
        if (path.empty()) {
            continue;
        }
        record.configuration[what] = std::filesystem::path(path).filename().string();
        // A file that can't be read is an error of the simulation, which says so itself.
        if (const Result<std::string> text = read_whole_file(path)) {
            const Digest digest = openssl_hasher().digest(std::as_bytes(std::span(*text)));
            record.configuration[what + " sha256"] = to_string(digest);
        }
    }
    return record;
}

Result<void> write_simulation(RunRecord record, const RunModel& model, const std::string& folder) {
    if (const auto taken = take_results(model, record); !taken) {
        return taken.error();
    }
    return RunStore(folder).write(record);
}

}  // namespace starling
