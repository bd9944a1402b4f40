#pragma once

#include <functional>
#include <memory>
#include <string>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "transport/tls/web_context.hpp"

namespace starling {

/// The TLS settings of the page, read again when their files change: a revocation list or a renewed
/// certificate needs no restart. Files that can't be used leave the settings as they are, and are
/// read again, changed or not, as the cause may lie elsewhere (permissions, a mount, the clock).
/// Warnings and errors go to standard error, once for each change.
class WebReload {
public:
    /// \param fresh  is called in the thread of `io` with settings that were read again
    WebReload(asio::io_context& io, WebFiles files,
              std::function<void(std::shared_ptr<ssl_ctx_st>)> fresh);

    /// For the start: see make_web_context().
    Result<std::shared_ptr<ssl_ctx_st>> load();
    /// Looks at the files every two seconds from now on.
    void watch();
    /// Reads them, whether they have changed or not.
    void reload();

private:
    std::string stamp() const;

    WebFiles files_;
    std::function<void(std::shared_ptr<ssl_ctx_st>)> fresh_;
    asio::steady_timer timer_;
    std::string stamp_;    ///< of the files as they were read last
    bool failed_ = false;  ///< they could not be used then: they are read again without a change
};

}  // namespace starling
