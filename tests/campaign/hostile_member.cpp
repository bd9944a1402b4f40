#include "tests/campaign/hostile_member.hpp"

#include "tests/campaign/adversarial_node.hpp"
#include "tests/campaign/hostile_bytes.hpp"

namespace starling::test {

std::string_view to_string(Lie lie) {
    constexpr std::string_view names[] = {
        "wrong-contributions", "wrong-merges",     "nan-contributions",  "nan-merges",
        "wrong-reports",       "no-contributions", "no-merges",          "no-reports",
        "false-progress",      "false-blame",      "asks-for-nothing",   "old-frames",
        "command-flood",       "uneven-merges",    "malformed-segments", "non-finite-codes"};
    return names[static_cast<std::size_t>(lie)];
}

HostileMember::HostileMember(std::uint64_t seed, NodeId id, std::vector<NodeId> others,
                             std::set<Lie> lies, SegmentCodec codec)
    : id_(std::move(id)),
      others_(std::move(others)),
      lies_(std::move(lies)),
      codec_(std::move(codec)),
      random_(derive_seed(seed, "hostile")) {}

std::unique_ptr<Node> HostileMember::wrap(std::unique_ptr<Node> sl,
                                          std::shared_ptr<const NodeSigner> signer) {
    return std::make_unique<AdversarialNode<HostileMember>>(std::move(sl), *this,
                                                            std::move(signer));
}

void HostileMember::change(Effect& effect, const NodeSigner& signer, std::vector<Effect>& more) {
    auto* send = std::get_if<Send>(&effect);
    if (send == nullptr) {
        return;
    }
    if (const auto* heartbeat = std::get_if<Heartbeat>(&send->frame.message)) {
        begun_ = begun_ || heartbeat->round > 0;
    }
    if (auto* submit = std::get_if<SubmitCommand>(&send->frame.message)) {
        change_check_in(*submit, signer);
    }
    add_frames(*send, more);
    if (const auto* data = std::get_if<SegmentData>(&send->frame.message)) {
        change_segment(SegmentData(*data), effect);
    } else if (auto* heartbeat = std::get_if<Heartbeat>(&send->frame.message)) {
        change_heartbeat(*heartbeat, signer);
    } else if (std::holds_alternative<FetchSegments>(send->frame.message) && tells(Lie::deaf)) {
        drop(effect);
    }
}

void HostileMember::change_segment(const SegmentData& data, Effect& effect) {
    const bool contribution = data.kind == SegmentKind::contribution;
    if (tells(contribution ? Lie::no_contributions : Lie::no_merges)) {
        drop(effect);
        return;
    }
    Blob& body = std::get<Send>(effect).frame.body;
    const NodeId& to = std::get<Send>(effect).to;
    if (tells(Lie::malformed_segments) && random_.chance(0.5)) {
        Blob none = malformed(body, codec_.method().kind, random_);
        while (codec_.check(data.index, none, data.key.round > 0)) {
            none = malformed(body, codec_.method().kind, random_);
        }
        body = std::move(none);
    } else if (tells(Lie::non_finite_codes) && random_.chance(0.5)) {
        body = with_non_finite_code(body, codec_.method().kind, random_);
    } else if (tells(contribution ? Lie::nan_contributions : Lie::nan_merges)) {
        body = all_nan(body.size());
    } else if (contribution && tells(Lie::wrong_contributions)) {
        body = with_another_bit(body, random_.next());
    } else if (!contribution &&
               (tells(Lie::wrong_merges) || (tells(Lie::uneven_merges) && to == others_.back()))) {
        body = with_another_value(body, codec_.method().kind);
        if (on_false_merge) {
            on_false_merge(data, to);
        }
    }
}

void HostileMember::change_check_in(SubmitCommand& submit, const NodeSigner& signer) {
    auto* const check_in = std::get_if<CheckInRound>(&submit.command);
    begun_ = begun_ || (check_in != nullptr && check_in->round > 0);
    if (check_in == nullptr || !check_in->merged) {
        return;
    }
    if (tells(Lie::no_reports) || tells(Lie::false_progress)) {
        check_in->merged.reset();
    } else if (tells(Lie::wrong_reports)) {
        check_in->merged->digest.bytes[0] ^= std::byte{1};
    } else {
        return;
    }
    submit.signature =
        signer.sign(command_text(id_, submit.session, submit.sequence, submit.command));
}

void HostileMember::change_heartbeat(Heartbeat& heartbeat, const NodeSigner& signer) {
    if (heartbeat.contract.empty()) {
        return;
    }
    if (tells(Lie::no_reports) || tells(Lie::false_progress)) {
        heartbeat.report.reset();
    }
    if (tells(Lie::false_progress)) {
        heartbeat.progress.received_bytes = ++claimed_;
    }
    if (tells(Lie::wrong_reports) && heartbeat.report) {
        heartbeat.report->digest.bytes[0] ^= std::byte{1};
        heartbeat.report->signature = signer.sign(
            report_text(id_, heartbeat.contract, heartbeat.run, heartbeat.round, heartbeat.attempt,
                        heartbeat.report->digest, heartbeat.report->durable));
    }
    if (tells(Lie::false_blame)) {
        const NodeId& blamed = others_[random_.below(others_.size())];
        heartbeat.stalls.push_back({blamed, random_.chance(0.3), random_.chance(0.3)});
    }
}

void HostileMember::add_frames(const Send& send, std::vector<Effect>& more) {
    if (tells(Lie::old_frames)) {
        sent_.push_back(send);
        if (sent_.size() > replayed_frames_max) {
            sent_.pop_front();
        }
        if (random_.chance(0.3)) {
            more.push_back(sent_[random_.below(sent_.size())]);
        }
    }
    const auto* submit = std::get_if<SubmitCommand>(&send.frame.message);
    if (submit != nullptr && tells(Lie::command_flood)) {
        more.insert(more.end(), flood_frames, send);
    }
}

}  // namespace starling::test
