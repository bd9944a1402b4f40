#include "tests/campaign/campaign_swarm.hpp"

#include <algorithm>

#include "core/ml/ml_node.hpp"
#include "core/sl/sl_node.hpp"
#include "core/sn/sn_node.hpp"
#include "tests/campaign/reader_node.hpp"
#include "tests/campaign/watched_member.hpp"
#include "tests/support/tampered_node.hpp"
#include "transport/crypto/openssl_hasher.hpp"
#include "transport/memory/memory_keys.hpp"
#include "transport/ports.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int reader_count = 2;
constexpr std::size_t lies_of_a_seed = 3;

/// An honest SL, of which `check` is told what merged segments it sends.
std::unique_ptr<Node> with_relayed_merges(std::unique_ptr<Node> sl, FalseMergeCheck& check) {
    const NodeId id = sl->id();
    return std::make_unique<TamperedNode>(std::move(sl), nullptr, [&check, id](Effect& effect) {
        const auto* send = std::get_if<Send>(&effect);
        const auto* data =
            send == nullptr ? nullptr : std::get_if<SegmentData>(&send->frame.message);
        if (data != nullptr && data->kind == SegmentKind::merged) {
            check.on_relayed(data->key, data->index, id, send->to);
        }
    });
}

}  // namespace

CampaignSwarm::CampaignSwarm(std::uint64_t seed, const CampaignOptions& options)
    : trace(options.trace_file, options.hash_trace),
      network(derive_seed(seed + options.network_variant, "network"), openssl_hasher(), trace),
      random(derive_seed(seed, "schedule")),
      options_(options) {
    // Mostly one segment; sometimes more, with different owners.
    training_.elements = random.chance(0.06) ? 70'000 : 400;
    all_servers_.snapshots = Random(derive_seed(seed, "snapshots")).chance(0.5);
    training_.exchange =
        static_cast<ExchangePlan>(1 + Random(derive_seed(seed, "exchange")).below(4));
    training_.min_peers =
        2 + static_cast<std::uint32_t>(random.below(static_cast<std::uint64_t>(options.pairs - 1)));
    if (options.min_peers > 0) {
        training_.min_peers = options.min_peers;
    }
    draw_compression(seed);
    Random durable(derive_seed(seed, "durable"));
    if (durable.chance(0.4)) {
        training_.durable = durable.chance(0.6) ? Durability::quorum : Durability::none;
        if (training_.durable == Durability::none) {
            // Slow disks, or a crash of all members would hardly ever lose a model.
            network.disk_bytes_per_second =
                static_cast<double>(training_.elements * sizeof(float)) /
                (0.2 + 2 * durable.uniform());
        }
    }
    training_.until_merge = Random(derive_seed(seed, "until merge")).chance(0.4);
    if (Random(derive_seed(seed, "parts")).chance(0.3)) {  // as in a swarm of many thousands
        all_servers_.parts = {.reports_per_entry = 2, .members_in_view = 0, .list_part_bytes = 30};
    }
    if (options.hostile) {
        add_hostile_nodes(seed);
    }
    Random late(derive_seed(seed, "latecomer"));
    // A run that needs the hostile member to reach min_peers may end with it.
    const bool others_suffice =
        !hostile_.member || training_.min_peers + 2 <= static_cast<std::uint32_t>(options.pairs);
    if (late.chance(0.25) && others_suffice) {
        latecomer_ = {1 + static_cast<int>(late.below(static_cast<std::uint64_t>(options.pairs))),
                      milliseconds(3'000 + late.below(20'000))};
    }
    training_.grace = milliseconds(100 + random.below(2000));
    training_.part = milliseconds(200 + random.below(600));
    for (int i = 1; i <= options.servers; ++i) {
        sn_addresses_.push_back({"10.0.1." + std::to_string(i), 30304});
        servers_.emplace_back().sentinel = i == 1 ? 1 : 0;
    }
}

/// Most seeds have none. The model has several segments more often where it is compressed.
void CampaignSwarm::draw_compression(std::uint64_t seed) {
    Random draw(derive_seed(seed, "compression"));
    if (!draw.chance(options_.hostile ? 0.5 : 0.3)) {
        return;
    }
    constexpr Compression kinds[] = {Compression::f16, Compression::bf16, Compression::int8,
                                     Compression::top_k};
    training_.compression.kind = kinds[draw.below(std::size(kinds))];
    if (training_.compression.kind == Compression::top_k) {
        training_.compression.fraction = draw.chance(0.5) ? 0.02 : 0.4;
    }
    if (draw.chance(0.2)) {
        training_.elements = 70'000;
    }
}

/// Kinds of lies that only some swarms can have, in addition to the three.
void CampaignSwarm::add_lies(std::uint64_t seed, std::set<Lie>& lies) {
    Random draw(derive_seed(seed, "more lies"));
    std::set<Lie> more;
    if (training_.compression.kind != Compression::none && draw.chance(0.6)) {
        more.insert(draw.chance(0.5) ? Lie::malformed_segments : Lie::non_finite_codes);
    }
    if (draw.chance(0.4)) {
        more.insert(Lie::uneven_merges);
    }
    for (const Lie lie : more) {
        hostile_.lies += ", " + std::string(to_string(lie));
    }
    lies.merge(more);
}

/// What an SN tells its SLs, in addition to the three.
void CampaignSwarm::add_server_lies(std::uint64_t seed, std::set<ServerLie>& lies) {
    const auto add = [&](ServerLie lie, const char* draw) {
        if (Random(derive_seed(seed, draw)).chance(0.4)) {
            lies.insert(lie);
            hostile_.lies += ", " + std::string(to_string(lie));
        }
    };
    add(ServerLie::refused_starts, "more lies of an SN");
    add(ServerLie::false_ends, "false ends");
    add(ServerLie::false_oks, "false oks");
    // A hostile member's delays would add up with these, and error feedback is not checked where a
    // member has gone back to an earlier round.
    if (hostile_.member == nullptr && training_.compression.kind == Compression::none) {
        add(ServerLie::false_views, "false views");
    }
}

/// Three kinds of lies in total, drawn from the seed, spread over one member and one SN.
void CampaignSwarm::add_hostile_nodes(std::uint64_t seed) {
    Random draw(derive_seed(seed, "lies"));
    std::set<Lie> lies;
    std::set<ServerLie> server_lies;
    while (lies.size() + server_lies.size() < lies_of_a_seed) {
        const std::uint64_t kind = draw.below(lie_count + server_lie_count);
        const bool fresh =
            kind < lie_count ? lies.insert(static_cast<Lie>(kind)).second
                             : server_lies.insert(static_cast<ServerLie>(kind - lie_count)).second;
        const std::string_view name = kind < lie_count
                                          ? to_string(static_cast<Lie>(kind))
                                          : to_string(static_cast<ServerLie>(kind - lie_count));
        hostile_.lies += fresh ? (hostile_.lies.empty() ? "" : ", ") + std::string(name) : "";
    }
    if (!lies.empty()) {
        // Two honest members of three are a majority; with more members, the honest ones suffice.
        training_.min_peers = std::clamp<std::uint32_t>(
            training_.min_peers, 3, static_cast<std::uint32_t>(options_.pairs - 1));
        std::vector<NodeId> others;
        for (int i = 1; i < options_.pairs; ++i) {
            others.push_back({"sl" + std::to_string(i)});
        }
        training_.slowest_link =
            1'000'000;  // an attempt ends after ten minutes, whatever progress it claims
        add_lies(seed, lies);
        const std::string n = std::to_string(options_.pairs);
        hostile_.member = std::make_unique<HostileMember>(
            seed, NodeId{"sl" + n}, std::move(others), lies,
            SegmentCodec(campaign_layout(training_.elements), training_.compression));
        // An old frame may be a merged segment as it was before it was made wrong.
        if (lies.contains(Lie::uneven_merges) ||
            (lies.contains(Lie::wrong_merges) && lies.contains(Lie::old_frames)) ||
            (training_.exchange == ExchangePlan::tree && lies.contains(Lie::wrong_merges))) {
            FalseMergeCheck& check = trace.false_merges.emplace(hostile_.member->id());
            hostile_.member->on_false_merge = [&check](const SegmentData& data, const NodeId& to) {
                check.on_sent(data.key, data.index, to);
            };
        }
        trace.not_believed.insert({{"sl" + n}, {"ml" + n}});
    }
    if (!server_lies.empty()) {
        std::vector<NodeId> others;
        for (int i = 1; i < options_.servers; ++i) {
            others.push_back({"sn" + std::to_string(i)});
        }
        add_server_lies(seed, server_lies);
        const NodeId id{"sn" + std::to_string(options_.servers)};
        hostile_.server =
            std::make_unique<HostileServer>(seed, id, std::move(others), std::move(server_lies));
        hostile_.server->on_false_ok = [this](const NodeId& sl, const SubmitCommand& command) {
            trace.false_oks.insert({sl, command.session, command.sequence});
        };
    }
}

void CampaignSwarm::start() {
    for (int i = 1; i <= options_.servers; ++i) {
        add_sn(i);
    }
    for (int i = 1; i <= options_.pairs; ++i) {
        add_pair(i);
    }
    if (latecomer_) {
        start_late(latecomer_->first);
    }
    for (int i = 1; i <= reader_count; ++i) {
        add_reader(i);
    }
    // The first start of SN 1 creates the ledger; later ones would join it.
    network.at(network.now() + milliseconds(500), [this] { ledger_created_ = true; });
    supervise();
}

/// It joins a run that has begun, unless min_peers needs it: with compression, it has no model that
/// the others' encodings refer to.
void CampaignSwarm::start_late(int pair) {
    for (const NodeId& process : {sls_[index(pair)], mls_[index(pair)]}) {
        network.crash(process);
        down_.insert(process);
        restart_at(network.now() + latecomer_->second, process);
    }
}

SnNodeOptions CampaignSwarm::sn_options(int number, const MemoryStore& store) {
    const std::size_t at = index(number);
    SnNodeOptions options;
    options.id = {"sn" + std::to_string(number)};
    options.api_address = sn_addresses_[at];
    options.peer_address = sn_addresses_[at];
    options.log = store.start_log(openssl_hasher());
    if (all_servers_.snapshots) {
        options.memory = {
            .snapshot_interval = 40,
            .archive = [&store](std::uint64_t index) { return store.record(index); },
            .link = [&store](std::uint64_t index) { return store.link(index, openssl_hasher()); },
            .records_kept = 10};
    }
    options.admins = {{"swci1"}};
    if (options_.servers > 1 && (number > 1 || ledger_created_)) {
        options.sentinel = sn_addresses_[sentinel_of(at)];
    }
    options.session = fresh_session();
    options.number = server_number(openssl_hasher(), options.id, options.session);
    options.seed = options.number;
    options.signer = make_memory_signer(openssl_hasher(), options.id, options.number);
    options.verifier = make_memory_verifier(openssl_hasher());
    options.leave = servers_[at].leaving;
    options.trace_recovered = true;
    options.limits.parts = all_servers_.parts;
    options.planted.membership_behind_records = options_.plant == Plant::r3_off;
    options.planted.count_old_attempts = options_.plant == Plant::attempt_unchecked;
    options.planted.keep_stalled_members = options_.plant == Plant::lease_without_progress;
    options.planted.serve_replaced_starts = options_.plant == Plant::fence_off;
    options.planted.serve_removed_servers = options_.plant == Plant::removed_serves;
    return options;
}

std::unique_ptr<Node> CampaignSwarm::make_sn(int number) {
    SnNodeOptions options = sn_options(number, servers_[index(number)].store);
    const std::shared_ptr<const NodeSigner> signer = options.signer;
    std::unique_ptr<Node> node = make_sn_node(std::move(options), openssl_hasher());
    return hostile_.server && number == options_.servers
               ? hostile_.server->wrap(std::move(node), signer)
               : std::move(node);
}

void CampaignSwarm::add_sn(int number) {
    const NodeId id{"sn" + std::to_string(number)};
    MemoryStore& store = servers_[index(number)].store;
    if (options_.plant == Plant::lost_sync) {
        store.lost_writes = 6;
    }
    MemoryNodeSpec spec;
    spec.make = [this, number] { return make_sn(number); };
    spec.host = "host-" + id.name;
    spec.listen = {sn_addresses_[index(number)]};
    spec.accepts = sn_api_accepts();
    spec.store = &store;
    sns_.push_back(id);
    network.add(std::move(spec));
}

std::unique_ptr<Node> CampaignSwarm::make_sl(const Pair& pair, Place& place) {
    SlNodeOptions options;
    options.id = {"sl" + std::to_string(pair.number)};
    options.sn_addresses = sn_addresses_;
    // Each node starts with a different SN, a copy too.
    const auto first = (pair.number + (&place == &pair.places[0] ? 0 : 1)) % options_.servers;
    std::rotate(options.sn_addresses.begin(), options.sn_addresses.begin() + first,
                options.sn_addresses.end());
    options.exchange_address = place.exchange;
    options.session = place.session = fresh_session();
    options.signer = make_memory_signer(openssl_hasher(), options.id, options.session);
    options.kept = place.sl_store.models;
    options.stall_limit = seconds(5);
    options.planted.merge_in_arrival_order = options_.plant == Plant::arrival_order;
    options.planted.full_disk_is_goodbye = options_.plant == Plant::disk_is_farewell;
    const std::shared_ptr<const NodeSigner> signer = options.signer;
    std::unique_ptr<Node> node = make_sl_node(std::move(options), openssl_hasher());
    if (is_hostile(pair.number)) {
        return hostile_.member->wrap(std::move(node), signer);
    }
    if (trace.false_merges) {
        node = with_relayed_merges(std::move(node), *trace.false_merges);
    }
    if (training_.compression.kind == Compression::none) {
        return node;
    }
    return std::make_unique<WatchedMember>(
        std::move(node), SegmentCodec(campaign_layout(training_.elements), training_.compression),
        [this](SwarmTime time, const NodeId& member, std::string text) {
            trace.of_contributions.add(time, member, "error feedback", std::move(text));
        });
}

void CampaignSwarm::add_pair(int number) {
    const std::string n = std::to_string(number);
    Pair& pair = pairs_.emplace_back();
    pair.number = number;
    pair.end_mode = random.chance(0.3) ? EndMode::snapshot : EndMode::active;
    pair.weight = static_cast<std::uint32_t>(1 + random.below(3));
    for (const std::string copy : {"", "-copy"}) {
        Place& place = pair.places[copy.empty() ? 0 : 1];
        place.sl = {"sl" + n + copy};
        place.ml = {"ml" + n + copy};
        place.host = "host-" + n + copy;
        place.exchange = {(copy.empty() ? "10.0.0." : "10.0.9.") + n, 16000};
    }
    sls_.push_back(pair.newest().sl);
    mls_.push_back(pair.newest().ml);
    add_place(pair, pair.newest());
}

/// \param pair, place  must outlive the network.
void CampaignSwarm::add_place(Pair& pair, Place& place) {
    const Address socket{"/" + place.host + "/sl.sock", 0};
    MemoryNodeSpec sl;
    sl.process = place.sl.name;
    sl.make = [this, &pair, &place] { return make_sl(pair, place); };
    sl.host = place.host;
    sl.listen = {place.exchange, socket};
    sl.accepts = {Role::sl, Role::ml};
    sl.store = &place.sl_store;
    network.add(std::move(sl));
    MemoryNodeSpec ml;
    ml.process = place.ml.name;
    ml.make = [&pair, &place, socket] {
        MlNodeOptions options{{"ml" + std::to_string(pair.number)}, socket};
        options.keeps_state = true;
        options.kept = place.ml_store.kept_states();
        return make_ml_node(std::move(options), openssl_hasher());
    };
    ml.host = place.host;
    ml.store = &place.ml_store;
    ml.program = [this, &pair] {
        return std::make_unique<CampaignProgram>(training_, static_cast<std::uint64_t>(pair.number),
                                                 pair.end_mode, pair.weight);
    };
    network.add(std::move(ml));
    place.used = true;
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

}  // namespace starling::test
