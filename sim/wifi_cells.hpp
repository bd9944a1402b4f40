#pragma once

#include <map>
#include <string>
#include <vector>

namespace simgrid::s4u {
class Host;
}  // namespace simgrid::s4u

namespace starling {

/// Gives each host of a zone with routing="Wifi" the first of its cell's rates. SimGrid knows no
/// rate of a host until it is told, and ends the process at the first message of one without.
/// \param platform  the text of the platform file, which is loaded and sealed.
/// Returns the rates in bytes a second by name of the link: SimGrid does not tell them.
std::map<std::string, double> attach_wifi_hosts(const std::string& platform,
                                                const std::vector<simgrid::s4u::Host*>& hosts);

}  // namespace starling
