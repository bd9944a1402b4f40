#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ledger/audit.hpp"

namespace starling {

/// One ledger file and what its audit brought.
struct AuditedLedger {
    std::string file;
    std::unique_ptr<LedgerAudit> audit;
    std::string finding;  ///< the first bad entry; empty: there is none
};

/// Where two good ledgers say different things at the same index; empty: nowhere. A swarm has one
/// history, so SNs that have signed both have lied to somebody.
std::string difference(const AuditedLedger& a, const AuditedLedger& b);

/// For people: some lines a ledger.
std::string audit_text(const AuditedLedger& ledger);
/// The same as one JSON object.
std::string audit_json(const AuditedLedger& ledger);

}  // namespace starling
