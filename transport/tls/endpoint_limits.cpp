// What bounds the peers of an endpoint: time to connect, bytes that are not handled, log lines.
#include <utility>

#include "transport/tls/tls_endpoint_class.hpp"

namespace starling {
namespace {

/// A handshake that progresses on a slow link may take this many times the limit of one without
/// progress.
constexpr int handshake_limits_max = 12;
constexpr SwarmDuration rate_interval = std::chrono::seconds(1);

/// Bound on callbacks run in a row to find out whether everything that has arrived was read.
constexpr int late_callbacks_max = 1000;

std::string limit_text(SwarmDuration limit) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
    return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

}  // namespace

void TlsEndpoint::watch(Session& session) {
    watched_.push_back({loop_.now() + options_.handshake_limit, session.weak_from_this(), 1});
}

void TlsEndpoint::expire() {
    while (!watched_.empty() && watched_.front().until <= loop_.now()) {
        const Watched watched = watched_.front();
        const std::shared_ptr<Session> session = watched.session.lock();
        watched_.pop_front();
        if (!session) {
            continue;
        }
        if (session->take_progress() && watched.limits < handshake_limits_max) {
            watched_.push_back(
                {loop_.now() + options_.handshake_limit, watched.session, watched.limits + 1});
        } else {
            session->expire(limit_text(options_.handshake_limit));
        }
    }
}

void TlsEndpoint::follow_rates() {
    if (loop_.now() < rates_due_) {
        return;
    }
    rates_due_ = loop_.now() + rate_interval;
    for (const auto& [id, session] : peers_) {
        const auto advice = session->follow_rate(std::chrono::steady_clock::now());
        if (advice && !std::exchange(advised_, true)) {
            log(Level::warning, "the connection to " + session->address() + " " + *advice);
        }
    }
}

void TlsEndpoint::deliver(Input input, std::size_t frame_bytes) {
    if (!closed_) {
        inbox_.push(std::move(input), frame_bytes);
    }
}

/// Delivers the inputs of post_after_arrivals() once no connection is ready to be accepted or read,
/// and none is paused: then the inbox contains all that peers have sent before.
void TlsEndpoint::take_late() {
    if (!inbox_.has_late()) {
        return;
    }
    bool quiet = false;
    for (int i = 0; i < late_callbacks_max && !quiet; ++i) {
        if (inbox_.size_bytes() >= options_.receive_bytes_max) {
            break;
        }
        quiet = !loop_.run_one_until(SwarmTime{});
    }
    inbox_.take_late(quiet && waiting_.paused.empty(), loop_.now());
}

void TlsEndpoint::resume_paused() {
    if (inbox_.size_bytes() >= options_.receive_bytes_max) {
        return;
    }
    for (const std::weak_ptr<Session>& weak : std::exchange(waiting_.paused, {})) {
        if (const std::shared_ptr<Session> session = weak.lock()) {
            session->resume();
        }
    }
}

void TlsEndpoint::log(Level level, const std::string& text) const {
    if (options_.log) {
        options_.log(level, text);
    }
}

/// Rate-limited, since whoever reaches the port can cause this at will.
void TlsEndpoint::refused(const std::string& text) {
    if (options_.refused) {
        options_.refused();
    }
    if (refused_lines_.take(loop_.now())) {
        log(Level::warning, text);
    } else {
        last_refused_ = text;
    }
}

/// Logs how many lines were omitted, if that is due at `now`.
void TlsEndpoint::show_refused(SwarmTime now) {
    const std::optional<SwarmTime> due = refused_lines_.due();
    if (!due || *due > now) {
        return;
    }
    log(Level::warning, std::to_string(refused_lines_.take_omitted(loop_.now())) +
                            " more in the last minute; the last of them: " + last_refused_);
}

}  // namespace starling
