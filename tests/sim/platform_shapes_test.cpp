// Platforms of the shapes in SimGrid's own examples, rebuilt at a small scale: each one loads,
// routes and completes a short run of two members, or is refused with the reason. Debian's packages
// of SimGrid do not include the examples.
#include "tests/sim/swarm_sim.hpp"

namespace starling::test {
namespace {

struct Shape {
    std::string file;
    std::string host_1;
    std::string host_2;
    std::string refused;  ///< empty: it runs
};

std::string escaped(const std::string& text) {
    std::string xml;
    for (const char c : text) {
        xml += c == '&' ? "&amp;" : c == '"' ? "&quot;" : c == '<' ? "&lt;" : std::string(1, c);
    }
    return xml;
}

class PlatformShapes : public SwarmSim {
protected:
    /// An SN and an SL with a small model on the first host, another SL on the second.
    std::string two_members(const std::string& host_1, const std::string& host_2) {
        const auto actor = [](const std::string& host, const std::string& function,
                              const std::string& arguments) {
            return "<actor host=\"" + escaped(host) + "\" function=\"" + function +
                   "\"><argument value=\"--host-ip=" + escaped(host) + "\"/>" + arguments +
                   "</actor>\n";
        };
        const std::string sl = "<argument value=\"--sn-ip=" + escaped(host_1) +
                               "\"/><argument value=\"--ml-entrypoint=x\"/><argument "
                               "value=\"--ml-e=MIN_PEERS=2\"/><prop id=\"model.parameters\" "
                               "value=\"10000\"/><prop id=\"model.samples\" value=\"3200\"/>";
        return actors(actor(host_1, "run-sn", "<argument value=\"--name=sn1\"/>") +
                      actor(host_1, "run-sl", "<argument value=\"--name=sl1\"/>" + sl) +
                      actor(host_2, "run-sl", "<argument value=\"--name=sl2\"/>" + sl));
    }
    Ran run(const Shape& shape) {
        return swarm_sim("--quiet " + root + "/tests/sim/platforms/" + shape.file + ".xml " +
                         two_members(shape.host_1, shape.host_2) + " --until 2000");
    }
    void expect(const Shape& shape) {
        const Ran ran = run(shape);
        if (shape.refused.empty()) {
            EXPECT_EQ(ran.exit_code, 0) << shape.file << "\n" << ran.output;
            EXPECT_TRUE(ran.printed("ml2 on " + shape.host_2 + ": exit code 0"))
                << shape.file << "\n"
                << ran.output;
        } else {
            EXPECT_EQ(ran.exit_code, 2) << shape.file << "\n" << ran.output;
            EXPECT_TRUE(ran.printed(shape.refused)) << shape.file << "\n" << ran.output;
            EXPECT_TRUE(ran.printed(shape.host_1)) << shape.file << "\n" << ran.output;
        }
        EXPECT_EQ(ran.output.find("Backtrace"), std::string::npos) << ran.output;
    }
};

TEST_F(PlatformShapes, ClustersOfAllTopologies) {
    expect({"cluster_crossbar", "node-0.lab", "node-7.lab", ""});
    expect({"cluster_backbone", "node-0.lab", "node-7.lab", ""});
    expect({"fat_tree", "node-0", "node-15", ""});
    expect({"torus", "node-0", "node-11", ""});
    expect({"dragonfly", "node-0", "node-15", ""});
    expect({"cabinets", "rack-1", "big", ""});
}

TEST_F(PlatformShapes, AllKindsOfRouting) {
    expect({"floyd", "a", "b", ""});
    expect({"dijkstra", "a", "c", ""});
    expect({"dijkstracache", "b", "a", ""});
    expect({"full_split_duplex", "a", "c", ""});
    expect({"vivaldi", "peer-1", "peer-2", ""});
    expect({"no_routing", "a", "b", "There can't be route in an Empty zone"});
}

TEST_F(PlatformShapes, ZonesWithinZones) {
    expect({"zones", "east-1", "west-1", ""});
    expect({"zones", "east-1", "east-2", ""});
    expect({"clusters_in_zones", "left-0", "right-3", ""});
    expect({"cloud", "one-0", "one-1", ""});
    expect({"cloud", "one-0", "two-0", "Please specify the Vivaldi coordinates of Netzone dc-1"});
    expect({"host_without_zone_routes", "node-0", "single", ""});
    expect({"gateways", "east-1", "west-1", "gw_dst east-1 belongs to east, not to west"});
}

TEST_F(PlatformShapes, WirelessCells) {
    expect({"wifi", "station-1", "station-2", ""});
    expect({"wifi", "ap", "station-2", ""});
    expect({"wifi_and_wire", "station-1", "server", ""});
}

TEST_F(PlatformShapes, PropertiesAndSettingsOfOtherModels) {
    expect({"energy", "a", "b", ""});
    expect({"config", "a", "b", ""});
}

TEST_F(PlatformShapes, HostIdsWithAnyCharacters) {
    for (const std::string first : {"Node 1", "Peter's laptop", "a \"b\" & <c>", "../rack/1"}) {
        const std::string second = first + " (2)";
        std::string text = read(root + "/tests/sim/platforms/config.xml");
        const auto replace = [&text](const std::string& from, const std::string& to) {
            for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos;) {
                text.replace(at, from.size(), to);
                at += to.size();
            }
        };
        replace("\"a\"", "\"" + escaped(first) + "\"");
        replace("\"b\"", "\"" + escaped(second) + "\"");
        const Ran ran = swarm_sim("--quiet " + file("ids.xml", text) + " " +
                                  two_members(first, second) + " --until 2000 --json " + path("j"));
        EXPECT_EQ(ran.exit_code, 0) << ran.output;
        EXPECT_TRUE(ran.printed("ml2 on " + second + ": exit code 0")) << ran.output;
        const std::string json = read(path("j"));
        EXPECT_NE(json.find("\"same_digests\": true"), std::string::npos) << json;
    }
}

TEST_F(PlatformShapes, AFaultNamesAHostWithSpaces) {
    std::string text = read(root + "/tests/sim/platforms/config.xml");
    for (std::size_t at = 0; (at = text.find("\"b\"", at)) != std::string::npos; ++at) {
        text.replace(at, 3, "\"Peter's laptop\"");
    }
    const Ran ran = swarm_sim(file("ids.xml", text) + " " + two_members("a", "Peter's laptop") +
                              " --fault \"t=1s kill Peter's laptop\" --trace " + path("t"));
    EXPECT_EQ(ran.exit_code, 4) << ran.output;
    EXPECT_TRUE(ran.printed("sl2 on Peter's laptop: killed by a fault")) << ran.output;
    EXPECT_NE(read(path("t")).find("host_off host=Peter's%20laptop\n"), std::string::npos);
}

TEST_F(PlatformShapes, ANodeWithoutANameIsNamedAfterItsHost) {
    std::string text = read(root + "/tests/sim/platforms/config.xml");
    for (std::size_t at = 0; (at = text.find("\"a\"", at)) != std::string::npos; ++at) {
        text.replace(at, 3, "\"Node 1\"");
    }
    const Ran ran = swarm_sim(
        file("ids.xml", text) + " --until 5 " +
        actors("<actor host=\"Node 1\" function=\"run-sn\"><argument value=\"--host-ip=Node 1\"/>"
               "</actor>"));
    EXPECT_TRUE(ran.printed(" sn-Node-1 : ")) << ran.output;
}

}  // namespace
}  // namespace starling::test
