// The metrics of SN and SL as a Prometheus server scrapes them, checked by Debian's promtool.
#include <algorithm>
#include <csignal>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

/// A connected socket, or -1.
int connect_to(std::uint16_t port, const char* ip) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, ip, &address.sin_addr);
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    // a server that does not answer fails a test instead of blocking it
    const timeval limit{20, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
        ::close(socket);
        return -1;
    }
    return socket;
}

/// The answer of the server at `ip`:`port`, including headers; empty if there is none.
std::string http_send(std::uint16_t port, const std::string& request,
                      const char* ip = "127.0.0.1") {
    const int socket = connect_to(port, ip);
    std::string answer;
    if (socket >= 0) {
        [[maybe_unused]] const ssize_t sent =
            ::send(socket, request.data(), request.size(), MSG_NOSIGNAL);
        std::array<char, 4096> part{};
        ssize_t got = 0;
        while ((got = ::recv(socket, part.data(), part.size(), 0)) > 0) {
            answer.append(part.data(), static_cast<std::size_t>(got));
        }
    }
    ::close(socket);
    return answer;
}

std::string http_get(std::uint16_t port, const std::string& target, const char* ip = "127.0.0.1") {
    return http_send(
        port, "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", ip);
}

std::string body_of(const std::string& answer) {
    const std::size_t at = answer.find("\r\n\r\n");
    return at == std::string::npos ? "" : answer.substr(at + 4);
}

/// The value of the line that begins with `sample`, or -1.
double value_of(const std::string& text, const std::string& sample) {
    const std::size_t at = ("\n" + text).find("\n" + sample + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + sample.size() + 1));
}

std::size_t count_lines(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++count;
    }
    return count;
}

class Metrics : public SystemSwarm {
protected:
    std::unique_ptr<Program> start(std::vector<std::string> command, std::uint16_t port) const {
        command.push_back("--metrics-port=" + std::to_string(port));
        return std::make_unique<Program>(command);
    }
    std::string trace(const std::string& host, const std::string& node) const {
        return read_text(path(host + "/trace/" + node + ".trace"));
    }
    /// Skips without promtool; otherwise promtool must accept `text` without any remark.
    void expect_promtool_content(const std::string& text) const {
        write_text(path("metrics.txt"), text);
        Program check({"/bin/sh", "-c",
                       std::string("exec '") + STARLING_PROMTOOL + "' check metrics < '" +
                           path("metrics.txt") + "'"});
        EXPECT_EQ(check.wait_exit(Seconds(60)), 0) << check.output() << text;
        EXPECT_EQ(check.output(), "") << text;
    }

    const std::uint16_t sn_metrics = free_port();
    const std::uint16_t sl_metrics = free_port();
};

TEST_F(Metrics, MetricsOfATrainingMatchItsTraces) {
    const auto sn = start(sn_command(identity("sn1")), sn_metrics);
    ASSERT_TRUE(sn->wait_for("Starting SWARM-API-SERVER")) << sn->output();
    const auto sl1 = start(sl_command(1, identity("sl1"), "--batches 100000000"), sl_metrics);
    const auto sl2 = start_sl(2, "--batches 100000000");
    ASSERT_TRUE(sl1->wait_for("Round 3: merged 2 members")) << sl1->output();
    const std::string running = body_of(http_get(sl_metrics, "/metrics"));
    EXPECT_EQ(value_of(running, "starling_connections{role=\"sn\"}"), 1) << running;
    EXPECT_EQ(value_of(running, "starling_connections{role=\"ml\"}"), 1) << running;
    EXPECT_EQ(value_of(running, "starling_last_round_members{contract=\"default\"}"), 2) << running;
    EXPECT_GE(value_of(running, "starling_rounds_committed_total{contract=\"default\"}"), 4);
    EXPECT_GT(value_of(running, "starling_exchange_sent_bytes_total"), 0) << running;
    EXPECT_EQ(value_of(running, "starling_epochs_done"), 0) << running;
    const std::string reported = "starling_scalar{name=\"weight/first\"}";
    EXPECT_GT(value_of(running, reported), 0) << running;
    EXPECT_LT(value_of(running, reported), 1) << running;
    EXPECT_EQ(value_of(body_of(http_get(sn_metrics, "/metrics")),
                       "starling_members{contract=\"default\"}"),
              2);
    sl1->signal(SIGTERM);
    sl1->wait_exit();
    sl2->wait_exit();

    const std::string answer = http_get(sn_metrics, "/metrics");
    EXPECT_TRUE(holds(answer, "200 OK")) << answer;
    EXPECT_TRUE(holds(answer, "Content-Type: text/plain; version=0.0.4")) << answer;
    const std::string text = body_of(answer);
    sn->signal(SIGTERM);  // then its trace is complete
    EXPECT_EQ(sn->wait_exit(), 0) << sn->output();
    const std::string events = trace("host-1", "sn1");
    EXPECT_EQ(value_of(text, "starling_rounds_committed_total{contract=\"default\"}"),
              count_lines(events, " round_committed "));
    EXPECT_EQ(value_of(text, "starling_round_attempts_total{contract=\"default\"}"),
              count_lines(events, " round_frozen "));
    EXPECT_EQ(value_of(text, "starling_checkin_to_commit_seconds_count{contract=\"default\"}"),
              count_lines(events, " round_committed "));
    const std::size_t newest = events.rfind("index=", events.rfind("head="));
    ASSERT_NE(newest, std::string::npos) << events;
    EXPECT_EQ(value_of(text, "starling_ledger_entries"), std::stod(events.substr(newest + 6)));
    EXPECT_EQ(value_of(text, "starling_ledger_leads"), 1) << text;
    EXPECT_EQ(value_of(text, "starling_ledger_term"), 1) << text;
    EXPECT_EQ(
        value_of(text, "starling_contracts_ended_total{contract=\"default\",phase=\"aborted\"}"),
        1);
    EXPECT_EQ(value_of(text, "starling_members{contract=\"default\"}"), 1) << text;
    EXPECT_EQ(value_of(text, "starling_connections{role=\"sl\"}"), 0) << text;
    EXPECT_GT(value_of(text, "starling_uptime_seconds"), 0) << text;
}

TEST_F(Metrics, PromtoolHasNoRemarks) {
    if (!std::filesystem::exists(STARLING_PROMTOOL)) {
        GTEST_SKIP() << STARLING_PROMTOOL << " is not there: tests/get-promtool fetches it";
    }
    const auto sn = start(sn_command(identity("sn1")), sn_metrics);
    ASSERT_TRUE(sn->wait_for("Starting SWARM-API-SERVER")) << sn->output();
    expect_promtool_content(body_of(http_get(sn_metrics, "/metrics")));  // before any event
    const auto sl1 = start(sl_command(1, identity("sl1"), "--batches 100000000"), sl_metrics);
    const auto sl2 = start_sl(2, "--batches 100000000");
    ASSERT_TRUE(sl1->wait_for("Round 3: merged 2 members")) << sl1->output();
    for (const std::uint16_t port : {sn_metrics, sl_metrics}) {
        const std::string text = body_of(http_get(port, "/metrics"));
        EXPECT_TRUE(holds(text, "starling_round_duration_seconds_bucket")) << text;
        expect_promtool_content(text);
    }
    // promtool does check: it reports a counter without _total.
    write_text(path("bad.txt"),
               "# HELP bad_things Bad.\n# TYPE bad_things counter\nbad_things 1\n");
    Program check({"/bin/sh", "-c",
                   std::string("exec '") + STARLING_PROMTOOL + "' check metrics < '" +
                       path("bad.txt") + "'"});
    EXPECT_NE(check.wait_exit(Seconds(60)), 0);
}

TEST_F(Metrics, AreServedOnLoopbackOnly) {
    const auto sn = start(sn_command(identity("sn1")), sn_metrics);
    ASSERT_TRUE(sn->wait_for("Starting SWARM-API-SERVER")) << sn->output();
    EXPECT_TRUE(holds(http_get(sn_metrics, "/"), "404"));
    EXPECT_TRUE(holds(http_get(sn_metrics, "/metrics"), "200"));
    EXPECT_EQ(http_get(sn_metrics, "/metrics", "127.0.1.1"), "");  // another address of this host
    // A peer that sends an invalid request to the port for nodes is counted.
    EXPECT_EQ(http_get(sn_port, "/metrics", "127.0.1.1").substr(0, 4) == "HTTP", false);
    ASSERT_TRUE(sn->wait_for("WARNING")) << sn->output();
    EXPECT_EQ(
        value_of(body_of(http_get(sn_metrics, "/metrics")), "starling_connections_refused_total"),
        1);
    sn->signal(SIGTERM);
    EXPECT_EQ(sn->wait_exit(Seconds(20)), 0) << sn->output();
}

/// Connections that send nothing until they are closed.
class IdleConnections {
public:
    IdleConnections(std::uint16_t port, int count, const char* ip = "127.0.0.1") {
        for (int i = 0; i < count; ++i) {
            sockets_.push_back(connect_to(port, ip));
        }
    }
    IdleConnections(const IdleConnections&) = delete;
    IdleConnections& operator=(const IdleConnections&) = delete;
    ~IdleConnections() {
        for (const int socket : sockets_) {
            ::close(socket);
        }
    }
    /// Whether the server has closed the first of them.
    bool first_is_closed() const {
        char byte = 0;
        return ::recv(sockets_.front(), &byte, 1, 0) == 0;
    }

private:
    std::vector<int> sockets_;
};

TEST_F(Metrics, IdleConnectionsDelayNoScrape) {
    const auto sn = start(sn_command(identity("sn1")), sn_metrics);
    ASSERT_TRUE(sn->wait_for("Starting SWARM-API-SERVER")) << sn->output();
    // More than the server's limit: it drops the oldest, and answers every request.
    const IdleConnections idle(sn_metrics, 100);
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(holds(http_get(sn_metrics, "/metrics"), "200 OK"));
    }
    EXPECT_TRUE(idle.first_is_closed());
    sn->signal(SIGTERM);
    EXPECT_EQ(sn->wait_exit(Seconds(20)), 0) << sn->output();
}

TEST_F(Metrics, OtherRequestsAreAnsweredWithAText) {
    const auto sn = start(sn_command(identity("sn1")), sn_metrics);
    ASSERT_TRUE(sn->wait_for("Starting SWARM-API-SERVER")) << sn->output();
    EXPECT_TRUE(holds(http_send(sn_metrics, "POST /metrics HTTP/1.1\r\n\r\n"), "405 Method"));
    EXPECT_TRUE(holds(http_send(sn_metrics, "GET /metrics?x=1 HTTP/1.0\r\n\r\n"), "200 OK"));
    EXPECT_TRUE(holds(http_send(sn_metrics, "hello\r\n\r\n"), "400 Bad Request"));
    EXPECT_TRUE(holds(http_send(sn_metrics, std::string(10'000, 'x')), "431 Request Header"));
    const std::string head = http_send(sn_metrics, "HEAD /metrics HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(holds(head, "200 OK")) << head;
    EXPECT_EQ(body_of(head), "");
}

TEST_F(Metrics, RefusedPeersCannotFillTheLogAndAreCounted) {
    const auto sn = start(sn_command(identity("sn1")), sn_metrics);
    ASSERT_TRUE(sn->wait_for("Starting SWARM-API-SERVER")) << sn->output();
    constexpr int strangers = 400;
    for (int i = 0; i < strangers; ++i) {
        const IdleConnections one(sn_port, 1, "127.0.1.1");
    }
    const auto counted = [&] {
        return value_of(body_of(http_get(sn_metrics, "/metrics")),
                        "starling_connections_refused_total");
    };
    const auto limit = std::chrono::steady_clock::now() + Seconds(30);
    while (counted() < strangers && std::chrono::steady_clock::now() < limit) {
    }
    EXPECT_EQ(counted(), strangers);
    sn->signal(SIGTERM);
    EXPECT_EQ(sn->wait_exit(Seconds(20)), 0) << sn->output();
    EXPECT_EQ(count_lines(sn->output(), "WARNING"), 21U) << sn->output();
    EXPECT_TRUE(holds(sn->output(), "380 more in the last minute; the last of them: 127.0.0.1:"))
        << sn->output();
}

TEST_F(Metrics, APortInUseIsNamed) {
    const auto sn = start(sn_command(identity("sn1")), sn_metrics);
    ASSERT_TRUE(sn->wait_for("Starting SWARM-API-SERVER")) << sn->output();
    const auto sl = start(sl_command(1, identity("sl1"), ""), sn_metrics);
    EXPECT_EQ(sl->wait_exit(), 1) << sl->output();
    EXPECT_TRUE(holds(sl->output(), "--metrics-port: port " + std::to_string(sn_metrics) +
                                        " on 127.0.0.1 is in use"))
        << sl->output();
}

}  // namespace
}  // namespace starling::test
