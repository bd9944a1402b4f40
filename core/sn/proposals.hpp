#pragma once

#include <set>
#include <string>
#include <tuple>

#include "core/ledger/command.hpp"

namespace starling {

/// Entries that this SN has proposed as the leader and that are not applied yet: each is proposed
/// once at a time. Nodes' entries are known by (signer, session, sequence), SNs' own by what they
/// say.
class Proposals {
public:
    /// \return  false: it is on its way already.
    bool add(const Entry& entry);
    /// It was applied, or the consensus has refused it.
    void remove(const Entry& entry);
    bool contains(const NodeId& signer, std::uint64_t session, std::uint64_t sequence) const {
        return of_nodes_.contains({signer, session, sequence});
    }
    /// An entry of the SN `signer` of its own.
    bool contains(const NodeId& signer, const Command& command) const;
    /// In another term nothing is on its way.
    void clear() {
        of_nodes_.clear();
        own_pending_.clear();
    }

private:
    std::set<std::tuple<NodeId, std::uint64_t, std::uint64_t>> of_nodes_;
    std::set<std::string> own_pending_;
};

}  // namespace starling
