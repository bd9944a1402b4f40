#pragma once

#include <string>

#include "core/base/time.hpp"

namespace starling {

/// \param seconds  since the start of the simulation
inline SwarmTime at(double seconds) { return SwarmTime{from_seconds(seconds)}; }

inline const std::string platforms_directory = std::string(STARLING_ROOT) + "/platforms/";
inline const std::string two_hosts_xml = platforms_directory + "two_hosts.xml";

}  // namespace starling
