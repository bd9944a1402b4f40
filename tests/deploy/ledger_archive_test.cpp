// A store that moves its oldest entries into archive files: nothing is lost at any moment, what is
// missing or damaged there is named, and the node goes on.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "core/files/read_file.hpp"
#include "core/files/replace_file.hpp"
#include "deploy/audit/ledger_copy.hpp"
#include "deploy/storage/sqlite_store.hpp"
#include "tests/deploy/killed_at_call.hpp"
#include "tests/deploy/numbered_entries.hpp"
#include "tests/support/records.hpp"
#include "tests/support/small_disk.hpp"
#include "tests/support/temporary_directory.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t segment_entries = 1000;

class LedgerArchiveTest : public testing::Test {
protected:
    Result<SqliteStore::Opened> open(std::uint64_t entries = segment_entries) {
        return SqliteStore::open(file, openssl_hasher(), {entries, [this](const std::string& note) {
                                                              notes.push_back(note);
                                                          }});
    }
    /// Appends entries up to `last`, and takes a snapshot there.
    static void grow(SqliteStore& store, std::uint64_t last) {
        std::vector<Bytes> records;
        const std::uint64_t first = store.last_index() + 1;
        for (std::uint64_t index = first; index <= last; ++index) {
            records.push_back(numbered(index));
        }
        ASSERT_TRUE(store.append(first, records));
        ASSERT_TRUE(store.save_snapshot(snapshot_at(last, store.last_link())));
    }
    /// As a node does that has nothing else to do.
    static void be_idle(SqliteStore& store) {
        while (store.needs_maintenance()) {
            ASSERT_TRUE(store.maintain());
        }
    }
    /// Entries 1 to 3,300, of which 2,000 are archived; snapshots at 2,500 and 3,300.
    void fill() {
        auto opened = open();
        ASSERT_TRUE(opened) << opened.error().message;
        for (const std::uint64_t last : {800U, 2500U, 3300U}) {
            grow(*opened->store, last);
        }
        be_idle(*opened->store);
        ASSERT_EQ(opened->store->last_archived(), 2000U);
        ASSERT_TRUE(notes.empty()) << notes.front();
    }
    static void expect_entries(SqliteStore& store, std::uint64_t first, std::uint64_t last) {
        for (std::uint64_t index = first; index <= last; ++index) {
            const Result<Bytes> read = store.record(index);
            ASSERT_TRUE(read) << read.error().message;
            ASSERT_EQ(*read, numbered(index));
        }
    }
    static std::int64_t number_in(const fs::path& database, const std::string& sql) {
        sqlite3* handle = nullptr;
        EXPECT_EQ(sqlite3_open(database.c_str(), &handle), SQLITE_OK);
        sqlite3_stmt* statement = nullptr;
        EXPECT_EQ(sqlite3_prepare_v2(handle, sql.c_str(), -1, &statement, nullptr), SQLITE_OK)
            << sqlite3_errmsg(handle);
        sqlite3_step(statement);
        const std::int64_t number = sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
        sqlite3_close(handle);
        return number;
    }
    fs::path archive(std::uint64_t segment) const {
        return directory.path() / "ledger.archive" /
               archive_file_name((segment - 1) * segment_entries + 1, segment * segment_entries);
    }
    /// What an audit reads: the number of entries, all as they were written; or the error.
    Result<std::uint64_t> audited(const fs::path& elsewhere = {}) {
        std::uint64_t last = 0;
        Digest link;
        const auto read = read_ledger_copy(
            file, elsewhere, openssl_hasher(),
            [&](std::uint64_t index, ByteView data, const Digest& stored) {
                link = chain_link(openssl_hasher(), link, index, data);
                EXPECT_EQ(index, ++last);
                return link == stored ? Result<void>{} : Error{Errc::malformed, "link"};
            });
        return read ? Result<std::uint64_t>(last) : read.error();
    }

    TemporaryDirectory directory;
    fs::path file = directory.path() / "ledger.sqlite";
    std::vector<std::string> notes;
};

TEST_F(LedgerArchiveTest, WholeSegmentsBeforeTheOlderSnapshotAreMoved) {
    {
        auto opened = open();
        grow(*opened->store, 2500);
        EXPECT_FALSE(opened->store->needs_maintenance()) << "there is one snapshot only";
        grow(*opened->store, 2600);
        be_idle(*opened->store);
        EXPECT_EQ(opened->store->last_archived(), 2000U);
        expect_entries(*opened->store, 1, 2600);
        EXPECT_EQ(*opened->store->link(2600), opened->store->last_link());
        EXPECT_FALSE(opened->store->append(2000, one_record(numbered(1)))) << "it is final";
        EXPECT_TRUE(opened->store->append(2601, one_record(numbered(2601))));
    }
    EXPECT_EQ(number_in(file, "SELECT min(idx) FROM log"), 2001);
    EXPECT_EQ(number_in(archive(2), "SELECT min(idx) FROM log"), 1001);
    EXPECT_EQ(number_in(archive(2), "SELECT count(*) FROM log"), 1000);
    auto opened = open();
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_TRUE(opened->notes.empty());
    EXPECT_EQ(opened->log.before(), 2600U);
    EXPECT_EQ(opened->log.missing.last, 0U);
    for (const std::uint64_t index : {2000U, 1U, 1001U, 2001U, 1000U, 2601U}) {
        expect_entries(*opened->store, index, index);
    }
    EXPECT_EQ(*audited(), 2601U);
}

TEST_F(LedgerArchiveTest, NothingIsMovedUnlessItIsWanted) {
    auto opened = open(0);
    for (const std::uint64_t last : {1500U, 2500U, 2600U}) {
        grow(*opened->store, last);
    }
    EXPECT_FALSE(opened->store->needs_maintenance());
    opened = Error{};
    EXPECT_EQ(number_in(file, "SELECT value FROM meta"), SqliteStore::format_version)
        << "an older program can read it";
    opened = open();
    EXPECT_TRUE(opened->store->needs_maintenance()) << "both snapshots are known after a start";
    be_idle(*opened->store);
    opened = Error{};
    EXPECT_EQ(number_in(file, "SELECT value FROM meta"), SqliteStore::format_version_archived);
    opened = open(0);
    expect_entries(*opened->store, 1, 2600);
}

/// The files as they are between any two steps, which is what a killed process leaves.
TEST_F(LedgerArchiveTest, ACrashBetweenAnyTwoStepsLosesNothing) {
    auto opened = open();
    for (const std::uint64_t last : {800U, 2500U, 2600U}) {
        grow(*opened->store, last);
    }
    const TemporaryDirectory crashed;
    int steps = 0;
    for (; opened->store->needs_maintenance(); ++steps) {
        ASSERT_TRUE(opened->store->maintain());
        const fs::path copy = crashed.path() / std::to_string(steps);
        fs::copy(directory.path(), copy, fs::copy_options::recursive);
        auto again =
            SqliteStore::open(copy / "ledger.sqlite", openssl_hasher(), {segment_entries, {}});
        ASSERT_TRUE(again) << again.error().message;
        EXPECT_TRUE(again->notes.empty());
        EXPECT_FALSE(fs::exists(copy / "ledger.archive" / "draft"));
        expect_entries(*again->store, 1, 2600);
        be_idle(*again->store);
        EXPECT_EQ(again->store->last_archived(), 2000U);
        expect_entries(*again->store, 1, 2600);
        again = Error{};
        fs::remove(copy / "ledger.snapshot-0");
        fs::remove(copy / "ledger.snapshot-1");
        again = SqliteStore::open(copy / "ledger.sqlite", openssl_hasher());
        ASSERT_TRUE(again) << again.error().message;
        EXPECT_EQ(again->log.records.size(), 2600U) << "a start without a snapshot";
        fs::remove_all(copy);
    }
    EXPECT_GT(steps, 10);
}

TEST_F(LedgerArchiveTest, AKillAtAnySystemCallLosesNothing) {
    constexpr std::uint64_t few = 20;
    {
        auto opened = open(0);
        grow(*opened->store, 50);
        grow(*opened->store, 60);
    }
    const TemporaryDirectory tried;
    const fs::path place = tried.path() / "tried";
    const auto archive_all = [&] {
        auto opened = SqliteStore::open(place / "ledger.sqlite", openssl_hasher(), {few, {}});
        be_idle(*opened->store);
    };
    int call = 0;
    for (bool killed = true; killed && call < killed_calls_max; ++call) {
        fs::remove_all(place);
        fs::copy(directory.path(), place);
        killed = killed_at_call(call, archive_all);
        if (!tracing_allowed) {
            GTEST_SKIP() << "this system does not allow tracing";
        }
        auto opened = SqliteStore::open(place / "ledger.sqlite", openssl_hasher(), {few, {}});
        ASSERT_TRUE(opened) << "call " << call << ": " << opened.error().message;
        ASSERT_TRUE(opened->notes.empty()) << "call " << call << ": " << opened->notes[0];
        expect_entries(*opened->store, 1, 60);
        be_idle(*opened->store);
        ASSERT_EQ(opened->store->last_archived(), 40U) << "call " << call;
        expect_entries(*opened->store, 1, 60);
    }
    std::printf("killed at each of %d system calls\n", call);
    EXPECT_GT(call, 100);
}

TEST_F(LedgerArchiveTest, ANodeGoesOnWithoutAnArchiveFile) {
    fill();
    const fs::path elsewhere = directory.path() / "elsewhere";
    fs::create_directories(elsewhere);
    fs::rename(archive(1), elsewhere / archive(1).filename());
    auto opened = open();
    ASSERT_TRUE(opened) << opened.error().message;
    ASSERT_EQ(opened->notes.size(), 1U);
    EXPECT_NE(opened->notes[0].find(archive(1).string()), std::string::npos) << opened->notes[0];
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(opened->store->record(7).error().code, Errc::not_found);
        EXPECT_EQ(opened->store->link(7).error().code, Errc::not_found);
    }
    ASSERT_EQ(notes.size(), 1U) << "it is told once";
    EXPECT_NE(notes[0].find(archive(1).string() + " is missing"), std::string::npos) << notes[0];
    expect_entries(*opened->store, 1001, 3300);
    EXPECT_TRUE(opened->store->link(1000)) << "the ledger remembers the links of the segments";
    grow(*opened->store, 3400);
    fs::rename(elsewhere / archive(1).filename(), archive(1));
    expect_entries(*opened->store, 1, 3400);
}

TEST_F(LedgerArchiveTest, WithoutASnapshotAStartNeedsAllFiles) {
    fill();
    fs::remove(directory.path() / "ledger.snapshot-0");
    fs::remove(directory.path() / "ledger.snapshot-1");
    EXPECT_EQ(open()->log.records.size(), 3300U);
    fs::remove(archive(2));
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().message.find(archive(2).string()), std::string::npos)
        << opened.error().message;
}

TEST_F(LedgerArchiveTest, ADamagedFileIsNamed) {
    fill();
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(archive(2).c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(
        sqlite3_exec(handle, "UPDATE log SET data=x'00' WHERE idx=1500", nullptr, nullptr, nullptr),
        SQLITE_OK);
    sqlite3_close(handle);
    {
        auto opened = open();
        ASSERT_TRUE(opened) << opened.error().message;
        expect_entries(*opened->store, 1, 1499);
        const Result<Bytes> damaged = opened->store->record(1500);
        ASSERT_FALSE(damaged);
        EXPECT_EQ(damaged.error().code, Errc::not_found);
        EXPECT_NE(damaged.error().message.find(archive(2).string()), std::string::npos);
        EXPECT_NE(damaged.error().message.find("entry 1500 is damaged"), std::string::npos);
        grow(*opened->store, 3400);
    }
    EXPECT_EQ(audited().error().code, Errc::malformed);
    std::string text = *read_whole_file(archive(1));
    std::fill(text.begin() + 4096, text.end(), 'x');
    const ByteView whole = std::as_bytes(std::span(text));
    ASSERT_TRUE(replace_file(archive(1), std::span(&whole, 1)));
    auto opened = open();
    ASSERT_TRUE(opened) << opened.error().message;
    const Result<Bytes> unreadable = opened->store->record(1);
    ASSERT_FALSE(unreadable);
    EXPECT_NE(unreadable.error().message.find(archive(1).string()), std::string::npos)
        << unreadable.error().message;
    EXPECT_NE(audited().error().message.find(archive(1).string()), std::string::npos);
}

TEST_F(LedgerArchiveTest, AFileOfAnotherLedgerIsNotRead) {
    fill();
    const TemporaryDirectory place;
    auto other =
        SqliteStore::open(place.path() / "ledger.sqlite", openssl_hasher(), {segment_entries, {}});
    ASSERT_TRUE(other->store->append(1, one_record(text_record("another first one"))));
    grow(*other->store, 1100);
    grow(*other->store, 1200);
    be_idle(*other->store);
    fs::copy_file(place.path() / "ledger.archive" / archive(1).filename(), archive(1),
                  fs::copy_options::overwrite_existing);
    const auto opened = open();
    ASSERT_TRUE(opened) << opened.error().message;
    const Result<Bytes> read = opened->store->record(1);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message.find("but of another one"), std::string::npos)
        << read.error().message;
    EXPECT_FALSE(audited());
}

TEST_F(LedgerArchiveTest, AFileThatIsThereAlreadyIsNotReplacedByAnother) {
    auto opened = open();
    grow(*opened->store, 1500);
    fs::create_directories(archive(1).parent_path());
    const ByteView nothing;
    ASSERT_TRUE(replace_file(archive(1), std::span(&nothing, 1)));
    grow(*opened->store, 1600);
    be_idle(*opened->store);
    EXPECT_EQ(opened->store->last_archived(), 0U);
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_NE(notes[0].find("move it away"), std::string::npos) << notes[0];
    fs::remove(archive(1));
    grow(*opened->store, 1700);
    be_idle(*opened->store);
    EXPECT_EQ(opened->store->last_archived(), 1000U);
}

TEST_F(LedgerArchiveTest, ADamagedEntryStaysInTheLedger) {
    {
        auto opened = open(0);
        for (const std::uint64_t last : {1500U, 1600U}) {
            grow(*opened->store, last);
        }
    }
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(file.c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(
        sqlite3_exec(handle, "UPDATE log SET data=x'00' WHERE idx=700", nullptr, nullptr, nullptr),
        SQLITE_OK);
    sqlite3_close(handle);
    auto opened = open();
    be_idle(*opened->store);
    EXPECT_EQ(opened->store->last_archived(), 0U);
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_NE(notes[0].find("entry 700 is damaged"), std::string::npos) << notes[0];
    EXPECT_FALSE(fs::exists(archive(1)));
    grow(*opened->store, 1700);
    be_idle(*opened->store);
    EXPECT_EQ(notes.size(), 1U) << "it is told once";
}

TEST_F(LedgerArchiveTest, AFullDiskIsToldOnceAndTriedAgain) {
    const test::SmallDisk disk(directory.path() / "disk", "24m");
    if (!disk.reason().empty()) {
        GTEST_SKIP() << "no tmpfs can be mounted: " << disk.reason();
    }
    file = directory.path() / "disk" / "ledger.sqlite";
    auto opened = open();
    grow(*opened->store, 1500);
    grow(*opened->store, 1600);
    disk.fill();
    be_idle(*opened->store);
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_NE(notes[0].find("No space left on device"), std::string::npos) << notes[0];
    disk.empty();
    EXPECT_EQ(opened->store->last_archived(), 0U);
    expect_entries(*opened->store, 1, 1600);
    grow(*opened->store, 1700);
    for (int step = 0; step < 2; ++step) {
        ASSERT_TRUE(opened->store->maintain());
    }
    ASSERT_TRUE(fs::exists(file.parent_path() / "ledger.archive" / "draft"));
    disk.fill();  // with a draft half-way
    be_idle(*opened->store);
    EXPECT_EQ(opened->store->last_archived(), 0U);
    EXPECT_EQ(notes.size(), 1U) << "it is told once";
    EXPECT_FALSE(fs::exists(file.parent_path() / "ledger.archive" / "draft"));
    disk.empty();
    grow(*opened->store, 1800);
    be_idle(*opened->store);
    EXPECT_EQ(opened->store->last_archived(), 1000U);
    expect_entries(*opened->store, 1, 1800);
    opened = Error{};
}

TEST_F(LedgerArchiveTest, AnAuditReadsFilesThatWereMovedElsewhere) {
    fill();
    EXPECT_EQ(*audited(), 3300U);
    const TemporaryDirectory elsewhere;
    fs::copy(archive(1), elsewhere.path());
    fs::remove(archive(1));
    const auto missing = audited();
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Errc::malformed);
    EXPECT_NE(missing.error().message.find(archive(1).string() + " is missing: entries 1 to 1000"),
              std::string::npos)
        << missing.error().message;
    EXPECT_EQ(*audited(elsewhere.path()), 3300U);
}

}  // namespace
}  // namespace starling
