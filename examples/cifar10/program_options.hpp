#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/ml/swarm.hpp"
#include "core/torch/batches.hpp"

namespace starling {

/// How the training set is split: equal random parts, equal parts with skewed classes
/// (skewed_part()), or all images to everyone.
enum class Partition : std::uint8_t { iid = 1, skewed = 2, full = 3 };

std::string_view partition_name(Partition partition);

/// The command line of the example.
struct ProgramFlags {
    std::string model = "tiny";
    std::uint64_t epochs = 0;  ///< 0 = MAX_EPOCHS
    std::string data_dir;      ///< empty = DATA_DIR; both empty = drawn images
    Partition partition = Partition::iid;
    std::uint64_t seed = 1;
    std::uint64_t threads = 1;
    std::uint64_t batch_size = 0;  ///< 0 = the model's own
    std::uint64_t drawn_train = 20'000;
    std::uint64_t drawn_test = 4'000;
    std::uint64_t sync_frequency = 128;
    NonFinitePolicy non_finite = NonFinitePolicy::refuse;
    std::string merge = "mean";  ///< see SwarmCallbackOptions::merge_rule
    ExchangePlan exchange = ExchangePlan::automatic;
    std::string compression = "none";  ///< see SwarmCallbackOptions::compression
    Durability durable = Durability::all;
    SyncUntil sync_until = SyncUntil::commit;
    std::uint64_t wait_limit_seconds = 0;  ///< 0 = wait for ever
};

/// Errc::usage names a flag that is unknown, or has no value or a wrong one.
Result<ProgramFlags> parse_flags(const std::vector<std::string>& arguments);

/// The text of --help: all flags and variables, with units and defaults, and an example.
std::string program_help();

/// SHARD_INDEX and SHARD_COUNT of the environment; by default the number at the end of the node's
/// name and MIN_PEERS: with ml1 and ml2, ml1 has shard 1 of 2. Throws SwarmError (usage) if there
/// is no such number or it is above the count.
Shard shard_of(const SwarmSession& session);

}  // namespace starling
