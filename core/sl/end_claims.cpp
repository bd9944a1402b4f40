#include "core/sl/end_claims.hpp"

#include <algorithm>

namespace starling {
namespace {

constexpr SwarmDuration lease_over_limit = std::chrono::seconds(10);

}  // namespace

EndClaims::Verdict EndClaims::note(SwarmTime now, EndClaim what, const NodeId& by,
                                   const Address& at, Errc code) {
    const auto first = std::find_if(claims_->begin(), claims_->end(), [&](const Claim& claim) {
        return claim.what == what && claim.code == code;
    });
    if (first == claims_->end()) {
        claims_.change().push_back({what, code, by, at, now});
        return Verdict::first;
    }
    const SwarmDuration limit =
        what == EndClaim::lease_over ? std::min(limit_, lease_over_limit) : limit_;
    const bool others_are_silent = now - first->since >= limit;
    return first->is_of(by, at) && !others_are_silent ? Verdict::again : Verdict::confirmed;
}

void EndClaims::on_denied(const NodeId& by, const Address& at) {
    claims_.erase_if([&](const Claim& claim) {
        return claim.what != EndClaim::refused_start && !claim.is_of(by, at);
    });
}

void EndClaims::forget(EndClaim what) {
    claims_.erase_if([&](const Claim& claim) { return claim.what == what; });
}

bool EndClaims::has_one_of(const NodeId& by) const {
    return std::any_of(claims_->begin(), claims_->end(),
                       [&](const Claim& claim) { return claim.by == by; });
}

}  // namespace starling
