#include "core/ml/sync_counter.hpp"

#include <gtest/gtest.h>

namespace starling::test {
namespace {

TEST(SyncCounter, ASyncIsDueEveryFewBatchesAcrossEpochs) {
    SyncCounter counter(3);
    std::vector<int> due;
    for (int batch = 0; batch < 8; ++batch) {
        if (counter.count(1)) {
            due.push_back(batch);
            EXPECT_EQ(counter.since_sync(), 3U);
            counter.synced();
        }
        if (batch % 4 == 3) {
            counter.end_epoch();
        }
    }
    EXPECT_EQ(due, (std::vector<int>{2, 5}));
    EXPECT_EQ(counter.since_sync(), 2U);
    EXPECT_EQ(counter.until_sync(), 1U);
    EXPECT_EQ(counter.position(), (TrainingPosition{2, 0}));
}

TEST(SyncCounter, CountingManyBatchesEqualsCountingOneByOne) {
    SyncCounter counter(128);
    EXPECT_FALSE(counter.count(100));
    EXPECT_FALSE(counter.count(0));
    EXPECT_EQ(counter.until_sync(), 28U);
    EXPECT_TRUE(counter.count(28));
    EXPECT_EQ(counter.position(), (TrainingPosition{0, 128}));
}

TEST(SyncCounter, ASyncStaysDueUntilItIsDone) {
    SyncCounter counter(2);
    EXPECT_TRUE(counter.count(2));
    EXPECT_TRUE(counter.count(1)) << "the sync has failed, and the program continues training";
    EXPECT_EQ(counter.until_sync(), 0U);
    counter.synced();
    EXPECT_EQ(counter.until_sync(), 2U);
}

TEST(SyncCounter, TheSyncAfterAnEpochsLastBatchBelongsToThatEpoch) {
    SyncCounter counter(4);
    EXPECT_TRUE(counter.count(4));
    EXPECT_EQ(counter.position(), (TrainingPosition{0, 4}));
    counter.synced();
    counter.end_epoch();
    EXPECT_EQ(counter.position(), (TrainingPosition{1, 0}));
}

TEST(SyncCounter, ASyncThatWasNotDueAlsoRestartsTheCount) {
    SyncCounter counter(4);
    counter.count(3);
    counter.synced();
    EXPECT_EQ(counter.since_sync(), 0U);
    EXPECT_EQ(counter.until_sync(), 4U);
    EXPECT_EQ(counter.position(), (TrainingPosition{0, 3})) << "the position continues";
}

TEST(SyncCounter, ResumesAtAPositionWithAFullInterval) {
    SyncCounter counter(4);
    counter.resume({1, 6});
    EXPECT_EQ(counter.until_sync(), 4U);
    EXPECT_TRUE(counter.count(4));
    EXPECT_EQ(counter.position(), (TrainingPosition{1, 10}));
}

}  // namespace
}  // namespace starling::test
