#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ledger/audit.hpp"

namespace starling {

/// One ledger file and the result of its audit.
struct AuditedLedger {
    std::string file;
    std::unique_ptr<LedgerAudit> audit;
    std::string finding;  ///< the first bad entry; empty: there is none
    /// Last entries of the snapshots beside it that equal what the entries up to there lead to.
    std::vector<std::uint64_t> snapshots = {};
    /// Last entries of those beside it that this ledger does not have.
    std::vector<std::uint64_t> snapshots_beyond = {};
};

/// Where two valid ledgers have different entries at the same index; empty: nowhere. A swarm has
/// one history, so SNs that have signed both have lied.
std::string difference(const AuditedLedger& a, const AuditedLedger& b);

/// Human-readable, some lines per ledger.
std::string audit_text(const AuditedLedger& ledger);
/// The same as one JSON object.
std::string audit_json(const AuditedLedger& ledger);

}  // namespace starling
