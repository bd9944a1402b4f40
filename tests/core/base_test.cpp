#include <limits>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/buffer_pool.hpp"
#include "core/base/heap_optional.hpp"
#include "core/base/ids.hpp"
#include "core/base/json_writer.hpp"
#include "core/base/node_set.hpp"
#include "core/base/random.hpp"
#include "core/base/short_text.hpp"
#include "core/trace/trace_event.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling::test {
namespace {

TEST(Random, MatchesTheReferenceAndDependsOnTheSeedOnly) {
    // xoshiro256** seeded with SplitMix64(0): first outputs of the reference implementation.
    Random random(0);
    EXPECT_EQ(random.next(), 0x99ec5f36cb75f2b4U);
    EXPECT_EQ(random.next(), 0xbf6e1f784956452aU);
    double sum = 0.0;
    double squares = 0.0;
    for (int i = 0; i < 100'000; ++i) {
        const double value = random.normal();
        sum += value;
        squares += value * value;
    }
    EXPECT_NEAR(sum / 100'000, 0.0, 0.02);
    EXPECT_NEAR(squares / 100'000, 1.0, 0.02);
}

TEST(BufferPool, ABufferIsReusedOnceNobodyOwnsIt) {
    BufferPool pool;
    constexpr std::size_t size = 256 * 1024;
    BufferPool::Buffer first = pool.take(size);
    const std::byte* memory = first.get();
    const BufferPool::Buffer second = pool.take(size);
    EXPECT_NE(second.get(), memory);
    BufferPool::Buffer shared = first;
    first.reset();
    EXPECT_EQ(pool.free_bytes(), 0U);
    shared.reset();
    EXPECT_EQ(pool.free_bytes(), size);
    EXPECT_NE(pool.take(size / 2).get(), nullptr);
    EXPECT_EQ(pool.take(size).get(), memory);
}

TEST(BufferPool, LargeBuffersBeginAtAPage) {
    BufferPool pool;
    std::vector<BufferPool::Buffer> buffers;
    for (const std::size_t kib : {32U, 256U, 257U, 7U * 1024}) {
        buffers.push_back(pool.take(kib * 1024));
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffers.back().get()) % BufferPool::page_bytes,
                  0U);
    }
}

TEST(BufferPool, DrawsFromItsSourceUntilThatHasNoneLeftAndNeverFreesWhatItGot) {
    struct OneBlock final : MemorySource {
        std::byte* take(std::size_t size) override {
            return std::exchange(left, false) && size <= block.size() ? block.data() : nullptr;
        }
        bool left = true;
        std::vector<std::byte> block = std::vector<std::byte>(std::size_t{64} * 1024);
    };
    const auto source = std::make_shared<OneBlock>();
    BufferPool pool;
    pool.draw_from(source);
    BufferPool::Buffer first = pool.take(source->block.size());
    EXPECT_EQ(first.get(), source->block.data());
    const BufferPool::Buffer second = pool.take(source->block.size());
    EXPECT_NE(second.get(), source->block.data());
    first.reset();
    EXPECT_EQ(pool.take(source->block.size()).get(), source->block.data());
}

TEST(BufferPool, DrawsFromItsSourceTwiceWhatWasInUseAtATimeAtMost) {
    struct ManyBlocks final : MemorySource {
        std::byte* take(std::size_t size) override {
            drawn += size;
            return blocks.emplace_back(size).data();
        }
        std::size_t drawn = 0;
        std::vector<std::vector<std::byte>> blocks;
    };
    const auto source = std::make_shared<ManyBlocks>();
    BufferPool pool;
    pool.draw_from(source);
    constexpr std::size_t size = 256 * 1024;
    for (std::size_t i = 0; i < 100; ++i) {
        pool.take(size + i);
    }
    EXPECT_GE(source->drawn, size);
    EXPECT_LE(source->drawn, 2 * (size + 99));
}

TEST(BufferPool, KeepsNoMoreFreeBytesThanWereInUseAtATime) {
    BufferPool pool;
    constexpr std::size_t size = 256 * 1024;
    for (std::size_t i = 0; i < 100; ++i) {
        pool.take(size + i);
    }
    EXPECT_LE(pool.free_bytes(), size + 99);
}

/// Around the 15 bytes that are in place, with bytes that are not below 128, and with zeros.
TEST(ShortText, ComparesAndCopiesAsAStringDoes) {
    std::vector<std::string> texts{"", "a", "b", "ab", std::string("a\0", 2), "\xff", "\x7f"};
    for (const std::size_t size : {7U, 8U, 9U, 14U, 15U, 16U, 17U, 64U, 300U}) {
        for (const char last : {'a', 'b', '\xff'}) {
            texts.push_back(std::string(size - 1, 'x') + last);
        }
    }
    for (const std::string& a : texts) {
        const ShortText short_a(a);
        EXPECT_EQ(std::string(short_a), a);
        EXPECT_EQ(short_a.size(), a.size());
        EXPECT_EQ(short_a.c_str()[a.size()], '\0');
        ShortText copy = short_a;
        EXPECT_EQ(copy, short_a);
        const ShortText moved = std::move(copy);
        EXPECT_EQ(moved, a);
        for (const std::string& b : texts) {
            EXPECT_EQ(short_a <=> ShortText(b), a <=> b);
            EXPECT_EQ(short_a == ShortText(b), a == b);
            EXPECT_EQ(short_a < b, a < b);
            EXPECT_EQ(short_a + b, a + b);
            copy = ShortText(b);
            copy = short_a;
            EXPECT_EQ(copy.view(), a);
        }
    }
}

TEST(HeapOptional, IsAValueThatMayBeMissing) {
    HeapOptional<std::string> none;
    EXPECT_FALSE(none);
    HeapOptional<std::string> one(std::string("one"));
    const HeapOptional<std::string> copy = one;
    *one = "other";
    EXPECT_EQ(*copy, "one");
    EXPECT_FALSE(one == copy);
    EXPECT_FALSE(none == one);
    none = copy;
    EXPECT_TRUE(none == copy);
    none.reset();
    EXPECT_EQ(none.get_or_make(), "");
}

TEST(NodeId, AcceptsOnlyNamesThatAreSafeInFilesAndLogs) {
    EXPECT_TRUE(parse_node_id("sl-1.hospital_a"));
    EXPECT_FALSE(parse_node_id(""));
    EXPECT_FALSE(parse_node_id("../etc"));
    EXPECT_FALSE(parse_node_id("a b"));
    EXPECT_FALSE(parse_node_id(std::string(65, 'a')));
}

TEST(Hasher, IsSha256OfTheConcatenation) {
    const std::string text = "abc";
    EXPECT_EQ(to_string(openssl_hasher().digest(std::as_bytes(std::span(text)))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const auto bytes = std::as_bytes(std::span(text));
    const std::vector<Blob> parts = {Blob(Bytes(bytes.begin(), bytes.begin() + 1)),
                                     Blob(Bytes(bytes.begin() + 1, bytes.end()))};
    EXPECT_EQ(openssl_hasher().digest(std::span<const Blob>(parts)),
              openssl_hasher().digest(bytes));
}

TEST(JsonWriter, WritesWhatTheParserReads) {
    JsonWriter json;
    json.begin_object().field("name", "a\"b").field("n", 3U).field("half", 0.5).field("yes", true);
    json.field("no", std::numeric_limits<double>::infinity()).key("list").begin_array();
    json.value(1).begin_object().end_object().null().end_array().end_object();
    EXPECT_EQ(json.take(), R"({"name": "a\"b", "n": 3, "half": 0.5, "yes": true, "no": null, )"
                           R"("list": [1, {}, null]})");
}

TEST(JsonWriter, ReplacesInvalidUtf8) {
    EXPECT_EQ(json_string("a\xFF\n"), "\"a\xEF\xBF\xBD\\u000a\"");
    EXPECT_EQ(valid_utf8("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\xA6"),
              "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\xA6");
    const std::string bad = "\xEF\xBF\xBD";
    EXPECT_EQ(valid_utf8("a\xFFz"), "a" + bad + "z");
    EXPECT_EQ(valid_utf8("\xC0\xAF"), bad + bad);                      // overlong encoding of '/'
    EXPECT_EQ(valid_utf8("\xED\xA0\x80"), bad + bad + bad);            // a surrogate
    EXPECT_EQ(valid_utf8("\xE2\x82"), bad + bad);                      // truncated
    EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80"), bad + bad + bad + bad);  // above U+10FFFF
}

TEST(NodeSet, IsASetWithFewNodesAndWithMany) {
    NodeSet set;
    std::set<NodeId> same;
    for (int i = 0; i < 2000; ++i) {  // in an order of its own, each twice
        const NodeId node{"sl" + std::to_string(i * 37 % 1000)};
        set.insert(node);
        same.insert(node);
        EXPECT_TRUE(set.contains(node));
        if (i % 3 == 0) {
            EXPECT_TRUE(set.erase(node));
            EXPECT_FALSE(set.erase(node));
            same.erase(node);
        }
    }
    for (int i = 0; i < 1100; ++i) {
        const NodeId node{"sl" + std::to_string(i)};
        EXPECT_EQ(set.contains(node), same.contains(node)) << node.name;
    }
    const NodeSet copy(same);
    for (const NodeId& node : same) {
        EXPECT_TRUE(copy.contains(node)) << node.name;
        EXPECT_TRUE(set.erase(node)) << node.name;
    }
    EXPECT_FALSE(set.contains({"sl1"}));
}

using Numbered = std::pair<NodeId, int>;
const NodeId& node_of(const Numbered& one) { return one.first; }

TEST(ByNode, VisitsInTheOrderOfIdsAndFindsEachOnce) {
    ByNode<Numbered, node_of> numbers;
    for (int i = 999; i >= 0; --i) {
        numbers.insert({{std::to_string(1000 + i)}, i});
        numbers.insert({{std::to_string(1000 + i)}, -1});  // there is one
    }
    int next = 0;
    numbers.for_each([&](const Numbered& one) { EXPECT_EQ(one.second, next++); });
    EXPECT_EQ(next, 1000);
    EXPECT_EQ(numbers.find({"1500"})->second, 500);
    EXPECT_EQ(numbers.find({"0"}), nullptr);
    EXPECT_EQ(numbers.find({"2000"}), nullptr);
}

TEST(TraceLine, IsOneLineForAnyValues) {
    const TraceEvent event = TraceEvent("peer_lost").with("reason", "cut off = a\nb").with("n", 5);
    EXPECT_EQ(trace_line(from_ns(1500), {"sl1"}, event),
              "1500 sl1 peer_lost reason=cut%20off%20%3D%20a%0Ab n=5");
}

}  // namespace
}  // namespace starling::test
