// A node whose dials fail logs which peer it can't reach, why, and what to check.
#include "core/node/dial_watch.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A node that dials the addresses that the test gives it.
class Dialler final : public Node {
public:
    const NodeId& id() const override { return id_; }
    Role role() const override { return Role::sl; }
    void step(SwarmTime, const Input& input, std::vector<Effect>& effects) override {
        if (std::holds_alternative<TimerDue>(input)) {
            effects.emplace_back(Connect{to, role_of_peer});
        }
    }
    Address to;
    Role role_of_peer = Role::sn;

private:
    NodeId id_{"sl1"};
};

class DialWatchTest : public testing::Test {
protected:
    void step(const Input& input) {
        std::vector<Effect> effects;
        node->step(now, input, effects);
        for (const Effect& effect : effects) {
            if (const auto* report = std::get_if<Report>(&effect)) {
                lines.push_back(report->event.text);
                times.push_back(now - SwarmTime{});
            }
        }
    }
    void dial(const Address& address) {
        dialler->to = address;
        step(TimerDue{1});
    }
    /// Dials that fail at once, twice a second, for `time`.
    void fail_dials(const Address& address, SwarmDuration time) {
        for (const SwarmTime end = now + time; now < end; now += milliseconds(500)) {
            dial(address);
            step(ConnectFailed{address,
                               {Errc::unreachable,
                                "can't connect to " + to_string(address) + ": Connection refused"},
                               false});
        }
    }

    const Address first{"10.0.0.1", 30304};
    const Address second{"10.0.0.2", 30304};
    Dialler* dialler = new Dialler;
    std::unique_ptr<Node> node =
        watch_dials(std::unique_ptr<Node>(dialler),
                    {sn_target({first, second}), licence_target({{"10.0.0.9", 5814}})});
    SwarmTime now{};
    std::vector<std::string> lines;
    std::vector<SwarmDuration> times;
};

TEST_F(DialWatchTest, APeerThatStartsShortlyAfterwardsIsNotReported) {
    fail_dials(first, milliseconds(2500));
    dial(first);
    step(PeerUp{{"sn1"}, Role::sn, first});
    now += seconds(60);
    EXPECT_TRUE(lines.empty());
}

TEST_F(DialWatchTest, TheTextSaysWhereWhyAndWhatToCheck) {
    fail_dials(first, seconds(4));
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0],
              "No SN has answered for 3 s: can't connect to 10.0.0.1:30304: Connection refused. "
              "Is run-sn running there? Check --sn-ip and --sn-api-port. This node keeps trying");
}

TEST_F(DialWatchTest, IsRepeatedAtGrowingIntervals) {
    fail_dials(first, seconds(1200));
    const std::vector<SwarmDuration> expected = {seconds(3),   seconds(8),   seconds(18),
                                                 seconds(38),  seconds(78),  seconds(158),
                                                 seconds(318), seconds(618), seconds(918)};
    EXPECT_EQ(times, expected);
}

TEST_F(DialWatchTest, IsSilentIfOneOfSeveralAddressesIsConnected) {
    dial(second);
    step(PeerUp{{"sn2"}, Role::sn, second});
    fail_dials(first, seconds(60));  // while the second one is connected
    EXPECT_TRUE(lines.empty());
    step(PeerLost{{"sn2"}, "gone"});
    fail_dials(second, seconds(2));
    fail_dials(first, seconds(2));
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_NE(lines[0].find("10.0.0.1:30304: Connection refused; can't connect to 10.0.0.2:30304"),
              std::string::npos)
        << lines[0];
}

TEST_F(DialWatchTest, AnAddressThatTimesOutIsReportedAfterTheFirstDial) {
    dial(first);
    now += seconds(5);  // an endpoint's time limit for a dial
    step(ConnectFailed{
        first, {Errc::unreachable, "10.0.0.1:30304: no connection within 5 s"}, false});
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_NE(lines[0].find("for 5 s: 10.0.0.1:30304: no connection within 5 s."),
              std::string::npos)
        << lines[0];
}

TEST_F(DialWatchTest, TargetsAreWatchedSeparately) {
    dialler->role_of_peer = Role::apls;
    fail_dials({"10.0.0.9", 5814}, seconds(4));
    dialler->role_of_peer = Role::sn;
    fail_dials({"10.0.0.3", 30304}, seconds(4));  // an SN listed in the ledger
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_NE(lines[0].find("No licence server has answered for 3 s"), std::string::npos);
    EXPECT_NE(lines[0].find("Check --apls-ip and --apls-port"), std::string::npos);
    EXPECT_NE(lines[1].find("It is one of the SNs that keep the ledger"), std::string::npos);
}

TEST_F(DialWatchTest, FailuresFarApartAreNotOneOutage) {
    fail_dials(first, seconds(2));
    now += seconds(3600);
    fail_dials(first, seconds(2));
    EXPECT_TRUE(lines.empty());
}

}  // namespace
}  // namespace starling
