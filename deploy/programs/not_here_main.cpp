// Stands for programs of HPE Swarm Learning that Starling does not have: prints what to use
// instead.

#include <cstdio>
#include <filesystem>
#include <string>

#include "core/node/node.hpp"

namespace {

struct NotHere {
    const char* program;
    const char* instead;
};

constexpr NotHere programs[] = {
    {"run-swop", "there is no SWOP in this version: start the SL and ML pairs with run-sl"},
    {"run-swci", "use swci: it takes commands as arguments or from its standard input"},
    {"run-slm-ui", "there is no web console: use swci, swarm-ps and --metrics-port"},
    {"run-postgres", "nothing here needs a database server"},
    {"swarmLogCollector", "use swarm-logs; all logs are in WORKSPACE/log"},
    {"uninstall-swarm", "nothing is installed outside the build and the workspaces: remove those"},
};

}  // namespace

int main(int argc, char** argv) {
    const std::string name = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "";
    for (const NotHere& one : programs) {
        if (name == one.program) {
            std::fprintf(stderr, "%s: not possible here: %s\n", one.program, one.instead);
            return starling::exit_code::usage;
        }
    }
    std::fprintf(stderr, "%s: not a program of Starling\n", name.c_str());
    return starling::exit_code::usage;
}
