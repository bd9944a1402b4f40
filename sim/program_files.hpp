#pragma once

#include <filesystem>
#include <string>

#include "sim/deployment.hpp"
#include "sim/program_process.hpp"

namespace starling {

/// The directory in `workspace` that stands for the disk of a simulated host; absolute. IDs may
/// have any characters; the result never leads out of the workspace.
std::filesystem::path host_directory(const std::filesystem::path& workspace,
                                     const std::string& host);

/// How the program of an ML node is started as a process of its own, with the command, environment
/// and working directory that run-sl would give it. Paths of --ml-w and the second ones of --ml-v
/// begin at the host's directory in `workspace`; they get copies of what these paths, and the first
/// ones of --ml-v, name on this machine. Creates the directories, and empties the log file unless
/// `again`.
///
/// \param own  this process's environment.
/// \param again  the node was started before in this run: the host's files are left as they are.
/// Errc::usage: no program, or what a simulation can't have; Errc::io names the file.
Result<ProgramStart> prepare_program(const SimNodePlan& plan, const std::string& host,
                                     const std::filesystem::path& workspace,
                                     const std::map<std::string, std::string>& own, bool again);

}  // namespace starling
