#include "transport/tls/shared_link.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "tests/transport/shared_link_support.hpp"

namespace starling::test {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20U;

Bytes drawn_bytes(std::size_t size, std::uint32_t seed) {
    std::minstd_rand random(seed);
    Bytes bytes(size);
    for (std::byte& byte : bytes) {
        byte = static_cast<std::byte>(random());
    }
    return bytes;
}

/// Two ends, and what is under way between them.
class SharedLinkTest : public testing::Test {
protected:
    struct End {
        SharedLink link;
        Bytes records = {};  ///< that came from the other end and were not read
        Bytes stream = {};   ///< that was read
    };

    SharedLinkTest() : ends{make_ends()} {}

    static std::array<End, 2> make_ends() {
        auto forth = SharedRegion::create(SharedRegion::Use::write);
        auto back = SharedRegion::create(SharedRegion::Use::read);
        auto forth_there = SharedRegion::open(forth->file(), SharedRegion::Use::read);
        auto back_there = SharedRegion::open(back->file(), SharedRegion::Use::write);
        return {End{SharedLink({std::move(*forth), std::move(*back)})},
                End{SharedLink({std::move(*back_there), std::move(*forth_there)})}};
    }
    End& other(const End& end) { return &end == ends.data() ? ends[1] : ends[0]; }

    /// Moves records to the other end.
    void flush(End& from) {
        const Bytes records = from.link.take();
        End& to = other(from);
        to.records.insert(to.records.end(), records.begin(), records.end());
    }
    /// Reads what has come, in pieces of at most `piece` bytes.
    Result<void> read(End& at, std::size_t piece = 256 * 1024) {
        ByteView records(at.records);
        Bytes space(piece);
        for (;;) {
            const Result<std::size_t> count = at.link.read(records, space);
            if (!count) {
                return count.error();
            }
            if (*count == 0) {
                break;
            }
            at.stream.insert(at.stream.end(), space.begin(),
                             space.begin() + static_cast<std::ptrdiff_t>(*count));
        }
        EXPECT_TRUE(records.empty());
        at.records.clear();
        return {};
    }
    /// \return  what reading this record at the second end leads to.
    std::string verdict_on(const Bytes& record) {
        ends[1].records = record;
        const Result<void> got = read(ends[1]);
        return got ? "" : got.error().message;
    }

    std::array<End, 2> ends;
};

TEST_F(SharedLinkTest, PiecesOfEverySizeArriveInOrder) {
    Bytes sent;
    std::uint32_t seed = 1;
    for (const std::size_t size : {std::size_t{1}, SharedLink::ring_piece_min - 1,
                                   SharedLink::ring_piece_min, SharedLink::ring_piece_min + 1,
                                   mib - 7, std::size_t{3}, 2 * mib, std::size_t{1}, 2 * mib + 1}) {
        const Bytes piece = drawn_bytes(size, seed++);
        while (!ends[0].link.may_write(size)) {
            flush(ends[0]);
            ASSERT_TRUE(read(ends[1]));
            flush(ends[1]);
            ASSERT_TRUE(read(ends[0]));
        }
        ends[0].link.write(piece);
        sent.insert(sent.end(), piece.begin(), piece.end());
    }
    flush(ends[0]);
    ASSERT_TRUE(read(ends[1]));
    EXPECT_TRUE(ends[1].stream == sent);
}

TEST_F(SharedLinkTest, BothDirectionsWrapAroundManyTimes) {
    std::minstd_rand random(7);
    std::array<Bytes, 2> sent;
    for (std::uint32_t turn = 0; turn < 400; ++turn) {
        for (End& end : ends) {
            const Bytes piece = drawn_bytes(1 + random() % (100 * 1024), turn);
            if (end.link.may_write(piece.size())) {
                end.link.write(piece);
                Bytes& all = sent.at(&end == ends.data() ? 0 : 1);
                all.insert(all.end(), piece.begin(), piece.end());
            }
            if (random() % 3 != 0) {
                flush(end);
                ASSERT_TRUE(read(other(end), 1 + random() % (300 * 1024)));
            }
        }
    }
    for (End& end : ends) {
        flush(end);
        ASSERT_TRUE(read(other(end)));
    }
    EXPECT_GT(sent[0].size(), 3 * shared_region_bytes);
    EXPECT_TRUE(ends[1].stream == sent[0]);
    EXPECT_TRUE(ends[0].stream == sent[1]);
}

TEST_F(SharedLinkTest, RecordsMayArriveByteByByte) {
    const Bytes piece = drawn_bytes(100 * 1024, 3);
    ends[0].link.write(piece);
    ends[0].link.write(ByteView(piece).first(100));
    const Bytes records = ends[0].link.take();
    for (const std::byte byte : records) {
        ends[1].records = {byte};
        ASSERT_TRUE(read(ends[1]));
    }
    Bytes expected = piece;
    expected.insert(expected.end(), piece.begin(), piece.begin() + 100);
    EXPECT_TRUE(ends[1].stream == expected);
}

TEST_F(SharedLinkTest, AFullRingWaitsForCredit) {
    const Bytes piece = drawn_bytes(mib, 1);
    for (int i = 0; i < 4; ++i) {
        ASSERT_TRUE(ends[0].link.may_write(mib));
        ends[0].link.write(piece);
    }
    EXPECT_FALSE(ends[0].link.may_write(SharedLink::ring_piece_min));
    EXPECT_TRUE(ends[0].link.may_write(SharedLink::ring_piece_min - 1)) << "it needs no ring";
    EXPECT_EQ(ends[0].link.pending(), 4 * (mib + SharedLink::record_bytes));
    flush(ends[0]);
    EXPECT_EQ(ends[0].link.pending(), 0U);
    ASSERT_TRUE(read(ends[1], mib));
    EXPECT_FALSE(ends[0].link.may_write(mib)) << "the credit has not arrived";
    flush(ends[1]);
    ASSERT_TRUE(read(ends[0]));
    EXPECT_TRUE(ends[0].link.may_write(4 * mib));
}

TEST_F(SharedLinkTest, WithoutCreditsToComeEverythingGoesThroughTheSocket) {
    const Bytes piece = drawn_bytes(shared_region_bytes, 1);
    ends[0].link.write(piece);
    ends[0].link.expect_no_credit();
    ASSERT_TRUE(ends[0].link.may_write(piece.size()));
    ends[0].link.write(piece);
    flush(ends[0]);
    EXPECT_GT(ends[1].records.size(), piece.size());
    ASSERT_TRUE(read(ends[1]));
    EXPECT_EQ(ends[1].stream.size(), 2 * piece.size());
    EXPECT_TRUE(std::equal(piece.begin(), piece.end(),
                           ends[1].stream.end() - static_cast<std::ptrdiff_t>(piece.size())));
}

TEST_F(SharedLinkTest, AReaderCopiesOnceAndLaterChangesAreNotSeen) {
    SharedRegion forth = *SharedRegion::create(SharedRegion::Use::write);
    SharedRegion back = *SharedRegion::create(SharedRegion::Use::read);
    SharedLink reader({*SharedRegion::open(back.file(), SharedRegion::Use::write),
                       *SharedRegion::open(forth.file(), SharedRegion::Use::read)});
    std::fill_n(forth.writable().begin(), mib, std::byte{1});
    const Bytes record = record_of(2, mib, 0);
    ByteView records(record);
    Bytes space(mib);
    ASSERT_EQ(*reader.read(records, space), mib);
    std::fill_n(forth.writable().begin(), mib, std::byte{2});
    EXPECT_TRUE(std::all_of(space.begin(), space.end(), [](auto b) { return b == std::byte{1}; }));
}

TEST_F(SharedLinkTest, ForgedOffsetsAreRefused) {
    constexpr auto size = static_cast<std::uint32_t>(shared_region_bytes);
    for (const std::uint32_t offset : {1U, size, size - 1, UINT32_MAX}) {
        EXPECT_NE(verdict_on(record_of(2, 16, offset)), "") << offset;
        ends = make_ends();
    }
}

TEST_F(SharedLinkTest, MoreThanTheRingHoldsIsRefused) {
    constexpr auto size = static_cast<std::uint32_t>(shared_region_bytes);
    EXPECT_EQ(verdict_on(record_of(2, size + 1, 0)),
              "shared memory: 4194305 bytes at 0 are not where the last ones ended, or more than "
              "fit");
    ends = make_ends();
    EXPECT_NE(verdict_on(record_of(2, UINT32_MAX, 0)), "");
    ends = make_ends();
    EXPECT_EQ(verdict_on(record_of(2, SharedLink::credit_bytes - 1, 0)), "");
    EXPECT_NE(verdict_on(record_of(2, size, SharedLink::credit_bytes - 1)), "")
        << "the ring as a whole, of which a part is not given back";
}

TEST_F(SharedLinkTest, AForgedCreditIsRefused) {
    EXPECT_EQ(verdict_on(record_of(3, 1, 0)), "shared memory: a credit for more than was sent");
    ends = make_ends();
    ends[1].link.write(drawn_bytes(mib, 1));
    EXPECT_EQ(verdict_on(record_of(3, mib, 0)), "");
    EXPECT_NE(verdict_on(record_of(3, 1, 0)), "") << "the same bytes a second time";
}

TEST_F(SharedLinkTest, OtherRecordsAreRefused) {
    for (const Bytes& record :
         {record_of(0, 1, 0), record_of(7, 1, 0), record_of(1, 0, 0), record_of(2, 0, 0),
          record_of(3, 0, 0), record_of(1, 1, 1), record_of(3, 1, 1), record_of(1, 1, 0, 1)}) {
        EXPECT_EQ(verdict_on(record), "shared memory: no record of ours");
        ends = make_ends();
    }
}

// ---- Regions ------------------------------------------------------------------------------------

std::string objection(const Descriptor& file, SharedRegion::Use use = SharedRegion::Use::read) {
    const Result<SharedRegion> region = SharedRegion::open(file, use);
    return region ? "" : region.error().message;
}

Descriptor memory_file(std::size_t size, int seals) {
    Descriptor file(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    EXPECT_EQ(::ftruncate(file.number(), static_cast<off_t>(size)), 0);
    EXPECT_EQ(::fcntl(file.number(), F_ADD_SEALS, seals), 0);
    return file;
}

TEST(SharedRegion, ASealedFileOfTheRightSizeIsAccepted) {
    const Descriptor file = memory_file(shared_region_bytes, F_SEAL_SHRINK | F_SEAL_GROW);
    EXPECT_EQ(objection(file), "");
    EXPECT_EQ(objection(file, SharedRegion::Use::write), "");
}

TEST(SharedRegion, AFileThatCouldShrinkOrGrowIsRefused) {
    for (const int seals : {0, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_SEAL}) {
        EXPECT_EQ(objection(memory_file(shared_region_bytes, seals)), "its size could change");
    }
}

TEST(SharedRegion, AnotherSizeIsRefused) {
    for (const std::size_t size : {std::size_t{0}, shared_region_bytes - 1, shared_region_bytes / 2,
                                   2 * shared_region_bytes}) {
        EXPECT_EQ(objection(memory_file(size, F_SEAL_SHRINK | F_SEAL_GROW)), "it has another size");
    }
}

TEST(SharedRegion, ARingThatCantBeWrittenIsRefused) {
    const int fixed = F_SEAL_SHRINK | F_SEAL_GROW;
    EXPECT_EQ(
        objection(memory_file(shared_region_bytes, fixed | F_SEAL_WRITE), SharedRegion::Use::write),
        "it can't be written");
}

TEST(SharedRegion, WhatIsNoMemoryFileIsRefused) {
    EXPECT_EQ(objection(Descriptor(::open("/dev/null", O_RDWR | O_CLOEXEC))),
              "it is no memory file");
    EXPECT_EQ(objection(Descriptor(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC))),
              "it is no memory file");
    EXPECT_EQ(objection(Descriptor()), "it is no memory file");
}

TEST(SharedRegion, TheOtherProcessCantTruncateOurs) {
    SharedRegion region = *SharedRegion::create(SharedRegion::Use::write);
    EXPECT_NE(::ftruncate(region.file().number(), 0), 0);
    EXPECT_NE(::fcntl(region.file().number(), F_ADD_SEALS, F_SEAL_WRITE), 0);
}

TEST(SharedRegion, HolesThatTheOtherProcessMakesReadAsZeros) {
    SharedRegion region = *SharedRegion::create(SharedRegion::Use::write);
    SharedRegion there = *SharedRegion::open(region.file(), SharedRegion::Use::read);
    region.writable()[0] = std::byte{1};
    EXPECT_EQ(there.bytes()[0], std::byte{1});
    ASSERT_EQ(::fallocate(region.file().number(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                          static_cast<off_t>(shared_region_bytes)),
              0);
    EXPECT_EQ(there.bytes()[0], std::byte{0});
}

}  // namespace
}  // namespace starling::test
