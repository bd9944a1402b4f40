#pragma once

#include <memory>

#include "core/node/node.hpp"
#include "deploy/metrics/exposition.hpp"

namespace starling {

/// What is counted for a node of one role, from the events that it reports.
class RoleFigures {
public:
    virtual ~RoleFigures() = default;
    virtual void count(SwarmTime time, const TraceEvent& event) = 0;
    virtual void write(Exposition& out) const = 0;
};

/// An SN's: the ledger, and the rounds of each contract.
std::unique_ptr<RoleFigures> make_sn_figures();
/// An SL's: its exchanges, and what its program's check-ins say.
std::unique_ptr<RoleFigures> make_sl_figures();

}  // namespace starling
