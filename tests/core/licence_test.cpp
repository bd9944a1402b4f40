// Seats of the licence server: the licence file, the seat book, and whole swarms that need seats.
#include "core/licence/licence.hpp"

#include "core/json/json.hpp"
#include "core/licence/apls_node.hpp"
#include "core/tool/tool_node.hpp"
#include "tests/support/all_of_type.hpp"
#include "tests/support/memory_swarm.hpp"
#include "transport/crypto/ed25519.hpp"

namespace starling::test {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

Licence some_licence(std::uint32_t sns = 1, std::uint32_t sls = 2) {
    Licence licence;
    licence.licensee = "Example";
    licence.seats = {{Role::sn, sns}, {Role::sl, sls}};
    licence.valid_from = *parse_date("2026-11-01");
    licence.valid_until = *parse_date("2026-12-01");
    return licence;
}

class LicenceFile : public testing::Test {
protected:
    Result<Licence> read(const std::string& file) const { return read_licence(file, *issuer); }
    std::string signed_text(const std::string& text) const {
        return signed_licence(text, *sign(keys.private_pem, std::as_bytes(std::span(text))));
    }

    SigningKeys keys = *make_signing_keys();
    std::unique_ptr<SignatureVerifier> issuer = *make_verifier(keys.public_pem);
};

TEST_F(LicenceFile, DecodesToWhatWasSigned) {
    Licence licence = some_licence(5, 16);
    licence.server = "apls1";
    const auto read_back = read(signed_text(licence_text(licence)));
    ASSERT_TRUE(read_back) << read_back.error().message;
    EXPECT_EQ(licence_text(*read_back), licence_text(licence));
    EXPECT_EQ(read_back->seats_for(Role::sl), 16U);
    EXPECT_EQ(read_back->seats_for(Role::ml), 0U);
    EXPECT_EQ(read_back->valid_until, licence.valid_until);
}

TEST_F(LicenceFile, AnyChangedByteIsDetected) {
    const std::string file = signed_text(licence_text(some_licence()));
    for (std::size_t i = 0; i < file.size(); ++i) {
        std::string changed = file;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        EXPECT_FALSE(read(changed)) << "byte " << i;
    }
    for (std::size_t length = 0; length < file.size(); ++length) {
        EXPECT_FALSE(read(file.substr(0, length))) << "cut at " << length;
    }
}

TEST_F(LicenceFile, AFileOfAnotherIssuerIsRefused) {
    const std::string text = licence_text(some_licence());
    const SigningKeys forger = *make_signing_keys();
    const auto forged =
        read(signed_licence(text, *sign(forger.private_pem, std::as_bytes(std::span(text)))));
    ASSERT_FALSE(forged);
    EXPECT_EQ(forged.error().code, Errc::refused);
    EXPECT_NE(forged.error().message.find("--licence-key"), std::string::npos);
}

TEST_F(LicenceFile, ASignedTextThatIsNoLicenceIsRefusedWithTheReason) {
    const std::string good = licence_text(some_licence());
    const std::pair<std::string, std::string> cases[] = {
        {"something else\n", "first line"},
        {good + "gpu: 3\n", "it knows no 'gpu'"},
        {good + "sl: 3\n", "duplicated"},
        {good + "tool: -1\n", "not a number of seats"},
        {good + "server: a b\n", "server"},
        {"starling licence 1\nlicensee: x\nfrom: 2026-11-01\n", "'until' is missing"},
        {"starling licence 1\nlicensee: x\nfrom: 2026-11-31\nuntil: 2026-12-01\n", "not a date"},
        {"starling licence 1\nlicensee: x\nfrom: 2026-11-02\nuntil: 2026-11-01\n", "ends before"},
        {"starling licence 1\nlicensee\n", "not 'key: value'"},
    };
    for (const auto& [text, part] : cases) {
        const auto outcome = read(signed_text(text));
        ASSERT_FALSE(outcome) << text;
        EXPECT_EQ(outcome.error().code, Errc::malformed) << text;
        EXPECT_NE(outcome.error().message.find(part), std::string::npos) << outcome.error().message;
    }
}

TEST(Date, ConvertsBothWays) {
    EXPECT_EQ(*parse_date("1970-01-02"), 86400);
    EXPECT_EQ(date_text(*parse_date("2028-02-29") + 86399), "2028-02-29");
    for (const char* wrong : {"2027-02-29", "26-1-1", "2026-13-01", "2026-11-1x", ""}) {
        EXPECT_FALSE(parse_date(wrong)) << wrong;
    }
}

// ---- One node and its licence server

/// Stops when asked to, and does nothing else.
class IdleNode final : public Node {
public:
    const NodeId& id() const override { return id_; }
    Role role() const override { return Role::sl; }
    void step(SwarmTime /*now*/, const Input& input, std::vector<Effect>& effects) override {
        if (const auto* stop = std::get_if<StopRequested>(&input)) {
            effects.push_back(Stop{exit_code_of(stop->code), stop->reason});
        }
    }

private:
    NodeId id_{"sl1"};
};

class SeatReplies : public testing::Test {
protected:
    void start() {
        node = make_licensed_node(std::make_unique<IdleNode>(),
                                  SeatOptions{{{"10.0.0.200", 5814}}, seconds(20), hours(1)});
        step(Started{});
        step(PeerUp{server, Role::apls, {"10.0.0.200", 5814}, 0, {}});
    }
    void step(const Input& input) { node->step(now, input, effects); }
    void reply(std::int64_t lease_ns) {
        step(FrameReceived{server, {SeatReply{Errc::ok, "", lease_ns}, {}}});
    }
    template <class T>
    std::vector<T> all() const {
        return all_of_type<T>(effects);
    }

    const NodeId server{"apls1"};
    SwarmTime now{hours(480'000)};
    std::unique_ptr<Node> node;
    std::vector<Effect> effects;
};

TEST_F(SeatReplies, ALeaseThatOverflowsTheClockIsRefused) {
    for (const std::int64_t lease :
         {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1}, std::int64_t{999'999'999},
          SwarmDuration{hours(25)}.count(), std::numeric_limits<std::int64_t>::max(),
          std::numeric_limits<std::int64_t>::min()}) {
        effects.clear();
        start();
        reply(lease);
        const auto stops = all<Stop>();
        ASSERT_EQ(stops.size(), 1U) << lease;
        EXPECT_EQ(stops[0].exit_code, exit_code::refused);
        EXPECT_NE(stops[0].reason.find("licence server 'apls1' grants a seat for " +
                                       std::to_string(lease) + " ns"),
                  std::string::npos)
            << stops[0].reason;
    }
}

TEST_F(SeatReplies, ATooShortLeaseAtARenewalIsRefused) {
    start();
    reply(SwarmDuration{seconds(30)}.count());
    effects.clear();
    now += seconds(10);
    reply(1);
    // It keeps its last lease (grace) and retries later, not at once.
    EXPECT_TRUE(all<Stop>().empty());
    const auto timers = all<SetTimer>();
    ASSERT_FALSE(timers.empty());
    for (const SetTimer& timer : timers) {
        EXPECT_GE(timer.at - now, seconds(1));
    }
}

// ---- Whole swarms

class Seats : public testing::Test {
protected:
    static constexpr const char* primary = "10.0.0.200";
    static constexpr const char* secondary = "10.0.0.201";

    void make_swarm(SwarmDuration grace = hours(1)) {
        SeatOptions seats{{{primary, 5814}, {secondary, 5814}}, seconds(20), grace};
        swarm = std::make_unique<MemorySwarm>(1, seats);
    }
    void add_server(const std::string& name, const std::string& host, Licence licence,
                    MemoryStore& store, const std::string& today = "2026-11-10") {
        MemoryNodeSpec spec;
        spec.make = [=, &store] {
            AplsNodeOptions options;
            options.id = {name};
            options.address = {host, 5814};
            options.licence = licence;
            options.unix_ns_at_zero = *parse_date(today) * 1'000'000'000;
            options.admins = {{"swci1"}};
            options.recovered = store.log().records;
            return make_apls_node(options);
        };
        spec.host = "host-" + name;
        spec.listen = {{host, 5814}};
        spec.accepts = {Role::sn, Role::sl, Role::tool};
        spec.store = &store;
        swarm->network.add(spec);
    }
    /// The licence server's reply to a tool of this name.
    std::string ask(const std::string& tool, const Message& request) {
        answer.clear();
        question = request;
        const NodeId node{tool};
        if (tools.insert(node).second) {
            MemoryNodeSpec spec;
            spec.make = [this, node] {
                ToolNodeOptions options;
                options.id = node;
                options.servers = {{primary, 5814}};
                options.server_role = Role::apls;
                options.request = question;
                options.on_reply = [this](const StatusReply&, std::string_view json) {
                    answer = json;
                };
                return make_tool_node(options);
            };
            spec.host = "desk-" + tool;
            swarm->network.add(spec);
        } else {
            swarm->network.restart(node);
        }
        EXPECT_TRUE(run_until([&] { return swarm->network.all_stopped({node}); }, seconds(30)));
        return answer.empty() ? swarm->network.stopped(node)->reason : answer;
    }
    bool run_until(const std::function<bool()>& done, SwarmDuration limit) {
        return swarm->network.run(done, swarm->network.now() + limit);
    }
    std::function<bool()> happened(const std::string& event, const std::string& node = "") {
        const std::size_t before = swarm->trace.named(event, node).size();
        return
            [this, event, node, before] { return swarm->trace.named(event, node).size() > before; };
    }

    MemoryStore book;
    MemoryStore second_book;
    std::unique_ptr<MemorySwarm> swarm;
    std::set<NodeId> tools;
    Message question;
    std::string answer;
};

TEST_F(Seats, AreTakenAtTheStartAndReturnedAtTheEnd) {
    make_swarm();
    add_server("apls1", primary, some_licence(), book);
    swarm->add_pair(1, {});
    swarm->add_pair(2, {});
    ASSERT_TRUE(swarm->run());
    swarm->expect_one_final_model();
    EXPECT_EQ(swarm->trace.named("seat_taken").size(), 3U);
    EXPECT_TRUE(run_until(  // the SN still runs
        [&] { return swarm->trace.named("seat_released", "apls1").size() == 2; }, seconds(1)));
    // No SL sends anything to the SN before it has its seat.
    const auto held = swarm->trace.named("seat_held", "sl1");
    ASSERT_EQ(held.size(), 1U);
    for (const auto& line : swarm->trace.named("node_registered")) {
        EXPECT_TRUE(field(line, "node") != "sl1" || line.time >= held.front().time);
    }
}

TEST_F(Seats, ANodeWithoutASeatEndsWithAClearMessage) {
    make_swarm();
    add_server("apls1", primary, some_licence(1, 2), book);
    for (int i = 1; i <= 3; ++i) {
        swarm->add_pair(i, {});
    }
    // Two of three get a seat; they train, the third ends.
    ASSERT_TRUE(swarm->run());
    const auto refused = swarm->trace.named("seat_refused");
    ASSERT_FALSE(refused.empty());
    const std::string loser = field(refused.front(), "node");
    EXPECT_EQ(swarm->code(loser), exit_code::refused);
    EXPECT_TRUE(swarm->trace.logged("no seat is left for role sl: 2 of 2 are taken by", loser));
    int well = 0;
    for (const NodeId& sl : swarm->sls) {
        well += swarm->code(sl.name) == 0 ? 1 : 0;
    }
    EXPECT_EQ(well, 2);
}

TEST_F(Seats, OfAKilledNodeAreFreedAfterTheLease) {
    make_swarm();
    add_server("apls1", primary, some_licence(1, 1), book);
    swarm->add_pair(1, {});
    ASSERT_TRUE(run_until(happened("seat_taken", "apls1"), seconds(10)));
    ASSERT_TRUE(
        run_until([&] { return swarm->trace.logged("Seat for 'sl1'", "apls1"); }, seconds(10)));
    swarm->network.crash({"sl1"});
    const SwarmTime killed = swarm->network.now();
    ASSERT_TRUE(run_until(happened("seat_lapsed"), seconds(60)));
    EXPECT_EQ(field(swarm->trace.named("seat_lapsed").front(), "node"), "sl1");
    EXPECT_LE(swarm->network.now() - killed, seconds(30));
    EXPECT_GE(swarm->network.now() - killed, seconds(19));  // renewed after each third of the lease
    swarm->add_pair(2, {});
    ASSERT_TRUE(
        run_until([&] { return swarm->trace.logged("Seat for 'sl2'", "apls1"); }, seconds(10)));
}

TEST_F(Seats, TrainingCompletesWhenTheServerIsKilledMidway) {
    make_swarm();
    add_server("apls1", primary, some_licence(), book);
    swarm->add_pair(1, {.syncs = 40, .batch_time = seconds(1)});
    swarm->add_pair(2, {.syncs = 40, .batch_time = seconds(1)});
    ASSERT_TRUE(run_until(happened("round_committed"), seconds(60)));
    swarm->network.crash({"apls1"});
    ASSERT_TRUE(swarm->run(hours(1)));
    swarm->expect_one_final_model();
    for (const char* node : {"sn1", "sl1", "sl2"}) {
        EXPECT_TRUE(swarm->trace.logged("continues without it for 3600 s (grace period)", node))
            << node;
    }
}

TEST_F(Seats, TheEndOfTheGracePeriodStopsANodeCleanly) {
    make_swarm(seconds(90));
    add_server("apls1", primary, some_licence(), book);
    swarm->add_pair(1, {.syncs = 1000, .batch_time = seconds(1)});
    swarm->add_pair(2, {.syncs = 1000, .batch_time = seconds(1)});
    ASSERT_TRUE(run_until(happened("round_committed"), seconds(60)));
    swarm->network.crash({"apls1"});
    const SwarmTime killed = swarm->network.now();
    ASSERT_TRUE(run_until([&] { return swarm->code("sl1") >= 0; }, seconds(300)));
    EXPECT_EQ(swarm->code("sl1"), exit_code::peer_lost);
    EXPECT_LE(swarm->network.now() - killed, seconds(95));  // it leaves its contract first
    EXPECT_GE(swarm->network.now() - killed, seconds(79));
}

TEST_F(Seats, ARestartedServerStillKnowsItsSeats) {
    make_swarm();
    add_server("apls1", primary, some_licence(1, 2), book);
    swarm->add_pair(1, {.syncs = 40, .batch_time = seconds(1)});
    swarm->add_pair(2, {.syncs = 40, .batch_time = seconds(1)});
    ASSERT_TRUE(run_until(happened("round_committed"), seconds(60)));
    swarm->network.crash({"apls1"});
    ASSERT_TRUE(run_until(happened("licence_grace", "sl2"), seconds(60)));
    swarm->network.restart({"apls1"});
    swarm->add_pair(3, {});
    ASSERT_TRUE(run_until([&] { return swarm->code("sl3") >= 0; }, seconds(60)));
    EXPECT_EQ(swarm->code("sl3"), exit_code::refused);  // both seats are still taken
    ASSERT_TRUE(swarm->run(hours(1)));
    EXPECT_TRUE(swarm->trace.logged("is reachable again; the seat is renewed", "sl1"));
    EXPECT_EQ(swarm->code("sl1"), 0);
    EXPECT_EQ(swarm->code("sl2"), 0);
}

TEST_F(Seats, TheSecondaryServerIsAskedWhenThePrimaryIsUnreachable) {
    make_swarm();
    add_server("apls2", secondary, some_licence(), second_book);
    swarm->add_pair(1, {});
    swarm->add_pair(2, {});
    ASSERT_TRUE(swarm->run());
    swarm->expect_one_final_model();
    EXPECT_EQ(swarm->trace.named("seat_taken", "apls2").size(), 3U);
}

TEST_F(Seats, TheSecondaryServerIsAskedWhenThePrimaryHasNoFreeSeat) {
    make_swarm();
    add_server("apls1", primary, some_licence(1, 1), book);
    add_server("apls2", secondary, some_licence(0, 1), second_book);
    swarm->add_pair(1, {});
    swarm->add_pair(2, {});
    ASSERT_TRUE(swarm->run());
    swarm->expect_one_final_model();
    EXPECT_EQ(swarm->trace.named("seat_taken", "apls2").size(), 1U);
}

TEST_F(Seats, WithoutAnyServerTheStartFailsInTime) {
    make_swarm();
    swarm->add_pair(1, {});
    ASSERT_TRUE(run_until([&] { return swarm->code("sl1") >= 0; }, seconds(60)));
    EXPECT_EQ(swarm->code("sl1"), exit_code::peer_lost);
    EXPECT_LE(swarm->network.now(), SwarmTime{seconds(21)});
    EXPECT_TRUE(swarm->trace.logged("no licence server can be reached within 20 s", "sl1"));
}

TEST_F(Seats, WithAnExpiredLicenceNoNodeStarts) {
    make_swarm();
    add_server("apls1", primary, some_licence(), book, "2026-12-01");
    swarm->add_pair(1, {});
    ASSERT_TRUE(run_until([&] { return swarm->code("sl1") >= 0; }, seconds(60)));
    EXPECT_EQ(swarm->code("sl1"), exit_code::refused);
    EXPECT_TRUE(swarm->trace.logged("the licence expired at the end of 2026-11-30", "sl1"));
    EXPECT_TRUE(swarm->trace.logged("no seats are granted", "apls1"));
}

TEST_F(Seats, ALicenceThatExpiresDuringTrainingLetsItComplete) {
    make_swarm();
    Licence licence = some_licence();
    licence.valid_until = *parse_date("2026-11-10") + 200;
    add_server("apls1", primary, licence, book);
    swarm->add_pair(1, {.syncs = 40, .batch_time = seconds(1)});
    swarm->add_pair(2, {.syncs = 40, .batch_time = seconds(1)});
    ASSERT_TRUE(swarm->run(hours(1)));
    swarm->expect_one_final_model();
    EXPECT_TRUE(swarm->trace.logged("the licence expired", "sl1"));
}

TEST_F(Seats, OnlyTheirAdministratorListsRevokesAndAllowsThem) {
    make_swarm();
    add_server("apls1", primary, some_licence(), book);
    swarm->add_pair(1, {.syncs = 1000, .batch_time = seconds(1)});
    swarm->add_pair(2, {.syncs = 1000, .batch_time = seconds(1)});
    ASSERT_TRUE(run_until(happened("round_committed"), seconds(60)));

    const auto list = parse_json(ask("swci9", StatusQuery{1, "seats", "", false}));
    ASSERT_TRUE(list);
    EXPECT_EQ(list->find("holders")->items.size(), 3U);
    EXPECT_EQ(list->find("seats")->items[1].value.find("taken")->text, "2");

    EXPECT_NE(ask("swci9", SeatRule{2, {"sl2"}, false}).find("may not change"), std::string::npos);
    EXPECT_EQ(swarm->code("sl2"), -1);

    const auto after = parse_json(ask("swci1", SeatRule{3, {"sl2"}, false}));
    ASSERT_TRUE(after);
    EXPECT_EQ(after->find("revoked")->items[0].value.text, "sl2");
    ASSERT_TRUE(run_until([&] { return swarm->code("sl2") >= 0; }, seconds(10)));
    EXPECT_EQ(swarm->code("sl2"), exit_code::refused);
    EXPECT_TRUE(swarm->trace.logged("the licence server revokes the seat", "sl2"));

    // The node stays barred, also after a restart of the server, until it is allowed again.
    swarm->network.crash({"apls1"});
    swarm->network.restart({"apls1"});
    EXPECT_NE(ask("swci1", StatusQuery{4, "seats", "", false}).find(R"("revoked":["sl2"])"),
              std::string::npos);
    EXPECT_NE(ask("swci1", SeatRule{5, {"sl2"}, true}).find(R"("revoked":[])"), std::string::npos);
}

}  // namespace
}  // namespace starling::test
