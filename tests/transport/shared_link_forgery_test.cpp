// A process that forges records of its rings, at random: those that are sound by the definition in
// shared_link.hpp are read as it says, the first other one ends the connection, and nothing but
// the bytes announced is read from shared memory.
#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

#include "core/base/coding.hpp"
#include "tests/transport/shared_link_support.hpp"
#include "transport/tls/shared_link.hpp"

namespace starling::test {
namespace {

struct ForgedRecord {
    std::uint32_t magic = SharedLink::magic;
    std::uint32_t kind = 1;
    std::uint32_t count = 0;
    std::uint32_t offset = 0;

    Bytes bytes() const {
        Writer writer;
        for (const std::uint32_t field : {magic, kind, count, offset}) {
            writer.u32(field);
        }
        return writer.take();
    }
};

/// What a reader has to make of records, by the definition in shared_link.hpp.
class ExpectedReader {
public:
    /// Whether the stream goes on with this record, when the reader comes to it.
    bool accepts(const ForgedRecord& record) {
        if (record.magic != SharedLink::magic || record.count == 0 ||
            (record.kind != 2 && record.offset != 0)) {
            return false;
        }
        if (record.kind == 1) {
            return true;
        }
        if (record.kind == 2) {
            const bool sound = record.offset == at && record.count <= ring_free();
            announced_ += sound ? record.count : 0;
            return sound;
        }
        const bool sound = record.kind == 3 && record.count <= sent - returned_;
        returned_ += sound ? record.count : 0;
        return sound;
    }
    std::uint64_t ring_free() const { return shared_region_bytes - (announced_ - credited); }
    std::uint64_t uncredited() const { return sent - returned_; }

    std::uint64_t at = 0;        ///< offset in the ring where the next bytes stand
    std::uint64_t sent = 0;      ///< through the ring by the reader's own end
    std::uint64_t credited = 0;  ///< by the reader

private:
    std::uint64_t announced_ = 0;
    std::uint64_t returned_ = 0;
};

/// One end with our code, and one that writes what it likes.
class Forger {
public:
    explicit Forger(std::uint64_t seed)
        : random_(derive_seed(seed, "forger")),
          forth_(*SharedRegion::create(SharedRegion::Use::write)),
          back_(*SharedRegion::create(SharedRegion::Use::read)),
          link_({*SharedRegion::open(back_.file(), SharedRegion::Use::write),
                 *SharedRegion::open(forth_.file(), SharedRegion::Use::read)}) {}

    /// One record, and reading of it. \return  false: the connection has ended.
    bool step() {
        send_own_piece();
        scribble();
        const ForgedRecord record = drawn_record();
        const Bytes head = record.bytes();
        // In two parts; from the first one alone follows nothing.
        const std::size_t cut = random_.below(head.size());
        EXPECT_EQ(read(ByteView(head).first(cut), 1).value_or(1), 0U);
        Bytes follow = body_of(record);
        Bytes rest(head.begin() + static_cast<std::ptrdiff_t>(cut), head.end());
        rest.insert(rest.end(), follow.begin(), follow.end());
        const bool sound = expected_.accepts(record);
        std::uint64_t left = record.kind == 3 || !sound ? 0 : record.count;
        ByteView records(rest);
        if (left == 0) {
            const std::optional<std::size_t> got = read(records, largest_piece);
            EXPECT_EQ(got.has_value(), sound) << describe(record);
            EXPECT_EQ(got.value_or(0), 0U);
            return sound && got;
        }
        std::size_t followed = 0;
        while (left > 0 && (record.kind == 2 || followed < follow.size())) {
            const std::size_t space = drawn_size(random_, largest_piece);
            const std::optional<std::size_t> got = read(records, space);
            if (!got ||
                *got != std::min<std::uint64_t>(
                            {left, space, record.kind == 2 ? left : follow.size() - followed})) {
                ADD_FAILURE() << describe(record) << ": " << (got ? "another count" : "refused");
                return false;
            }
            EXPECT_TRUE(record.kind == 2 ? is_of_ring() : is_of(follow, followed))
                << describe(record);
            followed += *got;
            left -= *got;
        }
        return left == 0;
    }
    bool refused() const { return refused_; }

private:
    /// Of the other direction, so that some credits are right.
    void send_own_piece() {
        const std::size_t count = drawn_size(random_, largest_piece);
        if (random_.chance(0.3) && count >= SharedLink::ring_piece_min && link_.may_write(count)) {
            link_.write(Bytes(count));
            expected_.sent += count;
        }
    }
    /// Writes into the ring, whether it may or not.
    void scribble() {
        const std::size_t count = drawn_size(random_, 4096);
        const std::size_t at = random_.below(shared_region_bytes - count);
        const Bytes bytes = DrawnStream(random_.next()).at(0, count);
        std::copy(bytes.begin(), bytes.end(),
                  forth_.writable().begin() + static_cast<std::ptrdiff_t>(at));
    }
    ForgedRecord drawn_record() {
        ForgedRecord record;
        record.kind = 1 + static_cast<std::uint32_t>(random_.below(3));
        std::uint64_t most = record.kind == 2 ? expected_.ring_free() : expected_.uncredited();
        if (record.kind == 1 || most == 0) {
            record.kind = 1;
            most = 100'000;
        }
        record.count = static_cast<std::uint32_t>(drawn_size(random_, most));
        record.offset = record.kind == 2 ? static_cast<std::uint32_t>(expected_.at) : 0;
        if (random_.chance(0.1)) {
            std::uint32_t* const fields[] = {&record.magic, &record.kind, &record.count,
                                             &record.offset};
            std::uint32_t& field = *fields[random_.below(4)];
            field = forged(field);
        }
        return record;
    }
    std::uint32_t forged(std::uint32_t value) {
        constexpr auto size = static_cast<std::uint32_t>(shared_region_bytes);
        const std::uint32_t values[] = {0,
                                        value - 1,
                                        value + 1,
                                        size - 1,
                                        size,
                                        size + 1,
                                        1U << 31U,
                                        UINT32_MAX,
                                        static_cast<std::uint32_t>(expected_.ring_free()),
                                        static_cast<std::uint32_t>(expected_.ring_free() + 1),
                                        static_cast<std::uint32_t>(expected_.uncredited() + 1),
                                        static_cast<std::uint32_t>(random_.next())};
        return values[random_.below(std::size(values))];
    }
    /// The bytes behind a record that announces some, or fewer where it announces very many.
    Bytes body_of(const ForgedRecord& record) {
        constexpr std::size_t most = 200'000;
        return record.kind == 1
                   ? DrawnStream(random_.next()).at(0, std::min<std::size_t>(record.count, most))
                   : Bytes();
    }
    /// \return  how many bytes of the stream came; nothing: an error.
    std::optional<std::size_t> read(ByteView& records, std::size_t space) {
        space_.assign(space, std::byte{0});
        const Result<std::size_t> got = link_.read(records, space_);
        note_credits();
        refused_ = refused_ || !got;
        if (!got) {
            return std::nullopt;
        }
        space_.resize(*got);
        return *got;
    }
    std::optional<std::size_t> read(ByteView&& records, std::size_t space) {
        return read(records, space);
    }
    void note_credits() {
        const Bytes records = link_.take();
        for (std::size_t at = 0; at < records.size(); at += SharedLink::record_bytes) {
            Reader reader(ByteView(records).subspan(at, SharedLink::record_bytes));
            (void)reader.u32();
            const std::uint32_t kind = reader.u32();
            const std::uint32_t count = reader.u32();
            expected_.credited += kind == 3 ? count : 0;
        }
    }
    bool is_of(const Bytes& bytes, std::size_t from) const {
        return std::equal(space_.begin(), space_.end(),
                          bytes.begin() + static_cast<std::ptrdiff_t>(from));
    }
    bool is_of_ring() {
        bool same = true;
        for (const std::byte byte : space_) {
            same = same && byte == forth_.bytes()[expected_.at];
            expected_.at = (expected_.at + 1) % shared_region_bytes;
        }
        return same;
    }
    static std::string describe(const ForgedRecord& record) {
        return "record " + std::to_string(record.magic) + " " + std::to_string(record.kind) + " " +
               std::to_string(record.count) + " " + std::to_string(record.offset);
    }

    Random random_;
    SharedRegion forth_;
    SharedRegion back_;
    SharedLink link_;
    ExpectedReader expected_;
    Bytes space_;  ///< what was read last
    bool refused_ = false;
};

TEST(SharedLinkForgery, ForgedRecordsAreRefusedAndSoundOnesReadAsDefined) {
    std::uint64_t refused = 0;
    std::uint64_t records = 0;
    for (std::uint64_t seed = 1; seed <= fault_seeds && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Forger forger(seed);
        for (int i = 0; i < 60 && forger.step(); ++i) {
            ++records;
        }
        refused += forger.refused() ? 1U : 0U;
    }
    EXPECT_GT(refused, fault_seeds / 2) << "most forgeries can't be taken for a record";
    EXPECT_GT(records, 5 * fault_seeds) << "and many records before them are sound";
}

}  // namespace
}  // namespace starling::test
