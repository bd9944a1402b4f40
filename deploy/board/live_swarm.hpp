#pragma once

#include <functional>
#include <memory>
#include <string>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "deploy/board/board_options.hpp"
#include "deploy/board/live_feed.hpp"
#include "deploy/board/seat_events.hpp"
#include "deploy/board/status_events.hpp"

namespace starling {

/// Keeps the model of a live swarm: by what an SN says, and a licence server if there is one. All
/// changes are made in the thread of `io`.
class LiveSwarm {
public:
    /// \param changed  is called after each change
    /// \param ended    no SN can be reached any more; with an exit code
    /// Errc::refused: no certificate, or a wrong one. `io` and `model` must outlive this.
    static Result<std::unique_ptr<LiveSwarm>> join(const BoardOptions& options,
                                                   asio::io_context& io, RunModel& model,
                                                   std::function<void()> changed,
                                                   std::function<void(int)> ended);

private:
    LiveSwarm(const BoardOptions& options, asio::io_context& io, RunModel& model,
              std::function<void()> changed)
        : options_(options),
          io_(io),
          model_(model),
          status_(model),
          seats_(model),
          changed_(std::move(changed)),
          clock_(io),
          again_(io) {}

    void keep_time();
    Result<void> follow_seats();
    void seats_ended();
    void answered(const std::string& topic, const std::string& json);

    const BoardOptions& options_;
    asio::io_context& io_;
    RunModel& model_;
    StatusEvents status_;
    SeatEvents seats_;
    std::function<void()> changed_;
    asio::steady_timer clock_;
    asio::steady_timer again_;  ///< until the licence server is dialled again
    // Last, so that their threads end first.
    std::unique_ptr<LiveFeed> swarm_feed_;
    std::unique_ptr<LiveFeed> seat_feed_;
};

}  // namespace starling
