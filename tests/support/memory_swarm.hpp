#pragma once

#include <gtest/gtest.h>

#include "core/licence/licensed_node.hpp"
#include "core/ml/ml_node.hpp"
#include "core/sl/sl_node.hpp"
#include "core/sn/sn_node.hpp"
#include "tests/support/toy_program.hpp"
#include "tests/support/trace_recorder.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling::test {

/// One SN and pairs of SL and ML on the memory network, each pair on a host of its own.
class MemorySwarm {
public:
    /// \param seat_options  how SN and SLs get a seat; without servers they need none.
    explicit MemorySwarm(std::uint64_t seed = 1, SeatOptions seat_options = {})
        : seats(std::move(seat_options)), network(seed, openssl_hasher(), trace) {
        MemoryNodeSpec sn;
        sn.make = [this] {
            SnNodeOptions options;
            options.id = {"sn1"};
            options.api_address = sn_address;
            options.log = sn_store.log;
            options.peer_address = sn_address;
            return licensed(make_sn_node(options, openssl_hasher()));
        };
        sn.host = "host-sn";
        sn.listen = {sn_address};
        sn.accepts = {Role::sl, Role::tool};
        sn.store = &sn_store;
        network.add(sn);
    }

    void add_pair(int number, ToyOptions toy) {
        toy.seed = static_cast<std::uint64_t>(number) * 1000;
        const std::string n = std::to_string(number);
        const Address exchange{"10.0.0." + n, 16000};
        const Address socket{"/host-" + n + "/sl.sock", 0};
        MemoryNodeSpec sl;
        sl.make = [this, n, exchange] {
            SlNodeOptions options;
            options.id = {"sl" + n};
            options.sn_addresses = {sn_address};
            options.exchange_address = exchange;
            options.session = ++sessions;
            return licensed(make_sl_node(options));
        };
        sl.host = "host-" + n;
        sl.listen = {exchange, socket};
        sl.accepts = {Role::sl, Role::ml};
        sls.insert(network.add(sl));
        MemoryNodeSpec ml;
        ml.make = [n, socket] { return make_ml_node({{"ml" + n}, socket}, openssl_hasher()); };
        ml.host = sl.host;
        ml.program = [toy] { return std::make_unique<ToyProgram>(toy); };
        mls.insert(network.add(ml));
    }

    /// Runs until all SL and ML nodes have stopped.
    bool run(SwarmDuration limit = std::chrono::minutes(10)) {
        return network.run([this] { return network.all_stopped(sls) && network.all_stopped(mls); },
                           SwarmTime{limit});
    }
    int code(const std::string& node) const {
        const auto stop = network.stopped({node});
        return stop ? stop->exit_code : -1;
    }
    /// Everyone has ended well, with the same final digest, which is the ledger's.
    void expect_one_final_model() const {
        const auto committed = trace.named("round_committed");
        ASSERT_FALSE(committed.empty());
        ASSERT_EQ(field(committed.back(), "final"), "1");
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

    const Address sn_address{"10.0.0.100", 30304};
    SeatOptions seats;
    TraceRecorder trace;
    MemoryStore sn_store;
    MemoryNetwork network;
    std::set<NodeId> sls;
    std::set<NodeId> mls;
    std::uint64_t sessions = 0;
};

}  // namespace starling::test
