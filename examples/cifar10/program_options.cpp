#include "examples/cifar10/program_options.hpp"

#include <algorithm>
#include <charconv>

#include "core/torch/image_classifier.hpp"

namespace starling {
namespace {

struct FlagRow {
    std::string_view name;
    std::string_view help;
    /// Sets the field; returns what a value must be if `text` is wrong, otherwise "".
    std::function<std::string(ProgramFlags&, const std::string&)> set;
};

auto number(std::uint64_t ProgramFlags::*field, std::uint64_t low, std::uint64_t high) {
    return [=](ProgramFlags& flags, const std::string& text) -> std::string {
        std::uint64_t value = 0;
        const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (failure != std::errc{} || end != text.data() + text.size() || value < low ||
            value > high) {
            return "a whole number from " + std::to_string(low) + " to " + std::to_string(high);
        }
        flags.*field = value;
        return "";
    };
}

auto words(std::string ProgramFlags::*field) {
    return [=](ProgramFlags& flags, const std::string& text) -> std::string {
        flags.*field = text;
        return text.empty() ? "not empty" : "";
    };
}

/// \param values  what the error lists
template <typename Value>
auto choice(Value ProgramFlags::*field, Result<Value> (*parse)(std::string_view),
            std::string_view values) {
    return [=](ProgramFlags& flags, const std::string& text) -> std::string {
        const Result<Value> value = parse(text);
        if (!value) {
            return "one of " + std::string(values);
        }
        flags.*field = *value;
        return "";
    };
}

std::string set_model(ProgramFlags& flags, const std::string& text) {
    flags.model = text;
    return image_model_defaults(text) ? "" : "one of " + std::string(image_model_names());
}

std::string set_merge(ProgramFlags& flags, const std::string& text) {
    const Result<MergeMethod> method = parse_merge_method(text);
    flags.merge = text;
    return method ? "" : "a merge rule: " + method.error().message;
}

std::string set_exchange(ProgramFlags& flags, const std::string& text) {
    const Result<ExchangePlan> plan = parse_exchange_plan(text);
    if (!plan) {
        return "one of auto, star, butterfly, tree";
    }
    flags.exchange = *plan;
    return "";
}

std::string set_compression(ProgramFlags& flags, const std::string& text) {
    const Result<CompressionMethod> method = parse_compression(text);
    flags.compression = text;
    return method ? "" : "a compression: " + method.error().message;
}

std::string set_partition(ProgramFlags& flags, const std::string& text) {
    for (const Partition partition : {Partition::iid, Partition::skewed, Partition::full}) {
        if (partition_name(partition) == text) {
            flags.partition = partition;
            return "";
        }
    }
    return "iid, skewed or full";
}

const std::vector<FlagRow>& flag_rows() {
    using F = ProgramFlags;
    static const std::vector<FlagRow> rows = {
        {"--model", "tiny (HPE's network) or cnn", set_model},
        {"--epochs", "wins over MAX_EPOCHS", number(&F::epochs, 1, 100'000)},
        {"--data-dir",
         "folder of the CIFAR-10 binary version; wins over DATA_DIR; without both, drawn images",
         words(&F::data_dir)},
        {"--partition",
         "iid: random equal parts (default); skewed: equal parts with classes of their own; full: "
         "everything to everyone",
         set_partition},
        {"--seed", "of first parameters, order and changes of images; the same for all members",
         number(&F::seed, 0, UINT64_MAX)},
        {"--threads", "of torch, default 1", number(&F::threads, 1, 1'024)},
        {"--batch-size", "default: the model's own, tiny 32, cnn 16",
         number(&F::batch_size, 1, 10'000)},
        {"--drawn-train", "drawn training images, default 20000",
         number(&F::drawn_train, 10, 1'000'000)},
        {"--drawn-test", "drawn test images, default 4000", number(&F::drawn_test, 10, 1'000'000)},
        {"--sync-frequency", "batches between rounds, default 128",
         number(&F::sync_frequency, 1, 1'000'000)},
        {"--wait-limit", "seconds to wait for MIN_PEERS members, default 0: for ever",
         number(&F::wait_limit_seconds, 0, 10'000'000)},
        {"--non-finite",
         "of parameters with NaN or infinity: refuse: the round is merged without them (default); "
         "warn; allow",
         choice(&F::non_finite, parse_non_finite_policy, "refuse, warn, allow")},
        {"--durable",
         "members that have a merged model on disk before its round is over: all (default), quorum "
         "(more than half), none",
         choice(&F::durable, parse_durability, "all, quorum, none")},
        {"--sync-until",
         "how long a sync waits: commit (default); merge: the round is committed while the program "
         "trains on",
         choice(&F::sync_until, parse_sync_until, "commit, merge")},
        {"--merge",
         "how models are merged: mean (default), coordinate-median, trimmed-mean:beta=0.1, "
         "geometric-median, krum:f=1,select=1, centred-clipping:tau=10",
         set_merge},
        {"--exchange",
         "by which plan members exchange parameters: auto (default): by the model's size and the "
         "number of members; star; butterfly; tree",
         set_exchange},
        {"--compress",
         "how models travel between members: none (default), f16, bf16, int8, "
         "top-k:fraction=0.01",
         set_compression},
    };
    return rows;
}

/// The digits at the end of a name as a number; 0 if there are none.
std::uint64_t trailing_number(const std::string& name) {
    const std::size_t last = name.find_last_not_of("0123456789");
    const std::string digits = name.substr(last == std::string::npos ? 0 : last + 1);
    return digits.empty() || digits.size() > 9 ? 0 : std::stoull(digits);
}

}  // namespace

std::string_view partition_name(Partition partition) {
    switch (partition) {
        case Partition::iid:
            return "iid";
        case Partition::skewed:
            return "skewed";
        case Partition::full:
            return "full";
    }
    return "unknown";
}

Result<ProgramFlags> parse_flags(const std::vector<std::string>& arguments) {
    ProgramFlags flags;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::size_t equals = arguments[i].find('=');
        const std::string name = arguments[i].substr(0, equals);
        const auto row =
            std::find_if(flag_rows().begin(), flag_rows().end(),
                         [&](const FlagRow& candidate) { return candidate.name == name; });
        if (row == flag_rows().end()) {
            return Error{Errc::usage, "unknown flag '" + name + "': see --help"};
        }
        if (equals == std::string::npos && i + 1 == arguments.size()) {
            return Error{Errc::usage, "flag " + name + " needs a value"};
        }
        const std::string value =
            equals == std::string::npos ? arguments[++i] : arguments[i].substr(equals + 1);
        if (const std::string expected = row->set(flags, value); !expected.empty()) {
            return Error{Errc::usage, "flag " + name + " is '" + value.substr(0, 64) +
                                          "', it must be " + expected};
        }
    }
    return flags;
}

std::string program_help() {
    std::string text = "\nFlags:\n";
    for (const FlagRow& row : flag_rows()) {
        const std::string name(row.name);
        text += "  " + name + std::string(22 - std::min<std::size_t>(21, name.size()), ' ') +
                std::string(row.help) + "\n";
    }
    return text +
           "\nVariables (run-sl --ml-e NAME=VALUE):\n"
           "  MAX_EPOCHS            epochs to train; default: 1\n"
           "  MIN_PEERS             members that a round needs; default: 2\n"
           "  DATA_DIR, MODEL_DIR   folders of the images and of the model, seen from --ml-w;\n"
           "                        default: drawn images, and model\n"
           "  SHARD_INDEX, SHARD_COUNT  this member's part of the training set; default: the\n"
           "                        number at the end of its name, and MIN_PEERS\n"
           "\nExample:\n"
           "  run-sl ... --ml-entrypoint=cifar10 --ml-cmd='--model cnn --seed 3' "
           "--ml-e=MAX_EPOCHS=2\n";
}

Shard shard_of(const SwarmSession& session) {
    constexpr std::uint64_t shards_max = 100'000;
    const std::uint64_t count =
        session.environment_number("SHARD_COUNT", session.min_peers(), 1, shards_max);
    const std::uint64_t index = session.environment_number(
        "SHARD_INDEX", trailing_number(session.node().name), 0, shards_max);
    if (index < 1 || index > count) {
        throw SwarmError(
            Error{Errc::usage, "node '" + session.node().name + "' has no part of the " +
                                   std::to_string(count) +
                                   " of the training set: set SHARD_INDEX (1 to SHARD_COUNT) and "
                                   "SHARD_COUNT, or use --partition full"});
    }
    return {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(count)};
}

}  // namespace starling
