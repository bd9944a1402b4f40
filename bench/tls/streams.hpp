#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bench/tls/two_processes.hpp"
#include "transport/tls/tls_endpoint.hpp"

namespace starling::bench {

/// What one run transfers, and to which address.
struct StreamOptions {
    Address address;                                      ///< on which the receiver listens
    std::size_t bytes = std::size_t{256} << 20U;          ///< per run and direction
    std::size_t segment_bytes = std::size_t{256} << 10U;  ///< body of a frame
    bool both_ways = false;                               ///< both sides send, at the same time
};

/// An SL that sends `bytes` in segments, as in the exchange of a round: all are queued at once. A
/// run ends when the receiver has confirmed that it has all.
std::unique_ptr<TwoProcesses::Side> make_frame_sender(const StreamOptions& options,
                                                      const IdentityFiles& identity);
/// An SL that receives the segments and keeps them until the next run, as an exchange does.
std::unique_ptr<TwoProcesses::Side> make_frame_receiver(const StreamOptions& options,
                                                        const IdentityFiles& identity);

/// The same bytes on one TCP connection without TLS and frames, with blocking calls of 1 MiB.
std::unique_ptr<TwoProcesses::Side> make_plain_sender(const StreamOptions& options);
std::unique_ptr<TwoProcesses::Side> make_plain_receiver(const StreamOptions& options);

}  // namespace starling::bench
