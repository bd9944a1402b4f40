#include "deploy/board/http_text.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

TEST(HttpText, ReadsTargetAndHost) {
    const auto request =
        parse_http_request("GET /api/run?since=1 HTTP/1.1\r\nA: b\r\nhOsT:  localhost:7 \r\n\r\n");
    ASSERT_TRUE(request);
    EXPECT_TRUE(request->get);
    EXPECT_EQ(request->target, "/api/run?since=1");
    EXPECT_EQ(request->host, "localhost:7");
    EXPECT_EQ(request->cookie, "");
}

TEST(HttpText, ReadsWhoAsks) {
    const auto request = parse_http_request(
        "HEAD / HTTP/1.1\r\nCOOKIE: a=1; b=2\r\nAuthorization: Bearer x y \r\n\r\n");
    ASSERT_TRUE(request);
    EXPECT_EQ(request->cookie, "a=1; b=2");
    EXPECT_EQ(request->authorization, "Bearer x y");
}

TEST(HttpText, RefusesWhatIsNoRequest) {
    for (const char* head :
         {"", "\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/2\r\n\r\n", "GET x HTTP/1.1\r\n\r\n",
          "GET / x HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
          "GET / HTTP/1.1\r\n: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
          "GET / HTTP/1.1\r\nCookie: a\r\nA: b\r\ncookie: a\r\n\r\n"}) {
        EXPECT_FALSE(parse_http_request(head)) << head;
    }
}

TEST(HttpText, KnowsTheNamesOfThisMachine) {
    for (const char* host : {"", "127.0.0.1", "127.0.0.1:80", "127.9.0.2:80", "localhost",
                             "LocalHost:1", "[::1]", "[::1]:30380"}) {
        EXPECT_TRUE(is_loopback_host(host)) << host;
    }
    for (const char* host :
         {"example.org", "127.0.0.1.example.org", "128.0.0.1", "localhost.example.org:80", "[::2]",
          "::1", "evil:127.0.0.1", "127.0.0.1@evil"}) {
        EXPECT_FALSE(is_loopback_host(host)) << host;
    }
}

}  // namespace
}  // namespace starling
