#pragma once

#include <memory>

#include "core/node/node.hpp"
#include "deploy/metrics/exposition.hpp"

namespace starling {

/// Metrics of a node of one role, counted from its trace events.
class RoleFigures {
public:
    virtual ~RoleFigures() = default;
    virtual void count(SwarmTime time, const TraceEvent& event) = 0;
    virtual void write(Exposition& out) const = 0;
};

/// For an SN: the ledger, and the rounds of each contract.
std::unique_ptr<RoleFigures> make_sn_figures();
/// For an SL: its exchanges, and the check-ins of its program.
std::unique_ptr<RoleFigures> make_sl_figures();

}  // namespace starling
