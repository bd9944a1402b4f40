#pragma once

#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/node/node.hpp"
#include "deploy/host/node_state.hpp"
#include "deploy/host/pid_file.hpp"
#include "deploy/host/workspace.hpp"
#include "deploy/log/trace_log.hpp"
#include "options/node_options.hpp"
#include "transport/tls/tls_endpoint.hpp"

namespace starling {

/// What every node on a host has before its endpoint is opened.
struct NodeHost {
    std::string name;  ///< local name: log, pid file, data
    NodeId id;         ///< its name in the swarm, from the certificate
    IdentityFiles identity;
    Workspace workspace;
    PidFile pid_file;
    std::filesystem::path trace_file;
    std::unique_ptr<TraceLog> log;

    NodeState state;      ///< contents of its state file
    bool remove = false;  ///< --rm
    bool up = false;      ///< it was up once: it and its program had all they need

    /// The endpoint is open: records the ports.
    Result<void> started(const std::vector<ListenOptions>& listens);
    /// Ends the launcher of -d: at once, or after start_wait_limit, naming what is missing. A
    /// service manager is told the same.
    void is_up();
    void waits_for(const std::string& what) const;
    /// The node has ended: records the exit code. With --rm removes its files, unless its start has
    /// failed.
    void ended(int code);
    /// The same, for an error that is not in the log yet.
    void ended(const Error& error, std::string_view program);

    /// Options of an endpoint for this node, without addresses to listen on. They refer to `log`.
    TlsEndpointOptions endpoint_options(Role role) const;
};

IdentityFiles identity_files(const CommonOptions& options);
LogLimits log_limits(const CommonOptions& options);
/// No node runs without a certificate. Errc::refused names the flags that are missing.
Result<void> have_identity(const CommonOptions& options);

/// Checks the certificate, makes the directories, claims the name and opens the log.
/// Errc::refused: no certificate or a wrong one; Errc::io: anything of the file system.
Result<NodeHost> prepare_host(const CommonOptions& options, Role role, std::string_view program);

/// Prepares a host, runs `body`, and records how the node has ended.
/// \param body  Result<int>(NodeHost&): runs the node until its end; its exit code.
template <typename Body>
Result<int> host_node(const CommonOptions& options, Role role, std::string_view program,
                      Body body) {
    Result<NodeHost> host = prepare_host(options, role, program);
    if (!host) {
        return host.error();
    }
    Result<int> code = exit_code::failed;
    try {
        code = body(*host);
    } catch (const std::exception& error) {
        code = Error{Errc::io, error.what()};
    }
    if (code) {
        host->ended(*code);
    } else {
        host->ended(code.error(), program);
    }
    return code;
}

/// Prints "PROGRAM: message" to standard error. \return the exit code for it.
int report_error(std::string_view program, const Error& error);

/// The arguments of main() without the program's name.
std::vector<std::string> argument_list(int argc, char** argv);

}  // namespace starling
