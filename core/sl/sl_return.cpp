// Rejoining: an SL that missed rounds fetches the newest committed model.
#include <algorithm>

#include "core/sl/sl_state.hpp"

namespace starling {

/// A round was committed without this node: fetches its model from members that have it.
void SlNode::catch_up_to(const Commit& commit, Outbox& out) {
    if (catch_up_ && catch_up_->commit().round >= commit.round) {
        if (catch_up_->commit().round == commit.round) {
            catch_up_->learn(options_.id, commit.members);
        }
        return;
    }
    if (exchange_ && exchange_->key().round <= commit.round) {
        end_exchange(out);
    }
    const RoundKey key{session_->open.contract, session_->run, commit.round, commit.attempt};
    const std::uint64_t bytes = session_->layout->size_bytes();
    const auto fits = [&](const KeptModel& kept) {
        return kept.digest == commit.digest && kept.segments.size() == segment_count(bytes);
    };
    const auto kept = std::find_if(options_.kept.begin(), options_.kept.end(), fits);
    const bool reported = reported_model_ && fits(*reported_model_);
    if (reported || kept != options_.kept.end()) {
        log_sl(Level::info,
               "Going on from round " + std::to_string(commit.round) +
                   ", whose model this node has kept",
               out);
        resume_from({key, commit, reported ? reported_model_->segments : kept->segments}, out);
        return;
    }
    catch_up_serial_ = 0;  // what was hashed or kept for an older one is not this one's
    catch_up_ = std::make_unique<ModelFetch>(now_, options_.id, key, commit, bytes);
    out.report(TraceEvent("catch_up_begin")
                   .with("round", commit.round)
                   .log(Level::info, sl_component,
                        "The swarm has gone on to round " + std::to_string(commit.round + 1) +
                            " without this node: fetching its model"));
    dial_source(out);
    catch_up_->on_tick(now_, up_, out);
}

void SlNode::dial_source(Outbox& out) {
    const auto& source = catch_up_->source();
    // Here the one that needs the model dials, regardless of names.
    if (source && up_.count(source->id) == 0 &&
        dialling_.emplace(source->id, source->address).second) {
        out.connect(source->address, Role::sl);
    }
}

void SlNode::check_catch_up(Outbox& out) {
    if (!catch_up_) {
        return;
    }
    if (now_ - catch_up_->last_moved() > options_.catch_up_limit) {
        crash(
            {Errc::unreachable, "the model of round " + std::to_string(catch_up_->commit().round) +
                                    " (digest " + to_string(catch_up_->commit().digest) +
                                    ") can't be fetched: no member that has it answers"},
            exit_code::peer_lost, out);
        return;
    }
    catch_up_->on_tick(now_, up_, out);
    dial_source(out);
}

void SlNode::on_catch_up_segment(const NodeId& from, const SegmentData& data, const Blob& body,
                                 Outbox& out) {
    const bool was_complete = catch_up_->complete();
    if (!catch_up_->on_segment(now_, from, data, body)) {
        out.report(TraceEvent("segment_refused")
                       .with("peer", from.name)
                       .with("round", data.key.round)
                       .with("index", data.index));
        return;
    }
    if (catch_up_->complete() && !was_complete) {
        // The upper half is used by no attempt.
        catch_up_serial_ = ++exchange_serial_ << 32U;
        out.start_work(catch_up_serial_, HashWork{catch_up_->segments()});
    }
}

void SlNode::on_catch_up_digest(const Digest& digest, Outbox& out) {
    const Commit commit = catch_up_->commit();
    if (digest != commit.digest) {
        out.report(TraceEvent("catch_up_refused")
                       .with("peer", catch_up_->source()->id.name)
                       .with("digest", to_string(digest))
                       .log(Level::warning, sl_component,
                            "Member '" + catch_up_->source()->id.name + "' sent another model (" +
                                short_text(digest) + ") than the ledger's (" +
                                short_text(commit.digest) + "): asking the next one"));
        catch_up_->start_over(now_);
        check_catch_up(out);
        return;
    }
    out.start_work(catch_up_serial_,
                   KeepWork{{catch_up_->key(), commit.digest, catch_up_->segments()}});
}

void SlNode::on_catch_up_kept(const KeptReply& kept, Outbox& out) {
    if (kept.code != Errc::ok) {
        crash({kept.code, "the merged model can't be kept: " + kept.reason}, exit_code::failed,
              out);
        return;
    }
    name_deviating_owners(out);
    const Commit commit = catch_up_->commit();
    out.report(TraceEvent("caught_up")
                   .with("round", commit.round)
                   .with("digest", to_string(commit.digest))
                   .with("final", commit.final ? 1U : 0U)
                   .log(Level::info, sl_component,
                        "Caught up with round " + std::to_string(commit.round) +
                            (commit.final ? " (final)" : "") + ", digest " +
                            short_text(commit.digest)));
    resume_from({catch_up_->key(), commit, catch_up_->segments()}, out);
}

/// Its lease expired while it was partitioned: enrols again and resumes at the current round.
void SlNode::rejoin(const std::string& reason, Outbox& out) {
    log_sl(Level::warning, "Joining again: " + reason, out);
    session_->enrolled = false;
    view_.reset();
    end_exchange(out);
    submit(registration(), out);
    submit(Enrol{session_->open.contract, session_->open.config, session_->open.layout_text,
                 session_->run},
           out);
}

/// Repeats a check-in that was late for an attempt, or excluded from one, for the next attempt of
/// the round. A duplicate changes nothing.
void SlNode::check_in_again(Outbox& out) {
    const bool waits = !catch_up_ && sync_ && sync_->waiting && view_ &&
                       view_->phase == ContractPhase::gathering && view_->round == next_round_;
    if (waits && (check_in_refused_ || view_->attempt > check_in_attempt_)) {
        check_in(out);
    }
}

}  // namespace starling
