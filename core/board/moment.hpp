#pragma once

#include <cstdint>

namespace starling {

/// When something changed, in a run and in its model.
struct Moment {
    std::int64_t us = 0;        ///< microseconds since the first event of the run
    std::uint64_t version = 0;  ///< of the model; grows with every event
};

}  // namespace starling
