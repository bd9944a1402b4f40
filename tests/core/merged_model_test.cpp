// Which segments of a merged model are written to the disk together while others arrive.
#include "core/sl/merged_model.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

namespace starling::test {
namespace {

constexpr std::uint32_t run = MergedModel::run_segments;

ParamLayout layout_of(std::uint32_t segments) {
    const auto elements = static_cast<std::int64_t>(segments * segment_bytes / sizeof(float));
    return *ParamLayout::make({{"weight", DType::f32, {elements}, 0}});
}

/// The segments of each WriteWork if they arrive in this order; all are hashed already.
std::vector<std::vector<std::uint32_t>> writes_of(const std::vector<std::uint32_t>& arrivals) {
    const ParamLayout layout = layout_of(static_cast<std::uint32_t>(arrivals.size()));
    MergedModel model(1, RoundKey{}, layout, false);
    std::vector<Effect> effects;
    Outbox out(effects);
    for (const std::uint32_t segment : arrivals) {
        model.add(segment, Blob::phantom(segment_bytes), Digest{});
        model.start_work(out);
    }
    std::vector<std::vector<std::uint32_t>> writes;
    for (const Effect& effect : effects) {
        const auto* start = std::get_if<StartWork>(&effect);
        const auto* write = start != nullptr ? std::get_if<WriteWork>(&start->what) : nullptr;
        if (write != nullptr) {
            std::vector<std::uint32_t>& indices = writes.emplace_back();
            for (const PlacedSegment& segment : write->segments) {
                indices.push_back(segment.index);
            }
        }
    }
    return writes;
}

std::vector<std::uint32_t> in_turns(std::uint32_t owners, std::uint32_t each) {
    std::vector<std::uint32_t> arrivals;
    for (std::uint32_t i = 0; i < each; ++i) {
        for (std::uint32_t owner = 0; owner < owners; ++owner) {
            arrivals.push_back(owner * each + i);
        }
    }
    return arrivals;
}

TEST(MergedModel, WritesNeighboursTogetherThoughOwnersSendInTurns) {
    const auto writes = writes_of(in_turns(8, 21));
    std::set<std::uint32_t> written;
    for (const auto& indices : writes) {
        written.insert(indices.begin(), indices.end());
        if (&indices == &writes.back()) {
            break;  // what is left, here the last segment of each owner
        }
        EXPECT_GE(indices.size(), MergedModel::batch_segments);
        for (std::size_t i = 0; i + run <= indices.size(); i += run) {
            EXPECT_EQ(indices[i + run - 1], indices[i] + run - 1);
        }
    }
    EXPECT_EQ(writes.back().size(), 8U);
    EXPECT_EQ(written.size(), 8U * 21U);
}

TEST(MergedModel, WritesEachSegmentOnceInAnyOrder) {
    std::vector<std::uint32_t> arrivals = in_turns(1, 40);
    for (const std::uint32_t step : {3U, 7U, 11U, 39U}) {
        std::ranges::sort(arrivals, {}, [&](std::uint32_t i) { return i * step % 40; });
        std::vector<std::uint32_t> written;
        for (const auto& indices : writes_of(arrivals)) {
            written.insert(written.end(), indices.begin(), indices.end());
        }
        std::ranges::sort(written);
        EXPECT_EQ(written, in_turns(1, 40)) << step;
    }
}

TEST(MergedModel, LeavesASmallOneToKeepWork) {
    EXPECT_TRUE(writes_of(in_turns(1, MergedModel::batch_segments - 1)).empty());
    EXPECT_EQ(writes_of(in_turns(1, MergedModel::batch_segments)).size(), 1U);
}

}  // namespace
}  // namespace starling::test
