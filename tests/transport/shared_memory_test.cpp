// Frames through the shared memory of a Unix socket's two ends, and the plain bytes where one of
// them can't or does not want to.
#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <set>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/base/buffer_pool.hpp"
#include "core/base/coding.hpp"
#include "core/wire/codec.hpp"
#include "tests/transport/tls_support.hpp"
#include "transport/tls/channel.hpp"
#include "transport/tls/passed_files.hpp"
#include "transport/tls/shared_link.hpp"

namespace starling::test {
namespace {

const std::string shares = memory_is_shared;
constexpr std::size_t segment_size = std::size_t{256} * 1024;

Blob segment_of(std::uint32_t index) {
    Bytes bytes(segment_size);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>((i + index) % 251);
    }
    return Blob(std::move(bytes));
}

void send_segments(TestEndpoint& from, const std::string& to, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
        from.endpoint->send(NodeId{to}, Frame{MlSegment{1, i}, segment_of(i)});
    }
}

/// Whether segments 0 to `count` - 1 of `from` have arrived, in order and with their bytes.
bool has_segments(const TestEndpoint& at, const std::string& from, std::uint32_t count) {
    std::uint32_t next = 0;
    for (const FrameReceived& got : at.all<FrameReceived>()) {
        if (got.from.name != from) {
            continue;
        }
        const Blob expected = segment_of(next);
        if (std::get<MlSegment>(got.frame.message).index != next ||
            !std::ranges::equal(got.frame.body.view(), expected.view())) {
            return false;
        }
        ++next;
    }
    return next == count;
}

sockaddr_un path_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

/// An ML's end of the socket without our code, from a program that may be old or hostile.
class ScriptedMl {
public:
    explicit ScriptedMl(const std::string& path)
        : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const sockaddr_un address = path_address(path);
        EXPECT_EQ(::connect(socket_.number(), reinterpret_cast<const sockaddr*>(&address),
                            sizeof address),
                  0);
    }
    void hello(const std::vector<Descriptor>& files) {
        const Bytes bytes = encode_head(Frame{Hello{NodeId{"ml1"}, Role::ml, 0}, {}});
        if (files.empty()) {
            send(bytes);
            return;
        }
        EXPECT_EQ(send_with_files(socket_.number(), bytes, files),
                  static_cast<ssize_t>(bytes.size()));
    }
    /// A hello with any number of descriptors, which send_with_files() would not pass.
    void hello_with_numbers(const std::vector<int>& numbers) {
        Bytes bytes = encode_head(Frame{Hello{NodeId{"ml1"}, Role::ml, 0}, {}});
        const std::size_t size = numbers.size() * sizeof(int);
        std::vector<std::max_align_t> control(CMSG_SPACE(size) / sizeof(std::max_align_t) + 1);
        iovec part{bytes.data(), bytes.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(size);
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(size);
        std::memcpy(CMSG_DATA(header), numbers.data(), size);
        EXPECT_EQ(::sendmsg(socket_.number(), &message, MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }
    void send(const Bytes& bytes) {
        EXPECT_EQ(::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }
    void send_record(std::uint32_t kind, std::uint32_t count, std::uint32_t offset) {
        Writer record;
        for (const std::uint32_t field : {SharedLink::magic, kind, count, offset}) {
            record.u32(field);
        }
        send(record.take());
    }
    /// The first four bytes that came; 0: too few are here.
    std::uint32_t first_word() const {
        std::array<std::byte, 4> bytes{};
        const ssize_t count =
            ::recv(socket_.number(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
        return count == 4 ? Reader(bytes).u32() : 0;
    }
    void close() { socket_.close(); }

private:
    Descriptor socket_;
};

Descriptor sealed_file(int seals, std::size_t size = shared_region_bytes) {
    Descriptor file(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    EXPECT_EQ(::ftruncate(file.number(), static_cast<off_t>(size)), 0);
    EXPECT_EQ(::fcntl(file.number(), F_ADD_SEALS, seals), 0);
    return file;
}

std::vector<Descriptor> two_files(int first_seals, int second_seals) {
    std::vector<Descriptor> files;
    files.push_back(sealed_file(first_seals));
    files.push_back(sealed_file(second_seals));
    return files;
}

constexpr int fixed = F_SEAL_SHRINK | F_SEAL_GROW;

class SharedMemoryTest : public testing::Test {
protected:
    TestEndpoint open_sl(bool share = true,
                         std::size_t receive_bytes_max = std::size_t{16} << 20U) {
        TlsEndpointOptions options =
            options_of("sl1", Role::sl, std::nullopt, {{address, {Role::ml}}});
        options.share_memory = share;
        options.receive_bytes_max = receive_bytes_max;
        return open_test_endpoint(std::move(options));
    }
    TestEndpoint open_ml(const std::string& name = "ml1", bool share = true) {
        TlsEndpointOptions options = options_of(name, Role::ml, std::nullopt);
        options.share_memory = share;
        TestEndpoint party = open_test_endpoint(std::move(options));
        party.endpoint->connect(address, Role::sl);
        return party;
    }
    static void await_up(TestEndpoint& sl, TestEndpoint& ml) {
        ASSERT_TRUE(run_until({&sl, &ml},
                              [&] { return sl.count<PeerUp>() == 1 && ml.count<PeerUp>() == 1; }));
    }
    /// Exchanges four times what fits into the rings.
    static void exchange(TestEndpoint& sl, TestEndpoint& ml) {
        send_segments(ml, "sl1", 64);
        send_segments(sl, "ml1", 64);
        ASSERT_TRUE(run_until({&sl, &ml}, [&] {
            return sl.count<FrameReceived>() == 64 && ml.count<FrameReceived>() == 64;
        }));
        EXPECT_TRUE(has_segments(sl, "ml1", 64));
        EXPECT_TRUE(has_segments(ml, "sl1", 64));
    }

    Folder folder;
    const Address address{folder.file("sl1.sock"), 0};
};

TEST_F(SharedMemoryTest, LargeFramesPassBothWays) {
    TestEndpoint sl = open_sl();
    TestEndpoint ml = open_ml();
    await_up(sl, ml);
    exchange(sl, ml);
    EXPECT_EQ(sl.logged(), "'ml1': " + shares + "\n");
    EXPECT_EQ(ml.logged(), "'sl1': " + shares + "\n");
}

Blob pooled_segment_of(std::uint32_t index) {
    const Blob segment = segment_of(index);
    BufferPool::Buffer buffer = BufferPool::of_models().take(segment.size());
    std::ranges::copy(segment.view(), buffer.get());
    const ByteView view(buffer.get(), segment.size());
    return Blob(std::move(buffer), view);
}

TEST_F(SharedMemoryTest, AModelInThePoolIsReadInPlaceByTheProgramAndCopiedByTheSl) {
    TestEndpoint sl = open_sl();
    TestEndpoint ml = open_ml();
    await_up(sl, ml);
    constexpr std::uint32_t count = 32;
    std::vector<const std::byte*> places;
    for (std::uint32_t i = 0; i < count; ++i) {
        const Blob segment = pooled_segment_of(i);
        places.push_back(segment.view().data());
        ml.endpoint->send(NodeId{"sl1"}, Frame{MlSegment{1, i}, segment});
        sl.endpoint->send(NodeId{"ml1"}, Frame{MlSegment{1, i}, segment});
    }
    ASSERT_TRUE(run_until({&sl, &ml}, [&] {
        return sl.count<FrameReceived>() == count && ml.count<FrameReceived>() == count;
    }));
    EXPECT_TRUE(has_segments(sl, "ml1", count));
    EXPECT_TRUE(has_segments(ml, "sl1", count));
    const auto distances = [&](const TestEndpoint& at) {
        std::set<std::ptrdiff_t> found;
        for (const FrameReceived& got : at.all<FrameReceived>()) {
            const std::uint32_t index = std::get<MlSegment>(got.frame.message).index;
            if (index > 0) {  // the first may be sent before the other end has the pool
                found.insert(got.frame.body.view().data() - places.at(index));
            }
        }
        return found.size();
    };
    EXPECT_EQ(distances(ml), 1U) << "it sees the pool elsewhere, in one piece";
    EXPECT_GT(distances(sl), 1U);
}

TEST_F(SharedMemoryTest, SegmentsAreCopiedOneByOneAsTheNodeHandlesThem) {
    TestEndpoint sl = open_sl();
    TestEndpoint ml = open_ml();
    await_up(sl, ml);
    constexpr std::uint32_t count = 16;
    const auto sent_to_sl = [&] {
        for (std::uint32_t i = 0; i < count; ++i) {
            ml.endpoint->send(NodeId{"sl1"}, Frame{MlSegment{1, i}, pooled_segment_of(i)});
        }
        EXPECT_FALSE(ml.endpoint->receive_until(ml.endpoint->now()));
    };
    sent_to_sl();
    ASSERT_TRUE(run_until({&sl, &ml}, [&] { return sl.count<FrameReceived>() == count; }));
    sl.inputs.clear();
    const std::size_t free_before = BufferPool::of_process().free_bytes();
    ASSERT_GE(free_before, count * segment_size) << "all of the first copies are used again";
    sent_to_sl();
    std::optional<Input> first;
    while (!first) {
        first = sl.endpoint->receive_until(sl.endpoint->now() + std::chrono::seconds(10));
    }
    ASSERT_TRUE(std::holds_alternative<FrameReceived>(*first));
    EXPECT_LE(free_before - BufferPool::of_process().free_bytes(), 3 * segment_size);
}

TEST_F(SharedMemoryTest, AnEndThatDoesNotWantItGetsBytes) {
    for (const bool sl_shares : {false, true}) {
        TestEndpoint sl = open_sl(sl_shares);
        TestEndpoint ml = open_ml("ml1", !sl_shares);
        await_up(sl, ml);
        exchange(sl, ml);
        EXPECT_EQ(sl.logged(), "");
        EXPECT_EQ(ml.logged(), sl_shares ? "" : "'sl1': the other end does not use it\n");
    }
}

TEST_F(SharedMemoryTest, WithoutMemoryToShareFramesAreBytes) {
    const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit small{shared_region_bytes - 1, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    TestEndpoint sl = open_sl();
    TestEndpoint ml = open_ml();
    await_up(sl, ml);
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, old_handler);
    exchange(sl, ml);
    EXPECT_EQ(ml.logged(), "'sl1': no memory can be shared: File too large\n");
    EXPECT_EQ(sl.logged(), "");
}

TEST_F(SharedMemoryTest, AnMlOfAnOlderVersionGetsBytes) {
    TestEndpoint sl = open_sl();
    ScriptedMl ml(address.host);
    ml.hello({});
    ASSERT_TRUE(run_until({&sl}, [&] { return ml.first_word() != 0; }));
    EXPECT_EQ(ml.first_word(), frame_magic);
    EXPECT_EQ(sl.logged(), "");
}

/// An SL of an older version reads with recv(), which drops the descriptors.
TEST_F(SharedMemoryTest, AnSlOfAnOlderVersionGetsBytes) {
    const Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un path = path_address(address.host);
    ASSERT_EQ(::bind(listener.number(), reinterpret_cast<const sockaddr*>(&path), sizeof path), 0);
    ASSERT_EQ(::listen(listener.number(), 1), 0);
    TestEndpoint ml = open_ml();
    Descriptor peer;
    Bytes received;
    const auto receive = [&] {
        Bytes space(segment_size);
        const ssize_t count = ::recv(peer.number(), space.data(), space.size(), MSG_DONTWAIT);
        received.insert(received.end(), space.begin(), space.begin() + std::max<ssize_t>(count, 0));
    };
    ASSERT_TRUE(run_until({&ml}, [&] {
        if (!peer) {
            peer = Descriptor(::accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC));
        }
        receive();
        return !received.empty();
    }));
    const Bytes hello = encode_head(Frame{Hello{NodeId{"sl1"}, Role::sl, 1}, {}});
    // In two parts, so that the first is too short to tell what follows.
    ASSERT_EQ(::send(peer.number(), hello.data(), 3, 0), 3);
    ml.endpoint->receive_until(ml.endpoint->now() + std::chrono::milliseconds(1));
    ASSERT_GT(::send(peer.number(), hello.data() + 3, hello.size() - 3, 0), 0);
    ASSERT_TRUE(run_until({&ml}, [&] { return ml.count<PeerUp>() == 1; }));
    EXPECT_EQ(ml.logged(), "'sl1': the other end does not use it\n");
    received.clear();
    send_segments(ml, "sl1", 1);
    ASSERT_TRUE(run_until({&ml}, [&] {
        receive();
        return received.size() > segment_size;
    }));
    EXPECT_EQ(Reader(received).u32(), frame_magic);
    EXPECT_TRUE(std::ranges::equal(ByteView(received).last(segment_size), segment_of(0).view()));
}

TEST_F(SharedMemoryTest, RegionsThatCouldShrinkAreNotUsed) {
    TestEndpoint sl = open_sl();
    ScriptedMl ml(address.host);
    ml.hello(two_files(fixed, F_SEAL_GROW));
    ASSERT_TRUE(run_until({&sl}, [&] { return ml.first_word() != 0; }));
    EXPECT_EQ(ml.first_word(), frame_magic);
    EXPECT_EQ(sl.logged(), "'ml1': its size could change\n");
}

TEST_F(SharedMemoryTest, ARegionThatIsMissingIsNotMissed) {
    TestEndpoint sl = open_sl();
    ScriptedMl ml(address.host);
    std::vector<Descriptor> one;
    one.push_back(sealed_file(fixed));
    ml.hello(one);
    ASSERT_TRUE(run_until({&sl}, [&] { return ml.first_word() != 0; }));
    EXPECT_EQ(ml.first_word(), frame_magic);
}

TEST_F(SharedMemoryTest, MoreDescriptorsThanExpectedAreClosed) {
    TestEndpoint sl = open_sl();
    const auto open_descriptors = [] {
        const std::filesystem::directory_iterator all("/proc/self/fd");
        return std::distance(begin(all), end(all));
    };
    ScriptedMl ml(address.host);
    std::vector<int> numbers;
    std::vector<Descriptor> files;
    for (int i = 0; i < 6; ++i) {
        files.push_back(sealed_file(fixed));
        numbers.push_back(files.back().number());
    }
    ml.hello_with_numbers(numbers);
    files.clear();
    ASSERT_TRUE(run_until({&sl}, [&] { return sl.count<PeerUp>() == 1; }));
    const auto up = open_descriptors();
    ml.close();
    ASSERT_TRUE(run_until({&sl}, [&] { return sl.count<PeerLost>() == 1; }));
    EXPECT_LE(open_descriptors(), up - 2) << "both ends of the connection are closed";
}

TEST_F(SharedMemoryTest, AForgedRecordEndsItsConnectionOnly) {
    TestEndpoint sl = open_sl();
    TestEndpoint honest = open_ml("ml2");
    ScriptedMl hostile(address.host);
    hostile.hello(two_files(fixed, fixed));
    ASSERT_TRUE(run_until({&sl, &honest}, [&] {
        return sl.count<PeerUp>() == 2 && hostile.first_word() == SharedLink::magic;
    }));
    hostile.send_record(2, 16, 4096);
    ASSERT_TRUE(run_until({&sl, &honest}, [&] { return sl.count<PeerLost>() == 1; }));
    EXPECT_EQ(sl.all<PeerLost>().at(0).peer, NodeId{"ml1"});
    EXPECT_TRUE(contains(sl.all<PeerLost>().at(0).reason, "shared memory: 16 bytes at 4096"))
        << sl.all<PeerLost>().at(0).reason;
    send_segments(honest, "sl1", 32);
    ASSERT_TRUE(run_until({&sl, &honest}, [&] { return sl.count<FrameReceived>() == 32; }));
    EXPECT_TRUE(has_segments(sl, "ml2", 32));
}

/// The ring is of zeros: as a frame's header they are refused like those of any peer.
TEST_F(SharedMemoryTest, RubbishInTheRingIsABadFrame) {
    TestEndpoint sl = open_sl();
    ScriptedMl ml(address.host);
    ml.hello(two_files(fixed, fixed));
    ml.send_record(2, 65536, 0);
    ASSERT_TRUE(run_until({&sl}, [&] { return sl.count<PeerLost>() == 1; }));
    EXPECT_TRUE(contains(sl.all<PeerLost>().at(0).reason, "bad frame"));
}

TEST_F(SharedMemoryTest, AProgramThatDiesInTheMiddleOfAFrameIsLost) {
    TestEndpoint sl = open_sl();
    ScriptedMl ml(address.host);
    ml.hello(two_files(fixed, fixed));
    const Bytes head = encode_head(Frame{MlSegment{1, 0}, segment_of(0)});
    ml.send_record(1, static_cast<std::uint32_t>(head.size()), 0);
    ml.send(head);
    ml.send_record(2, 65536, 0);
    ml.close();
    ASSERT_TRUE(run_until({&sl}, [&] { return sl.count<PeerLost>() == 1; }));
    EXPECT_TRUE(contains(sl.all<PeerLost>().at(0).reason, "in the middle of a frame"));
    EXPECT_EQ(sl.count<FrameReceived>(), 0U);
}

TEST_F(SharedMemoryTest, ASlowReceiverStopsTheSenderAndLosesNothing) {
    TestEndpoint sl = open_sl(true, std::size_t{1} << 20U);
    TestEndpoint ml = open_ml();
    await_up(sl, ml);
    send_segments(ml, "sl1", 128);
    // The ring is full long before, and nobody reads.
    const SwarmTime until = ml.endpoint->now() + std::chrono::milliseconds(100);
    while (ml.endpoint->now() < until) {
        ml.endpoint->receive_until(until);
    }
    ASSERT_TRUE(run_until({&sl, &ml}, [&] { return sl.count<FrameReceived>() == 128; }));
    EXPECT_TRUE(has_segments(sl, "ml1", 128));
}

TEST_F(SharedMemoryTest, TwoConnectionsHaveRingsOfTheirOwn) {
    TestEndpoint sl = open_sl();
    TestEndpoint first = open_ml("ml1");
    TestEndpoint second = open_ml("ml2");
    ASSERT_TRUE(run_until({&sl, &first, &second}, [&] { return sl.count<PeerUp>() == 2; }));
    send_segments(first, "sl1", 40);
    send_segments(second, "sl1", 40);
    ASSERT_TRUE(run_until({&sl, &first, &second}, [&] { return sl.count<FrameReceived>() == 80; }));
    EXPECT_TRUE(has_segments(sl, "ml1", 40));
    EXPECT_TRUE(has_segments(sl, "ml2", 40));
}

/// More than the ring holds, and no credit is read any more.
TEST_F(SharedMemoryTest, AnEndThatClosesSendsAllBefore) {
    TestEndpoint sl = open_sl();
    TestEndpoint ml = open_ml();
    await_up(sl, ml);
    send_segments(ml, "sl1", 64);
    std::thread closing([&] { ml.endpoint->close(std::chrono::seconds(20)); });
    EXPECT_TRUE(run_until({&sl}, [&] { return sl.count<PeerLost>() == 1; }));
    closing.join();
    EXPECT_TRUE(has_segments(sl, "ml1", 64));
}

TEST_F(SharedMemoryTest, NoDescriptorStaysOpenOnceTheMemoryIsMapped) {
    TestEndpoint sl = open_sl();
    TestEndpoint ml = open_ml();
    await_up(sl, ml);
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        const std::string file = std::filesystem::read_symlink(entry, gone).string();
        EXPECT_FALSE(contains(file, "starling-ring")) << file;
    }
}

}  // namespace
}  // namespace starling::test
