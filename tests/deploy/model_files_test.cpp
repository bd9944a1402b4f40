#include "deploy/storage/model_files.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <numeric>

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "core/params/model_digest.hpp"
#include "tests/support/temporary_directory.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling {
namespace {

KeptModel model_of(Round round, Attempt attempt) {
    KeptModel model{{"default", 0, round, attempt}, {}, {}};
    model.segments.push_back(Blob(Bytes(16, static_cast<std::byte>(16 * round + attempt))));
    model.digest = model_digest(model.segments, openssl_hasher());
    return model;
}

class ModelFilesTest : public testing::Test {
protected:
    ModelFiles::Opened open() const {
        Result<ModelFiles::Opened> opened = ModelFiles::open(directory.path(), openssl_hasher());
        EXPECT_TRUE(opened);
        return std::move(*opened);
    }
    void keep(std::vector<RoundKey> keys) const {
        const ModelFiles::Opened opened = open();
        for (const RoundKey& key : keys) {
            EXPECT_TRUE(opened.files->keep({.model = model_of(key.round, key.attempt)}));
        }
    }
    void expect_kept(const std::vector<KeptModel>& expected) const {
        const ModelFiles::Opened opened = open();
        ASSERT_EQ(opened.models.size(), expected.size());
        for (std::size_t i = 0; i < expected.size(); ++i) {
            EXPECT_EQ(opened.models[i].key, expected[i].key);
            EXPECT_EQ(opened.models[i].digest, expected[i].digest);
        }
    }
    TemporaryDirectory directory;
};

TEST_F(ModelFilesTest, TheTwoNewestRoundsAreKept) {
    keep({{"default", 0, 1, 0}, {"default", 0, 2, 0}, {"default", 0, 3, 0}});
    expect_kept({model_of(2, 0), model_of(3, 0)});
}

TEST_F(ModelFilesTest, AttemptsOfARoundDoNotReplaceThePreviousRound) {
    keep({{"default", 0, 10, 0}, {"default", 0, 11, 0}});
    keep({{"default", 0, 11, 1}, {"default", 0, 11, 2}});  // in another start of the node
    expect_kept({model_of(10, 0), model_of(11, 2)});
}

/// Of two segments and a half, each of other bytes.
KeptModel large_model(Round round, std::uint64_t bytes = 5 * segment_bytes / 2) {
    Bytes vector(bytes);
    for (std::size_t i = 0; i < vector.size(); ++i) {
        vector[i] = static_cast<std::byte>(i / 1000 + round);
    }
    KeptModel model{{"default", 0, round, 0}, {}, cut(Blob(std::move(vector)))};
    model.digest = model_digest(model.segments, openssl_hasher());
    return model;
}

/// The segments with these indices.
WriteWork part_of(const KeptModel& model, DraftNumber draft,
                  const std::vector<std::uint32_t>& indices) {
    WriteWork work{draft, model.key, 0, {}};
    for (const Blob& segment : model.segments) {
        work.model_bytes += segment.size();
    }
    for (const std::uint32_t index : indices) {
        work.segments.push_back({index, model.segments[index]});
    }
    return work;
}

TEST_F(ModelFilesTest, AModelThatIsWrittenAsItArrivesIsKeptWhole) {
    const KeptModel model = large_model(1);
    {
        const ModelFiles::Opened opened = open();
        EXPECT_TRUE(opened.files->write(part_of(model, 1, {2})));
        EXPECT_TRUE(opened.files->write(part_of(model, 1, {0})));
        EXPECT_TRUE(opened.files->keep({.model = model, .draft = 1}));
    }
    expect_kept({model});
}

bool same_bytes(const Segments& a, const Segments& b) {
    return std::ranges::equal(a, b, [](const Blob& one, const Blob& other) {
        return std::ranges::equal(one.view(), other.view());
    });
}

/// Where a disk can read it without the system's cache in between.
Segments aligned(const Segments& segments) {
    Segments copies;
    for (const Blob& segment : segments) {
        std::shared_ptr<std::byte> memory(
            static_cast<std::byte*>(std::aligned_alloc(4096, segment_bytes)), &std::free);
        std::copy_n(segment.view().data(), segment.size(), memory.get());
        copies.push_back(Blob(memory, ByteView(memory.get(), segment.size())));
    }
    return copies;
}

TEST_F(ModelFilesTest, AModelThatIsWrittenPastTheCacheIsKeptWhole) {
    std::vector<KeptModel> models;
    for (Round round = 1; round < 8; ++round) {
        models.push_back(large_model(round, 20 * segment_bytes + 1000 * round));
        models.back().segments = aligned(models.back().segments);
        const KeptModel& model = models.back();
        std::vector<std::uint32_t> most(17);
        std::iota(most.begin(), most.end(), 4);
        const ModelFiles::Opened opened = open();
        EXPECT_TRUE(opened.files->write(part_of(model, 1, {3, 2})));
        EXPECT_TRUE(opened.files->write(part_of(model, 1, most)));
        const Result<Segments> stored = opened.files->keep({.model = model, .draft = 1});
        ASSERT_TRUE(stored);
        EXPECT_TRUE(same_bytes(*stored, model.segments)) << round;
        expect_kept({models.end() - std::min<std::ptrdiff_t>(2, std::ssize(models)), models.end()});
    }
}

/// Every other one in memory from which a disk can't read it.
TEST_F(ModelFilesTest, ASmallModelThatIsWrittenInOneCallIsKeptWhole) {
    std::vector<KeptModel> models;
    for (Round round = 1; round < 10; ++round) {
        // Last pages of another length, a whole one among them.
        models.push_back(large_model(round, 3 * segment_bytes / 2 + 1024 * (round / 2)));
        KeptModel& model = models.back();
        model.segments = round % 2 == 0 ? aligned(model.segments) : model.segments;
        const ModelFiles::Opened opened = open();
        const Result<Segments> stored =
            opened.files->keep({.model = model, .draft = 1, .read_soon = false});
        ASSERT_TRUE(stored);
        EXPECT_TRUE(same_bytes(*stored, model.segments)) << round;
        expect_kept({models.end() - std::min<std::ptrdiff_t>(2, std::ssize(models)), models.end()});
    }
    for (const char* name : {"merged-0.model", "merged-1.model", "merged-2.model"}) {
        EXPECT_EQ(std::filesystem::file_size(directory.path() / name) % 4096, 0U) << name;
    }
}

/// As a power failure may leave it, whose head is on the disk and a segment is not.
TEST_F(ModelFilesTest, OfASmallModelThatWasHalfWrittenInOneCallNothingIsRead) {
    std::vector<KeptModel> models;
    for (Round round = 1; round < 5; ++round) {
        models.push_back(large_model(round, 2 * segment_bytes));
        models.back().segments = aligned(models.back().segments);
        EXPECT_TRUE(open().files->keep({.model = models.back(), .draft = 1, .read_soon = false}));
    }
    // The fourth one has taken the place of the first.
    std::fstream file(directory.path() / "merged-0.model",
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 + 3 * segment_bytes / 2);
    file << std::string(4096, '\x01');
    file.close();
    EXPECT_EQ(open().notes.size(), 1U);
    expect_kept({models[1], models[2]});
}

TEST_F(ModelFilesTest, AModelOfAnOlderVersionIsRead) {
    keep({{"default", 0, 1, 0}});
    const std::filesystem::path file = directory.path() / "merged-0.model";
    Bytes start(4096);
    std::ifstream(file, std::ios::binary).read(reinterpret_cast<char*>(start.data()), 4096);
    // The head's length behind the first word; the segments follow the head.
    const std::size_t head_end = 12 + std::to_integer<std::size_t>(start[8]);
    std::ofstream old(file, std::ios::binary);
    old << "STRLKEPT";
    old.write(reinterpret_cast<const char*>(start.data()) + 8,
              static_cast<std::streamsize>(head_end - 8));
    old << std::string(16, '\x10');
    old.close();
    expect_kept({model_of(1, 0)});
}

TEST_F(ModelFilesTest, AnUnfinishedDraftIsNeverReadAndNoDamage) {
    for (Round round = 1; round < 6; ++round) {
        EXPECT_TRUE(open().files->write(part_of(large_model(round), 1, {0, 1, 2})));
        EXPECT_TRUE(open().notes.empty()) << round;
        EXPECT_EQ(open().models.size(), std::min<std::size_t>(round - 1, 2));
        EXPECT_TRUE(open().files->keep({.model = large_model(round)}));
    }
    expect_kept({large_model(4), large_model(5)});
}

/// As if the power had failed before all of a model was on the disk: it was not reported yet.
TEST_F(ModelFilesTest, WithoutTheNewestModelTheTwoBeforeAreThere) {
    keep({{"default", 0, 1, 0}, {"default", 0, 2, 0}, {"default", 0, 3, 0}});
    {
        std::fstream newest(directory.path() / "merged-2.model",
                            std::ios::binary | std::ios::in | std::ios::out);
        newest.seekp(-1, std::ios::end);
        newest.put('x');
    }
    expect_kept({model_of(1, 0), model_of(2, 0)});
    const std::vector<std::string> notes = open().notes;
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_NE(notes.front().find("merged-2.model is damaged and not used"), std::string::npos)
        << notes.front();
    keep({{"default", 0, 3, 1}});
    expect_kept({model_of(2, 0), model_of(3, 1)});
    EXPECT_TRUE(open().notes.empty());
}

TEST_F(ModelFilesTest, TheDraftOfAnOlderVersionIsRemoved) {
    std::ofstream(directory.path() / "merged.draft") << "part of a model";
    keep({{"default", 0, 1, 0}});
    EXPECT_FALSE(std::filesystem::exists(directory.path() / "merged.draft"));
}

TEST_F(ModelFilesTest, ADraftHoldsNothingOfTheOneBefore) {
    {
        const ModelFiles::Opened opened = open();
        EXPECT_TRUE(opened.files->write(part_of(large_model(1), 1, {0, 1})));
        EXPECT_TRUE(opened.files->write(part_of(large_model(2), 2, {2})));
        EXPECT_TRUE(opened.files->keep({.model = large_model(2), .draft = 2}));
        EXPECT_TRUE(opened.files->write(part_of(large_model(3), 3, {0, 1, 2})));
        EXPECT_TRUE(opened.files->keep({.model = large_model(4)}));  // as a fetched one
    }
    expect_kept({large_model(2), large_model(4)});
}

TEST_F(ModelFilesTest, FilesThatAreWrittenAgainHaveTheLengthOfTheNewModel) {
    std::vector<KeptModel> kept;
    for (const std::uint64_t size : {9U, 2'000'000U, 700'000U, 1U, 300'000U, 2'000'000U}) {
        kept.push_back(large_model(kept.size(), size));
        EXPECT_TRUE(open().files->keep({.model = kept.back()}));
        expect_kept({kept.begin() + std::max<std::ptrdiff_t>(std::ssize(kept) - 2, 0), kept.end()});
    }
}

TEST_F(ModelFilesTest, AModelThatIsHeldIsNotWrittenOver) {
    const ModelFiles::Opened opened = open();
    const Result<Segments> held = opened.files->keep({.model = large_model(1)});
    ASSERT_TRUE(held);
    ASSERT_FALSE(held->empty());
    for (const Round round : {2U, 3U, 4U, 5U}) {
        const Result<Segments> stored = opened.files->keep({.model = large_model(round)});
        ASSERT_TRUE(stored);
        EXPECT_TRUE(same_bytes(*stored, large_model(round).segments)) << round;
        EXPECT_TRUE(same_bytes(*held, large_model(1).segments)) << round;
    }
}

TEST_F(ModelFilesTest, AModelWithASecondNameIsNotWrittenOver) {
    keep({{"default", 0, 1, 0}, {"default", 0, 2, 0}});
    TemporaryDirectory copies;
    for (const char* name : {"merged-0.model", "merged-1.model"}) {
        std::filesystem::create_hard_link(directory.path() / name, copies.path() / name);
    }
    ModelFiles::Opened opened = open();
    opened.models.clear();  // else they are held: see above
    for (Round round = 3; round < 6; ++round) {
        EXPECT_TRUE(opened.files->keep({.model = model_of(round, 0)}));
    }
    const auto copied = ModelFiles::open(copies.path(), openssl_hasher());
    ASSERT_TRUE(copied && copied->models.size() == 2);
    EXPECT_EQ(copied->models[0].digest, model_of(1, 0).digest);
    EXPECT_EQ(copied->models[1].digest, model_of(2, 0).digest);
    expect_kept({model_of(4, 0), model_of(5, 0)});
}

TEST_F(ModelFilesTest, AModelOfAnEarlierStartIsNotWrittenOverWhileItIsHeld) {
    EXPECT_TRUE(open().files->keep({.model = large_model(1)}));
    const ModelFiles::Opened opened = open();
    ASSERT_EQ(opened.models.size(), 1U);
    for (const Round round : {2U, 3U, 4U, 5U}) {
        EXPECT_TRUE(opened.files->keep({.model = large_model(round)}));
        EXPECT_TRUE(same_bytes(opened.models.front().segments, large_model(1).segments)) << round;
    }
}

TEST_F(ModelFilesTest, SegmentsBehindFourGigabytesHaveTheirPlace) {
    constexpr std::uint64_t bytes = std::uint64_t{5} * 1024 * 1024 * 1024 + 1000;
    struct statfs disk {};
    ASSERT_EQ(::statfs(directory.path().c_str(), &disk), 0);
    if (disk.f_type == TMPFS_MAGIC ||
        disk.f_bavail * static_cast<std::uint64_t>(disk.f_bsize) < 2 * bytes) {
        GTEST_SKIP() << "the temporary directory is in memory, or has less than 10 GiB free";
    }
    const std::uint32_t last = segment_count(bytes) - 1;
    const std::uint32_t middle = 17'000;  // 4.15 GiB
    const auto filled = [&](std::uint32_t index) {
        return Blob(Bytes(segment_size(bytes, index), static_cast<std::byte>(index)));
    };
    const ModelFiles::Opened opened = open();
    ASSERT_TRUE(opened.files->write(
        {.draft = 1,
         .key = {"default", 0, 1, 0},
         .model_bytes = bytes,
         .segments = {{0, filled(0)}, {middle, filled(middle)}, {last, filled(last)}}}));
    const std::filesystem::path draft = directory.path() / "merged-0.model";
    const std::uint64_t start = std::filesystem::file_size(draft) - bytes;
    std::ifstream stream(draft, std::ios::binary);
    for (const std::uint32_t index : {0U, middle, last}) {
        Bytes read(segment_size(bytes, index));
        stream.seekg(static_cast<std::streamoff>(start + index * segment_bytes));
        stream.read(reinterpret_cast<char*>(read.data()),
                    static_cast<std::streamsize>(read.size()));
        EXPECT_TRUE(same_bytes({Blob(std::move(read))}, {filled(index)})) << index;
    }
}

}  // namespace
}  // namespace starling
