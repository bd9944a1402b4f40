#pragma once

#include <string>

#include "core/base/time.hpp"
#include "transport/tls/tls_endpoint.hpp"

namespace starling {

/// Notices that one of a node's identity files was changed, added or removed: asks the file system
/// every `interval`, which costs some microseconds and misses nothing that a network file system
/// or a copy by rename does.
class IdentityWatch {
public:
    static constexpr SwarmDuration interval = std::chrono::seconds(2);

    explicit IdentityWatch(IdentityFiles files);

    /// When to ask again.
    SwarmTime due() const { return due_; }
    /// Whether something differs from the last look, which this one replaces.
    bool changed(SwarmTime now);

private:
    std::string look() const;

    IdentityFiles files_;
    std::string seen_;
    SwarmTime due_{};
};

}  // namespace starling
