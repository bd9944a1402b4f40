#include "deploy/ml/program_process.hpp"

#include <csignal>
#include <future>
#include <memory>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "deploy/process/process.hpp"
#include "tests/deploy/child_process.hpp"
#include "tests/support/temporary_directory.hpp"
#include "transport/process/child_process.hpp"
#include "transport/process/program_file.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ProgramProcessTest : public testing::Test {
protected:
    void SetUp() override {
        command.program = "/bin/sh";
        command.working_directory = directory.path();
        command.environment = {{"PATH", "/usr/bin:/bin"}};
        command.log_file = directory.path() / "ml1.log";
    }
    void script(const std::string& text) { command.arguments = {"-c", text}; }
    std::unique_ptr<ProgramProcess> start(ProgramProcess::OnExit on_exit = nullptr) {
        auto started = ProgramProcess::start(command, std::move(on_exit));
        EXPECT_TRUE(started.has_value()) << (started ? "" : started.error().message);
        return started ? std::move(*started) : nullptr;
    }
    std::string start_error() {
        const auto started = ProgramProcess::start(command, nullptr);
        return started ? "started" : started.error().message;
    }
    /// Waits until the program has written `text` to its log.
    void wait_for_log(const std::string& text) {
        const auto limit = std::chrono::steady_clock::now() + seconds(20);
        while (read_text(command.log_file).find(text) == std::string::npos) {
            ASSERT_LT(std::chrono::steady_clock::now(), limit) << read_text(command.log_file);
            std::this_thread::yield();
        }
    }

    TemporaryDirectory directory;
    ProgramCommand command;
};

TEST_F(ProgramProcessTest, PassesArgumentsDirectoryAndEnvironmentOnly) {
    command.environment["MAX_EPOCHS"] = "2 and more";
    command.arguments = {"-c", "echo \"$0|$1|$PWD|$MAX_EPOCHS\"; echo wrong >&2; env", "zero",
                         "o ne"};
    EXPECT_EQ(start()->finish(seconds(20), seconds(30)).exit_code(), 0);
    const std::string log = read_text(command.log_file);
    EXPECT_NE(log.find("zero|o ne|" + directory.path().string() + "|2 and more\n"),
              std::string::npos)
        << log;
    EXPECT_NE(log.find("wrong\n"), std::string::npos) << "standard error goes to the log too";
    EXPECT_EQ(log.find("HOME="), std::string::npos) << log;
}

TEST_F(ProgramProcessTest, TheProgramInheritsNoDescriptorAndNoBlockedSignal) {
    script("ls -l /proc/self/fd; grep SigBlk /proc/self/status");
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    const int leaked = ::open(directory.path().c_str(), O_RDONLY);  // not close-on-exec
    start()->finish(seconds(20), seconds(30));
    ::close(leaked);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    const std::string log = read_text(command.log_file);
    EXPECT_NE(log.find("SigBlk:\t0000000000000000"), std::string::npos) << log;
    EXPECT_EQ(log.find("-> " + directory.path().string() + "\n"), std::string::npos) << log;
}

TEST_F(ProgramProcessTest, ReportsHowTheProgramEnded) {
    std::promise<ExitStatus> ended;
    script("kill -9 $$");
    const auto process = start([&](const ExitStatus& status) { ended.set_value(status); });
    const ExitStatus status = ended.get_future().get();
    EXPECT_EQ(status.text(), "ended by signal 9 (Killed)");
    EXPECT_EQ(process->finish(seconds(1), seconds(2)).exit_code(), 137);

    script("exit 5");
    EXPECT_EQ(start()->finish(seconds(20), seconds(30)).text(), "ended with exit code 5");
}

TEST_F(ProgramProcessTest, FinishTerminatesFirstAndKillsLater) {
    script("trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.01; done");
    auto polite = start();
    wait_for_log("ready");
    EXPECT_EQ(polite->finish(milliseconds(0), seconds(20)).text(), "ended with exit code 3");
    EXPECT_NE(read_text(command.log_file).find("asked"), std::string::npos);

    script("trap '' TERM; echo set; while :; do sleep 0.01; done");
    auto stubborn = start();
    wait_for_log("set");
    EXPECT_EQ(stubborn->finish(milliseconds(0), milliseconds(200)).signal, SIGKILL);
}

TEST_F(ProgramProcessTest, FinishAlsoEndsTheProgramsChildren) {
    script("sleep 1000 & echo child $!; wait");
    auto process = start();
    wait_for_log("child ");
    const std::string log = read_text(command.log_file);
    const pid_t grandchild = std::stoi(log.substr(log.find("child ") + 6));
    process->finish(milliseconds(0), seconds(20));
    const auto limit = std::chrono::steady_clock::now() + seconds(20);
    while (process_start_ticks(grandchild) && std::chrono::steady_clock::now() < limit) {
        std::this_thread::yield();
    }
    EXPECT_FALSE(process_start_ticks(grandchild).has_value());
}

TEST_F(ProgramProcessTest, EndsWhenItsParentIsKilled) {
    script("echo pid $$; exec sleep 1000");
    ChildProcess parent([&](auto ready) {
        const auto started = ProgramProcess::start(command, nullptr);
        ready();
        ::pause();
    });
    wait_for_log("pid ");
    const pid_t program = std::stoi(read_text(command.log_file).substr(4));
    const Descriptor handle = open_process(program);
    ASSERT_TRUE(static_cast<bool>(handle));
    ::kill(parent.pid(), SIGKILL);
    parent.wait();
    const auto limit = std::chrono::steady_clock::now() + seconds(20);
    while (process_start_ticks(program) && std::chrono::steady_clock::now() < limit) {
        std::this_thread::yield();
    }
    EXPECT_FALSE(process_start_ticks(program).has_value());
}

TEST_F(ProgramProcessTest, NamesProgramsThatCannotBeStarted) {
    command.program = "no/such";
    EXPECT_NE(start_error().find("program no/such (--ml-entrypoint) not found"), std::string::npos)
        << start_error();
    command.program = "no-such-program";
    EXPECT_NE(start_error().find("in PATH /usr/bin:/bin"), std::string::npos) << start_error();
    write_text(directory.path() / "plain.txt", "text");
    command.program = "./plain.txt";
    EXPECT_NE(start_error().find("can't be executed"), std::string::npos) << start_error();
    std::filesystem::permissions(directory.path() / "plain.txt", std::filesystem::perms::owner_all);
    EXPECT_NE(start_error().find("can't be started: Exec format error"), std::string::npos)
        << start_error();
    command.program = "/bin/sh";
    command.working_directory = directory.path() / "missing";
    EXPECT_NE(start_error().find("(--ml-w) can't be used: No such file"), std::string::npos)
        << start_error();
}

TEST_F(ProgramProcessTest, FindsAProgramByNameAndRelativeToItsDirectory) {
    EXPECT_EQ(find_program("sh", directory.path(), "/nowhere:/bin")->string(), "/bin/sh");
    const auto file = directory.path() / "program";
    write_text(file, "#!/bin/sh\n");
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    EXPECT_EQ(*find_program("./program", directory.path(), ""), file);
}

TEST(CleanEnvironment, KeepsAFewVariablesOnly) {
    const auto clean = clean_environment({{"HOME", "/h"}, {"SECRET", "s"}, {"SWARM_ID_KEY", "k"}});
    EXPECT_EQ(clean.at("HOME"), "/h");
    EXPECT_FALSE(clean.contains("SECRET"));
    EXPECT_FALSE(clean.contains("SWARM_ID_KEY"));
    EXPECT_EQ(clean_environment({{"OPENBLAS_CORETYPE", "Haswell"}}).at("OPENBLAS_CORETYPE"),
              "Haswell")
        << "a program uses the same compute kernels as its rehearsal";
    EXPECT_TRUE(clean.contains("PATH")) << "a program without PATH finds nothing";
}

}  // namespace
}  // namespace starling
