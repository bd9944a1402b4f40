#include "deploy/board/live_swarm.hpp"

#include <chrono>

#include <asio/post.hpp>

#include "deploy/board/wall_clock.hpp"
#include "deploy/host/node_host.hpp"

namespace starling {
namespace {

constexpr std::int64_t no_quiet_limit_us = std::int64_t{1} << 60U;
constexpr std::chrono::seconds seats_again{5};

}  // namespace

Result<std::unique_ptr<LiveSwarm>> LiveSwarm::join(const BoardOptions& options,
                                                   asio::io_context& io, RunModel& model,
                                                   std::function<void()> changed,
                                                   std::function<void(int)> ended) {
    std::unique_ptr<LiveSwarm> swarm(new LiveSwarm(options, io, model, std::move(changed)));
    LiveSwarm& self = *swarm;
    auto feed = LiveFeed::follow_swarm(
        options, {[&self](std::string_view topic, std::string json) {
                      asio::post(self.io_, [&self, name = std::string(topic),
                                            text = std::move(json)] { self.answered(name, text); });
                  },
                  [&self](const TraceEvent& event) {
                      asio::post(self.io_, [&self, event] {
                          self.model_.add(wall_clock_ns(), "swarm-board", event);
                          self.changed_();
                      });
                  },
                  std::move(ended)});
    if (!feed) {
        return feed.error();
    }
    self.swarm_feed_ = std::move(*feed);
    if (!options.common.apls.empty()) {
        if (const auto following = self.follow_seats(); !following) {
            return following.error();
        }
    }
    asio::post(io, [&self] { self.keep_time(); });
    return swarm;
}

void LiveSwarm::answered(const std::string& topic, const std::string& json) {
    if (const Result<JsonValue> answer = parse_json(json)) {
        if (topic == "seats") {
            seats_.add(*answer, wall_clock_ns());
        } else {
            status_.add(topic, *answer, wall_clock_ns());
        }
        changed_();
    }
}

/// Keeps the page's clock going where nothing happens.
void LiveSwarm::keep_time() {
    model_.reached(wall_clock_ns(), no_quiet_limit_us);
    changed_();
    clock_.expires_after(std::chrono::seconds(1));
    clock_.async_wait([this](asio::error_code error) {
        if (!error) {
            keep_time();
        }
    });
}

Result<void> LiveSwarm::follow_seats() {
    Result<std::unique_ptr<LiveFeed>> feed = LiveFeed::follow_seats(
        options_, {[this](std::string_view topic, std::string json) {
                       asio::post(io_, [this, name = std::string(topic), text = std::move(json)] {
                           answered(name, text);
                       });
                   },
                   [this](const TraceEvent& event) {
                       if (event.name == "server_lost") {
                           asio::post(io_, [this] {
                               seats_.no_answer(wall_clock_ns());
                               changed_();
                           });
                       }
                   },
                   [this](int /*exit_code*/) { asio::post(io_, [this] { seats_ended(); }); }});
    if (!feed) {
        return feed.error();
    }
    seat_feed_ = std::move(*feed);
    return {};
}

/// The swarm is shown without its licence server, which is dialled again.
void LiveSwarm::seats_ended() {
    seats_.no_answer(wall_clock_ns());
    changed_();
    again_.expires_after(seats_again);
    again_.async_wait([this](asio::error_code error) {
        if (error) {
            return;
        }
        if (const auto following = follow_seats(); !following) {
            report_error("swarm-board", following.error());
            seats_ended();
        }
    });
}

}  // namespace starling
