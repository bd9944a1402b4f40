#include "core/sn/read_index.hpp"

#include <algorithm>
#include <utility>

namespace starling {

void ReadIndexes::request(const Consensus& consensus, Outbox& out) {
    std::uint64_t newest = 0;
    for (const auto& [node, read] : reads_) {
        newest = std::max(newest, read.index ? 0 : read.serial);
    }
    const std::optional<NodeId> leader = consensus.leader();
    if (consensus.leads()) {
        if (newest > 0) {
            requested_[self_] = newest;
        }
        check_term(consensus, out);
    } else if (newest > 0 && leader) {
        out.send(*leader, ReadIndex{ReadIndex::Step::ask, newest, consensus.term(), 0});
    }
}

/// On the leader: one round of confirmations at a time, for all reads pending when it begins.
void ReadIndexes::check_term(const Consensus& consensus, Outbox& out) {
    if (!consensus.leads()) {
        round_.reset();
        requested_.clear();
        return;
    }
    if (round_ && round_->term != consensus.term()) {
        round_.reset();
    }
    if (!round_) {
        const std::optional<std::uint64_t> index = consensus.read_index();
        if (!index || requested_.empty()) {
            return;
        }
        round_ = Round{consensus.term(), ++serial_, *index, std::exchange(requested_, {}), {}};
        end_round_if_confirmed(consensus, out);
    }
    if (!round_) {
        return;
    }
    for (const Server& server : consensus.servers()) {
        if (server.voter && server.node != self_ && !round_->confirmed.contains(server.node)) {
            out.send(server.node,
                     ReadIndex{ReadIndex::Step::check, round_->serial, round_->term, 0});
        }
    }
}

void ReadIndexes::end_round_if_confirmed(const Consensus& consensus, Outbox& out) {
    const std::vector<Server>& servers = consensus.servers();
    std::size_t voters = 0;
    std::size_t confirmed = 0;
    for (const Server& server : servers) {
        voters += server.voter ? 1U : 0U;
        confirmed +=
            server.voter && (server.node == self_ || round_->confirmed.contains(server.node)) ? 1U
                                                                                              : 0U;
    }
    if (confirmed <= voters / 2) {
        return;
    }
    const Round ended = *std::exchange(round_, {});
    for (const auto& [node, serial] : ended.requested) {
        if (node == self_) {
            take_index(serial, ended.index);
        } else {
            out.send(node, ReadIndex{ReadIndex::Step::answer, serial, ended.term, ended.index});
        }
    }
}

void ReadIndexes::on_message(const NodeId& from, const ReadIndex& read, const Consensus& consensus,
                             Outbox& out) {
    const bool of_term = read.term == consensus.term();
    switch (read.step) {
        case ReadIndex::Step::ask:
            if (consensus.leads()) {
                std::uint64_t& newest = requested_[from];
                newest = std::max(newest, read.serial);
                if (!round_) {
                    check_term(consensus, out);
                }
            }
            return;
        case ReadIndex::Step::check:
            // A majority that is still in this term has elected no later leader.
            if (of_term && !consensus.leads()) {
                out.send(from, ReadIndex{ReadIndex::Step::confirm, read.serial, read.term, 0});
            }
            return;
        case ReadIndex::Step::confirm:
            if (consensus.leads() && of_term && round_ && round_->serial == read.serial &&
                round_->term == read.term) {
                round_->confirmed.insert(from);
                end_round_if_confirmed(consensus, out);
                if (!round_ && !requested_.empty()) {
                    check_term(consensus, out);  // for those that have come meanwhile
                }
            }
            return;
        case ReadIndex::Step::answer:
            if (consensus.leader() == from) {
                take_index(read.serial, read.index);
            }
            return;
    }
}

void ReadIndexes::take_index(std::uint64_t serial, std::uint64_t index) {
    for (auto& [node, read] : reads_) {
        if (read.serial <= serial && !read.index) {
            read.index = index;
        }
    }
}

void ReadIndexes::answer(std::uint64_t applied, Outbox& out) {
    for (auto read = reads_.begin(); read != reads_.end();) {
        if (read->second.index && *read->second.index <= applied) {
            out.send(read->first, CommandResult{read->second.sequence, Errc::ok, "", 0});
            read = reads_.erase(read);
        } else {
            ++read;
        }
    }
}

}  // namespace starling
