// Which node may use which name: a name belongs to the CA that it was first seen with, in the
// ledger, at SNs and at licence servers.
#include "core/ledger/roll.hpp"

#include "core/ledger/audit.hpp"
#include "core/licence/apls_node.hpp"
#include "core/tool/tool_node.hpp"
#include "tests/support/memory_swarm.hpp"
#include "tests/support/node_bench.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

CaFingerprint ca(int number) {
    CaFingerprint fingerprint;
    fingerprint.bytes.fill(static_cast<std::byte>(number));
    return fingerprint;
}

bool names_both(const std::string& text, const CaFingerprint& a, const CaFingerprint& b) {
    return text.find(to_string(a)) != std::string::npos &&
           text.find(to_string(b)) != std::string::npos;
}

/// A ledger to which signed commands are applied.
struct Book {
    Answer submit(const std::string& node, Command command) {
        const bool sn = node.starts_with("sn");
        const Entry entry{0, {node}, sn ? 0U : 1U, sn ? 0U : ++sequences[node], std::move(command),
                          {}};
        refused = ledger.refusal_of(entry);
        return ledger.apply(entry, ++index).answer;
    }
    Answer register_node(const std::string& node, const CaFingerprint& of) {
        const Role role = node.starts_with("sn")   ? Role::sn
                          : node.starts_with("sl") ? Role::sl
                                                   : Role::tool;
        return submit(node, RegisterNode{role, {"10.0.0.1", 1}, {{}, of, {}, {}, {}}});
    }
    Answer change(const std::string& tool, ChangeRoll::Kind kind, const std::string& node,
                  std::optional<CaFingerprint> of = std::nullopt) {
        return submit(tool, ChangeRoll{kind, {node}, of});
    }

    Ledger ledger;
    std::uint64_t index = 0;
    std::map<std::string, std::uint64_t> sequences;
    std::optional<Answer> refused;  ///< the refusal that a leader would give before logging it
};

/// sn1 of CA 1 has created the ledger, and names swci1 as its administrator.
Book with_admin(Admission admission = Admission::first_contact) {
    Book book;
    EXPECT_EQ(book.register_node("sn1", ca(1)).code, Errc::ok);
    SwarmRules rules;
    rules.admission = admission;
    rules.admins = {{{"swci1"}, ca(1)}};
    EXPECT_EQ(book.submit("sn1", rules).code, Errc::ok);
    EXPECT_EQ(book.register_node("swci1", ca(1)).code, Errc::ok);
    return book;
}

TEST(Roll, ANameBelongsToTheCaThatItWasFirstSeenWith) {
    Book book;
    EXPECT_EQ(book.register_node("sl1", ca(1)).code, Errc::ok);
    const Answer forged = book.register_node("sl1", ca(2));
    EXPECT_EQ(forged.code, Errc::refused);
    EXPECT_TRUE(names_both(forged.reason, ca(1), ca(2))) << forged.reason;
    ASSERT_TRUE(book.refused) << "no leading SN would log it";
    EXPECT_EQ(book.ledger.nodes().at({"sl1"}).credentials.ca, ca(1));
    EXPECT_EQ(book.register_node("sl1", ca(1)).code, Errc::ok) << "new keys under the same CA";
    EXPECT_EQ(book.register_node("sl2", ca(2)).code, Errc::ok);
}

TEST(Roll, OnlyAnAdministratorMovesANameToAnotherCa) {
    Book book = with_admin();
    book.register_node("sl1", ca(1));
    book.register_node("swci2", ca(2));
    for (const char* other : {"swci2", "sl1"}) {
        EXPECT_EQ(book.change(other, ChangeRoll::Kind::admit, "sl1", ca(2)).code, Errc::refused);
        EXPECT_TRUE(book.refused);
    }
    EXPECT_EQ(book.register_node("swci1", ca(2)).code, Errc::refused) << "same name, forged";
    EXPECT_EQ(book.register_node("sl1", ca(2)).code, Errc::refused);
    EXPECT_EQ(book.change("swci1", ChangeRoll::Kind::admit, "sl1", ca(2)).code, Errc::ok);
    EXPECT_EQ(book.register_node("sl1", ca(2)).code, Errc::ok);
    EXPECT_EQ(book.register_node("sl1", ca(1)).code, Errc::refused);
    EXPECT_EQ(book.ledger.roll().entries().at({"sl1"}).by, "swci1");
}

TEST(Roll, OnlyTheSnThatCreatedTheLedgerSetsItsRules) {
    Book book = with_admin();
    book.register_node("sn2", ca(1));
    SwarmRules own;
    own.admins = {{{"swci2"}, ca(2)}};
    EXPECT_EQ(book.submit("sn2", own).code, Errc::refused);
    EXPECT_TRUE(book.refused);
    EXPECT_EQ(book.ledger.roll().right_of({"swci2"}, ca(2)), ToolRight::read);
    EXPECT_EQ(book.ledger.roll().right_of({"swci1"}, ca(1)), ToolRight::administer);
    EXPECT_EQ(book.ledger.roll().right_of({"swci1"}, ca(2)), ToolRight::read);
}

TEST(Roll, AnSnOfAnotherCaHasNoVoteUntilAnAdministratorAdmitsIt) {
    Book book = with_admin();
    book.register_node("sn2", ca(1));
    book.register_node("sn9", ca(2));
    EXPECT_TRUE(book.ledger.roll().may_vote({"sn2"}));
    EXPECT_FALSE(book.ledger.roll().may_vote({"sn9"}));
    EXPECT_FALSE(book.ledger.roll().may_vote({"sn7"})) << "never seen";
    book.change("swci1", ChangeRoll::Kind::admit_server, "sn9");
    EXPECT_TRUE(book.ledger.roll().may_vote({"sn9"}));
    book.change("swci1", ChangeRoll::Kind::expel, "sn9");
    EXPECT_FALSE(book.ledger.roll().may_vote({"sn9"}));
    EXPECT_EQ(book.change("swci1", ChangeRoll::Kind::expel, "sn1").code, Errc::refused);
}

/// Three owners, CAs 1 to 3, each with a member and a tool; sn1 of CA 1 has created the ledger.
Book with_owners() {
    Book book;
    book.register_node("sn1", ca(1));
    SwarmRules rules;
    rules.owners_decide = true;
    book.submit("sn1", rules);
    for (int owner = 1; owner <= 3; ++owner) {
        book.register_node("sl" + std::to_string(owner), ca(owner));
        book.register_node("swci" + std::to_string(owner), ca(owner));
    }
    book.register_node("sn9", ca(3));
    return book;
}

TEST(Roll, AMajorityOfOwnersGrantsAndRevokesAnSnsVote) {
    Book book = with_owners();
    const Roll& roll = book.ledger.roll();
    EXPECT_EQ(book.change("swci3", ChangeRoll::Kind::admit_server, "sn9").code, Errc::ok);
    EXPECT_EQ(book.change("swci3", ChangeRoll::Kind::admit_server, "sn9").code, Errc::ok);
    EXPECT_FALSE(roll.may_vote({"sn9"})) << "one owner of three, though it voted twice";
    EXPECT_EQ(owners_among(*roll.entries().at({"sn9"}).for_vote, roll.owners()), 1U);
    book.change("swci1", ChangeRoll::Kind::admit_server, "sn9");
    EXPECT_TRUE(roll.may_vote({"sn9"}));
    EXPECT_EQ(roll.entries().at({"sn9"}).by, "2 of 3 owners");

    book.change("swci2", ChangeRoll::Kind::expel, "sn9");
    EXPECT_TRUE(roll.may_vote({"sn9"})) << "a later vote of an owner replaces its earlier one";
    book.change("swci1", ChangeRoll::Kind::expel, "sn9");
    EXPECT_FALSE(roll.may_vote({"sn9"}));
    EXPECT_TRUE(roll.entries().at({"sn9"}).expelled);
}

TEST(Roll, EachOwnersLatestDecisionCountsOnce) {
    Book book = with_owners();
    book.register_node("swci31", ca(3));
    book.change("swci3", ChangeRoll::Kind::admit_server, "sn9");
    book.change("swci31", ChangeRoll::Kind::admit_server, "sn9");
    EXPECT_FALSE(book.ledger.roll().may_vote({"sn9"})) << "two tools of one owner";
    book.change("swci3", ChangeRoll::Kind::expel, "sn9");
    book.change("swci1", ChangeRoll::Kind::admit_server, "sn9");
    EXPECT_FALSE(book.ledger.roll().may_vote({"sn9"})) << "CA 3 has changed its vote";
}

TEST(Roll, OwnersDecideOnSnsOnlyAndOnlyIfTheRulesAllow) {
    Book book = with_owners();
    EXPECT_EQ(book.change("swci2", ChangeRoll::Kind::expel, "sl3").code, Errc::refused);
    EXPECT_EQ(book.change("swci2", ChangeRoll::Kind::admit, "sl3", ca(2)).code, Errc::refused);
    EXPECT_EQ(book.change("swci2", ChangeRoll::Kind::admit_server, "sn9", ca(2)).code,
              Errc::refused)
        << "nor move it to another CA";
    EXPECT_EQ(book.change("swci2", ChangeRoll::Kind::admit_server, "sn7").code, Errc::refused)
        << "an SN that has not joined";
    EXPECT_EQ(book.change("swci2", ChangeRoll::Kind::expel, "sn1").code, Errc::refused);
    book.register_node("swci4", ca(4));
    EXPECT_EQ(book.change("swci4", ChangeRoll::Kind::admit_server, "sn9").code, Errc::refused)
        << "a CA without a member";
    EXPECT_EQ(book.change("sl2", ChangeRoll::Kind::admit_server, "sn9").code, Errc::refused);

    Book without = with_admin();
    without.register_node("sl2", ca(2));
    without.register_node("swci2", ca(2));
    without.register_node("sn9", ca(3));
    EXPECT_EQ(without.change("swci2", ChangeRoll::Kind::admit_server, "sn9").code, Errc::refused);
}

TEST(Roll, AnOperatorMayExpelButNotAdmit) {
    Book book;
    book.register_node("sn1", ca(1));
    SwarmRules rules;
    rules.operators = {{{"swci3"}, ca(1)}};
    book.submit("sn1", rules);
    book.register_node("swci3", ca(1));
    EXPECT_EQ(book.change("swci3", ChangeRoll::Kind::expel, "sl1").code, Errc::ok);
    EXPECT_EQ(book.change("swci3", ChangeRoll::Kind::admit, "sl1").code, Errc::refused);
    EXPECT_EQ(book.change("swci3", ChangeRoll::Kind::admit_server, "sn9").code, Errc::refused);
}

TEST(Roll, WithAdmissionByRollOnlyListedNamesMayRegister) {
    Book book = with_admin(Admission::roll);
    EXPECT_EQ(book.register_node("sl1", ca(1)).code, Errc::refused);
    EXPECT_EQ(book.change("swci1", ChangeRoll::Kind::admit, "sl1").code, Errc::ok);
    EXPECT_EQ(book.register_node("sl1", ca(3)).code, Errc::ok);
    EXPECT_EQ(book.register_node("sl1", ca(2)).code, Errc::refused)
        << "the name now belongs to CA 3";
    EXPECT_EQ(book.change("swci1", ChangeRoll::Kind::expel, "sl1").code, Errc::ok);
    EXPECT_EQ(book.register_node("sl1", ca(3)).code, Errc::refused);
    EXPECT_EQ(book.change("swci1", ChangeRoll::Kind::admit, "sl1").code, Errc::ok);
    EXPECT_EQ(book.register_node("sl1", ca(3)).code, Errc::ok);
}

TEST(Roll, AnExpelledMemberLeavesItsContracts) {
    Book book = with_admin();
    ContractConfig config = tiny_contract(1);
    for (const char* sl : {"sl1", "sl2"}) {
        book.register_node(sl, ca(1));
        ASSERT_EQ(book.submit(sl, Enrol{"default", config, tiny_layout, std::nullopt}).code,
                  Errc::ok);
    }
    book.change("swci1", ChangeRoll::Kind::expel, "sl2");
    EXPECT_EQ(book.ledger.find_contract("default")->active_count(), 1U);
}

TEST(Roll, AFileOfNamesIsParsedAndAnInvalidLineIsNamed) {
    const auto roll = parse_roll("# members\nsl1\n\n  sl2 " + to_string(ca(2)) + " # host-2\n");
    ASSERT_TRUE(roll) << roll.error().message;
    EXPECT_EQ(*roll, (std::vector<AdmittedName>{{{"sl1"}, std::nullopt}, {{"sl2"}, ca(2)}}));
    for (const char* wrong : {"sl1\nsl2 12ab\n", "sl1\ns/l\n", "sl1\nsl2 sl3 sl4\n"}) {
        const auto read = parse_roll(wrong);
        ASSERT_FALSE(read);
        EXPECT_EQ(read.error().message.find("line 2"), 0U) << read.error().message;
    }
}

// ---- An SN

/// A node with a certificate of a given CA.
struct CertifiedAuthor : Author {
    CertifiedAuthor(const std::string& name, const CaFingerprint& of)
        : Author(name), authority(of) {
        signer = make_memory_signer(openssl_hasher(), id, 1, of);
    }
    PeerUp up(Role role) const { return {id, role, {}, 0, authority}; }
    CaFingerprint authority;
};

const PinPeer* pin_of(const NodeBench& sn, const std::string& node) {
    const PinPeer* found = nullptr;
    for (const Effect& effect : sn.effects) {
        const auto* pin = std::get_if<PinPeer>(&effect);
        found = pin != nullptr && pin->node.name == node ? pin : found;
    }
    return found;
}

TEST(RollAtAnSn, AForgedRegistrationIsNotLoggedAndTheRealCaIsAnnounced) {
    NodeBench sn(make_sn_node(sn_options(), openssl_hasher()));
    CertifiedAuthor other("sl2", ca(2));
    sn.step(other.up(Role::sl));
    CertifiedAuthor real("sl1", ca(1));
    sn.step(real.up(Role::sl));
    sn.frame(real.id, real.registration());
    ASSERT_EQ(sn.last<CommandResult>(real.id)->code, Errc::ok);
    ASSERT_NE(pin_of(sn, "sl1"), nullptr) << "its port admits this name with this CA only";
    EXPECT_EQ(pin_of(sn, "sl1")->ca, ca(1));
    const auto* news = sn.last<RollNews>(other.id);
    ASSERT_NE(news, nullptr);
    EXPECT_EQ(news->pins.front().ca, ca(1));

    const std::size_t entries = sn.records.size();
    CertifiedAuthor forged("sl1", ca(2));
    forged.session = 8;
    sn.step(forged.up(Role::sl));
    sn.frame(forged.id, forged.registration());
    EXPECT_EQ(sn.last<CommandResult>(forged.id)->code, Errc::refused);
    EXPECT_TRUE(names_both(sn.last<CommandResult>(forged.id)->reason, ca(1), ca(2)));
    EXPECT_EQ(sn.records.size(), entries);
}

TEST(RollAtAnSn, ARegistrationMustMatchTheConnectionsCertificate) {
    NodeBench sn(make_sn_node(sn_options(), openssl_hasher()));
    CertifiedAuthor member("sl1", ca(1));
    sn.step(PeerUp{member.id, Role::sl, {}, 0, ca(2)});
    sn.frame(member.id, member.registration());
    EXPECT_EQ(sn.last<CommandResult>(member.id)->code, Errc::refused);
}

TEST(RollAtAnSn, AToolOfAnotherCaRemovesNoSn) {
    SnNodeOptions options = sn_options();
    options.admins = {{"swci1"}};
    options.signer = make_memory_signer(openssl_hasher(), options.id, 1, ca(1));
    NodeBench sn(make_sn_node(std::move(options), openssl_hasher()));
    for (const int number : {1, 2}) {
        sn.step(PeerUp{{"swci1"}, Role::tool, {}, 0, ca(number)});
        const auto tool = make_memory_signer(openssl_hasher(), {"swci1"}, 1, ca(number));
        sn.frame({"swci1"}, RemoveServer{7,
                                         {"sn5"},
                                         {"swci1"},
                                         0,
                                         tool->credentials(),
                                         tool->sign(removal_text({"swci1"}, {"sn5"}, 0))});
        const Errc code = sn.last<StatusReply>({"swci1"})->code;
        EXPECT_EQ(code, number == 1 ? Errc::not_found : Errc::refused) << number;
    }
}

// ---- Whole swarms

class RollSwarm : public testing::Test {
protected:
    /// The error that a tool of this CA gets, or empty on success.
    std::string change(const std::string& tool, const CaFingerprint& of, ChangeRoll::Kind kind,
                       const std::string& node) {
        MemoryNodeSpec spec;
        spec.process = tool + "-" + std::to_string(++tools);
        spec.ca = of;
        spec.make = [&, this] {
            return make_tool_node({.id = {tool},
                                   .servers = {swarm.sn_addresses[0]},
                                   .request = StatusQuery{7, "roll", "", false},
                                   .on_reply = [](const StatusReply&, std::string_view) {},
                                   .change = ChangeRoll{kind, {node}, std::nullopt},
                                   .signer = make_memory_signer(openssl_hasher(), {tool}, 1, of),
                                   .session = ++swarm.sessions});
        };
        return swarm.run_tool(std::move(spec));
    }
    void add_sn_of(const CaFingerprint& of) {
        const auto number = static_cast<int>(swarm.sn_addresses.size()) + 1;
        swarm.cas["sn" + std::to_string(number)] = of;
        swarm.sn_addresses.push_back({"10.0.1." + std::to_string(number), 30304});
        swarm.sn_stores.emplace_back();
        swarm.add_sn(number);
    }
    bool votes(const std::string& name) const {
        const auto& records = swarm.sn_stores[0]->log().records;
        for (std::size_t at = records.size(); at > 0; --at) {
            const LogRecord record = *decode_record(at, records[at - 1]);
            if (record.kind == RecordKind::membership) {
                const std::vector<Server> servers = *decode_membership(record.data);
                return std::any_of(servers.begin(), servers.end(), [&](const Server& one) {
                    return one.node.name == name && one.voter;
                });
            }
        }
        return false;
    }

    MemorySwarm swarm;
    int tools = 0;
};

TEST_F(RollSwarm, AForgedMemberDisturbsNobody) {
    const ToyOptions toy{.syncs = 40, .batch_time = milliseconds(20)};
    swarm.cas["sl1"] = ca(1);
    swarm.cas["sl1-copy"] = ca(2);
    swarm.add_pair(1, toy);
    swarm.add_pair(2, toy);
    ASSERT_TRUE(swarm.run_to_round(3)) << swarm.trace.tail();
    swarm.add_copy(1);  // a newer session of the same name, with another CA
    ASSERT_TRUE(swarm.network.run([&] { return swarm.network.stopped({"sl1-copy"}).has_value(); },
                                  swarm.network.now() + seconds(30)))
        << swarm.trace.tail();
    EXPECT_EQ(swarm.code("sl1-copy"), exit_code::refused);
    swarm.sls.erase({"sl1-copy"});
    swarm.mls.erase({"ml1-copy"});
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_TRUE(swarm.trace.named("member_gone").empty()) << "its connection was never replaced";
    EXPECT_TRUE(swarm.trace.named("start_replaced").empty());
}

TEST_F(RollSwarm, AnSnOfAnotherCaIsALearnerUntilItIsAdmitted) {
    add_sn_of({});
    swarm.run_for(seconds(5));
    EXPECT_TRUE(votes("sn2")) << "same CA as the first SN: votes at once";
    add_sn_of(ca(2));
    swarm.run_for(seconds(5));
    EXPECT_FALSE(votes("sn3"));
    swarm.network.crash({"sn3"});  // stops nobody: it does not count for the majority
    swarm.network.crash({"sn2"});
    swarm.network.restart({"sn2"});
    swarm.run_for(seconds(5));
    EXPECT_NE(change("swci1", ca(2), ChangeRoll::Kind::admit_server, "sn3"), "") << "forged";
    EXPECT_NE(change("swci2", ca(2), ChangeRoll::Kind::admit_server, "sn3"), "") << "not named";
    EXPECT_EQ(change("swci1", {}, ChangeRoll::Kind::admit_server, "sn3"), "");
    swarm.network.restart({"sn3"});
    swarm.run_for(seconds(5));
    EXPECT_TRUE(votes("sn3"));
    EXPECT_EQ(change("swci1", {}, ChangeRoll::Kind::expel, "sn3"), "");
    swarm.run_for(seconds(5));
    EXPECT_FALSE(votes("sn3"));
    swarm.expect_one_ledger();

    const std::shared_ptr<const NodeVerifier> verifier = make_memory_verifier(openssl_hasher());
    LedgerAudit audit(openssl_hasher(), *verifier, {});
    Digest link;
    for (const Bytes& bytes : swarm.sn_store().log().records) {
        const std::uint64_t index = audit.summary().records + 1;
        link = chain_link(openssl_hasher(), link, index, bytes);
        const Result<void> good = audit.take(index, bytes, link);
        ASSERT_TRUE(good) << good.error().message;
    }
}

TEST(RollAudit, AForgedRegistrationInTheLedgerIsReportedAndChangesNoKey) {
    const std::shared_ptr<const NodeVerifier> verifier = make_memory_verifier(openssl_hasher());
    LedgerAudit audit(openssl_hasher(), *verifier, {});
    Digest link;
    const auto take = [&](LogRecord record) {
        record.index = audit.summary().records + 1;
        record.term = 1;
        const Bytes bytes = encode_record(record);
        link = chain_link(openssl_hasher(), link, record.index, bytes);
        const Result<void> good = audit.take(record.index, bytes, link);
        return good ? std::string() : good.error().message;
    };
    EXPECT_EQ(take({0, 0, RecordKind::membership, encode_membership({server(1)})}), "");
    CertifiedAuthor real("sl1", ca(1));
    CertifiedAuthor forged("sl1", ca(2));
    forged.session = 8;
    const auto registration = [](CertifiedAuthor& author) {
        return author.entry(RegisterNode{Role::sl, {"10.0.0.1", 1}, author.signer->credentials()});
    };
    EXPECT_EQ(take({0, 0, RecordKind::entry, registration(real)}), "");
    EXPECT_EQ(take({0, 0, RecordKind::entry, registration(forged)}), "");
    ASSERT_EQ(audit.summary().claims.size(), 1U);
    EXPECT_EQ(audit.summary().claims.front().index, 3U);
    EXPECT_TRUE(names_both(audit.summary().claims.front().why, ca(1), ca(2)));
    EXPECT_EQ(take({0, 0, RecordKind::entry, real.entry(LeaveContract{"default", 0, ""})}), "");
    EXPECT_EQ(
        take({0, 0, RecordKind::membership, encode_membership({server(1), server(2, false)})}), "");
    EXPECT_NE(take({0, 0, RecordKind::membership, encode_membership({server(1), server(2)})}), "")
        << "a voter that nobody admitted";
}

// ---- A licence server

class RollAtApls : public testing::Test {
protected:
    static AplsNodeOptions options() {
        AplsNodeOptions made;
        made.id = {"apls1"};
        made.licence.seats = {{Role::sl, 4}};
        made.licence.valid_until = 4'000'000'000;
        made.unix_ns_at_zero = 1'790'000'000'000'000'000;
        made.admins = {{"swci1"}};
        made.ca = ca(1);
        return made;
    }
    Errc seat(const std::string& name, int number) {
        apls.step(PeerUp{{name}, Role::sl, {}, 0, ca(number)});
        apls.frame({name}, SeatRequest{});
        return apls.last<SeatReply>({name})->code;
    }
    Errc rule(const std::string& name, int number, bool allow) {
        apls.step(PeerUp{{name}, Role::tool, {}, 0, ca(number)});
        apls.frame({name}, SeatRule{7, {"sl1"}, allow});
        return apls.last<StatusReply>({name})->code;
    }
    NodeBench apls{make_apls_node(options())};
};

TEST_F(RollAtApls, AToolOfAnotherCaRevokesNothing) {
    EXPECT_EQ(seat("sl1", 3), Errc::ok);
    EXPECT_EQ(rule("swci1", 2, false), Errc::refused);
    EXPECT_EQ(rule("swci2", 1, false), Errc::refused);
    EXPECT_EQ(seat("sl1", 3), Errc::ok);
    EXPECT_EQ(rule("swci1", 1, false), Errc::ok);
    EXPECT_EQ(seat("sl1", 3), Errc::refused);
}

TEST_F(RollAtApls, ASeatBelongsToTheCaThatTheNameWasFirstSeenWith) {
    EXPECT_EQ(seat("sl1", 3), Errc::ok);
    EXPECT_EQ(seat("sl1", 2), Errc::refused);
    EXPECT_TRUE(names_both(apls.last<SeatReply>({"sl1"})->reason, ca(3), ca(2)));
    AplsNodeOptions again = options();
    again.recovered = apls.records;
    apls.node = make_apls_node(std::move(again));  // killed and restarted
    apls.step(Started{});
    ASSERT_NE(pin_of(apls, "sl1"), nullptr);
    EXPECT_EQ(pin_of(apls, "sl1")->ca, ca(3));
    EXPECT_EQ(seat("sl1", 2), Errc::refused);
    EXPECT_EQ(rule("swci1", 1, true), Errc::ok);
    EXPECT_EQ(seat("sl1", 2), Errc::ok) << "the administrator allowed the move";
}

}  // namespace
}  // namespace starling::test
