#include "transport/tls/tls_endpoint.hpp"

#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include "core/wire/codec.hpp"
#include "tests/support/sanitizers.hpp"
#include "tests/transport/tls_support.hpp"

namespace starling::test {
namespace {

constexpr std::size_t body_bytes = std::size_t{256} * 1024;
// AddressSanitizer keeps freed memory, so peak memory can't be tested with it.
constexpr bool memory_is_exact = !with_sanitizers;

Frame segment(std::uint32_t index, const Blob& body) {
    return Frame{SegmentData{{"cifar10", 0, 1, 0}, SegmentKind::merged, index}, body};
}

Blob pattern_body(unsigned seed) {
    Bytes bytes(body_bytes);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>((i * 31 + i / 251 + seed) & 0xffU);
    }
    return Blob(std::move(bytes));
}

bool same_bytes(const Blob& a, const Blob& b) {
    return a.size() == b.size() && std::memcmp(a.view().data(), b.view().data(), a.size()) == 0;
}

class TlsEndpointTest : public testing::Test {
protected:
    /// sl1 dials sl2; waits until both are up.
    void connect_pair() {
        second = open_test_endpoint(listening("sl2"));
        first = open_test_endpoint(options_of("sl1", Role::sl, authority.issue("sl1", {Role::sl})));
        first.endpoint->connect(loopback(port), Role::sl);
        ASSERT_TRUE(
            run_until({&first, &second},
                      [&] { return first.count<PeerUp>() == 1 && second.count<PeerUp>() == 1; }))
            << first.logged() << second.logged();
    }

    TlsEndpointOptions listening(const std::string& name) {
        return options_of(name, Role::sl, authority.issue(name, {Role::sl}),
                          {{loopback(port), {Role::sl}}});
    }

    Folder folder;
    Authority authority{folder, "host-1"};
    std::uint16_t port = free_port();
    TestEndpoint first;
    TestEndpoint second;
    const NodeId sl1{"sl1"};
    const NodeId sl2{"sl2"};
};

TEST_F(TlsEndpointTest, BothSidesLearnThePeersIdentity) {
    connect_pair();
    const PeerUp at_dialler = first.all<PeerUp>().at(0);
    EXPECT_EQ(at_dialler.peer, sl2);
    EXPECT_EQ(at_dialler.role, Role::sl);
    EXPECT_EQ(at_dialler.dialled, loopback(port));
    const PeerUp at_acceptor = second.all<PeerUp>().at(0);
    EXPECT_EQ(at_acceptor.peer, sl1);
    EXPECT_EQ(at_acceptor.dialled, Address{});
}

TEST_F(TlsEndpointTest, FramesArriveWholeAndInOrder) {
    connect_pair();
    for (std::uint32_t i = 0; i < 40; ++i) {
        first.endpoint->send(sl2, segment(i, pattern_body(i)));
        first.endpoint->send(sl2, Frame{Heartbeat{"cifar10", 0, i, 7}, {}});
    }
    ASSERT_TRUE(run_until({&first, &second}, [&] { return second.count<FrameReceived>() == 80; }));
    const std::vector<FrameReceived> frames = second.all<FrameReceived>();
    for (std::uint32_t i = 0; i < 40; ++i) {
        const FrameReceived& data = frames[2 * i];
        EXPECT_EQ(data.from, sl1);
        EXPECT_EQ(std::get<SegmentData>(data.frame.message).index, i);
        EXPECT_TRUE(same_bytes(data.frame.body, pattern_body(i))) << i;
        EXPECT_EQ(std::get<Heartbeat>(frames[2 * i + 1].frame.message).known_version, i);
    }
}

TEST_F(TlsEndpointTest, LargeTransfersInBothDirectionsUseLittleMemory) {
    connect_pair();
    constexpr std::uint32_t count = 256;  // 64 MiB in each direction
    const Blob body = pattern_body(1);
    const std::size_t before = peak_memory_bytes();
    for (std::uint32_t i = 0; i < count; ++i) {
        first.endpoint->send(sl2, segment(i, body));
        second.endpoint->send(sl1, segment(i, body));
    }
    std::uint32_t next_at_first = 0;
    std::uint32_t next_at_second = 0;
    const auto drain = [&](TestEndpoint& party, std::uint32_t& next) {
        for (const FrameReceived& got : party.all<FrameReceived>()) {
            EXPECT_EQ(std::get<SegmentData>(got.frame.message).index, next++);
            EXPECT_TRUE(same_bytes(got.frame.body, body));
        }
        party.inputs.clear();
        return next == count;
    };
    EXPECT_TRUE(run_until({&first, &second}, [&] {
        const bool first_done = drain(first, next_at_first);
        return drain(second, next_at_second) && first_done;
    }));
    if (memory_is_exact) {
        EXPECT_LT(peak_memory_bytes() - before, std::size_t{40} << 20U);
    }
}

TEST_F(TlsEndpointTest, ASenderBlocksWhileTheReceiverDoesNotRead) {
    connect_pair();
    constexpr std::uint32_t count = 512;  // 128 MiB
    const Blob body = pattern_body(2);
    const std::size_t before = peak_memory_bytes();
    for (std::uint32_t i = 0; i < count; ++i) {
        first.endpoint->send(sl2, segment(i, body));
    }
    // Only the sender runs: it fills the socket buffer and then has nothing left to do.
    EXPECT_FALSE(
        first.endpoint->receive_until(first.endpoint->now() + std::chrono::milliseconds(300)));
    if (memory_is_exact) {
        EXPECT_LT(peak_memory_bytes() - before, std::size_t{8} << 20U);
    }
    std::uint32_t next = 0;
    EXPECT_TRUE(run_until({&first, &second}, [&] {
        for (const FrameReceived& got : second.all<FrameReceived>()) {
            EXPECT_EQ(std::get<SegmentData>(got.frame.message).index, next++);
        }
        second.inputs.clear();
        return next == count;
    }));
}

TEST_F(TlsEndpointTest, CancelledFramesThatAreStillQueuedAreNotSentOnAFastConnectionEither) {
    connect_pair();
    const Blob body = pattern_body(6);
    constexpr std::uint32_t fast = 64;  // 16 MiB lead to the largest batches
    for (std::uint32_t i = 0; i < fast; ++i) {
        first.endpoint->send(sl2, segment(i, body));
    }
    ASSERT_TRUE(
        run_until({&first, &second}, [&] { return second.count<FrameReceived>() == fast; }));
    second.inputs.clear();
    constexpr std::uint32_t count = 1024;  // 256 MiB
    for (std::uint32_t i = 0; i < count; ++i) {
        first.endpoint->send(sl2, segment(i, body), i % 2 + 1);
    }
    first.endpoint->receive_until(first.endpoint->now() + std::chrono::milliseconds(50));
    first.endpoint->cancel_sends(1, std::nullopt);
    first.endpoint->cancel_sends(2, sl2);
    first.endpoint->send(sl2, segment(count, body));
    ASSERT_TRUE(run_until({&first, &second}, [&] {
        return second.count<FrameReceived>() > 0 &&
               std::get<SegmentData>(second.all<FrameReceived>().back().frame.message).index ==
                   count;
    }));
    // What the kernel and two batches held: whole frames, in order, and then the last one.
    std::uint32_t next = 0;
    for (const FrameReceived& got : second.all<FrameReceived>()) {
        const std::uint32_t index = std::get<SegmentData>(got.frame.message).index;
        EXPECT_TRUE(index == next || index == count);
        EXPECT_TRUE(same_bytes(got.frame.body, body));
        ++next;
    }
    EXPECT_LT(next, count / 2);
}

TEST_F(TlsEndpointTest, APeerThatSendsRequestsButNeverReadsIsDisconnected) {
    connect_pair();
    for (std::uint32_t i = 0; i < (1U << 17U) + 20'000; ++i) {
        first.endpoint->send(sl2, {Heartbeat{"default", 0, 0, i}, {}});
    }
    EXPECT_TRUE(run_until({&first}, [&] { return first.count<PeerLost>() == 1; }));
    EXPECT_TRUE(
        contains(first.all<PeerLost>().at(0).reason, "does not read what it has asked for"));
}

/// A part of a list of members, of about `bytes` bytes on the wire.
Frame list_part(std::size_t bytes) {
    constexpr std::size_t member_bytes = 255;
    std::vector<RoundMember> members;
    for (std::size_t i = 0; i < bytes / member_bytes; ++i) {
        std::string digits = std::to_string(i);
        digits.insert(0, 6 - digits.size(), '0');
        std::string host(member_bytes - 17, i % 2 == 0 ? 'a' : 'b');  // nothing as before
        members.push_back({.id = {digits}, .address = {std::move(host), 1}});
    }
    const auto count = static_cast<std::uint32_t>(members.size());
    return {MemberListPart{{}, count, 0, std::move(members)}, {}};
}

TEST_F(TlsEndpointTest, OneMemoryServesAllQueuedFramesWithAList) {
    connect_pair();
    const Frame part = list_part(std::size_t{4} << 20U);
    const std::size_t before = peak_memory_bytes();
    for (int i = 0; i < 15; ++i) {
        first.endpoint->send(sl2, part);
    }
    EXPECT_TRUE(!memory_is_exact || peak_memory_bytes() - before < std::size_t{24} << 20U)
        << (peak_memory_bytes() - before) / 1024 << " KiB";
    ASSERT_TRUE(run_until({&first, &second}, [&] { return second.count<FrameReceived>() == 15; }));
    for (const FrameReceived& got : second.all<FrameReceived>()) {
        EXPECT_EQ(encode_head(got.frame), encode_head(part));
    }
}

TEST_F(TlsEndpointTest, APeerThatReadsNoneOf64MiBOfListsIsDisconnected) {
    connect_pair();
    const Frame part = list_part(std::size_t{4} << 20U);
    const auto is_lost = [&] { return first.count<PeerLost>() == 1; };
    for (int i = 0; i < 15; ++i) {
        first.endpoint->send(sl2, part);
    }
    first.endpoint->receive_until(first.endpoint->now());
    EXPECT_FALSE(is_lost());
    for (int i = 0; i < 15; ++i) {
        first.endpoint->send(sl2, part);
    }
    EXPECT_TRUE(run_until({&first}, is_lost));
    EXPECT_TRUE(
        contains(first.all<PeerLost>().at(0).reason, "does not read what it has asked for"));
}

TEST_F(TlsEndpointTest, AReceiverBuffersNoMoreThanItsLimit) {
    TlsEndpointOptions options = listening("sl2");
    options.receive_bytes_max = std::size_t{1} << 20U;
    second = open_test_endpoint(std::move(options));
    first = open_test_endpoint(options_of("sl1", Role::sl, authority.issue("sl1", {Role::sl})));
    first.endpoint->connect(loopback(port), Role::sl);
    ASSERT_TRUE(run_until({&first, &second}, [&] { return first.count<PeerUp>() == 1; }));
    constexpr std::uint32_t count = 256;
    const Blob body = pattern_body(3);
    for (std::uint32_t i = 0; i < count; ++i) {
        first.endpoint->send(sl2, segment(i, body));
    }
    const std::size_t before = peak_memory_bytes();
    std::uint32_t next = 0;
    EXPECT_TRUE(run_until({&first}, [&] {
        // One frame at a time, while the sender may run as long as it wants.
        const auto got =
            second.endpoint->receive_until(second.endpoint->now() + std::chrono::milliseconds(1));
        if (got && std::holds_alternative<FrameReceived>(*got)) {
            const Frame& frame = std::get<FrameReceived>(*got).frame;
            EXPECT_EQ(std::get<SegmentData>(frame.message).index, next++);
            EXPECT_TRUE(same_bytes(frame.body, body));
        }
        return next == count;
    }));
    if (memory_is_exact) {
        EXPECT_LT(peak_memory_bytes() - before, std::size_t{8} << 20U);
    }
}

/// Members of which each repeats the texts of the one before: 15 bytes on the wire and 500 in
/// memory.
TEST_F(TlsEndpointTest, ListsCountAgainstTheLimitAsWhatTheyTakeInMemory) {
    connect_pair();
    std::vector<RoundMember> members;
    for (int i = 100'000; i < 110'000; ++i) {
        members.push_back({.id = {std::string(58, 'n') + std::to_string(i)},
                           .address = {std::string(255, 'h'), 1},
                           .site = std::string(64, 's')});
    }
    const Frame part{MemberListPart{{}, 10'000, 0, std::move(members)}, {}};
    constexpr std::uint32_t count = 30;  // 5 MiB on the wire, 150 MiB in memory
    for (std::uint32_t i = 0; i < count; ++i) {
        first.endpoint->send(sl2, part);
    }
    const std::size_t before = peak_memory_bytes();
    std::uint32_t received = 0;
    EXPECT_TRUE(run_until({&first}, [&] {
        const auto got =
            second.endpoint->receive_until(second.endpoint->now() + std::chrono::milliseconds(1));
        received += got && std::holds_alternative<FrameReceived>(*got) ? 1U : 0U;
        return received == count;
    }));
    if (memory_is_exact) {
        EXPECT_LT(peak_memory_bytes() - before, std::size_t{64} << 20U);
    }
}

TEST_F(TlsEndpointTest, ARefusedConnectionIsRetryable) {
    first = open_test_endpoint(options_of("sl1", Role::sl, authority.issue("sl1", {Role::sl})));
    first.endpoint->connect(loopback(port), Role::sl);
    ASSERT_TRUE(run_until({&first}, [&] { return first.count<ConnectFailed>() == 1; }));
    const ConnectFailed failed = first.all<ConnectFailed>().at(0);
    EXPECT_EQ(failed.address, loopback(port));
    EXPECT_FALSE(failed.fatal);
    EXPECT_EQ(failed.error.code, Errc::unreachable);
    EXPECT_EQ(failed.error.message,
              "can't connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
}

TEST_F(TlsEndpointTest, AHostNameIsResolved) {
    second = open_test_endpoint(listening("sl2"));
    first = open_test_endpoint(options_of("sl1", Role::sl, authority.issue("sl1", {Role::sl})));
    first.endpoint->connect({"localhost", port}, Role::sl);
    EXPECT_TRUE(run_until({&first, &second}, [&] { return first.count<PeerUp>() == 1; }));
    EXPECT_EQ(first.all<PeerUp>().at(0).dialled, (Address{"localhost", port}));
}

TEST_F(TlsEndpointTest, ASecondDialOfTheSameAddressIsIgnoredDuringTheFirst) {
    second = open_test_endpoint(listening("sl2"));
    first = open_test_endpoint(options_of("sl1", Role::sl, authority.issue("sl1", {Role::sl})));
    first.endpoint->connect(loopback(port), Role::sl);
    first.endpoint->connect(loopback(port), Role::sl);
    ASSERT_TRUE(run_until({&first, &second}, [&] { return first.count<PeerUp>() == 1; }));
    first.endpoint->send(sl2, Frame{Heartbeat{}, {}});
    ASSERT_TRUE(run_until({&first, &second}, [&] { return second.count<FrameReceived>() == 1; }));
    EXPECT_EQ(first.inputs.size(), 1U);   // PeerUp
    EXPECT_EQ(second.inputs.size(), 2U);  // PeerUp, frame
}

TEST_F(TlsEndpointTest, ANewerConnectionOfTheSamePeerReplacesTheOlder) {
    connect_pair();
    TestEndpoint again =
        open_test_endpoint(options_of("sl1", Role::sl, authority.issue("sl1", {Role::sl})));
    again.endpoint->connect(loopback(port), Role::sl);
    ASSERT_TRUE(run_until({&first, &second, &again}, [&] {
        return second.count<PeerUp>() == 2 && first.count<PeerLost>() == 1 &&
               again.count<PeerUp>() == 1;
    }));
    ASSERT_EQ(second.inputs.size(), 3U);
    const auto* lost = std::get_if<PeerLost>(&second.inputs[1]);
    ASSERT_NE(lost, nullptr);
    EXPECT_EQ(lost->peer, sl1);
    EXPECT_TRUE(contains(lost->reason, "a newer connection of 'sl1' from 127.0.0.1:"))
        << lost->reason;
    second.endpoint->send(sl1, Frame{Heartbeat{}, {}});
    EXPECT_TRUE(
        run_until({&first, &second, &again}, [&] { return again.count<FrameReceived>() == 1; }));
    EXPECT_EQ(first.count<FrameReceived>(), 0U);
}

TEST_F(TlsEndpointTest, AnEarlierSessionOfAPeerDoesNotReplaceALaterOne) {
    const auto start = [&](std::uint64_t session) {
        TlsEndpointOptions options =
            options_of("sl1", Role::sl, authority.issue("sl1", {Role::sl}));
        options.session = session;
        TestEndpoint party = open_test_endpoint(options);
        party.endpoint->connect(loopback(port), Role::sl);
        return party;
    };
    second = open_test_endpoint(listening("sl2"));
    constexpr std::uint64_t ten = 1'795'737'600'000'000'000;  // 2026-11-27 00:00:00 UTC
    TestEndpoint later = start(ten + 1);
    ASSERT_TRUE(run_until({&later, &second}, [&] { return second.count<PeerUp>() == 1; }));
    EXPECT_EQ(second.all<PeerUp>().at(0).session, ten + 1);
    TestEndpoint earlier = start(ten);
    ASSERT_TRUE(run_until({&later, &earlier, &second},
                          [&] { return earlier.count<ConnectFailed>() == 1; }));
    const ConnectFailed failed = earlier.all<ConnectFailed>().at(0);
    EXPECT_EQ(failed.error.code, Errc::replaced);
    EXPECT_TRUE(failed.fatal);
    EXPECT_TRUE(contains(failed.error.message, "is replaced by a start of 'sl1' at 127.0.0.1:"))
        << failed.error.message;
    EXPECT_TRUE(contains(failed.error.message, "2026-11-27 00:00:00 UTC")) << failed.error.message;
    EXPECT_EQ(second.count<PeerLost>(), 0U);
    TestEndpoint newest = start(ten + 2);
    EXPECT_TRUE(run_until({&later, &newest, &second}, [&] { return second.count<PeerUp>() == 2; }));
}

TEST_F(TlsEndpointTest, CloseSendsQueuedFramesFirst) {
    connect_pair();
    const std::size_t lines = second.log->size();
    const Blob body = pattern_body(4);
    for (std::uint32_t i = 0; i < 64; ++i) {
        first.endpoint->send(sl2, segment(i, body));
    }
    std::thread closer([&] { first.endpoint->close(std::chrono::seconds(20)); });
    EXPECT_TRUE(run_until({&second}, [&] { return second.count<PeerLost>() == 1; }));
    closer.join();
    EXPECT_EQ(second.count<FrameReceived>(), 64U);
    EXPECT_TRUE(contains(second.all<PeerLost>().at(0).reason, "closed the connection"))
        << second.all<PeerLost>().at(0).reason;
    EXPECT_EQ(second.log->size(), lines) << second.logged();
}

TEST_F(TlsEndpointTest, CloseEndsAtItsTimeLimitIfThePeerDoesNotRead) {
    connect_pair();
    const Blob body = pattern_body(5);
    for (std::uint32_t i = 0; i < 256; ++i) {
        first.endpoint->send(sl2, segment(i, body));
    }
    const SwarmTime begin = first.endpoint->now();
    first.endpoint->close(std::chrono::milliseconds(200));
    const SwarmDuration took = first.endpoint->now() - begin;
    EXPECT_GE(took, std::chrono::milliseconds(200));
    EXPECT_LT(took, std::chrono::seconds(5));
}

TEST_F(TlsEndpointTest, ACrashIsDistinguishedFromACleanClose) {
    connect_pair();
    first.endpoint.reset();
    ASSERT_TRUE(run_until({&second}, [&] { return second.count<PeerLost>() == 1; }));
    const PeerLost lost = second.all<PeerLost>().at(0);
    EXPECT_EQ(lost.peer, sl1);
    EXPECT_TRUE(contains(lost.reason, "the connection broke off (program killed, or network lost)"))
        << lost.reason;
}

TEST_F(TlsEndpointTest, AnUnansweredDialEndsAtTheTimeLimit) {
    // The kernel completes the TCP connection for the listener, which never runs.
    second = open_test_endpoint(listening("sl2"));
    TlsEndpointOptions options = options_of("sl1", Role::sl, authority.issue("sl1", {Role::sl}));
    options.handshake_limit = std::chrono::milliseconds(300);
    first = open_test_endpoint(std::move(options));
    first.endpoint->connect(loopback(port), Role::sl);
    ASSERT_TRUE(run_until({&first}, [&] { return first.count<ConnectFailed>() == 1; }));
    const ConnectFailed failed = first.all<ConnectFailed>().at(0);
    EXPECT_FALSE(failed.fatal);
    EXPECT_EQ(failed.error.message,
              "127.0.0.1:" + std::to_string(port) + ": no hello within 300 ms");
}

TEST_F(TlsEndpointTest, FinishedWorkWakesTheEndpoint) {
    first = open_test_endpoint(options_of("sl1", Role::sl, authority.issue("sl1", {Role::sl})));
    std::thread worker([&] { first.endpoint->post(StopRequested{"enough"}); });
    const std::optional<Input> input =
        first.endpoint->receive_until(first.endpoint->now() + std::chrono::seconds(20));
    worker.join();
    ASSERT_TRUE(input && std::holds_alternative<StopRequested>(*input));
    EXPECT_EQ(std::get<StopRequested>(*input).reason, "enough");
}

TEST_F(TlsEndpointTest, WaitsForTheDeadlineIfNothingHappens) {
    first = open_test_endpoint(options_of("sl1", Role::sl, authority.issue("sl1", {Role::sl})));
    const SwarmTime deadline = first.endpoint->now() + std::chrono::milliseconds(50);
    EXPECT_FALSE(first.endpoint->receive_until(deadline));
    EXPECT_GE(first.endpoint->now(), deadline);
}

TEST_F(TlsEndpointTest, AFrameToAnUnknownPeerIsDropped) {
    connect_pair();
    first.endpoint->send(NodeId{"sl9"}, Frame{Heartbeat{}, {}});
    first.endpoint->send(sl2, Frame{Heartbeat{"after", 0, 0, 0}, {}});
    ASSERT_TRUE(run_until({&first, &second}, [&] { return second.count<FrameReceived>() == 1; }));
    EXPECT_EQ(std::get<Heartbeat>(second.all<FrameReceived>().at(0).frame.message).contract,
              "after");
}

TEST_F(TlsEndpointTest, APortInUseIsNamed) {
    second = open_test_endpoint(listening("sl2"));
    const auto opened = make_tls_endpoint(listening("sl3"));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::io);
    EXPECT_EQ(opened.error().message,
              "port " + std::to_string(port) +
                  " on 127.0.0.1 is in use: stop the program that uses it or choose another port");
}

TEST_F(TlsEndpointTest, AnAddressOfAnotherHostIsNamed) {
    TlsEndpointOptions options = listening("sl2");
    options.listen[0].address.host = "192.0.2.1";  // reserved for documentation (RFC 5737)
    const auto opened = make_tls_endpoint(std::move(options));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::io);
    EXPECT_EQ(opened.error().message,
              "192.0.2.1 is no address of this host: can't listen on "
              "192.0.2.1:" +
                  std::to_string(port));
}

}  // namespace
}  // namespace starling::test
