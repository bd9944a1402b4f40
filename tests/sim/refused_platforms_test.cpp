// Platforms and other inputs that can't be simulated: exit code 2, and the name of what is wrong.
#include "tests/sim/swarm_sim.hpp"

namespace starling::test {
namespace {

class RefusedPlatforms : public SwarmSim {
protected:
    /// A zone with the hosts of `deployment`.
    std::string zone(const std::string& routing, const std::string& content,
                     const std::string& host_2 =
                         "<host id=\"host-2\" speed=\"1Gf\">"
                         "<prop id=\"ip\" value=\"172.2.2.2\"/></host>") {
        return file("p.xml",
                    "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM "
                    "\"https://simgrid.org/simgrid.dtd\">\n<platform version=\"4.1\">\n"
                    "<zone id=\"w\" routing=\"" +
                        routing +
                        "\">\n<host id=\"host-1\" speed=\"1Gf\">"
                        "<prop id=\"ip\" value=\"172.1.1.1\"/></host>" +
                        host_2 + content + "</zone></platform>\n");
    }
    void refused(const std::string& arguments, const std::vector<std::string>& says) {
        const Ran ran = swarm_sim("--quiet " + arguments);
        EXPECT_EQ(ran.exit_code, 2) << ran.output;
        for (const std::string& text : says) {
            EXPECT_TRUE(ran.printed(text)) << text << "\nis not in\n" << ran.output;
        }
        EXPECT_EQ(std::count(ran.output.begin(), ran.output.end(), '\n'), 1) << ran.output;
    }
    static std::string link(const std::string& attributes) {
        return "<link id=\"cable\" " + attributes +
               "/><route src=\"host-1\" dst=\"host-2\"><link_ctn id=\"cable\"/></route>";
    }
};

TEST_F(RefusedPlatforms, NoRouteBetweenTwoHosts) {
    refused(zone("Full", "") + " " + deployment,
            {"p.xml", "route from host 'host-1' to host 'host-2'", "add a route"});
    refused(zone("Floyd",
                 "<router id=\"r\"/><link id=\"l\" bandwidth=\"1MBps\" latency=\"1ms\"/>"
                 "<route src=\"host-1\" dst=\"r\"><link_ctn id=\"l\"/></route>") +
                " " + deployment,
            {"route from host 'host-1' to host 'host-2'"});
    refused(zone("Full",
                 "<link id=\"l\" bandwidth=\"1MBps\" latency=\"1ms\"/><route src=\"host-1\" "
                 "dst=\"host-2\" symmetrical=\"NO\"><link_ctn id=\"l\"/></route>") +
                " " + deployment,
            {"route from host 'host-2' to host 'host-1'"});
}

TEST_F(RefusedPlatforms, AHostThatSimGridCrashesOn) {
    const std::string routed =
        "<router id=\"r\"/><link id=\"l\" bandwidth=\"1MBps\" latency=\"1ms\"/>"
        "<route src=\"host-1\" dst=\"r\"><link_ctn id=\"l\"/></route>";
    for (const char* routing : {"Dijkstra", "DijkstraCache"}) {
        refused(zone(routing, routed) + " " + deployment,
                {"p.xml", "looking for the route from host 'host-1' to host 'host-2'"});
    }
}

TEST_F(RefusedPlatforms, AHostWithoutNodesNeedsNoRoute) {
    const std::string island = link("bandwidth=\"100Mbps\" latency=\"10ms\"");
    const Ran ran = swarm_sim("--quiet " +
                              zone("Dijkstra", island,
                                   "<host id=\"island\" speed=\"1Gf\"/>"
                                   "<host id=\"host-2\" speed=\"1Gf\"><prop "
                                   "id=\"ip\" value=\"172.2.2.2\"/></host>") +
                              " " + deployment);
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
}

TEST_F(RefusedPlatforms, APeerWithoutCoordinates) {
    refused(file("v.xml",
                 "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM "
                 "\"https://simgrid.org/simgrid.dtd\">\n<platform version=\"4.1\">"
                 "<zone id=\"w\" routing=\"Vivaldi\">"
                 "<host id=\"host-1\" speed=\"1Gf\"/><host id=\"host-2\" speed=\"1Gf\"/>"
                 "</zone></platform>") +
                " " +
                actors("<actor host=\"host-1\" function=\"run-sn\"><argument "
                       "value=\"--host-ip=host-1\"/></actor><actor host=\"host-2\" "
                       "function=\"run-sn\"><argument value=\"--host-ip=host-2\"/></actor>"),
            {"v.xml", "host-1", "Vivaldi coordinates"});
}

TEST_F(RefusedPlatforms, ImpossibleSpeedsBandwidthsAndLatencies) {
    const std::string good = "bandwidth=\"100Mbps\" latency=\"10ms\"";
    for (const std::string speed : {"-1Gf", "0f", "nanGf", "1Gf,-2Gf"}) {
        refused(zone("Full", link(good), "<host id=\"host-2\" speed=\"" + speed + "\"/>") + " " +
                    deployment,
                {"p.xml: host 'host-2' has a speed of", "above 0"});
    }
    for (const std::string bandwidth : {"-5MBps", "0MBps", "infGBps"}) {
        refused(zone("Full", link("bandwidth=\"" + bandwidth + "\" latency=\"10ms\"")) + " " +
                    deployment,
                {"p.xml: link 'cable' has a bandwidth of", "above 0"});
    }
    for (const std::string latency : {"-1s", "1e300s", "nans"}) {
        const Ran ran =
            swarm_sim(zone("Full", link("bandwidth=\"1MBps\" latency=\"" + latency + "\"")) + " " +
                      deployment);
        EXPECT_EQ(ran.exit_code, 2) << ran.output;
        EXPECT_TRUE(ran.printed("link 'cable' has a latency of")) << ran.output;
    }
    refused(file("w.xml",
                 "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM "
                 "\"https://simgrid.org/simgrid.dtd\">\n<platform version=\"4.1\">"
                 "<zone id=\"w\" routing=\"Full\"><cluster id=\"c\" prefix=\"n\" suffix=\"\" "
                 "radical=\"0-2\" speed=\"1Gf\" bw=\"-125MBps\" lat=\"50us\"/></zone>"
                 "</platform>") +
                " " + deployment,
            {"link 'c_link_0_", "bandwidth of -125000000"});
}

TEST_F(RefusedPlatforms, ProfilesWithNegativeValues) {
    file("bandwidth", "1 1000000\n2 -5\n");
    file("latency", "1 -0.5\n");
    const std::string good = "bandwidth=\"100Mbps\" latency=\"10ms\" ";
    refused(zone("Full", link(good + "bandwidth_file=\"bandwidth\"")) + " " + deployment,
            {"link cable: bandwidth_file", "'2 -5'", "above 0"});
    refused(zone("Full", link(good + "latency_file=\"latency\"")) + " " + deployment,
            {"link cable: latency_file", "'1 -0.5'"});
}

TEST_F(RefusedPlatforms, ADirectoryInPlaceOfAFile) {
    fs::create_directories(path("dir"));
    const std::string dir = path("dir");
    const std::string says = dir + " is a directory";
    refused(dir + " " + deployment, {"platform file", says});
    refused(platform + " " + dir, {"deployment file", says});
    refused(platform + " " + deployment + " --calibration " + dir, {"--calibration", says});
    for (const char* profile : {"state_file", "bandwidth_file", "latency_file"}) {
        refused(zone("Full", link("bandwidth=\"1MBps\" latency=\"1ms\" " + std::string(profile) +
                                  "=\"" + dir + "\"")) +
                    " " + deployment,
                {"link cable: " + std::string(profile), says});
    }
    refused(platform + " " +
                actors("<actor host=\"host-1\" function=\"run-apls\"><argument "
                       "value=\"--host-ip=172.1.1.1\"/><argument value=\"--licence=" +
                       dir + "\"/><argument value=\"--licence-key=" + dir + "\"/></actor>"),
            {"--licence-key " + dir, "directory"});
}

TEST_F(RefusedPlatforms, SettingsThatThisSimGridDoesNotHave) {
    std::string text = read(platform);
    const std::string version = "<platform version=\"4.1\">";
    text.insert(text.find(version) + version.size(),
                "<config><prop id=\"no/such\" value=\"1\"/></config>");
    refused(file("c.xml", text) + " " + deployment,
            {"platform file", "c.xml: SimGrid ", "has no setting 'no/such'"});
    refused(platform + " " + deployment + " --cfg=no/such:1",
            {"--cfg: SimGrid ", "has no setting 'no/such'"});
}

TEST_F(RefusedPlatforms, InvalidTimes) {
    for (const std::string limit : {"5", "0s", "-1s", "soon"}) {
        refused(platform + " " + deployment + " --round-limit=" + limit,
                {"--round-limit " + limit});
    }
}

}  // namespace
}  // namespace starling::test
