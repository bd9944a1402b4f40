#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bench/tls/two_processes.hpp"
#include "transport/tls/tls_endpoint.hpp"

namespace starling::bench {

/// What is sent in a run, and to which address.
struct StreamOptions {
    Address address;  ///< on which the receiver listens
    std::size_t bytes = std::size_t{256} << 20U;
    std::size_t segment_bytes = std::size_t{256} << 10U;  ///< body of a frame
    bool both_ways = false;                               ///< each sends `bytes` to the other
};

/// An SL that sends its parameters in segments, as the exchange does: all are queued at once. A run
/// ends with the receiver's confirmation that it has all.
std::unique_ptr<TwoProcesses::Side> make_frame_sender(const StreamOptions& options,
                                                      const IdentityFiles& identity);
/// An SL that keeps the segments of a run until the next one.
std::unique_ptr<TwoProcesses::Side> make_frame_receiver(const StreamOptions& options,
                                                        const IdentityFiles& identity);

/// The same bytes on one TCP connection without TLS and frames, with blocking calls of 1 MiB.
std::unique_ptr<TwoProcesses::Side> make_plain_sender(const StreamOptions& options);
std::unique_ptr<TwoProcesses::Side> make_plain_receiver(const StreamOptions& options);

}  // namespace starling::bench
