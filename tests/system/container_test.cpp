// --ml-image with a recording engine: a script in place of the container engine records how it was
// called, and does what a container would do, with the test's program as the image.
#include <csignal>
#include <filesystem>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

namespace fs = std::filesystem;

/// Accepts the flags of `run` as docker and podman do, runs toy-ml with the variables of --env
/// only, and records the call. `rm` is recorded as well.
constexpr const char* engine_script = R"(#!/bin/sh
record=$(dirname "$0")/record
for word in "$@"; do printf '%s\n' "$word"; done >> "$record"
[ "$1" = run ] || exit 0
shift
set -- "$@" --end
variables=
program=
while [ "$1" != --end ]; do
  case "$1" in
    --rm|--privileged) ;;
    --name) shift ;;
    --env=*) variables="$variables ${1#--env=}" ;;
    --entrypoint=*) program=${1#--entrypoint=} ;;
    --*) ;;
    *) image=$1; shift; break ;;
  esac
  shift
done
words=
while [ "$1" != --end ]; do words="$words $1"; shift; done
[ "$image" = example/toy:1 ] || { echo "no image $image" >&2; exit 125; }
exec env -i $variables "$program" $words
)";

class Container : public SystemSwarm {
protected:
    Container() {
        fs::create_directory(path("engines"));
        EXPECT_TRUE(write_file(path("engines/docker"), engine_script, FileMode::readable));
        fs::permissions(path("engines/docker"), fs::perms::owner_all);
    }
    std::vector<std::string> in_image(int host, const std::vector<std::string>& more) const {
        auto command = sl_command(host, identity("sl" + std::to_string(host)), "--batches 40");
        command.push_back("--ml-image=example/toy:1");
        command.insert(command.end(), more.begin(), more.end());
        return command;
    }
    std::string record() const { return read_text(path("engines/record")); }
};

TEST_F(Container, TheProgramTrainsInItsImage) {
    const auto sn = start_sn();
    Program sl1(in_image(
        1, {"--engine=" + path("engines/docker"), "--ml-v=/data:/data", "--ml-user=7:8",
            "--ml-device=/dev/kfd", "--ml-ipc=host", "--ml-shm-size=8G", "--ml-group-add=video",
            "--ml-cap-add=SYS_PTRACE", "--ml-security-opt=seccomp=unconfined", "--ml-privileged",
            "--ml-e=MODEL_DIR=model"}));
    const auto sl2 = start_sl(2, "--batches 40");
    EXPECT_EQ(sl1.wait_exit(), 0) << sl1.output() << ml_log(1) << record();
    EXPECT_EQ(sl2->wait_exit(), 0) << sl2->output();
    EXPECT_TRUE(holds(ml_log(1), "Final Swarm model was loaded")) << ml_log(1);
    const std::string socket = path("host-1/run/sl1.sock");
    const std::string traces = path("host-1/trace");
    const std::string state = path("host-1/data/sl1/program");
    std::string expected = "run\n--rm\n--name\nml1\n--user=7:8\n";
    expected += "--volume=" + socket + ":" + socket + "\n";
    expected += "--volume=" + traces + ":" + traces + "\n";
    expected += "--volume=" + state + ":" + state + "\n--volume=/data:/data\n";
    for (const std::string& variable : std::vector<std::string>{
             "MIN_PEERS=2", "MODEL_DIR=model", "SWARM_LOG_LEVEL=info", "SWARM_ML_NAME=ml1",
             "SWARM_SL_SOCKET=" + socket, "SWARM_STATE_DIR=" + state,
             "SWARM_TRACE=" + traces + "/ml1.trace", "SWARM_WORKSPACE=" + path("host-1")}) {
        expected += "--env=" + variable + "\n";
    }
    expected += "--workdir=" + folder.path().string() +
                "\n--device=/dev/kfd\n--ipc=host\n--shm-size=8G\n--group-add=video\n"
                "--cap-add=SYS_PTRACE\n--security-opt=seccomp=unconfined\n--privileged\n"
                "--entrypoint=" +
                bin("toy-ml") + "\nexample/toy:1\n--batches\n40\n";
    EXPECT_EQ(record(), expected);
}

TEST_F(Container, AnEngineThatFailsIsNamedWithItsLog) {
    const auto sn = start_sn();
    auto command = in_image(1, {"--engine=" + path("engines/docker")});
    for (std::string& word : command) {
        if (word == "--ml-image=example/toy:1") {
            word = "--ml-image=example/none";
        }
    }
    Program sl1(command);
    EXPECT_NE(sl1.wait_exit(), 0);
    EXPECT_TRUE(holds(sl1.output(), "125")) << sl1.output();
    EXPECT_TRUE(holds(ml_log(1), "no image example/none")) << ml_log(1);
}

TEST_F(Container, AnOperatorsStopEndsTheContainerToo) {
    const auto sn = start_sn();
    auto command = in_image(1, {"--engine=" + path("engines/docker")});
    Program sl1(command);
    ASSERT_TRUE(sl1.wait_for("Successfully completed the initialization")) << sl1.output();
    sl1.signal(SIGTERM);
    sl1.wait_exit();
    EXPECT_TRUE(sl1.children().empty());
}

TEST_F(Container, WithoutAnEngineAPlainProcessIsUsedAndALogLineSaysSo) {
    const auto sn = start_sn();
    Program sl1(in_image(1, {"--engine=none", "--ml-v=/data:/data"}));
    const auto sl2 = start_sl(2, "--batches 40");
    EXPECT_EQ(sl1.wait_exit(), 0) << sl1.output() << ml_log(1);
    EXPECT_EQ(sl2->wait_exit(), 0) << sl2->output();
    EXPECT_TRUE(holds(sl1.output(),
                      "--ml-image ignored: the ML program is a plain process, because of --engine "
                      "none"))
        << sl1.output();
}

TEST_F(Container, AMissingEngineIsRefused) {
    const auto sn = start_sn();
    Program sl1(in_image(1, {"--engine=/nowhere/podman"}));
    EXPECT_EQ(sl1.wait_exit(), 1);
    EXPECT_TRUE(holds(sl1.output(), "--engine /nowhere/podman does not exist")) << sl1.output();
}

}  // namespace
}  // namespace starling::test
