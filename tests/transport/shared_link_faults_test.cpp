// Random faults of the rings between two processes: pieces and reads of random sizes, records that
// arrive in parts, a process that is killed. The reader gets what was sent, and comes to an end.
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tests/transport/shared_link_support.hpp"
#include "transport/tls/shared_link.hpp"

namespace starling::test {
namespace {

/// There is always space for a piece of this size once all credits are read.
constexpr std::size_t fits_always = shared_region_bytes - SharedLink::credit_bytes;

/// A link with what it sends and what it expects.
class FaultyEnd {
public:
    FaultyEnd(SharedRings rings, std::uint64_t sends, std::uint64_t expects)
        : link(std::move(rings)), sends_(sends), expects_(expects) {}

    void write(std::size_t count) {
        link.write(sends_.at(written_, count));
        written_ += count;
        const Bytes records = link.take();
        outgoing.insert(outgoing.end(), records.begin(), records.end());
    }
    /// Reads once. \return  whether bytes of the stream came.
    bool read(std::size_t space_bytes) {
        Bytes space(space_bytes);
        ByteView records = ByteView(incoming).subspan(incoming_read_);
        const Result<std::size_t> got = link.read(records, space);
        incoming_read_ = incoming.size() - records.size();
        const Bytes credits = link.take();
        outgoing.insert(outgoing.end(), credits.begin(), credits.end());
        if (!got) {
            ADD_FAILURE() << got.error().message;
            return false;
        }
        space.resize(*got);
        wrong_ = wrong_ || space != expects_.at(read_, *got);
        read_ += *got;
        if (incoming_read_ == incoming.size()) {
            incoming.clear();
            incoming_read_ = 0;
        }
        return *got > 0;
    }
    std::uint64_t written() const { return written_; }
    std::uint64_t read() const { return read_; }
    /// Whether a byte came that was not sent.
    bool wrong() const { return wrong_; }

    SharedLink link;
    Bytes outgoing;  ///< records for the other end
    Bytes incoming;  ///< records from it

private:
    DrawnStream sends_;
    DrawnStream expects_;
    std::uint64_t written_ = 0;
    std::uint64_t read_ = 0;
    std::size_t incoming_read_ = 0;  ///< of incoming
    bool wrong_ = false;
};

struct RingsOfBoth {
    SharedRings here;
    SharedRings there;
};

RingsOfBoth make_rings() {
    SharedRegion forth = *SharedRegion::create(SharedRegion::Use::write);
    SharedRegion back = *SharedRegion::create(SharedRegion::Use::read);
    SharedRegion forth_there = *SharedRegion::open(forth.file(), SharedRegion::Use::read);
    SharedRegion back_there = *SharedRegion::open(back.file(), SharedRegion::Use::write);
    return {{std::move(forth), std::move(back)}, {std::move(back_there), std::move(forth_there)}};
}

// ---- Two honest ends ----------------------------------------------------------------------------

/// The first `count` bytes of what is under way arrive.
void deliver(FaultyEnd& from, FaultyEnd& to, std::size_t count) {
    const auto end =
        from.outgoing.begin() + static_cast<std::ptrdiff_t>(std::min(count, from.outgoing.size()));
    to.incoming.insert(to.incoming.end(), from.outgoing.begin(), end);
    from.outgoing.erase(from.outgoing.begin(), end);
}

void run_honest(std::uint64_t seed) {
    Random random(derive_seed(seed, "honest"));
    RingsOfBoth rings = make_rings();
    std::array<FaultyEnd, 2> ends{FaultyEnd(std::move(rings.here), 2 * seed, 2 * seed + 1),
                                  FaultyEnd(std::move(rings.there), 2 * seed + 1, 2 * seed)};
    for (int step = 0; step < 150; ++step) {
        FaultyEnd& end = ends.at(random.below(2));
        FaultyEnd& other = &end == ends.data() ? ends[1] : ends[0];
        const std::uint64_t kind = random.below(3);
        if (kind == 0) {
            const std::size_t count = drawn_size(random, largest_piece);
            if (end.link.may_write(count)) {
                end.write(count);
            }
        } else if (kind == 1) {
            // Often a part of a record; bytes that follow one are many more.
            deliver(end, other, drawn_size(random, random.chance(0.5) ? 40 : largest_piece));
        } else {
            end.read(drawn_size(random, largest_piece));
        }
    }
    bool moved = true;
    while (moved) {
        moved = false;
        for (FaultyEnd& end : ends) {
            FaultyEnd& other = &end == ends.data() ? ends[1] : ends[0];
            deliver(end, other, end.outgoing.size());
            while (other.read(largest_piece)) {
                moved = true;
            }
        }
    }
    for (const FaultyEnd& end : ends) {
        const FaultyEnd& other = &end == ends.data() ? ends[1] : ends[0];
        EXPECT_EQ(end.read(), other.written());
        EXPECT_FALSE(end.wrong());
        EXPECT_TRUE(end.link.may_write(fits_always));
    }
}

TEST(SharedLinkFaults, WhatIsSentArrivesInWhateverPartsItIsReadAndDelivered) {
    for (std::uint64_t seed = 1; seed <= fault_seeds && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        run_honest(seed);
    }
}

// ---- A process that is killed -------------------------------------------------------------------

constexpr int event_limit_ms = 20'000;

/// Moves records of an end through a socket without waiting for it.
class SocketEnd {
public:
    SocketEnd(Descriptor socket, FaultyEnd end, Random random)
        : socket_(std::move(socket)), end_(std::move(end)), random_(random) {}

    /// What it does between two of these calls is what a kill can separate.
    bool write() {
        const std::size_t count = drawn_size(random_, largest_piece);
        if (end_.outgoing.size() > largest_piece || !end_.link.may_write(count)) {
            return false;
        }
        end_.write(count);
        return true;
    }
    bool send() {
        const std::size_t count = std::min(end_.outgoing.size(), drawn_size(random_, 1U << 17U));
        const ssize_t sent =
            ::send(socket_.number(), end_.outgoing.data(), count, MSG_DONTWAIT | MSG_NOSIGNAL);
        end_.outgoing.erase(end_.outgoing.begin(),
                            end_.outgoing.begin() + std::max<ssize_t>(sent, 0));
        if (end_.outgoing.empty()) {
            handed_over_ = end_.written();
        }
        return sent > 0;
    }
    bool receive() {
        Bytes space(drawn_size(random_, 1U << 17U));
        const ssize_t got = ::recv(socket_.number(), space.data(), space.size(), MSG_DONTWAIT);
        ended_ = got == 0 || (got < 0 && errno != EAGAIN);
        end_.incoming.insert(end_.incoming.end(), space.begin(),
                             space.begin() + std::max<ssize_t>(got, 0));
        while (end_.read(drawn_size(random_, largest_piece))) {
        }
        return got > 0;
    }
    /// \return  false: nothing happened for much too long.
    bool wait() {
        const short events = static_cast<short>(POLLIN | (end_.outgoing.empty() ? 0 : POLLOUT));
        pollfd one{socket_.number(), events, 0};
        return ::poll(&one, 1, event_limit_ms) > 0;
    }
    /// The other end is closed, and all that it has sent was read.
    bool ended() const { return ended_; }
    /// Bytes of the stream whose records were given to the socket, at least.
    std::uint64_t handed_over() const { return handed_over_; }
    const FaultyEnd& end() const { return end_; }

private:
    Descriptor socket_;
    FaultyEnd end_;
    Random random_;
    bool ended_ = false;
    std::uint64_t handed_over_ = 0;
};

/// The other process: is killed after so many steps.
[[noreturn]] void run_until_killed(SocketEnd& end, std::uint64_t steps,
                                   std::atomic<std::uint64_t>& handed_over) {
    const auto step = [&] {
        handed_over = end.handed_over();
        if (steps-- == 0) {
            ::kill(::getpid(), SIGKILL);
        }
    };
    for (;;) {
        const bool wrote = end.write();
        step();
        const bool sent = end.send();
        step();
        const bool received = end.receive();
        step();
        if (end.ended() || end.end().wrong() || (!wrote && !sent && !received && !end.wait())) {
            ::_exit(1);
        }
    }
}

/// Memory that a process shares with its children.
class SharedCounter {
public:
    SharedCounter()
        : memory_(::mmap(nullptr, sizeof(std::atomic<std::uint64_t>), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
          value_(new (memory_) std::atomic<std::uint64_t>(0)) {}
    SharedCounter(const SharedCounter&) = delete;
    SharedCounter& operator=(const SharedCounter&) = delete;
    ~SharedCounter() { ::munmap(memory_, sizeof(std::atomic<std::uint64_t>)); }
    std::atomic<std::uint64_t>& value() { return *value_; }

private:
    void* memory_;
    std::atomic<std::uint64_t>* value_;
};

void run_killed(std::uint64_t seed, std::uint64_t& most_read) {
    Random random(derive_seed(seed, "killed"));
    const std::uint64_t steps = random.below(200);
    std::array<int, 2> sockets{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()), 0);
    Descriptor here(sockets[0]);
    Descriptor there(sockets[1]);
    RingsOfBoth rings = make_rings();
    SharedCounter handed_over;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        here.close();
        SocketEnd end(std::move(there), FaultyEnd(std::move(rings.there), 2 * seed, 2 * seed + 1),
                      Random(derive_seed(seed, "child")));
        run_until_killed(end, steps, handed_over.value());
    }
    there.close();
    SocketEnd end(std::move(here), FaultyEnd(std::move(rings.here), 2 * seed + 1, 2 * seed),
                  Random(derive_seed(seed, "parent")));
    bool in_time = true;
    while (!end.ended() && in_time) {
        const bool wrote = end.write();
        const bool sent = end.send();
        const bool received = end.receive();
        in_time = end.ended() || wrote || sent || received || end.wait();
    }
    EXPECT_TRUE(in_time) << "the reader waits for a process that is gone";
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the other process ended by itself, with " << status;
    EXPECT_FALSE(end.end().wrong());
    EXPECT_GE(end.end().read(), handed_over.value().load())
        << "bytes whose records had come were not read";
    most_read = std::max(most_read, end.end().read());
}

TEST(SharedLinkFaults, OfAProcessThatIsKilledAllArrivesThatItHadSent) {
    std::uint64_t most_read = 0;
    for (std::uint64_t seed = 1; seed <= fault_seeds && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        run_killed(seed, most_read);
    }
    EXPECT_GT(most_read, shared_region_bytes) << "some live until the rings have wrapped";
}

}  // namespace
}  // namespace starling::test
