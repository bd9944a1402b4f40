#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "deploy/ml/program_process.hpp"
#include "options/node_options.hpp"

namespace starling {

/// The container engine for --ml-image: that of --engine, or else docker or podman, if they are in
/// `path`. Nothing: there is no image, --engine is none, or neither is found. Errc::io: that of
/// --engine is not found.
Result<std::optional<std::filesystem::path>> find_engine(const MlOptions& ml,
                                                         const std::string& path);

/// What a container gets from its host in addition to its volumes.
struct ContainerPlace {
    std::filesystem::path socket;  ///< of the SL
    std::filesystem::path trace;   ///< file, written by the program
    std::filesystem::path state;   ///< directory, written by the program
    std::string user;              ///< UID:GID; overridden by --ml-user
};

/// The command that runs `plain` in a container: `ENGINE run --rm ... IMAGE ARGUMENTS` in the
/// foreground, so that output and exit code are the container's. The socket and the directories of
/// trace and state are mounted at the same paths; the container's environment has the variables of
/// --ml-e and SWARM_*. Pure.
ProgramCommand in_container(const ProgramCommand& plain, const MlOptions& ml,
                            const std::filesystem::path& engine, const ContainerPlace& place);

/// The given --ml-* flags that have no effect without a container; empty: none. --ml-v has one:
/// link_volumes().
std::string unused_container_flags(const MlOptions& ml);

}  // namespace starling
