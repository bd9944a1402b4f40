// SNs that leave, are removed, lose their disk, or are copied.
#include <algorithm>
#include <utility>

#include "core/ledger/membership.hpp"
#include "core/sn/removed_servers.hpp"
#include "core/tool/tool_node.hpp"
#include "tests/campaign/campaign_swarm.hpp"
#include "transport/crypto/openssl_hasher.hpp"
#include "transport/memory/memory_keys.hpp"
#include "transport/ports.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr SwarmDuration tool_limit = seconds(4);
/// After this time the administrator gives up, and restarts the SN.
constexpr SwarmDuration removal_limit = seconds(12);

/// The newest membership in a log; of term 0 if it has none.
LogRecord newest_membership(const DurableLog& log) {
    for (std::size_t at = log.records.size(); at > 0; --at) {
        Result<LogRecord> record = decode_record(log.before() + at, log.records[at - 1]);
        if (record && record->kind == RecordKind::membership) {
            return std::move(*record);
        }
    }
    return {};
}

bool is_voter_in(const LogRecord& membership, std::uint64_t number) {
    const auto servers = decode_membership(membership.data);
    return servers && std::any_of(servers->begin(), servers->end(), [&](const Server& server) {
               return server.number == number && server.voter;
           });
}

}  // namespace

/// All SNs in service are voters, by their own disks and by the newest membership on any disk: one
/// that was removed while it was down or cut off does not know that yet. No membership change is
/// started before the previous one is complete.
bool CampaignSwarm::all_vote() const {
    LogRecord newest;
    for (const Sn& server : servers_) {
        LogRecord own = newest_membership(server.store.log());
        if (std::pair(own.term, own.index) > std::pair(newest.term, newest.index)) {
            newest = std::move(own);
        }
    }
    bool all = true;
    for (int sn = 1; sn <= options_.servers; ++sn) {
        const Sn& server = servers_[index(sn)];
        const DurableLog& log = server.store.log();
        all = all && !server.leaving && server.removal.state != Removal::State::asked;
        all = all && (!serves(sn) || (is_voter_in(newest_membership(log), log.vote.self) &&
                                      is_voter_in(newest, log.vote.self)));
    }
    return all;
}

std::size_t CampaignSwarm::sentinel_of(std::size_t sn) const {
    const std::size_t own = servers_[sn].sentinel;
    std::size_t sentinel = own;
    for (std::size_t i = 0; i < sns_.size(); ++i) {
        const std::size_t next = (own + i) % sns_.size();
        if (next != sn && servers_[next].removal.state == Removal::State::none) {
            sentinel = next;
            break;
        }
    }
    return sentinel;
}

bool CampaignSwarm::replace_sn(int sn, bool leave, SwarmTime back) {
    const std::size_t at = index(sn);
    const int voters = options_.servers - removed_sns();
    const int others = voters - 1 - (hostile_.server && !is_hostile_sn(at) ? 1 : 0);
    // Without the hostile one, the others must be a majority, or nobody could let this one join
    // anew. Its vote stays in the membership while its disk is empty; once it has left, it is out.
    const bool others_decide = 2 * others > (leave ? voters - 1 : voters);
    if (!serves(sn) || !all_vote() || !up(sns_[at]) || voters < 3 || !others_decide) {
        return false;
    }
    // It joins through any SN that is up.
    servers_[at].sentinel =
        (at + 1 + random.below(static_cast<std::uint64_t>(options_.servers - 1))) %
        static_cast<std::size_t>(options_.servers);
    crash(sns_[at]);
    if (leave) {
        // restarted with --leave; it ends once it is no longer a member
        servers_[at].leaving = true;
    } else {
        empty_disk(at);
    }
    restart_at(back, sns_[at]);
    return true;
}

void CampaignSwarm::empty_disk(std::size_t sn) {
    MemoryStore& store = servers_[sn].store;
    const std::size_t lost_writes = store.lost_writes;
    store = MemoryStore{};
    store.lost_writes = lost_writes;
}

void CampaignSwarm::supervise_sns() {
    for (std::size_t sn = 0; sn < sns_.size(); ++sn) {
        const auto stop = network.stopped(sns_[sn]);
        if (down_.count(sns_[sn]) > 0 || !stop) {
            continue;
        }
        if (stop->reason.find(removed_server_text) != std::string::npos) {
            on_removed(sn);
            continue;
        }
        if (stop->exit_code == exit_code::ok && std::exchange(servers_[sn].leaving, false)) {
            empty_disk(sn);  // it returns as a new server
        }
        restart_process(sns_[sn]);
    }
}

/// Those too whose removal is under way.
int CampaignSwarm::removed_sns() const {
    return static_cast<int>(std::ranges::count_if(
        servers_, [](const Sn& server) { return server.removal.state != Removal::State::none; }));
}

bool CampaignSwarm::remove_sn(int sn, const RemovalPlan& plan) {
    const std::size_t at = index(sn);
    // The SNs that remain, without the hostile one, must be a majority.
    const int allowed = (options_.servers - 1) / 2 - (hostile_.server ? 1 : 0);
    if (healed_ || !serves(sn) || !all_vote() || servers_[at].copy.runs ||
        removed_sns() >= allowed) {
        return false;
    }
    if (plan.dead) {
        crash(sns_[at]);
    }
    servers_[at].removal = {Removal::State::asked, plan, {}, network.now(), true};
    request_removal(at);
    return true;
}

/// The request may go to any SN, also to the one that is to be removed.
void CampaignSwarm::request_removal(std::size_t sn) {
    const std::uint64_t number = ++tools_;
    std::vector<Address> servers = sn_addresses_;
    std::rotate(servers.begin(),
                servers.begin() + static_cast<std::ptrdiff_t>(random.below(servers.size())),
                servers.end());
    MemoryNodeSpec tool;
    tool.process = "swci1-" + std::to_string(number);
    tool.host = "host-" + tool.process;
    tool.make = [number, servers, node = sns_[sn]] {
        const RemoveServer request{static_cast<std::uint32_t>(number), node, {"swci1"}};
        return make_tool_node({.id = {"swci1"},
                               .servers = servers,
                               .request = request,
                               .on_reply = [](const StatusReply&, std::string_view) {},
                               .limit = tool_limit,
                               .signer = make_memory_signer(openssl_hasher(), {"swci1"}, number)});
    };
    servers_[sn].removal.tool = {tool.process};
    network.add(std::move(tool));
}

void CampaignSwarm::supervise_removals() {
    for (std::size_t sn = 0; sn < sns_.size(); ++sn) {
        Removal& removal = servers_[sn].removal;
        const auto answer =
            removal.state == Removal::State::asked ? network.stopped(removal.tool) : std::nullopt;
        if (!answer) {
            continue;
        }
        if (answer->exit_code == exit_code::ok) {
            on_removed(sn);
        } else if (network.now() - removal.since < removal_limit) {
            request_removal(sn);
        } else {
            // if the removal was committed all the same, the SN reports it itself
            removal.state = Removal::State::none;
            if (down_.count(sns_[sn]) > 0) {
                restart_process(sns_[sn]);
            }
        }
    }
}

/// The removal was confirmed, by the command or by the removed SN.
void CampaignSwarm::on_removed(std::size_t sn) {
    Removal& removal = servers_[sn].removal;
    if (removal.state == Removal::State::done) {
        return;
    }
    if (!removal.requested && !is_hostile_sn(sn)) {
        unexpected(sns_[sn], "was told that it was removed, and nobody has asked for that");
        removal.requested = true;
    }
    removal.state = Removal::State::done;
    ++counts_.removals;
    if (removal.plan.back) {
        return_at(*removal.plan.back, sn, false);
    }
    if (removal.plan.joins) {
        return_at(removal.plan.back.value_or(SwarmDuration{0}) + *removal.plan.joins, sn, true);
    }
}

/// \param anew  with an empty disk, so that it joins; otherwise it must be refused.
void CampaignSwarm::return_at(SwarmDuration pause, std::size_t sn, bool anew) {
    network.at(network.now() + pause, [this, sn, anew] {
        if (healed_ || servers_[sn].removal.state != Removal::State::done) {
            return;
        }
        // Not before the SN knows that it was removed and the removing tool has ended: a tool that
        // loses its connection asks again, and would remove the server that has joined since.
        if (up(sns_[sn]) || !network.stopped(servers_[sn].removal.tool)) {
            return_at(seconds(1), sn, anew);
            return;
        }
        if (anew) {
            empty_disk(sn);
            servers_[sn].removal = {};
        }
        restart_process(sns_[sn]);
    });
}

bool CampaignSwarm::copy_sn(int sn) {
    const std::size_t at = index(sn);
    SnCopy& copy = servers_[at].copy;
    const MemoryStore& store = servers_[at].store;
    if (healed_ || !serves(sn) || !all_vote() || !up(sns_[at]) || copy.runs ||
        store.fail_next_write) {
        return false;
    }
    copy.store.log() = store.log();
    copy.runs = true;
    ++counts_.copies;
    if (!copy.process.name.empty()) {
        network.restart(copy.process);
        return true;
    }
    copy.process = {sns_[at].name + "-copy"};
    const Address elsewhere{sn_addresses_[at].host, 30404};
    MemoryNodeSpec spec;
    spec.process = copy.process.name;
    // A copy that can't reach its original believes that it was moved (see core/DECISIONS.md). On
    // the same host it can always reach it, and what fails for one fails for both.
    spec.host = "host-" + sns_[at].name;
    spec.listen = {elsewhere};
    spec.accepts = sn_api_accepts();
    spec.store = &copy.store;
    spec.make = [this, sn, elsewhere, &copy] {
        SnNodeOptions options = sn_options(sn, copy.store);
        options.api_address = elsewhere;
        options.peer_address = elsewhere;
        return make_sn_node(std::move(options), openssl_hasher());
    };
    network.add(std::move(spec));
    return true;
}

void CampaignSwarm::fail_sn_disk(int sn) {
    SnCopy& copy = servers_[index(sn)].copy;
    if (copy.runs) {
        network.crash(copy.process);
        copy.runs = false;
    }
    servers_[index(sn)].store.fail_next_write = true;
}

}  // namespace starling::test
