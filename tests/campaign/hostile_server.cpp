#include "tests/campaign/hostile_server.hpp"

#include <algorithm>
#include <array>

#include "tests/campaign/adversarial_node.hpp"

namespace starling::test {
std::string_view to_string(ServerLie lie) {
    constexpr std::string_view names[] = {
        "no-votes",          "no-acks",        "old-messages",    "raised-terms",
        "leaving-others",    "false-removals", "forged-commands", "lost-members",
        "wrong-checkpoints", "false-refusals", "question-flood",  "false-state",
        "refused-starts",    "false-ends",     "false-oks",       "false-views"};
    return names[static_cast<std::size_t>(lie)];
}

HostileServer::HostileServer(std::uint64_t seed, NodeId id, std::vector<NodeId> others,
                             std::set<ServerLie> lies)
    : id_(std::move(id)),
      others_(std::move(others)),
      lies_(std::move(lies)),
      random_(derive_seed(seed, "hostile server")) {}

std::unique_ptr<Node> HostileServer::wrap(std::unique_ptr<Node> sn,
                                          std::shared_ptr<const NodeSigner> signer) {
    // A vote of the start before may not have been stored, and this one may vote again: sent once
    // more, that would be two votes in one term, which Raft assumes that nobody gives.
    sent_.clear();
    return std::make_unique<AdversarialNode<HostileServer>>(std::move(sn), *this,
                                                            std::move(signer));
}

bool HostileServer::is_other(const NodeId& node) const {
    return std::find(others_.begin(), others_.end(), node) != others_.end();
}

void HostileServer::change(Effect& effect, const NodeSigner& signer, std::vector<Effect>& more) {
    auto* send = std::get_if<Send>(&effect);
    if (send == nullptr) {
        return;
    }
    if (!is_other(send->to)) {
        if (const auto* update = std::get_if<ViewUpdate>(&send->frame.message)) {
            views_[send->to] = update->view;
        }
        if (tells(ServerLie::false_ends)) {
            end_sl(effect);
        }
        if (tells(ServerLie::false_views)) {
            make_up_view(effect);
        }
        return;
    }
    add_frames(*send, more);
    if (tells(ServerLie::false_state) && random_.chance(0.5)) {
        change_state(send->frame);
    }
    if (auto* relayed = std::get_if<RelayedCommand>(&send->frame.message)) {
        if (answers_itself(*relayed, more)) {
            drop(effect);
        } else {
            change_command(*relayed, send->to, signer, more);
        }
    } else if (const auto* news = std::get_if<RelayedNews>(&send->frame.message)) {
        if (tells(ServerLie::lost_members) && random_.chance(0.3)) {
            more.push_back(Send{send->to, {RelayedNews{news->node, false, {}}, {}}});
        }
    } else if (const auto* raft = std::get_if<ConsensusMessage>(&send->frame.message)) {
        const Send whole = *send;
        change_consensus(whole, ConsensusMessage(*raft), effect, more);
    }
}

void HostileServer::change_consensus(const Send& send, const ConsensusMessage& message,
                                     Effect& effect, std::vector<Effect>& more) {
    if ((message.kind == ConsensusKind::request_vote_result && tells(ServerLie::no_votes)) ||
        (message.kind == ConsensusKind::append_result && tells(ServerLie::no_acks))) {
        drop(effect);
    }
    // Not for appends: with a raised term, an SN that was not elected would lead those that accept
    // it.
    if (message.kind != ConsensusKind::append && tells(ServerLie::raised_terms) &&
        random_.chance(0.02)) {
        ConsensusMessage later = message;
        later.term += 1 + random_.below(1000);
        more.push_back(Send{send.to, {std::move(later), {}}});
    }
}

void HostileServer::change_state(Frame& frame) {
    if (auto* offer = std::get_if<SnapshotOffer>(&frame.message)) {
        for (OfferedSnapshot& snapshot : offer->snapshots) {
            snapshot.digest.bytes[0] ^= std::byte{1};
        }
    } else if (std::holds_alternative<SnapshotPart>(frame.message) && !frame.body.empty()) {
        Bytes bytes(frame.body.view().begin(), frame.body.view().end());
        bytes[random_.below(bytes.size())] ^= std::byte{1};
        frame.body = Blob(std::move(bytes));
    } else if (auto* part = std::get_if<RecordsPart>(&frame.message);
               part != nullptr && !part->records.empty()) {
        part->records[random_.below(part->records.size())].back() ^= std::byte{1};
    }
}

void HostileServer::change_command(RelayedCommand& relayed, const NodeId& to,
                                   const NodeSigner& signer, std::vector<Effect>& more) {
    SubmitCommand& submit = relayed.submit;
    auto* checkpoint = std::get_if<Checkpoint>(&submit.command);
    if (checkpoint != nullptr && relayed.from == id_ && tells(ServerLie::wrong_checkpoints)) {
        checkpoint->head.bytes[0] ^= std::byte{1};
        submit.signature =
            signer.sign(command_text(id_, submit.session, submit.sequence, submit.command));
    }
    if (relayed.from == id_) {
        return;
    }
    if (tells(ServerLie::forged_commands)) {
        SubmitCommand forged{submit.session,
                             submit.sequence + random_.below(2),
                             LeaveContract{"default", 0, "forged"},
                             {}};
        forged.signature = signer.sign(
            command_text(relayed.from, forged.session, forged.sequence, forged.command));
        more.insert(more.begin(), Send{to, {RelayedCommand{relayed.from, std::move(forged)}, {}}});
    }
    commands_[relayed.from] = {submit.session, submit.sequence};
}

bool HostileServer::answers_itself(const RelayedCommand& relayed, std::vector<Effect>& more) {
    const SubmitCommand& submit = relayed.submit;
    const auto* registration = std::get_if<RegisterNode>(&submit.command);
    const bool starts = std::holds_alternative<Enrol>(submit.command) ||
                        (registration != nullptr && registration->role == Role::sl);
    CommandResult result{submit.sequence, Errc::ok, "", 0, submit.session};
    if (tells(ServerLie::refused_starts) && starts && random_.chance(0.5)) {
        constexpr std::array codes{Errc::refused, Errc::layout_mismatch, Errc::stale};
        result.code = codes[random_.below(codes.size())];
        result.reason = "it is refused" + std::string(says_the_hostile_sn);
    } else if (tells(ServerLie::false_oks) &&
               (starts || std::holds_alternative<CheckInRound>(submit.command)) &&
               random_.chance(0.5)) {
        const bool enrols = std::holds_alternative<Enrol>(submit.command);
        result.run = enrols && random_.chance(0.3) ? static_cast<Run>(1 + random_.below(9)) : 0;
        on_false_ok(relayed.from, submit);
    } else {
        return false;
    }
    more.push_back(Send{relayed.from, {std::move(result), {}}});
    return true;
}

/// In place of the answer to a heartbeat.
void HostileServer::end_sl(Effect& effect) {
    Send& send = std::get<Send>(effect);
    Message& message = send.frame.message;
    const auto* answer = std::get_if<CommandResult>(&message);
    if (answer == nullptr || answer->sequence != 0 || answer->code != Errc::ok ||
        !random_.chance(0.2)) {
        return;
    }
    const std::string over = "it is over" + std::string(says_the_hostile_sn);
    const auto view = views_.find(send.to);
    switch (random_.below(4)) {
        case 0:
            message = CommandResult{0, Errc::refused, over, 0, 0};
            return;
        case 1:
            message = CommandResult{0, Errc::replaced, over, 0, ~std::uint64_t{0}};
            return;
        case 2:
            message = CommandResult{0, Errc::aborted, over, 0, 0};
            return;
        default:
            if (view != views_.end()) {
                ++view->second.version;
                view->second.phase = ContractPhase::aborted;
                view->second.reason = over;
                message = ViewUpdate{view->second, {}, {}};
            }
            return;
    }
}

/// In place of a view or of the answer to a heartbeat. One lie is told for some time.
void HostileServer::make_up_view(Effect& effect) {
    Send& send = std::get<Send>(effect);
    Message& message = send.frame.message;
    const auto* answer = std::get_if<CommandResult>(&message);
    const bool answers = answer != nullptr && answer->sequence == 0 && answer->code == Errc::ok;
    const auto view = views_.find(send.to);
    if (view == views_.end() || (!answers && !std::holds_alternative<ViewUpdate>(message))) {
        return;
    }
    const auto before = made_up_.find(send.to);
    if (before != made_up_.end() && random_.chance(0.05)) {
        made_up_.erase(before);
    } else if (before == made_up_.end() && random_.chance(0.1)) {
        made_up_[send.to] = view->second;
        make_up(made_up_[send.to]);
    }
    if (const auto now = made_up_.find(send.to); now != made_up_.end()) {
        now->second.version += random_.below(2);
        message = ViewUpdate{now->second, {}, {}};
    }
}

void HostileServer::make_up(ContractView& view) {
    view.version += random_.chance(0.5) ? 1 : std::uint64_t{1} << 60;
    const auto drawn_commit = [&] {
        Commit commit{view.round, 0, {}, view.frozen, false};
        if (view.last_commit) {
            commit.digest = view.last_commit->digest;
            commit.members = view.last_commit->members;
        }
        return commit;
    };
    const auto change_members = [&](auto change) {
        std::vector<RoundMember> members(view.frozen.begin(), view.frozen.end());
        if (members.empty() && view.last_commit) {
            members.assign(view.last_commit->members.begin(), view.last_commit->members.end());
        }
        if (!members.empty()) {
            change(members);
        }
        view.phase = ContractPhase::exchanging;
        view.frozen = MemberList(std::move(members));
    };
    switch (random_.below(7)) {
        case 0:  // nothing but its version
            return;
        case 1:
            view.round += 1 + random_.below(1000);
            return;
        case 2:  // a model that nobody has
            view.last_commit = drawn_commit();
            view.last_commit->digest.bytes[0] ^= std::byte{1};
            view.last_commit->round += random_.below(2) * 1000;
            break;
        case 3:  // the newest model, of a round that will not be. Not a round that is on: its
                 // members may have merged to the same, and would go on from there.
            view.last_commit = drawn_commit();
            view.last_commit->round += 1000;
            break;
        case 4:
            view.last_commit = drawn_commit();
            view.last_commit->final = true;
            view.phase = ContractPhase::complete;
            return;
        case 5:
            change_members([](auto& members) {
                members.push_back(members.back());
                members.back().id.name = members.back().id.name + "-made-up";
            });
            return;
        default:  // a plan of its own. Not weights: see core/DECISIONS.md
            change_members([](auto& members) { members.front().merges = false; });
            return;
    }
    view.phase = ContractPhase::gathering;
    view.round = view.last_commit->round + 1;
    view.attempt = 0;
    view.frozen = {};
}

void HostileServer::add_frames(const Send& send, std::vector<Effect>& more) {
    const auto say = [&](Message message) {
        more.push_back(Send{others_[random_.below(others_.size())], {std::move(message), {}}});
    };
    if (tells(ServerLie::old_messages)) {
        sent_.push_back(send);
        if (sent_.size() > replayed_frames_max) {
            sent_.pop_front();
        }
        if (random_.chance(0.3)) {
            more.push_back(sent_[random_.below(sent_.size())]);
        }
    }
    if (!random_.chance(0.1)) {
        return;
    }
    if (tells(ServerLie::leaving_others)) {
        const NodeId& about = others_[random_.below(others_.size())];
        say(MembershipRequest{{about, {}, 0, true}, true});
    }
    if (tells(ServerLie::false_removals)) {
        constexpr std::array codes{Errc::ok, Errc::refused, Errc::stale};
        const Errc code = codes[random_.below(codes.size())];
        say(MembershipReply{code,
                            "it was removed",
                            {},
                            random_.chance(0.5) ? std::optional(id_) : std::nullopt,
                            {}});
    }
    if (tells(ServerLie::false_refusals) && !commands_.empty()) {
        auto command = commands_.begin();
        std::advance(command, static_cast<std::ptrdiff_t>(random_.below(commands_.size())));
        const auto& [node, about] = *command;
        say(RelayedResult{node,
                          about.first,
                          {about.second + random_.below(2), Errc::refused, "it is refused", 0, 0}});
    }
    if (tells(ServerLie::question_flood)) {
        for (int i = 0; i < flood_frames; ++i) {
            say(ReadIndex{ReadIndex::Step::ask, ++serial_, 1, 0});
        }
    }
}

}  // namespace starling::test
