// Four pairs of SL and ML as real processes over mutual TLS, by each exchange plan, and their
// rehearsal in the simulator: the same bytes.
#include <csignal>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

constexpr int members = 4;
const std::string xml_head =
    "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
    "<platform version=\"4.1\">\n";

class Plans : public SystemSwarm {
protected:
    Plans() { issue("sl4", Role::sl, ca); }

    std::vector<std::string> member_command(int host, const std::string& plan) const {
        // Two sites, so that a tree has two groups of two.
        return with(
            sl_command(host, identity("sl" + std::to_string(host)),
                       "--elements 300000 --batches 20 --sync 10 --exchange " + plan, members),
            {host <= 2 ? "--site=north" : "--site=south"});
    }
    /// The digests of the final models that the programs name; one, if all is well.
    std::set<std::string> trained_by(const std::string& plan, const std::string& says) {
        const auto sn = start_sn();
        std::vector<std::unique_ptr<Program>> sls;
        for (int host = 1; host <= members; ++host) {
            sls.push_back(std::make_unique<Program>(member_command(host, plan)));
        }
        std::set<std::string> digests;
        for (int host = 1; host <= members; ++host) {
            Program& sl = *sls[static_cast<std::size_t>(host - 1)];
            EXPECT_EQ(sl.wait_exit(), 0) << sl.output();
            EXPECT_TRUE(holds(sl.output(), "Exchange plan: " + says)) << sl.output();
            digests.merge(digests_in(ml_log(host)));
        }
        sn->signal(SIGTERM);
        EXPECT_EQ(sn->wait_exit(), 0) << sn->output();
        for (int host = 1; host <= members; ++host) {
            std::filesystem::remove_all(path("host-" + std::to_string(host)));
        }
        return digests;
    }
    static std::set<std::string> digests_in(const std::string& text) {
        const std::string marker = "ends with digest ";
        std::set<std::string> digests;
        for (std::size_t at = text.find(marker); at != std::string::npos;
             at = text.find(marker, at + 1)) {
            digests.insert(text.substr(at + marker.size(), 64));
        }
        return digests;
    }
#ifdef STARLING_WITH_SIM
    std::set<std::string> rehearse(const std::string& plan) const {
        std::string platform = xml_head + "<zone id=\"world\" routing=\"Full\">\n";
        std::string deploy = xml_head;
        const auto host = [](int i) { return "host-" + std::to_string(i); };
        const auto actor = [&](const std::string& at, std::vector<std::string> command,
                               const std::string& name) {
            command.push_back("--name=" + name);  // a simulation reads no certificates
            deploy += "<actor host=\"" + at + "\" function=\"" +
                      command[0].substr(command[0].rfind('/') + 1) + "\">\n";
            for (std::size_t i = 1; i < command.size(); ++i) {
                deploy += "<argument value=\"" + command[i] + "\"/>\n";
            }
            deploy += "</actor>\n";
        };
        actor(host(1), sn_command(identity("sn1")), "sn1");
        for (int i = 1; i <= members; ++i) {
            const std::string n = std::to_string(i);
            platform += "<host id=\"" + host(i) +
                        "\" speed=\"1Gf\"><prop id=\"ip\" value=\"127.0." + n + "." + n +
                        "\"/></host>\n";
            actor(host(i), member_command(i, plan), "sl" + n);
        }
        platform += "<link id=\"l\" bandwidth=\"1GBps\" latency=\"30us\"/>\n";
        for (int a = 1; a <= members; ++a) {
            for (int b = a + 1; b <= members; ++b) {
                platform += "<route src=\"" + host(a) + "\" dst=\"" + host(b) +
                            "\"><link_ctn id=\"l\"/></route>\n";
            }
        }
        write_text(path("platform.xml"), platform + "</zone>\n</platform>\n");
        write_text(path("deploy.xml"), deploy + "</platform>\n");
        write_text(
            path("table.json"),
            R"({"workloads": {"toy": {"seconds_per_batch": 0.001, "startup_seconds": 0.01}}})");
        Program simulated({bin("toy-ml-sim"), path("platform.xml"), path("deploy.xml"),
                           "--calibration", path("table.json"), "--workspace", path("simulated"),
                           STARLING_SIM_FLAGS});
        EXPECT_EQ(simulated.wait_exit(), 0) << simulated.output();
        return digests_in(simulated.output());
    }
#endif
};

TEST_F(Plans, AllMakeTheSameBytesInProcessesAndSimulated) {
    const std::set<std::string> star = trained_by("star", "star, since the contract selects it");
    EXPECT_EQ(star.size(), 1U);
    EXPECT_EQ(trained_by("butterfly", "butterfly, since the contract selects it"), star);
    EXPECT_EQ(trained_by("tree", "tree of 2 groups, since the contract selects it"), star);
    EXPECT_EQ(trained_by("auto", "tree of 2 groups, since 4 members are at 2 sites"), star);
#ifdef STARLING_WITH_SIM
    for (const char* plan : {"star", "butterfly", "tree", "auto"}) {
        EXPECT_EQ(rehearse(plan), star) << plan;
    }
#endif
}

TEST_F(Plans, MakeTheSameBytesWhoeverStoresThem) {
    const std::set<std::string> all =
        trained_by("auto", "tree of 2 groups, since 4 members are at 2 sites");
    EXPECT_EQ(all.size(), 1U);
    for (const std::string durable : {"quorum", "none"}) {
        const std::string flags = "auto --durable " + durable;
        EXPECT_EQ(trained_by(flags, "tree of 2 groups, since 4 members are at 2 sites"), all)
            << durable;
#ifdef STARLING_WITH_SIM
        EXPECT_EQ(rehearse(flags), all) << durable;
#endif
    }
}

TEST_F(Plans, AllMakeTheSameBytesWithCompression) {
    for (const std::string compression : {"int8", "top-k:fraction=0.1"}) {
        const std::string flags = " --compress " + compression;
        const std::set<std::string> tree =
            trained_by("tree" + flags, "tree of 2 groups, since the contract selects it");
        EXPECT_EQ(tree.size(), 1U);
        EXPECT_EQ(trained_by("butterfly" + flags, "butterfly, since the contract selects it"),
                  tree);
#ifdef STARLING_WITH_SIM
        EXPECT_EQ(rehearse("star" + flags), tree) << compression;
#endif
    }
}

}  // namespace
}  // namespace starling::test
