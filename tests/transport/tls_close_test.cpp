// A close never overtakes data: what a peer has sent before its end, however abrupt, is delivered
// before PeerDown.
#include <cstring>
#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/wire/codec.hpp"
#include "tests/transport/tls_support.hpp"

namespace starling::test {
namespace {

constexpr int tries = 20;
constexpr int unread_bytes = 64 * 1024;

const CloseSession last_message{Errc::usage, "last words"};

Bytes bytes_of(std::initializer_list<Message> messages) {
    Bytes bytes;
    for (const Message& message : messages) {
        const Bytes head = encode_head(Frame{message, {}});
        bytes.insert(bytes.end(), head.begin(), head.end());
    }
    return bytes;
}

/// A peer on a Unix socket that ignores the protocol.
class RawUnix {
public:
    explicit RawUnix(const std::string& path) : descriptor_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        EXPECT_EQ(
            ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }
    RawUnix(const RawUnix&) = delete;
    RawUnix& operator=(const RawUnix&) = delete;
    ~RawUnix() { close(); }

    void write(const Bytes& bytes) const {
        EXPECT_EQ(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }
    /// As when the process ends.
    void close() { ::close(std::exchange(descriptor_, -1)); }
    int descriptor() const { return descriptor_; }

private:
    int descriptor_;
};

class TlsCloseTest : public testing::Test {
protected:
    TestEndpoint open_sl(std::size_t receive_bytes_max = std::size_t{16} << 20U) {
        TlsEndpointOptions options = options_of("sl1", Role::sl, authority.issue("sl1", {Role::sl}),
                                                {{socket, {Role::ml}}, {tcp, {Role::sl}}});
        options.receive_bytes_max = receive_bytes_max;
        return open_test_endpoint(std::move(options));
    }
    /// Sends more than any socket buffers, as soon as the peer is up.
    static void flood(TestEndpoint& party, const NodeId& peer) {
        for (std::uint32_t i = 0; i < 128; ++i) {
            party.endpoint->send(peer, Frame{MlSegment{1, i}, large});
        }
    }
    /// Runs until the peer is lost. \return  whether its last message arrived, and arrived before
    /// that.
    static bool receives_all_before_the_end(TestEndpoint& party) {
        bool flooded = false;
        EXPECT_TRUE(run_until({&party}, [&] {
            if (!flooded && party.count<PeerUp>() > 0) {
                flooded = true;
                flood(party, party.all<PeerUp>().at(0).peer);
            }
            return party.count<PeerLost>() > 0;
        }));
        return last_words_are_before<PeerLost>(party);
    }
    template <typename End>
    static bool last_words_are_before(const TestEndpoint& party) {
        bool heard = false;
        for (const Input& input : party.inputs) {
            if (std::holds_alternative<End>(input)) {
                return heard;
            }
            const auto* received = std::get_if<FrameReceived>(&input);
            heard = heard || (received != nullptr &&
                              std::holds_alternative<CloseSession>(received->frame.message));
        }
        return false;
    }

    Folder folder;
    Authority authority{folder, "swarm"};
    const Address socket{folder.file("sl1.sock"), 0};
    const Address tcp = loopback(free_port());
    static inline const Blob large{Bytes(std::size_t{256} * 1024)};
};

TEST_F(TlsCloseTest, DataSentBeforeAProcessEndedIsDelivered) {
    for (int i = 0; i < tries; ++i) {
        TestEndpoint sl = open_sl();
        std::thread program([&] {
            RawUnix ml(socket.host);
            ml.write(bytes_of({Hello{{"ml1"}, Role::ml}}));
            wait_for_unread(ml.descriptor(), unread_bytes);
            ml.write(bytes_of({last_message}));
        });
        EXPECT_TRUE(receives_all_before_the_end(sl)) << "try " << i;
        program.join();
    }
}

TEST_F(TlsCloseTest, DataSentBeforeAResetIsDelivered) {
    RawTls member{authority.issue("sl2", {Role::sl})};
    member.send = bytes_of({Hello{{"sl2"}, Role::sl}});
    member.send_last = bytes_of({last_message});
    member.unread_bytes = unread_bytes;
    member.close_after_send = true;
    for (int i = 0; i < tries; ++i) {
        TestEndpoint sl = open_sl();
        std::thread host([&] { member.run(tcp.port); });
        EXPECT_TRUE(receives_all_before_the_end(sl)) << "try " << i;
        host.join();
    }
}

TEST_F(TlsCloseTest, DataSentBeforeACloseIsDeliveredWhileBothSidesWrite) {
    for (const Address& address : {socket, tcp}) {
        for (int i = 0; i < tries / 4; ++i) {
            TestEndpoint sl = open_sl();
            const Role role = address.port == 0 ? Role::ml : Role::sl;
            const std::string name = address.port == 0 ? "ml1" : "sl2";
            std::thread node([&] {
                TestEndpoint other =
                    open_test_endpoint(options_of(name, role, authority.issue(name, {role})));
                other.endpoint->connect(address, Role::sl);
                EXPECT_TRUE(run_until({&other}, [&] { return other.count<FrameReceived>() > 0; }));
                flood(other, {"sl1"});
                other.endpoint->send({"sl1"}, Frame{last_message, {}});
                other.endpoint->close(std::chrono::seconds(30));
            });
            EXPECT_TRUE(receives_all_before_the_end(sl)) << to_string(address) << ", try " << i;
            node.join();
        }
    }
}

TEST_F(TlsCloseTest, ADeferredEventFollowsWhatADeadProgramHasSent) {
    for (const std::size_t receive_bytes_max : {std::size_t{16} << 20U, std::size_t{1}}) {
        TestEndpoint sl = open_sl(receive_bytes_max);
        RawUnix ml(socket.host);
        ml.write(bytes_of({Hello{{"ml1"}, Role::ml}, MlSegment{1, 0}, MlSegment{1, 1},
                           MlSegment{1, 2}, last_message}));
        ml.close();
        sl.endpoint->post_after_arrivals(StopRequested{"its process has ended"});
        ASSERT_TRUE(run_until({&sl}, [&] { return sl.count<StopRequested>() == 1; }));
        EXPECT_TRUE(last_words_are_before<StopRequested>(sl)) << receive_bytes_max;
        EXPECT_EQ(sl.count<PeerLost>(), 1U);
    }
}

TEST_F(TlsCloseTest, ADeferredEventIsImmediateIfNothingWasSent) {
    TestEndpoint sl = open_sl();
    sl.endpoint->post_after_arrivals(StopRequested{"its process has ended"});
    const std::optional<Input> input =
        sl.endpoint->receive_until(sl.endpoint->now() + std::chrono::seconds(30));
    ASSERT_TRUE(input.has_value());
    EXPECT_TRUE(std::holds_alternative<StopRequested>(*input));
}

}  // namespace
}  // namespace starling::test
