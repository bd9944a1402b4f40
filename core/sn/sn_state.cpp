// The state of the ledger on its way between SNs: one that joins with an empty disk begins behind a
// snapshot that the others confirm (state_transfer.hpp), and copies the records before it while it
// serves (older_records.hpp). Any SN gives both to an SN that the roll admits.
#include <algorithm>

#include "core/sn/detail/sn_dispatcher.hpp"

namespace starling {
namespace {

/// Of all records before a snapshot: how many lines tell an operator of the copy.
constexpr std::uint64_t progress_lines = 10;
/// Records that are read from the disk in their order, which is faster; each may have 5 MB.
constexpr std::uint64_t read_together = 16;

}  // namespace

bool SnNode::takes_state() const {
    return options_.sentinel && !options_.leave && options_.log.last() == 0 &&
           options_.memory.snapshot_interval > 0 && options_.memory.archive && options_.memory.link;
}

void SnNode::while_taking_state(const Input& input, Outbox& out) {
    switch (state_.transfer.on_input(now_, input, out)) {
        case StateTransfer::Verdict::waiting:
            return;
        case StateTransfer::Verdict::stopped:
            on_stop(std::get<StopRequested>(input), out);
            return;
        case StateTransfer::Verdict::over:
            if (std::optional<StateTransfer::Taken> taken = state_.transfer.take()) {
                begin_with_state(std::move(*taken), out);
            }
            start(out, state_.transfer.take_held());
            return;
    }
}

void SnNode::begin_with_state(StateTransfer::Taken taken, Outbox& out) {
    const std::uint64_t index = taken.snapshot->index();
    DurableLog& log = options_.log;
    log.vote.self = log.vote.self != 0 ? log.vote.self : options_.number;
    if (log.vote.term < taken.snapshot->term()) {
        log.vote.term = taken.snapshot->term();
        log.vote.candidate = 0;
    }
    log.missing = {index, taken.snapshot->link};
    report(TraceEvent("ledger_state_taken")
               .with("entries", index)
               .with("bytes", taken.bytes.size())
               .with("from", taken.from.name)
               .log(Level::info, component,
                    "Begins with the state after ledger entry " + std::to_string(index) + " (" +
                        std::to_string(taken.bytes.size()) + " bytes) from SN '" + taken.from.name +
                        "', confirmed by " + std::to_string(taken.confirmed) + " of " +
                        std::to_string(taken.voters) + " SNs; the entries before are copied later"),
           out);
    out.begin_behind({std::move(taken.bytes), log.missing, log.vote});
    log.snapshot = std::move(taken.snapshot);
}

void SnNode::keep_snapshot(std::uint64_t index, const Bytes& snapshot) {
    if (options_.memory.link) {
        state_.kept.add(index, snapshot);
    }
}

/// \return  false: it is about something else.
bool SnNode::on_state_frame(const FrameReceived& received, Outbox& out) {
    const Message& message = received.frame.message;
    const NodeId& from = received.from;
    if (const auto* part = std::get_if<RecordsPart>(&message)) {
        on_older_records(from, *part, out);
        return true;
    }
    const auto* query = std::get_if<SnapshotQuery>(&message);
    const auto* snapshot = std::get_if<FetchSnapshot>(&message);
    const auto* records = std::get_if<FetchRecords>(&message);
    if (query == nullptr && snapshot == nullptr && records == nullptr) {
        return std::holds_alternative<SnapshotOffer>(message) ||
               std::holds_alternative<SnapshotPart>(message);  // late: this SN has started
    }
    const bool allowed = (is_server(from) || ledger().roll().may_register(from, peers_[from].ca)) &&
                         state_.allowances[from].take(now_);
    if (query != nullptr) {
        SnapshotOffer offer;
        if (allowed) {
            offer = {raft().servers(), state_.kept.offers()};
        }
        out.send(from, std::move(offer));
    } else if (snapshot != nullptr) {
        out.send(from, SnapshotPart{snapshot->index, snapshot->offset},
                 allowed ? state_.kept.part(*snapshot) : Blob{});
    } else if (allowed) {
        send_records(from, *records, out);
    } else {
        out.send(from, RecordsPart{records->last, {}, {}});
    }
    return true;
}

void SnNode::send_records(const NodeId& to, const FetchRecords& fetch, Outbox& out) {
    RecordsPart part{fetch.last, {}, {}};
    if (options_.memory.link && fetch.last <= log_.applied().size()) {
        part.records = records_up_to(fetch.last);
    }
    const std::uint64_t before = fetch.last - part.records.size();
    if (before > 0 && !part.records.empty()) {
        const Result<Digest> link = options_.memory.link(before);
        if (link) {
            part.link_before = *link;
        } else {
            part.records.clear();
        }
    }
    out.send(to, std::move(part));
}

/// As many as a part has room for, at least one. None: they are not all on this SN's disk.
std::vector<Bytes> SnNode::records_up_to(std::uint64_t last) const {
    std::vector<Bytes> newest_first;
    std::size_t bytes = 0;
    bool full = false;
    for (std::uint64_t end = last; end > state_.older.missing() && !full;) {
        const std::uint64_t count =
            std::min<std::uint64_t>(read_together, end - state_.older.missing());
        std::vector<Bytes> run;
        for (std::uint64_t index = end - count + 1; index <= end; ++index) {
            Result<Bytes> record = options_.memory.archive(index);
            if (!record) {
                return {};
            }
            run.push_back(std::move(*record));
        }
        end -= count;
        for (auto record = run.rbegin(); record != run.rend() && !full; ++record) {
            bytes += record->size();
            full = (bytes > state_part_bytes && !newest_first.empty()) ||
                   newest_first.size() == records_per_message;
            if (!full) {
                newest_first.push_back(std::move(*record));
            }
        }
    }
    std::reverse(newest_first.begin(), newest_first.end());
    return newest_first;
}

void SnNode::on_older_records(const NodeId& from, const RecordsPart& part, Outbox& out) {
    const std::uint64_t before = state_.older.missing();
    switch (state_.older.take(from, part, out)) {
        case OlderRecords::Answer::unasked:
        case OlderRecords::Answer::none:
            return;  // another SN is asked with the next tick
        case OlderRecords::Answer::wrong:
            report(TraceEvent("older_entries_refused")
                       .with("from", from.name)
                       .with("last", before)
                       .log(Level::error, component,
                            "SN '" + from.name + "' sent ledger entries up to entry " +
                                std::to_string(before) +
                                " whose hash chain does not fit to what follows: it lies, or its "
                                "disk is damaged. Check its ledger with swarm-audit"),
                   out);
            return;
        case OlderRecords::Answer::kept:
            break;
    }
    const std::uint64_t missing = state_.older.missing();
    const std::uint64_t total = state_.older.total();
    if (missing == 0) {
        report(TraceEvent("older_entries_copied")
                   .with("entries", total)
                   .log(Level::info, component,
                        "All ledger entries before the state that this SN began with are on its "
                        "disk: " +
                            std::to_string(total)),
               out);
        return;
    }
    if (before * progress_lines / total != missing * progress_lines / total) {
        report(TraceEvent("older_entries_copying")
                   .with("missing", missing)
                   .log(Level::info, component,
                        "Copies older ledger entries: " + std::to_string(total - missing) + " of " +
                            std::to_string(total)),
               out);
    }
    state_.older.ask(from, now_, out);
}

/// Asks the SNs in turn.
void SnNode::copy_older(Outbox& out) {
    if (!state_.older.may_ask(now_)) {
        return;
    }
    const auto can_answer = [&](const auto& entry) {
        return entry.second.role == Role::sn && entry.second.here && is_server(entry.first) &&
               state_.older.trusts(entry.first);
    };
    auto next =
        state_.older.asked_last() ? peers_.upper_bound(*state_.older.asked_last()) : peers_.begin();
    next = std::find_if(next, peers_.end(), can_answer);
    if (next == peers_.end()) {
        next = std::find_if(peers_.begin(), peers_.end(), can_answer);
    }
    if (next != peers_.end()) {
        state_.older.ask(next->first, now_, out);
    }
}

}  // namespace starling
