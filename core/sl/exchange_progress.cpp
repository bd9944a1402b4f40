// Progress of an exchange, lost segments, and partners that have stalled.
#include <algorithm>

#include "core/sl/exchange.hpp"

namespace starling {
namespace {

/// A probe costs 60 bytes; the wait between probes doubles up to this.
constexpr SwarmDuration longest_probe_timeout = std::chrono::seconds(60);
constexpr std::uint8_t probes_counted_max = 8;  // so many reach that
constexpr SwarmDuration measure_interval = std::chrono::seconds(5);
/// Bytes of a segment are seen in steps of a TLS record (RFC 8446, section 5.1).
constexpr double step_bytes = 16'384;
/// A partner has stalled after this many times the average time of a step without a byte.
constexpr double silent_steps = 20;
constexpr SwarmDuration shortest_silence = std::chrono::seconds(30);
constexpr SwarmDuration longest_silence = std::chrono::minutes(10);
constexpr std::size_t stalls_max = 64;  // of a heartbeat
/// Not at once, since a new certificate may be on its way, and so that not each attempt costs
/// ledger entries.
constexpr SwarmDuration refusal_timeout = std::chrono::seconds(5);

}  // namespace

void Exchange::note_progress(SwarmTime now, Partner& partner) {
    if (partner.needed) {
        partner.needed->last_progress = now;
    }
    const std::uint64_t bytes = traffic_.received_bytes + partial_bytes_;
    progress_bytes_ = std::max(progress_bytes_, std::min(bytes, expected_bytes_));
}

void Exchange::set_partial(Partner& partner, std::uint64_t bytes) {
    const std::uint64_t before = partner.partial_bytes();
    if (bytes != before) {
        partial_bytes_ = partial_bytes_ - before + bytes;
        partner.rare.get_or_make().partial_bytes = bytes;
    }
}

void Exchange::on_arrivals(SwarmTime now, const Arrivals& arrivals) {
    for (std::size_t place = 0; place < states_.size(); ++place) {
        Partner& partner = states_[place];
        const auto arriving = arrivals.body_bytes.find(id_at(place));
        const std::uint64_t bytes = arriving == arrivals.body_bytes.end() ? 0 : arriving->second;
        const bool more = bytes > partner.partial_bytes();
        set_partial(partner, bytes);
        if (more) {
            note_progress(now, partner);
        }
    }
}

SwarmDuration Exchange::probe_timeout(const Partner& partner) const {
    const SwarmDuration first = first_probe_timeout * heartbeat_interval_factor(members().size());
    return std::min(first * (1 << partner.probes), std::max(longest_probe_timeout, first));
}

void Exchange::on_tick(SwarmTime now, Outbox& out) {
    if (!setup_.frozen) {
        return;  // some partners may not have checked in
    }
    bool quiet = false;
    for (std::size_t place = 0; place < states_.size(); ++place) {
        Partner& partner = states_[place];
        if (!partner.up || !awaits(partner)) {
            continue;
        }
        quiet = quiet || now - partner.needed->last_progress >= measure_interval;
        if (now - partner.needed->last_segment >= probe_timeout(partner)) {
            partner.needed->last_segment = now;
            partner.probes = std::min<std::uint8_t>(partner.probes + 1, probes_counted_max);
            out.send(id_at(place), FetchProbe{wire_key(), ++partner.rare.get_or_make().probe});
        }
    }
    if (quiet && now - measured_at_ >= measure_interval) {
        measured_at_ = now;
        out.measure_arrivals();
    }
}

void Exchange::on_probe(const NodeId& from, const FetchProbe& probe, Outbox& out) const {
    const std::size_t place = place_of(from);
    const bool known = place < states_.size();
    const std::uint32_t owed = known ? states_[place].requested : 0;
    out.send(from, FetchProbeReply{probe.key, probe.serial, known, owed});
}

void Exchange::on_probe_reply(SwarmTime now, const NodeId& from, const FetchProbeReply& reply,
                              Outbox& out) {
    const std::size_t place = place_of(from);
    if (place == states_.size() || !reply.known) {
        return;  // it has not begun the attempt, and has stored the requests for it
    }
    Partner& partner = states_[place];
    if (!partner.up || !partner.rare || reply.serial <= partner.rare->probe_at_request ||
        reply.serial > partner.rare->probe) {
        return;
    }
    const bool lost_merged = partner.merged().size() > reply.owed;
    const bool lost_contributions = partner.in_window && contributes(partner);
    if (lost_merged) {
        send_fetch(from, partner, SegmentKind::merged, out);
    }
    if (lost_contributions) {
        send_fetch(from, partner, SegmentKind::contribution, out);
    }
    if (lost_merged || lost_contributions) {
        partner.probes = 0;  // the link is not slow: it loses frames
    }
    partner.note_segment(now);
}

SwarmDuration Exchange::stall_timeout(const Partner& partner, SwarmDuration without_rate) {
    if (partner.bytes_awaited() == 0) {
        return without_rate;
    }
    const double seconds =
        to_seconds(partner.needed->last_progress - partner.needed->waiting_since);
    const double step_seconds = seconds * step_bytes / static_cast<double>(partner.bytes_awaited());
    const double limit = std::min(silent_steps * step_seconds, to_seconds(longest_silence));
    return std::max(shortest_silence, from_seconds(limit));
}

std::vector<Stall> Exchange::stalls(SwarmTime now, SwarmDuration limit,
                                    const std::set<NodeId>& refused_by) const {
    std::vector<Stall> stalls;
    const bool overdue = now - began_at_ >= setup_.limit;
    for (std::size_t place = 0; place < states_.size(); ++place) {
        const Partner& partner = states_[place];
        if (!partner.needed) {
            continue;
        }
        const bool owes = contributes(partner) && (partner.in_window || !partner.up);
        const bool refuses = !refused_by.empty() && refused_by.contains(id_at(place));
        const SwarmDuration timeout =
            refuses ? std::min(limit, refusal_timeout) : stall_timeout(partner, limit);
        if ((overdue || now - partner.needed->last_progress >= timeout) &&
            stalls.size() < stalls_max && (owes || !partner.merged().empty())) {
            stalls.push_back({id_at(place), !owes && !refuses, refuses});
        }
    }
    return stalls;
}

TransferProgress Exchange::transfer() const {
    TransferProgress progress{progress_bytes_, expected_bytes_, ""};
    std::uint64_t most = 0;
    for (std::size_t place = 0; place < states_.size(); ++place) {
        const Partner& partner = states_[place];
        const std::uint64_t missing =
            missing_bytes(partner.merged(), SegmentKind::merged) +
            missing_bytes(partner.contributions(), SegmentKind::contribution);
        if (missing > most) {
            most = missing;
            progress.waits_for = id_at(place).name;
        }
    }
    return progress;
}

std::vector<std::pair<std::uint32_t, std::uint64_t>> Exchange::largest_senders(
    std::size_t count) const {
    std::vector<std::pair<std::uint32_t, std::uint64_t>> sent;
    for (std::size_t place = 0; place < states_.size(); ++place) {
        if (states_[place].bytes > 0) {
            sent.emplace_back(partners_[place], states_[place].bytes);
        }
    }
    if (sent.size() > count) {
        // Of equal ones a sample that is spread evenly over all, another one for each member: the
        // distances from it times the golden ratio (Knuth, volume 3, section 6.4).
        const auto place = [&](std::uint32_t member) { return (member - self_) * 2'654'435'769U; };
        std::sort(sent.begin(), sent.end(), [&](const auto& a, const auto& b) {
            return a.second != b.second ? a.second > b.second : place(a.first) < place(b.first);
        });
        sent.resize(count);
        std::sort(sent.begin(), sent.end());
    }
    return sent;
}

std::vector<Sender> Exchange::senders() const {
    std::vector<Sender> senders;
    for (const auto& [member, bytes] : largest_senders(senders_max)) {
        senders.push_back({id_of(member).name, bytes});
    }
    return senders;
}

std::string Exchange::received_from() const {
    constexpr std::size_t named_max = 32;
    std::uint64_t others = 0;
    for (const Partner& partner : states_) {
        others += partner.bytes;
    }
    std::string text;
    for (const auto& [member, bytes] : largest_senders(named_max)) {
        others -= bytes;
        text += (text.empty() ? "" : ",") + id_of(member).name + ":" + std::to_string(bytes);
    }
    return others == 0 ? text : text + ",*:" + std::to_string(others);
}

}  // namespace starling
