#pragma once

#include <memory>

#include "core/node/node.hpp"
#include "deploy/metrics/exposition.hpp"

namespace starling {

/// Metrics of a node of one role, counted from its trace events.
class RoleMetrics {
public:
    virtual ~RoleMetrics() = default;
    virtual void count(SwarmTime time, const TraceEvent& event) = 0;
    virtual void write(Exposition& out) const = 0;
};

/// For an SN: the ledger, and the rounds of each contract.
std::unique_ptr<RoleMetrics> make_sn_metrics();
/// For an SL: its exchanges, and the check-ins of its program.
std::unique_ptr<RoleMetrics> make_sl_metrics();

}  // namespace starling
