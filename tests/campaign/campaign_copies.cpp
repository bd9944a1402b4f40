// Copied workspaces of pairs: two processes of one node run at the same time.
#include "core/sn/removed_servers.hpp"
#include "tests/campaign/campaign_swarm.hpp"

namespace starling::test {

bool CampaignSwarm::copy_pair(int number) {
    Pair& pair = pairs_[index(number)];
    Place& from = pair.newest();
    Place& to = pair.other();
    const bool other_lives = to.used && (up(to.sl) || up(to.ml));
    if (healed_ || other_lives || !up(from.sl) || !up(from.ml)) {
        return false;
    }
    to.sl_store = {};
    to.sl_store.models = from.sl_store.models;
    to.ml_store = {};
    to.ml_store.states = from.ml_store.states;
    ++counts_.copies;
    move_to_other_place(pair);
    return true;
}

/// From now on the newest session is the one at the other place. The process at the previous place
/// is left alone: it has to find out that it was replaced.
void CampaignSwarm::move_to_other_place(Pair& pair) {
    pair.at = 1 - pair.at;
    pair.moved_at = network.now();
    Place& place = pair.newest();
    sls_[index(pair.number)] = place.sl;
    mls_[index(pair.number)] = place.ml;
    if (!place.used) {
        add_place(pair, place);
    }
    network.crash(place.sl);
    network.crash(place.ml);
    restart_process(place.sl);
    restart_process(place.ml);
}

void CampaignSwarm::start_other_place(int number, bool kill, SwarmDuration pause) {
    Pair& pair = pairs_[index(number)];
    if (healed_) {
        return;
    }
    const std::size_t from = pair.at;
    if (kill) {
        crash(pair.newest().ml);
        crash(pair.newest().sl);
    }
    network.at(network.now() + pause, [this, &pair, from] {
        const auto ml = network.stopped(pair.newest().ml);
        const bool done = ml && ml->exit_code == exit_code::ok;
        if (!healed_ && !done && pair.at == from) {
            move_to_other_place(pair);
        }
    });
}

/// A copy of an SN detects that its original serves, and stops.
void CampaignSwarm::supervise_copies() {
    for (std::size_t sn = 0; sn < sns_.size(); ++sn) {
        SnCopy& copy = servers_[sn].copy;
        const auto stop = copy.runs ? network.stopped(copy.process) : std::nullopt;
        if (!stop) {
            continue;
        }
        copy.runs = false;
        if (stop->exit_code != exit_code::refused ||
            (stop->reason.find("Two SNs are named '") == std::string::npos &&
             stop->reason.find(removed_server_text) == std::string::npos)) {
            unexpected(copy.process, "ended with code " + std::to_string(stop->exit_code) + " (" +
                                         stop->reason + ") where its original serves");
        }
    }
}

}  // namespace starling::test
