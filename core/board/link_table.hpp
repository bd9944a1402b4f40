#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "core/board/kept_list.hpp"
#include "core/board/moment.hpp"
#include "core/board/node_table.hpp"

namespace starling {

/// Who has received how many bytes of parameters from whom, and when: one transfer for each partner
/// of a member in an attempt at a round. At most `transfers_max` transfers, and four times as many
/// pairs of nodes: older transfers are summed by pair, those of further pairs as of "several".
class LinkTable {
public:
    /// Stands for the sender where a member does not name it.
    static constexpr std::int64_t several = -1;

    LinkTable(NodeTable& nodes, std::size_t transfers_max)
        : nodes_(nodes), pairs_max_(4 * transfers_max), transfers_(transfers_max) {}

    /// Bytes that one sender has sent: its index, or `several`.
    using Sent = std::pair<std::int64_t, std::uint64_t>;

    /// \param from  of the event exchange_done: "sl2:4096,*:512"; what is none of it is passed over
    /// \return      what was added
    std::vector<Sent> received(std::size_t node, std::string_view from, Moment now);

    /// Writes the members "transfers" (arrays of id, sender or -1, receiver, us, bytes),
    /// "transfers_from" and "links_before" (arrays of sender, receiver, and the bytes of all
    /// transfers that are no longer kept) of an object: what changed after version `since`.
    void write(JsonWriter& json, std::uint64_t since) const;

private:
    struct Transfer {
        std::size_t id = 0;
        std::uint64_t version = 0;
        std::int64_t from = several;
        std::size_t to = 0;
        std::int64_t us = 0;
        std::uint64_t bytes = 0;
    };
    struct Sum {
        std::uint64_t bytes = 0;
        std::uint64_t version = 0;
    };
    void add(Transfer transfer);

    NodeTable& nodes_;
    std::size_t pairs_max_;
    KeptList<Transfer> transfers_;
    std::map<std::pair<std::int64_t, std::size_t>, Sum> before_;  ///< by sender and receiver
};

}  // namespace starling
