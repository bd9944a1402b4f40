#pragma once

#include <set>
#include <string_view>
#include <vector>

#include "core/ledger/server_history.hpp"
#include "core/node/node.hpp"

namespace starling {

/// How the reason of a removed SN's end begins; the campaign recognises removals by it.
inline constexpr std::string_view removed_server_text = "This SN no longer keeps the ledger";

/// The SNs that no longer keep the ledger, and which of them were told so.
class RemovedServers {
public:
    ServerHistory& history() { return history_; }
    const ServerHistory& history() const { return history_; }

    bool contains(std::uint64_t number) const { return history_.removed().contains(number); }
    /// Whether `node` keeps the ledger, by the applied records.
    bool applied(const NodeId& node) const;
    /// nullptr: none of this name was removed.
    const RemovedServer* find(const NodeId& node) const;
    /// The answer to a removed SN that comes back: why, and what to do.
    std::string text_for(std::uint64_t number) const;
    /// It came back, and was told that it was removed.
    /// \return  its record; sets `first` if it was not notified before, and is `node`.
    const RemovedServer& mark_notified(std::uint64_t number, const NodeId& node, bool& first);
    /// SNs that a rebuilt ledger left behind and that were not notified of it, to be dialled. At
    /// most every 5 s; in between, none.
    std::vector<RemovedServer> left_behind(SwarmTime now);

private:
    ServerHistory history_;
    std::set<std::uint64_t> notified_;  ///< numbers
    SwarmTime next_dial_{};             ///< not before
};

}  // namespace starling
