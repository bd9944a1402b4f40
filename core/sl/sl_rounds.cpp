#include <algorithm>

#include "core/sl/sl_state.hpp"

namespace starling {
namespace {

/// Work numbers: the upper half tells the attempt, so a result that comes too late is not mistaken.
constexpr std::uint64_t hash_work = 0xffffffffU;
constexpr std::uint64_t work_number(std::uint64_t serial, std::uint64_t what) {
    return (serial << 32U) | what;
}

}  // namespace

RoundKey SlNode::key_of(const ContractView& view) const {
    return {view.name, view.run, view.round, view.attempt};
}

void SlNode::begin_exchange(std::vector<Effect>& effects) {
    const RoundKey key = key_of(*view_);
    const bool member = std::any_of(view_->frozen.begin(), view_->frozen.end(),
                                    [&](const RoundMember& m) { return m.id == options_.id; });
    if (!member || (exchange_ && exchange_->key() == key)) {
        return;
    }
    if (!sync_ || !sync_->waiting || view_->round != next_round_) {
        fail({Errc::aborted, "the swarm counts on this node in round " +
                                 std::to_string(view_->round) + ", for which it has no parameters"},
             exit_code::aborted, effects);
        return;
    }
    if (exchange_) {
        progress_base_ += exchange_->progress();
    }
    ++exchange_serial_;
    hashing_ = false;
    merged_digest_.reset();
    exchange_ = std::make_unique<Exchange>(ExchangeSetup{
        options_.id, key, view_->frozen, session_->layout, session_->open.config.merge_rule,
        sync_->params, work_number(exchange_serial_, 0)});
    effects.push_back(Report{TraceEvent("exchange_begin")
                                 .with("round", key.round)
                                 .with("attempt", key.attempt)
                                 .with("members", view_->frozen.size())});
    exchange_->start(now_, up_, effects);
    for (auto fetch = early_fetches_.begin(); fetch != early_fetches_.end();) {
        if (fetch->second.key == key) {
            exchange_->on_fetch(fetch->first.first, fetch->second, effects);
        }
        fetch = fetch->second.key <= key ? early_fetches_.erase(fetch) : std::next(fetch);
    }
    dial_partners(effects);
    hash_if_complete(effects);
}

void SlNode::dial_partners(std::vector<Effect>& effects) {
    if (!exchange_) {
        return;
    }
    bool missing = false;
    for (const RoundMember& partner : exchange_->partners()) {
        if (up_.count(partner.id) > 0) {
            continue;
        }
        missing = true;
        // Of two members the one with the lower id dials, so that there is one connection.
        if (options_.id < partner.id && dialling_.insert(partner.id).second) {
            effects.push_back(Connect{partner.address, Role::sl});
        }
    }
    if (missing) {
        effects.push_back(SetTimer{peer_dial_timer, now_ + redial_interval});
    }
}

void SlNode::on_fetch(const NodeId& from, const FetchSegments& fetch,
                      std::vector<Effect>& effects) {
    if (exchange_ && fetch.key == exchange_->key()) {
        exchange_->on_fetch(from, fetch, effects);
        return;
    }
    if (committed_exchange_ && fetch.key == committed_exchange_->key()) {
        committed_exchange_->on_fetch(from, fetch, effects);
        return;
    }
    const bool ours = session_ && session_->enrolled &&
                      fetch.key.contract == session_->open.contract &&
                      fetch.key.run == session_->run;
    const bool later =
        ours && fetch.key.round >= next_round_ && (!exchange_ || exchange_->key() < fetch.key);
    if (later) {
        early_fetches_[{from, fetch.kind}] = fetch;
    }
}

void SlNode::on_segment(const NodeId& from, const SegmentData& data, const Blob& body,
                        std::vector<Effect>& effects) {
    const Result<void> taken =
        exchange_ ? exchange_->on_segment(now_, from, data, body, effects)
                  : Result<void>(Error{Errc::stale, "no round is being exchanged"});
    if (!taken) {
        effects.push_back(Report{TraceEvent("segment_refused")
                                     .with("peer", from.name)
                                     .with("round", data.key.round)
                                     .with("attempt", data.key.attempt)
                                     .with("index", data.index)
                                     .with("reason", taken.error().message)});
        return;
    }
    hash_if_complete(effects);
}

void SlNode::on_work(const WorkDone& done, std::vector<Effect>& effects) {
    if ((done.work >> 32U) != exchange_serial_ || !exchange_) {
        return;  // of an attempt that is over
    }
    if (const auto* merged = std::get_if<MergeResult>(&done.result)) {
        exchange_->on_merged(*merged, effects);
        hash_if_complete(effects);
    } else if (const auto* digest = std::get_if<Digest>(&done.result)) {
        merged_digest_ = *digest;
        const RoundKey& key = exchange_->key();
        effects.push_back(Report{TraceEvent("exchange_done")
                                     .with("round", key.round)
                                     .with("attempt", key.attempt)
                                     .with("digest", to_string(*digest))
                                     .with("sent_bytes", exchange_->traffic().sent_bytes)
                                     .with("received_bytes", exchange_->traffic().received_bytes)});
        submit(ReportMerge{key.contract, key.run, key.round, key.attempt, *digest}, effects);
    }
}

void SlNode::hash_if_complete(std::vector<Effect>& effects) {
    if (exchange_ && exchange_->complete() && !hashing_) {
        hashing_ = true;
        effects.push_back(
            StartWork{work_number(exchange_serial_, hash_work), HashWork{exchange_->merged()}});
    }
}

void SlNode::on_commit(const Commit& commit, std::vector<Effect>& effects) {
    const bool have_it = exchange_ && exchange_->key().round == commit.round &&
                         exchange_->key().attempt == commit.attempt &&
                         merged_digest_ == commit.digest;
    if (!have_it || !sync_ || !sync_->waiting) {
        fail({Errc::aborted,
              "round " + std::to_string(commit.round) + " was committed without this node"},
             exit_code::aborted, effects);
        return;
    }
    effects.push_back(
        Report{TraceEvent("round_done")
                   .with("round", commit.round)
                   .with("members", commit.members.size())
                   .with("digest", to_string(commit.digest))
                   .with("final", commit.final ? 1U : 0U)
                   .log(Level::info, "swarm.SL",
                        "Round " + std::to_string(commit.round) + (commit.final ? " (final)" : "") +
                            ": merged " + std::to_string(commit.members.size()) +
                            " members, digest " + short_text(commit.digest))});
    progress_base_ += exchange_->progress();
    committed_exchange_ = std::move(exchange_);
    next_round_ = commit.round + 1;
    if (sync_->check_in.finished && !commit.final) {
        check_in_for_finished(effects);
        return;
    }
    answer_sync(commit, effects);
}

}  // namespace starling
