#pragma once

#include <map>
#include <string>
#include <vector>

namespace simgrid::s4u {
class Host;
}  // namespace simgrid::s4u

namespace starling {

/// Gives each host of a zone with routing="Wifi" the first of its cell's rates: SimGrid ends the
/// process at the first message of a host without a rate.
/// \param platform  text of the platform file, which is loaded and sealed.
/// \return  the rates in bytes per second by name of the link, which SimGrid does not report.
std::map<std::string, double> attach_wifi_hosts(const std::string& platform,
                                                const std::vector<simgrid::s4u::Host*>& hosts);

}  // namespace starling
