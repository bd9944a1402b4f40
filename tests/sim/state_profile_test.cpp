#include "sim/state_profile.hpp"

#include <gtest/gtest.h>

#include "sim/xml_scan.hpp"
#include "tests/sim/sim_support.hpp"
#include "tests/support/temporary_directory.hpp"

namespace starling {
namespace {

TEST(StateProfile, KnowsWhetherAHostRecovers) {
    const auto once = StateProfile::parse("# off for four seconds\n5 0\n\n9 1\n");
    ASSERT_TRUE(once);
    EXPECT_TRUE(once->turns_on_after(at(8.9)));
    EXPECT_FALSE(once->turns_on_after(at(9)));
    EXPECT_FALSE(once->period());
    const auto forever = StateProfile::parse("5 0\n9 1\nLOOPAFTER 20\n");
    ASSERT_TRUE(forever);
    EXPECT_TRUE(forever->turns_on_after(at(1e6)));
    EXPECT_EQ(*forever->period(), from_seconds(29));
    const auto never = StateProfile::parse("5 0\nLOOPAFTER 20\n");
    ASSERT_TRUE(never);
    EXPECT_FALSE(never->turns_on_after(at(0)));
}

TEST(StateProfile, NamesAnInvalidLine) {
    for (const char* text : {"5 0\nsoon 1\n", "5 0\n9\n", "5 0\n3 1\n", "5 0\n-1 1\n"}) {
        const auto profile = StateProfile::parse(text);
        ASSERT_FALSE(profile) << text;
        EXPECT_NE(profile.error().message.find("line 2"), std::string::npos) << text;
    }
    EXPECT_FALSE(StateProfile::parse("0 1\nLOOPAFTER 0\n"));
}

class PlatformText : public testing::Test {
protected:
    Result<FailingResources> read(const std::string& text, bool with_profiles = true) {
        write_text(directory.path() / "a.profile", "5 0\n9 1\n");
        write_text(directory.path() / "b.profile", "4 0\n");
        write_text(directory.path() / "p.xml", text);
        return read_failing_resources((directory.path() / "p.xml").string(), text, with_profiles);
    }
    TemporaryDirectory directory;
};

TEST_F(PlatformText, ListsHostsAndRemovesTheProfilesOfSplitLinks) {
    const std::string text =
        "<!-- <host id='no' state_file='a.profile'/> -->\n"
        "<host id='h' speed='1Gf' state_file=\"b.profile\"/>\n"
        "<link id=\"l\" sharing_policy='SPLITDUPLEX' state_file='a.profile'\n/>";
    const auto failing = read(text);
    ASSERT_TRUE(failing) << failing.error().message;
    ASSERT_EQ(failing->hosts.size(), 1u);
    EXPECT_EQ(failing->hosts[0].name, "h");
    ASSERT_EQ(failing->split_links.size(), 1u);
    EXPECT_EQ(failing->split_links[0].profile.changes().size(), 2u);
    EXPECT_EQ(failing->text.size(), text.size());
    EXPECT_NE(failing->text.find("state_file=\"b.profile\""), std::string::npos);
    EXPECT_EQ(scan_xml(failing->text).back().value("state_file"), "");
}

TEST_F(PlatformText, CanBeReadWithoutProfiles) {
    const auto failing = read("<host id='h' speed='1Gf' state_file='none.profile'/>", false);
    ASSERT_TRUE(failing);
    EXPECT_TRUE(failing->hosts.empty());
    EXPECT_EQ(failing->text.find("none"), std::string::npos);
}

TEST_F(PlatformText, KnowsProfilesWithinTheFile) {
    const auto failing = read(
        "<trace id='t'>5 0\n7 1\n</trace><trace_connect kind='HOST_AVAIL' trace='t' "
        "element='h'/>");
    ASSERT_TRUE(failing);
    ASSERT_EQ(failing->hosts.size(), 1u);
    EXPECT_TRUE(failing->hosts[0].profile.turns_on_after(at(6)));
}

TEST_F(PlatformText, RefusesWhatSimGridWouldAbortOn) {
    const struct {
        std::string text;
        std::string says;
    } cases[] = {
        {"<host id='h' state_file='none.profile'/>", "none.profile"},
        {"<host id='h' state_file='a.profile'/><host id='i' state_file='a.profile'/>", "twice"},
        {"<host id='h' state_file='p.xml'/>", "state profile of h"},
    };
    for (const auto& [text, says] : cases) {
        const auto failing = read(text);
        ASSERT_FALSE(failing) << text;
        EXPECT_EQ(failing.error().code, Errc::usage);
        EXPECT_NE(failing.error().message.find(says), std::string::npos) << failing.error().message;
    }
}

}  // namespace
}  // namespace starling
