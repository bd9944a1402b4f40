// Transfers by SimGrid's communications. SimGrid reports the end of each, with or without success;
// one that makes no progress for hours was lost by SimGrid, or has a link without bandwidth. It
// would keep the simulation running for ever, so the progress of all is watched.
#include "sim/sim_transfers.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "sim/sg_compat.hpp"

namespace starling {
namespace {

namespace s4u = simgrid::s4u;

constexpr SwarmDuration transfer_limit = std::chrono::hours(6);
constexpr SwarmDuration watch_interval = std::chrono::hours(1);
/// Of larger ones somebody may ask how far they are.
constexpr std::uint64_t followed_bytes = std::uint64_t{64} * 1024;

}  // namespace

struct SimTransfers::Transfer {
    s4u::CommPtr comm;
    std::uint64_t number = 0;
    const s4u::Host* from = nullptr;
    const s4u::Host* to = nullptr;
    std::uint64_t bytes = 0;
    double remaining = 0.0;  ///< bytes, at the last watch()
    SwarmTime moved_at{};    ///< last progress seen by watch()
    std::function<void(bool)> done;
};

SimTransfers::SimTransfers(SimEvents& events) : events_(events) {
    sg::on_comm_end([this](auto& activity) { ended(activity); });
}

SimTransfers::~SimTransfers() {
    for (auto& [number, transfer] : transfers_) {
        transfer->comm->set_data(nullptr);
    }
}

std::uint64_t SimTransfers::start(s4u::Host& from, s4u::Host& to, std::uint64_t bytes,
                                  std::function<void(bool)> done) {
    const std::uint64_t number = ++last_number_;
    auto owned = std::make_unique<Transfer>();
    Transfer& transfer = *owned;
    transfers_.emplace(number, std::move(owned));
    transfer.moved_at = SimEvents::now();
    transfer.remaining = static_cast<double>(std::max<std::uint64_t>(1, bytes)) + 1.0;
    transfer.number = number;
    transfer.from = &from;
    transfer.to = &to;
    transfer.bytes = std::max<std::uint64_t>(1, bytes);
    transfer.done = std::move(done);
    s4u::CommPtr comm = s4u::Comm::sendto_init();
    comm->set_payload_size(transfer.bytes);
    comm->set_data(static_cast<void*>(&transfer));
    transfer.comm = comm;
    comm->set_source(&from)->set_destination(&to);  // starts it
    if (!watching_) {
        watching_ = true;
        watch_later();
    }
    return number;
}

std::uint64_t SimTransfers::start_unshared(std::uint64_t bytes, double bytes_per_second,
                                           std::function<void(bool)> done) {
    const std::uint64_t number = ++last_number_;
    const SwarmTime end =
        SimEvents::now() + from_seconds(static_cast<double>(bytes) / bytes_per_second);
    const bool followed = bytes > followed_bytes;
    if (followed) {
        timed_[number] = {end, bytes_per_second};
    }
    events_.add(end, [this, number, bytes, followed, done = std::move(done)] {
        if (followed) {
            timed_.erase(number);
        }
        moved(bytes);
        done(true);
    });
    return number;
}

template <typename Activity>
void SimTransfers::ended(Activity& activity) {
    auto* transfer = static_cast<Transfer*>(activity.template get_data<void>());
    if (transfer == nullptr) {
        return;  // not of this class, or reported twice
    }
    activity.set_data(nullptr);
    const bool ok = activity.get_state() == s4u::Activity::State::FINISHED;
    moved(transfer->bytes);
    events_.add(SimEvents::now(), [done = std::move(transfer->done), ok] { done(ok); });
    const auto found = transfers_.find(transfer->number);
    last_ended_ = std::move(found->second);  // an earlier one is not on the stack any more
    transfers_.erase(found);
}

void SimTransfers::moved(std::uint64_t bytes) {
    events_.meter().bytes_moved.fetch_add(bytes, std::memory_order_relaxed);
}

void SimTransfers::watch() {
    watching_ = !transfers_.empty();
    for (const auto& [number, transfer] : transfers_) {
        const double remaining = transfer->comm->get_remaining();
        if (remaining < transfer->remaining) {
            transfer->remaining = remaining;
            transfer->moved_at = SimEvents::now();
        } else if (SimEvents::now() - transfer->moved_at > transfer_limit) {
            throw std::runtime_error(
                "not one byte of a transfer from host '" + transfer->from->get_name() +
                "' to host '" + transfer->to->get_name() +
                "' has moved for 6 simulated hours: a link on its way has no bandwidth, or "
                "SimGrid lost it");
        }
    }
    if (watching_) {
        watch_later();
    }
}

void SimTransfers::watch_later() {
    events_.add(SimEvents::now() + watch_interval, [this] { watch(); });
}

double SimTransfers::remaining_bytes(std::uint64_t transfer) const {
    if (const auto found = transfers_.find(transfer); found != transfers_.end()) {
        return found->second->comm->get_remaining();
    }
    const auto timed = timed_.find(transfer);
    return timed == timed_.end()
               ? 0.0
               : to_seconds(timed->second.end - SimEvents::now()) * timed->second.bytes_per_second;
}

}  // namespace starling
