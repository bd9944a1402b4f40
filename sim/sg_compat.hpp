#pragma once

// The one place for differences between SimGrid versions (3.32 to 4.1). Include from .cpp files
// only.

#include <functional>
#include <string>

#include <simgrid/forward.h>
// version.h does not compile before forward.h.
#include <simgrid/kernel/Timer.hpp>
#include <simgrid/s4u.hpp>
#include <simgrid/version.h>

static_assert(SIMGRID_VERSION >= 33200, "SimGrid 3.32 or newer is needed");

namespace starling::sg {

/// Of the library in use, as 3.32.
inline std::string version() {
    int major = 0;
    int minor = 0;
    int patch = 0;
    sg_version_get(&major, &minor, &patch);
    return std::to_string(major) + "." + std::to_string(minor);
}

/// Calls `done` for every activity that ends, successfully or not; before 3.34 for some twice.
template <typename Done>
void on_comm_end(Done done) {
#if SIMGRID_VERSION >= 33400
    simgrid::s4u::Comm::on_completion_cb(
        [done](const simgrid::s4u::Comm& comm) { done(const_cast<simgrid::s4u::Comm&>(comm)); });
#else
    simgrid::s4u::Activity::on_completion_cb([done](const simgrid::s4u::Activity& activity) {
        done(const_cast<simgrid::s4u::Activity&>(activity));
    });
#endif
}

inline void on_host_change(const std::function<void(const simgrid::s4u::Host&)>& changed) {
#if SIMGRID_VERSION >= 33400
    simgrid::s4u::Host::on_onoff_cb(changed);
#else
    simgrid::s4u::Host::on_state_change_cb(changed);
#endif
}

inline void on_link_change(const std::function<void(const simgrid::s4u::Link&)>& changed) {
#if SIMGRID_VERSION >= 33400
    simgrid::s4u::Link::on_onoff_cb(changed);
#else
    simgrid::s4u::Link::on_state_change_cb(changed);
#endif
}

}  // namespace starling::sg
