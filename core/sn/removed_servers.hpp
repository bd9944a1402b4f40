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
    std::uint64_t index = 0;               ///< of the membership record
    std::optional<RemoveServers> removal;  ///< who removed it, once that entry is applied
    bool notified = false;                 ///< it came back, and was told that it was removed
    std::optional<RebuildProof> rebuilt;
};

/// The SNs that keep the ledger by the newest applied record, and those that no longer do.
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
    /// \return  its record; sets `first` if it was not notified before, and is `node`.
    const RemovedServer& mark_notified(std::uint64_t number, const NodeId& node, bool& first);
    /// SNs that a rebuilt ledger left behind and that were not notified of it, to be dialled. At
    /// most every 5 s; in between, none.
    std::vector<RemovedServer> left_behind(SwarmTime now);

private:
    std::vector<Server> applied_servers_;
    std::map<std::uint64_t, RemovedServer> removed_;  ///< by number
    SwarmTime next_dial_{};                           ///< not before
};

}  // namespace starling
