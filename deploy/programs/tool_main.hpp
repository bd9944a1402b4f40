#pragma once

#include <cstdio>
#include <exception>
#include <span>

#include "deploy/host/node_host.hpp"
#include "options/flag_table.hpp"
#include "transport/process/child_process.hpp"

namespace starling {

/// The main() of a tool that is not a node: command line, help, notices, errors and exit codes.
/// \param run  Result<int>(const FlagValues&): the exit code.
template <typename Run>
int tool_main(int argc, char** argv, const Program& program, std::span<const Flag> flags, Run run) {
    try {
        const Result<ParsedFlags> parsed =
            parse_flags(program, flags, argument_list(argc, argv), process_environment());
        if (!parsed) {
            return report_error(program.name, parsed.error());
        }
        if (!parsed->values) {
            std::fputs(parsed->text.c_str(), stdout);
            return exit_code::ok;
        }
        for (const std::string& notice : parsed->values->notices()) {
            std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(program.name.size()),
                         program.name.data(), notice.c_str());
        }
        const Result<int> code = run(*parsed->values);
        return code ? *code : report_error(program.name, code.error());
    } catch (const std::exception& error) {
        return report_error(program.name, {Errc::io, error.what()});
    }
}

}  // namespace starling
