// SLs and MLs with malicious peers.
#include <deque>

#include "core/base/invariant.hpp"
#include "core/ml/ml_node.hpp"
#include "core/sl/sl_node.hpp"
#include "tests/fuzz/drawer.hpp"
#include "tests/fuzz/targets.hpp"
#include "transport/node_runner.hpp"

namespace starling::fuzz {
namespace {

using test::NodeBench;

constexpr int steps_max = 150;
constexpr std::size_t effects_max = 20'000;

/// A bench that also executes the node's work, when told to.
class Worker {
public:
    Worker(std::unique_ptr<Node> node) : bench(std::move(node)) { take(); }

    void step(const Input& input) {
        if (!bench.stopped) {
            bench.step(input);
            STARLING_INVARIANT(bench.effects.size() < effects_max, "work for one frame is bounded");
            if (take()) {
                bench.step(Arrivals{arrivals});
                take();
            }
        }
    }
    void frame(const std::string& from, Message message, Blob body = {}) {
        step(FrameReceived{{from}, {std::move(message), std::move(body)}});
    }
    /// Lets time pass; timers due by then fire once.
    void pass(SwarmDuration time) {
        bench.now += time;
        const std::map<std::uint32_t, SwarmTime> timers = bench.timers;
        for (const auto& [timer, at] : timers) {
            if (at <= bench.now) {
                bench.timers.erase(timer);
                step(TimerDue{timer});
            }
        }
    }

    NodeBench bench;
    std::deque<StartWork> work;
    std::map<NodeId, std::uint64_t> arrivals;  ///< bytes of a body received so far, by sender

private:
    /// \return  whether the node wants progress reports
    bool take() {
        bool measure = false;
        for (const Effect& effect : bench.effects) {
            if (const auto* started = std::get_if<StartWork>(&effect)) {
                work.push_back(*started);
            }
            measure = measure || std::holds_alternative<MeasureArrivals>(effect);
        }
        return measure;
    }
};

/// An SL with an honest ML, two malicious SLs, and a partly honest SN: it sends views in order, but
/// with any content.
class SlRun {
public:
    explicit SlRun(Drawer& draw)
        : draw_(draw), sl_(make_sl_node(options(), openssl_hasher())), hostile_sn_(draw.coin()) {
        sl_.step(PeerUp{{"sn1"}, Role::sn, sn_addresses[0]});
        sl_.step(PeerUp{{"ml1"}, Role::ml, {}});
        sl_.step(PeerUp{{"sl2"}, Role::sl, {}});
        sl_.step(PeerUp{{"sl3"}, Role::sl, {}});
        if (!draw.one_in(10)) {
            answer();
            sl_.frame("ml1", OpenSession{"c", test::tiny_contract(2), test::tiny_layout,
                                         static_cast<EndMode>(draw.in_range(1, 3))});
            answer();
            sync();
            answer();
        }
    }

    void run() {
        for (int step = 0; step < steps_max && !draw_.done() && !sl_.bench.stopped; ++step) {
            one_step();
        }
    }

private:
    static inline const std::vector<Address> sn_addresses = {{"10.0.1.1", 1}, {"10.0.1.2", 1}};

    static SlNodeOptions options() {
        SlNodeOptions options;
        options.id = {"sl1"};
        options.sn_addresses = sn_addresses;
        options.exchange_address = {"10.0.0.1", 1};
        options.signer = make_memory_signer(openssl_hasher(), options.id, 1);
        return options;
    }
    void answer() { sl_.frame("sn1", CommandResult{++answered_, Errc::ok, "", 0}); }
    void sync() {
        sl_.frame("ml1", SyncBegin{synced_, {}});
        sl_.frame("ml1", MlSegment{synced_++, 0}, Blob(Bytes(layout_bytes())));
    }

    void one_step() {
        const std::string sl = draw_.coin() ? "sl2" : "sl3";
        switch (draw_.in_range(0, 18)) {
            case 0:
                sl_.pass(draw_.time_span());
                break;
            case 1:
                sl_.step(PeerLost{draw_.node(), "x"});
                break;
            case 2:
                sl_.step(PeerUp{{sl}, Role::sl, {}});
                break;
            case 3:
                sl_.step(PeerUp{{"sn1"}, Role::sn, sn_addresses[0]});
                break;
            case 4:
            case 5:
                do_work();
                break;
            case 6:
                answer();
                break;
            case 7:
                sync();
                break;
            case 8:
                sl_.step(ConnectFailed{draw_.address(), {draw_.code(), "x"}, draw_.coin()});
                break;
            case 9:
            case 10:
                sl_.frame("sn1", ViewUpdate{next_view(), {}, {}});
                break;
            case 15:
            case 16:
                answer_as_partner(sl);
                break;
            case 17:
                end_somehow();
                break;
            case 18:
                sl_.arrivals[{sl}] = draw_.number();
                break;
            case 11: {
                const SegmentData data{{"c", 0, round_, attempt_},
                                       draw_.segment_kind(),
                                       draw_.one_in(6) ? draw_.small_number() : 0};
                sl_.frame(sl, data, draw_.body_of(data));
                break;
            }
            case 12: {
                FetchSegments fetch{{"c", 0, round_, attempt_}, draw_.segment_kind(), {}};
                fetch.ranges = {{0, draw_.small_number()},
                                {draw_.small_number(), draw_.small_number()}};
                sl_.frame(sl, fetch);
                break;
            }
            default: {
                Message message = draw_.message(nullptr);
                Blob body = draw_.body_of(message);
                sl_.frame(hostile_sn_ && draw_.coin() ? "sn1" : sl, std::move(message),
                          std::move(body));
            }
        }
    }

    /// Sends what an honest member would: requested segments, or which ones it has.
    void answer_as_partner(const std::string& sl) {
        if (const auto* asked = sl_.bench.last<FetchSegments>({sl})) {
            const SegmentData data{asked->key, asked->kind, 0};
            sl_.frame(sl, data, draw_.coin() ? Blob(Bytes(layout_bytes())) : draw_.body_of(data));
        }
        if (const auto* asked = sl_.bench.last<FetchProbe>({sl})) {
            sl_.frame(sl, FetchProbeReply{asked->key, asked->serial, draw_.coin(),
                                          static_cast<std::uint32_t>(draw_.in_range(0, 1))});
        }
    }
    void end_somehow() {
        switch (draw_.in_range(0, 4)) {
            case 0:
                sl_.frame("ml1", CloseSession{draw_.code(), ""});
                break;
            case 1:
                sl_.step(StopRequested{"x", draw_.code()});
                break;
            case 2:
                sl_.step(PeerLost{{"ml1"}, ""});
                break;
            default:
                sl_.step(PeerUp{{"ml1"}, Role::ml, {}});
                sl_.frame("ml1", OpenSession{"c", test::tiny_contract(2), test::tiny_layout,
                                             EndMode::active});
        }
    }
    /// The digest of this SL's model, of a member that sends zeros, or of another model.
    Digest committed_digest() {
        const auto* beat = sl_.bench.last<Heartbeat>({"sn1"});
        if (draw_.coin() && beat != nullptr && beat->report) {
            return beat->report->digest;
        }
        return draw_.coin() ? openssl_hasher().digest(Bytes(layout_bytes())) : draw_.digest();
    }

    void do_work() {
        if (sl_.work.empty()) {
            return;
        }
        const int most = static_cast<int>(std::min<std::size_t>(sl_.work.size(), 8)) - 1;
        const auto at = sl_.work.begin() + draw_.in_range(0, most);
        const StartWork started = *at;
        sl_.work.erase(at);
        sl_.step(WorkDone{started.work, run_work(started.what, openssl_hasher())});
    }

    ContractView next_view() {
        ContractView view;
        view.name = "c";
        view.version = ++version_;
        attempt_ += draw_.coin() ? 1U : 0U;
        view.round = round_;
        view.attempt = attempt_;
        view.min_peers = 2;
        view.phase = draw_.one_in(5) ? ContractPhase::gathering : ContractPhase::exchanging;
        if (view.phase == ContractPhase::exchanging) {
            std::vector<RoundMember> members;
            for (const char* name : {"sl1", "sl2", "sl3"}) {
                if (name == std::string("sl1") || draw_.coin()) {
                    members.push_back(
                        {.id = {name},
                         .address = {"10.0.0.2", 1},
                         .weight = static_cast<std::uint32_t>(draw_.in_range(1, 100))});
                }
            }
            view.frozen = std::move(members);
        }
        if (draw_.one_in(4)) {
            Commit commit;
            commit.round = round_;
            commit.attempt = attempt_;
            commit.digest = committed_digest();
            commit.members = view.frozen;
            commit.final = draw_.one_in(6);
            view.last_commit = commit;
            view.frozen.clear();
            view.phase = ContractPhase::gathering;
            view.round = ++round_;
            view.attempt = attempt_ = 0;
        }
        return view;
    }

    Drawer& draw_;
    Worker sl_;
    bool hostile_sn_;
    std::uint64_t answered_ = 0;
    std::uint64_t synced_ = 0;
    std::uint64_t version_ = 1;
    Round round_ = 0;
    Attempt attempt_ = 0;
};

/// An ML with an honest program and a malicious SL.
class MlRun {
public:
    explicit MlRun(Drawer& draw) : draw_(draw), ml_(make_ml_node(options(draw), openssl_hasher())) {
        ml_.step(PeerUp{{"sl1"}, Role::sl, {}});
    }

    void run() {
        for (int step = 0; step < steps_max && !draw_.done() && !ml_.bench.stopped; ++step) {
            const int what = draw_.in_range(0, 9);
            if (what < 4) {
                work_once();
            } else if (what == 4) {
                ml_.frame("sl1", SyncDone{static_cast<std::uint64_t>(draw_.in_range(0, 2)),
                                          0,
                                          1,
                                          {},
                                          draw_.one_in(4),
                                          draw_.coin()});
            } else if (what == 5 && draw_.coin()) {
                ml_.frame("sl1", SyncCommitted{static_cast<std::uint64_t>(draw_.in_range(0, 2))});
            } else if (what < 7) {
                ml_.frame("sl1", MlSegment{static_cast<std::uint64_t>(draw_.in_range(0, 2)), 0},
                          Blob(Bytes(layout_bytes())));
            } else {
                Message message = draw_.message(nullptr);
                Blob body = draw_.body_of(message);
                ml_.frame("sl1", std::move(message), std::move(body));
            }
        }
    }

private:
    static MlNodeOptions options(Drawer& draw) {
        MlNodeOptions options;
        options.id = {"ml1"};
        options.sl_address = {"/s", 0};
        options.keeps_state = draw.coin();
        return options;
    }

    void work_once() {
        if (ml_.work.empty()) {
            return;
        }
        const StartWork started = ml_.work.front();
        ml_.work.pop_front();
        if (const auto* train = std::get_if<TrainWork>(&started.what)) {
            ml_.step(WorkDone{started.work, program(train->reply)});
        } else if (std::holds_alternative<HashWork>(started.what)) {
            ml_.step(WorkDone{started.work, run_work(started.what, openssl_hasher())});
        } else {
            ml_.step(WorkDone{started.work, KeptReply{draw_.one_in(10) ? Errc::io : Errc::ok, ""}});
        }
    }

    /// The program's next request after `reply`, which must match its previous request.
    TrainRequest program(const TrainReply& reply) {
        if (std::holds_alternative<FailedReply>(reply)) {
            return ExitRequest{Errc::program, "x"};
        }
        STARLING_INVARIANT(wish_ == reply.index(), "a program gets what it asked for");
        if (std::holds_alternative<BeginReply>(reply)) {
            wish_ = 1;
            OpenRequest open;
            open.contract = "c";
            open.config = test::tiny_contract(1);
            open.layout =
                std::make_shared<const ParamLayout>(*ParamLayout::parse(test::tiny_layout));
            return open;
        }
        wish_ = 2;
        SyncRequest sync;
        sync.params = cut(Blob(Bytes(layout_bytes())));
        if (draw_.coin()) {
            sync.snapshot = ProgramSnapshot{{}, Blob(Bytes(2))};
        }
        return sync;
    }

    Drawer& draw_;
    Worker ml_;
    std::size_t wish_ = 0;  ///< index of the TrainReply that answers the current request
};

}  // namespace

void sl(ByteView input) {
    Drawer draw(input);
    SlRun(draw).run();
}

void ml(ByteView input) {
    Drawer draw(input);
    MlRun(draw).run();
}

}  // namespace starling::fuzz
