#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "core/ledger/ledger.hpp"
#include "core/node/node.hpp"

namespace starling {

/// How the reason of a removed SN's end begins; the campaign recognises removals by it.
inline constexpr std::string_view removed_server_text = "This SN no longer keeps the ledger";

/// A server number that no longer keeps the ledger, and how it was removed.
struct RemovedServer {
    NodeId node;
    Address address;
    std::uint64_t index = 0;            ///< of the membership record
    std::optional<RemoveServers> said;  ///< who removed it, once that entry is applied
    bool told = false;                  ///< it came back and was sent away
    std::optional<RebuildProof> rebuilt;
};

/// The SNs that kept the ledger up to the newest applied record, and those that do no more.
class RemovedServers {
public:
    void apply_membership(const LogRecord& record);
    /// The entry that says who removed them. \param nodes  of the ledger: the keys of signers.
    void apply_removal(const Entry& entry, const RemoveServers& removal,
                       const std::map<NodeId, RegisteredNode>& nodes);

    bool contains(std::uint64_t number) const { return removed_.contains(number); }
    /// Whether `node` keeps the ledger, by the applied records.
    bool applied(const NodeId& node) const;
    /// nullptr: none of this name was removed.
    const RemovedServer* find(const NodeId& node) const;
    /// The answer to a removed SN that comes back: why, and what to do.
    std::string text_for(std::uint64_t number) const;
    /// \return  its record; `first`: it was not told before, and is `node`.
    const RemovedServer& mark_told(std::uint64_t number, const NodeId& node, bool& first);
    /// Addresses of those that a rebuilt ledger left behind and that do not know of it. At most
    /// once in a while.
    std::vector<RemovedServer> to_recall(SwarmTime now);

private:
    std::vector<Server> applied_servers_;
    std::map<std::uint64_t, RemovedServer> removed_;  ///< by number
    SwarmTime recall_at_{};                           ///< not before
};

}  // namespace starling
