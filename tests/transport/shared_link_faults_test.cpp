// Random faults of the rings between two processes: pieces and reads of random sizes, records that
// arrive in parts, a process that is killed. The reader gets what was sent, and comes to an end.
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
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
    FaultyEnd(SharedBetween shared, std::uint64_t sends, std::uint64_t expects)
        : pool(std::make_unique<BufferPool>()),
          link(std::move(shared.rings), shared.pools),
          sends_(sends),
          expects_(expects) {
        pool->draw_from(shared.pools.own);
    }

    void write(std::size_t count) {
        link.write(sends_.at(written_, count));
        written_ += count;
        collect();
    }
    /// A piece of the pool.
    void lend(std::size_t count) {
        const BufferPool::Buffer buffer = pool->take(count);
        const Bytes bytes = sends_.at(written_, count);
        std::copy(bytes.begin(), bytes.end(), buffer.get());
        const Blob piece(buffer, ByteView(buffer.get(), count));
        lent_.push_back(buffer);
        if (!link.may_lend(piece)) {
            return;
        }
        link.lend(piece);
        written_ += count;
        collect();
    }
    /// \return  whether a piece of this size was borrowed; it is kept.
    bool borrow(std::size_t count) {
        ByteView records = ByteView(incoming).subspan(incoming_read_);
        Result<std::optional<Blob>> got = link.borrow(records, count);
        incoming_read_ = incoming.size() - records.size();
        if (!got) {
            ADD_FAILURE() << got.error().message;
            return false;
        }
        if (*got) {
            borrowed_.emplace_back(read_, **got);
            read_ += count;
        }
        return got->has_value();
    }
    /// All that is borrowed still has the bytes that were sent.
    void give_back() {
        for (const auto& [position, piece] : std::exchange(borrowed_, {})) {
            wrong_ =
                wrong_ || !std::ranges::equal(piece.view(), expects_.at(position, piece.size()));
        }
    }
    void collect() {
        const Bytes records = link.take();
        outgoing.insert(outgoing.end(), records.begin(), records.end());
    }
    /// Pieces that the other end, or what is under way to it, still holds.
    std::size_t held() {
        std::erase_if(lent_, [](const auto& piece) { return piece.expired(); });
        return lent_.size();
    }
    /// Reads once. \return  whether bytes of the stream came.
    bool read(std::size_t space_bytes) {
        Bytes space(space_bytes);
        ByteView records = ByteView(incoming).subspan(incoming_read_);
        const Result<std::size_t> got = link.read(records, space);
        incoming_read_ = incoming.size() - records.size();
        collect();
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

    std::unique_ptr<BufferPool> pool;  ///< outlives what the link has lent
    SharedLink link;
    Bytes outgoing;  ///< records for the other end
    Bytes incoming;  ///< records from it

private:
    std::vector<std::weak_ptr<std::byte[]>> lent_;          ///< all pieces of the pool
    std::vector<std::pair<std::uint64_t, Blob>> borrowed_;  ///< with their places in the stream
    DrawnStream sends_;
    DrawnStream expects_;
    std::uint64_t written_ = 0;
    std::uint64_t read_ = 0;
    std::size_t incoming_read_ = 0;  ///< of incoming
    bool wrong_ = false;
};

/// Of pieces of a pool: few, so that a reader meets the one it asks for.
std::size_t lent_size(Random& random) {
    return random.chance(0.5) ? SharedLink::ring_piece_min * 4 : SharedLink::ring_piece_min * 16;
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
    std::array<SharedBetween, 2> shared = make_shared_memory();
    std::array<FaultyEnd, 2> ends{FaultyEnd(std::move(shared[0]), 2 * seed, 2 * seed + 1),
                                  FaultyEnd(std::move(shared[1]), 2 * seed + 1, 2 * seed)};
    for (int step = 0; step < 150; ++step) {
        FaultyEnd& end = ends.at(random.below(2));
        FaultyEnd& other = &end == ends.data() ? ends[1] : ends[0];
        const std::uint64_t kind = random.below(6);
        if (kind == 3) {
            end.lend(lent_size(random));
        } else if (kind == 4) {
            end.borrow(lent_size(random));
        } else if (kind == 5) {
            end.give_back();
        } else if (kind == 0) {
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
    for (FaultyEnd& end : ends) {
        FaultyEnd& other = &end == ends.data() ? ends[1] : ends[0];
        end.give_back();
        end.collect();
        deliver(end, other, end.outgoing.size());
        other.read(1);
    }
    for (FaultyEnd& end : ends) {
        FaultyEnd& other = &end == ends.data() ? ends[1] : ends[0];
        EXPECT_EQ(end.held(), 0U);
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
/// Pieces that an end lends at a time: a pool has no end of its own.
constexpr std::size_t lent_most = 8;

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
        if (random_.chance(0.3) && end_.held() < lent_most) {
            end_.lend(lent_size(random_));
        } else {
            end_.write(count);
        }
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
        while (end_.borrow(lent_size(random_)) || end_.read(drawn_size(random_, largest_piece))) {
        }
        if (random_.chance(0.5)) {
            end_.give_back();
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
    /// Of a process that is gone, too.
    void give_back() { end_.give_back(); }

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
    std::array<SharedBetween, 2> shared = make_shared_memory();
    SharedCounter handed_over;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        here.close();
        SocketEnd end(std::move(there), FaultyEnd(std::move(shared[1]), 2 * seed, 2 * seed + 1),
                      Random(derive_seed(seed, "child")));
        run_until_killed(end, steps, handed_over.value());
    }
    there.close();
    SocketEnd end(std::move(here), FaultyEnd(std::move(shared[0]), 2 * seed + 1, 2 * seed),
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
    end.give_back();
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
