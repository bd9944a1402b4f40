#pragma once

#include "core/ledger/ledger.hpp"
#include "core/trace/trace_event.hpp"

namespace starling {

/// A change of the ledger as a trace event, with its log line.
/// \param ledger  after the change
/// \pre  not RollChanged, which several events may follow from
TraceEvent event_of(const LedgerEvent& event, const Ledger& ledger);

}  // namespace starling
