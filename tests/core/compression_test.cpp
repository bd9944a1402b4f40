// What compressions lose, what error feedback makes good, and that bytes of a hostile peer are
// refused or decoded, never more.
#include <bit>
#include <cmath>
#include <cstring>

#include <gtest/gtest.h>

#include "core/base/random.hpp"
#include "core/merge/half.hpp"
#include "core/merge/segment_codec.hpp"

namespace starling::test {
namespace {

constexpr std::size_t values_in_second = 150'000;  // its end is in the third segment

std::shared_ptr<const ParamLayout> layout() {
    return std::make_shared<const ParamLayout>(
        *ParamLayout::make({{"counter", DType::i64, {3}},
                            {"bias", DType::f32, {7}},
                            {"weights", DType::f32, {values_in_second}},
                            {"half", DType::f16, {10}}}));
}

CompressionMethod compression(const std::string& text) {
    const Result<CompressionMethod> parsed = parse_compression(text);
    EXPECT_TRUE(parsed) << parsed.error().message;
    return parsed ? *parsed : CompressionMethod();
}

const std::vector<std::string> all_methods = {"none", "f16", "bf16", "int8", "top-k:fraction=0.02"};

/// A model of the layout: f32 values drawn around those of `centre`, zeros elsewhere.
Blob model(std::uint64_t seed, double spread, const Blob& centre = {}) {
    const auto shape = layout();
    Bytes bytes(shape->size_bytes());
    if (!centre.empty()) {
        std::memcpy(bytes.data(), centre.view().data(), bytes.size());
    }
    Random random(seed);
    for (const TensorSpec& tensor : shape->tensors()) {
        for (std::uint64_t i = 0; tensor.dtype == DType::f32 && i < tensor.element_count(); ++i) {
            float value;
            std::byte* const at = bytes.data() + tensor.offset_bytes + i * sizeof value;
            std::memcpy(&value, at, sizeof value);
            value += static_cast<float>(spread * random.normal());
            std::memcpy(at, &value, sizeof value);
        }
    }
    return Blob(std::move(bytes));
}

float float_at(const Blob& segment, std::size_t offset) {
    float value;
    std::memcpy(&value, segment.view().data() + offset, sizeof value);
    return value;
}

/// The second segment: all of it is of one f32 tensor.
constexpr std::uint32_t inner_segment = 1;

bool same(const Blob& one, const Blob& other) {
    return one.size() == other.size() &&
           std::memcmp(one.view().data(), other.view().data(), one.size()) == 0;
}

TEST(Compression, IsParsedFromItsText) {
    for (const std::string& text : all_methods) {
        EXPECT_EQ(to_string(compression(text)), text);
    }
    EXPECT_EQ(to_string(compression("top-k")), "top-k:fraction=0.01");
    for (const char* text : {"", "zip", "top-k:", "top-k:fraction=0", "top-k:fraction=1.1",
                             "top-k:fraction=nan", "top-k:fraction=0.1x", "int8:fraction=1"}) {
        const Result<CompressionMethod> parsed = parse_compression(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code, Errc::usage) << text;
    }
    EXPECT_NE(parse_compression("zip").error().message.find("one of none, f16, bf16, int8, top-k"),
              std::string::npos);
}

TEST(Half, ConversionsRoundToTheNearestNumber) {
    for (std::uint32_t code = 0; code < 0x7c00U; ++code) {
        const float value = f16_to_f32(static_cast<std::uint16_t>(code));
        EXPECT_EQ(f32_to_f16(value), code);
        const float above = f16_to_f32(static_cast<std::uint16_t>(code + 1));
        if (code + 1 == 0x7c00U) {
            continue;
        }
        const float middle = value + (above - value) / 2.0F;  // exact in binary32
        EXPECT_EQ(f32_to_f16(std::nextafter(middle, 0.0F)), code);
        EXPECT_EQ(f32_to_f16(middle), code % 2 == 0 ? code : code + 1) << code;
        EXPECT_EQ(f32_to_f16(std::nextafter(middle, 1e6F)), code + 1);
        EXPECT_EQ(f32_to_f16(-middle), 0x8000U | (code % 2 == 0 ? code : code + 1));
    }
}

TEST(SegmentCodec, LosesNoMoreThanItsPrecision) {
    const Segments reference = cut(model(1, 1.0));
    const Segments values = cut(model(2, 1e-3, model(1, 1.0)));
    const struct {
        const char* text;
        double of_change;  ///< largest error, as a part of the change
        double at_least;   ///< and a rounding of the sum with the reference
    } cases[] = {{"f16", 0.0005, 3e-7}, {"bf16", 0.004, 3e-7}, {"int8", 0.0, 5e-3 / 127}};
    for (const auto& c : cases) {
        const SegmentCodec codec(layout(), compression(c.text));
        for (std::uint32_t s = 0; s < values.size(); ++s) {
            Blob residual;
            const Blob encoded = codec.encode_contribution(s, values[s], reference[s], residual);
            ASSERT_EQ(encoded.size(), codec.contribution_bytes(s, true));
            ASSERT_TRUE(codec.check(s, encoded, true));
            const Blob decoded = codec.decode(s, encoded, reference[s]);
            ASSERT_EQ(decoded.size(), values[s].size());
            if (s != inner_segment) {
                continue;
            }
            EXPECT_LT(static_cast<double>(encoded.size()),
                      0.51 * static_cast<double>(decoded.size()))
                << c.text;
            for (std::size_t at = 0; at < decoded.size(); at += sizeof(float)) {
                const double change =
                    std::fabs(float_at(values[s], at) - float_at(reference[s], at));
                ASSERT_NEAR(float_at(decoded, at), float_at(values[s], at),
                            c.of_change * change + c.at_least + 2.4e-7 * 4)
                    << c.text << " at " << at;
            }
        }
    }
}

TEST(SegmentCodec, LeavesOtherTypesAsTheyAre) {
    const Segments values = cut(model(3, 1.0));
    for (const std::string& text : all_methods) {
        const SegmentCodec codec(layout(), compression(text));
        Blob residual;
        const Blob decoded =
            codec.decode(0, codec.encode_contribution(0, values[0], {}, residual), {});
        EXPECT_EQ(std::memcmp(decoded.view().data(), values[0].view().data(), 24), 0) << text;
        const Blob last = codec.decode(2, codec.encode_merged(2, values[2], {}), {});
        EXPECT_EQ(std::memcmp(last.view().data() + last.size() - 20,
                              values[2].view().data() + last.size() - 20, 20),
                  0)
            << text;
    }
}

TEST(SegmentCodec, TopKSendsTheLargestChangesAndMergesExactly) {
    const Segments reference = cut(model(1, 1.0));
    const Segments values = cut(model(2, 1e-3, model(1, 1.0)));
    const SegmentCodec codec(layout(), compression("top-k:fraction=0.02"));
    Blob residual;
    const Blob encoded = codec.encode_contribution(inner_segment, values[inner_segment],
                                                   reference[inner_segment], residual);
    EXPECT_LT(static_cast<double>(encoded.size()),
              0.031 * static_cast<double>(values[inner_segment].size()));
    const Blob decoded = codec.decode(inner_segment, encoded, reference[inner_segment]);
    float least_sent = 1.0F;
    float most_left = 0.0F;
    for (std::size_t at = 0; at < decoded.size(); at += sizeof(float)) {
        const float change =
            std::fabs(float_at(values[inner_segment], at) - float_at(reference[inner_segment], at));
        if (float_at(decoded, at) == float_at(reference[inner_segment], at)) {
            most_left = std::max(most_left, change);
        } else {
            ASSERT_EQ(float_at(decoded, at), float_at(values[inner_segment], at));
            least_sent = std::min(least_sent, change);
        }
    }
    EXPECT_GE(least_sent, most_left);
    // What is merged of sparse contributions is sparse, and exact.
    const Blob merged = codec.encode_merged(inner_segment, decoded, reference[inner_segment]);
    EXPECT_LE(merged.size(), encoded.size());
    EXPECT_TRUE(same(codec.decode(inner_segment, merged, reference[inner_segment]), decoded));
    const Blob dense =
        codec.encode_merged(inner_segment, values[inner_segment], reference[inner_segment]);
    EXPECT_LE(dense.size(), codec.merged_bytes_max(inner_segment));
    EXPECT_TRUE(
        same(codec.decode(inner_segment, dense, reference[inner_segment]), values[inner_segment]));
}

TEST(SegmentCodec, ErrorFeedbackSendsInTheEndWhatWasLost) {
    // The same change in each of 200 rounds: with feedback all of it arrives.
    const Segments start = cut(model(1, 0.0));
    const Segments changed = cut(model(2, 1e-3));
    for (const char* text : {"int8", "top-k:fraction=0.05"}) {
        const SegmentCodec codec(layout(), compression(text));
        Blob residual;
        std::vector<double> sums(changed[inner_segment].size() / sizeof(float), 0.0);
        constexpr int rounds = 200;
        for (int round = 0; round < rounds; ++round) {
            const Blob decoded =
                codec.decode(inner_segment,
                             codec.encode_contribution(inner_segment, changed[inner_segment],
                                                       start[inner_segment], residual),
                             start[inner_segment]);
            for (std::size_t i = 0; i < sums.size(); ++i) {
                sums[i] += float_at(decoded, i * sizeof(float));
            }
        }
        double error = 0.0;
        double total = 0.0;
        for (std::size_t i = 0; i < sums.size(); ++i) {
            const double wanted =
                rounds * double{float_at(changed[inner_segment], i * sizeof(float))};
            error += std::fabs(sums[i] - wanted);
            total += std::fabs(wanted);
        }
        EXPECT_LT(error / total, 0.1) << text;
    }
}

TEST(SegmentCodec, KeepsNanAndLargeValuesApart) {
    Bytes bytes(layout()->size_bytes());
    const float values[] = {NAN, 1e30F, -1e30F, INFINITY};
    std::memcpy(bytes.data() + segment_bytes, values, sizeof values);
    const Segments segments = cut(Blob(std::move(bytes)));
    for (const char* text : {"f16", "bf16", "int8", "top-k"}) {
        const SegmentCodec codec(layout(), compression(text));
        Blob residual;
        const Blob decoded =
            codec.decode(inner_segment,
                         codec.encode_contribution(inner_segment, segments[inner_segment],
                                                   segments[0], residual),
                         segments[0]);
        EXPECT_TRUE(std::isnan(float_at(decoded, 0))) << text;
        EXPECT_FALSE(std::isfinite(float_at(decoded, 12))) << text;
        const bool block_is_nan = std::string_view(text) == "int8";
        EXPECT_EQ(std::isfinite(float_at(decoded, 4)), !block_is_nan) << text;
        EXPECT_TRUE(std::isfinite(float_at(decoded, 4 * 300))) << text;
    }
}

/// The inner_segment segment, with these bits in its first element.
Blob segment_with(std::uint32_t bits) {
    Bytes bytes(layout()->segment_size(inner_segment));
    std::memcpy(bytes.data(), &bits, sizeof bits);
    return Blob(std::move(bytes));
}

TEST(SegmentCodec, DecodesToTheCanonicalNan) {
    constexpr std::uint32_t canonical = 0x7fc00000;
    // NaN of both signs and several payloads, and infinities, whose difference is a NaN.
    const std::uint32_t not_finite[] = {canonical, 0x7fc00005, 0xffc00009, 0x7f800000, 0xff800000};
    std::size_t nans = 0;
    for (const char* text : {"f16", "bf16", "int8"}) {
        const SegmentCodec codec(layout(), compression(text));
        for (const std::uint32_t of_model : not_finite) {
            for (const std::uint32_t of_reference : not_finite) {
                const Blob reference = segment_with(of_reference);
                const Blob encoded =
                    codec.encode_merged(inner_segment, segment_with(of_model), reference);
                const float value = float_at(codec.decode(inner_segment, encoded, reference), 0);
                if (std::isnan(value)) {
                    ++nans;
                    EXPECT_EQ(std::bit_cast<std::uint32_t>(value), canonical)
                        << text << std::hex << " " << of_model << " " << of_reference;
                }
            }
        }
    }
    EXPECT_GT(nans, 60U);
}

TEST(SegmentCodec, FiniteValuesStayFinite) {
    constexpr float most = std::numeric_limits<float>::max();
    const float extremes[] = {most, -most, 0.9F * most, -0.7F * most, most / 127, 0.0F, 1e-40F};
    Bytes before(layout()->size_bytes());
    Bytes after(before.size());
    std::size_t at = segment_bytes;
    for (const float from : extremes) {
        for (const float to : extremes) {
            std::memcpy(before.data() + at, &from, sizeof from);
            std::memcpy(after.data() + at, &to, sizeof to);
            at += 256 * sizeof from;  // in a block of its own
        }
    }
    const Segments reference = cut(Blob(std::move(before)));
    const Segments values = cut(Blob(std::move(after)));
    const auto all_finite = [](const Blob& segment) {
        for (std::size_t i = 0; i < segment.size(); i += sizeof(float)) {
            if (!std::isfinite(float_at(segment, i))) {
                return false;
            }
        }
        return true;
    };
    for (const std::string& text : all_methods) {
        const SegmentCodec codec(layout(), compression(text));
        for (const bool has_reference : {true, false}) {
            const Blob base = has_reference ? reference[inner_segment] : Blob();
            Blob residual;
            for (int round = 0; round < 3; ++round) {  // residuals grow
                const Blob own =
                    codec.encode_contribution(inner_segment, values[inner_segment], base, residual);
                EXPECT_TRUE(all_finite(codec.decode(inner_segment, own, base))) << text;
            }
            const Blob merged = codec.encode_merged(inner_segment, values[inner_segment], base);
            EXPECT_TRUE(all_finite(codec.decode(inner_segment, merged, base))) << text;
        }
    }
}

TEST(SegmentCodec, RefusesBytesThatAreNoSegment) {
    const Segments reference = cut(model(1, 1.0));
    const Segments values = cut(model(2, 1e-3, model(1, 1.0)));
    for (const std::string& text : all_methods) {
        const SegmentCodec codec(layout(), compression(text));
        for (std::uint32_t s = 0; s < values.size(); ++s) {
            Blob residual;
            const Blob good = codec.encode_contribution(s, values[s], reference[s], residual);
            Bytes bytes(good.view().begin(), good.view().end());
            bytes.push_back(std::byte{0});
            EXPECT_FALSE(codec.check(s, Blob(bytes), true)) << text;
            bytes.resize(good.size() - 1);
            EXPECT_FALSE(codec.check(s, Blob(bytes), true)) << text;
            EXPECT_FALSE(codec.check(s, Blob(), true)) << text;
        }
    }
}

TEST(SegmentCodec, RefusesTopKWithoutAReferenceOrWithUnorderedIndices) {
    const Segments reference = cut(model(1, 1.0));
    const Segments values = cut(model(2, 1e-3, model(1, 1.0)));
    const SegmentCodec codec(layout(), compression("top-k:fraction=0.02"));
    Blob residual;
    const Blob good = codec.encode_contribution(inner_segment, values[inner_segment],
                                                reference[inner_segment], residual);
    EXPECT_TRUE(codec.check(inner_segment, good, true));
    EXPECT_FALSE(codec.check(inner_segment, good, false));
    Bytes bytes(good.view().begin(), good.view().end());
    std::memcpy(bytes.data() + 6, bytes.data() + 4, 2);  // the first index twice
    EXPECT_FALSE(codec.check(inner_segment, Blob(bytes), true));
    const std::uint32_t huge = 0xffff'ffffU;
    std::memcpy(bytes.data(), &huge, sizeof huge);
    EXPECT_FALSE(codec.check(inner_segment, Blob(bytes), true));
}

TEST(SegmentCodec, DecodesWhateverItAccepts) {
    const Segments reference = cut(model(1, 1.0));
    Random random(9);
    for (const char* text : {"f16", "bf16", "int8", "top-k:fraction=0.001"}) {
        const SegmentCodec codec(layout(), compression(text));
        for (int i = 0; i < 200; ++i) {
            Blob residual;
            const auto s = static_cast<std::uint32_t>(random.below(3));
            const Blob good = codec.encode_contribution(s, reference[s], reference[s], residual);
            Bytes bytes(good.view().begin(), good.view().end());
            for (int k = 0; k < 4; ++k) {
                bytes[random.below(std::min<std::size_t>(bytes.size(), 64))] ^=
                    static_cast<std::byte>(random.below(256));
            }
            if (codec.check(s, Blob(bytes), true)) {
                EXPECT_EQ(codec.decode(s, Blob(bytes), reference[s]).size(), reference[s].size());
            }
        }
    }
}

TEST(SegmentCodec, APhantomHasTheSizeOfAContribution) {
    const Segments values = cut(model(1, 1.0));
    for (const std::string& text : all_methods) {
        const SegmentCodec codec(layout(), compression(text));
        Blob residual;
        const Blob phantom = codec.encode_contribution(inner_segment, Blob::phantom(segment_bytes),
                                                       Blob::phantom(segment_bytes), residual);
        EXPECT_TRUE(phantom.is_phantom());
        EXPECT_EQ(phantom.size(), codec
                                      .encode_contribution(inner_segment, values[inner_segment],
                                                           values[inner_segment], residual)
                                      .size())
            << text;
        EXPECT_EQ(codec.decode(inner_segment, phantom, {}).size(), segment_bytes);
    }
}

}  // namespace
}  // namespace starling::test
