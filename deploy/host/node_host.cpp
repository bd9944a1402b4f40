// The start and end of a node on a host, in an order that leaves no false traces: identity,
// directories, the claim of the name (pid file), and only then log and state, so that a start that
// is refused because the node runs already changes nothing of that node's files.
#include "deploy/host/node_host.hpp"

#include <cstdio>

#include <unistd.h>

#include "core/base/version.hpp"
#include "deploy/host/detach.hpp"
#include "deploy/host/service_notice.hpp"
#include "deploy/log/log_file.hpp"

namespace starling {

IdentityFiles identity_files(const CommonOptions& options) {
    return {options.cert, options.key, options.ca_path, options.ca_cert};
}

LogLimits log_limits(const CommonOptions& options) {
    constexpr std::uint64_t megabyte = 1'000'000;
    return {options.log_max_megabytes * megabyte, options.log_files};
}

Result<void> have_identity(const CommonOptions& options) {
    std::string missing;
    if (options.key.empty()) {
        missing = "--key with --cert";
    } else if (options.ca_path.empty() && options.ca_cert.empty()) {
        missing = "--capath (or --cacert)";
    }
    if (missing.empty()) {
        return {};
    }
    return Error{Errc::refused,
                 "a node needs a certificate, and " + missing +
                     " is missing: specify --key, --cert and --capath; gen-cert creates the files"};
}

TlsEndpointOptions NodeHost::endpoint_options(Role role) const {
    TlsEndpointOptions options;
    options.name = id;
    options.role = role;
    options.identity = identity;
    options.log = [sink = log.get()](Level level, const std::string& text) {
        sink->line(level, "swarm.net", text);
    };
    return options;
}

Result<void> NodeHost::started(const std::vector<ListenOptions>& listens) {
    for (const ListenOptions& one : listens) {
        if (one.address.port != 0) {
            state.ports += (state.ports.empty() ? "" : ", ") + to_string(one.address);
        }
    }
    return append_ports(workspace.state_file(name), state.ports);
}

void NodeHost::is_up() {
    up = true;
    notify_ready("serves");
    announce_started(name + ": process " + std::to_string(state.process.pid) + ", log " +
                     workspace.log_file(name).string());
}

void NodeHost::waits_for(const std::string& what) const {
    notify_status(what);
    announce_waiting(name + ": process " + std::to_string(state.process.pid) + " runs, but " +
                     what + "; log " + workspace.log_file(name).string());
}

void NodeHost::ended(const Error& error, std::string_view program) {
    // To the file only: report_error() prints it.
    (void)append_log_line(workspace.log_file(name), Level::error, program, error.message);
    ended(exit_code_of(error.code));
}

void NodeHost::ended(int code) {
    notify_stopping();
    state.ended_unix = unix_now();
    state.exit_code = code;
    // Even if the file is then removed: swarm-wait may have it open.
    if (const Result<void> written = append_end(workspace.state_file(name), state); !written) {
        log->line(Level::warning, "swarm.host", written.error().message);
    }
    if (!remove) {
        return;
    }
    if (!up && code != exit_code::ok) {
        log->line(Level::info, "swarm.host",
                  "--rm removes nothing, since this start failed: " +
                      workspace.log_file(name).string() + " says why");
        return;
    }
    log->flush();
    std::error_code ignored;
    for (const std::filesystem::path& file : {workspace.state_file(name), workspace.log_file(name),
                                              trace_file, workspace.data_dir(name)}) {
        std::filesystem::remove_all(file, ignored);
    }
    std::filesystem::remove(trace_file.string() + ".1", ignored);
    for (unsigned number = 1;
         std::filesystem::remove(older_log(workspace.log_file(name), number), ignored); ++number) {
    }
}

namespace {

std::string start_line_text(const std::string& name, Role role, std::string_view program) {
    return std::string(to_string(role)) + " '" + name + "' by " + std::string(program) +
           " (Starling " + std::string(program_version()) + ") as process " +
           std::to_string(::getpid());
}

}  // namespace

Result<NodeHost> prepare_host(const CommonOptions& options, Role role, std::string_view program) {
    if (const auto ok = have_identity(options); !ok) {
        return ok.error();
    }
    const IdentityFiles files = identity_files(options);
    Result<Identity> identity = check_identity(files, role);
    if (!identity) {
        return identity.error();
    }
    const std::string name = options.name.empty() ? std::string(identity->name.name) : options.name;
    if (name.starts_with('.')) {
        return Error{Errc::refused, "certificate " + options.cert + " names the node '" + name +
                                        "', which can't be a file name: specify a --name"};
    }
    const Workspace workspace(options.workspace);
    if (const auto ok = workspace.prepare(name); !ok) {
        return ok.error();
    }
    Result<PidFile> pid_file = PidFile::claim(workspace.pid_file(name), role);
    if (!pid_file) {
        return pid_file.error();
    }
    const std::filesystem::path trace_file =
        options.trace.empty() ? workspace.trace_file(name)
                              : std::filesystem::absolute(options.trace).lexically_normal();
    if (const auto ok = make_private_directory(trace_file.parent_path()); !ok) {
        return ok.error();
    }
    std::error_code ignored;
    std::filesystem::remove(workspace.state_file(name), ignored);  // left by an earlier start
    if (const auto ok =
            append_start_line(workspace.log_file(name), start_line_text(name, role, program));
        !ok) {
        return ok.error();
    }
    Result<std::unique_ptr<TraceLog>> log =
        open_trace_log({identity->name, role, trace_file, workspace.log_file(name),
                        level_named(options.log_level), log_limits(options), options.host_ip});
    if (!log) {
        return log.error();
    }
    if (name != identity->name.name) {
        (*log)->line(Level::info, program,
                     "this node is '" + identity->name.name +
                         "' in the swarm, as its certificate says; --name '" + name +
                         "' is used for its files on this host only");
    }
    for (const std::string& notice : options.notices) {
        (*log)->line(Level::info, program, notice);
    }
    announce_log(workspace.log_file(name));
    NodeState state = state_of(::getpid(), role);
    if (const auto ok = write_state(workspace.state_file(name), state); !ok) {
        return ok.error();
    }
    return NodeHost{.name = name,
                    .id = identity->name,
                    .identity = files,
                    .workspace = workspace,
                    .pid_file = std::move(*pid_file),
                    .trace_file = trace_file,
                    .log = std::move(*log),
                    .state = std::move(state),
                    .remove = options.remove};
}

int report_error(std::string_view program, const Error& error) {
    std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(program.size()), program.data(),
                 error.message.c_str());
    return exit_code_of(error.code);
}

std::vector<std::string> argument_list(int argc, char** argv) {
    return argc < 1 ? std::vector<std::string>{} : std::vector<std::string>(argv + 1, argv + argc);
}

}  // namespace starling
