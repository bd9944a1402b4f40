// The number of ledger rows that a round of a real training costs: SNs write and send them.
#include <algorithm>
#include <csignal>

#include "core/ledger/ledger.hpp"
#include "deploy/storage/sqlite_store.hpp"
#include "tests/system/system_swarm.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling::test {
namespace {

class LedgerRows : public SystemSwarm {
protected:
    /// For each committed round: rows since the previous commit, including its own.
    std::vector<std::uint64_t> rows_between_commits() const {
        std::vector<std::uint64_t> rows;
        const auto opened =
            SqliteStore::open(path("host-1/data/sn1/ledger.sqlite"), openssl_hasher());
        EXPECT_TRUE(opened) << opened.error().message;
        Ledger ledger;
        std::uint64_t index = 0;
        std::uint64_t last = 0;
        for (const Bytes& bytes : opened->log.records) {
            const auto record = decode_record(++index, bytes);
            EXPECT_TRUE(record) << index;
            if (record->kind != RecordKind::entry) {
                continue;
            }
            const auto entry = decode_entry(record->data);
            EXPECT_TRUE(entry) << index;
            for (const LedgerEvent& event : ledger.apply(*entry, index).events) {
                if (std::holds_alternative<RoundCommitted>(event)) {
                    rows.push_back(index - last);
                    last = index;
                }
            }
        }
        return rows;
    }
};

TEST_F(LedgerRows, ARoundOfThreeMembersTakesFiveAtMost) {
    const auto sn = start_sn();
    std::vector<std::unique_ptr<Program>> members;
    for (int host = 1; host <= 3; ++host) {
        members.push_back(start_sl(host, "--elements 500000 --batches 320", 3));
    }
    for (const auto& member : members) {
        EXPECT_EQ(member->wait_exit(), 0) << member->output();
    }
    sn->signal(SIGTERM);
    EXPECT_EQ(sn->wait_exit(), 0) << sn->output();
    std::vector<std::uint64_t> rows = rows_between_commits();
    ASSERT_EQ(rows.size(), 22U);  // at the beginning, after every 16 batches, at the end
    rows.erase(rows.begin());     // before the first one the members registered and enrolled
    std::printf("rows a round: %lu to %lu\n", *std::min_element(rows.begin(), rows.end()),
                *std::max_element(rows.begin(), rows.end()));
    EXPECT_LE(*std::max_element(rows.begin(), rows.end()), 3U + 2U);
}

}  // namespace
}  // namespace starling::test
