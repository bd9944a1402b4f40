#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/base/ids.hpp"
#include "core/licence/apls_node.hpp"
#include "core/licence/licensed_node.hpp"
#include "options/node_options.hpp"
#include "sim/sim_engine.hpp"

namespace starling {

/// A node to be started, as specified by an actor of the deployment file.
/// Immutable once it is in a plan: thousands of equal nodes have one.
struct SimNodeSettings {
    MlOptions program;                              ///< ML
    std::vector<Address> sns;                       ///< SL: the APIs of its SNs
    std::string site;                               ///< SL
    Address peer_listens;                           ///< SN: where other SNs dial it
    std::optional<Address> sentinel;                ///< SN: the SN through which it joins
    SwarmDuration election_timeout{0};              ///< SN
    SeatOptions seat;                               ///< SN, SL: its licence servers
    AplsNodeOptions licences;                       ///< licence server
    std::map<std::string, std::string> properties;  ///< of the actor: `model.*`
};
struct SimNodePlan {
    NodeId id;
    Role role = Role::sl;
    bool has_certificate_flags = false;
    HostIndex host = 0;
    Address listens;   ///< SN: its API; SL: its exchange port
    ShortText socket;  ///< SL: its Unix socket; ML: that of its SL
    std::shared_ptr<const SimNodeSettings> settings;
};

/// Checks what does not depend on an actor's host: its function (run-apls, run-sn, run-sl, ml) and
/// its flags. Errc::usage quotes both.
Result<void> check_actor(const std::string& function, const std::vector<std::string>& arguments);

/// The nodes of an actor: one, or an SL and its ML program. Errc::usage names host and flag.
///
/// run-apls, run-sn and run-sl take the command lines of the binaries; --licence and --licence-key
/// are read and checked as there. `ml` is an ML program that was started by hand beside an SL of
/// its host: its arguments are the program's, its properties are `name`, `sl` (names of nodes),
/// `entrypoint` (the program, where programs are processes), `working_directory`, and `env.NAME`
/// for its environment.
Result<std::vector<SimNodePlan>> plan_nodes(const SimEngine& engine, const SimActor& actor);

}  // namespace starling
