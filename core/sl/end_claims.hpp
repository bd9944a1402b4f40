#pragma once

#include <cstdint>
#include <vector>

#include "core/base/ids.hpp"
#include "core/base/lazy_container.hpp"
#include "core/base/result.hpp"
#include "core/base/time.hpp"

namespace starling {

/// What an SN may say after which an SL can't go on, or must enrol again.
enum class EndClaim : std::uint8_t {
    refused_start,  ///< its registration or its enrolment is refused
    expelled,       ///< its member was expelled from the run
    replaced,       ///< a later start of it has its place
    run_over,       ///< the run was aborted
    complete,       ///< the training is complete, though this node has not finished
    lease_over,     ///< the node is taken for lost, and must enrol again
};

/// An SN may lie, and an SL has no proof of what is in the ledger: records are agreed on by the
/// SNs, and not signed by them one by one. So where there are several SNs, a claim that ends the
/// node counts once two of them have made it; or after `limit`, if no other one answers until then.
///
/// That its lease is over makes a node enrol again, which is urgent: the training may end without a
/// lost member. So an SN is believed alone if it has not said so for 15 minutes, then for an hour,
/// ... up to 6 h; and after 10 s, if no other one answers. One that lies makes the node enrol
/// again, and its round begin another attempt, a few times only.
class EndClaims {
public:
    enum class Verdict : std::uint8_t { first, again, confirmed };

    explicit EndClaims(SwarmDuration limit) : limit_(limit) {}

    /// \param by  the SN; without a name: it has refused the connection
    /// \param at  the address at which it was dialled
    /// \param code  of a refusal: SNs that refuse for different reasons don't confirm each other
    /// \return  again: this SN has said so before, and no other one.
    Verdict note(SwarmTime now, EndClaim what, const NodeId& by, const Address& at,
                 Errc code = Errc::ok);
    /// This SN treats the node as a member. That denies what others have said, except of a start,
    /// and of a lease: views are sent to lost members, too.
    void on_member(const NodeId& by, const Address& at);
    /// This SN has answered a heartbeat. That denies that the lease is over.
    void on_lease_valid(const NodeId& by, const Address& at);
    void forget(EndClaim what);
    bool has_one_of(const NodeId& by) const;

private:
    struct Claim {
        EndClaim what{};
        Errc code{};
        NodeId by;
        Address at;
        SwarmTime since{};
        /// Until this SN is believed alone again; 0: the claim is one that needs a second SN.
        SwarmDuration wait{};

        bool was_believed() const { return wait > SwarmDuration{0}; }
        bool is_of(const NodeId& node, const Address& address) const {
            return at == address || (by == node && !node.name.empty());
        }
    };

    bool is_believed_alone(SwarmTime now, const NodeId& by, const Address& at);

    SwarmDuration limit_;
    LazyContainer<std::vector<Claim>> claims_;  ///< the first of each kind and code,
                                                ///< and of each SN that was believed alone
};

}  // namespace starling
