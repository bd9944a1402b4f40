#include "deploy/log/log_file.hpp"

#include <regex>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "deploy/process/process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace starling {
namespace {

class LogFile : public testing::Test {
protected:
    void start(const std::string& text) { ASSERT_TRUE(append_start_line(file, text)); }
    void add(const std::string& text) const { write_text(file, read_text(file) + text); }
    std::string since_start() const {
        const Descriptor log(::open(file.c_str(), O_RDONLY));
        return read_text(file).substr(static_cast<std::size_t>(newest_start(log.number())));
    }

    TemporaryDirectory directory;
    std::filesystem::path file = directory.path() / "sl1.log";
};

TEST_F(LogFile, AStartLineHasTheFormatOfTheLog) {
    start("SL 'sl1'\nforged");
    EXPECT_TRUE(std::regex_match(
        read_text(file), std::regex("[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2},[0-9]{3}"
                                    " : swarm\\.start : INFO : Start of SL 'sl1'\\\\x0aforged\n")))
        << read_text(file);
}

TEST_F(LogFile, TheNewestStartIsFound) {
    add("older than start lines\n");
    EXPECT_EQ(since_start(), read_text(file));
    start("first");
    add("a line\nhalf a li");  // killed while writing
    start("second");
    add("its line\n");
    EXPECT_NE(since_start().find(" : swarm.start : INFO : Start of second\nits line\n"),
              std::string::npos);
    EXPECT_EQ(since_start().find("half"), std::string::npos) << since_start();
}

TEST_F(LogFile, TheNewestStartIsFoundAcrossBlockBorders) {
    for (int beyond = 65400; beyond < 65700; beyond += 7) {
        std::filesystem::remove(file);
        add("before\n");
        start("one");
        const std::string begin = since_start();
        add(std::string(static_cast<std::size_t>(beyond), 'x') + "\n");
        ASSERT_EQ(since_start().substr(0, begin.size()), begin) << beyond;
        ASSERT_EQ(since_start().find("before"), std::string::npos) << beyond;
    }
}

TEST_F(LogFile, AProgramsOutputIsNotTakenForAStart) {
    start("one");
    add("I print : swarm.start : INFO : Start of nothing\n");
    EXPECT_NE(since_start().find("Start of one"), std::string::npos);
}

TEST_F(LogFile, TheLastLineBelongsToTheNewestStart) {
    EXPECT_EQ(last_line(file), "");
    start("one");
    EXPECT_EQ(last_line(file), "");
    add("Traceback\nImportError: torch\r\n\n");
    EXPECT_EQ(last_line(file), "ImportError: torch");
    EXPECT_EQ(last_line(file, 6), "Import");
    start("two");
    EXPECT_EQ(last_line(file), "");
}

TEST_F(LogFile, AnUnwritablePathIsNamed) {
    const auto nowhere = append_log_line(directory.path() / "no" / "x.log", Level::info, "c", "t");
    ASSERT_FALSE(nowhere.has_value());
    EXPECT_NE(nowhere.error().message.find("no/x.log can't be written: No such file"),
              std::string::npos);
}

}  // namespace
}  // namespace starling
