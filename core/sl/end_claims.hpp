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
/// node counts once two of them have made it; or after `limit`, if no other one answers until then
/// (a lease that is over: after 10 s, since rounds may wait for the node).
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
    /// This SN treats the node as a member. That denies what others have said, except of a start.
    void on_denied(const NodeId& by, const Address& at);
    void forget(EndClaim what);
    bool has_one_of(const NodeId& by) const;

private:
    struct Claim {
        EndClaim what{};
        Errc code{};
        NodeId by;
        Address at;
        SwarmTime since{};

        bool is_of(const NodeId& node, const Address& address) const {
            return at == address || (by == node && !node.name.empty());
        }
    };

    SwarmDuration limit_;
    LazyContainer<std::vector<Claim>> claims_;  ///< the first of each kind and code
};

}  // namespace starling
