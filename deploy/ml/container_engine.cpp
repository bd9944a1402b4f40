// --ml-image: the ML program in a container of docker or podman, as HPE runs it. The container gets
// only what the program needs: the SL's socket, the directories of trace and state, and the user's
// own volumes and variables.
#include "deploy/ml/container_engine.hpp"

#include <array>

#include "transport/process/program_file.hpp"

namespace starling {

namespace fs = std::filesystem;

Result<std::optional<fs::path>> find_engine(const MlOptions& ml, const std::string& path) {
    if (ml.image.empty() || ml.engine == "none") {
        return std::optional<fs::path>();
    }
    if (!ml.engine.empty()) {
        Result<fs::path> named = find_program(ml.engine, fs::current_path(), path);
        if (!named) {
            return Error{Errc::io,
                         "--engine " + ml.engine +
                             " does not exist or can't be executed: specify another one, or "
                             "none for a plain process"};
        }
        return std::optional<fs::path>(std::move(*named));
    }
    for (const char* name : {"docker", "podman"}) {
        if (Result<fs::path> found = find_program(name, fs::current_path(), path)) {
            return std::optional<fs::path>(std::move(*found));
        }
    }
    return std::optional<fs::path>();
}

ProgramCommand in_container(const ProgramCommand& plain, const MlOptions& ml,
                            const fs::path& engine, const ContainerPlace& place) {
    ProgramCommand command = plain;
    command.program = engine.string();
    command.working_directory = fs::current_path();
    command.environment.clear();
    for (const char* name : {"PATH", "HOME", "XDG_RUNTIME_DIR", "DOCKER_HOST"}) {
        if (const auto found = plain.environment.find(name); found != plain.environment.end()) {
            command.environment.insert(*found);
        }
    }
    std::vector<std::string>& words = command.arguments;
    words = {"run", "--rm", "--name", plain.name};
    words.push_back("--user=" + (ml.user.empty() ? place.user : ml.user));
    if (engine.filename() == "podman") {
        words.emplace_back("--userns=keep-id");  // otherwise the user's ID differs inside
    }
    words.push_back("--volume=" + place.socket.string() + ":" + place.socket.string());
    const std::string traces = place.trace.parent_path().string();
    words.push_back("--volume=" + traces + ":" + traces);
    words.push_back("--volume=" + place.state.string() + ":" + place.state.string());
    for (const std::string& volume : ml.volumes) {
        words.push_back("--volume=" + volume);
    }
    for (const auto& [variable, value] : plain.environment) {
        if (variable.starts_with("SWARM_") || ml.environment.contains(variable)) {
            words.push_back("--env=" + variable + "=" + value);
        }
    }
    if (!ml.working_directory.empty()) {
        words.push_back("--workdir=" + ml.working_directory);
    }
    words.insert(words.end(), ml.engine_flags.begin(), ml.engine_flags.end());
    if (!ml.entrypoint.empty()) {
        words.push_back("--entrypoint=" + ml.entrypoint);
    }
    words.push_back(ml.image);
    words.insert(words.end(), ml.arguments.begin(), ml.arguments.end());
    command.cleanup = {engine.string(), "rm", "--force", plain.name};
    return command;
}

std::string unused_container_flags(const MlOptions& ml) {
    std::string flags;
    const auto add = [&flags](bool given, const std::string& flag) {
        if (given) {
            flags += (flags.empty() ? "" : ", ") + flag;
        }
    };
    add(!ml.image.empty(), "--ml-image");
    add(!ml.user.empty(), "--ml-user");
    for (const std::string& flag : ml.engine_flags) {
        add(true, "--ml-" + flag.substr(2, flag.find('=') - 2));
    }
    return flags;
}

}  // namespace starling
