// SwarmCallback: counts batches and, where a round is due, hands the parameters to the ML node and
// blocks the training thread until the merged ones are here. The names of its hooks are HPE's.
//
// The count restarts after each round, so that a member that resumes from a kept state syncs at the
// same batches as one that never stopped. Invariant: between two rounds the parameters are changed
// by the program only, and after a round they are the committed ones, bit for bit.
#include "core/ml/swarm.hpp"

#include <cmath>
#include <limits>

#include "core/base/buffer_pool.hpp"
#include "core/ml/training_thread.hpp"
#include "core/trace/event_fields.hpp"

namespace starling {
namespace {

[[noreturn]] void fail(Errc code, std::string message) {
    throw SwarmError(Error{code, std::move(message)});
}

/// SwarmError (usage): no rule has this name, or it needs more members.
MergeMethod chosen_rule(const SwarmCallbackOptions& options) {
    Result<MergeMethod> method = parse_merge_method(options.merge_rule);
    if (!method) {
        fail(Errc::usage, "SwarmCallback: " + method.error().message);
    }
    if (const std::uint32_t least = least_min_peers(*method); options.min_peers < least) {
        fail(Errc::usage, "SwarmCallback: merge rule '" + to_string(*method) + "' needs at least " +
                              std::to_string(least) + " members, but min_peers is " +
                              std::to_string(options.min_peers));
    }
    return std::move(*method);
}

/// SwarmError (usage): there is no such compression.
CompressionMethod chosen_compression(const SwarmCallbackOptions& options) {
    const Result<CompressionMethod> method = parse_compression(options.compression);
    if (!method) {
        fail(Errc::usage, "SwarmCallback: " + method.error().message);
    }
    return *method;
}

void check(const SwarmCallbackOptions& options) {
    if (options.sync_frequency == 0) {
        fail(Errc::usage, "SwarmCallback: sync_frequency is 0, it must be at least 1 batch");
    }
    if (options.min_peers == 0) {
        fail(Errc::usage, "SwarmCallback: min_peers is 0, it must be at least 1");
    }
    if (options.node_weightage == 0 || options.node_weightage > 100) {
        fail(Errc::usage, "SwarmCallback: node_weightage is " +
                              std::to_string(options.node_weightage) + ", it must be 1 to 100");
    }
    if (options.contract.empty() || options.contract.size() > contract_name_max) {
        fail(Errc::usage, "SwarmCallback: the contract's name must have 1 to 128 characters");
    }
    if (options.grace < SwarmDuration{0} || options.wait_limit < SwarmDuration{0}) {
        fail(Errc::usage, "SwarmCallback: grace and wait_limit can't be negative");
    }
    if (options.slowest_link == 0) {
        fail(Errc::usage, "SwarmCallback: slowest_link is 0, it must be at least 1 byte a second");
    }
}

}  // namespace

std::string ProgramOptions::variable(const std::string& key, const std::string& fallback) const {
    const auto found = environment.find(key);
    return found == environment.end() || found->second.empty() ? fallback : found->second;
}

std::uint64_t SwarmSession::environment_number(const std::string& name, std::uint64_t fallback,
                                               std::uint64_t low, std::uint64_t high) const {
    const std::string text = environment(name);
    if (text.empty()) {
        return fallback;
    }
    const std::optional<std::uint64_t> value = number_in(text);
    if (!value || *value < low || *value > high) {
        fail(Errc::usage, "environment variable " + name + " is '" + text.substr(0, 32) +
                              "', it must be a whole number from " + std::to_string(low) + " to " +
                              std::to_string(high));
    }
    return *value;
}

std::filesystem::path SwarmSession::resolve(const std::filesystem::path& path) const {
    return options_.working_directory / path;  // an absolute path stays as it is
}

std::uint32_t SwarmSession::min_peers() const {
    return static_cast<std::uint32_t>(environment_number("MIN_PEERS", 2, 1, 100'000));
}

std::filesystem::path SwarmSession::model_dir() const {
    return resolve(environment("MODEL_DIR", "model"));
}

void SwarmSession::log(Level level, std::string text, std::string_view component) const {
    trace(TraceEvent("ml_log").log(level, component, std::move(text)));
}

void SwarmSession::trace(const TraceEvent& event) const { thread_.trace(event); }

Segments ModelParameters::save_segments() const {
    const std::size_t size = layout().size_bytes();
    BufferPool::Buffer buffer = BufferPool::of_models().take(size);
    const std::span room(buffer.get(), size);
    save(room);
    return cut(Blob(std::move(buffer), room));
}

SwarmCallback::SwarmCallback(SwarmSession& session, ModelParameters& parameters,
                             SwarmCallbackOptions options)
    : session_(session),
      parameters_(parameters),
      options_(std::move(options)),
      counter_(options_.sync_frequency) {
    check(options_);
    session_.thread_.set_workload(options_.workload);

    OpenRequest request;
    request.contract = options_.contract;
    request.config.min_peers = options_.min_peers;
    request.config.sync_frequency = options_.sync_frequency;
    request.config.merge = chosen_rule(options_);
    request.config.compression = chosen_compression(options_);
    request.config.non_finite = options_.non_finite;
    request.config.exchange = options_.exchange;
    request.config.durable = options_.durable;
    request.config.slowest_link = options_.slowest_link;
    request.config.grace_ns = options_.grace.count();
    request.config.wait_limit_ns = options_.wait_limit.count();
    request.config.layout_bytes = parameters_.layout().size_bytes();
    request.layout = std::make_shared<const ParamLayout>(parameters_.layout());
    request.end_mode = options_.end_mode;
    const TrainReply reply = session_.thread_.ask(std::move(request));
    if (const auto* failed = std::get_if<FailedReply>(&reply)) {
        throw SwarmError(failed->error);
    }
    STARLING_INVARIANT(std::holds_alternative<OpenedReply>(reply),
                       "an open request is answered so");
}

SwarmCallback::~SwarmCallback() = default;

void SwarmCallback::on_train_begin() { sync(false); }

void SwarmCallback::on_batch_end(double loss) {
    if (ended_) {
        return;
    }
    loss_sum_ += loss;
    session_.thread_.count_batch();
    if (counter_.count(1)) {
        sync(false);
    }
}

void SwarmCallback::on_epoch_end() { counter_.end_epoch(); }

void SwarmCallback::report(std::string_view name, double value) {
    if (const Result<void> set = set_scalar(scalars_, name, value); !set) {
        fail(Errc::usage, "SwarmCallback: " + set.error().message);
    }
    if (ended_) {
        session_.trace(scalar_event(rounds_ - 1, name, value));
        scalars_.clear();
    }
}

void SwarmCallback::on_train_end() { sync(true); }

ProgramSnapshot SwarmCallback::snapshot() const {
    Bytes state = options_.state->save();
    if (state.size() > program_state_bytes_max) {
        fail(Errc::too_large, "the program's state has " + std::to_string(state.size()) +
                                  " bytes, at most " + std::to_string(program_state_bytes_max) +
                                  " are kept");
    }
    return {counter_.position(), Blob(std::move(state))};
}

void SwarmCallback::resume(const ProgramSnapshot& kept, Round round) {
    if (options_.state == nullptr) {
        return;
    }
    if (const Result<void> loaded = options_.state->load(kept.state.view()); !loaded) {
        session_.log(Level::warning,
                     "The state of an earlier start is not used: " + loaded.error().message +
                         ". Training begins at the first batch",
                     "SwarmCallback");
        return;
    }
    counter_.resume(kept.position);
    resumed_ = kept.position;
    session_.trace(
        TraceEvent("resumed")
            .with("round", round)
            .with("epochs", resumed_.epochs_done)
            .with("batches", resumed_.batches_done)
            .log(
                Level::info, "SwarmCallback",
                "Resuming where an earlier start stopped: " + std::to_string(resumed_.epochs_done) +
                    " epochs and " + std::to_string(resumed_.batches_done) +
                    " batches are done, with the model of round " + std::to_string(round)));
}

void SwarmCallback::sync(bool finished) {
    while (!ended_) {  // else the final model is loaded
        SyncRequest request = sync_request(finished);
        const std::uint64_t batches = request.batches;
        const TrainReply reply = session_.thread_.ask(std::move(request));
        if (const auto* failed = std::get_if<FailedReply>(&reply)) {
            throw SwarmError(failed->error);
        }
        const auto* synced = std::get_if<SyncedReply>(&reply);
        STARLING_INVARIANT(synced != nullptr, "a sync request is answered so");
        take(*synced, batches);
        if (finished && !synced->final && !synced->replaced) {
            fail(Errc::malformed,
                 "the SL node answered the end of training with a model that is not final");
        }
        if (!finished || !synced->replaced) {
            return;  // else the last parameters are still to be handed in
        }
    }
}

SyncRequest SwarmCallback::sync_request(bool finished) {
    SyncRequest request;
    request.check_in.weight = options_.node_weightage;
    request.check_in.samples = counter_.since_sync() * options_.batch_size;
    request.check_in.epochs_done = counter_.position().epochs_done;
    request.check_in.epochs_total = options_.total_epochs;
    request.check_in.finished = finished;
    request.check_in.fresh = true;
    request.check_in.loss = counter_.since_sync() == 0
                                ? std::numeric_limits<double>::quiet_NaN()
                                : loss_sum_ / static_cast<double>(counter_.since_sync());
    request.check_in.scalars = scalars_;
    request.batches = counter_.since_sync();
    request.until_merge = options_.sync_until == SyncUntil::merge;
    if (options_.state != nullptr && rounds_ > 0) {
        request.snapshot = snapshot();
    }
    request.params = parameters_.save_segments();
    return request;
}

/// The program has trained from a model that was not committed. Its optimiser is as it was before
/// that model came, which others may have chosen; its loops go on where they are.
void SwarmCallback::give_up_training_since_the_last_sync(const SyncedReply& synced,
                                                         std::uint64_t batches) {
    if (synced.digest == digest_) {
        return;  // the training has ended with the model that the program had
    }
    session_.log(Level::warning,
                 "Round " + std::to_string(synced.round) +
                     " was committed to another model than the one that this program has trained "
                     "from: " +
                     std::to_string(batches) + " batches are lost",
                 "SwarmCallback");
    if (options_.state == nullptr || !synced.resumed) {
        return;
    }
    if (const Result<void> loaded = options_.state->load(synced.resumed->state.view()); !loaded) {
        fail(Errc::program, "the program's state can't be loaded again: " + loaded.error().message);
    }
}

/// \param batches  that the program has trained before it
void SwarmCallback::take(const SyncedReply& synced, std::uint64_t batches) {
    STARLING_INVARIANT(is_whole(synced.params, parameters_.layout().size_bytes()),
                       "the ML node hands on whole vectors only");
    parameters_.load(synced.params);
    if (synced.replaced) {  // and the check-in with scalars_ was not sent
        give_up_training_since_the_last_sync(synced, batches);
    } else {
        scalars_.clear();
        if (synced.resumed) {
            resume(*synced.resumed, synced.round);
        }
    }
    rounds_ = synced.round + 1;
    digest_ = synced.digest;
    counter_.synced();
    loss_sum_ = 0.0;
    if (synced.final) {
        ended_ = true;
        session_.trace(
            TraceEvent("final_model")
                .with("round", synced.round)
                .with("digest", to_string(digest_))
                .log(
                    Level::info, "SwarmCallback",
                    "All peers and Swarm training rounds finished. Final Swarm model was loaded."));
    }
}

}  // namespace starling
