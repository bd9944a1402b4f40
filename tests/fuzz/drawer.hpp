#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include "core/wire/messages.hpp"
#include "tests/support/node_bench.hpp"

namespace starling::fuzz {

/// Draws well-formed messages from a fuzzer's bytes: anything that a malicious peer with a valid
/// certificate can send. Most values are near those of a running swarm, or at the limits of their
/// types.
class Drawer {
public:
    explicit Drawer(ByteView input)
        : data_(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()) {}

    bool done() { return data_.remaining_bytes() == 0; }
    /// From `least` to `most`.
    int in_range(int least, int most) { return data_.ConsumeIntegralInRange(least, most); }
    bool one_in(int count) { return in_range(1, count) == count; }
    bool coin() { return data_.ConsumeBool(); }

    std::uint64_t number();
    std::uint32_t small_number() { return static_cast<std::uint32_t>(number()); }
    NodeId node();
    std::string contract();
    std::string text(std::size_t bytes_max);
    Address address();
    Digest digest();
    Errc code() { return static_cast<Errc>(in_range(0, static_cast<int>(Errc::replaced))); }
    Bytes bytes(std::size_t count);
    SwarmDuration time_span();

    Server server();
    AdmittedName admitted();
    Round round();
    Attempt attempt();
    RoundKey key();
    SegmentKind segment_kind() { return coin() ? SegmentKind::merged : SegmentKind::contribution; }
    ContractConfig config();
    CheckIn check_in();
    std::optional<EarlyMerge> early_merge();
    RoundMember member();
    ContractView view();
    /// \param author  signs what a member signs; nullptr: nothing is signed.
    Command command(test::Author* author);
    Heartbeat heartbeat(test::Author* author);
    ConsensusMessage consensus();
    /// Up to three log records, starting at this index.
    std::vector<Bytes> records(std::uint64_t first, std::uint64_t term);
    /// Any message but Hello and Refused, which only connections use.
    Message message(test::Author* author);
    /// A body that belongs to the message, or one that does not.
    Blob body_of(const Message& message);

private:
    RegisterNode register_node(test::Author* author);
    Enrol enrol();
    RemoveServers remove_servers();
    SwarmRules swarm_rules();
    Message message_of_members(test::Author* author);
    Message message_of_servers(test::Author* author);
    Message message_of_state();
    Message message_of_tools();
    SubmitCommand submit(test::Author* author);
    template <typename Draw>
    auto some(int most, Draw draw) {
        std::vector<decltype(draw())> drawn;
        for (int count = in_range(0, most); count > 0; --count) {
            drawn.push_back(draw());
        }
        return drawn;
    }

    FuzzedDataProvider data_;
};

/// The layout size of most drawn contracts.
inline std::uint64_t layout_bytes() { return test::tiny_contract(1).layout_bytes; }

}  // namespace starling::fuzz
