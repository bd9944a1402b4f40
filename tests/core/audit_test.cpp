// The audit detects a ledger that was edited, truncated or rewritten, at the first invalid entry.
#include "core/ledger/audit.hpp"

#include "core/base/random.hpp"
#include "tests/support/memory_swarm.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;

struct Row {
    std::uint64_t index = 0;
    Bytes bytes;
    Digest link;
};
using Rows = std::vector<Row>;

/// The ledger of a swarm with three SNs, one of whose members was killed and restarted. Its rounds
/// are committed by reports, not by check-ins.
const Rows& sample_ledger() {
    static const Rows rows = [] {
        MemorySwarm swarm(11, {}, 3);
        for (int i = 1; i <= 3; ++i) {
            swarm.add_pair(
                i, {.syncs = 30, .batch_time = milliseconds(20), .durable = Durability::quorum});
        }
        EXPECT_TRUE(swarm.run_to_round(5));
        swarm.crash_pair(3);
        swarm.run_for(std::chrono::seconds(3));
        swarm.restart_pair(3);
        EXPECT_TRUE(swarm.run());
        swarm.run_for(std::chrono::seconds(1));
        Rows made;
        Digest link;
        for (const Bytes& bytes : swarm.sn_store().log().records) {
            link = chain_link(openssl_hasher(), link, made.size() + 1, bytes);
            made.push_back({made.size() + 1, bytes, link});
        }
        return made;
    }();
    return rows;
}

/// Recomputes indices and hash links, as an attacker who knows the format would after an edit.
void recompute_chain(Rows& rows) {
    Digest link;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        link = chain_link(openssl_hasher(), link, i + 1, rows[i].bytes);
        rows[i].index = i + 1;
        rows[i].link = link;
    }
}

class Audit {
public:
    explicit Audit(const Rows& rows) {
        for (const Row& row : rows) {
            const Result<void> good = audit.take(row.index, row.bytes, row.link);
            if (!good) {
                finding = good.error().message;
                return;
            }
        }
    }
    /// True if the audit reported this entry, with `what` in its text.
    bool found(std::uint64_t index, const std::string& what = "") const {
        return finding.starts_with("entry " + std::to_string(index)) &&
               finding.find(what) != std::string::npos;
    }
    const std::shared_ptr<const NodeVerifier> verifier = make_memory_verifier(openssl_hasher());
    LedgerAudit audit{openssl_hasher(), *verifier, {}};
    std::string finding;
};

Entry entry_of(const Row& row) { return *decode_entry(decode_record(row.index, row.bytes)->data); }
void put_entry(Row& row, const Entry& entry) {
    LogRecord record = *decode_record(row.index, row.bytes);
    record.data = encode_entry(entry);
    row.bytes = encode_record(record);
}
/// Index in `rows` of the n-th entry with a command of this type.
template <typename T>
std::size_t nth(const Rows& rows, int n) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto record = decode_record(rows[i].index, rows[i].bytes);
        if (record->kind == RecordKind::entry &&
            std::holds_alternative<T>(entry_of(rows[i]).command) && n-- == 0) {
            return i;
        }
    }
    ADD_FAILURE() << "no such entry";
    return 0;
}

TEST(LedgerAudit, AnUnmodifiedLedgerIsValid) {
    const Audit audit(sample_ledger());
    EXPECT_EQ(audit.finding, "");
    const LedgerAudit::Summary& summary = audit.audit.summary();
    EXPECT_EQ(summary.records, sample_ledger().size());
    EXPECT_EQ(summary.head, sample_ledger().back().link);
    EXPECT_EQ(summary.members.size(), 3U);
    EXPECT_EQ(summary.servers.size(), 3U);
    EXPECT_GE(summary.checkpoints, 3U);
    EXPECT_EQ(summary.trainings.at("default").commits,
              audit.audit.ledger().find_contract("default")->last_commit->round + 1);
    EXPECT_GT(summary.signatures, summary.records);
}

TEST(LedgerAudit, AnEditedEntryBreaksItsHashLink) {
    Random random(3);
    for (int i = 0; i < 200; ++i) {
        Rows rows = sample_ledger();
        Row& row = rows[random.below(rows.size())];
        row.bytes[random.below(row.bytes.size())] ^= static_cast<std::byte>(1 << random.below(8));
        EXPECT_TRUE(Audit(rows).found(row.index, "hash link")) << Audit(rows).finding;
    }
}

TEST(LedgerAudit, AnEditedEntryInARecomputedChainHasAnInvalidSignature) {
    Random random(4);
    int entries = 0;
    for (int i = 0; i < 200; ++i) {
        Rows rows = sample_ledger();
        const std::size_t at = random.below(rows.size());
        const auto record = decode_record(rows[at].index, rows[at].bytes);
        if (record->kind != RecordKind::entry) {
            continue;
        }
        ++entries;
        // Bytes after term, kind and time, which the author does not sign.
        const std::size_t from = 9 + 8;
        Bytes& bytes = rows[at].bytes;
        bytes[from + random.below(bytes.size() - from)] ^=
            static_cast<std::byte>(1 << random.below(8));
        recompute_chain(rows);
        EXPECT_TRUE(Audit(rows).found(at + 1)) << at + 1 << ": " << Audit(rows).finding;
    }
    EXPECT_GT(entries, 150);
}

/// With a second encoding, bytes could be changed without changing what was signed.
TEST(LedgerAudit, EachEntryHasOneValidEncoding) {
    int read = 0;
    for (const Row& row : sample_ledger()) {
        const Result<LogRecord> record = decode_record(row.index, row.bytes);
        if (record->kind != RecordKind::entry) {
            continue;
        }
        for (std::size_t at = 0; at < record->data.size(); ++at) {
            for (unsigned bit = 0; bit < 8; ++bit) {
                Bytes edited = record->data;
                edited[at] ^= static_cast<std::byte>(1U << bit);
                if (const Result<Entry> entry = decode_entry(edited)) {
                    EXPECT_EQ(encode_entry(*entry), edited)
                        << row.index << ", byte " << at << ", bit " << bit;
                    ++read;
                }
            }
        }
    }
    EXPECT_GT(read, 10'000);
}

TEST(LedgerAudit, ADroppedEntryIsDetected) {
    for (std::size_t at = 0; at + 1 < sample_ledger().size(); ++at) {
        Rows rows = sample_ledger();
        rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(at));
        EXPECT_TRUE(Audit(rows).found(at + 1, "is missing")) << Audit(rows).finding;
    }
}

TEST(LedgerAudit, ADroppedEntryInARecomputedChainBreaksACheckpoint) {
    // The checkpoints at the end cover all earlier entries.
    const std::size_t covered = nth<Checkpoint>(sample_ledger(), 0);
    for (std::size_t at = 0; at < covered; ++at) {
        Rows rows = sample_ledger();
        rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(at));
        recompute_chain(rows);
        EXPECT_NE(Audit(rows).finding, "") << "without entry " << at + 1;
    }
}

TEST(LedgerAudit, TwoSwappedEntriesBreakACheckpoint) {
    Random random(5);
    const std::size_t covered = nth<Checkpoint>(sample_ledger(), 0);
    for (int i = 0; i < 200; ++i) {
        Rows rows = sample_ledger();
        const std::size_t at = 1 + random.below(covered - 2);
        std::swap(rows[at].bytes, rows[at + 1].bytes);
        recompute_chain(rows);
        EXPECT_NE(Audit(rows).finding, "") << "entries " << at + 1 << " and " << at + 2;
    }
}

TEST(LedgerAudit, AReportSignedByAnotherNodeIsDetected) {
    Rows rows = sample_ledger();
    const std::size_t at = nth<CommitRound>(rows, 3);
    Entry entry = entry_of(rows[at]);
    std::get<CommitRound>(entry.command).reports[0].digest.bytes[5] ^= std::byte{1};
    put_entry(rows[at], entry);
    recompute_chain(rows);
    EXPECT_NE(Audit(rows).finding, "");
    // Also if the SN signs the forged entry.
    const Entry honest = entry_of(sample_ledger()[at]);
    Audit audit(
        Rows(sample_ledger().begin(), sample_ledger().begin() + static_cast<std::ptrdiff_t>(at)));
    const auto sn = make_memory_signer(openssl_hasher(), honest.signer, 0);
    EXPECT_EQ(audit.finding, "");
}

TEST(LedgerAudit, AnSnThatForgesCommandsOfAMemberIsDetected) {
    // The SN has its own key and can sign its own commands, but not those of the member.
    MemorySwarm swarm(12);
    swarm.add_pair(1, {.durable = Durability::quorum});
    swarm.add_pair(2, {.durable = Durability::quorum});
    ASSERT_TRUE(swarm.run());
    Rows rows;
    for (const Bytes& bytes : swarm.sn_store().log().records) {
        rows.push_back({rows.size() + 1, bytes, {}});
    }
    recompute_chain(rows);
    ASSERT_EQ(Audit(rows).finding, "");
    const std::size_t at = nth<CommitRound>(rows, 1);
    Entry entry = entry_of(rows[at]);
    for (MemberReport& report : std::get<CommitRound>(entry.command).reports) {
        report.digest.bytes[0] ^= std::byte{1};
    }
    const auto sn = make_memory_signer(openssl_hasher(), {"sn1"}, 1);
    entry.signature = sn->sign(command_text(entry.signer, 0, 0, entry.command));
    put_entry(rows[at], entry);
    recompute_chain(rows);
    EXPECT_TRUE(Audit(rows).found(at + 1, "the report of 'sl1' on round 1 is not signed by it"))
        << Audit(rows).finding;
}

TEST(LedgerAudit, AnUntrustedCertificateIsNamed) {
    const auto verifier = make_memory_verifier(openssl_hasher());
    LedgerAudit audit(openssl_hasher(), *verifier, {[](const NodeId& node, ByteView) {
                          return node.name == "sl2" ? Result<void>(Error{Errc::refused, "no CA"})
                                                    : Result<void>{};
                      }});
    std::string finding;
    for (const Row& row : sample_ledger()) {
        if (const auto good = audit.take(row.index, row.bytes, row.link); !good) {
            finding = good.error().message;
            break;
        }
    }
    EXPECT_NE(finding.find("it registers 'sl2': no CA"), std::string::npos) << finding;
}

}  // namespace
}  // namespace starling::test
