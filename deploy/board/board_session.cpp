// One thread reads the traces, keeps the model and serves the page: nothing is shared. A slice of a
// trace takes some milliseconds, and the clients are served between two slices.
#include "deploy/board/board_session.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <random>

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include "core/board/timeline_file.hpp"
#include "deploy/board/board_content.hpp"
#include "deploy/board/http_server.hpp"
#include "deploy/board/live_swarm.hpp"
#include "deploy/board/trace_files.hpp"
#include "deploy/board/wall_clock.hpp"
#include "deploy/board/web_reload.hpp"
#include "deploy/host/node_host.hpp"
#include "deploy/process/signal_thread.hpp"
#include "transport/process/open_files.hpp"

namespace starling {
namespace {

constexpr std::size_t slice_events = 5'000;
constexpr int served_between_slices = 2'000;             ///< steps of connections
constexpr std::chrono::milliseconds look_interval{500};  ///< at files that may have grown
constexpr std::int64_t quiet_limit_us = 120'000'000;  ///< then a run is taken for one of the past

std::string title_of(const BoardOptions& options) {
    return !options.title.empty()   ? options.title
           : options.traces.empty() ? "Live swarm"
                                    : "Swarm run";
}

/// The run of --beside; nullptr: there is none.
Result<std::unique_ptr<RunModel>> read_beside(const BoardOptions& options) {
    if (options.beside.empty()) {
        return std::unique_ptr<RunModel>();
    }
    Result<TraceFiles> files = TraceFiles::open(options.beside);
    if (!files) {
        return files.error();
    }
    auto model = std::make_unique<RunModel>();
    files->read_all_into(*model);
    return model;
}

std::string_view kind_of(const RunModel& model) {
    return model.virtual_time() ? "simulated" : "recorded";
}

/// What kind it is stands in the first line.
std::string_view kind_in(const std::vector<std::string>& traces) {
    RunModel first;
    if (Result<TraceFiles> files = TraceFiles::open(traces)) {
        files->read_into(first, 1);
    }
    return kind_of(first);
}

/// The run of --beside as the page shows it.
ShownRun shown_beside(const RunModel& model) {
    return {model.virtual_time() ? "rehearsal" : "other run", kind_of(model), &model};
}

/// What the run itself is called beside that one.
std::string_view own_label(const RunModel* beside, bool virtual_time) {
    return beside == nullptr || virtual_time == beside->virtual_time() ? "run"
           : virtual_time                                              ? "rehearsal"
                                                                       : "real run";
}

/// The page, the timeline, or both.
Result<int> write_files(const BoardOptions& options, TraceFiles& files) {
    const Result<std::unique_ptr<RunModel>> beside = read_beside(options);
    if (!beside) {
        return beside.error();
    }
    RunModel model;
    std::optional<TimelineFile> timeline;
    if (!options.timeline.empty()) {
        Result<TimelineFile> file = TimelineFile::create(options.timeline, model);
        if (!file) {
            return file.error();
        }
        timeline = std::move(*file);
    }
    files.read_all_into(model);
    if (timeline) {
        if (const auto written = timeline->finish(); !written) {
            return written.error();
        }
        std::printf("%s\n", options.timeline.c_str());
    }
    if (options.html.empty()) {
        return exit_code::ok;
    }
    std::vector<ShownRun> runs;
    if (*beside) {
        runs.push_back(shown_beside(**beside));
    }
    runs.push_back({own_label(beside->get(), model.virtual_time()), kind_of(model), &model});
    std::random_device random;
    const PageNonce nonce = {random(), random(), random(), random()};
    if (const auto written = write_report_page(options.html, title_of(options), runs, "", nonce);
        !written) {
        return written.error();
    }
    std::printf("%s\n", options.html.c_str());
    return exit_code::ok;
}

/// Reads traces as they grow.
class TraceFeed {
public:
    TraceFeed(asio::io_context& io, TraceFiles files, RunModel& model,
              std::function<void()> changed)
        : io_(io),
          timer_(io),
          files_(std::move(files)),
          model_(model),
          changed_(std::move(changed)) {}

    void read() {
        const std::size_t events = files_.read_into(model_, slice_events);
        if (events < slice_events && !model_.virtual_time()) {
            model_.reached(wall_clock_ns(), quiet_limit_us);
        }
        changed_();
        // All who are ready are served before the next slice: else each connection that comes, and
        // each step of it, would wait for a slice.
        for (int i = 0; i < served_between_slices && io_.poll_one() > 0; ++i) {
        }
        timer_.expires_after(events == slice_events ? std::chrono::milliseconds(0) : look_interval);
        timer_.async_wait([this](asio::error_code error) {
            if (!error) {
                read();
            }
        });
    }

private:
    asio::io_context& io_;
    asio::steady_timer timer_;
    TraceFiles files_;
    RunModel& model_;
    std::function<void()> changed_;
};

Result<HttpAccess> access_to(const BoardOptions& options) {
    if (!options.tls) {
        return HttpAccess::loopback();
    }
    if (options.token_file.empty()) {
        return HttpAccess::certificate();
    }
    Result<std::string> token = read_token(options.token_file);
    if (!token) {
        return token.error();
    }
    return HttpAccess::token(std::move(*token), options.listen.port);
}

WebFiles web_files(const BoardOptions& options) {
    const bool own = options.tls_cert != options.common.cert;
    return {.own = {.cert = options.tls_cert,
                    .key = options.tls_key,
                    .cert_flag = own ? "--tls-cert" : "--cert",
                    .key_flag = own ? "--tls-key" : "--key"},
            .client_cas = options.client_ca,
            .client_cas_flag = "--client-ca"};
}

/// The page of one model, until a signal.
class BoardServer {
public:
    /// \param kind    a literal, see ShownRun
    /// \param beside  another run; may be nullptr
    BoardServer(const BoardOptions& options, std::string_view kind, const RunModel* beside)
        : options_(options), content_(content(kind, beside)), io_(1) {}

    Result<void> listen() {
        const Result<HttpAccess> access = access_to(options_);
        if (!access) {
            return access.error();
        }
        HttpPlace place{options_.listen, nullptr};
        if (options_.tls) {
            reload_.emplace(io_, web_files(options_), [this](std::shared_ptr<ssl_ctx_st> tls) {
                server_->use(std::move(tls));
            });
            Result<std::shared_ptr<ssl_ctx_st>> tls = reload_->load();
            if (!tls) {
                return tls.error();
            }
            place.tls = std::move(*tls);
        }
        Result<std::unique_ptr<HttpServer>> server =
            HttpServer::start(io_, place, *access,
                              [this](std::string_view target) { return content_.answer(target); });
        if (!server) {
            return server.error();
        }
        server_ = std::move(*server);
        if (reload_) {
            reload_->watch();
        }
        return {};
    }
    int run() {
        const SignalThread signals([this](const std::string&) { stop(exit_code::ok); },
                                   [this] { asio::post(io_, [this] { reload(); }); });
        std::printf("http%s://%s/\n", options_.tls ? "s" : "", to_string(options_.listen).c_str());
        std::fflush(stdout);
        io_.run();
        return code_;
    }
    /// From any thread.
    void stop(int code) {
        asio::post(io_, [this, code] {
            code_ = code;
            io_.stop();
        });
    }
    void changed() { server_->notify(model_.version()); }

    RunModel& model() { return model_; }
    asio::io_context& io() { return io_; }

private:
    void reload() {
        if (reload_) {
            reload_->reload();
        }
    }
    BoardContent content(std::string_view kind, const RunModel* beside) {
        const ShownRun own{own_label(beside, kind == "simulated"), kind, &model_};
        if (beside == nullptr) {
            return {own, title_of(options_), nullptr};
        }
        const ShownRun other = shown_beside(*beside);
        return {own, title_of(options_), &other};
    }

    const BoardOptions& options_;
    RunModel model_;
    BoardContent content_;
    asio::io_context io_;
    std::unique_ptr<HttpServer> server_;
    std::optional<WebReload> reload_;  ///< with TLS
    int code_ = exit_code::ok;
};

Result<int> serve_traces(const BoardOptions& options, TraceFiles files, std::string_view kind,
                         const RunModel* beside) {
    BoardServer server(options, kind, beside);
    files.read_into(server.model(), slice_events);  // before the first client asks
    if (const auto listening = server.listen(); !listening) {
        return listening.error();
    }
    TraceFeed feed(server.io(), std::move(files), server.model(), [&] { server.changed(); });
    asio::post(server.io(), [&feed] { feed.read(); });
    return server.run();
}

Result<int> serve_swarm(const BoardOptions& options, const RunModel* beside) {
    BoardServer server(options, "live", beside);
    if (const auto listening = server.listen(); !listening) {
        return listening.error();
    }
    const Result<std::unique_ptr<LiveSwarm>> swarm = LiveSwarm::join(
        options, server.io(), server.model(), [&server] { server.changed(); },
        [&server](int code) { server.stop(code); });
    return swarm ? Result<int>(server.run()) : swarm.error();
}

}  // namespace

Result<int> run_board(const BoardOptions& options) {
    allow_many_files();  // one for each trace and each connection
    if (!options.html.empty() || !options.timeline.empty()) {
        Result<TraceFiles> files = TraceFiles::open(options.traces);
        return files ? write_files(options, *files) : files.error();
    }
    const Result<std::unique_ptr<RunModel>> beside = read_beside(options);
    if (!beside) {
        return beside.error();
    }
    if (options.traces.empty()) {
        return serve_swarm(options, beside->get());
    }
    const std::string_view kind = kind_in(options.traces);
    Result<TraceFiles> files = TraceFiles::open(options.traces);
    if (!files) {
        return files.error();
    }
    return serve_traces(options, std::move(*files), kind, beside->get());
}

}  // namespace starling
