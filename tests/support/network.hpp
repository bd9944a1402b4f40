#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/program.hpp"

namespace starling::test {

/// Hosts 1 to N on one switch, for programs that run in them. Each is a network namespace without
/// a name, kept by a process of its own that ends with this one, however that ends: nothing can be
/// left behind, and nobody else can meet it. Needs root.
class Network {
public:
    /// Why there can be none on this machine; empty: there can.
    static std::string why_not();

    /// \param hosts  1 to 9.
    /// Throws std::runtime_error if the system refuses a step.
    explicit Network(int hosts);

    /// "172.30.0.7" for host 7.
    static std::string address(int host) { return "172.30.0." + std::to_string(host); }
    /// The command, to be run on the host; killed when this process ends.
    std::vector<std::string> on(int host, const std::vector<std::string>& command) const;

    /// Takes the host's cable out of the switch, without a word to either side.
    void cut(int host) const;
    void heal(int host) const;
    /// What the host sends is limited to `rate`, as tc writes it: "10mbit".
    void limit_upload(int host, const std::string& rate) const;
    /// Bytes that the host has received by now.
    std::uint64_t received_bytes(int host) const;

private:
    void run(int host, const std::string& command) const;

    std::map<int, std::unique_ptr<Program>> keepers_;  ///< 0 is the switch
};

}  // namespace starling::test
