#include "core/sl/end_claims.hpp"

#include <algorithm>

namespace starling {
namespace {

constexpr SwarmDuration lease_over_limit = std::chrono::seconds(10);
constexpr SwarmDuration believed_alone_wait = std::chrono::minutes(15);
constexpr SwarmDuration believed_alone_wait_max = std::chrono::hours(6);

}  // namespace

EndClaims::Verdict EndClaims::note(SwarmTime now, EndClaim what, const NodeId& by,
                                   const Address& at, Errc code) {
    if (what == EndClaim::lease_over && is_believed_alone(now, by, at)) {
        return Verdict::confirmed;
    }
    const auto first = std::find_if(claims_->begin(), claims_->end(), [&](const Claim& claim) {
        return claim.what == what && claim.code == code && !claim.was_believed();
    });
    if (first == claims_->end()) {
        claims_.change().push_back({what, code, by, at, now, {}});
        return Verdict::first;
    }
    const SwarmDuration limit =
        what == EndClaim::lease_over ? std::min(limit_, lease_over_limit) : limit_;
    const bool others_are_silent = now - first->since >= limit;
    return first->is_of(by, at) && !others_are_silent ? Verdict::again : Verdict::confirmed;
}

bool EndClaims::is_believed_alone(SwarmTime now, const NodeId& by, const Address& at) {
    const auto before = std::find_if(claims_->begin(), claims_->end(), [&](const Claim& claim) {
        return claim.was_believed() && claim.is_of(by, at);
    });
    if (before == claims_->end()) {
        claims_.change().push_back({EndClaim::lease_over, {}, by, at, now, believed_alone_wait});
        return true;
    }
    if (now - before->since < before->wait) {
        return false;
    }
    Claim& claim = claims_.change()[static_cast<std::size_t>(before - claims_->begin())];
    claim.since = now;
    claim.wait = std::min<SwarmDuration>(4 * claim.wait, believed_alone_wait_max);
    return true;
}

void EndClaims::on_member(const NodeId& by, const Address& at) {
    claims_.erase_if([&](const Claim& claim) {
        return claim.what != EndClaim::refused_start && claim.what != EndClaim::lease_over &&
               !claim.is_of(by, at);
    });
}

void EndClaims::on_lease_valid(const NodeId& by, const Address& at) {
    claims_.erase_if([&](const Claim& claim) {
        return claim.what == EndClaim::lease_over && !claim.was_believed() && !claim.is_of(by, at);
    });
}

void EndClaims::forget(EndClaim what) {
    claims_.erase_if(
        [&](const Claim& claim) { return claim.what == what && !claim.was_believed(); });
}

bool EndClaims::has_one_of(const NodeId& by) const {
    return std::any_of(claims_->begin(), claims_->end(),
                       [&](const Claim& claim) { return claim.by == by && !claim.was_believed(); });
}

}  // namespace starling
