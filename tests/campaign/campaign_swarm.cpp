#include "tests/campaign/campaign_swarm.hpp"

#include <algorithm>

#include "core/ledger/membership.hpp"
#include "core/ml/ml_node.hpp"
#include "core/sl/sl_node.hpp"
#include "core/sn/sn_node.hpp"
#include "tests/campaign/reader_node.hpp"
#include "transport/crypto/openssl_hasher.hpp"
#include "transport/memory/memory_keys.hpp"
#include "transport/ports.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int reader_count = 2;
constexpr SwarmDuration supervise_interval = milliseconds(250);

}  // namespace

CampaignSwarm::CampaignSwarm(std::uint64_t seed, const CampaignOptions& options)
    : trace(options.trace_file, options.hash_trace),
      network(derive_seed(seed + options.network_variant, "network"), openssl_hasher(), trace),
      random(derive_seed(seed, "schedule")),
      options_(options) {
    // Mostly one segment; now and then more, of different owners.
    training_.elements = random.chance(0.06) ? 70'000 : 400;
    training_.min_peers =
        2 + static_cast<std::uint32_t>(random.below(static_cast<std::uint64_t>(options.pairs - 1)));
    if (options.min_peers > 0) {
        training_.min_peers = options.min_peers;
    }
    training_.grace = milliseconds(100 + random.below(2000));
    training_.part = milliseconds(200 + random.below(600));
    for (int i = 1; i <= options.servers; ++i) {
        sn_addresses_.push_back({"10.0.1." + std::to_string(i), 30304});
        sentinels_.push_back(i == 1 ? 1 : 0);
    }
}

void CampaignSwarm::start() {
    for (int i = 1; i <= options_.servers; ++i) {
        add_sn(i);
    }
    for (int i = 1; i <= options_.pairs; ++i) {
        add_pair(i);
    }
    for (int i = 1; i <= reader_count; ++i) {
        add_reader(i);
    }
    // The first start of the first SN begins the ledger; later ones would join it.
    network.at(network.now() + milliseconds(500), [this] { founded_ = true; });
    network.at(network.now() + supervise_interval, [this] { supervise(); });
}

std::unique_ptr<Node> CampaignSwarm::make_sn(int number) {
    const auto at = static_cast<std::size_t>(number - 1);
    SnNodeOptions options;
    options.id = {"sn" + std::to_string(number)};
    options.api_address = sn_addresses_[at];
    options.peer_address = sn_addresses_[at];
    options.log = sn_stores_[at]->log;
    if (number > 1 || founded_) {
        options.sentinel = sn_addresses_[sentinels_[at]];
    }
    options.number = server_number(openssl_hasher(), options.id, fresh_session());
    options.seed = options.number;
    options.signer = make_memory_signer(openssl_hasher(), options.id, options.number);
    options.verifier = make_memory_verifier(openssl_hasher());
    options.leave = leaving_.count(at) > 0;
    options.trace_recovered = true;
    options.split_at_membership = options_.plant != Plant::r3_off;
    options.check_attempt = options_.plant != Plant::attempt_unchecked;
    options.exclude_stalled = options_.plant != Plant::lease_without_progress;
    return make_sn_node(std::move(options), openssl_hasher());
}

void CampaignSwarm::add_sn(int number) {
    const NodeId id{"sn" + std::to_string(number)};
    sn_stores_.push_back(std::make_unique<MemoryStore>());
    if (options_.plant == Plant::lost_sync) {
        sn_stores_.back()->lost_writes = 6;
    }
    MemoryNodeSpec spec;
    spec.make = [this, number] { return make_sn(number); };
    spec.host = "host-" + id.name;
    spec.listen = {sn_addresses_[static_cast<std::size_t>(number - 1)]};
    spec.accepts = sn_api_accepts();
    spec.store = sn_stores_.back().get();
    sns_.push_back(id);
    network.add(std::move(spec));
}

std::unique_ptr<Node> CampaignSwarm::make_sl(int number) {
    SlNodeOptions options;
    options.id = {"sl" + std::to_string(number)};
    options.sn_addresses = sn_addresses_;
    std::rotate(options.sn_addresses.begin(),
                options.sn_addresses.begin() + number % options_.servers,
                options.sn_addresses.end());
    options.exchange_address = {"10.0.0." + std::to_string(number), 16000};
    options.session = fresh_session();
    options.signer = make_memory_signer(openssl_hasher(), options.id, options.session);
    options.kept = sl_stores_[static_cast<std::size_t>(number - 1)]->models;
    options.stall_limit = seconds(5);
    options.merge_in_order = options_.plant != Plant::arrival_order;
    return make_sl_node(std::move(options));
}

void CampaignSwarm::add_pair(int number) {
    const std::string n = std::to_string(number);
    const Address socket{"/host-" + n + "/sl.sock", 0};
    sl_stores_.push_back(std::make_unique<MemoryStore>());
    MemoryNodeSpec sl;
    sl.make = [this, number] { return make_sl(number); };
    sl.host = "host-" + n;
    sl.listen = {{"10.0.0." + n, 16000}, socket};
    sl.accepts = {Role::sl, Role::ml};
    sl.store = sl_stores_.back().get();
    sls_.push_back({"sl" + n});
    network.add(std::move(sl));
    MemoryNodeSpec ml;
    ml.make = [n, socket] { return make_ml_node({{"ml" + n}, socket}, openssl_hasher()); };
    ml.host = "host-" + n;
    const EndMode end_mode = random.chance(0.3) ? EndMode::snapshot : EndMode::active;
    const auto weight = static_cast<std::uint32_t>(1 + random.below(3));
    ml.program = [this, number, end_mode, weight] {
        return std::make_unique<CampaignProgram>(training_, static_cast<std::uint64_t>(number),
                                                 end_mode, weight);
    };
    mls_.push_back({"ml" + n});
    network.add(std::move(ml));
}

void CampaignSwarm::add_reader(int number) {
    MemoryNodeSpec spec;
    spec.make = [this, number] {
        ReaderOptions options;
        options.id = {"reader" + std::to_string(number)};
        options.sns = sn_addresses_;
        std::rotate(options.sns.begin(), options.sns.begin() + number % options_.servers,
                    options.sns.end());
        options.session = fresh_session();
        options.barrier = options_.plant != Plant::stale_reads;
        return make_reader_node(std::move(options));
    };
    spec.host = "host-reader" + std::to_string(number);
    network.add(std::move(spec));
}

void CampaignSwarm::crash(const NodeId& node) {
    if (!calm_ && down_.insert(node).second) {
        ++crashes_;
        network.crash(node);
    }
}

void CampaignSwarm::restart_at(SwarmTime time, const NodeId& node) {
    network.at(time, [this, node] {
        if (down_.count(node) > 0) {
            start_again(node);
        }
    });
}

void CampaignSwarm::start_again(const NodeId& node) {
    down_.erase(node);
    // A clock counts from the start of its process or host, and no two run alike.
    network.set_clock(node, {milliseconds(random.below(60'000)), (random.uniform() - 0.5) * 2e-3});
    network.restart(node);
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

bool CampaignSwarm::is_voter(int sn) const {
    const auto at = static_cast<std::size_t>(sn - 1);
    const DurableLog& log = sn_stores_[at]->log;
    for (std::uint64_t index = log.records.size(); index > 0; --index) {
        const Result<LogRecord> record = decode_record(index, log.records[index - 1]);
        if (record && record->kind == RecordKind::membership) {
            const auto servers = decode_membership(record->data);
            return std::any_of(servers->begin(), servers->end(), [&](const Server& server) {
                return server.number == log.vote.self && server.voter;
            });
        }
    }
    return false;
}

bool CampaignSwarm::replace_sn(int sn, bool leave, SwarmTime back) {
    if (!leaving_.empty()) {
        return false;
    }
    for (int other = 1; other <= options_.servers; ++other) {
        if (!is_voter(other)) {
            return false;
        }
    }
    const auto at = static_cast<std::size_t>(sn - 1);
    if (!up(sns_[at])) {
        return false;
    }
    // It joins through any that is there.
    sentinels_[at] = (at + 1 + random.below(static_cast<std::uint64_t>(options_.servers - 1))) %
                     static_cast<std::size_t>(options_.servers);
    crash(sns_[at]);
    if (leave) {
        leaving_.insert(at);  // it is started as one that leaves, and ends once it is out
    } else {
        empty_disk(at);
    }
    restart_at(back, sns_[at]);
    return true;
}

void CampaignSwarm::empty_disk(std::size_t sn) {
    const std::size_t lost_writes = sn_stores_[sn]->lost_writes;
    *sn_stores_[sn] = MemoryStore{};
    sn_stores_[sn]->lost_writes = lost_writes;
}

int CampaignSwarm::leader() const {
    const auto found = std::find(sns_.begin(), sns_.end(), trace.leader);
    return found == sns_.end() ? 0 : static_cast<int>(found - sns_.begin()) + 1;
}

void CampaignSwarm::supervise() {
    for (std::size_t sn = 0; sn < sns_.size(); ++sn) {
        const auto stop = network.stopped(sns_[sn]);
        if (down_.count(sns_[sn]) > 0 || !stop) {
            continue;
        }
        if (stop->exit_code == exit_code::ok && leaving_.erase(sn) > 0) {
            empty_disk(sn);  // it comes back as another one
        }
        start_again(sns_[sn]);
    }
    for (std::size_t at = 0; at < mls_.size(); ++at) {
        const auto ml = network.stopped(mls_[at]);
        const auto sl = network.stopped(sls_[at]);
        const bool waits = down_.count(mls_[at]) > 0 || down_.count(sls_[at]) > 0;
        const bool done = ml && ml->exit_code == exit_code::ok;
        // As whoever looks after the processes of a host would: together and anew.
        if (!waits && !done && (ml || sl)) {
            network.crash(mls_[at]);
            network.crash(sls_[at]);
            start_again(sls_[at]);
            start_again(mls_[at]);
        }
    }
    network.at(network.now() + supervise_interval, [this] { supervise(); });
}

void CampaignSwarm::heal() {
    network.heal();
    network.faults = NetworkFaults{};
    for (const auto& store : sn_stores_) {
        store->fail_next_write = false;
    }
    for (const auto& store : sl_stores_) {
        store->fail_next_write = false;
    }
    calm_ = true;
    for (std::size_t at = 0; at < sls_.size(); ++at) {
        if (down_.count(sls_[at]) > 0 || down_.count(mls_[at]) > 0) {
            network.crash(mls_[at]);
            network.crash(sls_[at]);
            start_again(sls_[at]);
            start_again(mls_[at]);
        }
    }
    const std::set<NodeId> down = down_;
    for (const NodeId& node : down) {
        start_again(node);
    }
}

bool CampaignSwarm::all_have_synced_since(SwarmTime time) const {
    return std::all_of(mls_.begin(), mls_.end(), [&](const NodeId& ml) {
        const auto last = trace.last_sync_end.find(ml);
        return last != trace.last_sync_end.end() && last->second > time && up(ml);
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
    const auto ended = [this](const NodeId& node) { return network.stopped(node).has_value(); };
    return std::all_of(mls_.begin(), mls_.end(), ended) &&
           std::all_of(sls_.begin(), sls_.end(), ended);
}

}  // namespace starling::test
