#pragma once

#include <algorithm>

#include <gtest/gtest.h>

#include "core/licence/licensed_node.hpp"
#include "core/ml/ml_node.hpp"
#include "core/sl/sl_node.hpp"
#include "core/sn/rebuild.hpp"
#include "core/sn/sn_node.hpp"
#include "tests/support/toy_program.hpp"
#include "tests/support/trace_recorder.hpp"
#include "transport/crypto/openssl_hasher.hpp"
#include "transport/memory/memory_keys.hpp"

namespace starling::test {

/// One SN and pairs of SL and ML on the memory network, each pair on a host of its own.
class MemorySwarm {
public:
    /// \param seat_options  how SN and SLs get a seat; without servers they need none.
    /// \param sn_count  how many SNs keep the ledger; all but sn1 join it.
    explicit MemorySwarm(std::uint64_t seed = 1, SeatOptions seat_options = {}, int sn_count = 1,
                         std::uint64_t snapshots_every = 0, SnNodeOptions::Parts told_parts = {})
        : seats(std::move(seat_options)),
          parts(told_parts),
          network(seed, openssl_hasher(), trace),
          snapshot_interval(snapshots_every) {
        sn_stores.resize(static_cast<std::size_t>(sn_count));
        for (int i = 1; i <= sn_count; ++i) {
            sn_addresses.push_back({"10.0.1." + std::to_string(i), 30304});
        }
        for (int i = 1; i <= sn_count; ++i) {
            add_sn(i);
        }
    }

    /// Starts an SN with the disk of another that has crashed, on another host; its address is the
    /// current one in sn_addresses.
    void add_moved_sn(int number) { add_sn(number, "-moved"); }
    void add_sn(int number, const std::string& moved = "") {
        const auto at = static_cast<std::size_t>(number - 1);
        MemoryNodeSpec sn;
        sn.make = [this, number, at] {
            SnNodeOptions options;
            options.id = {"sn" + std::to_string(number)};
            options.api_address = sn_addresses[at];
            options.peer_address = sn_addresses[at];
            options.admins = {{"swci1"}};
            options.leave = next_start.leaving.contains(options.id.name);
            options.limits.parts = parts;
            if (number > 1) {
                options.sentinel = sn_addresses[0];
            }
            options.session = ++sessions;
            options.number = server_number(openssl_hasher(), options.id, sessions);
            options.seed = options.number;
            options.signer =
                make_memory_signer(openssl_hasher(), options.id, sessions, cas[options.id.name]);
            options.verifier = make_memory_verifier(openssl_hasher());
            if (const auto rebuild = next_start.rebuilding.extract(options.id.name)) {
                rebuild_sn(options, rebuild.mapped(), *sn_stores[at]);
            }
            MemoryStore& store = *sn_stores[at];
            options.log = store.start_log(openssl_hasher());
            if (snapshot_interval > 0) {
                options.memory = {
                    .snapshot_interval = snapshot_interval,
                    .archive = [&store](std::uint64_t index) { return store.record(index); },
                    .link =
                        [&store](std::uint64_t index) {
                            return store.link(index, openssl_hasher());
                        },
                    .records_kept = 0};
            }
            if (!joining_takes_state) {
                options.memory.link = nullptr;
            }
            return licensed(make_sn_node(options, openssl_hasher()));
        };
        sn.process = "sn" + std::to_string(number) + moved;
        sn.host = "host-" + sn.process;
        sn.listen = {sn_addresses[at]};
        sn.accepts = {Role::sl, Role::tool, Role::sn};
        sn.ca = cas["sn" + std::to_string(number)];
        if (moved.empty()) {
            sn_stores[at] = std::make_unique<MemoryStore>();
        }
        sn.store = sn_stores[at].get();
        sns.push_back(network.add(sn));
    }
    /// As run-sn --rebuild-without does.
    void rebuild_sn(SnNodeOptions& options, const std::vector<NodeId>& without,
                    MemoryStore& store) {
        const Result<Rebuild> rebuild =
            rebuild_alone(store.start_log(openssl_hasher()), {.id = options.id,
                                                              .api_address = options.api_address,
                                                              .peer_address = options.peer_address,
                                                              .session = options.session,
                                                              .number = options.number,
                                                              .without = without,
                                                              .signer = *options.signer});
        ASSERT_TRUE(rebuild) << rebuild.error().message;
        ASSERT_TRUE(store.append(rebuild->first, rebuild->records));
        ASSERT_TRUE(store.save_vote(rebuild->vote));
    }
    MemoryStore& sn_store() { return *sn_stores[0]; }
    const Address& sn_address() const { return sn_addresses[0]; }
    /// The SN that led last; it may have crashed since.
    std::string leader() const {
        const auto elected = trace.named("leader_elected");
        return elected.empty() ? "" : elected.back().node.name;
    }
    /// Checks that every SN applied the same records in the same order.
    void expect_one_ledger() const {
        std::map<std::string, std::string> heads;
        for (const auto& applied : trace.named("entry_applied")) {
            const auto [known, fresh] =
                heads.emplace(field(applied, "index"), field(applied, "head"));
            EXPECT_EQ(known->second, field(applied, "head"))
                << "entry " << known->first << " on " << applied.node.name;
        }
    }

    /// \param admits_sls  false: its SL refuses the connections of other SLs, permanently.
    void add_pair(int number, ToyOptions toy, bool admits_sls = true) {
        add_pair_at(number, std::move(toy), admits_sls, "");
    }
    /// A second process of each node of a pair, on a host of its own, with a copy of the first
    /// one's present state: as after its workspace was copied. The processes are "sl1-copy" and
    /// "ml1-copy".
    void add_copy(int number) {
        ToyOptions toy = toys[number];
        add_pair_at(number, toy, true, "-copy");
    }
    void add_pair_at(int number, ToyOptions toy, bool admits_sls, const std::string& copy) {
        const int store = copy.empty() ? number : number + 1000;
        toy.seed = static_cast<std::uint64_t>(number) * 1000;
        const std::string n = std::to_string(number);
        const Address exchange{(copy.empty() ? "10.0.0." : "10.0.9.") + n, 16000};
        const Address socket{"/host-" + n + copy + "/sl.sock", 0};
        MemoryNodeSpec sl;
        const CaFingerprint ca = cas["sl" + n + copy];
        sl.ca = ca;
        sl.make = [this, n, number, store, exchange, ca] {
            SlNodeOptions options;
            options.id = {"sl" + n};
            options.sn_addresses = sn_addresses;
            // Each SL starts with a different SN.
            std::rotate(options.sn_addresses.begin(),
                        options.sn_addresses.begin() +
                            static_cast<std::ptrdiff_t>(
                                static_cast<std::size_t>(number + (store > number ? 1 : 0)) %
                                sn_addresses.size()),
                        options.sn_addresses.end());
            options.exchange_address = exchange;
            options.session = ++sessions;
            options.signer = make_memory_signer(openssl_hasher(), options.id, sessions, ca);
            signers[options.id.name] = options.signer;
            options.kept = sl_stores[store]->models;
            auto node = make_sl_node(options, openssl_hasher());
            const auto change = tampered.find(options.id.name);
            return licensed(change == tampered.end() ? std::move(node)
                                                     : change->second(std::move(node)));
        };
        sl_stores[store] = std::make_unique<MemoryStore>();
        sl_stores[store]->models = sl_stores[number]->models;
        sl.store = sl_stores[store].get();
        sl.process = "sl" + n + copy;
        sl.host = "host-" + n + copy;
        sl.listen = {exchange, socket};
        sl.accepts = {Role::ml};
        if (admits_sls) {
            sl.accepts.insert(Role::sl);
        }
        sls.insert(network.add(sl));
        MemoryNodeSpec ml;
        ml.make = [this, n, store, socket] {
            MlNodeOptions options;
            options.id = {"ml" + n};
            options.sl_address = socket;
            options.keeps_state = true;
            options.kept = ml_stores[store]->kept_states();
            return make_ml_node(std::move(options), openssl_hasher());
        };
        ml_stores[store] = std::make_unique<MemoryStore>();
        ml_stores[store]->states = ml_stores[number]->states;
        ml.store = ml_stores[store].get();
        ml.process = "ml" + n + copy;
        ml.host = sl.host;
        toys[store] = toy;
        ml.program = [this, store] {
            return std::make_unique<ToyProgram>(toys[store], reported[store]);
        };
        mls.insert(network.add(ml));
    }

    /// Runs until round `round` is committed. False at the time limit.
    bool run_to_round(int round, SwarmDuration limit = std::chrono::minutes(2)) {
        std::size_t seen = 0;  // lines of the trace, each of which is looked at once
        const auto reached = [&](const TraceRecorder::Line& line) {
            return line.event.name == "round_committed" && std::stoi(field(line, "round")) >= round;
        };
        return network.run([&] { return trace.any_new(seen, reached); }, network.now() + limit);
    }
    void run_for(SwarmDuration duration) {
        network.run([] { return false; }, network.now() + duration);
    }
    /// Crashes SL and ML of a host.
    void crash_pair(int number) {
        network.crash({"ml" + std::to_string(number)});
        network.crash({"sl" + std::to_string(number)});
    }
    void restart_pair(int number) {
        network.restart({"sl" + std::to_string(number)});
        network.restart({"ml" + std::to_string(number)});
    }

    /// Runs until all SL and ML nodes have stopped.
    bool run(SwarmDuration limit = std::chrono::minutes(10)) {
        return network.run([this] { return network.all_stopped(sls) && network.all_stopped(mls); },
                           SwarmTime{limit});
    }
    /// Runs the tool on a host of its own until it ends. Its error, or empty on success.
    std::string run_tool(MemoryNodeSpec spec) {
        const NodeId process{spec.process};
        spec.host = "host-" + spec.process;
        network.add(std::move(spec));
        EXPECT_TRUE(network.run([&] { return network.stopped(process).has_value(); },
                                network.now() + std::chrono::seconds(30)))
            << trace.tail();
        const std::optional<Stop> stop = network.stopped(process);
        return !stop ? "no answer" : stop->exit_code == 0 ? "" : stop->reason;
    }
    int code(const std::string& node) const {
        const auto stop = network.stopped({node});
        return stop ? stop->exit_code : -1;
    }
    /// Checks that all ended with success and the same final digest, which is the ledger's.
    void expect_one_final_model() const {
        const auto committed = trace.named("round_committed");
        ASSERT_FALSE(committed.empty());
        ASSERT_EQ(field(committed.back(), "final"), "1") << trace.tail();
        for (const NodeId& ml : mls) {
            const auto ends = trace.named("sync_end", ml.name);
            ASSERT_FALSE(ends.empty()) << ml.name;
            EXPECT_EQ(field(ends.back(), "final"), "1") << ml.name;
            EXPECT_EQ(field(ends.back(), "digest"), field(committed.back(), "digest")) << ml.name;
            EXPECT_EQ(code(ml.name), 0) << ml.name;
        }
        for (const NodeId& sl : sls) {
            EXPECT_EQ(code(sl.name), 0) << sl.name;
        }
    }

    std::unique_ptr<Node> licensed(std::unique_ptr<Node> node) const {
        return make_licensed_node(std::move(node), seats);
    }

    std::vector<Address> sn_addresses;
    std::vector<NodeId> sns;
    SeatOptions seats;
    SnNodeOptions::Parts parts;  ///< of all SNs
    TraceRecorder trace;
    std::vector<std::unique_ptr<MemoryStore>> sn_stores;
    std::map<int, std::unique_ptr<MemoryStore>> sl_stores;
    std::map<int, std::unique_ptr<MemoryStore>> ml_stores;
    std::map<int, ToyOptions> toys;   ///< options of each pair's program
    std::map<int, Scalars> reported;  ///< with each check-in of a pair's program
    MemoryNetwork network;
    std::set<NodeId> sls;
    std::set<NodeId> mls;
    std::uint64_t snapshot_interval = 0;  ///< of all SNs; 0: they make none
    /// False: an SN that joins gets all records from the leader.
    bool joining_takes_state = true;
    std::uint64_t sessions = 0;
    /// Of SNs, by name.
    struct NextStart {
        std::map<std::string, std::vector<NodeId>> rebuilding;  ///< the ledger, without these SNs
        std::set<std::string> leaving;                          ///< for good
    };
    NextStart next_start;
    /// Of the newest start of each SL, by its name.
    std::map<std::string, std::shared_ptr<const NodeSigner>> signers;
    /// Wraps an SL at each of its starts, by its name; see tampered_node.hpp.
    std::map<std::string, std::function<std::unique_ptr<Node>(std::unique_ptr<Node>)>> tampered;
    // by process, set before it is added; otherwise none
    std::map<std::string, CaFingerprint> cas;
};

}  // namespace starling::test
