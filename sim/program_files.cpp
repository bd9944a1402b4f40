#include "sim/program_files.hpp"

#include <fstream>
#include <system_error>

#include "core/base/size_text.hpp"

namespace starling {

namespace fs = std::filesystem;

namespace {

/// Each host has its own copy of the program's files, as on disks of its own.
constexpr std::uint64_t copied_bytes_max = std::uint64_t{1} << 30;
constexpr std::size_t copied_files_max = 20'000;

Error io_failure(const std::string& what, const std::error_code& failure) {
    return {Errc::io, what + ": " + failure.message()};
}

/// `path` as the host has it: below its directory, also where it is absolute or goes up.
fs::path below(const fs::path& root, const fs::path& path) {
    return root / ("/" / path).lexically_normal().relative_path();
}

/// A link to one of the directories in which it is: following it would have no end.
bool leads_back(const fs::recursive_directory_iterator& entry) {
    std::error_code ignored;
    if (!entry->is_symlink(ignored)) {
        return false;
    }
    fs::path directory = entry->path().parent_path();
    for (int depth = entry.depth(); depth >= 0; --depth, directory = directory.parent_path()) {
        if (fs::equivalent(entry->path(), directory, ignored)) {
            return true;
        }
    }
    return false;
}

/// Copies files of `from` that are newer than those of `to`. Links to nothing, as editors make them
/// to lock a file, are left out.
Result<void> copy_tree(const fs::path& from, const fs::path& to, const fs::path& workspace) {
    std::uint64_t bytes = 0;
    std::size_t files = 0;
    std::error_code failure;
    if (fs::equivalent(from, workspace, failure)) {
        return Error{Errc::usage, from.string() +
                                      " is the --workspace of this simulation, and "
                                      "can't be copied into itself"};
    }
    fs::recursive_directory_iterator entries(from, fs::directory_options::follow_directory_symlink,
                                             failure);
    for (; !failure && entries != fs::recursive_directory_iterator(); entries.increment(failure)) {
        const fs::path& source = entries->path();
        const fs::path target = to / source.lexically_relative(from);
        const fs::file_status status = entries->status(failure);
        if (status.type() == fs::file_type::not_found ||
            failure == std::errc::too_many_symbolic_link_levels || leads_back(entries)) {
            failure.clear();
            entries.disable_recursion_pending();
            continue;
        }
        if (fs::is_directory(status)) {
            if (fs::equivalent(source, workspace, failure)) {
                entries.disable_recursion_pending();
                continue;
            }
            fs::create_directories(target, failure);
        } else if (fs::is_regular_file(status)) {
            bytes += entries->file_size(failure);
            if (bytes > copied_bytes_max || ++files > copied_files_max) {
                return Error{Errc::usage, from.string() + " has more than " +
                                              size_text(copied_bytes_max) + " or " +
                                              std::to_string(copied_files_max) +
                                              " files, which each host would get a copy of: leave "
                                              "data elsewhere, and name it by an absolute path"};
            }
            fs::copy_file(source, target, fs::copy_options::update_existing, failure);
        }
        if (failure) {
            return io_failure("copying " + source.string() + " to " + target.string(), failure);
        }
    }
    return failure ? io_failure("copying " + from.string() + " to " + to.string(), failure)
                   : Result<void>();
}

/// --ml-v=FROM:TO[:OPTIONS]
Result<void> copy_volume(const std::string& volume, const fs::path& root,
                         const fs::path& workspace) {
    const std::size_t colon = volume.find(':');
    if (colon == std::string::npos) {
        return Error{Errc::usage, "--ml-v=" + volume + " is not of the form DIRECTORY:PATH"};
    }
    const fs::path from = fs::current_path() / volume.substr(0, colon);
    const std::string to = volume.substr(colon + 1, volume.find(':', colon + 1) - colon - 1);
    std::error_code ignored;
    if (!fs::is_directory(from, ignored)) {
        return Error{Errc::usage, "--ml-v=" + volume + ": " + from.string() +
                                      " is no directory of this machine"};
    }
    const fs::path target = below(root, to);
    fs::create_directories(target, ignored);
    return copy_tree(from, target, workspace);
}

Result<void> prepare_files(const MlOptions& ml, const fs::path& root, const fs::path& directory,
                           const fs::path& workspace) {
    std::error_code ignored;
    if (const fs::path from = fs::current_path() / ml.working_directory;
        !ml.working_directory.empty() && fs::is_directory(from, ignored)) {
        if (const Result<void> copied = copy_tree(from.lexically_normal(), directory, workspace);
            !copied) {
            return copied;
        }
    }
    for (const std::string& volume : ml.volumes) {
        if (const Result<void> copied = copy_volume(volume, root, workspace); !copied) {
            return copied;
        }
    }
    return {};
}

}  // namespace

fs::path host_directory(const fs::path& workspace, const std::string& host) {
    std::string name;
    for (const char c : host) {
        name += c == '/' ? "%2F" : c == '%' ? "%25" : std::string(1, c);
    }
    return fs::current_path() / workspace / (name == "." ? "%2E" : name == ".." ? "%2E%2E" : name);
}

Result<ProgramStart> prepare_program(const SimNodePlan& plan, const std::string& host,
                                     const fs::path& workspace,
                                     const std::map<std::string, std::string>& own, bool again) {
    const MlOptions& ml = plan.settings->program;
    ProgramStart start;
    start.name = plan.id.name + " on " + host;
    ChildCommand& command = start.command;
    command.program = ml.entrypoint;
    command.arguments = ml.arguments;
    if (command.program.empty()) {  // the first argument is the program, as in a container
        if (ml.arguments.empty()) {
            return Error{
                Errc::usage,
                start.name + (ml.image.empty() ? ": no program is given: --ml-entrypoint, or the "
                                                 "property 'entrypoint' of an ml actor"
                                               : ": --ml-image without --ml-entrypoint: programs "
                                                 "of a simulation are processes of this machine, "
                                                 "so the image's own program can't be run")};
        }
        command.program = command.arguments.front();
        command.arguments.erase(command.arguments.begin());
    }
    const fs::path root = host_directory(workspace, host);
    const fs::path logs = root / "log";
    command.working_directory = below(root, ml.working_directory);
    start.log_file = logs / (plan.id.name + ".log");
    std::error_code failure;
    for (const fs::path& directory : {logs, command.working_directory}) {
        fs::create_directories(directory, failure);
        if (failure) {
            return io_failure("--workspace: can't create the directory " + directory.string(),
                              failure);
        }
    }
    if (!again) {
        std::ofstream(start.log_file, std::ios::trunc);
        if (const Result<void> prepared =
                prepare_files(ml, root, command.working_directory, fs::current_path() / workspace);
            !prepared) {
            return Error{prepared.error().code, start.name + ": " + prepared.error().message};
        }
    }
    command.environment = clean_environment(own);
    for (const auto& [variable, value] : ml.environment) {
        command.environment[variable] = value;
    }
    command.environment["SWARM_ML_NAME"] = plan.id.name;
    command.environment["SWARM_WORKSPACE"] = root.string();
    return start;
}

}  // namespace starling
