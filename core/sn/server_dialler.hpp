#pragma once

#include <map>
#include <set>
#include <string>

#include "core/node/outbox.hpp"

namespace starling {

/// Dials other SNs: each address once at a time, again after a while where nobody answers, at most
/// `longest` apart.
class ServerDialler {
public:
    ServerDialler(std::uint32_t timer, SwarmDuration longest) : timer_(timer), longest_(longest) {}

    void dial(const Address& address, Outbox& out) {
        if (dialling_.insert(address).second) {
            out.connect(address, Role::sn);
        }
    }
    void on_connected(const Address& address) {
        dialling_.erase(address);
        errors_.erase(address);
        backoff_ = {};
    }
    void on_failed(const ConnectFailed& failed) {
        dialling_.erase(failed.address);
        errors_[failed.address] = failed.error.message;
    }
    /// Sets the timer after which the node dials again.
    void dial_later(SwarmTime now, Outbox& out);
    void on_timer() { armed_ = false; }
    /// The newest error at the address, in brackets; empty: none since it was last connected.
    std::string error_text(const Address& address) const;

private:
    std::uint32_t timer_;
    SwarmDuration longest_;
    std::set<Address> dialling_;  ///< neither connected nor failed yet
    std::map<Address, std::string> errors_;
    SwarmDuration backoff_{0};  ///< until the newest dial_later(); zero after a connection
    bool armed_ = false;        ///< the timer is set
};

}  // namespace starling
