// A store that starts from a snapshot beside it, from the one before if that is damaged, and from
// all entries without one; also after a kill at any moment.
#include <array>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "core/base/random.hpp"
#include "core/files/read_file.hpp"
#include "core/files/replace_file.hpp"
#include "deploy/storage/sqlite_store.hpp"
#include "tests/deploy/child_process.hpp"
#include "tests/deploy/numbered_entries.hpp"
#include "tests/support/records.hpp"
#include "tests/support/temporary_directory.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

Result<void> append_to(SqliteStore& store, std::uint64_t last) {
    Result<void> done;
    while (done && store.last_index() < last) {
        done = store.append(store.last_index() + 1, one_record(numbered(store.last_index() + 1)));
    }
    return done;
}

Result<void> snapshot_now(SqliteStore& store) {
    return store.save_snapshot(snapshot_at(store.last_index(), store.last_link()));
}

class LedgerSnapshotTest : public testing::Test {
protected:
    Result<SqliteStore::Opened> open() { return SqliteStore::open(file, openssl_hasher()); }
    /// Entries 1 to 25, with snapshots at 10 and 20.
    void fill() {
        auto opened = open();
        ASSERT_TRUE(opened) << opened.error().message;
        for (const std::uint64_t last : {10U, 20U, 25U}) {
            ASSERT_TRUE(append_to(*opened->store, last));
            if (last < 25) {
                ASSERT_TRUE(snapshot_now(*opened->store));
            }
        }
    }
    fs::path snapshot_file(int slot) const {
        return directory.path() / ("ledger.snapshot-" + std::to_string(slot));
    }
    static void damage(const fs::path& damaged) {
        std::string text = *read_whole_file(damaged);
        text[text.size() / 2] ^= 1;
        const ByteView whole = std::as_bytes(std::span(text));
        ASSERT_TRUE(replace_file(damaged, std::span(&whole, 1)));
    }
    void change_entry(int index) {
        sqlite3* handle = nullptr;
        ASSERT_EQ(sqlite3_open(file.c_str(), &handle), SQLITE_OK);
        const std::string sql = "UPDATE log SET data=x'00' WHERE idx=" + std::to_string(index);
        EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
        sqlite3_close(handle);
    }
    void expect_start(std::uint64_t before, std::size_t notes) {
        const auto opened = open();
        ASSERT_TRUE(opened) << opened.error().message;
        EXPECT_EQ(opened->log.before(), before);
        EXPECT_EQ(opened->log.last(), 25U);
        ASSERT_EQ(opened->log.records.size(), 25 - before);
        EXPECT_EQ(opened->log.records.front(), numbered(before + 1));
        EXPECT_EQ(opened->notes.size(), notes);
    }

    TemporaryDirectory directory;
    fs::path file = directory.path() / "ledger.sqlite";
};

TEST_F(LedgerSnapshotTest, AStartReadsWhatIsBehindTheNewestOne) {
    fill();
    expect_start(20, 0);
    auto opened = open();
    ASSERT_TRUE(append_to(*opened->store, 30)) << "the chain continues";
    ASSERT_TRUE(snapshot_now(*opened->store));
    opened = Error{};
    opened = open();
    EXPECT_EQ(opened->log.before(), 30U);
    EXPECT_TRUE(opened->log.records.empty());
}

/// What an SN that joins with the state after entry 20 writes.
struct JoinedLedger {
    JoinedLedger() {
        for (std::uint64_t index = 1; index <= 20; ++index) {
            links.push_back(chain_link(openssl_hasher(), links.back(), index, numbered(index)));
        }
    }
    BeginBehind begin() const { return {snapshot_at(20, links[20]), {20, links[20]}, {7, 1, 0}}; }
    PersistOlder older(std::uint64_t first, std::uint64_t last) const {
        PersistOlder part{first, links[first - 1], {}};
        for (std::uint64_t index = first; index <= last; ++index) {
            part.records.push_back(numbered(index));
        }
        return part;
    }
    std::vector<Digest> links{Digest{}};
};

TEST_F(LedgerSnapshotTest, ALedgerBeginsBehindAnotherSnsAndIsFilledUp) {
    const JoinedLedger joined;
    {
        auto opened = open();
        ASSERT_TRUE(opened->store->begin_behind(joined.begin()));
        EXPECT_EQ(opened->store->last_index(), 20U);
        ASSERT_TRUE(append_to(*opened->store, 25));
        EXPECT_EQ(opened->store->record(20).error().code, Errc::not_found);
        EXPECT_EQ(*opened->store->link(20), joined.links[20]);
        EXPECT_EQ(opened->store->link(19).error().code, Errc::not_found);
    }
    for (const std::uint64_t first : {11U, 1U}) {
        expect_start(20, 0);
        auto opened = open();
        EXPECT_EQ(opened->log.missing.last, first + 9);
        EXPECT_EQ(opened->log.missing.link, joined.links[first + 9]);
        EXPECT_EQ(opened->log.vote, (Vote{7, 1, 0}));
        ASSERT_TRUE(opened->store->append_older(joined.older(first, first + 9)));
        EXPECT_EQ(*opened->store->record(first + 9), numbered(first + 9));
        EXPECT_EQ(*opened->store->record(21), numbered(21)) << "what is missing is no failure";
    }
    EXPECT_EQ(open()->log.missing.last, 0U);
    fs::remove(snapshot_file(0));
    expect_start(0, 0);
}

TEST_F(LedgerSnapshotTest, OnlyAnEmptyLedgerBeginsBehindAndOnlyWhatIsMissingIsFilledUp) {
    const JoinedLedger joined;
    {
        auto opened = open();
        EXPECT_FALSE(opened->store->append_older(joined.older(11, 20)));
        ASSERT_TRUE(opened->store->begin_behind(joined.begin()));
        EXPECT_FALSE(opened->store->begin_behind(joined.begin()));
        EXPECT_FALSE(opened->store->append_older(joined.older(11, 19)));
        ASSERT_TRUE(append_to(*opened->store, 25));
    }
    expect_start(20, 0);
    damage(snapshot_file(0));
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().message.find("begins behind entry 20"), std::string::npos)
        << opened.error().message;
}

TEST_F(LedgerSnapshotTest, ALedgerGoesOnIfOneCannotBeWritten) {
    fill();
    fs::remove(snapshot_file(0));
    fs::create_directories(snapshot_file(0) / "no file can take this place");
    {
        auto opened = open();
        EXPECT_FALSE(snapshot_now(*opened->store));
        ASSERT_TRUE(append_to(*opened->store, 26)) << "entries are written nevertheless";
        fs::remove_all(snapshot_file(0));
        EXPECT_TRUE(snapshot_now(*opened->store));
    }
    const auto opened = open();
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(opened->log.before(), 26U);
}

TEST_F(LedgerSnapshotTest, ADamagedOneIsNotUsed) {
    fill();
    damage(snapshot_file(1));
    expect_start(10, 1);
    damage(snapshot_file(0));
    expect_start(0, 2);
    auto opened = open();
    ASSERT_TRUE(snapshot_now(*opened->store));
    opened = Error{};
    opened = open();
    EXPECT_EQ(opened->log.before(), 25U) << "a damaged one was replaced";
    EXPECT_EQ(opened->notes.size(), 1U);
}

TEST_F(LedgerSnapshotTest, OneOfAnotherLedgerIsNotUsed) {
    fill();
    Digest other;
    other.bytes[0] = std::byte{1};
    const Bytes foreign = snapshot_at(22, other);
    const ByteView whole = foreign;
    ASSERT_TRUE(replace_file(snapshot_file(0), std::span(&whole, 1)));
    expect_start(20, 1);
}

TEST_F(LedgerSnapshotTest, EntriesBeforeItAreCheckedWhenTheyAreRead) {
    fill();
    change_entry(5);
    auto opened = open();
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(opened->store->record(4).value(), numbered(4));
    const Result<Bytes> changed = opened->store->record(5);
    ASSERT_FALSE(changed);
    EXPECT_NE(changed.error().message.find("entry 5 is damaged"), std::string::npos)
        << changed.error().message;
    EXPECT_FALSE(append_to(*opened->store, 26)) << "the node must end";
    opened = Error{};
    change_entry(23);
    EXPECT_FALSE(open()) << "an entry behind it is checked at the start";
}

TEST_F(LedgerSnapshotTest, EveryEntryCanBeReadInAnyOrder) {
    fill();
    const auto opened = open();
    for (const std::uint64_t index : {1U, 2U, 20U, 19U, 21U, 25U, 1U}) {
        const Result<Bytes> read = opened->store->record(index);
        ASSERT_TRUE(read) << read.error().message;
        EXPECT_EQ(*read, numbered(index));
    }
    EXPECT_FALSE(opened->store->record(26));
}

/// A child process appends entries, makes a snapshot of every fifth one, and is killed.
TEST_F(LedgerSnapshotTest, AKillAtAnyMomentLeavesAStoreThatStarts) {
    Random random(20261128);
    std::uint64_t newest_snapshot = 0;
    for (int kill = 0; kill < 60; ++kill) {
        std::array<int, 2> ends{};
        ASSERT_EQ(::pipe(ends.data()), 0);
        ChildProcess child([&](const auto& ready) {
            auto opened = open();
            ready();
            while (opened && append_to(*opened->store, opened->store->last_index() + 5) &&
                   snapshot_now(*opened->store)) {
                const std::uint64_t last = opened->store->last_index();
                [[maybe_unused]] const auto n = ::write(ends[1], &last, sizeof last);
            }
            _exit(1);
        });
        ::close(ends[1]);
        std::uint64_t acknowledged = 0;
        for (std::uint64_t wait = random.below(6); wait > 0; --wait) {
            ASSERT_EQ(::read(ends[0], &acknowledged, sizeof acknowledged),
                      static_cast<ssize_t>(sizeof acknowledged));
        }
        const auto end =
            std::chrono::steady_clock::now() + std::chrono::microseconds(random.below(5'000));
        while (std::chrono::steady_clock::now() < end) {
        }
        ::kill(child.pid(), SIGKILL);
        child.wait();
        while (::read(ends[0], &acknowledged, sizeof acknowledged) > 0) {
        }
        ::close(ends[0]);
        const auto opened = open();
        ASSERT_TRUE(opened) << opened.error().message;
        ASSERT_TRUE(opened->notes.empty()) << opened->notes.front();
        ASSERT_GE(opened->log.before(), acknowledged) << "a snapshot that was durable";
        ASSERT_GE(opened->log.before(), newest_snapshot);
        newest_snapshot = opened->log.before();
        for (std::size_t at = 0; at < opened->log.records.size(); ++at) {
            ASSERT_EQ(opened->log.records[at], numbered(newest_snapshot + at + 1));
        }
    }
    EXPECT_GT(newest_snapshot, 100U) << "too few snapshots to be a valid test";
}

}  // namespace
}  // namespace starling
