#include "deploy/swci/swci_session.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <iostream>

#include <unistd.h>

#include "deploy/host/node_host.hpp"
#include "deploy/host/tool_client.hpp"
#include "deploy/process/signal_thread.hpp"
#include "deploy/swci/swci_command.hpp"
#include "deploy/swci/swci_tables.hpp"
#include "options/shell_words.hpp"

namespace starling {
namespace {

constexpr std::string_view program = "swci";

std::string wall_clock() {
    const auto now = std::chrono::system_clock::now();
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    const auto millis =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() %
        1000;
    std::tm local{};
    ::localtime_r(&seconds, &local);
    std::array<char, 64> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local);
    std::snprintf(text.data() + size, text.size() - size, ",%03d", static_cast<int>(millis));
    return text.data();
}

/// Prints answers; of `watch`, only those that differ from the previous one.
class AnswerPrinter {
public:
    AnswerPrinter(const StatusQuery& query, bool json) : query_(query), json_(json) {}

    /// False if standard output is closed.
    bool print(std::string_view answer) {
        std::string text(answer);
        std::string shown = text;
        if (!json_) {
            const Result<JsonValue> value = parse_json(answer);
            if (!value) {
                report_error(program,
                             {Errc::malformed, "the SN's answer: " + value.error().message});
                return true;
            }
            if (const std::string warning = leader_warning(*value);
                !warning.empty() && !query_.follow) {
                std::fprintf(stderr, "%s: %s\n", program.data(), warning.c_str());
            }
            shown = query_.follow ? watch_line(*value) : status_text(query_.topic, *value);
        }
        if (query_.follow && shown == last_) {
            return true;
        }
        last_ = shown;
        if (json_ || query_.follow) {
            shown = (json_ ? "" : wall_clock() + "  ") + shown + "\n";
        }
        return std::fputs(shown.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    }

private:
    const StatusQuery query_;
    const bool json_;
    std::string last_;
};

class Swci {
public:
    Swci(const SwciOptions& options, NodeId id) : options_(options), id_(std::move(id)) {}

    int run_words(const std::vector<std::string>& words, bool in_session);
    int run_session();

private:
    int query(StatusQuery request);
    int remove_server(const NodeId& server);
    ServerCall call(Message request) const;
    int change_roll(const ChangeRoll& change);

    const SwciOptions& options_;
    const NodeId id_;
    bool exit_on_failure_ = false;
    bool ended_ = false;
    int last_code_ = exit_code::ok;
};

ServerCall Swci::call(Message request) const {
    return {.program = program,
            .id = id_,
            .servers = options_.servers,
            .server_role = Role::sn,
            .request = std::move(request),
            .timeout = options_.timeout};
}

int Swci::query(StatusQuery request) {
    AnswerPrinter printer(request, options_.json);
    return call_server(options_.common, call(request),
                       [&](std::string_view json) { return printer.print(json); });
}

int Swci::remove_server(const NodeId& server) {
    return call_server(
        options_.common, call(RemoveServer{0, server, id_}), [&](std::string_view json) {
            if (!options_.json) {
                std::printf("SN '%s' no longer keeps the ledger. These SNs do:\n",
                            server.name.c_str());
            }
            return AnswerPrinter({0, "servers", "", false}, options_.json).print(json);
        });
}

int Swci::change_roll(const ChangeRoll& change) {
    const StatusQuery roll{0, "roll", "", false};
    ServerCall roll_call = call(roll);
    roll_call.change = change;
    return call_server(options_.common, std::move(roll_call), [&](std::string_view json) {
        return AnswerPrinter(roll, options_.json).print(json);
    });
}

int Swci::run_words(const std::vector<std::string>& words, bool in_session) {
    const Result<SwciCommand> command = parse_swci_command(words, in_session);
    if (!command) {
        return report_error(program, command.error());
    }
    switch (command->kind) {
        case SwciCommand::Kind::query:
            return query(command->query);
        case SwciCommand::Kind::remove_server:
            return remove_server(command->server);
        case SwciCommand::Kind::change_roll:
            return change_roll(command->change);
        case SwciCommand::Kind::help:
            std::fputs(swci_commands_help(true, command->help_of).c_str(), stdout);
            return exit_code::ok;
        case SwciCommand::Kind::exit:
            ended_ = true;
            return last_code_;
        case SwciCommand::Kind::exit_on_failure:
            exit_on_failure_ = command->enable.value_or(exit_on_failure_);
            std::printf("exit on failure is %s\n", exit_on_failure_ ? "on" : "off");
            return exit_code::ok;
    }
    return exit_code::failed;
}

int Swci::run_session() {
    const bool person = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
    while (!ended_) {
        std::string line;
        {
            const SignalThread signals([](const std::string&) { ::_exit(exit_code::ok); });
            if (person) {
                std::fputs("swci> ", stdout);
            }
            std::fflush(stdout);
            if (!std::getline(std::cin, line)) {
                break;
            }
        }
        const Result<std::vector<std::string>> words = shell_words(line);
        if (words && (words->empty() || words->front().starts_with('#'))) {
            continue;
        }
        last_code_ = words ? run_words(*words, true) : report_error(program, words.error());
        ended_ = ended_ || (exit_on_failure_ && last_code_ != exit_code::ok);
    }
    return last_code_;
}

}  // namespace

Result<int> run_swci(const SwciOptions& options) {
    if (!options.command
             .empty()) {  // before certificates are read: a typing error is reported first
        const Result<SwciCommand> command = parse_swci_command(options.command, false);
        if (!command) {
            return Error{Errc::usage, command.error().message + ". See swci --help"};
        }
    }
    if (const auto ok = have_identity(options.common); !ok) {
        return ok.error();
    }
    const Result<Identity> identity = check_identity(identity_files(options.common), Role::tool);
    if (!identity) {
        return identity.error();
    }
    Swci swci(options, identity->name);
    return options.command.empty() ? swci.run_session() : swci.run_words(options.command, false);
}

}  // namespace starling
