// A node's workspace is copied and started on a second host.
#include <csignal>
#include <filesystem>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

class CopiedWorkspace : public SystemSwarm {
protected:
    /// Copies the present files of host 1 to host 3. Its nodes run: a file may be renamed while it
    /// is copied, and then all are copied anew.
    void copy_data() const {
        std::error_code failure;
        for (int attempt = 0; attempt < 1000; ++attempt) {
            std::filesystem::remove_all(path("host-3"));
            std::filesystem::create_directories(path("host-3"));
            std::filesystem::copy(path("host-1/data"), path("host-3/data"),
                                  std::filesystem::copy_options::recursive, failure);
            if (!failure) {
                return;
            }
        }
        FAIL() << failure.message();
    }
    static bool waited_for_round_after(Program& sl, std::size_t from) {
        return sl.wait_for(": merged 2 members", Seconds(60), from);
    }
};

TEST_F(CopiedWorkspace, TheOlderSlIsToldItsReplacementAndTrainingContinues) {
    const auto sn = start_sn();
    const auto original = start_sl(1, "--batches 100000000");
    const auto other = start_sl(2, "--batches 100000000");
    ASSERT_TRUE(original->wait_for("Round 2: merged 2 members")) << original->output();

    copy_data();
    Program copy(sl_command(3, identity("sl1"), "--batches 100000000"));
    EXPECT_EQ(original->wait_exit(), 3) << original->output();
    const std::string told = "replaced by a start of 'sl1'";
    EXPECT_TRUE(holds(original->output(), told)) << original->output();
    EXPECT_TRUE(holds(original->output(), " UTC")) << original->output();
    ASSERT_TRUE(copy.wait_for(": merged 2 members")) << copy.output();
    ASSERT_TRUE(sn->wait_for("it replaces its start at 127.0.1.1:")) << sn->output();

    copy.signal(SIGKILL);
    EXPECT_EQ(copy.wait_exit(), 128 + SIGKILL);
    const auto again = start_sl(1, "--batches 100000000");
    ASSERT_TRUE(again->wait_for(": merged 2 members")) << again->output();
    other->drain();
    ASSERT_TRUE(waited_for_round_after(*other, other->output().size())) << other->output();
    sn->drain();
    EXPECT_LE(count(sn->output(), told), 1U) << sn->output();
}

TEST_F(CopiedWorkspace, ACopiedSnDoesNotDisturbTheOriginal) {
    auto sn = start_sn();
    const auto sl1 = start_sl(1, "--batches 100000000");
    const auto sl2 = start_sl(2, "--batches 100000000");
    ASSERT_TRUE(sl1->wait_for("Round 1: merged 2 members")) << sl1->output();
    sn->signal(SIGSTOP);
    copy_data();
    sn->signal(SIGCONT);

    std::vector<std::string> command = sn_command(identity("sn1"));
    for (std::string& word : command) {
        word = word == "--host-ip=127.0.1.1"             ? "--host-ip=127.0.3.3"
               : word == "--workspace=" + path("host-1") ? "--workspace=" + path("host-3")
                                                         : word;
    }
    Program copy(command);
    EXPECT_EQ(copy.wait_exit(), 3) << copy.output();
    EXPECT_TRUE(holds(copy.output(), "Two SNs are named 'sn1': one runs at 127.0.1.1:"))
        << copy.output();
    EXPECT_FALSE(holds(copy.output(), "Starting SWARM-API-SERVER")) << copy.output();
    sl1->drain();
    ASSERT_TRUE(waited_for_round_after(*sl1, sl1->output().size())) << sl1->output();

    // Moved, not copied: once the original is gone, the same start serves.
    sn->signal(SIGKILL);
    sn->wait_exit();
    Program moved(command);
    EXPECT_TRUE(moved.wait_for("Starting SWARM-API-SERVER on port")) << moved.output();
}

}  // namespace
}  // namespace starling::test
