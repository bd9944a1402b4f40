// main() of a training program on a host: an ML node whose TrainWork is the user's function, in a
// thread of its own. Everything is configured by environment variables that run-sl sets, so that
// the command line remains the user's.
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <optional>

#include <unistd.h>

#include "core/ml/ml_node.hpp"
#include "core/ml/swarm.hpp"
#include "core/ml/training_thread.hpp"
#include "deploy/host/node_host.hpp"
#include "deploy/log/trace_log.hpp"
#include "deploy/ml/ml_program.hpp"
#include "deploy/ml/program_meter.hpp"
#include "deploy/ml/remote_node.hpp"
#include "deploy/process/signal_thread.hpp"
#include "deploy/storage/state_files.hpp"
#include "transport/crypto/openssl_hasher.hpp"
#include "transport/process/child_process.hpp"
#include "transport/program/program_messages.hpp"
#include "transport/thread_worker.hpp"
#include "transport/tls/tls_endpoint.hpp"

namespace starling {
namespace {

/// Executes TrainWork by the user's program, and all other work by a ThreadWorker.
class TrainExecutor final : public WorkExecutor {
public:
    /// \param meter  measures the program; nullptr: nobody does.
    TrainExecutor(TrainFunction train, ProgramOptions options, PolledEndpoint& endpoint,
                  StateStore* states, ProgramMeter* meter, TraceLog& log)
        : node_(options.name),
          endpoint_(endpoint),
          log_(log),
          meter_(meter),
          worker_(endpoint, openssl_hasher(), {.states = states}),
          thread_(
              std::move(train), std::move(options),
              {[this] { on_request(); },
               [this](const TraceEvent& event) { log_.report(endpoint_.now(), node_, event); }}) {}

    void start(std::uint64_t work, Work what) override {
        auto* train = std::get_if<TrainWork>(&what);
        if (train == nullptr) {
            worker_.start(work, std::move(what));
            return;
        }
        work_ = work;  // read by the program's thread after resume(), which synchronises
        if (meter_ != nullptr) {
            meter_->resumed();
        }
        thread_.resume(std::move(train->reply));
    }

private:
    /// In the program's thread.
    void on_request() {
        TrainRequest request = thread_.take_request();
        if (meter_ != nullptr) {
            meter_->asked(request, thread_.workload());
        }
        endpoint_.post(WorkDone{work_, std::move(request)});
    }

    const NodeId node_;
    PolledEndpoint& endpoint_;
    TraceLog& log_;
    ProgramMeter* const meter_;
    std::uint64_t work_ = 0;
    ThreadWorker worker_;
    TrainingThread thread_;
};

bool is_true(std::string text) {
    for (char& c : text) {
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return text == "true" || text == "1";
}

/// The state that earlier starts of this program have kept, if SWARM_STATE_DIR is set.
Result<StateFiles::Opened> open_states(const ProgramOptions& options, TraceLog& log) {
    const std::string directory = options.variable("SWARM_STATE_DIR");
    if (directory.empty()) {
        return StateFiles::Opened{};
    }
    Result<StateFiles::Opened> opened = StateFiles::open(directory, openssl_hasher());
    if (opened) {
        for (const std::string& note : opened->notes) {
            log.line(Level::warning, "SwarmCallback", note);
        }
    }
    return opened;
}

/// \param socket  of the SL; empty: trains alone.
/// \param meter  of a program that trains alone, or nullptr.
Result<int> run_node_with(TrainFunction train, ProgramOptions options, const std::string& socket,
                          ProgramMeter* meter, TraceLog& log, const MlProgramHooks& hooks) {
    TlsEndpointOptions endpoint_options;
    endpoint_options.name = options.name;
    endpoint_options.role = Role::ml;
    endpoint_options.log = [&](Level level, const std::string& text) {
        log.line(level, "swarm.net", text);
    };
    Result<std::unique_ptr<PolledEndpoint>> endpoint = make_tls_endpoint(endpoint_options);
    if (!endpoint) {
        return endpoint.error();
    }
    log.begin((*endpoint)->now());
    Result<StateFiles::Opened> states = open_states(options, log);
    if (!states) {
        return states.error();
    }
    MlNodeOptions node_options;
    node_options.keeps_state = states->files != nullptr;
    node_options.kept = std::move(states->states);
    node_options.id = options.name;
    node_options.sl_address = {socket, 0};
    const std::unique_ptr<Node> node =
        socket.empty() ? make_loopback_node(options.name, openssl_hasher())
                       : make_ml_node(std::move(node_options), openssl_hasher());
    TrainExecutor executor(std::move(train), std::move(options), **endpoint, states->files.get(),
                           meter, log);
    hooks.on_begin({[&](StopRequested why) { (*endpoint)->post(std::move(why)); }});
    const int code = run_node(*node, **endpoint, nullptr, executor, log);
    hooks.on_end(code);
    return code;
}

/// A program that trains alone is measured, and its row is set in the table if it ends well.
Result<int> run_measured(TrainFunction train, ProgramOptions options, ProgramMeter& meter,
                         TraceLog& log, const MlProgramHooks& hooks) {
    const Result<int> code =
        run_node_with(std::move(train), std::move(options), "", &meter, log, hooks);
    if (!code || *code != exit_code::ok) {
        return code;
    }
    const Result<void> written = meter.write();
    if (!written) {
        log.line(Level::error, "SwarmCallback", written.error().message);
        return exit_code_of(written.error().code);
    }
    return code;
}

/// For a process whose main() is the program's: signals stop the node.
MlProgramHooks stop_by_signals(std::optional<SignalThread>& signals) {
    MlProgramHooks hooks;
    hooks.on_begin = [&signals](MlProgramHooks::Node node) {
        signals.emplace([stop = std::move(node.stop),
                         parent = ::getppid()](const std::string& signal) {
            // The kernel also sends the signal if run-sl was killed (PR_SET_PDEATHSIG).
            stop(::getppid() == parent
                     ? StopRequested{signal}
                     : StopRequested{"the process of its SL node has ended", Errc::unreachable});
        });
    };
    hooks.on_end = [&signals](int /*code*/) { signals.reset(); };
    return hooks;
}

}  // namespace

Result<int> run_ml_program(std::vector<std::string> arguments, TrainFunction train,
                           MlProgramHooks hooks) {
    std::optional<SignalThread> signals;
    if (!hooks.on_begin) {
        hooks = stop_by_signals(signals);
    }
    ProgramOptions options;
    options.arguments = std::move(arguments);
    options.environment = process_environment();
    options.working_directory = std::filesystem::current_path();
    const std::string socket = options.variable("SWARM_SL_SOCKET");
    const bool alone = is_true(options.variable("SWARM_LOOPBACK"));
    const std::string remote = alone ? "" : options.variable(program_socket_variable);
    if (socket.empty() && remote.empty() && !alone &&
        options.variable(calibration_variable).empty()) {
        return Error{Errc::usage,
                     "start this program with run-sl (--ml-entrypoint), or alone with "
                     "SWARM_LOOPBACK=True"};
    }
    Result<NodeId> name = parse_node_id(options.variable("SWARM_ML_NAME", "ml1"));
    if (!name) {
        return Error{Errc::usage, "environment variable SWARM_ML_NAME: " + name.error().message};
    }
    options.name = std::move(*name);
    block_signals();
    Result<std::unique_ptr<TraceLog>> log =
        open_trace_log({options.name, Role::ml, options.variable("SWARM_TRACE"), "",
                        level_named(options.variable("SWARM_LOG_LEVEL", "info"))});
    if (!log) {
        return log.error();
    }
    const Result<std::unique_ptr<ProgramMeter>> meter = ProgramMeter::open(options, alone, **log);
    if (!meter) {
        return meter.error();
    }
    if (*meter) {
        return run_measured(std::move(train), std::move(options), **meter, **log, hooks);
    }
    if (!remote.empty()) {
        return run_for_remote_node(std::move(train), std::move(options), remote, **log, hooks);
    }
    return run_node_with(std::move(train), std::move(options), alone ? "" : socket, nullptr, **log,
                         hooks);
}

int ml_main(int argc, char** argv, TrainFunction train, std::string_view help) {
    const std::string program =
        argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "program";
    const std::string_view first = argc > 1 ? argv[1] : "";
    if (first == "--help" || first == "-h") {
        std::printf(
            "An ML program of a swarm: run-sl starts it (--ml-entrypoint %s, flags in "
            "--ml-cmd).\nAlone, without a swarm: SWARM_LOOPBACK=True %s ...\n%.*s",
            program.c_str(), program.c_str(), static_cast<int>(help.size()), help.data());
        return exit_code::ok;
    }
    try {
        const Result<int> code = run_ml_program(argument_list(argc, argv), std::move(train));
        return code ? *code : report_error(program, code.error());
    } catch (const std::exception& error) {
        return report_error(program, {Errc::io, error.what()});
    }
}

}  // namespace starling
