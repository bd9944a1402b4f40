#pragma once

#include "core/base/hasher.hpp"
#include "core/base/ids.hpp"
#include "core/ledger/signature.hpp"

namespace starling {

/// A member's report that it holds the merged vector of an attempt.
struct MemberReport {
    NodeId node;
    Digest digest;
    Signature signature;  ///< by the node, over report_text()
    bool durable = true;  ///< it survives a crash of the member

    friend bool operator==(const MemberReport&, const MemberReport&) = default;
};

}  // namespace starling
