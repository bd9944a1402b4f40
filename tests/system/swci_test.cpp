// swci against a running swarm, as an operator uses it.
#include <algorithm>
#include <csignal>

#include "core/json/json.hpp"
#include "core/wire/codec.hpp"
#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

class Swci : public SystemSwarm {
protected:
    Swci() { issue("swci1", Role::tool, ca); }

    std::vector<std::string> command(const std::vector<std::string>& words,
                                     const std::string& certificate = "swci1") const {
        std::vector<std::string> all = {bin("swci"), "--sn-ip=127.0.1.1",
                                        "--sn-api-port=" + std::to_string(sn_port)};
        all.insert(all.end(), words.begin(), words.end());
        if (!certificate.empty()) {
            const auto id = identity(certificate);
            all.insert(all.end(), id.begin(), id.end());
        }
        return all;
    }
    /// Its output; it must end with `code`.
    std::string output_of(const std::vector<std::string>& words, int code = 0,
                          const std::string& certificate = "swci1") const {
        Program program(command(words, certificate));
        EXPECT_EQ(program.wait_exit(Seconds(30)), code) << program.output();
        return program.output();
    }
    JsonValue json_of(std::vector<std::string> words) const {
        words.push_back("--json");
        const std::string text = output_of(words);
        Result<JsonValue> value = parse_json(text);
        EXPECT_TRUE(value) << text;
        return value ? *value : JsonValue{};
    }
    /// Runs the commands of a session, as from a script.
    std::string session(const std::string& commands, int code) const {
        write_text(path("commands"), commands);
        std::string shell = "exec";
        for (const std::string& word : command({})) {
            shell += " '" + word + "'";
        }
        Program program({"/bin/sh", "-c", shell + " < '" + path("commands") + "'"});
        EXPECT_EQ(program.wait_exit(Seconds(30)), code) << program.output();
        return program.output();
    }
};

std::string text(const JsonValue& value, std::string_view name) {
    const JsonValue* found = value.find(name);
    return found == nullptr ? "missing" : found->text;
}

TEST_F(Swci, ShowsARunningSwarmAsTextAndAsJson) {
    const auto sn = start_sn();
    const auto sl1 = start_sl(1, "--batches 100000000");
    const auto sl2 = start_sl(2, "--batches 100000000");
    ASSERT_TRUE(sl1->wait_for("Round 1: merged 2 members")) << sl1->output();

    const std::string nodes = output_of({"list", "nodes"});
    EXPECT_EQ(nodes.substr(0, 4), "TYPE") << nodes;
    EXPECT_TRUE(holds(nodes, "HOST IP")) << nodes;
    EXPECT_TRUE(holds(nodes, "LAST I-AM-ALIVE")) << nodes;
    EXPECT_TRUE(holds(nodes, "SN    127.0.1.1  " + std::to_string(sn_port))) << nodes;
    EXPECT_TRUE(holds(nodes, "SL    127.0.2.2  " + std::to_string(fs_port))) << nodes;
    EXPECT_TRUE(holds(output_of({"LIST", "Contracts"}), "default  ")) << nodes;
    const std::string contract = output_of({"show", "contract"});
    EXPECT_TRUE(holds(contract, "min_peers 2")) << contract;
    EXPECT_TRUE(holds(contract, "\nsl2     active")) << contract;
    EXPECT_TRUE(holds(contract, "\nsl2     weight/first  0.")) << contract;
    EXPECT_TRUE(holds(output_of({"show", "round", "default"}), "last commit: round"));
    EXPECT_TRUE(holds(output_of({"show", "version"}), "wire " + std::to_string(wire_version)));
    EXPECT_TRUE(holds(output_of({"GET", "CONTRACT", "INFO", "default"}), "min_peers 2"));
    EXPECT_TRUE(holds(output_of({"get", "contract", "status", "default"}), "deadline:"));

    // including the tool itself
    EXPECT_EQ(json_of({"list", "nodes"}).find("nodes")->items.size(), 4U);
    EXPECT_EQ(text(json_of({"list", "contracts"}).find("contracts")->items.at(0).value, "name"),
              "default");
    EXPECT_EQ(json_of({"show", "contract"}).find("members")->items.size(), 2U);
    EXPECT_NE(text(*json_of({"show", "round"}).find("last_commit"), "digest"), "missing");
    EXPECT_EQ(text(json_of({"show", "version"}), "name"), "sn1");
}

TEST_F(Swci, AfterTheEndNobodyIsWaitedFor) {
    const auto sn = start_sn();
    const auto sl1 = start_sl(1, "");
    const auto sl2 = start_sl(2, "");
    EXPECT_EQ(sl1->wait_exit(), 0) << sl1->output();
    EXPECT_EQ(sl2->wait_exit(), 0) << sl2->output();
    const std::string round = output_of({"show", "round"});
    EXPECT_TRUE(holds(round, "complete")) << round;
    for (const char* name : {"sl1=", "sl2="}) {
        EXPECT_TRUE(holds(round, name)) << "not a metric of the last commit: " << round;
    }
    const std::string all =
        round + output_of({"show", "contract"}) + output_of({"list", "contracts"});
    for (const char* wrong : {"0/2", "1/2", "waiting", "missing:     sl"}) {
        EXPECT_FALSE(holds(all, wrong)) << wrong << " in " << all;
    }
}

TEST_F(Swci, WatchShowsEachRoundOfATraining) {
    const auto sn = start_sn();
    const auto sl1 = start_sl(1, "--batches 100000000");
    ASSERT_TRUE(sn->wait_for("Node 'sl1' starts contract 'default'")) << sn->output();
    Program watch(command({"watch"}));
    ASSERT_TRUE(watch.wait_for("default  round 0  gathering")) << watch.output();
    const auto sl2 = start_sl(2, "--batches 100000000");
    for (const char* line : {"round 0  exchanging  2/2", "round 1  gathering",
                             "round 1  exchanging", "round 2  gathering", "round 3  gathering"}) {
        EXPECT_TRUE(watch.wait_for(line)) << watch.output();
    }
    // Meanwhile other tools get answers. (One with the same name takes over its connection, and it
    // reconnects.)
    EXPECT_EQ(text(json_of({"show", "version"}), "name"), "sn1");
    ASSERT_TRUE(watch.wait_for("reconnecting")) << watch.output();
    const std::size_t before = watch.output().size();
    sl1->signal(SIGTERM);
    ASSERT_TRUE(watch.wait_for("aborted")) << watch.output().substr(before);
    watch.signal(SIGINT);
    EXPECT_EQ(watch.wait_exit(Seconds(30)), 0) << watch.output();
}

TEST_F(Swci, WatchWithJsonPrintsOneTextPerLine) {
    const auto sn = start_sn();
    const auto sl1 = start_sl(1, "--batches 100");
    ASSERT_TRUE(sn->wait_for("Node 'sl1' starts contract 'default'")) << sn->output();
    Program watch(command({"--json", "watch", "default"}));
    ASSERT_TRUE(watch.wait_for("gathering")) << watch.output();
    const auto sl2 = start_sl(2, "--batches 100");
    ASSERT_TRUE(watch.wait_for("\"phase\": \"complete\"")) << watch.output();
    watch.signal(SIGTERM);
    EXPECT_EQ(watch.wait_exit(Seconds(30)), 0) << watch.output();
    std::size_t lines = 0;
    for (std::size_t from = 0; from < watch.output().size(); ++lines) {
        const std::size_t end = watch.output().find('\n', from);
        ASSERT_NE(end, std::string::npos);
        const auto value = parse_json(watch.output().substr(from, end - from));
        EXPECT_TRUE(value) << watch.output().substr(from, end - from);
        from = end + 1;
    }
    EXPECT_GE(lines, 5U);
}

TEST_F(Swci, ReportsUnknownTopicsAndNames) {
    const auto sn = start_sn();
    EXPECT_TRUE(holds(output_of({"show", "contract", "nosuch"}, 1),
                      "'sn1' answers: no contract 'nosuch': none was started on this SN"));
    const auto sl1 = start_sl(1, "");
    ASSERT_TRUE(sn->wait_for("Node 'sl1' starts contract 'default'")) << sn->output();
    EXPECT_TRUE(
        holds(output_of({"show", "round", "nosuch"}, 1), "no contract 'nosuch': known: 'default'"));
    ASSERT_TRUE(sl1->wait_for("0, 1/2")) << sl1->output();
    EXPECT_TRUE(
        holds(output_of({"show", "round"}), "waiting 1/2: 1 of min_peers 2 have not joined"));
}

TEST_F(Swci, AsksTheNextSnIfOneIsUnreachable) {
    const auto sn = start_sn();
    const std::string port = "--sn-api-port=" + std::to_string(sn_port);
    auto words = identity("swci1");
    words.insert(words.begin(), {bin("swci"), "--sn-ip=127.0.9.9", "--sn-ip", "127.0.1.1", port,
                                 "show", "version"});
    Program second(words);
    EXPECT_EQ(second.wait_exit(Seconds(30)), 0) << second.output();
    EXPECT_TRUE(holds(second.output(), "sn1")) << second.output();
}

TEST_F(Swci, ReadsCommandsFromStandardInput) {
    const auto sn = start_sn();
    const std::string all = session(
        "# a script\nLIST NODES\n\nlist contracts\nHELP show\nhelp watch\nexit\n"
        "list nodes\n",
        0);
    EXPECT_TRUE(holds(all, "TYPE")) << all;
    EXPECT_TRUE(holds(all, "No contract was started")) << all;
    EXPECT_TRUE(holds(all, "  watch [NAME]")) << all;
    EXPECT_EQ(all.find("TYPE"), all.rfind("TYPE")) << all;
    const std::string on = session("exit on failure on\nshow contract nosuch\nshow version\n", 1);
    EXPECT_TRUE(holds(on, "no contract 'nosuch'")) << on;
    EXPECT_FALSE(holds(on, "ledger:")) << on;
    const std::string off = session("show contract nosuch\nfoo\nshow version\n", 0);
    EXPECT_TRUE(holds(off, "ledger:")) << off;
    EXPECT_TRUE(holds(off, "unknown command 'foo'")) << off;
}

TEST_F(Swci, RefusesCertificatesThatAreNotForTools) {
    const auto sn = start_sn();
    EXPECT_TRUE(holds(output_of({"list", "nodes"}, 3, ""), "--cert"));
    EXPECT_TRUE(holds(output_of({"list", "nodes"}, 3, "sl1"), "role"));
    const IssuedCert stranger = *make_ca("stranger CA", {});
    issue("swci2", Role::tool, stranger);
    EXPECT_TRUE(holds(output_of({"list", "nodes"}, 3, "swci2"), "certificate"));
}

TEST_F(Swci, NamesAnUnreachableSn) {
    const std::string gone = output_of({"show", "version"}, 5);
    EXPECT_TRUE(holds(gone, "no server can be reached")) << gone;
    EXPECT_TRUE(holds(gone, "127.0.1.1:" + std::to_string(sn_port))) << gone;
}

TEST_F(Swci, NamesTypingErrors) {
    EXPECT_TRUE(holds(output_of({"list", "node"}, 2), "list nodes, list servers, list contracts"));
    EXPECT_TRUE(holds(output_of({"list", "nodes", "now"}, 2), "it is: list nodes"));
    EXPECT_TRUE(holds(output_of({"list", "nodes", "--jsn"}, 2), "--json"));
    EXPECT_TRUE(holds(output_of({"list", "nodes", "--timeout=0"}, 2), "--timeout"));
}

}  // namespace
}  // namespace starling::test
