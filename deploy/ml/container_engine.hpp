#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "deploy/ml/sidecar.hpp"
#include "options/node_options.hpp"

namespace starling {

/// The container engine for --ml-image: what --engine names, or docker, or podman, whichever is in
/// `path` first. Nothing: there is no image, --engine is none, or none is there. Errc::io: the one
/// that --engine names is not there.
Result<std::optional<std::filesystem::path>> find_engine(const MlOptions& ml,
                                                         const std::string& path);

/// What a container has of its host beside its volumes.
struct ContainerPlace {
    std::filesystem::path socket;  ///< of the SL
    std::filesystem::path trace;   ///< file that the program writes
    std::filesystem::path state;   ///< directory that the program writes to
    std::string user;              ///< UID:GID, unless --ml-user says otherwise
};

/// The command that runs `plain` in a container: `ENGINE run --rm ... IMAGE ARGUMENTS` in the
/// foreground, so that its output and its end are the container's. The socket, the directory
/// of the trace and that of the state are mounted where `plain` has them; of its environment go
/// what --ml-e says and SWARM_*. Pure.
SidecarCommand in_container(const SidecarCommand& plain, const MlOptions& ml,
                            const std::filesystem::path& engine, const ContainerPlace& place);

/// What --ml-* flags ask of a container when there is none; empty: nothing.
std::string unused_container_flags(const MlOptions& ml);

}  // namespace starling
