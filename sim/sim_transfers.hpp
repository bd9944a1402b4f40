#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "sim/sim_events.hpp"

namespace simgrid::s4u {
class Host;
}  // namespace simgrid::s4u

namespace starling {

/// Flows of bytes over SimGrid's links: bandwidth and sharing, without latency.
class SimTransfers {
public:
    /// \pre  the engine exists. \param events  must outlive this.
    explicit SimTransfers(SimEvents& events);
    SimTransfers(const SimTransfers&) = delete;
    SimTransfers& operator=(const SimTransfers&) = delete;
    /// Detaches communications that are still under way from this object.
    ~SimTransfers();

    /// \param done  called with false if a host or link failed meanwhile.
    /// \return  its number, for remaining_bytes().
    std::uint64_t start(simgrid::s4u::Host& from, simgrid::s4u::Host& to, std::uint64_t bytes,
                        std::function<void(bool)> done);
    /// Over links that nothing else shares: by a timer, without SimGrid. Up to 64 KiB count as
    /// moved at their end only.
    std::uint64_t start_unshared(std::uint64_t bytes, double bytes_per_second,
                                 std::function<void(bool)> done);
    /// Bytes left; 0 once it has ended.
    double remaining_bytes(std::uint64_t transfer) const;

    std::size_t under_way() const { return transfers_.size(); }
    /// Whether an event that looks for lost transfers is pending.
    bool is_watching() const { return watching_; }

private:
    struct Transfer;

    template <typename Activity>
    void ended(Activity& activity);
    void moved(std::uint64_t bytes);
    void watch();
    void watch_later();

    SimEvents& events_;
    std::uint64_t last_number_ = 0;
    std::unordered_map<std::uint64_t, std::unique_ptr<Transfer>> transfers_;
    struct Timed {
        SwarmTime end;
        double bytes_per_second = 0.0;
    };
    std::unordered_map<std::uint64_t, Timed> timed_;  ///< of start_unshared(), the larger ones
    /// SimGrid reports an end from within the comm, which must live until that call has returned.
    std::unique_ptr<Transfer> last_ended_;
    bool watching_ = false;
};

}  // namespace starling
