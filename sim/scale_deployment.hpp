#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "sim/deployment.hpp"

namespace starling {

/// Swarms of any size from a few numbers (`swarm-sim --scale`). Files with more choices are written
/// by platforms/generate.
struct ScaleOptions {
    std::uint32_t hosts = 0;
    std::uint32_t rounds = 2;            ///< of one run: at its start and its end; 1: at its end
    std::uint64_t parameters = 328'586;  ///< of the model, 4 bytes each
    enum class Kind { star, sites } kind = Kind::star;
    std::string exchange = "auto";  ///< plan of the contract
    std::string sn_host;            ///< empty: the first host
    double churn_percent = 0.0;  ///< of the hosts without the SN, in each period of churn_seconds
    std::uint64_t seed = 1;      ///< of the choice of hosts and times
    bool own_loopbacks =
        true;  ///< hosts have a link to themselves: see SimEngine::time_loopbacks()
};

/// A period of churn; with churn a round takes about as long. Those that leave are off for 10 s.
constexpr double churn_seconds = 60.0;

/// Errc::usage: a number out of range, or --scale-kind is unknown.
Result<void> check_scale(const ScaleOptions& options);
Result<ScaleOptions::Kind> parse_scale_kind(const std::string& text);

/// A platform in SimGrid's XML. Star: 10 Gbit/s and 50 us between any two hosts. Sites: about 100
/// hosts each with 1 Gbit/s, 10 Gbit/s and 10 ms between sites.
std::string scale_platform(const ScaleOptions& options);
/// Of its hosts, ascending.
std::vector<std::string> scale_host_names(const ScaleOptions& options);
/// The SN's host and the first others in the order of their numbers: node-2 is before node-10.
/// Errc::usage: there are fewer, or there is no such host.
Result<std::vector<HostIndex>> scale_hosts(const SimEngine& engine, const ScaleOptions& options);
/// The nodes of a swarm on `hosts`: an SN on the first one, and an SL with modelled training on
/// each. Command lines are read once, and not once for each of thousands of equal nodes.
///
/// \param stays  whether all hosts stay: a round then needs all, else a majority
Result<std::vector<SimNodePlan>> scale_nodes(const SimEngine& engine, const ScaleOptions& options,
                                             const std::vector<HostIndex>& hosts, bool stays);

}  // namespace starling
