// The head file beside the database: acknowledged entries can't be lost unnoticed.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "deploy/storage/sqlite_store.hpp"
#include "tests/support/records.hpp"
#include "tests/support/temporary_directory.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

class LedgerHeadTest : public testing::Test {
protected:
    Result<SqliteStore::Opened> open() const { return SqliteStore::open(file, openssl_hasher()); }
    std::string open_error() const {
        const auto opened = open();
        return opened ? "opened" : opened.error().message;
    }
    /// Creates a store with this number of entries, and closes it.
    void fill(int count, const std::string& text = "entry ") const {
        auto opened = open();
        ASSERT_TRUE(opened.has_value()) << opened.error().message;
        for (std::uint64_t i = opened->store->last_index() + 1;
             i <= static_cast<std::uint64_t>(count); ++i) {
            ASSERT_TRUE(opened->store->append(i, one_record(text_record(text + std::to_string(i))))
                            .has_value());
        }
    }
    void vote(const Vote& given) const {
        auto opened = open();
        ASSERT_TRUE(opened.has_value()) << opened.error().message;
        ASSERT_TRUE(opened->store->save_vote(given).has_value());
    }
    void expect_refused(const std::vector<std::string>& parts) const {
        const std::string database = read_text(file);
        const std::string head_before = read_text(head);
        const std::string message = open_error();
        for (const std::string& part : parts) {
            EXPECT_NE(message.find(part), std::string::npos) << part << " is not in: " << message;
        }
        EXPECT_NE(message.find("--sentinel-ip"), std::string::npos) << message;
        EXPECT_EQ(read_text(file), database) << "a refusal changed the database";
        EXPECT_EQ(read_text(head), head_before) << "a refusal changed the head";
        EXPECT_EQ(open_error(), message) << "the second start reported a different error";
    }
    void damage_slot(std::size_t slot) const {
        std::string content = read_text(head);
        content[slot * HeadFile::slot_bytes + 20] ^= 1;
        write_text(head, content);
    }
    LedgerHead said() const {
        const auto read = HeadFile::read(head, openssl_hasher());
        return read && *read ? **read : LedgerHead{};
    }

    TemporaryDirectory directory;
    fs::path file = directory.path() / "ledger.sqlite";
    fs::path head = directory.path() / "ledger.head";
    fs::path copy = directory.path() / "copy";
};

TEST_F(LedgerHeadTest, ContainsTheLastAcknowledgedEntry) {
    fill(3);
    vote({7, 4, 9});
    const auto opened = open();
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    EXPECT_EQ(said(), (LedgerHead{3, opened->store->last_link(), {7, 4, 9}}));
    struct stat status {};
    ASSERT_EQ(::stat(head.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    EXPECT_EQ(status.st_size, 2 * static_cast<off_t>(HeadFile::slot_bytes));
}

TEST_F(LedgerHeadTest, DetectsAShorterLog) {
    fill(5);
    fs::copy_file(file, copy);
    fill(8);
    fs::copy_file(copy, file, fs::copy_options::overwrite_existing);
    expect_refused({file.string() + " ends with entry 5", head.string() + " was written after",
                    "entries 6 to 8 are lost"});
}

TEST_F(LedgerHeadTest, DetectsAMissingDatabase) {
    fill(2);
    fs::remove(file);
    expect_refused({file.string() + " is empty", "entries 1 to 2 are lost"});
    EXPECT_FALSE(fs::exists(file)) << "a refusal created a new database";
    write_text(file, "");
    expect_refused({file.string() + " is empty", "entries 1 to 2 are lost"});
    fs::remove(file);
    fs::remove(head);
    EXPECT_TRUE(open().has_value()) << "both were moved away: a new ledger";
}

TEST_F(LedgerHeadTest, DetectsAnEmptyDatabaseInItsPlace) {
    fill(0);
    fs::copy_file(file, copy);
    fill(1);
    fs::copy_file(copy, file, fs::copy_options::overwrite_existing);
    expect_refused({file.string() + " is empty", "entry 1 is lost"});
}

TEST_F(LedgerHeadTest, DetectsAnotherLedgerOfTheSameLength) {
    fill(4);
    fs::rename(head, copy);
    fs::remove(file);
    fill(4, "other entry ");
    fs::rename(copy, head);
    expect_refused({"entry 4 differs", "belong to different ledgers"});
}

TEST_F(LedgerHeadTest, AMissingOrFullyDamagedHeadIsRefused) {
    fill(4);
    damage_slot(0);
    EXPECT_TRUE(open().has_value()) << "one valid slot is enough: " << open_error();
    damage_slot(1);
    expect_refused({head.string() + " is damaged"});
    fs::remove(head);
    expect_refused({head.string() + " is missing", "(entries 1 to 4)"});
    write_text(head, "");
    expect_refused({head.string() + " is damaged"});
}

TEST_F(LedgerHeadTest, MayBeBehindTheLog) {
    fill(4);
    fs::copy_file(head, copy);
    fill(9);
    vote({7, 2, 0});
    fs::copy_file(copy, head, fs::copy_options::overwrite_existing);
    auto opened = open();
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    EXPECT_EQ(opened->log.records.size(), 9U);
    EXPECT_EQ(opened->log.vote, (Vote{7, 2, 0}));
    ASSERT_TRUE(opened->store->append(10, one_record(text_record("entry 10"))).has_value());
    EXPECT_EQ(said().index, 10U);
}

TEST_F(LedgerHeadTest, IsRolledBackBeforeTheLog) {
    fill(6);
    {
        auto opened = open();
        ASSERT_TRUE(opened.has_value());
        ASSERT_TRUE(
            opened->store->append(3, one_record(text_record("another entry 3"))).has_value());
    }
    EXPECT_EQ(said().index, 3U);
    // The newest slot may be lost in a power failure: the other one must not name an entry that
    // does not exist.
    for (const std::size_t slot : {0U, 1U}) {
        const std::string whole = read_text(head);
        damage_slot(slot);
        EXPECT_LE(said().index, 3U);
        EXPECT_TRUE(open().has_value()) << open_error();
        write_text(head, whole);
    }
}

TEST_F(LedgerHeadTest, DetectsALostVote) {
    fill(2);
    vote({7, 3, 0});
    fs::copy_file(file, copy);
    vote({7, 3, 9});
    fs::copy_file(file, directory.path() / "voted");
    fs::copy_file(copy, file, fs::copy_options::overwrite_existing);
    expect_refused({file.string() + " contains term 3, vote for nobody",
                    "contains term 3, vote for server 9", "might vote twice"});
    fs::copy_file(directory.path() / "voted", file, fs::copy_options::overwrite_existing);
    vote({7, 4, 0});
    fs::copy_file(copy, file, fs::copy_options::overwrite_existing);
    expect_refused({"contains term 4, vote for nobody"});
}

TEST_F(LedgerHeadTest, DetectsAVoteOfAnotherServer) {
    vote({7, 3, 9});
    fs::copy_file(head, copy);
    fs::remove(file);
    fs::remove(head);
    vote({8, 5, 0});
    fs::copy_file(copy, head, fs::copy_options::overwrite_existing);
    expect_refused({"vote is lost"});
}

}  // namespace
}  // namespace starling
