// The certificate and key of an endpoint, which are read again when their files change.
#include <utility>

#include "transport/tls/tls_endpoint_class.hpp"

namespace starling {

/// Rereads the identity files if they have changed, and uses them if they are a valid identity of
/// this node. Those that are not are read again at each poll: the cause may lie elsewhere
/// (permissions, a mount, the clock).
void TlsEndpoint::refresh_identity() {
    if (!identity_watch_) {
        return;
    }
    const bool wanted = reload_requested_.exchange(false);
    if (!wanted && identity_watch_->due() > loop_.now()) {
        return;
    }
    const bool news = identity_watch_->changed(loop_.now()) || wanted;
    if (!news && !identity_failed_) {
        return;
    }
    Result<TlsContext> fresh = reread_identity(options_);
    identity_failed_ = !fresh;
    if (fresh) {
        use(std::move(*fresh));
    } else if (news) {
        log(Level::warning,
            "the identity files were changed and can't be used: " + fresh.error().message +
                ". This node goes on with those that it read before");
    }
}

void TlsEndpoint::use(TlsContext context) {
    context_ = std::move(context);
    log(Level::info, "certificate re-read: " + options_.name.name + ", " + context_->summary());
    show_warnings();
    // Connections go on with the certificate of their handshake, unless it is not accepted any
    // more.
    const std::map<const Session*, std::shared_ptr<Session>> all = sessions_;
    for (const auto& [key, session] : all) {
        if (session->state() != Session::State::up) {
            continue;
        }
        if (const Result<void> still = session->recheck_certificate(*context_); !still) {
            session->abort(SessionEnd{still.error(), true, true});
        }
    }
}

void TlsEndpoint::show_warnings() const {
    for (const std::string& warning : context_->warnings()) {
        log(Level::warning, warning);
    }
    show_notes();
}

void TlsEndpoint::show_notes() const {
    if (context_) {
        for (const std::string& note : context_->take_notes()) {
            log(Level::info, note);
        }
    }
}

}  // namespace starling
