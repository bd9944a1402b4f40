// Hosts of their own on a switch, whose cables are unplugged, whose uploads are slow and whose
// nodes are killed while segments are in flight: each training completes, and all nodes end with
// the same bytes.
#include "tests/support/network.hpp"

#include <csignal>

#include "core/merge/plan.hpp"
#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

/// One segment, so one owner merges all of it: a slow upload makes its exchange last.
constexpr std::uint64_t star_elements = 60'000;
/// Each of three members owns a third of it.
constexpr std::uint64_t spread_elements = 600'000;

class OnHosts : public SystemSwarm {
protected:
    void SetUp() override {
        if (const std::string reason = Network::why_not(); !reason.empty()) {
            GTEST_SKIP() << reason;
        }
        network = std::make_unique<Network>(4);
    }

    /// The SN is on host 4, which has no members.
    void start_sn() {
        std::vector<std::string> command = {bin("run-sn"), "--host-ip=" + Network::address(4),
                                            "--sentinel", "--log-level=debug",
                                            "--workspace=" + path("host-4")};
        append(command, identity("sn1"));
        sn = std::make_unique<Program>(network->on(4, command));
        ASSERT_TRUE(sn->wait_for("Starting SWARM-API-SERVER on port")) << sn->output();
    }
    void start_pair(int n) {
        const std::string number = std::to_string(n);
        std::vector<std::string> command = {bin("run-sl"),
                                            "--host-ip=" + Network::address(n),
                                            "--sn-ip=" + Network::address(4),
                                            "--workspace=" + path("host-" + number),
                                            "--ml-name=ml" + number,
                                            "--ml-w=" + folder.path().string(),
                                            "--ml-entrypoint=" + bin("toy-ml"),
                                            "--ml-cmd=" + training,
                                            "--ml-e=MIN_PEERS=" + std::to_string(min_peers)};
        append(command, identity("sl" + number));
        pairs[n] = std::make_unique<Program>(network->on(n, command));
    }
    void start_all() {
        start_sn();
        for (int n = 1; n <= 3; ++n) {
            start_pair(n);
        }
    }
    static void append(std::vector<std::string>& words, const std::vector<std::string>& more) {
        words.insert(words.end(), more.begin(), more.end());
    }

    /// Waits for a freeze in the SN's log, searched from byte `from` on. \return  its round
    std::uint64_t wait_for_freeze(int attempt, int members, std::size_t from) {
        const std::string text = " attempt " + std::to_string(attempt) + " begins with " +
                                 std::to_string(members) + " members";
        EXPECT_TRUE(sn->wait_for(text, Seconds(90), from)) << sn->output();
        const std::size_t at = sn->output().find(text, from);
        const std::size_t begin = sn->output().rfind("Round ", at) + 6;
        return at == std::string::npos ? 0 : std::stoull(sn->output().substr(begin));
    }
    std::size_t log_end() {
        sn->drain();
        return sn->output().size();
    }
    void wait_for_merge(int n, int members) {
        pairs[n]->drain();
        ASSERT_TRUE(pairs[n]->wait_for("merged " + std::to_string(members) + " members",
                                       Seconds(90), pairs[n]->output().size()))
            << pairs[n]->output();
    }
    void wait_for_merge_after_heal(int host) {
        const auto begin = std::chrono::steady_clock::now();
        network->heal(host);
        wait_for_merge(1, 3);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        std::printf("[ measured ] merged with all members %.1f s after the cable was back\n",
                    took.count());
    }
    /// Waits until the host has received `bytes` more: this much of an exchange has happened.
    void wait_for_bytes(int host, std::uint64_t bytes) const {
        const std::uint64_t goal = network->received_bytes(host) + bytes;
        const auto deadline = std::chrono::steady_clock::now() + Seconds(60);
        while (network->received_bytes(host) < goal) {
            ASSERT_LT(std::chrono::steady_clock::now(), deadline);
        }
    }
    void kill_pair(int n) {
        pairs[n]->signal(SIGKILL);
        EXPECT_EQ(pairs[n]->wait_exit(), 128 + SIGKILL);
    }
    static void let_pass(Seconds time) {
        Program clock({"/bin/sleep", std::to_string(time.count())});
        EXPECT_EQ(clock.wait_exit(time + Seconds(30)), 0);
    }
    void end_training() const { write_text(path("enough"), ""); }

    void expect_one_final_model() {
        for (auto& [n, pair] : pairs) {
            EXPECT_EQ(pair->wait_exit(Seconds(120)), 0) << pair->output() << ml_log(n);
        }
        const std::string digest = final_digest(1);
        EXPECT_EQ(digest.size(), 64U) << ml_log(1);
        EXPECT_EQ(final_digest(2), digest);
        EXPECT_EQ(final_digest(3), digest);
        sn->drain();
        EXPECT_TRUE(holds(sn->output(), "digest " + digest.substr(0, 12) + " (final)"))
            << sn->output();
        sn->signal(SIGTERM);
        EXPECT_EQ(sn->wait_exit(), 0) << sn->output();
        expect_no_violation();
    }
    std::string final_digest(int n) const {
        const std::string marker = "ends with digest ";
        const std::string text = ml_log(n);
        const std::size_t at = text.rfind(marker);
        return at == std::string::npos ? "" : text.substr(at + marker.size(), 64);
    }
    /// Bytes of parameters sent by member `n` in this round.
    std::uint64_t sent_bytes(int n, std::uint64_t round) const {
        const std::string number = std::to_string(n);
        const std::string trace =
            read_text(path("host-" + number + "/trace/sl" + number + ".trace"));
        std::size_t at = trace.find(" round_done round=" + std::to_string(round) + " ");
        at = at == std::string::npos ? at : trace.find(" sent_bytes=", at);
        EXPECT_NE(at, std::string::npos) << "no end of the round: " << trace;
        return at == std::string::npos ? 0 : std::stoull(trace.substr(at + 12));
    }
    /// The one of the three members that merges the single segment.
    static int owner_of(std::uint64_t round) {
        return static_cast<int>(make_plan(3, star_elements * 4, round).owner_of.at(0)) + 1;
    }

    int min_peers = 2;
    // About two rounds a second: the nodes' output must fit into their pipes while nobody reads.
    std::string training =
        "--elements " + std::to_string(spread_elements) + " --sync 300 --until " + path("enough");
    std::unique_ptr<Network> network;
    std::unique_ptr<Program> sn;
    std::map<int, std::unique_ptr<Program>> pairs;
};

TEST_F(OnHosts, AMemberIsDisconnectedAndTheOthersContinue) {
    start_all();
    wait_for_merge(1, 3);
    network->cut(3);
    wait_for_merge(1, 2);
    let_pass(Seconds(20));
    wait_for_merge_after_heal(3);
    EXPECT_TRUE(pairs[3]->wait_for("Rejoining")) << pairs[3]->output();
    end_training();
    expect_one_final_model();
}

TEST_F(OnHosts, AMemberIsDisconnectedAndTheOthersNeedIt) {
    min_peers = 3;
    start_all();
    wait_for_merge(1, 3);
    network->cut(3);
    EXPECT_TRUE(sn->wait_for("Member 'sl3' is lost")) << sn->output();
    let_pass(Seconds(20));
    wait_for_merge_after_heal(3);
    end_training();
    expect_one_final_model();
}

TEST_F(OnHosts, TheSnIsDisconnected) {
    start_all();
    wait_for_merge(1, 3);
    network->cut(4);
    EXPECT_TRUE(pairs[1]->wait_for("has not answered for")) << pairs[1]->output();
    let_pass(Seconds(20));
    wait_for_merge_after_heal(4);
    end_training();
    expect_one_final_model();
}

TEST_F(OnHosts, ASlowUploadIsWaitedFor) {
    min_peers = 3;  // or two of them might begin before the third has registered
    training = "--elements " + std::to_string(spread_elements) + " --batches 32";
    network->limit_upload(1, "80mbit");
    network->limit_upload(2, "80mbit");
    network->limit_upload(3, "4mbit");
    start_all();
    expect_one_final_model();
    EXPECT_FALSE(holds(sn->output(), "is lost")) << sn->output();
    EXPECT_FALSE(holds(sn->output(), "left out")) << sn->output();
    EXPECT_FALSE(holds(sn->output(), "attempt 1")) << sn->output();
    EXPECT_FALSE(holds(sn->output(), "committed: 2 members")) << sn->output();
    EXPECT_TRUE(holds(sn->output(), "Round 3 is committed: 3 members")) << sn->output();
}

/// Below 420 kbit/s a segment takes longer than 5 s. All members are needed, so nobody may be
/// excluded, and each attempt counts.
TEST_F(OnHosts, UploadsOf200KilobitsPerSecondAreWaitedFor) {
    min_peers = 3;
    training = "--elements 60000 --batches 10";
    for (int n = 1; n <= 3; ++n) {
        network->limit_upload(n, "200kbit");
    }
    start_all();
    expect_one_final_model();
    EXPECT_FALSE(holds(sn->output(), "is lost")) << sn->output();
    EXPECT_FALSE(holds(sn->output(), "left out")) << sn->output();
    EXPECT_FALSE(holds(sn->output(), "attempt 1")) << sn->output();
    EXPECT_TRUE(holds(pairs[1]->output(), " received, ")) << pairs[1]->output();
}

/// What TCP, the queues and the transport measured on the slow link must not outlast it.
TEST_F(OnHosts, LinksThatBecomeFasterDuringARoundLoseNothing) {
    min_peers = 3;
    training = "--elements " + std::to_string(star_elements) + " --batches 10";
    for (int n = 1; n <= 3; ++n) {
        network->limit_upload(n, "56kbit");
    }
    start_all();
    const std::uint64_t round = wait_for_freeze(0, 3, 0);
    // Of 480,000, which would take 34 s: longer than a probe timeout.
    wait_for_bytes(owner_of(round), 100'000);
    for (int n = 1; n <= 3; ++n) {
        network->limit_upload(n, "1mbit");
    }
    expect_one_final_model();
    EXPECT_FALSE(holds(sn->output(), "is lost")) << sn->output();
    EXPECT_FALSE(holds(sn->output(), "left out")) << sn->output();
    EXPECT_FALSE(holds(sn->output(), "attempt 1")) << sn->output();
    // Two contributions go to the owner and two copies of the merged segment come back; nothing
    // else.
    std::uint64_t sent = 0;
    for (int n = 1; n <= 3; ++n) {
        sent += sent_bytes(n, round);
    }
    EXPECT_EQ(sent, 4 * star_elements * 4);
}

/// A swarm whose exchanges take seconds.
class SlowLinks : public OnHosts {
protected:
    void SetUp() override {
        OnHosts::SetUp();
        for (int n = 1; network && n <= 3; ++n) {
            network->limit_upload(n, "4mbit");
        }
    }
};

TEST_F(SlowLinks, TheOwnerIsKilledDuringItsMerge) {
    training = "--elements " + std::to_string(star_elements) + " --until " + path("enough");
    for (int n = 1; n <= 3; ++n) {
        network->limit_upload(n, "1mbit");  // longer than check-ins are delayed
    }
    start_all();
    wait_for_merge(1, 3);
    const std::size_t before = log_end();
    const std::uint64_t round = wait_for_freeze(0, 3, before);
    const int owner = owner_of(round);
    wait_for_bytes(owner, 100'000);  // of the two contributions of 240,000
    kill_pair(owner);
    EXPECT_EQ(wait_for_freeze(1, 2, before), round);
    const int other = owner == 1 ? 2 : 1;
    wait_for_merge(other, 2);
    start_pair(owner);
    wait_for_merge(other, 3);
    end_training();
    expect_one_final_model();
}

TEST_F(SlowLinks, AMemberIsKilledDuringAnExchange) {
    training = "--elements " + std::to_string(star_elements) + " --until " + path("enough");
    for (int n = 1; n <= 3; ++n) {
        network->limit_upload(n, "1mbit");  // longer than check-ins are delayed
    }
    start_all();
    wait_for_merge(1, 3);
    const std::size_t before = log_end();
    const std::uint64_t round = wait_for_freeze(0, 3, before);
    const int owner = owner_of(round);
    const int member = owner == 3 ? 2 : 3;
    wait_for_bytes(owner, 100'000);
    kill_pair(member);
    EXPECT_EQ(wait_for_freeze(1, 2, before), round);
    wait_for_merge(owner, 2);
    start_pair(member);
    wait_for_merge(owner, 3);
    end_training();
    expect_one_final_model();
}

TEST_F(SlowLinks, OneOfManyOwnersIsKilledDuringItsMerge) {
    start_all();
    wait_for_merge(1, 3);
    const std::size_t before = log_end();
    const std::uint64_t round = wait_for_freeze(0, 3, before);
    wait_for_bytes(2, 1'000'000);  // of 3,200,000: contributions to its third, and merged segments
    kill_pair(2);
    EXPECT_EQ(wait_for_freeze(1, 2, before), round);
    wait_for_merge(1, 2);
    start_pair(2);
    wait_for_merge(1, 3);
    end_training();
    expect_one_final_model();
}

TEST_F(SlowLinks, AnMlProgramIsKilledDuringAnExchange) {
    start_all();
    wait_for_merge(1, 3);
    const std::size_t before = log_end();
    const std::uint64_t round = wait_for_freeze(0, 3, before);
    wait_for_bytes(3, 1'000'000);
    const auto children = pairs[3]->children();
    ASSERT_EQ(children.size(), 1U);
    ASSERT_EQ(::kill(children.front(), SIGKILL), 0);
    EXPECT_EQ(pairs[3]->wait_exit(), 5) << pairs[3]->output();
    EXPECT_EQ(wait_for_freeze(1, 2, before), round);
    wait_for_merge(1, 2);
    start_pair(3);
    wait_for_merge(1, 3);
    end_training();
    expect_one_final_model();
}

}  // namespace
}  // namespace starling::test
