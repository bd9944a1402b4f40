// Connections between SLs: which side dials, and when a node concludes that all members refuse it.
#include "core/sl/peer_links.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

class PeerLinksTest : public testing::Test {
protected:
    static RoundMember member(const std::string& name) {
        return {.id = {name}, .address = {"host-" + name, 1}};
    }
    std::vector<std::string> dialled_now() {
        std::vector<std::string> hosts;
        for (const Effect& effect : effects) {
            if (const auto* connect = std::get_if<Connect>(&effect)) {
                hosts.push_back(connect->address.host);
            }
        }
        effects.clear();
        return hosts;
    }
    ConnectFailed failure(const std::string& name, bool fatal) const {
        return {{"host-" + name, 1}, {Errc::refused, "unknown CA"}, fatal};
    }

    using Hosts = std::vector<std::string>;
    const std::vector<RoundMember> members{member("sl1"), member("sl2"), member("sl3")};
    std::vector<Effect> effects;
    Outbox out{effects};
    PeerLinks links{NodeId{"sl2"}};
};

TEST_F(PeerLinksTest, TheLowerIdDials) {
    links.dial_partners({}, {member("sl1"), member("sl3")}, {0, 1}, out);
    EXPECT_EQ(effects.size(), 2U) << "and a timer, to do it again";
    EXPECT_EQ(dialled_now(), Hosts{"host-sl3"});
    links.dial_partners({}, {member("sl1")}, {0}, out);
    EXPECT_TRUE(effects.empty()) << "there is nothing to do for a member that dials this node";
    links.dial(member("sl1"), out);
    EXPECT_EQ(dialled_now(), Hosts{"host-sl1"});
}

TEST_F(PeerLinksTest, PartnersOfLaterRoundsAreDialledOnce) {
    const MemberList four{member("sl1"), member("sl2"), member("sl3"), member("sl4")};
    links.on_up({"sl4"});
    links.dial_ahead(four, out);
    EXPECT_EQ(effects.size(), 1U) << "and no timer: the round that needs it dials again";
    EXPECT_EQ(dialled_now(), Hosts{"host-sl3"});
    links.dial_ahead(four, out);
    EXPECT_TRUE(effects.empty()) << "it is being dialled";
    links.on_connect_failed({"host-sl3", 1});
    links.dial_ahead(four, out);
    EXPECT_EQ(dialled_now(), Hosts{"host-sl3"});
}

TEST_F(PeerLinksTest, AFailedAddressIsDialledAgain) {
    links.dial(member("sl3"), out);
    links.dial(member("sl3"), out);
    EXPECT_EQ(dialled_now(), Hosts{"host-sl3"});
    links.on_connect_failed({"host-sl3", 1});
    links.dial(member("sl3"), out);
    EXPECT_EQ(dialled_now(), Hosts{"host-sl3"});
}

TEST_F(PeerLinksTest, ANodeRefusedByAllMembersEndsWithoutLeaving) {
    EXPECT_FALSE(links.note_refusal(failure("sl1", true), members, out));
    const auto end = links.note_refusal(failure("sl3", true), members, out);
    ASSERT_TRUE(end);
    EXPECT_EQ(end->how, NodeEnd::How::crash);
    EXPECT_EQ(end->exit_code, exit_code::refused);
}

TEST_F(PeerLinksTest, ANodeAcceptedByOneMemberContinues) {
    links.on_up({"sl1"});
    links.on_lost({"sl1"});
    EXPECT_FALSE(links.note_refusal(failure("sl1", true), members, out));
    EXPECT_FALSE(links.note_refusal(failure("sl3", true), members, out));
    EXPECT_EQ(links.refused_by(), (std::set<NodeId>{{"sl1"}, {"sl3"}}));
}

TEST_F(PeerLinksTest, AnotherFailureIsNoRefusal) {
    links.note_refusal(failure("sl1", true), members, out);
    links.note_refusal(failure("sl1", false), members, out);
    EXPECT_TRUE(links.refused_by().empty());
}

}  // namespace
}  // namespace starling
