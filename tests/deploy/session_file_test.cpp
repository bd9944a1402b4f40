#include "deploy/storage/session_file.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "deploy/host/replacing_starts.hpp"
#include "tests/support/temporary_directory.hpp"

namespace starling::test {
namespace {

class SessionFile : public testing::Test {
protected:
    std::uint64_t next() const {
        const Result<std::uint64_t> session = next_session(folder.path());
        EXPECT_TRUE(session) << session.error().message;
        return session ? *session : 0;
    }
    void write(const std::string& text) const {
        std::ofstream(folder.path() / "session", std::ios::binary) << text;
    }
    TemporaryDirectory folder;
};

TEST_F(SessionFile, EachStartHasALargerNumber) {
    const std::uint64_t first = next();
    EXPECT_GT(next(), first);
}

TEST_F(SessionFile, EvenIfTheClockWasSetBack) {
    const std::uint64_t ahead = next() + 1'000'000'000'000'000;
    write(std::to_string(ahead) + "\n");
    EXPECT_EQ(next(), ahead + 1);
    EXPECT_EQ(next(), ahead + 2);
}

TEST_F(SessionFile, EvenAfterAStartWithAFasterClock) {
    const std::uint64_t ahead = next() + 1'000'000'000'000'000;
    ASSERT_TRUE(raise_session(folder.path(), ahead));
    ASSERT_TRUE(raise_session(folder.path(), 7));
    EXPECT_EQ(next(), ahead + 1);
}

TEST_F(SessionFile, AnInvalidFileIsIgnored) {
    const std::uint64_t before = next();
    for (const std::string text : {"", "hello", "99999999999999999999999999", "-5"}) {
        write(text);
        EXPECT_GT(next(), before) << text;
    }
}

TEST(ReplacingStarts, OneSnOfSeveralCannotNameANumber) {
    const auto told_by = [](const char* sn, std::uint64_t session) {
        return FrameReceived{{sn}, {CommandResult{0, Errc::replaced, "", 0, session}, {}}};
    };
    ReplacingStarts of_one(1);
    ReplacingStarts of_three(3);
    for (ReplacingStarts* starts : {&of_one, &of_three}) {
        EXPECT_EQ(starts->newest(), 0U);
        starts->on_input(told_by("sn1", 9'000));
    }
    EXPECT_EQ(of_one.newest(), 9'000U);
    EXPECT_EQ(of_three.newest(), 0U);
    of_three.on_input(told_by("sn2", 70));
    EXPECT_EQ(of_three.newest(), 70U);
}

TEST_F(SessionFile, AnUnwritableDirectoryIsNamed) {
    write("");
    const Result<std::uint64_t> session = next_session(folder.path() / "session");
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().code, Errc::io);
    EXPECT_NE(session.error().message.find("session"), std::string::npos);
}

}  // namespace
}  // namespace starling::test
