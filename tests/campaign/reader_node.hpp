#pragma once

#include <memory>
#include <vector>

#include "core/node/node.hpp"

namespace starling::test {

struct ReaderOptions {
    NodeId id;
    std::vector<Address> sns;
    std::uint64_t session = 1;
    SwarmDuration interval = std::chrono::milliseconds(700);  ///< between two reads
    SwarmDuration patience = std::chrono::seconds(2);         ///< then the next SN is asked
    // false: it accepts the SN's current state, which a correct reader never does
    bool barrier = true;
};

/// A tool that reads the ledger's state periodically and linearizably: a committed ReadBarrier,
/// then the state of the same SN. Reports read_sent and read_answered (entries, head).
std::unique_ptr<Node> make_reader_node(ReaderOptions options);

}  // namespace starling::test
