// A rebuild (run-sn --rebuild-without) that is killed at each of its system calls: the next start
// finds either the old server's ledger or the new one's, and the same command completes the
// rebuild.
#include <gtest/gtest.h>

#include "core/ledger/command.hpp"
#include "core/ledger/membership.hpp"
#include "core/sn/rebuild.hpp"
#include "deploy/storage/sqlite_store.hpp"
#include "tests/deploy/killed_at_call.hpp"
#include "tests/support/temporary_directory.hpp"
#include "transport/crypto/openssl_hasher.hpp"
#include "transport/memory/memory_keys.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

Bytes membership(std::vector<Server> servers, std::uint64_t term) {
    return encode_record({0, term, RecordKind::membership, encode_membership(servers)});
}

class RebuildCrash : public testing::Test {
protected:
    /// The ledger of sn1, which is server 11, shared with sn2; copied before each try.
    RebuildCrash() {
        fs::create_directory(whole);
        const auto opened = open(whole);
        EXPECT_TRUE(opened.has_value());
        const std::vector<Bytes> records = {
            membership({{{"sn1"}, {}, 11, true}, {{"sn2"}, {}, 22, true}}, 1),
            encode_record({0, 2, RecordKind::barrier, Bytes(8)})};
        EXPECT_TRUE(opened->store->append(1, records));
        EXPECT_TRUE(opened->store->save_vote(old_vote));
    }
    static Result<SqliteStore::Opened> open(const fs::path& place) {
        return SqliteStore::open(place / "ledger.sqlite", openssl_hasher());
    }
    void lay_out(const fs::path& from) const {
        fs::remove_all(place);
        fs::copy(from, place);
    }
    /// Rebuilds as run-sn does. \return  the error, or empty.
    static std::string rebuild(const fs::path& place) {
        auto opened = open(place);
        if (!opened) {
            return opened.error().message;
        }
        const auto signer = make_memory_signer(openssl_hasher(), {"sn1"}, 33);
        const Result<Rebuild> asked = rebuild_alone(
            opened->log,
            {.id = {"sn1"}, .session = 33, .number = 33, .without = {{"sn2"}}, .signer = *signer});
        if (!asked) {
            return asked.error().message;
        }
        if (asked->done()) {
            return "";
        }
        const std::vector<StoreWrite> writes = {Persist{asked->first, asked->records},
                                                PersistVote{asked->vote}};
        const auto done = opened->store->write(writes);
        return done ? "" : done.error().message;
    }
    /// Kills `body` at each of its system calls: the same command completes the rebuild, and normal
    /// starts work afterwards.
    template <typename Body>
    int crash_at_each_call(const fs::path& from, Body body) {
        for (int call = 0; call < killed_calls_max; ++call) {
            lay_out(from);
            const bool killed = killed_at_call(call, body);
            if (!tracing_allowed) {
                return 0;
            }
            expect_completed("killed at call " + std::to_string(call));
            if (!killed || HasFailure()) {
                return call;
            }
        }
        return killed_calls_max;
    }
    void expect_completed(const std::string& when) const {
        ASSERT_EQ(rebuild(place), "") << when;
        {
            const auto opened = open(place);
            ASSERT_TRUE(opened) << when << ": " << opened.error().message;
            ASSERT_EQ(opened->log.records.size(), 5U) << when << ": not rebuilt exactly once";
            ASSERT_EQ(opened->log.vote, (Vote{33, 4, 0})) << when;
        }
        const auto head = HeadFile::read(place / "ledger.head", openssl_hasher());
        ASSERT_TRUE(head && *head) << when;
        EXPECT_EQ((*head)->index, 5U) << when;
        EXPECT_EQ((*head)->vote, (Vote{33, 4, 0})) << when;
        EXPECT_FALSE((*head)->next_server) << when;
    }

    const Vote old_vote{11, 3, 22};
    TemporaryDirectory folder;
    fs::path whole = folder.path() / "whole";
    fs::path place = folder.path() / "tried";
};

TEST_F(RebuildCrash, AtAnySystemCallCanBeCompleted) {
    const int calls = crash_at_each_call(whole, [&] { rebuild(place); });
    if (!tracing_allowed) {
        GTEST_SKIP() << "this system does not allow tracing";
    }
    std::printf("killed at each of %d system calls\n", calls);
    EXPECT_GT(calls, 30);
}

TEST_F(RebuildCrash, DuringTheCompletionCanBeCompleted) {
    // The state between the two files: the log is the new server's, the head only announces it.
    // A kill leaves it at two of about 100 calls; it is made here, since which two may differ.
    const fs::path between = folder.path() / "between";
    lay_out(whole);
    ASSERT_EQ(rebuild(place), "");
    fs::copy(place, between);
    auto head = **HeadFile::read(whole / "ledger.head", openssl_hasher());
    head.next_server = Vote{33, 4, 0};
    ASSERT_TRUE(HeadFile::create(between / "ledger.head", openssl_hasher(), head));
    lay_out(between);
    {
        const auto opened = open(place);
        ASSERT_TRUE(opened) << opened.error().message;
        ASSERT_EQ(opened->log.vote.self, 33U);
    }
    const int calls = crash_at_each_call(between, [&] { rebuild(place); });
    if (!tracing_allowed) {
        GTEST_SKIP() << "this system does not allow tracing";
    }
    EXPECT_GT(calls, 20);
}

TEST_F(RebuildCrash, TheLogOfAnotherServerIsStillRefused) {
    const auto head_file = [](const fs::path& at) { return at / "ledger.head"; };
    const fs::path other = folder.path() / "other";
    fs::copy(whole, other);
    ASSERT_EQ(rebuild(other), "");
    // The rebuilt log beside a head that announces no rebuild, or another server.
    lay_out(other);
    fs::copy_file(head_file(whole), head_file(place), fs::copy_options::overwrite_existing);
    ASSERT_FALSE(open(place));
    EXPECT_NE(open(place).error().message.find("vote is lost"), std::string::npos)
        << open(place).error().message;
    auto head = **HeadFile::read(head_file(whole), openssl_hasher());
    for (const Vote& next : {Vote{44, 4, 0}, Vote{33, 5, 0}, Vote{33, 4, 22}}) {
        head.next_server = next;
        ASSERT_TRUE(HeadFile::create(head_file(place), openssl_hasher(), head));
        EXPECT_FALSE(open(place)) << next.self << " " << next.term << " " << next.candidate;
    }
    // Until then the vote of the old server is binding.
    head.next_server = Vote{33, 4, 0};
    head.vote.term = 9;
    lay_out(whole);
    ASSERT_TRUE(HeadFile::create(head_file(place), openssl_hasher(), head));
    EXPECT_FALSE(open(place));
    head.vote.term = 3;
    ASSERT_TRUE(HeadFile::create(head_file(place), openssl_hasher(), head));
    EXPECT_TRUE(open(place));
    // The old log is refused once an entry of the new one was acknowledged.
    lay_out(whole);
    fs::copy_file(head_file(other), head_file(place), fs::copy_options::overwrite_existing);
    EXPECT_FALSE(open(place));
}

}  // namespace
}  // namespace starling
