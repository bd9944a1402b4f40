// A node in a simulation: the state machine and the NodeRunner of the real programs, with SimGrid's
// time, network and work. What differs from a real node: signatures are replaced (memory_keys.hpp),
// and the store is in memory.
#include "sim/sim_node.hpp"

#include <utility>

#include "core/ml/ml_node.hpp"
#include "core/node/dial_watch.hpp"
#include "core/sl/sl_node.hpp"
#include "core/sn/sn_node.hpp"
#include "transport/memory/memory_keys.hpp"
#include "transport/ports.hpp"

namespace starling {
namespace {

Result<Bytes> no_archive(std::uint64_t index) {
    return Error{Errc::not_found,
                 "the simulation has not kept record " + std::to_string(index) + " of the ledger"};
}

}  // namespace

std::unique_ptr<Node> make_node(const SimNodePlan& plan, std::uint64_t start,
                                const MemoryStore* store, std::shared_ptr<SharedRounds> shared,
                                const Hasher& hasher) {
    if (plan.role == Role::apls) {
        AplsNodeOptions options = plan.settings->licences;
        options.recovered = store->log().records;
        return make_apls_node(std::move(options));
    }
    if (plan.role == Role::sn) {
        SnNodeOptions options;
        options.id = plan.id;
        options.api_address = plan.listens;
        options.log = store->start_log(hasher);
        options.signer = make_memory_signer(hasher, plan.id, start);
        options.verifier = make_memory_verifier(hasher);
        options.peer_address = plan.settings->peer_listens;
        options.sentinel = plan.settings->sentinel;
        options.election_timeout = plan.settings->election_timeout;
        options.number = server_number(hasher, plan.id, start);
        options.seed = options.number;
        if (!store->keeps_log) {  // then no SN will ask for an old record
            options.memory = {.archive = no_archive, .records_kept = 1024};
        }
        return watch_dials(
            make_licensed_node(make_sn_node(std::move(options), hasher), plan.settings->seat),
            {sentinel_target(plan.settings->sentinel),
             licence_target(plan.settings->seat.servers)});
    }
    if (plan.role == Role::sl) {
        SlNodeOptions options;
        options.id = plan.id;
        options.sn_addresses = plan.settings->sns;
        options.exchange_address = plan.listens;
        options.site = plan.settings->site;
        options.session = start;
        options.signer = make_memory_signer(hasher, plan.id, start);
        options.kept = store->models;
        options.shared = std::move(shared);
        return watch_dials(
            make_licensed_node(make_sl_node(std::move(options), hasher), plan.settings->seat),
            {sn_target(plan.settings->sns), licence_target(plan.settings->seat.servers)});
    }
    MlNodeOptions options;
    options.id = plan.id;
    options.sl_address = {plan.socket, 0};
    options.keeps_state = true;
    options.kept = store->kept_states();
    return make_ml_node(std::move(options), hasher);
}

SimPlace place_of(const SimNodePlan& plan) {
    SimPlace place{plan.id, plan.role, plan.host, {}};
    if (plan.role == Role::apls) {
        place.listen.push_back({plan.listens, apls_accepts()});
    } else if (plan.role == Role::sn) {
        place.listen.push_back({plan.listens, sn_api_accepts()});
        if (plan.settings->peer_listens != plan.listens) {
            place.listen.push_back({plan.settings->peer_listens, sn_p2p_accepts()});
        }
    } else if (plan.role == Role::sl) {
        place.listen.push_back({plan.listens, sl_exchange_accepts()});
        const Address socket{plan.socket, 0};
        place.listen.push_back({socket, sl_socket_accepts()});
    }
    return place;
}

SimNode::SimNode(const World& world, std::unique_ptr<Node> node)
    : world_(world),
      node_(std::move(node)),
      number_(static_cast<std::uint32_t>(world.started.size())) {
    world.started.push_back(this);
}

SimNode::~SimNode() { world_.started[number_] = nullptr; }

Result<std::unique_ptr<SimNode>> SimNode::make(const World& world, const SimNodePlan& plan,
                                               std::unique_ptr<Node> node, MemoryStore* store) {
    std::unique_ptr<SimNode> self(new SimNode(world, std::move(node)));
    const Result<Endpoint*> endpoint = world.network.attach(place_of(plan), *self);
    if (!endpoint) {
        return endpoint.error();
    }
    if (store != nullptr) {
        store->drop_draft();
    }
    self->worker_ = std::make_unique<SimWorker>(*self, world.machines.host(plan.host), store);
    self->runner_ = std::make_unique<NodeRunner>(
        *self->node_,
        NodeServices{**endpoint, store, *self->worker_, world.trace, world.group_commits});
    return self;
}

void SimNode::handle(Input&& input) {
    runner_->handle(std::move(input));
    finish_step();
}

void SimNode::finish_step() {
    if (runner_->stopped()) {
        if (!std::exchange(stop_reported_, true)) {
            world_.on_stop(node_->id(), *runner_->stopped());
        }
        return;
    }
    const std::optional<SwarmTime> due = runner_->deadline();
    if (!due || armed_ <= *due) {
        return;  // a timer that fires too early finds nothing to do, and is set again
    }
    armed_ = *due;
    world_.engine.at(
        *due, [this, started = &world_.started, number = number_, generation = ++generation_] {
            if ((*started)[number] != nullptr) {
                wake(generation);
            }
        });
}

void SimNode::wake(std::uint32_t generation) {
    if (generation == generation_) {
        armed_ = SwarmTime::max();
        runner_->wake();
        finish_step();
    }
}

}  // namespace starling
