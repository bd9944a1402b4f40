// The operator of a campaign's swarm: restarts processes, heals all faults, and ends the training.
#include <algorithm>
#include <utility>

#include "tests/campaign/campaign_swarm.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;

constexpr SwarmDuration supervise_interval = milliseconds(250);

bool has_model(const MemoryStore& store, const std::string& digest) {
    return std::any_of(store.models->begin(), store.models->end(),
                       [&](const KeptModel& kept) { return to_string(kept.digest) == digest; });
}

}  // namespace

void CampaignSwarm::crash(const NodeId& process) {
    if (healed_ || !down_.insert(process).second) {
        return;
    }
    ++counts_.crashes;
    network.crash(process);
    for (std::size_t sn = 0; sn < sns_.size(); ++sn) {
        if (sns_[sn] == process && servers_[sn].copy.runs) {
            network.crash(servers_[sn].copy.process);  // it runs on the same host
            servers_[sn].copy.runs = false;
        }
    }
}

void CampaignSwarm::restart_at(SwarmTime time, const NodeId& process) {
    network.at(time, [this, process] {
        if (down_.count(process) > 0 && !is_left_alone(process)) {
            restart_process(process);
        }
    });
}

void CampaignSwarm::restart_process(const NodeId& process) {
    down_.erase(process);
    // Each process or host has a clock of its own, which starts at a different time and drifts
    // differently.
    network.set_clock(process,
                      {milliseconds(random.below(60'000)), (random.uniform() - 0.5) * 2e-3});
    network.restart(process);
}

void CampaignSwarm::crash_pair(int pair, SwarmTime back) {
    const auto at = static_cast<std::size_t>(pair - 1);
    crash(mls_[at]);
    crash(sls_[at]);
    restart_at(back, sls_[at]);
    restart_at(back, mls_[at]);
}

void CampaignSwarm::crash_sn(int sn, SwarmTime back) {
    const NodeId& node = sns_[static_cast<std::size_t>(sn - 1)];
    crash(node);
    restart_at(back, node);
}

bool CampaignSwarm::is_left_alone(const NodeId& process) const {
    for (const Pair& pair : pairs_) {
        if (process == pair.other().sl || process == pair.other().ml) {
            return true;
        }
    }
    for (std::size_t sn = 0; sn < sns_.size(); ++sn) {
        const Removal& removal = servers_[sn].removal;
        const bool dead = removal.state == Removal::State::asked && removal.plan.dead;
        const bool removed = removal.state == Removal::State::done;
        if (sns_[sn] == process && (dead || (removed && healed_))) {
            return true;
        }
    }
    return false;
}

void CampaignSwarm::supervise() {
    network.at(network.now() + supervise_interval, [this] {
        supervise_sns();
        supervise_removals();
        supervise_pairs();
        supervise_copies();
        end_run_without_model();
        supervise();
    });
}

void CampaignSwarm::supervise_pairs() {
    for (std::size_t at = 0; at < mls_.size(); ++at) {
        const auto ml = network.stopped(mls_[at]);
        const auto sl = network.stopped(sls_[at]);
        const bool waits = down_.count(mls_[at]) > 0 || down_.count(sls_[at]) > 0;
        const bool expelled =
            is_hostile(static_cast<int>(at) + 1) && sl && sl->exit_code == exit_code::refused;
        const bool done = expelled || (ml && ml->exit_code == exit_code::ok);
        if (!waits && sl && !is_hostile(static_cast<int>(at) + 1) &&
            sl->reason.starts_with("replaced by a start of")) {
            unexpected(sls_[at], "was told that it was replaced, and is the newest start");
        }
        if (!waits && sl && !is_hostile(static_cast<int>(at) + 1) &&
            sl->reason.ends_with(says_the_hostile_sn)) {
            unexpected(sls_[at], "believed the hostile SN alone: " + sl->reason);
        }
        // As a service manager of a host would: both are restarted together.
        if (!waits && !done && (ml || sl)) {
            network.crash(mls_[at]);
            network.crash(sls_[at]);
            restart_process(sls_[at]);
            restart_process(mls_[at]);
        }
    }
}

bool CampaignSwarm::an_honest_disk_has(const std::string& digest) const {
    return std::any_of(pairs_.begin(), pairs_.end(), [&](const Pair& pair) {
        return !is_hostile(pair.number) && has_model(pair.newest().sl_store, digest);
    });
}

/// The newest committed model: its members had it on the disks that the contract wants, but those
/// in use now were copied before, so the newest start of each has gone back.
bool CampaignSwarm::older_disks_lost_the_model() const {
    const std::string& digest = trace.newest_digest;
    const auto reports = trace.reports.find(digest);
    if (reports == trace.reports.end() || an_honest_disk_has(digest)) {
        return false;
    }
    const auto moved =
        static_cast<std::size_t>(std::count_if(pairs_.begin(), pairs_.end(), [&](const Pair& pair) {
            const NodeId sl{"sl" + std::to_string(pair.number)};
            const auto merged = trace.merged_at.find({sl, digest});
            return reports->second.contains(sl) &&
                   (is_hostile(pair.number) || has_model(pair.other().sl_store, digest) ||
                    (merged != trace.merged_at.end() && pair.moved_at > merged->second));
        }));
    return training_.durable == Durability::all ? moved == reports->second.size()
                                                : 2 * moved > reports->second.size();
}

/// As the SN's line advises, unless an honest member has the model: then it must send it.
void CampaignSwarm::end_run_without_model() {
    const std::optional<std::uint64_t> round = std::exchange(trace.missing_model, std::nullopt);
    if (!healed_ || !round || !may_lose_models()) {
        return;
    }
    if (an_honest_disk_has(trace.digests[*round])) {
        return;
    }
    for (const NodeId& sl : sls_) {
        if (up(sl)) {
            network.deliver(sl, StopRequested{"nobody has the model"});
        }
    }
}

void CampaignSwarm::heal() {
    network.heal();
    network.faults = NetworkFaults{};
    for (Sn& sn : servers_) {
        sn.store.fail_next_write = false;
    }
    for (Pair& pair : pairs_) {
        for (Place& place : pair.places) {
            for (MemoryStore* store : {&place.sl_store, &place.ml_store}) {
                store->fail_next_write = false;
                store->full = false;
            }
        }
    }
    healed_ = true;
    for (std::size_t at = 0; at < sls_.size(); ++at) {
        if (down_.count(sls_[at]) > 0 || down_.count(mls_[at]) > 0) {
            network.crash(mls_[at]);
            network.crash(sls_[at]);
            restart_process(sls_[at]);
            restart_process(mls_[at]);
        }
    }
    for (std::size_t sn = 0; sn < sns_.size(); ++sn) {
        Removal& removal = servers_[sn].removal;
        if (removal.state == Removal::State::asked) {
            // if the removal was committed all the same, the SN reports it itself
            removal.state = Removal::State::none;
        }
        if (down_.count(sns_[sn]) > 0 && removal.state == Removal::State::none) {
            restart_process(sns_[sn]);
        }
    }
}

/// The hostile member ends first: otherwise the run would wait an hour for its last report.
void CampaignSwarm::wind_down() {
    training_.winding_down = true;
    if (hostile_.member) {
        for (const Place& place : pairs_.back().places) {
            if (place.used) {
                down_.insert({place.sl, place.ml});
                network.crash(place.sl);
                network.crash(place.ml);
            }
        }
    }
}

/// Of a pair with two processes only the newer one counts: if the training ended without it, it
/// would start another one.
bool CampaignSwarm::all_have_synced_since(SwarmTime time) const {
    return std::all_of(pairs_.begin(), pairs_.end(), [&](const Pair& pair) {
        if (is_hostile(pair.number)) {
            return true;
        }
        const Place& place = pair.newest();
        const auto last =
            trace.last_sync_end.find({{"ml" + std::to_string(pair.number)}, place.session});
        return last != trace.last_sync_end.end() && last->second > time && up(place.ml);
    });
}

bool CampaignSwarm::block_two_members() {
    if (training_.min_peers >= sls_.size()) {
        return false;
    }
    const std::size_t a = random.below(sls_.size());
    const std::size_t b = (a + 1 + random.below(sls_.size() - 1)) % sls_.size();
    network.block(sls_[a], sls_[b]);
    return true;
}

bool CampaignSwarm::all_ended() const {
    for (std::size_t at = 0; at < mls_.size(); ++at) {
        if (!is_hostile(static_cast<int>(at) + 1) &&
            (!network.stopped(mls_[at]) || !network.stopped(sls_[at]))) {
            return false;
        }
    }
    return still_running().empty();
}

std::map<NodeId, std::string_view> CampaignSwarm::still_running() const {
    std::map<NodeId, std::string_view> processes;
    for (const Pair& pair : pairs_) {
        for (const NodeId& process : {pair.other().sl, pair.other().ml}) {
            if (pair.other().used && up(process) && !is_hostile(pair.number)) {
                processes[process] = "still runs although a later session has replaced it";
            }
        }
    }
    for (std::size_t sn = 0; sn < sns_.size(); ++sn) {
        if (is_hostile_sn(sn)) {
            continue;
        }
        if (servers_[sn].removal.state == Removal::State::done && up(sns_[sn])) {
            processes[sns_[sn]] = "still runs although it was removed from the SNs";
        }
        if (servers_[sn].copy.runs) {
            processes[servers_[sn].copy.process] = "still runs beside the SN that it is a copy of";
        }
    }
    return processes;
}

void CampaignSwarm::unexpected(const NodeId& process, const std::string& why) {
    trace.report(network.now(), {process.name.substr(0, process.name.find('-'))},
                 TraceEvent("observed").with("process", process.name).with("wrong", why));
}

void CampaignSwarm::report_replaced_processes() {
    for (const auto& [process, why] : still_running()) {
        unexpected(process, std::string(why));
    }
}

int CampaignSwarm::leader() const {
    const auto found = std::find(sns_.begin(), sns_.end(), trace.leader);
    return found == sns_.end() ? 0 : static_cast<int>(found - sns_.begin()) + 1;
}

}  // namespace starling::test
