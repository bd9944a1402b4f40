#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/ids.hpp"
#include "core/base/result.hpp"

namespace starling {

/// Port: Ed25519 (RFC 8032) with one public key. Implemented in transport/crypto.
class SignatureVerifier {
public:
    virtual ~SignatureVerifier() = default;
    virtual bool verify(ByteView message, ByteView signature) const = 0;
};

/// How many nodes of each role may run at the same time, and when. Seconds are since 1970, UTC.
struct Licence {
    std::string licensee;
    std::string server;  ///< the one licence server that may use it; empty: any
    std::map<Role, std::uint32_t> seats;
    std::int64_t valid_from = 0;   ///< 00:00 UTC of the first day
    std::int64_t valid_until = 0;  ///< 24:00 UTC of the last day; not included

    std::uint32_t seats_for(Role role) const;
};

constexpr std::size_t licence_bytes_max = 65536;

/// The text that is signed: lines `key: value`, as in the example.
///
///     starling licence 1
///     licensee: Example
///     server: apls1
///     sn: 5
///     sl: 16
///     from: 2026-11-01
///     until: 2027-10-31
std::string licence_text(const Licence& licence);

/// A licence file: the text above and, as last line, `signature: ` and 128 hexadecimal digits
/// (Ed25519 over all bytes before that line).
std::string signed_licence(const std::string& text, ByteView signature);

/// Errc::malformed: no licence file; Errc::refused: it is not signed by this issuer, or was
/// changed. Dates are not checked.
Result<Licence> read_licence(std::string_view file, const SignatureVerifier& issuer);

/// "2026-11-23" as seconds since 1970 at 00:00 UTC. Errc::usage if it is no date.
Result<std::int64_t> parse_date(std::string_view text);
/// The day (UTC) of this second.
std::string date_text(std::int64_t unix_seconds);

}  // namespace starling
