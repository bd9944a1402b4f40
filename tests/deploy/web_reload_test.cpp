// The certificate of swarm-board's page, replaced while it runs.
#include "deploy/board/web_reload.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>

#include <gtest/gtest.h>

#include "deploy/certs/cert_files.hpp"
#include "deploy/certs/gen_cert.hpp"
#include "tests/support/temporary_directory.hpp"

namespace starling::test {
namespace {

class WebReloadTest : public testing::Test {
protected:
    WebReloadTest() {
        GenCertOptions options;
        options.example = "x";
        options.index = 1;
        options.host_ips = {"127.0.0.1"};
        options.workspace = folder.path().string();
        EXPECT_TRUE(gen_cert(options));
        files.own.cert = file("sn-1-cert.pem");
        files.own.key = file("sn-1-key.pem");
    }
    std::string file(const std::string& name) const {
        return (folder.path() / "x" / "cert" / name).string();
    }
    /// All that is written looks alike from outside.
    void write(const std::string& text) const {
        std::ofstream(files.own.cert) << text;
        std::filesystem::last_write_time(files.own.cert, time);
    }
    /// Runs `io` until then, half a minute at most.
    bool run_until(const std::function<bool()>& done) {
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (!done() && std::chrono::steady_clock::now() < limit) {
            io.run_one_until(limit);
        }
        return done();
    }

    TemporaryDirectory folder;
    WebFiles files;
    std::filesystem::file_time_type time;
    asio::io_context io;
};

TEST_F(WebReloadTest, FilesThatCouldNotBeReadOnceAreReadAgainWithoutAChange) {
    int count = 0;
    WebReload reload(io, files, [&](const std::shared_ptr<ssl_ctx_st>&) { ++count; });
    ASSERT_TRUE(reload.load());
    const std::string good = *read_file(files.own.cert);
    time = std::filesystem::last_write_time(files.own.cert) + std::chrono::seconds(1);
    write(std::string(good.size(), 'x'));
    reload.reload();
    ASSERT_EQ(count, 0);
    write(good);
    reload.watch();
    EXPECT_TRUE(run_until([&] { return count == 1; }));
}

TEST_F(WebReloadTest, AFileThatWasReplacedByOneOfItsSizeAndTimeIsRead) {
    int count = 0;
    WebReload reload(io, files, [&](const std::shared_ptr<ssl_ctx_st>&) { ++count; });
    ASSERT_TRUE(reload.load());
    time = std::filesystem::last_write_time(files.own.cert);
    const std::string copy = files.own.cert + ".new";
    std::filesystem::copy_file(files.own.cert, copy);
    std::filesystem::last_write_time(copy, time);
    std::filesystem::rename(copy, files.own.cert);
    reload.watch();
    EXPECT_TRUE(run_until([&] { return count == 1; }));
}

}  // namespace
}  // namespace starling::test
