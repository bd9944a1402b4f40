#pragma once

#include <string>

namespace starling {

// What a node that runs as a service tells its service manager (systemd, Type=notify), by the
// protocol of sd_notify(3). Without NOTIFY_SOCKET in the environment these have no effect.

/// The node serves: units that are ordered after this one may start.
void notify_ready(const std::string& status);
/// The text that `systemctl status` shows; the unit keeps its state.
void notify_status(const std::string& status);
/// The node ends: a stop was requested, or it ended by itself.
void notify_stopping();

}  // namespace starling
