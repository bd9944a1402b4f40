#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/program.hpp"

namespace starling::test {

/// Hosts 1 to N on one switch, in which programs run. Each is an unnamed network namespace, kept by
/// a process of its own that ends with this one in any case: nothing is left behind, and other
/// processes can't interfere. Needs root.
class Network {
public:
    /// Why this machine can't provide them; empty if it can.
    static std::string why_not();

    /// \param hosts  1 to 9.
    /// Throws std::runtime_error if the system refuses a step.
    explicit Network(int hosts);

    /// "172.30.0.7" for host 7.
    static std::string address(int host) { return "172.30.0." + std::to_string(host); }
    /// The command to run `command` on the host; killed when this process ends.
    std::vector<std::string> on(int host, const std::vector<std::string>& command) const;

    /// Unplugs the host from the switch; neither side is notified.
    void cut(int host) const;
    void heal(int host) const;
    /// Limits what the host sends to `rate`, in the syntax of tc: "10mbit".
    void limit_upload(int host, const std::string& rate) const;
    /// Bytes received by the host so far.
    std::uint64_t received_bytes(int host) const;

private:
    void run(int host, const std::string& command) const;

    std::map<int, std::unique_ptr<Program>> keepers_;  ///< 0 is the switch
};

}  // namespace starling::test
