// What a launcher (-d) reports of starts that fail, and that nothing is left behind.
#include <csignal>
#include <filesystem>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

namespace fs = std::filesystem;

class Start : public BackgroundSwarm {
protected:
    /// The command with `flag=...` replaced.
    static std::vector<std::string> instead(std::vector<std::string> command,
                                            const std::string& flag, const std::string& value) {
        for (std::string& word : command) {
            if (word.starts_with(flag + "=")) {
                word = flag + "=" + value;
            }
        }
        return command;
    }
    std::vector<std::string> sl() const { return sl_command(1, identity("sl1"), ""); }
    void launch_sn() const {
        Program launcher(with(sn_command(identity("sn1")), {"-d"}));
        ASSERT_EQ(launcher.wait_exit(), 0) << launcher.output();
    }
    /// With -d: expects this exit code, all these parts in the launcher's output, and no process
    /// left.
    void expect_failed(const std::vector<std::string>& command, int code,
                       const std::vector<std::string>& parts) const {
        Program launcher(with(command, {"-d"}));
        EXPECT_EQ(launcher.wait_exit(), code) << launcher.output();
        for (const std::string& part : parts) {
            EXPECT_TRUE(holds(launcher.output(), part))
                << "'" << part << "' is not in " << launcher.output();
        }
    }
    std::string ps(const std::string& host = "host-1") const {
        Program program({bin("swarm-ps"), "-a", "--workspace=" + path(host)});
        EXPECT_EQ(program.wait_exit(), 0);
        return program.output();
    }
    std::string executable(const std::string& name, const std::string& text) const {
        write_text(path(name), text);
        fs::permissions(path(name), fs::perms::owner_all);
        return path(name);
    }
    std::string log(const std::string& name) const { return read_text(path("host-1/log/" + name)); }
};

TEST_F(Start, AProgramThatCannotBeStartedIsReportedByTheLauncherAndInTheLog) {
    launch_sn();
    expect_failed(
        instead(sl(), "--ml-w", path("nowhere")), 1,
        {"working directory " + path("nowhere") + " (--ml-w) can't be used",
         "run-sl: not started: it ended with exit code 1; its log: " + path("host-1/log/sl1.log")});
    EXPECT_TRUE(holds(log("sl1.log"), "(--ml-w) can't be used")) << log("sl1.log");
    expect_failed(instead(sl(), "--ml-entrypoint", "/nowhere/train"), 1,
                  {"program /nowhere/train (--ml-entrypoint) not found"});
    EXPECT_TRUE(holds(log("sl1.log"), "/nowhere/train (--ml-entrypoint) not found"));
    EXPECT_TRUE(holds(ps(), "ended 1")) << ps();
}

TEST_F(Start, AProgramThatEndsBeforeItJoinsIsReportedWithCodeAndLastLine) {
    launch_sn();
    const std::string failing =
        executable("failing", "#!/bin/sh\necho no module named torch\nexit 9\n");
    expect_failed(instead(sl(), "--ml-entrypoint", failing), 9,
                  {"ML program ml1 ended with exit code 9 before it joined",
                   "ends with: no module named torch", "it ended with exit code 9"});
    const std::string silent = executable("silent", "#!/bin/sh\nexit 0\n");
    expect_failed(instead(sl(), "--ml-entrypoint", silent), 1,
                  {"ML program ml1 ended with exit code 0 before it joined", "is empty"});
}

TEST_F(Start, ACrashOfTheProgramIsNotReportedAsAnOperatorsStop) {
    launch_sn();
    const std::string crashing = executable("crashing", "#!/bin/sh\nkill -SEGV $$\n");
    expect_failed(instead(sl(), "--ml-entrypoint", crashing), 139,
                  {"ML program ml1 ended by signal 11 (Segmentation fault)"});
    EXPECT_TRUE(holds(log("sl1.log"), "Exiting SL. Reason: ML program ml1 ended by signal 11"));
    EXPECT_FALSE(holds(log("sl1.log"), "operator")) << log("sl1.log");
}

TEST_F(Start, ACrashDuringTrainingIsNotReportedAsAnOperatorsStop) {
    const auto sn = start_sn();
    const auto sl1 = start_sl(1, "--batches 1000000");
    const auto sl2 = start_sl(2, "--batches 1000000");
    ASSERT_TRUE(sl1->wait_for("Round 1: merged")) << sl1->output();
    const std::string state = read_text(path("host-1/run/ml1.state"));
    const std::size_t at = state.find("pid ");
    ASSERT_NE(at, std::string::npos) << state;
    ASSERT_EQ(::kill(std::stoi(state.substr(at + 4)), SIGABRT), 0);  // sanitizers handle SIGSEGV
    EXPECT_GT(sl1->wait_exit(), 0) << sl1->output();
    EXPECT_TRUE(holds(sl1->output(), "ML program ml1 ended by signal 6 (Aborted)"))
        << sl1->output();
    for (Program* one : {sn.get(), sl1.get(), sl2.get()}) {
        one->drain();
        EXPECT_FALSE(holds(one->output(), "operator")) << one->output();
    }
}

TEST_F(Start, AProgramThatFailsRightAfterConnectingHasNotStarted) {
    launch_sn();
    Program launcher(with(sl_command(1, identity("sl1"), "--nosuch 1"), {"-d"}));
    EXPECT_GT(launcher.wait_exit(), 0) << launcher.output();
    EXPECT_TRUE(holds(launcher.output(), "run-sl: not started")) << launcher.output();
    EXPECT_TRUE(holds(log("ml1.log"), "unknown flag '--nosuch'")) << log("ml1.log");
}

TEST_F(Start, AnEngineThatEndsWith125IsReported) {
    launch_sn();
    const std::string engine =
        executable("docker", "#!/bin/sh\necho docker: no such image >&2\nexit 125\n");
    expect_failed(with(sl(), {"--ml-image=example/none", "--engine=" + engine}), 125,
                  {"ended with exit code 125", "docker: no such image"});
}

TEST_F(Start, AnSnThatCannotBindFailsAndRmKeepsExistingFiles) {
    launch_sn();
    const auto second =
        with(instead(sn_command(identity("sn1")), "--workspace", path("host-2")), {"--rm"});
    fs::create_directories(path("host-2/data/sn1"));
    write_text(path("host-2/data/sn1/of-an-earlier-run"), "x");
    expect_failed(second, 1, {"is in use", "its log: " + path("host-2/log/sn1.log")});
    EXPECT_TRUE(fs::exists(path("host-2/data/sn1/of-an-earlier-run")));
    EXPECT_TRUE(holds(read_text(path("host-2/log/sn1.log")), "is in use"));
    EXPECT_TRUE(holds(ps("host-2"), "ended 1")) << ps("host-2");
}

TEST_F(Start, AnSlThatItsSnRefusesFails) {
    launch_sn();
    const IssuedCert stranger = *make_ca("stranger CA", {});
    store_ca("stranger", stranger);
    ASSERT_TRUE(write_file(path("stranger/ours.pem"), ca.cert_pem, FileMode::readable));
    issue("sl1", Role::sl, stranger, {}, "stranger-sl1");
    expect_failed(sl_command(1, identity("stranger-sl1", "stranger"), ""), 3,
                  {"does not accept this node's certificate (unknown CA)"});
}

TEST_F(Start, AnInterruptedLauncherLeavesNothingBehind) {
    // An SL waits for its SN.
    Program launcher(with(sl(), {"-d"}));
    const std::string log_file = path("host-1/log/ml1.log");
    for (int i = 0; i < 3000 && !holds(ps(), "ml1"); ++i) {
    }
    launcher.signal(SIGINT);
    EXPECT_EQ(launcher.wait_exit(), 130) << launcher.output();
    EXPECT_TRUE(holds(launcher.output(), "interrupted before the node was up; it was stopped"))
        << launcher.output();
    EXPECT_FALSE(holds(ps(), "running")) << ps();
}

TEST_F(Start, AScriptWithWindowsLineEndsIsReportedAsSuch) {
    launch_sn();
    const std::string crlf = executable("crlf", "#!/bin/sh\r\necho\r\n");
    expect_failed(instead(sl(), "--ml-entrypoint", crlf), 1,
                  {crlf + " (--ml-entrypoint) is a script with Windows line ends (CRLF)",
                   "sed -i 's/\\r$//' " + crlf});
    const std::string lost = executable("lost", "#!/opt/nowhere/python\n");
    expect_failed(instead(sl(), "--ml-entrypoint", lost), 1,
                  {"is a script for the interpreter '/opt/nowhere/python'"});
}

TEST_F(Start, AnEmptyTextMeansNoArguments) {
    const auto sn = start_sn();
    for (const std::vector<std::string>& empty :
         {std::vector<std::string>{"--ml-cmd="}, std::vector<std::string>{"--ml-cmd", ""}}) {
        Program sl1(with(sl(), empty));
        EXPECT_TRUE(sl1.wait_for("Registration with Node DB is successful")) << sl1.output();
    }
    Program other(with(sl(), {"--ml-w="}));
    EXPECT_EQ(other.wait_exit(), 2) << other.output();
    EXPECT_TRUE(holds(other.output(), "--ml-w needs a value")) << other.output();
}

}  // namespace
}  // namespace starling::test
