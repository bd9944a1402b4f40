// What follows from what other SLs say, and from the work on what they sent: the exchange of a
// round, and catching up with one that was missed.
#include <algorithm>

#include "core/params/model_digest.hpp"
#include "core/sl/detail/sl_dispatcher.hpp"
#include "core/sl/early_exchange.hpp"
#include "core/sl/non_finite.hpp"
#include "core/sl/sl_timers.hpp"

namespace starling {

/// Of the attempt in the newest view, unless that one is running.
void SlNode::begin_exchange(Outbox& out) {
    const ContractView& view = *run_.view();
    const RoundKey key = run_.key();
    if (round_.is_on(key)) {
        return;
    }
    run_.on_frozen();
    if (round_.freeze(now_, key, view, out)) {
        dial_partners(out);
        name_non_finite(round_.take_stored_names(), out);
        send_results(out);
        return;
    }
    round_.end(out);  // of an attempt that is over
    if (!run_.is_frozen_with(options_.id, options_.session)) {
        // It is caught up with once it is committed. Or a later start of this node is in it.
        return;
    }
    if (view.round != run_.next_round() || !may_exchange(key)) {
        // The view of an SN that lags behind: an earlier start of this node was in that round.
        // Otherwise the others exclude this node from the round.
        out.report(
            TraceEvent("exchange_refused").with("round", key.round).with("attempt", key.attempt));
        return;
    }
    ExchangeSetup setup = attempt_among(view.frozen);
    setup.departed = view.departed;
    setup.early = may_have_begun_early(view);
    begin_attempt(std::move(setup), out);
    dial_partners(out);
}

/// With the members of the round before, while the ledger gathers check-ins for the next one.
void SlNode::begin_early(Outbox& out) {
    if (!run_.view() || run_.view()->round != run_.next_round() || round_.running() != nullptr ||
        !may_exchange(run_.key())) {
        return;
    }
    const auto members = expected_members(*run_.view(), ml_.request().config, options_.id,
                                          options_.session, ml_.check_in());
    if (members) {
        ExchangeSetup setup = attempt_among(*members);
        setup.early = true;
        setup.frozen = false;
        setup.stores_later = ml_.takes_uncommitted(setup.key.round);
        begin_attempt(std::move(setup), out);
    }
}

/// Whether the parameters for the round of the attempt are here, and what they are compared with.
bool SlNode::may_exchange(const RoundKey& key) const {
    const bool needs_reference =
        ml_.request().config.compression.kind != Compression::none && key.round > 0;
    return ml_.is_waiting() && (!needs_reference || models_.precedes(key));
}

/// Of the newest view's attempt, among these members.
ExchangeSetup SlNode::attempt_among(const MemberList& members) const {
    const ContractConfig& config = ml_.request().config;
    const SwarmDuration limit = attempt_limit(config, members.size());
    ExchangeSetup setup;
    setup.key = run_.key();
    setup.members = members;
    setup.method = config.merge;
    setup.non_finite = config.non_finite;
    setup.durable = config.durable;
    setup.in_arrival_order = options_.planted.merge_in_arrival_order;
    // Where members are kept apart, the SN may judge one that delays the round earlier.
    setup.limit = members.all_merge() ? limit : limit / attempt_limit_parts;
    setup.self = options_.id;
    setup.layout = ml_.layout();
    setup.exchange = config.exchange;
    setup.compression = config.compression;
    setup.shared = options_.shared;
    return setup;
}

void SlNode::begin_attempt(ExchangeSetup setup, Outbox& out) {
    OwnParameters own{.values = ml_.params(), .reference = {}};
    if (setup.compression.kind != Compression::none && setup.key.round > 0) {
        own.reference = models_.model()->segments;
    }
    round_.begin(now_, std::move(own), std::move(setup), peers_.up(), out);
    round_.process_merged(out);  // a model without parameters is complete
    send_results(out);
}

void SlNode::dial_partners(Outbox& out) {
    if (const Exchange* exchange = round_.running()) {
        peers_.dial_partners(now_, exchange->members(), exchange->partners(), out);
    }
}

void SlNode::note_refusals(const ConnectFailed& failed, Outbox& out) {
    const bool exchanges = round_.running() != nullptr;
    if (exchanges) {
        if (const auto why = peers_.note_refusal(failed, run_.view()->frozen, out)) {
            end(*why, out);
        }
    }
    if (catch_up_.running() && !stopped_) {
        if (const auto why = peers_.note_refusal(failed, catch_up_.commit().members, out)) {
            end(*why, out);
        }
    }
    if (exchanges && !stopped_) {
        out.set_timer(peer_dial_timer, now_ + redial_interval);
    }
}

void SlNode::on_fetch(const NodeId& from, const FetchSegments& fetch, Outbox& out) {
    if (round_.on_fetch(from, fetch, out) || models_.on_fetch(now_, from, fetch, out)) {
        return;
    }
    if (run_.is_in(fetch.key.contract, fetch.key.run) && fetch.key.round >= run_.next_round()) {
        round_.defer_fetch(from, fetch);
    }
}

void SlNode::on_segment(const NodeId& from, const SegmentData& data, const Blob& body,
                        Outbox& out) {
    if (catch_up_.is_on(data.key)) {
        catch_up_.on_segment(now_, from, data, body, out);
    } else {
        // and waits for another one of those that it names, or for the SN's decision
        name_non_finite(round_.on_segment(now_, from, data, body, out), out);
        send_results(out);
    }
}

void SlNode::on_probe(const NodeId& from, const FetchProbe& probe, Outbox& out) {
    if (!round_.on_probe(from, probe, out)) {
        models_.on_probe(now_, from, probe, out);
    }
}

void SlNode::on_probe_reply(const NodeId& from, const FetchProbeReply& reply, Outbox& out) {
    if (catch_up_.is_on(reply.key)) {
        catch_up_.on_probe_reply(now_, from, reply, out);
        dial_source(out);
    } else {
        round_.on_probe_reply(now_, from, reply, out);
    }
}

void SlNode::on_work(const WorkDone& done, Outbox& out) {
    const WorkId work = WorkId::of(done.work);
    const auto* merged = std::get_if<MergeResult>(&done.result);
    const auto* hashed = std::get_if<SegmentDigests>(&done.result);
    const auto* kept = std::get_if<KeptReply>(&done.result);
    const bool of_fetch = work.is_of_fetch();
    if (kept != nullptr && kept->code == Errc::ok && work.kind == WorkId::Kind::keep_merged) {
        // Perhaps of a round that was committed before.
        models_.on_stored(round_.on_stored(work.serial, kept->stored));
        send_results(out);
        return;
    }
    if (kept != nullptr && kept->code == Errc::ok && of_fetch) {
        on_fetched_kept(work, kept->stored, out);
        return;
    }
    const bool failed = kept != nullptr && kept->code != Errc::ok;
    if (!failed && !(of_fetch ? catch_up_.awaits(work) : round_.awaits(work))) {
        return;  // of an attempt or a fetch that is over
    }
    if (failed) {
        crash({kept->code, "the merged model can't be stored: " + kept->reason}, exit_code::failed,
              out);
    } else if (merged != nullptr) {
        name_non_finite(round_.on_merged(now_, *merged, out), out);
        round_.process_merged(out);
        send_results(out);
    } else if (hashed != nullptr && of_fetch) {
        on_fetched_hash(*hashed, out);
    } else if (hashed != nullptr) {
        round_.on_hashed(*hashed, out);
        send_results(out);
    }
}

/// What has become of the attempt, as far as it was not told yet: its merged model to a program
/// that does not wait for the commit, a check-in that was delayed until now, a report to the SN.
void SlNode::send_results(Outbox& out) {
    const Digest* const merged = round_.whole_digest();
    if (merged != nullptr && ml_.takes_uncommitted(run_.next_round())) {
        const Exchange& exchange = *round_.running();
        SyncDone done;
        done.round = exchange.key().round;
        done.member_count = static_cast<std::uint32_t>(exchange.members().size());
        done.digest = *merged;
        ml_.give_uncommitted(done, round_.merged(), out);
        set_delay_timer(out);
    }
    if (ml_.delays_check_in()) {
        send_delayed_check_in(out);
    }
    if (round_.take_new_report()) {
        run_.on_merged(now_);
        send_heartbeat(out);
    }
}

/// Once it can tell of the merged model, or can't before the attempt is frozen.
void SlNode::send_delayed_check_in(Outbox& out) {
    const std::optional<EarlyMerge> early = round_.early_merge();
    if (early) {
        run_.on_merged(now_);
    }
    if (early || round_.awaits_freeze_to_name()) {
        ml_.take_delayed_check_in();
        submit_check_in(early, out);
    }
    // No report follows that would tell an SN, and so its status, who has sent how much.
    if (early && run_.tells_transfer(now_, options_.heartbeat_interval, ml_.check_in().finished)) {
        send_heartbeat(out);
    }
}

void SlNode::on_fetched_hash(const SegmentDigests& hashed, Outbox& out) {
    std::vector<Digest> digests(hashed.digests.size());
    for (const auto& [index, digest] : hashed.digests) {
        digests[index] = digest;
    }
    if (!catch_up_.on_hashed(now_, model_digest(digests, hasher_), out)) {
        check_catch_up(out);
    } else {
        keep_fetched(out);
    }
}

/// This node does not wait for its own disk: rounds that take no longer than the disk would always
/// be one ahead of it. The members of the round have stored the model as their contract demands,
/// and the next report of this node waits for what is being written. While an older fetched model
/// is, this one is not written, so that a slow disk does not queue models; but the run ends only
/// once the final one is durable.
void SlNode::keep_fetched(Outbox& out) {
    if (catch_up_.start_keeping(out)) {
        round_.set_storing_fetched(true);
    }
    if (!catch_up_.commit().final) {
        on_fetched_model({}, out);
    }
}

/// A fetched model is durable, perhaps one that this node has gone on from before.
void SlNode::on_fetched_kept(const WorkId& work, const Segments& stored, Outbox& out) {
    catch_up_.on_kept();
    round_.set_storing_fetched(false);
    if (catch_up_.awaits(work)) {
        on_fetched_model(stored, out);
    } else if (catch_up_.start_keeping(out)) {  // the final one has waited
        round_.set_storing_fetched(true);
    }
    send_results(out);
}

/// If this node merged that round to other bytes: tells the ledger who sent it the segments that
/// differ from the agreed ones.
void SlNode::name_false_merges(Round round, const Segments& agreed, Outbox& out) {
    for (const DifferentSegments& different : catch_up_.take_differences(round, agreed)) {
        report_different(different, round, options_.id, out);
        if (different.owner != options_.id && run_.enrolled()) {
            submit(NameFalseMerge{run_.contract(), run_.run(), round, different.owner}, out);
        }
    }
}

/// \param stored  its segments on the disk; none: they stay in memory
void SlNode::on_fetched_model(const Segments& stored, Outbox& out) {
    name_false_merges(catch_up_.commit().round, catch_up_.segments(), out);
    CommittedModel model = catch_up_.finish(out);
    const Segments fetched = model.segments;
    if (!stored.empty()) {
        model.segments = stored;
    }
    resume_from(std::move(model), fetched, out);
}

/// Tells the SN of members that sent NaN or infinity in this round.
void SlNode::name_non_finite(const std::vector<NodeId>& nodes, Outbox& out) {
    for (const NodeId& node : round_.name_non_finite(nodes)) {
        const Round round = round_.running()->key().round;
        report_non_finite_of(node, round, ml_.request().config.non_finite, out);
        submit(NameNonFinite{run_.contract(), run_.run(), round, node}, out);
    }
}

void SlNode::dial_source(Outbox& out) {
    if (const auto source = catch_up_.source()) {
        peers_.dial(*source, out);
    }
}

void SlNode::check_catch_up(Outbox& out) {
    if (const auto why = catch_up_.on_tick(now_, peers_.up(), out)) {
        end(*why, out);
        return;
    }
    dial_source(out);
}

}  // namespace starling
