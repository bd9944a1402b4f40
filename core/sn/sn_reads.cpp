// Linearizable reads without entries: the read index of Raft (Ongaro 2014, section 6.4).
#include <algorithm>

#include "core/sn/sn_state.hpp"

namespace starling {

/// A node's newest read replaces its previous one, so pending reads are bounded by connected nodes.
void SnNode::take_read(const NodeId& from, const SubmitCommand& submit, Outbox& out) {
    reads_[from] = {submit.session, submit.sequence, ++read_serial_, std::nullopt};
    ask_read_index(out);
}

/// Repeated with each tick: the request may be lost, or there was no leader.
void SnNode::ask_read_index(Outbox& out) {
    std::uint64_t newest = 0;
    for (const auto& [node, read] : reads_) {
        newest = std::max(newest, read.index ? 0 : read.serial);
    }
    const std::optional<NodeId> leader = consensus_->leader();
    if (consensus_->leads()) {
        if (newest > 0) {
            reads_asked_[options_.id] = newest;
        }
        check_term(out);
    } else if (newest > 0 && leader) {
        out.send(*leader, ReadIndex{ReadIndex::Step::ask, newest, consensus_->term(), 0});
    }
}

/// On the leader: one round of confirmations at a time, for all reads pending when it begins.
void SnNode::check_term(Outbox& out) {
    if (!consensus_->leads()) {
        read_round_.reset();
        reads_asked_.clear();
        return;
    }
    if (read_round_ && read_round_->term != consensus_->term()) {
        read_round_.reset();
    }
    if (!read_round_) {
        const std::optional<std::uint64_t> index = consensus_->read_index();
        if (!index || reads_asked_.empty()) {
            return;
        }
        read_round_ = ReadRound{
            consensus_->term(), ++read_serial_, *index, std::exchange(reads_asked_, {}), {}};
        end_read_round_if_confirmed(out);
    }
    if (!read_round_) {
        return;
    }
    for (const Server& server : consensus_->servers()) {
        if (server.voter && server.node != options_.id &&
            !read_round_->confirmed.contains(server.node)) {
            out.send(server.node,
                     ReadIndex{ReadIndex::Step::check, read_round_->serial, read_round_->term, 0});
        }
    }
}

void SnNode::end_read_round_if_confirmed(Outbox& out) {
    const std::vector<Server>& servers = consensus_->servers();
    std::size_t voters = 0;
    std::size_t confirmed = 0;
    for (const Server& server : servers) {
        voters += server.voter ? 1U : 0U;
        confirmed += server.voter && (server.node == options_.id ||
                                      read_round_->confirmed.contains(server.node))
                         ? 1U
                         : 0U;
    }
    if (confirmed <= voters / 2) {
        return;
    }
    const ReadRound round = *std::exchange(read_round_, {});
    for (const auto& [node, serial] : round.asked) {
        if (node == options_.id) {
            take_read_index(serial, round.index);
        } else {
            out.send(node, ReadIndex{ReadIndex::Step::answer, serial, round.term, round.index});
        }
    }
}

void SnNode::on_read_index(const NodeId& from, const ReadIndex& read, Outbox& out) {
    if (!is_server(from)) {
        return;
    }
    const bool of_term = read.term == consensus_->term();
    switch (read.step) {
        case ReadIndex::Step::ask:
            if (consensus_->leads()) {
                std::uint64_t& newest = reads_asked_[from];
                newest = std::max(newest, read.serial);
                if (!read_round_) {
                    check_term(out);
                }
            }
            return;
        case ReadIndex::Step::check:
            // A majority that is still in this term has elected no later leader.
            if (of_term && !consensus_->leads()) {
                out.send(from, ReadIndex{ReadIndex::Step::confirm, read.serial, read.term, 0});
            }
            return;
        case ReadIndex::Step::confirm:
            if (consensus_->leads() && of_term && read_round_ &&
                read_round_->serial == read.serial && read_round_->term == read.term) {
                read_round_->confirmed.insert(from);
                end_read_round_if_confirmed(out);
                if (!read_round_ && !reads_asked_.empty()) {
                    check_term(out);  // for those that have come meanwhile
                }
            }
            return;
        case ReadIndex::Step::answer:
            if (consensus_->leader() == from) {
                take_read_index(read.serial, read.index);
            }
            return;
    }
}

void SnNode::take_read_index(std::uint64_t serial, std::uint64_t index) {
    for (auto& [node, read] : reads_) {
        if (read.serial <= serial && !read.index) {
            read.index = index;
        }
    }
}

/// After each step: answers the reads whose index is applied.
void SnNode::answer_reads(Outbox& out) {
    for (auto read = reads_.begin(); read != reads_.end();) {
        if (read->second.index && *read->second.index <= entries_) {
            reply(read->first, {read->second.sequence, Errc::ok, "", 0}, out);
            read = reads_.erase(read);
        } else {
            ++read;
        }
    }
}

}  // namespace starling
