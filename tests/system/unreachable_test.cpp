// A node that can't reach its SN or licence server reports that, and what to check.
#include <csignal>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

class Unreachable : public SystemSwarm {
protected:
    /// Starts `command` with `flag` in place of the flag with this name.
    static std::unique_ptr<Program> start(std::vector<std::string> command,
                                          const std::string& flag) {
        const std::string name = flag.substr(0, flag.find('='));
        std::erase_if(command, [&](const std::string& one) { return one.starts_with(name + "="); });
        command.push_back(flag);
        return std::make_unique<Program>(command);
    }
    std::vector<std::string> sl() const { return sl_command(2, identity("sl2"), ""); }
    std::string sn_address() const { return "127.0.1.1:" + std::to_string(sn_port); }
};

TEST_F(Unreachable, AnSnThatIsNotRunning) {
    Program program(sl());
    EXPECT_TRUE(program.wait_for("WARNING : No SN has answered for 3 s: can't connect to " +
                                 sn_address() +
                                 ": Connection refused. Is run-sn running there? Check --sn-ip and "
                                 "--sn-api-port. This node keeps trying"))
        << program.output();
    const auto sn = start_sn();  // the SL need not be restarted
    EXPECT_TRUE(program.wait_for("API-SERVER IS UP")) << program.output();
}

TEST_F(Unreachable, ANameThatDoesNotResolve) {
    const auto program = start(sl(), "--sn-ip=no-such-host.invalid");
    EXPECT_TRUE(program->wait_for("No SN has answered for ")) << program->output();
    EXPECT_TRUE(program->wait_for("no-such-host.invalid:")) << program->output();
    EXPECT_TRUE(program->wait_for("Check --sn-ip and --sn-api-port")) << program->output();
}

TEST_F(Unreachable, ASentinelThatDoesNotExist) {
    std::vector<std::string> command = sn_command(identity("sn1"));
    std::erase(command, "--sentinel");
    const auto program = start(command, "--sentinel-ip=127.0.4.4:9");
    EXPECT_TRUE(
        program->wait_for("No SN has answered for 3 s: can't connect to 127.0.4.4:9: "
                          "Connection refused. Is an SN of the swarm running there? Check "
                          "--sentinel-ip"))
        << program->output();
}

TEST_F(Unreachable, ALicenceServerThatIsNotRunning) {
    const auto program = start(sl(), "--apls-ip=127.0.4.4");
    EXPECT_TRUE(
        program->wait_for("No licence server has answered for 3 s: can't connect to "
                          "127.0.4.4:5814: Connection refused. Is run-apls running there? "
                          "Check --apls-ip and --apls-port"))
        << program->output();
}

}  // namespace
}  // namespace starling::test
