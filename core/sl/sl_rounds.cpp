#include <algorithm>

#include "core/base/size_text.hpp"
#include "core/sl/sl_state.hpp"

namespace starling {
namespace {

/// Work numbers: the upper half identifies the attempt, so that late results are recognised.
constexpr std::uint64_t hash_work = 0xffffffffU;
constexpr std::uint64_t keep_work = 0xfffffffeU;
constexpr std::uint64_t work_number(std::uint64_t serial, std::uint64_t what) {
    return (serial << 32U) | what;
}

}  // namespace

RoundKey SlNode::key_of(const ContractView& view) const {
    return {view.name, view.run, view.round, view.attempt};
}

void SlNode::begin_exchange(Outbox& out) {
    const RoundKey key = key_of(*view_);
    const bool member = std::any_of(view_->frozen.begin(), view_->frozen.end(),
                                    [&](const RoundMember& m) { return m.id == options_.id; });
    if (exchange_ && exchange_->key() == key) {
        return;
    }
    end_exchange(out);  // of an attempt that is over
    if (!member) {
        return;  // it is caught up with once it is committed
    }
    if (!sync_ || !sync_->waiting || view_->round != next_round_) {
        // The view of an SN that lags behind: an earlier start of this node was in that round.
        // Otherwise the others exclude this node from the round.
        out.report(
            TraceEvent("exchange_refused").with("round", key.round).with("attempt", key.attempt));
        return;
    }
    ++exchange_serial_;
    hashing_ = false;
    merged_digest_.reset();
    report_.reset();
    if (!same_round(kept_round_, key)) {
        kept_contributions_.clear();
        kept_round_ = key;
    }
    exchange_ = std::make_unique<Exchange>(ExchangeSetup{
        options_.id, key, view_->frozen, view_->departed, session_->layout,
        session_->open.config.merge_rule, session_->open.config.non_finite, sync_->params,
        options_.planted.merge_in_arrival_order, work_number(exchange_serial_, 0),
        attempt_limit(session_->open.config, view_->frozen.size()), exchange_serial_,
        &kept_contributions_});
    out.report(TraceEvent("exchange_begin")
                   .with("round", key.round)
                   .with("attempt", key.attempt)
                   .with("members", view_->frozen.size())
                   .log(Level::info, sl_component,
                        "Round " + std::to_string(key.round) +
                            (key.attempt == 0 ? "" : " attempt " + std::to_string(key.attempt)) +
                            ": exchanging parameters of " +
                            size_text(session_->layout->size_bytes()) + " among " +
                            std::to_string(view_->frozen.size()) + " members"));
    exchange_->start(now_, up_, out);
    for (auto fetch = early_fetches_.begin(); fetch != early_fetches_.end();) {
        if (fetch->second.key == key) {
            exchange_->on_fetch(fetch->first.first, fetch->second, out);
        }
        fetch = fetch->second.key <= key ? early_fetches_.erase(fetch) : std::next(fetch);
    }
    dial_partners(out);
    hash_if_complete(out);
}

/// Cancels queued segments, which nobody needs any more.
void SlNode::end_exchange(Outbox& out) {
    if (exchange_) {
        out.cancel_sends(exchange_serial_);
        exchange_.reset();
    }
}

void SlNode::dial_partners(Outbox& out) {
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
        if (options_.id < partner.id && dialling_.emplace(partner.id, partner.address).second) {
            out.connect(partner.address, Role::sl);
        }
    }
    if (missing) {
        out.set_timer(peer_dial_timer, now_ + redial_interval);
    }
}

void SlNode::on_fetch(const NodeId& from, const FetchSegments& fetch, Outbox& out) {
    if (exchange_ && fetch.key == exchange_->key()) {
        exchange_->on_fetch(from, fetch, out);
        return;
    }
    if (committed_ && fetch.key == committed_->key) {
        fetched_at_ = now_;
        if (fetch.ranges.empty()) {
            out.cancel_sends(committed_group, from);
        }
        serve_committed(from, fetch, out);
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

/// Serves merged segments of committed models; contributions are not requested any more.
void SlNode::serve_committed(const NodeId& to, const FetchSegments& fetch, Outbox& out) {
    if (fetch.kind != SegmentKind::merged) {
        return;
    }
    const Segments& segments = committed_->segments;
    ServedSegments& served = served_committed_[to];
    for (const std::uint32_t segment : segments_in(fetch.ranges, segments.size())) {
        if (served.note(segment, segments.size())) {
            out.send(to, SegmentData{committed_->key, SegmentKind::merged, segment},
                     segments[segment], committed_group);
        }
    }
}

void SlNode::on_segment(const NodeId& from, const SegmentData& data, const Blob& body,
                        Outbox& out) {
    if (catch_up_ && data.key == catch_up_->key()) {
        on_catch_up_segment(from, data, body, out);
        return;
    }
    if (exchange_ && exchange_->is_non_finite_merge(data, body)) {
        name_non_finite({from}, out);  // and waits for another one, or for the SN's decision
        return;
    }
    const Result<void> taken =
        exchange_ ? exchange_->on_segment(now_, from, data, body, out)
                  : Result<void>(Error{Errc::stale, "no round is being exchanged"});
    if (!taken) {
        out.report(TraceEvent("segment_refused")
                       .with("peer", from.name)
                       .with("round", data.key.round)
                       .with("attempt", data.key.attempt)
                       .with("index", data.index)
                       .with("reason", taken.error().message));
        return;
    }
    hash_if_complete(out);
}

void SlNode::on_probe(const NodeId& from, const FetchProbe& probe, Outbox& out) {
    if (exchange_ && probe.key == exchange_->key()) {
        exchange_->on_probe(from, probe, out);
        return;
    }
    const bool known = committed_ && probe.key == committed_->key;
    fetched_at_ = known ? now_ : fetched_at_;
    out.send(from, FetchProbeReply{probe.key, probe.serial, known, 0});
}

void SlNode::on_probe_reply(const NodeId& from, const FetchProbeReply& reply, Outbox& out) {
    if (catch_up_ && reply.key == catch_up_->key()) {
        catch_up_->on_probe_reply(now_, from, reply, out);
        dial_source(out);
    } else if (exchange_ && reply.key == exchange_->key()) {
        exchange_->on_probe_reply(now_, from, reply, out);
    }
}

void SlNode::on_work(const WorkDone& done, Outbox& out) {
    if (catch_up_ && done.work == catch_up_serial_) {
        if (const auto* digest = std::get_if<Digest>(&done.result)) {
            on_catch_up_digest(*digest, out);
        } else if (const auto* kept = std::get_if<KeptReply>(&done.result)) {
            on_catch_up_kept(*kept, out);
        }
        return;
    }
    if ((done.work >> 32U) != exchange_serial_ || !exchange_) {
        return;  // of an attempt that is over
    }
    if (const auto* merged = std::get_if<MergeResult>(&done.result)) {
        exchange_->on_merged(*merged, out);
        name_non_finite(exchange_->contributors_at(merged->non_finite), out);
        hash_if_complete(out);
    } else if (const auto* digest = std::get_if<Digest>(&done.result)) {
        merged_digest_ = *digest;
        const RoundKey& key = exchange_->key();
        out.report(TraceEvent("exchange_done")
                       .with("contract", key.contract)
                       .with("run", key.run)
                       .with("round", key.round)
                       .with("attempt", key.attempt)
                       .with("digest", to_string(*digest))
                       .with("sent_bytes", exchange_->traffic().sent_bytes)
                       .with("received_bytes", exchange_->traffic().received_bytes));
        // Reported only once it is durable: a committed model is on the disk of every member.
        out.start_work(work_number(exchange_serial_, keep_work),
                       KeepWork{{key, *digest, exchange_->merged()}});
    } else if (const auto* kept = std::get_if<KeptReply>(&done.result)) {
        if (kept->code != Errc::ok) {
            crash({kept->code, "the merged model can't be kept: " + kept->reason},
                  exit_code::failed, out);
            return;
        }
        const RoundKey& key = exchange_->key();
        reported_model_ = {key, *merged_digest_, exchange_->merged()};
        report_ = MergeReport{*merged_digest_, options_.signer->sign(report_text(
                                                   options_.id, key.contract, key.run, key.round,
                                                   key.attempt, *merged_digest_))};
        send_heartbeat(out);
    }
}

void SlNode::hash_if_complete(Outbox& out) {
    if (exchange_ && exchange_->complete() && !hashing_) {
        hashing_ = true;
        out.start_work(work_number(exchange_serial_, hash_work), HashWork{exchange_->merged()});
    }
}

void SlNode::on_commit(const Commit& commit, Outbox& out) {
    const bool merged_it = exchange_ && exchange_->key().round == commit.round &&
                           exchange_->key().attempt == commit.attempt && merged_digest_;
    if (!merged_it || *merged_digest_ != commit.digest) {
        if (merged_it) {
            note_own_deviation(commit, out);
        }
        catch_up_to(commit, out);
        return;
    }
    out.report(TraceEvent("round_done")
                   .with("round", commit.round)
                   .with("members", commit.members.size())
                   .with("digest", to_string(commit.digest))
                   .with("final", commit.final ? 1U : 0U)
                   .with("sent_bytes", exchange_->traffic().sent_bytes)
                   .with("received_bytes", exchange_->traffic().received_bytes)
                   .log(Level::info, sl_component,
                        "Round " + std::to_string(commit.round) + (commit.final ? " (final)" : "") +
                            ": merged " + std::to_string(commit.members.size()) +
                            " members, digest " + short_text(commit.digest)));
    CommittedModel model{exchange_->key(), commit, exchange_->merged()};
    end_exchange(out);
    resume_from(std::move(model), out);
}

/// The newest committed model is here: passed to the ML if it waits, or at its next sync.
void SlNode::resume_from(CommittedModel model, Outbox& out) {
    if (committed_ && committed_->key != model.key) {
        out.cancel_sends(committed_group);  // nobody needs the older one
        served_committed_.clear();
    }
    committed_ = std::move(model);
    kept_contributions_.clear();
    catch_up_.reset();
    reported_model_.reset();
    check_in_refused_ = false;
    next_round_ = committed_->commit.round + 1;
    std::erase_if(named_non_finite_,
                  [&](const auto& named) { return named.first + 1 < next_round_; });
    if (!sync_ || !sync_->waiting) {
        return;
    }
    if (sync_->check_in.finished && !committed_->commit.final) {
        check_in_for_finished(out);
    } else {
        answer_sync(committed_->commit, out);
    }
}

}  // namespace starling
