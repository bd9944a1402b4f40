#include "deploy/storage/model_files.hpp"

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling {
namespace {

KeptModel model_of(Round round, Attempt attempt) {
    KeptModel model{{"default", 0, round, attempt}, {}, {}};
    model.segments.emplace_back(Bytes(16, static_cast<std::byte>(16 * round + attempt)));
    model.digest = openssl_hasher().digest(std::span<const Blob>(model.segments));
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
            EXPECT_TRUE(opened.files->keep(model_of(key.round, key.attempt)));
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

}  // namespace
}  // namespace starling
