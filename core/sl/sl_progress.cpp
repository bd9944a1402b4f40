// Log lines about the progress of long transfers.
#include <cmath>

#include "core/base/size_text.hpp"
#include "core/sl/sl_state.hpp"

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
        text += ", about " + std::to_string(std::llround(left / bytes_per_second)) + " s to go";
    }
    return progress.waits_for.empty()
               ? text
               : text + "; most is still to come from '" + progress.waits_for + "'";
}

}  // namespace

void SlNode::on_arrivals(const Arrivals& arrivals) {
    if (exchange_) {
        exchange_->on_arrivals(now_, arrivals);
    }
    if (catch_up_) {
        catch_up_->on_arrivals(now_, arrivals);
    }
}

void SlNode::show_transfer(Outbox& out) {
    if (!exchange_ && !catch_up_) {
        shown_transfer_ = {};
        return;
    }
    const TransferProgress progress = exchange_ ? exchange_->transfer() : catch_up_->transfer();
    const Round round = exchange_ ? exchange_->key().round : catch_up_->commit().round;
    const std::uint64_t number = 2 * exchange_serial_ + (exchange_ ? 1 : 0);
    if (shown_transfer_.number != number || shown_transfer_.wait == SwarmDuration{0}) {
        shown_transfer_ = {number, now_, progress.received_bytes, first_wait};
        return;
    }
    const SwarmDuration passed = now_ - shown_transfer_.at;
    if (passed < shown_transfer_.wait || progress.received_bytes >= progress.expected_bytes) {
        return;
    }
    const std::uint64_t since = progress.received_bytes >= shown_transfer_.bytes
                                    ? progress.received_bytes - shown_transfer_.bytes
                                    : 0;
    log_sl(Level::info,
           (exchange_ ? "Exchange of round " : "Model of round ") + std::to_string(round) + ": " +
               text_of(progress, static_cast<double>(since) / to_seconds(passed)),
           out);
    shown_transfer_ = {number, now_, progress.received_bytes,
                       std::min<SwarmDuration>(2 * shown_transfer_.wait, longest_wait)};
}

}  // namespace starling
