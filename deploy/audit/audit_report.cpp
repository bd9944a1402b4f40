// Reports of audits, as text and JSON, and the comparison of two ledgers: each may be valid in
// itself, but a swarm has one history, so two different ones prove that the SNs that signed both
// have lied.
#include "deploy/audit/audit_report.hpp"

#include <algorithm>

#include "core/base/json_writer.hpp"
#include "core/base/names_text.hpp"
#include "core/base/start_text.hpp"

namespace starling {
namespace {

/// "sn1 up to entry 410, sn2 up to 398"
std::string signers_of(const LedgerAudit::Summary& summary, std::uint64_t from) {
    std::string text;
    for (const auto& [node, index] : summary.signed_up_to) {
        if (index >= from) {
            text +=
                (text.empty() ? "" : ", ") + node.name + " up to entry " + std::to_string(index);
        }
    }
    return text.empty() ? "no SN" : text;
}

/// The newest commit of the current run, which has none at first.
std::string newest_commit(const Contract& contract) {
    if (!contract.last_commit) {
        return "no round of run " + std::to_string(contract.run) + " is committed yet";
    }
    const Commit& commit = *contract.last_commit;
    return "round " + std::to_string(commit.round) + (commit.final ? " (final)" : "") +
           " has digest " + to_string(commit.digest);
}

/// "entry 412: sn1 REBUILT the ledger alone, 2026-11-27 10:00:00 UTC: a new epoch, without sn2"
std::string removal_text(const LedgerAudit::Removal& removal) {
    const std::string gone = names_text(removal.command.removed);
    const std::string entry = "entry " + std::to_string(removal.command.index) + ": ";
    return removal.command.rebuilt
               ? entry + removal.signer.name + " REBUILT the ledger alone, " +
                     start_text(removal.command.session) + ": a new epoch, without " + gone
               : entry + "SN " + gone + " removed, as " + removal.command.by + " asked";
}

}  // namespace

std::string difference(const AuditedLedger& a, const AuditedLedger& b) {
    const std::uint64_t common = std::min(a.audit->summary().records, b.audit->summary().records);
    for (std::uint64_t index = 1; index <= common; ++index) {
        if (a.audit->link(index) != b.audit->link(index)) {
            return a.file + " and " + b.file + " have different histories from entry " +
                   std::to_string(index) + " on. The first is signed by " +
                   signers_of(a.audit->summary(), index) + "; the second by " +
                   signers_of(b.audit->summary(), index);
        }
    }
    return "";
}

std::string audit_text(const AuditedLedger& ledger) {
    const LedgerAudit::Summary& summary = ledger.audit->summary();
    std::string text =
        ledger.file + ": " + std::to_string(summary.records) + " good entries, head " +
        to_string(summary.head) + "\n  " + std::to_string(summary.signatures) + " signatures of " +
        names_text(summary.members, "nobody") + " and of SNs " +
        names_text(summary.servers, "nobody") + "; checkpoints: " + signers_of(summary, 1) + "\n";
    for (const std::uint64_t index : ledger.snapshots) {
        text += "  the snapshot at entry " + std::to_string(index) +
                " equals the state that the entries lead to\n";
    }
    for (const std::uint64_t index : ledger.snapshots_beyond) {
        text += "  the snapshot at entry " + std::to_string(index) +
                " is not compared: the ledger ends before. It is of another ledger, or this one "
                "lacks its end\n";
    }
    for (const LedgerAudit::Removal& removal : summary.removals) {
        text += "  " + removal_text(removal) + "\n";
    }
    for (const LedgerAudit::Claim& claim : summary.claims) {
        text += "  entry " + std::to_string(claim.index) + ": '" + claim.node.name +
                "' was rejected: " + claim.why + "\n";
    }
    for (const auto& [name, training] : summary.trainings) {
        const Contract* contract = ledger.audit->ledger().find_contract(name);
        text += "  contract '" + name + "': " + std::to_string(training.commits) +
                " rounds committed, " + std::to_string(training.attempts_lost) +
                " attempts without a result, now " + std::string(to_string(contract->phase)) +
                "; " + newest_commit(*contract) + "\n";
    }
    return text + (ledger.finding.empty() ? "  valid\n" : "  BAD: " + ledger.finding + "\n");
}

std::string audit_json(const AuditedLedger& ledger) {
    const LedgerAudit::Summary& summary = ledger.audit->summary();
    JsonWriter json;
    json.begin_object()
        .field("file", valid_utf8(ledger.file))
        .field("entries", summary.records)
        .field("head", to_string(summary.head))
        .field("signatures", summary.signatures)
        .field("good", ledger.finding.empty())
        .field("finding", valid_utf8(ledger.finding));
    json.key("checkpoints").begin_object();
    for (const auto& [node, index] : summary.signed_up_to) {
        json.field(node.name, index);
    }
    json.end_object().key("snapshots").begin_array();
    for (const std::uint64_t index : ledger.snapshots) {
        json.value(index);
    }
    json.end_array().key("snapshots_beyond").begin_array();
    for (const std::uint64_t index : ledger.snapshots_beyond) {
        json.value(index);
    }
    json.end_array().key("removals").begin_array();
    for (const LedgerAudit::Removal& removal : summary.removals) {
        json.begin_object()
            .field("entry", removal.index)
            .field("membership", removal.command.index)
            .field("signer", removal.signer.name)
            .field("by", valid_utf8(removal.command.by))
            .field("rebuilt", removal.command.rebuilt)
            .field("when", removal.command.rebuilt ? start_text(removal.command.session) : "")
            .key("removed")
            .begin_array();
        for (const NodeId& node : removal.command.removed) {
            json.value(node.name);
        }
        json.end_array().end_object();
    }
    json.end_array().key("claims").begin_array();
    for (const LedgerAudit::Claim& claim : summary.claims) {
        json.begin_object()
            .field("entry", claim.index)
            .field("node", claim.node.name)
            .field("why", valid_utf8(claim.why))
            .end_object();
    }
    json.end_array().key("contracts").begin_array();
    for (const auto& [name, training] : summary.trainings) {
        const Contract* contract = ledger.audit->ledger().find_contract(name);
        json.begin_object()
            .field("name", valid_utf8(name))
            .field("phase", to_string(contract->phase))
            .field("rounds", training.commits)
            .field("attempts_lost", training.attempts_lost)
            .field("run", contract->run);
        if (contract->last_commit) {
            json.field("digest", to_string(contract->last_commit->digest))
                .field("final", contract->last_commit->final);
        } else {
            json.key("digest").null().field("final", false);
        }
        json.end_object();
    }
    json.end_array().end_object();
    return json.take() + "\n";
}

}  // namespace starling
