// The ML program as seen by run-sl: its command, its state file, and the exit code of the pair.
// Which of the two ended first decides: a program that never joined stops the SL; one that had
// joined closes its connection, from which the SL node learns of its end itself.
#include "deploy/ml/ml_process.hpp"

#include <unistd.h>

#include "deploy/log/log_file.hpp"
#include "deploy/ml/container_engine.hpp"
#include "deploy/ml/volume_links.hpp"

namespace starling {

namespace fs = std::filesystem;

namespace {

// How long a program may take to exit by itself once its node has ended. After a complete training
// an interpreter on a busy machine may need many seconds.
constexpr std::chrono::seconds term_after{5};
constexpr std::chrono::seconds term_after_complete{30};
constexpr std::chrono::seconds kill_after{10};
constexpr std::string_view component = "run-sl";

}  // namespace

Result<ProgramCommand> ml_command(const SlOptions& options, const NodeHost& host,
                                  const fs::path& socket,
                                  const std::map<std::string, std::string>& own) {
    const MlOptions& ml = options.ml;
    ProgramCommand command;
    command.arguments = ml.arguments;
    command.program = ml.entrypoint;
    if (command.program.empty()) {  // the first argument is the program, as in a container
        if (ml.arguments.empty() && ml.image.empty()) {
            return Error{Errc::usage, "--ml-entrypoint is missing: the program of the ML node"};
        }
        if (!ml.arguments.empty()) {
            command.program = command.arguments.front();
            command.arguments.erase(command.arguments.begin());
        }
    }
    const std::string name = ml.name.empty() ? default_ml_name(host.name) : ml.name;
    const Result<NodeId> id = parse_node_id(name);
    if (!id) {
        return Error{Errc::usage, "--ml-name: " + id.error().message};
    }
    command.working_directory = fs::current_path();
    if (!ml.working_directory.empty()) {
        command.working_directory /= ml.working_directory;
    }
    command.log_file = host.workspace.log_file(name);
    command.state_file = host.workspace.state_file(name);
    command.environment = clean_environment(own);
    for (const auto& [variable, value] : ml.environment) {
        command.environment[variable] = value;
    }
    command.environment["SWARM_SL_SOCKET"] = socket.string();
    command.name = name;
    command.environment["SWARM_ML_NAME"] = name;
    command.environment["SWARM_WORKSPACE"] = host.workspace.root().string();
    command.environment["SWARM_TRACE"] =
        (host.trace_file.parent_path() / (name + ".trace")).string();
    const fs::path state = host.workspace.program_dir(host.name);
    if (const Result<void> made = make_private_directory(state); !made) {
        return made.error();
    }
    command.environment["SWARM_STATE_DIR"] = state.string();
    command.environment.emplace("SWARM_LOG_LEVEL", options.common.log_level);
    const auto path = own.find("PATH");
    const Result<std::optional<fs::path>> engine =
        find_engine(ml, path == own.end() ? "" : path->second);
    if (!engine) {
        return engine.error();
    }
    if (*engine) {
        const ContainerPlace place{socket, command.environment.at("SWARM_TRACE"), state,
                                   std::to_string(::getuid()) + ":" + std::to_string(::getgid())};
        return in_container(command, ml, **engine, place);
    }
    const Result<std::vector<std::string>> links = link_volumes(ml.volumes, fs::current_path());
    if (!links) {
        return links.error();
    }
    for (const std::string& link : *links) {
        host.log->line(Level::info, component, "--ml-v without a container: made the link " + link);
    }
    if (const std::string unused = unused_container_flags(ml); !unused.empty()) {
        host.log->line(
            Level::info, component,
            unused + " ignored: the ML program is a plain process, " +
                (ml.engine == "none" ? "because of --engine none"
                                     : "because docker and podman are not in PATH (--engine)"));
    }
    return command;
}

Result<std::unique_ptr<MlProcess>> MlProcess::start(const ProgramCommand& command,
                                                    PolledEndpoint& endpoint, TraceLog& log,
                                                    std::chrono::milliseconds first_reminder) {
    std::unique_ptr<MlProcess> ml(new MlProcess(command, endpoint, log));
    log.line(Level::info, component,
             "starting ML program " + ml->name_ + ": " + command.program + " in " +
                 command.working_directory.string() + ", its output goes to " +
                 command.log_file.string());
    std::error_code ignored;
    fs::remove(command.state_file, ignored);  // left by an earlier start
    if (const auto ok = append_start_line(command.log_file, "ML program '" + ml->name_ +
                                                                "': " + command.program + " in " +
                                                                command.working_directory.string());
        !ok) {
        return ok.error();
    }
    Result<std::unique_ptr<ProgramProcess>> process = ProgramProcess::start(
        command, [self = ml.get()](const ExitStatus& status) { self->ended(status); });
    if (!process) {
        (void)append_log_line(command.log_file, Level::error, component, process.error().message);
        return process.error();
    }
    ml->process_ = std::move(*process);
    if (const auto ok = ml->note_start(); !ok) {
        return ok.error();
    }
    ml->reminder_ = std::make_unique<JoinReminder>(
        log,
        [self = ml.get()](const std::string& duration) { return self->not_joined_text(duration); },
        first_reminder);
    return ml;
}

MlProcess::~MlProcess() {
    const std::lock_guard lock(state_mutex_);
    finishing_ = true;
}

/// Writes the state file for swarm-ps and swarm-logs. The program may have ended already.
Result<void> MlProcess::note_start() {
    const std::lock_guard lock(state_mutex_);
    state_ = state_of(process_->pid(), Role::ml);
    if (const Result<void> written = write_state(state_file_, *state_); !written) {
        return written;
    }
    if (status_) {
        state_->ended_unix = unix_now();
        state_->exit_code = status_->exit_code();
        return append_end(state_file_, *state_);
    }
    return {};
}

void MlProcess::on_input(const Input& input) {
    if (const auto* up = std::get_if<PeerUp>(&input); up != nullptr && up->role == Role::ml) {
        joined_ = true;
        ml_ = up->peer;
        reminder_->joined();
    } else if (const auto* lost = std::get_if<PeerLost>(&input); lost != nullptr) {
        cut_ = cut_ || lost->peer == ml_;
    }
}

/// The reminder while the program runs and has not joined, with what to check.
std::string MlProcess::not_joined_text(const std::string& duration) const {
    const std::string line = last_line(log_file_);
    return "ML program " + name_ + " (process " + std::to_string(process_->pid()) +
           ") has run for " + duration +
           " without connecting to its SL. If it is not still starting: does it call ml_main() or "
           "SwarmCallback, and does it keep the variable SWARM_SL_SOCKET? Its log " +
           log_file_.string() + (line.empty() ? " is empty" : " ends with: " + line);
}

void MlProcess::ended(const ExitStatus& status) {
    const std::lock_guard lock(state_mutex_);
    status_ = status;
    if (state_) {
        state_->ended_unix = unix_now();
        state_->exit_code = status.exit_code();
        if (const Result<void> written = append_end(state_file_, *state_); !written) {
            log_.line(Level::warning, component, written.error().message);
        }
    }
    const bool joined = joined_;
    const std::string text = "ML program " + name_ + " " + status.text();
    const bool well = joined ? status.exit_code() == 0 : finishing_;
    log_.line(well ? Level::info : Level::error, component, text);
    if (!joined && !finishing_) {
        const std::string line = last_line(log_file_);
        // After what it sent last, which may explain more. Once it has joined, the SL node learns
        // of its end by the connection.
        endpoint_.post_after_arrivals(
            StopRequested{text + " before it joined. Its log " + log_file_.string() +
                              (line.empty() ? " is empty" : " ends with: " + line),
                          Errc::program});
    }
}

int MlProcess::finish(int node_code) {
    reminder_->joined();
    std::optional<ExitStatus> early;
    {
        const std::lock_guard lock(state_mutex_);
        finishing_ = true;
        if (!joined_) {
            early = status_;
        }
    }
    if (early) {
        return early->exit_code() != exit_code::ok ? early->exit_code() : exit_code::failed;
    }
    const std::chrono::seconds limit =
        node_code == exit_code::ok ? term_after_complete : term_after;
    // A program that has not joined has nothing to save, and would wait for its SL.
    const std::chrono::seconds wait_limit = joined_ ? limit : std::chrono::seconds(0);
    const ExitStatus status = process_->finish(wait_limit, kill_after);
    if (node_code == exit_code::peer_lost && cut_ && status.signal == 0 && status.code != 0) {
        return status.code;  // it exited by itself, without CloseSession
    }
    return joined_ && node_code == exit_code::ok ? status.exit_code() : node_code;
}

}  // namespace starling
