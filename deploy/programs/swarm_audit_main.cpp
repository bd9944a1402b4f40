// swarm-audit: checks ledgers without trust in any of the SNs that kept them.

#include <cstdio>
#include <filesystem>
#include <optional>

#include "deploy/audit/audit_report.hpp"
#include "deploy/audit/ledger_copy.hpp"
#include "deploy/audit/snapshot_check.hpp"
#include "deploy/log/progress_line.hpp"
#include "deploy/programs/tool_main.hpp"
#include "deploy/storage/ledger_head.hpp"
#include "transport/crypto/openssl_hasher.hpp"
#include "transport/tls/node_keys.hpp"
#include "transport/tls/trust_store.hpp"

namespace starling {
namespace {

constexpr Program program{
    "swarm-audit",
    "Verifies every hash link, signature and checkpoint of a swarm's ledger and names the first "
    "bad "
    "entry.",
    "  swarm-audit workspace/data/sn1/ledger.sqlite --capath cert/ca/capath\n"
    "  swarm-audit sn1.sqlite sn2.sqlite sn3.sqlite     also checks that their histories agree\n"
    "A ledger is only read; its SN may be running. Exit codes: 0 valid, 1 invalid, 2 "
    "usage.\n",
    "LEDGER..."};

constexpr std::string_view what = "What";

constexpr Flag flags[] = {
    {"--capath", "DIR", what,
     "Directory of trusted CA certificates (*.pem); default: certificate issuers are not verified"},
    {"--archive", "DIR", what,
     "Directory with archive files of the ledger that are not in NAME.archive beside it"},
    {"--json", "", what, "Print one JSON object per ledger, one per line"},
};

/// Checks that the ledger contains the entry that the head file beside it records as durable;
/// empty: it does.
std::string missing_end(const std::filesystem::path& head_file,
                        const Result<std::optional<LedgerHead>>& head, const LedgerAudit& audit) {
    if (!head || !*head || (*head)->index == 0) {
        return "";  // there is no head file, or it is damaged itself
    }
    const std::uint64_t index = (*head)->index;
    if (index > audit.summary().records) {
        return "entry " + std::to_string(audit.summary().records + 1) +
               " is missing: " + head_file.string() + " says that entry " + std::to_string(index) +
               " was written";
    }
    return audit.link(index) == (*head)->link
               ? ""
               : "entry " + std::to_string(index) + " differs from the one that " +
                     head_file.string() + " says was written";
}

/// What an SN that joined with the state after an entry has of the entries before it, until it has
/// copied them.
Error not_copied_yet(std::uint64_t last) {
    return {Errc::malformed,
            "entries 1 to " + std::to_string(last) +
                " are missing: its SN joined with the state after a later entry and has not copied "
                "them yet. Audit this ledger when it has, or another SN's now"};
}

Result<AuditedLedger> audit_file(const std::string& file, const std::string& archive,
                                 const NodeVerifier& verifier,
                                 const std::optional<TrustStore>& trust) {
    LedgerAudit::Options options;
    if (trust) {
        options.trusted = [&](const NodeId&, ByteView certificate) {
            return trust->verify_recorded(certificate);
        };
    }
    AuditedLedger ledger{
        file, std::make_unique<LedgerAudit>(openssl_hasher(), verifier, std::move(options)), ""};
    std::filesystem::path head_file = file;
    head_file.replace_extension(".head");
    // Read before the ledger: its SN may be writing, and the ledger is never behind the head.
    const Result<std::optional<LedgerHead>> head = HeadFile::read(head_file, openssl_hasher());
    const SnapshotFiles::Found snapshots = SnapshotFiles(file, openssl_hasher()).read();
    ProgressLine progress(file, head && *head ? (*head)->index : 0);
    const Result<void> read =
        read_ledger_copy(file, archive, openssl_hasher(),
                         [&](std::uint64_t index, ByteView bytes, const Digest& link) {
                             progress.update(index);
                             if (bytes.empty() && ledger.audit->summary().records == 0) {
                                 return Result<void>(not_copied_yet(index));
                             }
                             const Result<void> taken = ledger.audit->take(index, bytes, link);
                             return taken ? compare_snapshot(snapshots, ledger) : taken;
                         });
    if (!read && read.error().code != Errc::malformed) {
        return read.error();
    }
    if (read) {
        note_snapshots_beyond(snapshots, ledger);
    }
    ledger.finding = read ? missing_end(head_file, head, *ledger.audit) : read.error().message;
    if (ledger.finding.empty()) {
        ledger.finding = ledger.audit->unfinished();
    }
    if (ledger.finding.empty() && !snapshots.damaged.empty()) {
        ledger.finding = snapshots.damaged.front();
    }
    return ledger;
}

Result<int> run(const FlagValues& values) {
    if (values.operands().empty()) {
        return Error{Errc::usage,
                     "a LEDGER is missing, such as workspace/data/sn1/ledger.sqlite. See "
                     "swarm-audit --help"};
    }
    std::optional<TrustStore> trust;
    if (values.has("--capath")) {
        Result<TrustStore> loaded = TrustStore::load(values.text("--capath"), "");
        if (!loaded) {
            return loaded.error();
        }
        trust = std::move(*loaded);
    }
    const std::shared_ptr<const NodeVerifier> verifier = make_node_verifier();
    std::vector<AuditedLedger> ledgers;
    int code = exit_code::ok;
    for (const std::string& file : values.operands()) {
        Result<AuditedLedger> ledger = audit_file(file, values.text("--archive"), *verifier, trust);
        if (!ledger) {
            return ledger.error();
        }
        const std::string text = values.has("--json") ? audit_json(*ledger) : audit_text(*ledger);
        std::fputs(text.c_str(), stdout);
        code = ledger->finding.empty() ? code : exit_code::failed;
        ledgers.push_back(std::move(*ledger));
    }
    for (std::size_t i = 1; i < ledgers.size(); ++i) {
        if (const std::string found = difference(ledgers.front(), ledgers[i]); !found.empty()) {
            std::fprintf(stderr, "swarm-audit: %s\n", found.c_str());
            code = exit_code::failed;
        }
    }
    return code;
}

}  // namespace
}  // namespace starling

int main(int argc, char** argv) {
    using namespace starling;
    return tool_main(argc, argv, program, flags, run);
}
