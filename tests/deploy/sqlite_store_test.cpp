#include "deploy/storage/sqlite_store.hpp"

#include <csignal>

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deploy/audit/ledger_copy.hpp"
#include "tests/support/records.hpp"
#include "tests/support/temporary_directory.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling {
namespace {

class SqliteStoreTest : public testing::Test {
protected:
    Result<SqliteStore::Opened> open() { return SqliteStore::open(file, openssl_hasher()); }
    std::string open_error() {
        const auto opened = open();
        return opened ? "opened" : opened.error().message;
    }
    void fill(int count) {
        auto opened = open();
        ASSERT_TRUE(opened.has_value()) << opened.error().message;
        for (int i = 1; i <= count; ++i) {
            ASSERT_TRUE(opened->store
                            ->append(static_cast<std::uint64_t>(i),
                                     one_record(text_record("entry " + std::to_string(i))))
                            .has_value());
        }
    }
    /// Changes the file as another program could.
    void change(const std::string& sql) {
        sqlite3* handle = nullptr;
        ASSERT_EQ(sqlite3_open(file.c_str(), &handle), SQLITE_OK);
        EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
            << sqlite3_errmsg(handle);
        sqlite3_close(handle);
    }

    TemporaryDirectory directory;
    std::filesystem::path file = directory.path() / "ledger.sqlite";
};

TEST_F(SqliteStoreTest, ReturnsWhatWasAppended) {
    {
        auto opened = open();
        ASSERT_TRUE(opened.has_value()) << opened.error().message;
        EXPECT_TRUE(opened->log.records.empty());
        ASSERT_TRUE(opened->store->append(1, one_record(text_record("one"))).has_value());
        ASSERT_TRUE(opened->store->append(2, one_record({})).has_value());
        ASSERT_TRUE(
            opened->store->append(3, one_record(Bytes(3'000'000, std::byte{7}))).has_value());
    }
    auto again = open();
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(again->log.records,
              (std::vector<Bytes>{text_record("one"), {}, Bytes(3'000'000, std::byte{7})}));
    EXPECT_EQ(again->store->last_index(), 3U);
    EXPECT_TRUE(again->store->append(4, one_record(text_record("four"))).has_value());
}

TEST_F(SqliteStoreTest, ChainsEntriesAsDocumented) {
    fill(1);
    auto opened = open();
    ASSERT_TRUE(opened.has_value());
    Bytes chained(32);                // the previous link
    chained.push_back(std::byte{1});  // the index
    chained.insert(chained.end(), 7, std::byte{0});
    const Bytes data = text_record("entry 1");
    chained.insert(chained.end(), data.begin(), data.end());
    EXPECT_EQ(opened->store->last_link(), openssl_hasher().digest(ByteView(chained)));
}

TEST_F(SqliteStoreTest, IsPrivateToItsUser) {
    fill(1);
    struct stat status {};
    ASSERT_EQ(::stat(file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(SqliteStoreTest, RefusesAnIndexWithAGap) {
    auto opened = open();
    ASSERT_TRUE(opened.has_value());
    EXPECT_FALSE(opened->store->append(2, one_record(text_record("two"))).has_value());
    ASSERT_TRUE(opened->store->append(1, one_record(text_record("one"))).has_value());
    const auto gap = opened->store->append(3, one_record(text_record("three")));
    ASSERT_FALSE(gap.has_value());
    EXPECT_NE(gap.error().message.find("entry 3 can't follow entry 1"), std::string::npos);
    EXPECT_TRUE(opened->store->append(2, one_record(text_record("two"))).has_value())
        << "a refusal changes nothing";
}

TEST_F(SqliteStoreTest, RefusesAnEntryAboveTheSizeLimit) {
    auto opened = open();
    ASSERT_TRUE(opened.has_value());
    EXPECT_FALSE(
        opened->store->append(1, one_record(Bytes(SqliteStore::entry_bytes_max + 1))).has_value());
    EXPECT_TRUE(opened->store->append(1, one_record(text_record("one"))).has_value());
}

TEST_F(SqliteStoreTest, CombinesSeveralWrites) {
    fill(3);
    {
        auto opened = open();
        ASSERT_TRUE(opened.has_value());
        const std::vector<StoreWrite> gap = {PersistVote{{7, 2, 0}},
                                             Persist{3, one_record(text_record("new"))},
                                             Persist{5, one_record(text_record("five"))}};
        EXPECT_FALSE(opened->store->write(gap).has_value());
        EXPECT_EQ(opened->store->last_index(), 3U);
        const std::vector<StoreWrite> writes = {
            PersistVote{{7, 2, 0}}, Persist{3, one_record(text_record("new"))},
            Persist{4, one_record(text_record("four"))}, PersistVote{{7, 3, 9}}};
        ASSERT_TRUE(opened->store->write(writes).has_value());
        EXPECT_EQ(opened->store->last_index(), 4U);
    }
    const auto opened = open();
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    EXPECT_EQ(opened->log.vote, (Vote{7, 3, 9}));
    EXPECT_EQ(opened->log.records,
              (std::vector<Bytes>{text_record("entry 1"), text_record("entry 2"),
                                  text_record("new"), text_record("four")}));
}

TEST_F(SqliteStoreTest, CheckpointsItsWalOnRequest) {
    auto opened = open();
    ASSERT_TRUE(opened.has_value());
    EXPECT_FALSE(opened->store->needs_maintenance());
    const auto before = std::filesystem::file_size(file);
    for (std::uint64_t i = 1; !opened->store->needs_maintenance(); ++i) {
        ASSERT_LT(i, 20U);
        ASSERT_TRUE(opened->store->append(i, one_record(Bytes(300'000, std::byte{7}))).has_value());
        EXPECT_EQ(std::filesystem::file_size(file), before) << "a commit waited for the checkpoint";
    }
    ASSERT_TRUE(opened->store->maintain().has_value());
    EXPECT_FALSE(opened->store->needs_maintenance());
    EXPECT_GT(std::filesystem::file_size(file), before + 1'000'000);
}

TEST_F(SqliteStoreTest, CommitsDoNotLengthenAReservedWal) {
    namespace fs = std::filesystem;
    const fs::path wal = file.string() + "-wal";
    TemporaryDirectory crashed;
    {
        auto opened = open();
        ASSERT_TRUE(opened.has_value());
        opened->store->reserve();
        const auto length = fs::file_size(wal);
        if (length < 2'000'000) {
            GTEST_SKIP() << "the disk has too little space left";
        }
        for (std::uint64_t i = 1; i <= 20; ++i) {
            ASSERT_TRUE(opened->store->append(i, one_record(text_record("entry"))).has_value());
        }
        EXPECT_EQ(fs::file_size(wal), length);
        for (const fs::path& one : {file, wal, SqliteStore::head_file(file)}) {
            fs::copy(one, crashed.path() / one.filename());
        }
    }
    const auto opened = SqliteStore::open(crashed.path() / file.filename(), openssl_hasher());
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    EXPECT_EQ(opened->log.records.size(), 20U);
}

TEST_F(SqliteStoreTest, NamesTheFirstModifiedEntry) {
    fill(5);
    change("UPDATE log SET data = CAST('entry X' AS BLOB) WHERE idx IN (3, 4)");
    const std::string message = open_error();
    EXPECT_NE(message.find(file.string()), std::string::npos) << message;
    EXPECT_NE(message.find("entry 3 is damaged"), std::string::npos) << message;
}

TEST_F(SqliteStoreTest, DetectsAFlippedBitInTheFile) {
    fill(5);
    std::string content = read_text(file);
    const std::size_t at = content.find("entry 4");
    ASSERT_NE(at, std::string::npos) << "the WAL was not checkpointed at close";
    content[at] = static_cast<char>(content[at] ^ 1);
    write_text(file, content);
    EXPECT_NE(open_error().find("entry 4 is damaged"), std::string::npos) << open_error();
}

TEST_F(SqliteStoreTest, DetectsReorderedAndMissingEntries) {
    fill(4);
    change("UPDATE log SET idx = 9 WHERE idx = 2");
    EXPECT_NE(open_error().find("entry 2 is missing: the next one is entry 3"), std::string::npos)
        << open_error();
    change("UPDATE log SET idx = 2 WHERE idx = 3; UPDATE log SET idx = 3 WHERE idx = 9");
    EXPECT_NE(open_error().find("entry 2 is damaged"), std::string::npos) << open_error();
}

TEST_F(SqliteStoreTest, RefusesAFileThatIsNoLedger) {
    write_text(file, std::string(5000, 'x'));
    EXPECT_NE(open_error().find("it is not an SQLite file"), std::string::npos) << open_error();
    std::filesystem::remove(file);
    change("CREATE TABLE addresses(name TEXT)");
    EXPECT_NE(open_error().find("not a Starling ledger"), std::string::npos) << open_error();
    std::filesystem::remove(file);
    change("CREATE TABLE log(a); CREATE TABLE meta(b)");
    EXPECT_NE(open_error().find("not a Starling ledger"), std::string::npos) << open_error();
}

TEST_F(SqliteStoreTest, RefusesOtherFormats) {
    fill(1);
    change("UPDATE meta SET value = 7");
    EXPECT_NE(open_error().find("format 7, and this program supports format 6"), std::string::npos)
        << open_error();
    change("UPDATE meta SET value = 4");
    EXPECT_NE(open_error().find("format 4 of an earlier Starling version"), std::string::npos)
        << open_error();
    const auto nothing = [](std::uint64_t, ByteView, const Digest&) { return Result<void>(); };
    const Result<void> audited = read_ledger_copy(file, {}, openssl_hasher(), nothing);
    ASSERT_FALSE(audited.has_value()) << "an audit would call its entries damaged";
    EXPECT_NE(audited.error().message.find("format 4, and this program reads formats 5 and 6"),
              std::string::npos)
        << audited.error().message;
}

TEST_F(SqliteStoreTest, IsLockedByOneProcessAtATime) {
    auto opened = open();
    ASSERT_TRUE(opened.has_value());
    const pid_t child = ::fork();
    if (child == 0) {
        const std::string message = open_error();
        _exit(message.find("in use by another process") != std::string::npos ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(opened->store->append(1, one_record(text_record("still ours"))).has_value());
}

TEST_F(SqliteStoreTest, NamesAMissingDirectory) {
    file = directory.path() / "missing" / "ledger.sqlite";
    EXPECT_NE(open_error().find(file.string()), std::string::npos);
    EXPECT_NE(open_error().find("can't be opened for writing"), std::string::npos);
}

TEST_F(SqliteStoreTest, AnAppendSurvivesAKill) {
    const pid_t child = ::fork();
    if (child == 0) {
        auto opened = open();
        const bool kept =
            opened && opened->store->append(1, one_record(text_record("kept"))).has_value();
        if (kept) {
            ::kill(::getpid(), SIGKILL);
        }
        _exit(1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    auto opened = open();
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    EXPECT_EQ(opened->log.records, std::vector<Bytes>{text_record("kept")});
}

}  // namespace
}  // namespace starling
