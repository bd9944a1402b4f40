#pragma once

#include <cstdint>
#include <memory>

#include "transport/tls/channel.hpp"
#include "transport/tls/tls_context.hpp"

namespace starling {

enum class TlsSide { dials, accepts };

/// Records after which the sending key is updated. RFC 8446, 5.5, allows 2^24.5 full records of
/// AES-GCM under one key; these are 64 GiB.
constexpr std::uint64_t records_per_key = std::uint64_t{1} << 22U;

/// A TLS 1.3 connection over buffers in memory: many records are encrypted or decrypted per system
/// call. Memory: a receive buffer of 17 KiB, which doubles up to receive_batch_bytes if the peer
/// fills it; two send buffers, one of them being written; and OpenSSL's buffers of two records.
/// \param dialled  the host that was dialled: the peer's certificate must name it (RFC 6125). Empty
/// on the accepting side.
/// \param key_records_max  see records_per_key.
std::unique_ptr<Channel> make_tls_channel(const TlsContext& context, TlsSide side,
                                          const std::string& dialled = "",
                                          std::uint64_t key_records_max = records_per_key);

}  // namespace starling
