#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "tests/support/memory_swarm.hpp"

namespace starling::test {

/// Executes a scenario file: commands to a swarm on the memory network, each followed by the trace
/// events that it must cause. README.md in this folder has the format and all commands. Modelled on
/// the datadriven tests of etcd-io/raft.
class Scenario {
public:
    /// The file's text with the actual events in place of the expected ones; comments and commands
    /// are kept. An error names the line that can't be parsed or executed.
    static Result<std::string> replay(std::string_view text);

private:
    using Words = std::vector<std::string>;

    /// Executes one command. \return its output
    Result<std::string> execute(const std::string& line);
    Result<std::string> make_swarm(const Words& words);
    Result<std::string> run(const Words& words);
    Result<std::string> run_until(const Words& words);
    Result<std::string> change_processes(const Words& words);
    Result<std::string> change_network(const Words& words);
    std::string exit_codes() const;
    /// The shown events since the last call.
    std::string new_events();
    bool happened(const Words& words, std::size_t since) const;

    std::unique_ptr<MemorySwarm> swarm_;
    std::set<std::string> shown_;  ///< names of events
    std::size_t reported_ = 0;     ///< events of the trace that new_events() has looked at
};

}  // namespace starling::test
