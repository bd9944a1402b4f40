#pragma once

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/wait.h>

namespace starling::test {

namespace fs = std::filesystem;
inline const std::string root = STARLING_ROOT;
inline const std::string platform = root + "/platforms/two_hosts.xml";
inline const std::string deployment = root + "/examples/cifar10/two_hosts.deploy.xml";

struct Ran {
    int exit_code = -1;
    std::string output;
    bool printed(const std::string& text) const { return output.find(text) != std::string::npos; }
};

inline Ran swarm_sim(const std::string& arguments) {
    const std::string command =
        std::string(SWARM_SIM) + " --cfg=" + SIM_CFG + " " + arguments + " 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    Ran ran;
    char buffer[4096];
    for (std::size_t got = 0; (got = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) {
        ran.output.append(buffer, got);
    }
    const int status = pclose(pipe);
    ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    return ran;
}

/// Runs swarm-sim as its user would, with files of its own.
class SwarmSim : public testing::Test {
protected:
    SwarmSim() {
        const auto* test = testing::UnitTest::GetInstance()->current_test_info();
        dir_ = fs::temp_directory_path() / (std::string("starling_sim_") + test->name());
        fs::create_directories(dir_);
    }
    ~SwarmSim() override { fs::remove_all(dir_); }

    std::string file(const std::string& name, const std::string& text) {
        std::ofstream(dir_ / name) << text;
        return (dir_ / name).string();
    }
    std::string actors(const std::string& text) {
        return file("d.xml",
                    "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM "
                    "\"https://simgrid.org/simgrid.dtd\">\n<platform version=\"4.1\">\n" +
                        text + "\n</platform>\n");
    }
    std::string path(const std::string& name) const { return (dir_ / name).string(); }
    static std::string read(const std::string& name) {
        std::ostringstream text;
        text << std::ifstream(name).rdbuf();
        return text.str();
    }

    fs::path dir_;
};

}  // namespace starling::test
