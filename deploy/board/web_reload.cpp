#include "deploy/board/web_reload.hpp"

#include <chrono>
#include <cstdio>
#include <utility>

#include "deploy/host/node_host.hpp"
#include "transport/tls/file_stamp.hpp"

namespace starling {
namespace {

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
        if (failed_ || stamp() != stamp_) {
            reload();
        }
        watch();
    });
}

void WebReload::reload() {
    const std::string before = stamp_;
    Result<std::shared_ptr<ssl_ctx_st>> tls = load();
    const bool failed_before = std::exchange(failed_, !tls);
    if (tls) {
        std::fprintf(stderr,
                     "swarm-board: certificates and revocation lists were read again; all "
                     "connections are closed, pages connect anew\n");
        fresh_(std::move(*tls));
    } else if (!failed_before || stamp_ != before) {
        report_error("swarm-board",
                     {tls.error().code, tls.error().message + ": the settings read before remain"});
    }
}

std::string WebReload::stamp() const {
    return file_stamp(files_.own.cert) + file_stamp(files_.own.key) + file_stamp(files_.client_cas);
}

}  // namespace starling
