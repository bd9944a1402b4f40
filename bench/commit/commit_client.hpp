#pragma once

#include <cstdint>
#include <vector>

#include "bench/commit/sn_cluster.hpp"

namespace starling::bench {

/// A client that looks like an SL to an SN, and only submits commands.
class CommitClient {
public:
    /// Connects to an SN. Errc::unreachable.
    static Result<std::unique_ptr<CommitClient>> connect(const Address& sn,
                                                         const IdentityFiles& identity,
                                                         const std::string& name);

    /// \param window  commands in flight.
    /// \return  each command's time until its answer, in ms. Errc::timeout: one was not answered.
    Result<std::vector<double>> commit(std::size_t count, std::size_t window);

private:
    CommitClient() = default;
    /// The next signed command of this SL.
    Message command();

    std::unique_ptr<PolledEndpoint> endpoint_;
    NodeId self_;
    std::shared_ptr<const NodeSigner> signer_;
    NodeId sn_;
    Address own_address_{"127.0.0.1", 1};
    std::uint64_t session_ = 0;
    std::uint64_t sequence_ = 0;  ///< of the newest command
};

}  // namespace starling::bench
