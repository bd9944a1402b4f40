#pragma once

#include "core/ledger/membership.hpp"
#include "core/ledger/snapshot.hpp"
#include "tests/support/records.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling {

inline Bytes numbered(std::uint64_t index) { return text_record("entry " + std::to_string(index)); }

/// A snapshot of the entries so far, of which only their chain matters to a store.
inline Bytes snapshot_at(std::uint64_t index, const Digest& link) {
    TermRuns terms;
    for (std::uint64_t i = 1; i <= index; ++i) {
        terms.append(1);
    }
    ServerHistory servers;
    servers.apply_membership({1, 1, RecordKind::membership,
                              encode_membership({{{"sn1"}, {"10.0.1.1", 30304}, 1, true}})});
    return encode_snapshot(openssl_hasher(), {link, 0, terms, servers, Ledger{}});
}

}  // namespace starling
