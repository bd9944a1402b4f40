// The report of swarm-audit on a ledger, for contracts in any state.
#include "deploy/audit/audit_report.hpp"

#include <gtest/gtest.h>

#include "core/ledger/signature.hpp"
#include "deploy/audit/snapshot_check.hpp"
#include "transport/crypto/openssl_hasher.hpp"
#include "transport/memory/memory_keys.hpp"

namespace starling {
namespace {

/// A ledger of one SL and one SN, built entry by entry.
class AuditReportTest : public testing::Test {
protected:
    struct Author {
        NodeId id;
        std::shared_ptr<const NodeSigner> signer = make_memory_signer(openssl_hasher(), id, 1);
        std::uint64_t session = 7;
        std::uint64_t sequence = 0;
    };

    void SetUp() override {
        ledger.file = "ledger.sqlite";
        ledger.audit =
            std::make_unique<LedgerAudit>(openssl_hasher(), *verifier, LedgerAudit::Options{});
        RegisterNode registration;
        registration.role = Role::sn;
        registration.credentials = sn.signer->credentials();
        sn_says(registration);
        registration.role = Role::sl;
        registration.credentials = sl.signer->credentials();
        sl_says(registration);
    }
    void take(const Entry& entry) {
        const Bytes record = encode_record({0, 1, RecordKind::entry, encode_entry(entry)});
        link = chain_link(openssl_hasher(), link, ++index, record);
        const Result<void> good = ledger.audit->take(index, record, link);
        EXPECT_TRUE(good) << (good ? "" : good.error().message);
    }
    void sn_says(const Command& command) {
        take({5, sn.id, 0, 0, command, sn.signer->sign(command_text(sn.id, 0, 0, command))});
    }
    void sl_says(const Command& command) {
        ++sl.sequence;
        take({5, sl.id, sl.session, sl.sequence, command,
              sl.signer->sign(command_text(sl.id, sl.session, sl.sequence, command))});
    }
    void enrol() {
        ContractConfig config;
        config.min_peers = 1;
        config.layout_bytes = 16;
        sl_says(Enrol{"c", config, "w F32 4\n", {}});
    }
    /// One run with one round.
    void train() {
        enrol();
        CheckIn check_in;
        check_in.finished = true;
        sl_says(CheckInRound{"c", 0, 0, check_in});
        sn_says(CommitRound{
            "c",
            0,
            0,
            0,
            {{sl.id, {}, sl.signer->sign(report_text(sl.id, "c", 0, 0, 0, Digest{}))}}});
        sl_says(LeaveContract{"c", 0, "done"});
    }
    static bool holds(const std::string& text, const std::string& part) {
        return text.find(part) != std::string::npos;
    }

    Author sn{{"sn1"}};
    Author sl{{"sl1"}};
    const std::shared_ptr<const NodeVerifier> verifier = make_memory_verifier(openssl_hasher());
    AuditedLedger ledger;
    Digest link;
    std::uint64_t index = 0;
};

TEST_F(AuditReportTest, ACompletedRunIsDescribedByItsLastRound) {
    train();
    EXPECT_TRUE(holds(audit_text(ledger),
                      "1 rounds committed, 0 attempts without a result, now "
                      "complete; round 0 (final) has digest 0000"))
        << audit_text(ledger);
    EXPECT_TRUE(holds(audit_json(ledger), "\"final\": true")) << audit_json(ledger);
}

TEST_F(AuditReportTest, ANewRunWithoutACommitDoesNotShowRoundsOfThePreviousRun) {
    train();
    enrol();
    EXPECT_TRUE(holds(audit_text(ledger), "now gathering; no round of run 1 is committed yet\n"))
        << audit_text(ledger);
    EXPECT_TRUE(holds(audit_json(ledger), "\"run\": 1, \"digest\": null, \"final\": false"))
        << audit_json(ledger);
}

/// Of the entries that the audit has taken so far.
SnapshotFiles::Found snapshot_of(const LedgerAudit& audit) {
    SnapshotFiles::Found found;
    found.snapshots.push_back({"ledger.snapshot-0",
                               audit.make_snapshot(),
                               {audit.summary().records, audit.summary().head}});
    return found;
}

TEST_F(AuditReportTest, ASnapshotIsComparedWithWhatTheEntriesLeadTo) {
    SnapshotFiles::Found found = snapshot_of(*ledger.audit);
    enrol();
    EXPECT_TRUE(compare_snapshot(found, ledger)) << "it is of an earlier entry";
    EXPECT_FALSE(holds(audit_text(ledger), "snapshot"));
    found = snapshot_of(*ledger.audit);
    EXPECT_TRUE(compare_snapshot(found, ledger));
    EXPECT_TRUE(holds(audit_text(ledger), "the snapshot at entry 3 equals")) << audit_text(ledger);
    EXPECT_TRUE(holds(audit_json(ledger), "\"snapshots\": [3]")) << audit_json(ledger);
    found.snapshots[0].bytes.back() ^= std::byte{1};
    const Result<void> differs = compare_snapshot(found, ledger);
    ASSERT_FALSE(differs);
    EXPECT_TRUE(holds(differs.error().message, "ledger.snapshot-0 differs from what the entries"))
        << differs.error().message;
}

TEST_F(AuditReportTest, ASnapshotOfAnEarlierLedgerInThisPlaceIsNoFinding) {
    SnapshotFiles::Found left = snapshot_of(*ledger.audit);
    left.snapshots[0].bytes = Bytes(3);
    left.snapshots[0].head.link.bytes[0] ^= std::byte{1};
    EXPECT_TRUE(compare_snapshot(left, ledger));
    EXPECT_TRUE(ledger.snapshots.empty());
}

TEST_F(AuditReportTest, ASnapshotBeyondTheEndOfTheLedgerIsShown) {
    SnapshotFiles::Found found = snapshot_of(*ledger.audit);
    note_snapshots_beyond(found, ledger);
    EXPECT_TRUE(ledger.snapshots_beyond.empty());
    ++found.snapshots[0].head.index;
    EXPECT_TRUE(compare_snapshot(found, ledger));
    note_snapshots_beyond(found, ledger);
    const std::string entry = std::to_string(ledger.audit->summary().records + 1);
    EXPECT_TRUE(holds(audit_text(ledger), "the snapshot at entry " + entry + " is not compared"))
        << audit_text(ledger);
    EXPECT_TRUE(holds(audit_json(ledger), "\"snapshots_beyond\": [" + entry + "]"))
        << audit_json(ledger);
}

}  // namespace
}  // namespace starling
