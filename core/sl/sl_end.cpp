// How an SL node ends: with a goodbye to the swarm, which then goes on without it; without one, so
// that the swarm waits for its next start; or at once, where there is nobody to tell.
#include "core/sl/detail/sl_dispatcher.hpp"
#include "core/sl/sl_log.hpp"
#include "core/sl/sl_timers.hpp"

namespace starling {
namespace {

/// Long enough for an answer over a slow link; without one the lease of this node expires.
constexpr SwarmDuration goodbye_limit = std::chrono::seconds(2);

}  // namespace

void SlNode::on_stop_requested(const StopRequested& request, Outbox& out) {
    if (!request.by_operator()) {
        fail({request.code, request.reason}, exit_code_of(request.code), out);
    } else if (ml_.is_open() && models_.is_final() && !ml_.lacks(*models_.model())) {
        // The training is complete. The program may still be saving the final model.
        stop_once_saved_ = true;
        if (ml_.ml().name.empty()) {
            leave_complete(out);
        } else {
            log_sl(Level::info,
                   "Asked to stop (" + request.reason +
                       "): training is complete; stopping once ML node '" + ml_.ml().name +
                       "' has ended",
                   out);
        }
    } else {
        fail({Errc::aborted, "stopped by the operator (" + request.reason + ")"},
             ml_.is_open() ? exit_code::aborted : exit_code::ok, out);
    }
}

void SlNode::end(const NodeEnd& why, Outbox& out) {
    switch (why.how) {
        case NodeEnd::How::leave:
            fail(why.error, why.exit_code, out);
            return;
        case NodeEnd::How::crash:
            crash(why.error, why.exit_code, out);
            return;
        case NodeEnd::How::stop:
            log_sl(Level::error, why.error.message, out);
            stop(why.exit_code, why.error.message, out);
            return;
    }
}

void SlNode::fail(const Error& error, int code, Outbox& out) {
    if (ending_code_ || stopped_) {
        return;
    }
    tell_end(error, code, out);
    leave(code, error.message, out);
}

void SlNode::crash(const Error& error, int code, Outbox& out) {
    if (ending_code_ || stopped_) {
        return;
    }
    tell_end(error, code, out);
    if (run_.enrolled()) {
        log_sl(Level::info, "When restarted with the same command, this node resumes the same run",
               out);
    }
    stop(code, error.message, out);
}

void SlNode::tell_end(const Error& error, int code, Outbox& out) const {
    const bool asked_for = code == exit_code::ok;
    log_sl(asked_for ? Level::info : Level::error, "Exiting SL. Reason: " + error.message, out);
    ml_.send_failure(error, out);
}

void SlNode::leave(int code, const std::string& reason, Outbox& out) {
    if (!sn_.sn() || !run_.enrolled()) {
        stop(code, reason, out);
        return;
    }
    ending_code_ = code;
    submit(LeaveContract{run_.contract(), run_.run(), reason}, out);
    out.set_timer(end_timer, now_ + goodbye_limit);
}

void SlNode::stop(int code, const std::string& reason, Outbox& out) {
    stopped_ = true;
    out.report(TraceEvent("node_stopped").with("code", static_cast<std::uint64_t>(code)));
    out.stop(code, reason);
}

}  // namespace starling
