#include "tests/campaign/watched_member.hpp"

#include <algorithm>

namespace starling::test {
namespace {

Blob segment_at(const Segments& segments, std::uint32_t index) {
    return index < segments.size() ? segments[index] : Blob();
}

void put_segment(Segments& segments, std::uint32_t index, Blob body) {
    segments.resize(std::max<std::size_t>(segments.size(), std::size_t{index} + 1));
    segments.set(index, std::move(body));
}

}  // namespace

void WatchedMember::step(SwarmTime now, const Input& input, std::vector<Effect>& effects) {
    if (const auto* received = std::get_if<FrameReceived>(&input)) {
        on_frame(*received);
    }
    const std::size_t before = effects.size();
    inner_->step(now, input, effects);
    for (std::size_t at = before; at < effects.size(); ++at) {
        if (const auto* send = std::get_if<Send>(&effects[at])) {
            on_sent(now, *send);
        }
    }
}

void WatchedMember::on_frame(const FrameReceived& received) {
    const Message& message = received.frame.message;
    if (const auto* begin = std::get_if<SyncBegin>(&message)) {
        sequence_ = begin->sequence;
        finished_ = begin->check_in.finished;
        values_.clear();
    } else if (const auto* segment = std::get_if<MlSegment>(&message)) {
        if (segment->sequence == sequence_) {
            put_segment(values_, segment->index, received.frame.body);
        }
    } else if (const auto* update = std::get_if<ViewUpdate>(&message)) {
        incomplete_.push_back(*update);
        take_views();
    } else if (const auto* part = std::get_if<MemberListPart>(&message)) {
        take_part(*part);
        take_views();
    }
}

void WatchedMember::take_part(const MemberListPart& part) {
    ListInParts& list = lists_[part.list];
    if (part.total > 0 && part.first == list.members.size()) {
        list.total = part.total;
        list.members.insert(list.members.end(), part.members.begin(), part.members.end());
    }
}

/// Whether the list is whole, or not named.
bool WatchedMember::fill(const std::optional<Digest>& name, MemberList& list) const {
    if (!name) {
        return true;
    }
    const auto told = lists_.find(*name);
    if (told == lists_.end() || told->second.members.size() != told->second.total) {
        return false;
    }
    list = told->second.members;
    return true;
}

/// Looks at the views whose lists are there.
void WatchedMember::take_views() {
    std::erase_if(incomplete_, [this](const ViewUpdate& update) {
        ContractView view = update.view;
        MemberList none;
        if (!fill(update.frozen_list, view.frozen) ||
            !fill(update.commit_list, view.last_commit ? view.last_commit->members : none)) {
            return false;
        }
        on_view(view);
        return true;
    });
}

void WatchedMember::on_view(const ContractView& view) {
    if (view.run > run_) {
        run_ = view.run;
        committed_.clear();
        took_part_.clear();
        residuals_.clear();
    }
    if (view.run < run_) {
        return;
    }
    if (view.last_commit) {
        for (const RoundMember& member : view.last_commit->members) {
            if (member.id == id()) {
                committed_[view.last_commit->round] = member.session;
            }
        }
    }
}

void WatchedMember::on_sent(SwarmTime now, const Send& send) {
    const Message& message = send.frame.message;
    const auto* data = std::get_if<SegmentData>(&message);
    if (data != nullptr) {
        took_part_.insert(data->key.round);
    }
    if (data != nullptr && data->kind == SegmentKind::contribution) {
        check(now, *data, send.frame.body);
    } else if (const auto* done = std::get_if<SyncDone>(&message)) {
        on_sync_done(*done);
    } else if (const auto* segment = std::get_if<MlSegment>(&message)) {
        put_segment(given_round_ ? given_ : reference_, segment->index, send.frame.body);
    } else if (std::holds_alternative<SyncCommitted>(message) && given_round_) {
        on_committed(*given_round_);
        reference_ = std::exchange(given_, {});
        given_round_.reset();
    }
}

Blob WatchedMember::encode(std::uint32_t segment, Blob& residual) const {
    return codec_.encode_contribution(segment, segment_at(values_, segment),
                                      segment_at(reference_, segment), residual);
}

void WatchedMember::check(SwarmTime now, const SegmentData& data, const Blob& body) {
    if (finished_) {
        return;
    }
    const std::string what = "segment " + std::to_string(data.index) + " of round " +
                             std::to_string(data.key.round) + " attempt " +
                             std::to_string(data.key.attempt);
    const std::optional<Round> before =
        data.key.round == 0 ? std::nullopt : std::optional(data.key.round - 1);
    if (before != reference_round_ || segment_at(values_, data.index).empty()) {
        complain_(now, id(), what + " is contributed by a program without the model before it");
        return;
    }
    Blob residual = segment_at(residuals_, data.index);
    if (!std::ranges::equal(encode(data.index, residual).view(), body.view())) {
        complain_(now, id(),
                  what + " is not what the program has handed over with what was lost before");
    }
}

void WatchedMember::on_sync_done(const SyncDone& done) {
    given_.clear();
    given_round_.reset();
    if (done.committed) {
        on_committed(done.round);
        reference_.clear();
    } else {
        given_round_ = done.round;
    }
}

void WatchedMember::on_committed(Round round) {
    const auto committed = committed_.find(round);
    if (committed != committed_.end() && committed->second == session() &&
        took_part_.contains(round)) {
        for (std::uint32_t segment = 0; segment < values_.size(); ++segment) {
            Blob residual = segment_at(residuals_, segment);
            (void)encode(segment, residual);
            put_segment(residuals_, segment, std::move(residual));
        }
    }
    reference_round_ = round;
}

}  // namespace starling::test
