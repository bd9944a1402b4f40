// How the nodes of a deployment are started, and the program of each ML node.
#include <algorithm>
#include <utility>

#include "sim/program_files.hpp"
#include "sim/simulation_impl.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling {

namespace {

/// Observes replies to a program.
class WatchedProgram final : public SimProgram {
public:
    WatchedProgram(std::unique_ptr<SimProgram> program,
                   std::function<void(const SyncedReply&)> synced)
        : program_(std::move(program)), synced_(std::move(synced)) {}

    void resume(TrainReply reply) override {
        if (const auto* synced = std::get_if<SyncedReply>(&reply)) {
            synced_(*synced);
        }
        program_->resume(std::move(reply));
    }

private:
    std::unique_ptr<SimProgram> program_;
    std::function<void(const SyncedReply&)> synced_;
};

}  // namespace

void Simulation::Impl::start_actor(const SimActor& actor) {
    Result<std::vector<SimNodePlan>> plans = plan_nodes(engine, actor);
    if (!plans) {
        throw UsageError(plans.error().message);
    }
    for (SimNodePlan& plan : *plans) {
        start_node(std::move(plan));
    }
}

void Simulation::Impl::start_node(SimNodePlan plan) {
    if (by_name.find(plan.id) != nullptr) {
        throw UsageError("two nodes have the name " + plan.id.name +
                         ": give each a different --name (or --ml-name)");
    }
    auto member = std::make_unique<Deployed>();
    member->store = std::make_unique<MemoryStore>();
    // Nobody will read the log of an SN that is never started again.
    member->store->keeps_log =
        !options.large || !options.faults.empty() || engine.host_restarts(plan.host);
    member->store->duration = effects.write_duration(plan.host);
    if (plan.has_certificate_flags && !std::exchange(certificates_noted, true)) {
        note(plan.id, TraceEvent("certificates_not_read")
                          .log(Level::debug, "sim",
                               "a simulation reads no certificates and no keys: identities "
                               "are as deployed"));
    }
    if (plan.role == Role::apls) {
        SimNodeSettings settings = *plan.settings;
        settings.licences.unix_ns_at_zero =
            options.date.value_or(settings.licences.licence.valid_from) * 1'000'000'000 -
            to_ns(engine.now());
        plan.settings = std::make_shared<const SimNodeSettings>(std::move(settings));
    }
    links.placed(engine.now(), plan.id, engine.host_name(plan.host));
    member->plan = std::move(plan);
    by_name.insert(member.get());
    members.push_back(std::move(member));
    start(*members.back());
}

void Simulation::Impl::start(Deployed& member) {
    if (!engine.host_on(member.plan.host)) {
        member.outcome.killed = true;
        return;
    }
    if (++member.starts > 1) {
        ++member.outcome.restarts;
        outcome.faults.node_restarted();
    }
    if (std::exchange(member.results_seen, running.results) != running.results) {
        member.starts_without_round = 0;
    }
    if (++member.starts_without_round > options.restarts_limit) {
        outcome.restarting = member.plan.id;
        end_early(SimOutcome::End::no_round, engine.now());
        return;
    }
    member.outcome.killed = false;
    member.outcome.exit_code.reset();
    auto node = SimNode::make(
        world, member.plan,
        make_node(member.plan, member.starts, member.store.get(), shared_rounds, openssl_hasher()),
        member.store.get());
    if (!node) {
        throw UsageError(node.error().message);
    }
    member.node = std::move(*node);
    ++(is_daemon(member.plan.role) ? running.daemons : running.others);
    if (member.plan.role == Role::ml) {
        member.node->worker().set_program(std::make_unique<WatchedProgram>(
            make_program(member), [this, &member](const SyncedReply& reply) {
                outcome.rounds.record_result(member.plan.id, reply.round, reply.digest,
                                             engine.now());
                engine.meter().rounds = outcome.rounds.rounds().size();
                watch.reset(engine.now(), bytes_moved());
                ++running.results;
            }));
    }
    member.node->handle(Started{});
}

std::unique_ptr<SimProgram> Simulation::Impl::make_program(Deployed& member) {
    const SimNodePlan& plan = member.plan;
    SimWorker& worker = member.node->worker();
    // With a third capture the function would take memory of its own.
    const OnTrainRequest on_request = [this, &worker](TrainRequest request) {
        if (const auto* sync = std::get_if<SyncRequest>(&request)) {
            models.bytes = std::max(models.bytes, size_bytes(sync->params));
            watch.reset(engine.now(), bytes_moved());
            outcome.rounds.record_check_in(worker.node_id(), engine.now());
        }
        worker.request_made(std::move(request));
    };
    if (!options.train && !programs) {
        return make_modelled_program(machines.host(plan.host), training_model(plan), on_request);
    }
    return make_real_program(
        machines.host(plan.host), plan.id,
        options.train ? run_in_thread(options.train, thread_options(plan)) : run_as_process(member),
        options.calibration, on_request,
        [this, id = plan.id](const TraceEvent& event) { note(id, event); });
}

std::shared_ptr<const TrainingModel> Simulation::Impl::training_model(const SimNodePlan& plan) {
    std::shared_ptr<const TrainingModel>& known = models.modelled[plan.settings];
    if (!known) {
        Result<TrainingModel> model =
            read_training_model(plan.settings->properties, plan.settings->program.environment);
        if (!model) {
            throw UsageError(plan.id.name + ": " + model.error().message);
        }
        if (const std::string& workload = model->batch_time.workload; !workload.empty()) {
            Result<WorkloadCost> cost = options.calibration.workload(workload);
            if (!cost) {
                throw UsageError(plan.id.name +
                                 ": property model.workload: " + cost.error().message);
            }
            model->batch_time.cost = std::move(*cost);
        }
        model->copies = {.save = options.calibration.save_bytes_per_second,
                         .load = options.calibration.load_bytes_per_second};
        model->layout = layout_of(*model);
        known = std::make_shared<const TrainingModel>(std::move(*model));
    }
    return known;
}

ProgramOptions Simulation::Impl::thread_options(const SimNodePlan& plan) const {
    ProgramOptions program;
    program.name = plan.id;
    program.arguments = plan.settings->program.arguments;
    program.environment = plan.settings->program.environment;
    program.working_directory = host_directory(options.workspace, engine.host_name(plan.host)) /
                                plan.settings->program.working_directory;
    std::error_code failed;
    std::filesystem::create_directories(program.working_directory, failed);
    if (failed) {
        throw UsageError("--workspace: can't create the directory " +
                         program.working_directory.string() + ": " + failed.message());
    }
    return program;
}

std::unique_ptr<RunningProgram> Simulation::Impl::run_as_process(const Deployed& member) {
    Result<ProgramStart> start =
        prepare_program(member.plan, engine.host_name(member.plan.host), options.workspace,
                        process_environment(), member.starts > 1);
    if (!start) {
        throw UsageError(start.error().message);
    }
    return programs->add(std::move(*start));
}

}  // namespace starling
