// Pieces that one end lends from its pool, the other end reads in place or copies, and gives back.
#include "transport/tls/shared_pool.hpp"

#include <algorithm>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "tests/transport/shared_link_support.hpp"
#include "transport/tls/shared_link.hpp"

namespace starling::test {
namespace {

constexpr std::size_t lent_bytes = std::size_t{256} * 1024;

/// The SL's end (first) and the program's (second).
class SharedPoolTest : public testing::Test {
protected:
    struct End {
        explicit End(SharedBetween shared)
            : pool(shared.pools.own), link(std::move(shared.rings), shared.pools) {
            buffers.draw_from(pool);
        }
        /// Of the pool, filled with `value`.
        Blob piece(std::byte value) {
            BufferPool::Buffer buffer = buffers.take(lent_bytes);
            std::fill_n(buffer.get(), lent_bytes, value);
            const ByteView view(buffer.get(), lent_bytes);
            return Blob(std::move(buffer), view);
        }
        BufferPool buffers;
        std::shared_ptr<SharedPool> pool;
        SharedLink link;
    };

    SharedPoolTest()
        : shared(make_shared_memory()), sl(std::move(shared[0])), ml(std::move(shared[1])) {
        EXPECT_EQ(pass(sl, ml), "");
        EXPECT_EQ(pass(ml, sl), "");
    }
    /// Passes records on, and reads bytes of the stream into `read`. \return  the error.
    std::string pass(End& from, End& to) { return give(from.link.take(), to); }
    std::string give(const Bytes& bytes, End& to) {
        ByteView records(bytes);
        Bytes space(lent_bytes);
        for (;;) {
            const Result<std::size_t> count = to.link.read(records, space);
            if (!count || *count == 0) {
                return count ? "" : count.error().message;
            }
            read.insert(read.end(), space.begin(),
                        space.begin() + static_cast<std::ptrdiff_t>(*count));
        }
    }
    Blob borrow_at_ml() {
        const Bytes bytes = sl.link.take();
        ByteView records(bytes);
        Result<std::optional<Blob>> got = ml.link.borrow(records, lent_bytes);
        EXPECT_TRUE(got && *got);
        return got && *got ? **got : Blob();
    }
    bool all_are(ByteView bytes, std::byte value) {
        return std::ranges::all_of(bytes, [&](std::byte b) { return b == value; });
    }

    std::array<SharedBetween, 2> shared;
    End sl;
    End ml;
    Bytes read;
};

TEST_F(SharedPoolTest, TheProgramReadsMergedSegmentsInPlaceAndGivesThemBackWithItsNextBytes) {
    Blob piece = sl.piece(std::byte{7});
    ASSERT_TRUE(sl.link.may_lend(piece));
    sl.link.lend(piece);
    EXPECT_EQ(sl.link.pending(), SharedLink::record_bytes) << "no byte of it is written again";
    piece = Blob();
    EXPECT_EQ(sl.buffers.free_bytes(), 0U);
    Blob borrowed = borrow_at_ml();
    EXPECT_TRUE(all_are(borrowed.view(), std::byte{7}));
    borrowed = Blob();
    EXPECT_EQ(ml.link.pending(), 0U) << "one piece alone is not worth waking the other end";
    ml.link.write(Bytes(1));
    EXPECT_EQ(pass(ml, sl), "");
    EXPECT_EQ(sl.buffers.free_bytes(), lent_bytes);
}

TEST_F(SharedPoolTest, TheSlCopiesParametersAndLaterChangesAreNotSeen) {
    const Blob piece = ml.piece(std::byte{1});
    ml.link.lend(piece);
    const Bytes bytes = ml.link.take();
    ByteView records(bytes);
    EXPECT_FALSE(sl.link.borrow(records, lent_bytes)->has_value()) << "the SL reads nothing there";
    Bytes space(lent_bytes);
    ASSERT_EQ(*sl.link.read(records, space), lent_bytes);
    std::fill_n(const_cast<std::byte*>(piece.view().data()), lent_bytes, std::byte{2});
    EXPECT_TRUE(all_are(space, std::byte{1}));
}

TEST_F(SharedPoolTest, WhatLiesElsewhereIsNotLent) {
    EXPECT_FALSE(sl.link.may_lend(Blob(Bytes(lent_bytes))));
    const Blob piece = sl.piece(std::byte{1});
    EXPECT_FALSE(sl.link.may_lend(Blob(std::make_shared<Blob>(piece), piece.view().subspan(1))));
    EXPECT_FALSE(ml.link.may_lend(piece));
}

TEST_F(SharedPoolTest, AReaderThatKeepsWhatItWasLentIsLentNothingMore) {
    const Blob first = sl.piece(std::byte{1});
    const Blob second = sl.piece(std::byte{2});
    sl.link.lend(first);
    EXPECT_FALSE(sl.link.may_lend(first)) << "it is lent already";
    EXPECT_TRUE(sl.link.may_lend(second)) << "the reader has had no turn";
    EXPECT_EQ(give(record_of(1, 1, 0), sl), "");
    EXPECT_EQ(give(Bytes(1), sl), "");
    EXPECT_FALSE(sl.link.may_lend(second));
    EXPECT_EQ(give(record_of(6, 1, *sl.pool->page_of(first.view())), sl), "");
    EXPECT_TRUE(sl.link.may_lend(second));
}

TEST_F(SharedPoolTest, BytesOutsideThePoolAreRefused) {
    constexpr auto pages =
        static_cast<std::uint32_t>(SharedPool::size_bytes / SharedPool::page_bytes);
    EXPECT_EQ(give(record_of(5, 4097, pages - 1), sl),
              "shared memory: 4097 bytes at page 16777215 are not in the other end's pool");
    EXPECT_NE(give(record_of(5, 1, pages), sl), "");
    EXPECT_NE(give(record_of(5, UINT32_MAX, UINT32_MAX), sl), "");
    EXPECT_EQ(read.size(), 0U);
    EXPECT_EQ(give(record_of(5, 4096, pages - 1), sl), "") << "its last page";
    EXPECT_EQ(read.size(), 4096U);
}

TEST_F(SharedPoolTest, WhatWasNotLentCantBeGivenBackNorASecondTime) {
    EXPECT_EQ(give(record_of(6, 1, 0), sl), "shared memory: page 0 was given back and not lent");
    const Blob piece = sl.piece(std::byte{1});
    const std::uint32_t page = *sl.pool->page_of(piece.view());
    sl.link.lend(piece);
    EXPECT_NE(give(record_of(6, 2, page), sl), "") << "another count";
    EXPECT_EQ(give(record_of(6, 1, page), sl), "");
    EXPECT_NE(give(record_of(6, 1, page), sl), "");
}

TEST_F(SharedPoolTest, WithoutAPoolItsRecordsAreRefused) {
    std::array<SharedBetween, 2> rings_only = make_shared_memory();
    for (const std::uint32_t kind : {4U, 5U, 6U}) {
        SharedLink link(std::move(rings_only.at(kind % 2).rings));
        const Bytes bytes = record_of(kind, 1, 0);
        ByteView records(bytes);
        Bytes space(1);
        EXPECT_FALSE(link.read(records, space)) << kind;
        rings_only = make_shared_memory();
    }
}

TEST_F(SharedPoolTest, WhatIsBorrowedOutlivesTheConnection) {
    Blob borrowed;
    {
        std::array<SharedBetween, 2> other = make_shared_memory();
        End lender(std::move(other[0]));
        End reader(std::move(other[1]));
        EXPECT_EQ(pass(reader, lender), "");
        lender.link.lend(lender.piece(std::byte{5}));
        const Bytes bytes = lender.link.take();
        ByteView records(bytes);
        borrowed = **reader.link.borrow(records, lent_bytes);
    }
    EXPECT_TRUE(all_are(borrowed.view(), std::byte{5}));
}

TEST_F(SharedPoolTest, AnotherProcessCantWriteIntoThePoolNorShrinkIt) {
    const Descriptor file = sl.pool->file();
    EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file.number(), 0),
              MAP_FAILED);
    EXPECT_EQ(::pwrite(file.number(), "x", 1, 0), -1);
    EXPECT_NE(::ftruncate(file.number(), 0), 0);
    EXPECT_NE(::fallocate(file.number(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), 0);
    EXPECT_FALSE(SharedRegion::open(file, SharedRegion::Use::write, SharedPool::size_bytes));
}

TEST(SharedPool, AFullOneLeavesItToTheHeap) {
    SharedPool pool(*SharedRegion::create(SharedRegion::Use::write_alone, SharedPool::size_bytes));
    EXPECT_NE(pool.take(SharedPool::size_bytes - SharedPool::page_bytes), nullptr);
    EXPECT_EQ(pool.take(SharedPool::page_bytes + 1), nullptr);
    EXPECT_NE(pool.take(1), nullptr);
    EXPECT_EQ(pool.take(1), nullptr);
}

}  // namespace
}  // namespace starling::test
