#include "core/sl/catch_up.hpp"

#include "core/sl/sl_log.hpp"

namespace starling {

bool CatchUp::covers(const Commit& commit) {
    if (!fetch_ || fetch_->commit().round < commit.round) {
        return false;
    }
    if (fetch_->commit().round == commit.round) {
        if (fetch_->commit().digest != commit.digest) {
            return false;  // one of the two was made up: the newest one counts
        }
        fetch_->learn(self_, commit.members);
    }
    return true;
}

void CatchUp::begin(SwarmTime now, RoundKey key, Commit commit,
                    std::shared_ptr<const ParamLayout> layout, SwarmDuration source_limit,
                    Outbox& out) {
    out.report(TraceEvent("catch_up_begin")
                   .with("round", commit.round)
                   .log(Level::info, sl_component,
                        "The swarm has continued to round " + std::to_string(commit.round + 1) +
                            " without this node: fetching the model"));
    working_ = false;  // what was hashed or kept for an older one is not this one's
    hashed_ = false;
    fetch_ = std::make_unique<ModelFetch>(now, self_, std::move(key), std::move(commit),
                                          std::move(layout), source_limit);
}

void CatchUp::report_progress(Heartbeat& heartbeat) const {
    if (fetch_) {
        heartbeat.round = fetch_->key().round;
        heartbeat.attempt = fetch_->key().attempt;
        heartbeat.progress = fetch_->transfer();
    }
}

void CatchUp::learn(Round round, const MemberList& members) {
    if (fetch_ && fetch_->commit().round + 1 == round) {
        fetch_->learn(self_, members);
    }
}

std::optional<RoundMember> CatchUp::source() const {
    return fetch_ ? fetch_->source() : std::nullopt;
}

std::optional<NodeEnd> CatchUp::on_tick(SwarmTime now, const NodeSet& up, Outbox& out) {
    if (!fetch_) {
        return std::nullopt;
    }
    if (now - fetch_->last_moved() > limit_) {
        return NodeEnd{
            .how = NodeEnd::How::crash,
            .error = {Errc::unreachable, "the model of round " + std::to_string(commit().round) +
                                             " (digest " + to_string(commit().digest) +
                                             ") can't be fetched: no member that has it answers"},
            .exit_code = exit_code::peer_lost};
    }
    fetch_->on_tick(now, up, out);
    return std::nullopt;
}

void CatchUp::on_peer_up(SwarmTime now, const NodeId& peer, Outbox& out) {
    if (fetch_) {
        fetch_->on_peer_up(now, peer, out);
    }
}

void CatchUp::on_arrivals(SwarmTime now, const Arrivals& arrivals) {
    if (fetch_) {
        fetch_->on_arrivals(now, arrivals);
    }
}

void CatchUp::on_segment(SwarmTime now, const NodeId& from, const SegmentData& data,
                         const Blob& body, Outbox& out) {
    const bool was_complete = fetch_->complete();
    if (!fetch_->on_segment(now, from, data, body)) {
        out.report(TraceEvent("segment_refused")
                       .with("peer", from.name)
                       .with("round", data.key.round)
                       .with("index", data.index));
        return;
    }
    if (fetch_->complete() && !was_complete) {
        ++serial_;
        working_ = true;
        const WorkId work{.kind = WorkId::Kind::hash_fetched, .serial = serial_};
        out.start_work(work.number(), HashWork{placed(fetch_->segments())});
    }
}

void CatchUp::on_probe_reply(SwarmTime now, const NodeId& from, const FetchProbeReply& reply,
                             Outbox& out) {
    fetch_->on_probe_reply(now, from, reply, out);
}

bool CatchUp::on_hashed(SwarmTime now, const Digest& digest, Outbox& out) {
    if (digest != commit().digest) {
        const std::string source = fetch_->source()->id.name;
        out.report(TraceEvent("catch_up_refused")
                       .with("peer", source)
                       .with("digest", to_string(digest))
                       .log(Level::warning, sl_component,
                            "Member '" + source + "' sent a wrong model (" + short_text(digest) +
                                "; the ledger has " + short_text(commit().digest) +
                                "): asking the next one"));
        fetch_->start_over(now);
        return false;
    }
    hashed_ = true;
    return true;
}

bool CatchUp::start_keeping(Outbox& out) {
    if (!fetch_ || !hashed_ || keeping_) {
        return false;
    }
    hashed_ = false;
    keeping_ = true;
    const WorkId work{.kind = WorkId::Kind::keep_fetched, .serial = serial_};
    out.start_work(work.number(),
                   KeepWork{.model = {fetch_->key(), commit().digest, fetch_->segments()}});
    return true;
}

CommittedModel CatchUp::finish(Outbox& out) {
    CommittedModel model{fetch_->key(), fetch_->commit(), fetch_->segments()};
    const Commit& commit = model.commit;
    out.report(TraceEvent("caught_up")
                   .with("round", commit.round)
                   .with("digest", to_string(commit.digest))
                   .with("final", commit.final ? 1U : 0U)
                   .log(Level::info, sl_component,
                        "Caught up with round " + std::to_string(commit.round) +
                            (commit.final ? " (final)" : "") + ", digest " +
                            short_text(commit.digest)));
    end();
    return model;
}

std::vector<DifferentSegments> CatchUp::take_differences(Round round, const Segments& agreed) {
    const std::unique_ptr<const Deviation> deviation = std::move(deviation_);
    if (!deviation || deviation->round != round) {
        return {};
    }
    return different_segments(*deviation, agreed);
}

}  // namespace starling
