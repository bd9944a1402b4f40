// What run-sl reports of an ML program that runs without joining, or ends.
#include "deploy/ml/ml_process.hpp"

#include <chrono>

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;

/// An endpoint without any peer.
class NoPeers final : public PolledEndpoint {
public:
    SwarmTime now() const override { return {}; }
    void connect(const Address&, Role) override {}
    void send(const NodeId&, Frame, SendGroup) override {}
    void cancel_sends(SendGroup, const std::optional<NodeId>&) override {}
    Arrivals arrivals() const override { return {}; }
    std::optional<Input> receive_until(SwarmTime) override { return std::nullopt; }
    void post(Input) override {}
    void post_after_arrivals(Input) override {}
    void close(SwarmDuration) override {}
};

class MlProcessTest : public testing::Test {
protected:
    MlProcessTest() {
        command.program = "/bin/sh";
        command.working_directory = directory.path();
        command.environment = {{"PATH", "/usr/bin:/bin"}};
        command.log_file = directory.path() / "ml1.log";
        command.state_file = directory.path() / "ml1.state";
        command.name = "ml1";
        command.arguments = {"-c", "echo loading 12 GB; exec sleep 1000"};
    }
    bool waits_for(const std::string& text) const {
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (std::chrono::steady_clock::now() < limit) {
            if (read_text(sl_log).find(text) != std::string::npos) {
                return true;
            }
            std::this_thread::yield();
        }
        return false;
    }

    TemporaryDirectory directory;
    const std::filesystem::path sl_log = directory.path() / "sl1.log";
    std::unique_ptr<TraceLog> log =
        std::move(*open_trace_log({{"sl1"}, Role::sl, "", sl_log, Level::info}));
    NoPeers endpoint;
    ProgramCommand command;
};

TEST_F(MlProcessTest, AProgramThatDoesNotJoinIsReportedWithWhatToCheck) {
    auto ml = MlProcess::start(command, endpoint, *log, milliseconds(20));
    ASSERT_TRUE(ml) << ml.error().message;
    EXPECT_TRUE(waits_for(" : run-sl : WARNING : ML program ml1 (process ")) << read_text(sl_log);
    EXPECT_TRUE(
        waits_for(" without connecting to its SL. If it is not still starting: does it call "
                  "ml_main() or SwarmCallback, and does it keep the variable SWARM_SL_SOCKET?"))
        << read_text(sl_log);
    EXPECT_TRUE(waits_for("Its log " + command.log_file.string() + " ends with: loading 12 GB"))
        << read_text(sl_log);
}

TEST_F(MlProcessTest, AProgramThatHasJoinedIsNotReported) {
    auto ml = MlProcess::start(command, endpoint, *log, std::chrono::hours(1));
    ASSERT_TRUE(ml) << ml.error().message;
    PeerUp up;
    up.peer = {"ml1"};
    up.role = Role::ml;
    (*ml)->on_input(up);
    ml->reset();
    EXPECT_EQ(read_text(sl_log).find("without connecting"), std::string::npos);
}

}  // namespace
}  // namespace starling
