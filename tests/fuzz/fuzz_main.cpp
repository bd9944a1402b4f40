// starling-fuzz TARGET [LIBFUZZER ARGUMENTS]: all targets in one program. See tests/fuzz/run.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/fuzz/targets.hpp"

namespace starling::fuzz {
namespace {

const Target* chosen = nullptr;

[[noreturn]] void list_targets(int code) {
    for (const Target& target : all_targets()) {
        std::printf("%s\n", std::string(target.name).c_str());
    }
    std::exit(code);
}

/// Writes tests/fuzz/seeds again, after a change of a format.
[[noreturn]] void write_seeds(const std::filesystem::path& directory) {
    for (const auto& [name, bytes] : make_seeds()) {
        const std::filesystem::path file = directory / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()),
                   static_cast<std::streamsize>(bytes.size()));
    }
    std::exit(0);
}

}  // namespace

}  // namespace starling::fuzz

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
    using namespace starling::fuzz;
    const std::string_view name = *argc > 1 ? (*argv)[1] : "";
    if (name == "--list") {
        list_targets(0);
    }
    if (name == "--write-seeds" && *argc == 3) {
        write_seeds((*argv)[2]);
    }
    for (const Target& target : all_targets()) {
        if (target.name == name) {
            chosen = &target;
        }
    }
    if (chosen == nullptr) {
        std::fprintf(stderr,
                     "usage: starling-fuzz TARGET [LIBFUZZER ARGUMENTS] | --list | --write-seeds "
                     "DIR\nwhere TARGET is\n");
        for (const Target& target : all_targets()) {
            std::fprintf(stderr, "  %-12s %s\n", std::string(target.name).c_str(),
                         std::string(target.what).c_str());
        }
        std::exit(2);
    }
    // libFuzzer gets the remaining arguments.
    for (int i = 1; i + 1 < *argc; ++i) {
        (*argv)[i] = (*argv)[i + 1];
    }
    --*argc;
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    starling::fuzz::chosen->run(std::as_bytes(std::span(data, size)));
    return 0;
}
