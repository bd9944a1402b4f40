#include "tests/campaign/fault_schedule.hpp"

#include <algorithm>
#include <cmath>

namespace starling::test {
namespace {

using std::chrono::milliseconds;

}  // namespace

SwarmDuration FaultSchedule::within(int least_ms, int most_ms) {
    const auto spread = static_cast<std::uint64_t>(most_ms - least_ms + 1);
    return milliseconds(least_ms + static_cast<int>(swarm_.random.below(spread)));
}

int FaultSchedule::some_sn() {
    // The leader is the most rewarding target.
    const int led = swarm_.leader();
    int sn = led > 0 && swarm_.random.chance(0.4)
                 ? led
                 : 1 + static_cast<int>(swarm_.random.below(swarm_.sns().size()));
    while (!swarm_.serves(sn)) {
        sn = sn % static_cast<int>(swarm_.sns().size()) + 1;
    }
    return sn;
}

int FaultSchedule::some_pair() {
    return 1 + static_cast<int>(swarm_.random.below(swarm_.sls().size()));
}

void FaultSchedule::begin(SwarmTime first) {
    swarm_.network.at(first, [this] { next(); });
}

void FaultSchedule::next() {
    if (swarm_.network.now() >= end_) {
        return;
    }
    ++count_;
    one();
    begin(swarm_.network.now() + within(100, 1700));
}

void FaultSchedule::one() {
    const std::uint64_t kind = swarm_.random.below(100);
    if (kind < 22) {
        bad_network();
    } else if (kind < 34) {
        partition();
    } else if (kind < 44) {
        one_way();
    } else if (kind < 52) {
        const NodeId a = swarm_.sls()[static_cast<std::size_t>(some_pair() - 1)];
        const NodeId b = swarm_.random.chance(0.5)
                             ? swarm_.sns()[static_cast<std::size_t>(some_sn() - 1)]
                             : swarm_.sls()[static_cast<std::size_t>(some_pair() - 1)];
        if (a != b) {
            swarm_.network.reset(a, b);
        }
    } else if (kind < 80) {
        crash_some_node();
    } else if (kind < 84) {
        power_cut();
    } else if (kind < 90 || !membership_) {
        disk_error();
    } else {
        change_servers();
    }
}

void FaultSchedule::after(SwarmDuration duration, std::uint64_t& serial,
                          void (FaultSchedule::*undo)()) {
    const std::uint64_t mine = ++serial;
    swarm_.network.at(swarm_.network.now() + duration, [this, mine, &serial, undo] {
        if (serial == mine) {
            (this->*undo)();
        }
    });
}

void FaultSchedule::good_network() { swarm_.network.faults = NetworkFaults{}; }
void FaultSchedule::whole_network() { swarm_.network.heal(); }

void FaultSchedule::bad_network() {
    NetworkFaults faults;
    const auto some = [this](double most) {
        return swarm_.random.chance(0.5) ? swarm_.random.uniform() * most : 0.0;
    };
    faults.drop = some(0.2);
    faults.duplicate = some(0.2);
    faults.reorder = some(0.3);
    faults.reset = some(0.01);
    if (swarm_.random.chance(0.4)) {
        faults.delay_max = within(1, 300);
    }
    if (swarm_.random.chance(0.4)) {  // links on which a model takes up to some seconds
        faults.bytes_per_second = 20'000.0 * std::pow(10.0, swarm_.random.uniform());
    }
    swarm_.network.faults = faults;
    after(within(500, 6000), network_serial_, &FaultSchedule::good_network);
}

void FaultSchedule::partition() {
    std::set<NodeId> side;
    for (const NodeId& sn : swarm_.sns()) {
        if (swarm_.random.chance(0.4)) {
            side.insert(sn);
        }
    }
    for (std::size_t at = 0; at < swarm_.sls().size(); ++at) {
        if (swarm_.random.chance(0.4)) {
            side.insert(swarm_.sls()[at]);
            side.insert(swarm_.mls()[at]);
        }
    }
    swarm_.network.partition(side);
    after(within(300, 12'000), partition_serial_, &FaultSchedule::whole_network);
}

/// Frames are dropped silently, in one direction or in both.
void FaultSchedule::one_way() {
    std::vector<NodeId> nodes = swarm_.sns();
    nodes.insert(nodes.end(), swarm_.sls().begin(), swarm_.sls().end());
    const NodeId victim = nodes[swarm_.random.below(nodes.size())];
    const bool both = swarm_.random.chance(0.3);
    const bool towards = swarm_.random.chance(0.5);
    for (const NodeId& other : nodes) {
        if (other != victim && swarm_.random.chance(0.7)) {
            if (both || towards) {
                swarm_.network.mute(other, victim);
            }
            if (both || !towards) {
                swarm_.network.mute(victim, other);
            }
        }
    }
    after(within(300, 10'000), partition_serial_, &FaultSchedule::whole_network);
}

void FaultSchedule::crash_some_node() {
    const SwarmTime back = swarm_.network.now() + within(20, 5000);
    const std::uint64_t kind = swarm_.random.below(10);
    if (kind < 5) {
        swarm_.crash_sn(some_sn(), back);
        return;
    }
    const int pair = some_pair();
    const auto at = static_cast<std::size_t>(pair - 1);
    if (kind < 8) {
        swarm_.crash_pair(pair, back);
    } else {
        const NodeId& node = kind == 8 ? swarm_.sls()[at] : swarm_.mls()[at];
        // the other node of the pair ends because of it, and both are restarted
        swarm_.crash(node);
        swarm_.network.at(back, [this, pair, back] { swarm_.crash_pair(pair, back); });
    }
}

void FaultSchedule::power_cut() {
    const bool whole_swarm = swarm_.random.chance(0.3);
    for (int sn = 1; sn <= static_cast<int>(swarm_.sns().size()); ++sn) {
        swarm_.crash_sn(sn, swarm_.network.now() + within(200, 4000));
    }
    for (int pair = 1; whole_swarm && pair <= static_cast<int>(swarm_.sls().size()); ++pair) {
        swarm_.crash_pair(pair, swarm_.network.now() + within(200, 4000));
    }
}

void FaultSchedule::disk_error() {
    if (swarm_.random.chance(0.7)) {
        swarm_.fail_sn_disk(some_sn());
    } else {
        swarm_.sl_store(some_pair()).fail_next_write = true;
    }
}

void FaultSchedule::change_servers() {
    const SwarmTime back = swarm_.network.now() + within(100, 5000);
    if (!swarm_.replace_sn(some_sn(), swarm_.random.chance(0.5), back)) {
        crash_some_node();
    }
}

}  // namespace starling::test
