#include "deploy/board/web_reload.hpp"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <utility>
#include <vector>

#include "deploy/host/node_host.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds web_files_interval{2};

}  // namespace

WebReload::WebReload(asio::io_context& io, WebFiles files,
                     std::function<void(std::shared_ptr<ssl_ctx_st>)> fresh)
    : files_(std::move(files)), fresh_(std::move(fresh)), timer_(io) {}

Result<std::shared_ptr<ssl_ctx_st>> WebReload::load() {
    stamp_ = stamp();
    Result<WebContext> web = make_web_context(files_);
    if (!web) {
        return web.error();
    }
    for (const std::string& warning : web->warnings) {
        std::fprintf(stderr, "swarm-board: %s\n", warning.c_str());
    }
    return std::move(web->tls);
}

void WebReload::watch() {
    timer_.expires_after(web_files_interval);
    timer_.async_wait([this](asio::error_code error) {
        if (error) {
            return;
        }
        if (stamp() != stamp_) {
            reload();
        }
        watch();
    });
}

void WebReload::reload() {
    if (Result<std::shared_ptr<ssl_ctx_st>> tls = load()) {
        std::fprintf(stderr,
                     "swarm-board: certificates and revocation lists were read again; all "
                     "connections are closed, pages connect anew\n");
        fresh_(std::move(*tls));
    } else {
        report_error("swarm-board",
                     {tls.error().code, tls.error().message + ": the settings read before remain"});
    }
}

/// Names, sizes and times of the files: what differs when one was replaced or written.
std::string WebReload::stamp() const {
    std::vector<fs::path> paths = {files_.own.cert, files_.own.key};
    std::error_code error;
    if (fs::is_directory(files_.client_cas, error)) {
        for (fs::directory_iterator at(files_.client_cas, error), end; !error && at != end;
             at.increment(error)) {
            paths.push_back(at->path());
        }
    } else if (!files_.client_cas.empty()) {
        paths.emplace_back(files_.client_cas);
    }
    std::string text;
    for (const fs::path& path : paths) {
        text += path.string() + ' ' + std::to_string(fs::file_size(path, error)) + ' ' +
                std::to_string(fs::last_write_time(path, error).time_since_epoch().count()) + '\n';
    }
    return text;
}

}  // namespace starling
