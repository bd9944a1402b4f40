#include "core/sl/round_exchange.hpp"

#include "core/base/size_text.hpp"
#include "core/ledger/contract.hpp"
#include "core/params/model_digest.hpp"
#include "core/sl/early_exchange.hpp"
#include "core/sl/sl_log.hpp"

namespace starling {

void RoundExchange::begin(SwarmTime now, OwnParameters own, ExchangeSetup setup, const NodeSet& up,
                          Outbox& out) {
    const RoundKey key = setup.key;
    ++serial_;
    // With compression the committed model is what the next round's differences are against.
    const bool read_soon = setup.compression.kind != Compression::none;
    model_ = std::make_unique<MergedModel>(serial_, key, *setup.layout, read_soon);
    merged_.reset();
    stores_later_ = setup.stores_later;
    stored_names_.clear();
    if (!same_round(contributions_round_, key)) {
        kept_contributions_.clear();
        own_.reset();
        contributions_round_ = key;
    }
    setup.serial = serial_;
    setup.kept = &kept_contributions_;
    set_own(std::move(own), setup);
    exchange_ = std::make_unique<Exchange>(setup);
    report_begin(out);
    report_plan(out);
    exchange_->start(now, up, out);
    const RoundKey wire_key = exchange_->wire_key();
    for (const auto& [from, fetch] : *deferred_fetches_) {
        if (fetch.key == wire_key) {
            exchange_->on_fetch(from.first, fetch, out);
        }
    }
    deferred_fetches_.erase_if([&](const auto& fetch) { return fetch.second.key <= wire_key; });
}

/// What one attempt has encoded, the next one needs not encode again if the owners have kept it; so
/// what is lost by that is known only if it is kept here too.
void RoundExchange::set_own(OwnParameters own, ExchangeSetup& setup) {
    if (setup.key.round == 0) {
        residuals_.reset();  // of another run
    }
    if (!own_) {  // else of the same parameters: see RoundExchange::own_
        own_.emplace(SegmentCodec(setup.layout, setup.compression), std::move(own),
                     residuals_ ? *residuals_ : Segments());
    }
    setup.own = &*own_;
}

void RoundExchange::report_begin(Outbox& out) const {
    const RoundKey& key = exchange_->key();
    const std::size_t members = exchange_->members().size();
    if (!exchange_->frozen()) {
        out.report(TraceEvent("exchange_early").with("round", key.round).with("members", members));
        return;
    }
    out.report(TraceEvent("exchange_begin")
                   .with("round", key.round)
                   .with("attempt", key.attempt)
                   .with("members", members)
                   .log(Level::info, sl_component,
                        "Round " + std::to_string(key.round) +
                            (key.attempt == 0 ? "" : " attempt " + std::to_string(key.attempt)) +
                            ": exchanging parameters of " + size_text(exchange_->model_bytes()) +
                            " among " + std::to_string(members) + " members"));
}

/// Where it is another one than that of the attempt before.
void RoundExchange::report_plan(Outbox& out) {
    const MergePlan& plan = exchange_->plan();
    const std::string text = plan.text();
    const std::size_t hash = std::hash<std::string>()(text);
    if (std::exchange(plan_hash_, hash) == hash) {
        return;
    }
    out.report(TraceEvent("exchange_plan")
                   .with("round", exchange_->key().round)
                   .with("attempt", exchange_->key().attempt)
                   .with("plan", std::string(to_string(plan.kind)))
                   .with("groups", plan.relays.size())
                   .with("reason", plan.reason)
                   .log(Level::info, sl_component, "Exchange plan: " + text));
}

/// Also if it returns false, what has come is kept under the members' new check-ins. Members that
/// did not begin early have no more than the view to tell which key the attempt has: what an SN
/// makes up in it must not lead this node to another one.
bool RoundExchange::freeze(SwarmTime now, const RoundKey& key, const ContractView& view,
                           Outbox& out) {
    const MemberList& members = view.frozen;
    if (!exchange_ || exchange_->frozen() || !same_round(exchange_->key(), key)) {
        return false;
    }
    kept_contributions_.renumber(exchange_->members(), members);
    if (exchange_->key() != key || !may_have_begun_early(view) ||
        !merge_alike(exchange_->members(), members)) {
        return false;
    }
    exchange_->freeze(now, members);
    report_begin(out);
    if (merged_) {
        on_merged_and_frozen(out);
    }
    return true;
}

void RoundExchange::end(Outbox& out) {
    if (exchange_) {
        out.cancel_sends(serial_);
        exchange_.reset();
    }
}

void RoundExchange::on_peer_up(SwarmTime now, const NodeId& peer, Outbox& out) {
    if (exchange_) {
        // Frames on the older connection may be lost.
        exchange_->on_peer_lost(peer);
        exchange_->on_peer_up(now, peer, out);
    }
}

void RoundExchange::on_peer_lost(const NodeId& peer) {
    if (exchange_) {
        exchange_->on_peer_lost(peer);
    }
}

void RoundExchange::on_tick(SwarmTime now, Outbox& out) {
    if (exchange_) {
        exchange_->on_tick(now, out);
    }
}

void RoundExchange::on_arrivals(SwarmTime now, const Arrivals& arrivals) {
    if (exchange_) {
        exchange_->on_arrivals(now, arrivals);
    }
}

bool RoundExchange::on_fetch(const NodeId& from, const FetchSegments& fetch, Outbox& out) {
    if (!is_on_wire(fetch.key)) {
        return false;
    }
    exchange_->on_fetch(from, fetch, out);
    return true;
}

void RoundExchange::defer_fetch(const NodeId& from, const FetchSegments& fetch) {
    if (!exchange_ || exchange_->wire_key() < fetch.key) {
        deferred_fetches_.change()[{from, fetch.kind}] = fetch;
    }
}

bool RoundExchange::on_probe(const NodeId& from, const FetchProbe& probe, Outbox& out) const {
    if (!is_on_wire(probe.key)) {
        return false;
    }
    exchange_->on_probe(from, probe, out);
    return true;
}

void RoundExchange::on_probe_reply(SwarmTime now, const NodeId& from, const FetchProbeReply& reply,
                                   Outbox& out) {
    if (is_on_wire(reply.key)) {
        exchange_->on_probe_reply(now, from, reply, out);
    }
}

std::vector<NodeId> RoundExchange::on_segment(SwarmTime now, const NodeId& from,
                                              const SegmentData& data, const Blob& body,
                                              Outbox& out) {
    const Result<bool> taken =
        exchange_ ? exchange_->on_segment(now, from, data, body, out)
                  : Result<bool>(Error{Errc::stale, "no round is being exchanged"});
    if (!taken) {
        out.report(TraceEvent("segment_refused")
                       .with("peer", from.name)
                       .with("round", data.key.round)
                       .with("attempt", data.key.attempt)
                       .with("index", data.index)
                       .with("reason", taken.error().message));
        return {};
    }
    if (!*taken) {
        return {from};
    }
    process_merged(out);
    return {};
}

std::vector<NodeId> RoundExchange::on_merged(SwarmTime now, const MergeResult& result,
                                             Outbox& out) {
    exchange_->on_merged(now, result, out);
    add_new(&result);
    return exchange_->contributors_at(result.non_finite);
}

/// \param merged  by this node; nullptr: they have come
void RoundExchange::add_new(const MergeResult* merged) {
    for (const std::uint32_t segment : exchange_->take_new_merged()) {
        const bool hashed = merged != nullptr && merged->segment == segment;
        model_->add(segment, exchange_->merged()[segment],
                    hashed ? std::optional(merged->digest) : std::nullopt);
    }
}

void RoundExchange::process_merged(Outbox& out) {
    if (merged_) {
        return;
    }
    add_new(nullptr);
    model_->start_work(out);
    if (!exchange_->complete()) {
        return;
    }
    exchange_->share_merged(services_.shared);
    if (const auto digests = model_->digests()) {
        on_digest(model_digest(*digests, services_.hasher), out);
    }
}

void RoundExchange::on_hashed(const SegmentDigests& hashed, Outbox& out) {
    if (model_) {
        model_->on_hashed(hashed);
        process_merged(out);
    }
}

void RoundExchange::on_digest(const Digest& digest, Outbox& out) {
    merged_ = Merged{.report = {digest, {}, false}, .reported = false, .stored = {}};
    if (!stores_later_) {
        start_storing(out);
    }
    if (exchange_->frozen()) {
        on_merged_and_frozen(out);
    } else {
        out.report(with_merge(TraceEvent("merged_early")));
    }
}

void RoundExchange::store_merged(Outbox& out) {
    stores_later_ = false;
    if (exchange_ && merged_ && model_) {
        start_storing(out);
        report_if_allowed();
    }
}

void RoundExchange::start_storing(Outbox& out) {
    const Digest& digest = merged_->report.digest;
    storing_.change()[serial_] = {exchange_->key(), digest, {}};
    model_->start_keeping(digest, exchange_->merged(), out);
    model_.reset();
}

void RoundExchange::on_merged_and_frozen(Outbox& out) {
    report_done(out);
    report_if_allowed();
}

/// Adds which attempt is merged, and to what. \pre merged_
TraceEvent RoundExchange::with_merge(TraceEvent event) const {
    const RoundKey& key = exchange_->key();
    return std::move(event)
        .with("contract", key.contract)
        .with("run", key.run)
        .with("round", key.round)
        .with("attempt", key.attempt)
        .with("digest", to_string(merged_->report.digest));
}

void RoundExchange::report_done(Outbox& out) const {
    out.report(with_merge(TraceEvent("exchange_done"))
                   .with("sent_bytes", exchange_->traffic().sent_bytes)
                   .with("received_bytes", exchange_->traffic().received_bytes)
                   .with("from", exchange_->received_from()));
}

KeptModel RoundExchange::on_stored(std::uint32_t serial, const Segments& stored) {
    KeptModel model = storing_.change()[serial];
    storing_.erase(serial);
    model.segments = stored;
    if (merged_ && serial == serial_) {
        merged_->stored = stored;
    }
    report_if_allowed();
    if (reported_model_ && reported_model_->key == model.key &&
        reported_model_->digest == model.digest && !stored.empty()) {
        reported_model_->segments = stored;
    }
    return model;
}

void RoundExchange::set_storing_fetched(bool storing) {
    storing_fetched_ = storing;
    report_if_allowed();
}

void RoundExchange::set_storing_state(bool storing) {
    storing_state_ = storing;
    report_if_allowed();
}

/// Nothing before the ledger has frozen the attempt: nobody would be told of it.
void RoundExchange::report_if_allowed() {
    if (!exchange_ || !exchange_->frozen() || !merged_ || storing_state_ || stores_later_) {
        return;
    }
    const bool durable = !storing_->contains(serial_);
    // With two members a quorum is both of them: reports before the disk would gain nothing.
    const std::size_t members = exchange_->members().size();
    const bool early =
        is_durable_enough(exchange_->durable(), members - 1, members) && writes_only_this();
    MergeReport& report = merged_->report;
    const bool enough =
        merged_->reported && (report.durable || exchange_->durable() == Durability::none);
    if (enough || !(durable || (early && !merged_->reported))) {
        return;
    }
    const RoundKey& key = exchange_->key();
    note_reported();
    report.signature = services_.signer->sign(
        report_text(self_, key.contract, key.run, key.round, key.attempt, report.digest, durable));
    report.durable = durable;
    merged_->reported = true;
    new_report_ = true;
}

/// A disk that is slower than rounds must not fall behind by more than one model.
bool RoundExchange::writes_only_this() const { return storing_->size() == 1 && !storing_fetched_; }

void RoundExchange::note_reported() {
    reported_model_ = KeptModel{exchange_->key(), merged_->report.digest,
                                merged_->stored.empty() ? exchange_->merged() : merged_->stored};
}

std::optional<EarlyMerge> RoundExchange::early_merge() {
    if (!exchange_ || exchange_->frozen() || !merged_ || storing_state_ || stores_later_ ||
        !stored_names_->empty()) {
        return std::nullopt;
    }
    const bool durable = !storing_->contains(serial_);
    if (!durable && !(exchange_->durable() == Durability::none && writes_only_this())) {
        return std::nullopt;
    }
    note_reported();
    return EarlyMerge{merged_->report.digest, {}, durable};
}

std::vector<NodeId> RoundExchange::name_non_finite(const std::vector<NodeId>& nodes) {
    if (nodes.empty()) {
        return {};
    }
    if (!exchange_->frozen()) {
        stored_names_.change().insert(nodes.begin(), nodes.end());
        return {};
    }
    std::vector<NodeId> named;
    for (const NodeId& node : nodes) {
        if (node != self_ &&
            named_non_finite_.change().insert({exchange_->key().round, node}).second) {
            named.push_back(node);
        }
    }
    return named;
}

std::optional<Digest> RoundExchange::merged_digest(const Commit& commit) const {
    const bool same = exchange_ && exchange_->key().round == commit.round &&
                      exchange_->key().attempt == commit.attempt &&
                      (exchange_->frozen() || merge_alike(exchange_->members(), commit.members));
    return same && merged_ ? std::optional(merged_->report.digest) : std::nullopt;
}

void RoundExchange::freeze_committed(SwarmTime now, const Commit& commit, Outbox& out) {
    exchange_->freeze(now, commit.members);
    report_begin(out);
    report_done(out);
}

CommittedModel RoundExchange::finish(const Commit& commit, Outbox& out) {
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
    const bool reported = reported_model_ && reported_model_->key == exchange_->key() &&
                          reported_model_->digest == commit.digest;
    CommittedModel model{exchange_->key(), commit,
                         reported ? reported_model_->segments : exchange_->merged()};
    end(out);
    return model;
}

Deviation RoundExchange::deviation(const Commit& commit) const {
    Deviation deviation{.round = commit.round, .merged = exchange_->merged(), .owners = {}};
    for (std::uint32_t segment = 0; segment < deviation.merged.size(); ++segment) {
        deviation.owners.push_back(exchange_->source_of(segment));
    }
    return deviation;
}

void RoundExchange::on_committed(const CommittedModel& model) {
    const Commit& commit = model.commit;
    const RoundMember* const member = commit.members.find(self_);
    const bool contributed = own_ && same_round(contributions_round_, model.key) &&
                             member != nullptr && member->session == services_.session;
    if (contributed) {
        residuals_.reset();
        if (Segments lost = own_->residuals(); !lost.empty()) {
            residuals_ = std::move(lost);
        }
    }
    if (!exchange_) {
        own_.reset();
    }
    kept_contributions_.clear();
    reported_model_.reset();
    named_non_finite_.erase_if([&](const auto& named) { return named.first < commit.round; });
}

void RoundExchange::report_progress(Heartbeat& heartbeat, SwarmTime now, SwarmDuration stall_limit,
                                    const std::set<NodeId>& refused_by) const {
    if (exchange_ && (exchange_->frozen() || merged_)) {
        heartbeat.round = exchange_->key().round;
        heartbeat.attempt = exchange_->key().attempt;
        heartbeat.progress = exchange_->transfer();
        heartbeat.stalls = exchange_->stalls(now, stall_limit, refused_by);
        heartbeat.senders = exchange_->senders();
        if (merged_ && merged_->reported) {
            heartbeat.report = merged_->report;
        }
    }
}

}  // namespace starling
