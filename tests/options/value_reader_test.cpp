#include "options/value_reader.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

class ValueReaderTest : public testing::Test {
protected:
    /// A reader of one flag, "--x".
    ValueReader with(const std::string& text) {
        values = FlagValues();
        values.add("--x", {text, "--x"});
        return {values, "program", HostNames::network};
    }

    FlagValues values;
};

TEST_F(ValueReaderTest, APlaceToListenIsAnIpAddressWithAPort) {
    for (const auto& [text, host] : std::map<std::string, std::string>{
             {"127.0.0.1:1", "127.0.0.1"}, {"0.0.0.0:65535", "0.0.0.0"}, {"[::]:30380", "::"}}) {
        ValueReader reader = with(text);
        const auto address = reader.listen_address("--x");
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(address->host, host);
        EXPECT_FALSE(reader.error());
    }
    for (const char* text :
         {"127.0.0.1", ":80", "localhost:80", "1.2.3:80", "127.0.0.1:0", "127.0.0.1:x",
          "127.0.0.1:65536", "[::1]", "[]:80", "127.0.0.1:80:90"}) {
        ValueReader reader = with(text);
        EXPECT_FALSE(reader.listen_address("--x")) << text;
        ASSERT_TRUE(reader.error()) << text;
        EXPECT_EQ(reader.error()->code, Errc::usage);
        EXPECT_NE(reader.error()->message.find("See program --help"), std::string::npos);
    }
    EXPECT_FALSE(with("1").listen_address("--missing"));
}

TEST_F(ValueReaderTest, NumbersHaveBounds) {
    EXPECT_EQ(with("7").number("--x", 1, 9, 5), 7U);
    EXPECT_EQ(with("7").number("--missing", 1, 9, 5), 5U);
    for (const char* text : {"", "0", "10", "-1", "7x", " 7", "99999999999"}) {
        ValueReader reader = with(text);
        reader.number("--x", 1, 9, 5);
        ASSERT_TRUE(reader.error()) << text;
        EXPECT_NE(reader.error()->message.find("is not a whole number from 1 to 9"),
                  std::string::npos);
    }
    ValueReader reader = with("65536");
    EXPECT_EQ(reader.port("--x", 80), 80);
    EXPECT_TRUE(reader.error());
}

}  // namespace
}  // namespace starling
