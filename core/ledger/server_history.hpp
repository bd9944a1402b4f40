#pragma once

#include <map>
#include <optional>
#include <vector>

#include "core/ledger/consensus.hpp"
#include "core/ledger/ledger.hpp"

namespace starling {

/// Proof that an SN continued the ledger alone, from its own copy: see RemoveServers.
struct RebuildProof {
    Credentials credentials;  ///< of the SN that signed the entry
    Bytes entry;              ///< its RemoveServers, as the ledger holds it; at most 32 KiB
};
constexpr std::size_t rebuild_entry_bytes_max = std::size_t{32} * 1024;

/// A server number that no longer keeps the ledger, and how it was removed.
struct RemovedServer {
    NodeId node;
    Address address;
    std::uint64_t index = 0;               ///< of the membership record
    std::optional<RemoveServers> removal;  ///< who removed it, once that entry is applied
    std::optional<RebuildProof> rebuilt;
};

/// The SNs that keep the ledger by the newest applied record, and those that no longer do: a
/// function of the records applied, in order, like the ledger.
class ServerHistory {
public:
    /// A record of another kind, or one that can't be decoded, changes nothing.
    void apply_membership(const LogRecord& record);
    /// The entry that says who removed them. \param nodes  of the ledger: the keys of signers.
    void apply_removal(const Entry& entry, const RemoveServers& removal,
                       const std::map<NodeId, RegisteredNode>& nodes);

    const std::vector<Server>& servers() const { return servers_; }
    /// Of the record that servers() comes from; 0: there was none.
    std::uint64_t membership_index() const { return membership_index_; }
    const std::map<std::uint64_t, RemovedServer>& removed() const { return removed_; }

    void encode(Writer& writer) const;
    /// On malformed input the reader enters the failed state.
    static ServerHistory decode(Reader& reader);

private:
    std::vector<Server> servers_;
    std::uint64_t membership_index_ = 0;
    std::map<std::uint64_t, RemovedServer> removed_;  ///< by number
};

}  // namespace starling
