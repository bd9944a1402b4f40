#include "deploy/board/http_access.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace starling {
namespace {

constexpr std::string_view secret = "abcdefghijklmnopqrstuvwxyz";

/// The status that refuses a request; 0: it is admitted.
unsigned refusal(const HttpAccess& access, const HttpRequest& request) {
    const auto answer = access.refusal(request);
    return answer ? answer->status : 0;
}

TEST(HttpAccess, SecretsAreEqualIfAllOfThemIs) {
    EXPECT_TRUE(same_secret(secret, secret));
    for (const std::string_view other :
         {"", "a", "abcdefghijklmnopqrstuvwxy_", "_bcdefghijklmnopqrstuvwxyz",
          "abcdefghijklmnopqrstuvwxyza", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"}) {
        EXPECT_FALSE(same_secret(other, secret)) << other;
    }
    EXPECT_FALSE(same_secret("", ""));
}

TEST(HttpAccess, OnThisMachineTheNameDecides) {
    EXPECT_EQ(refusal(HttpAccess::loopback(), {.target = "/", .host = "localhost"}), 0U);
    EXPECT_EQ(refusal(HttpAccess::loopback(), {.target = "/", .host = "evil.example"}), 421U);
    EXPECT_EQ(refusal(HttpAccess::certificate(), {.target = "/", .host = "board.example"}), 0U);
}

TEST(HttpAccess, TheCookieOfALoginAdmitsAndDoesNotTellTheToken) {
    const HttpAccess access = HttpAccess::token(std::string(secret), 30380);
    const std::string login = "/?token=" + std::string(secret);
    const auto answer = access.refusal({.target = login});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 303U);
    EXPECT_EQ(answer->headers.find(secret), std::string::npos);
    const std::string mark = "Set-Cookie: ";
    const std::size_t at = answer->headers.find(mark) + mark.size();
    const std::string cookie = answer->headers.substr(at, answer->headers.find(';', at) - at);
    EXPECT_EQ(refusal(access, {.target = "/", .cookie = cookie}), 0U);
    EXPECT_EQ(refusal(access, {.target = "/", .cookie = "a=b;" + cookie}), 0U);
    EXPECT_EQ(refusal(access, {.target = "/", .cookie = cookie + "0"}), 401U);
    EXPECT_EQ(refusal(HttpAccess::token("another-token-of-another-server", 30380),
                      {.target = "/", .cookie = cookie}),
              401U);
    // A login at another port of this host leaves this one's as it is.
    const HttpAccess beside = HttpAccess::token(std::string(secret), 30381);
    EXPECT_TRUE(cookie.starts_with("__Host-starling-board-30380=")) << cookie;
    EXPECT_NE(beside.refusal({.target = login})->headers.find("__Host-starling-board-30381="),
              std::string::npos);
    EXPECT_EQ(refusal(beside, {.target = "/", .cookie = cookie}), 401U);
    EXPECT_EQ(refusal(access, {.target = "/?token=x"}), 401U);
    EXPECT_EQ(refusal(access, {.target = "/", .authorization = "Basic x"}), 401U);
}

TEST(HttpAccess, ATokenIsALineThatNobodyCanGuess) {
    const auto file = std::filesystem::path(testing::TempDir()) / "starling-token";
    const auto read = [&](const std::string& text) {
        std::ofstream(file) << text;
        const Result<std::string> token = read_token(file.string());
        return token ? *token : "refused";
    };
    EXPECT_EQ(read(std::string(secret) + "\n"), secret);
    EXPECT_EQ(read(std::string(secret) + "\r\n"), secret);
    for (const std::string& text :
         {std::string(), std::string("short\n"), std::string(secret) + " x",
          std::string(secret) + "&a", std::string(secret) + "\n" + std::string(secret),
          std::string(201, 'a')}) {
        EXPECT_EQ(read(text), "refused") << text;
    }
    std::filesystem::remove(file);
    EXPECT_EQ(read_token(file.string()).error().code, Errc::io);
}

}  // namespace
}  // namespace starling
