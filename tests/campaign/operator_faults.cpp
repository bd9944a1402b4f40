#include "tests/campaign/operator_faults.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;

}  // namespace

SwarmDuration OperatorFaults::within(int least_ms, int most_ms) {
    const auto spread = static_cast<std::uint64_t>(most_ms - least_ms + 1);
    return milliseconds(least_ms + static_cast<int>(random_.below(spread)));
}

int OperatorFaults::some_sn() { return 1 + static_cast<int>(random_.below(swarm_.sns().size())); }
int OperatorFaults::some_pair() { return 1 + static_cast<int>(random_.below(swarm_.sls().size())); }

void OperatorFaults::begin(SwarmTime first) {
    swarm_.network.at(first, [this] { next(); });
}

void OperatorFaults::next() {
    if (swarm_.network.now() >= end_) {
        return;
    }
    one();
    begin(swarm_.network.now() + within(1500, 7000));
}

void OperatorFaults::one() {
    const std::uint64_t kind = random_.below(100);
    if (kind < 42) {
        copy_pair();
    } else if (kind < 56) {
        copy_sn();
    } else if (kind < 78) {
        remove_sn();
    } else {
        fill_ml_disk();
    }
}

/// The copy goes on, or is killed so that the original returns, or the original is restarted beside
/// it.
void OperatorFaults::copy_pair() {
    const int pair = some_pair();
    const std::uint64_t then = random_.below(10);
    const SwarmDuration lives = within(100, 9000);
    const SwarmDuration pause = within(0, 5000);
    if (!swarm_.copy_pair(pair)) {
        return;
    }
    ++copies_;
    if (then < 7) {
        const bool kill = then < 4;
        swarm_.network.at(swarm_.network.now() + lives, [this, pair, kill, pause] {
            swarm_.start_other_place(pair, kill, pause);
        });
    }
}

void OperatorFaults::copy_sn() { copies_ += swarm_.copy_sn(some_sn()) ? 1U : 0U; }

void OperatorFaults::remove_sn() {
    CampaignSwarm::RemovalPlan plan;
    plan.dead = random_.chance(0.5);
    if (random_.chance(0.6)) {
        plan.back = within(100, 5000);
    }
    if (random_.chance(0.6)) {
        plan.joins = within(100, 6000);
    }
    removals_ += swarm_.remove_sn(some_sn(), plan) ? 1U : 0U;
}

void OperatorFaults::fill_ml_disk() {
    MemoryStore& store = swarm_.ml_store(some_pair());
    ++full_disks_;
    if (random_.chance(0.5)) {
        store.fail_next_write = true;
        return;
    }
    store.full = true;
    swarm_.network.at(swarm_.network.now() + within(300, 5000), [&store] { store.full = false; });
}

}  // namespace starling::test
