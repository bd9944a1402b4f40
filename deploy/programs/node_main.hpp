#pragma once

#include <cstdio>
#include <exception>
#include <string_view>

#include "core/node/node.hpp"
#include "deploy/host/detach.hpp"
#include "deploy/host/node_host.hpp"
#include "deploy/process/signal_thread.hpp"
#include "transport/process/child_process.hpp"

namespace starling {

/// The main() of a node's program: signals, command line, help, errors and exit codes.
/// \param parse  a function such as parse_run_sn().
/// \param run  Result<int>(const Options&): runs the node until its end; its exit code.
template <typename Parse, typename Run>
int node_main(int argc, char** argv, std::string_view program, Parse parse, Run run) {
    block_signals();  // before any thread starts
    try {
        const auto parsed = parse(argument_list(argc, argv), process_environment());
        if (!parsed) {
            return report_error(program, parsed.error());
        }
        if (!parsed->options) {
            std::fputs(parsed->text.c_str(), stdout);
            return exit_code::ok;
        }
        if (parsed->options->common.detach) {
            const Result<std::optional<int>> parent = detach_process(program);
            if (!parent) {
                return report_error(program, parent.error());
            }
            if (*parent) {
                return **parent;
            }
        }
        const Result<int> code = run(*parsed->options);
        return code ? *code : report_error(program, code.error());
    } catch (const std::exception& error) {
        return report_error(program, {Errc::io, error.what()});
    }
}

}  // namespace starling
