#pragma once

#include <optional>
#include <string>
#include <utility>

#include "core/base/heap_optional.hpp"
#include "core/node/outbox.hpp"

namespace starling {

/// A transfer that goes on: an exchange, or the fetch of a committed model.
struct RunningTransfer {
    /// Whether it is an exchange, and a serial number: the same for the same transfer.
    std::pair<bool, std::uint32_t> id;
    std::string name;  ///< "Exchange of round 3"
    TransferProgress progress;
};

/// Now and then a log line about a transfer that takes long: after 10 s, then less and less often.
class TransferLog {
public:
    /// Called at every tick; nothing: no transfer goes on.
    void on_tick(SwarmTime now, const std::optional<RunningTransfer>& transfer, Outbox& out);

private:
    /// The newest line about a transfer, or its beginning.
    struct Shown {
        std::pair<bool, std::uint32_t> id;
        SwarmTime at{};
        std::uint64_t bytes = 0;  ///< that had come by then
        SwarmDuration wait{};     ///< until the next line
    };
    HeapOptional<Shown> shown_;
};

}  // namespace starling
