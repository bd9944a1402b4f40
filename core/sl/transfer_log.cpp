#include "core/sl/transfer_log.hpp"

#include <algorithm>
#include <cmath>

#include "core/base/size_text.hpp"
#include "core/sl/sl_log.hpp"

namespace starling {
namespace {

constexpr SwarmDuration first_wait = std::chrono::seconds(10);
constexpr SwarmDuration longest_wait = std::chrono::minutes(1);

/// Precise enough that consecutive lines of a slow transfer differ.
constexpr int size_decimals = 2;

std::string text_of(const TransferProgress& progress, double bytes_per_second) {
    const auto left = static_cast<double>(progress.expected_bytes - progress.received_bytes);
    std::string text = size_text(progress.received_bytes, size_decimals) + " of " +
                       size_text(progress.expected_bytes, size_decimals) + " received, " +
                       size_text(static_cast<std::uint64_t>(bytes_per_second), size_decimals) +
                       "/s";
    if (bytes_per_second > 0) {
        text += ", about " + std::to_string(std::llround(left / bytes_per_second)) + " s left";
    }
    return progress.waits_for.empty()
               ? text
               : text + "; most of it is still expected from '" + progress.waits_for + "'";
}

}  // namespace

void TransferLog::on_tick(SwarmTime now, const std::optional<RunningTransfer>& transfer,
                          Outbox& out) {
    if (!transfer) {
        shown_.reset();
        return;
    }
    const TransferProgress& progress = transfer->progress;
    if (!shown_ || shown_->id != transfer->id) {
        shown_ = Shown{transfer->id, now, progress.received_bytes, first_wait};
        return;
    }
    const SwarmDuration passed = now - shown_->at;
    if (passed < shown_->wait || progress.received_bytes >= progress.expected_bytes) {
        return;
    }
    const std::uint64_t since =
        progress.received_bytes >= shown_->bytes ? progress.received_bytes - shown_->bytes : 0;
    log_sl(
        Level::info,
        transfer->name + ": " + text_of(progress, static_cast<double>(since) / to_seconds(passed)),
        out);
    *shown_ = {transfer->id, now, progress.received_bytes,
               std::min<SwarmDuration>(2 * shown_->wait, longest_wait)};
}

}  // namespace starling
