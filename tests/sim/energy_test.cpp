#include "sim/energy.hpp"

#include <cmath>

#include <gtest/gtest.h>
#include <simgrid/plugins/energy.h>
#include <simgrid/s4u.hpp>

#include "core/json/json.hpp"
#include "tests/sim/in_child.hpp"
#include "tests/sim/sim_support.hpp"
#include "tests/sim/swarm_sim.hpp"
#include "tests/support/temporary_directory.hpp"

namespace starling::test {
namespace {

namespace s4u = simgrid::s4u;

std::string platform_of(const std::string& zone) {
    return "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM "
           "\"https://simgrid.org/simgrid.dtd\">\n<platform version=\"4.1\">"
           "<zone id=\"w\" routing=\"Full\">" +
           zone + "</zone></platform>\n";
}

std::string watts(const std::string& per_state, const std::string& off = "") {
    return "<prop id=\"wattage_per_state\" value=\"" + per_state + "\"/>" +
           (off.empty() ? "" : "<prop id=\"wattage_off\" value=\"" + off + "\"/>");
}

std::string differs(const std::string& what, double got, double wanted) {
    return std::abs(got - wanted) <= 1e-6 * std::abs(wanted)
               ? ""
               : what + ": " + std::to_string(got) + ", not " + std::to_string(wanted) + "\n";
}

/// The number at the end of a path of names in an object.
double number(const JsonValue& json, std::initializer_list<const char*> path) {
    const JsonValue* value = &json;
    for (const char* name : path) {
        value = value->find(name);
        if (value == nullptr) {
            ADD_FAILURE() << "the summary has no " << name;
            return 0.0;
        }
    }
    return std::stod(value->text);
}

double sum(const JsonValue& list, const char* name) {
    double total = 0.0;
    for (const JsonMember& item : list.items) {
        total += number(item.value, {name});
    }
    return total;
}

/// An engine with SimGrid's own energy plugins, which count what its activities use.
struct WithPlugins {
    explicit WithPlugins(const std::string& zone)
        : engine("test", {std::string("--cfg=") + SIM_CFG}, false) {
        sg_host_energy_plugin_init();
        sg_link_energy_plugin_init();
        const std::string file = directory.path() / "platform.xml";
        std::ofstream(file) << platform_of(zone);
        if (const auto loaded = engine.load_platform(file); !loaded) {
            throw std::runtime_error(loaded.error().message);
        }
        watts = *PlatformWatts::read(engine, platform_of(zone));
    }

    TemporaryDirectory directory;
    SimEngine engine;
    PlatformWatts watts;
};

TEST(Energy, OfAHostIsWhatSimGridsPluginCountsForTheSameLoad) {
    EXPECT_EQ(in_child([] {
                  WithPlugins with("<host id=\"a-1\" speed=\"1Gf\" core=\"4\">" +
                                   watts("95:120:200", "10") + "</host>");
                  SimMachines machines(with.engine, {}, 0.0, 1);
                  s4u::Host* host = s4u::Host::by_name("a-1");
                  std::vector<CpuTask> tasks;
                  std::vector<s4u::ExecPtr> execs;
                  OffTimes off;
                  // One core, then two, then five tasks on four cores; rest; off; rest.
                  for (const auto& [begin, seconds] : std::vector<std::pair<double, double>>{
                           {1, 9}, {3, 2}, {6, 2}, {6, 2}, {6, 2}, {6, 2}}) {
                      with.engine.at(at(begin), [&, seconds = seconds] {
                          tasks.push_back(machines.host(0).compute(seconds, [] {}));
                          execs.push_back(s4u::Exec::init());
                          execs.back()->set_flops_amount(seconds * 1e9)->set_host(host)->start();
                      });
                  }
                  for (const auto& [when, on] :
                       std::vector<std::pair<double, bool>>{{20, false}, {27, true}}) {
                      with.engine.at(at(when), [&, on = on] {
                          with.engine.turn_host(0, on);
                          off.changed(with.engine.now(), "a-1", on);
                      });
                  }
                  with.engine.at(at(30), [] {});
                  with.engine.run();
                  const EnergyUse use =
                      energy_use(with.watts, with.engine, {0}, machines, off, {}, at(30));
                  const double plugin = sg_host_get_consumed_energy(host);
                  return differs("joules", use.all_hosts().joules, plugin) +
                         differs("at rest", use.all_hosts().at_rest, 95 * 23 + 10 * 7) +
                         (plugin > 2400 ? "" : "the plugin counted nothing") +
                         (use.hosts.at(0).name == "a" ? "" : use.hosts.at(0).name);
              }),
              "");
}

TEST(Energy, OfALinkIsWhatSimGridsPluginCountsForTheSameBytes) {
    EXPECT_EQ(in_child([] {
                  WithPlugins with(
                      "<host id=\"a\" speed=\"1Gf\"/><host id=\"b\" speed=\"1Gf\"/>"
                      "<link id=\"l\" bandwidth=\"8Mbps\" latency=\"1ms\">"
                      "<prop id=\"wattage_range\" value=\"10:30\"/></link>"
                      "<route src=\"a\" dst=\"b\"><link_ctn id=\"l\"/></route>");
                  SimMachines machines(with.engine, {}, 0.0, 1);
                  constexpr std::uint64_t bytes = 4'700'000;  // five seconds at 0.94 MB/s
                  double arrived = 0.0;
                  with.engine.at(at(2), [&] {
                      with.engine.transfer(0, 1, bytes, [&](bool) {
                          arrived = to_seconds(with.engine.now().time_since_epoch());
                      });
                  });
                  with.engine.at(at(10), [&] { with.engine.stop(); });
                  with.engine.run();
                  const SimLink link = with.engine.route_links(0, 1).at(0);
                  const EnergyUse use =
                      energy_use(with.watts, with.engine, {0, 1}, machines, {},
                                 {{link.name, bytes, link.bytes_per_second}}, at(10));
                  return differs("seconds", arrived, 7.0) +
                         differs("joules", use.links.joules,
                                 sg_link_get_consumed_energy(s4u::Link::by_name("l"))) +
                         differs("by hand", use.links.joules, 10 * 10 + (30 - 10) * 5) +
                         (use.hosts.empty() ? "" : "hosts without watts have energy");
              }),
              "");
}

TEST(Energy, LinksOfClustersAndSplitDuplexLinksHaveTheWattsOfTheirElement) {
    EXPECT_EQ(in_child([]() -> std::string {
                  WithPlugins with(
                      "<cluster id=\"c\" prefix=\"c-\" suffix=\"\" radical=\"1-2\" speed=\"1Gf\" "
                      "bw=\"1Mbps\" lat=\"1ms\" router_id=\"c-router\">" +
                      watts("1:2:3") +
                      "<prop id=\"wattage_range\" value=\"4:5\"/></cluster>"
                      "<link id=\"wan\" bandwidth=\"1Mbps\" latency=\"1ms\" "
                      "sharing_policy=\"SPLITDUPLEX\"><prop id=\"wattage_range\" "
                      "value=\"6:7\"/></link><link id=\"plain\" bandwidth=\"1Mbps\" "
                      "latency=\"1ms\"/>");
                  const auto busy = [&](const std::string& name) {
                      const LinkWatts* watts = with.watts.link(name);
                      return watts == nullptr ? std::string("-") : std::to_string(watts->busy);
                  };
                  const std::string up = with.engine.route_links(0, 1).at(0).name;
                  return busy(up) + " " + busy("wan_UP") + " " + busy("wan_DOWN") + " " +
                         busy("plain") + " " + std::to_string(with.watts.host(1)->all_cores);
              }),
              "5.000000 7.000000 7.000000 - 3.000000");
}

TEST_F(SwarmSim, TheSummaryHasTheEnergyThatFollowsFromTimeAndLoad) {
    const std::string hosts = "<host id=\"node-1\" speed=\"1Gf\">" + watts("100:120:200") +
                              "</host><host id=\"node-2\" speed=\"1Gf\">" + watts("100:120:200") +
                              "</host><link id=\"l\" bandwidth=\"8Mbps\" latency=\"1ms\"/>"
                              "<route src=\"node-1\" dst=\"node-2\"><link_ctn id=\"l\"/></route>";
    const std::string watted = file("watts.xml", platform_of(hosts));
    const Ran ran =
        swarm_sim(watted + " --scale 2 --rounds 3 --exchange star --quiet --json " + path("j"));
    ASSERT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_TRUE(ran.printed("energy of     2 hosts node: ")) << ran.output;
    const JsonValue json = *parse_json(read(path("j")));
    const double seconds = number(json, {"simulated_seconds"});
    const double core_seconds = sum(*json.find("machines"), "cpu_seconds");
    EXPECT_GT(core_seconds, 2 * 12.8);  // both trained
    const JsonValue& kinds = *json.find("energy")->find("hosts");
    ASSERT_EQ(kinds.items.size(), 1U);
    const JsonValue& node = kinds.items.front().value;
    EXPECT_EQ(number(node, {"hosts"}), 2);
    EXPECT_NEAR(number(node, {"joules_at_rest"}), 2 * 100 * seconds, 0.01);
    // One core: whenever it works, it works fully.
    EXPECT_NEAR(number(node, {"joules"}), 2 * 100 * seconds + 100 * core_seconds, 0.01);
    EXPECT_EQ(number(json, {"energy", "links", "links"}), 0);

    const Ran shared = swarm_sim(watted + " --scale 2 --quiet --cores-shared 1");
    EXPECT_TRUE(shared.printed("energy        not computed: host node-1 shares the cores"))
        << shared.output;
    EXPECT_FALSE(swarm_sim(platform + " --scale 2 --quiet").printed("energy"));
}

TEST_F(SwarmSim, WattsThatMakeNoSenseAreRefusedByName) {
    for (const char* bad : {"100", "1:2:3:4", "a:b", "-1:2", "1:2,", ",1:2", "nan:1", "1:inf"}) {
        const Ran ran =
            swarm_sim(file("w.xml", platform_of("<host id=\"h1\" speed=\"1Gf\">" + watts(bad) +
                                                "</host><host id=\"h2\" speed=\"1Gf\"/>")) +
                      " --scale 2");
        const bool second_state = std::string(bad) == "1:2,";  // of a state that it does not have
        EXPECT_EQ(ran.exit_code == 2 && ran.printed("of host 'h1' is not Idle:AllCores or "),
                  !second_state)
            << bad << ": " << ran.output;
    }
    const Ran link =
        swarm_sim(file("l.xml", platform_of("<host id=\"h1\" speed=\"1Gf\"/><link id=\"l\" "
                                            "bandwidth=\"1MBps\" latency=\"0\"><prop "
                                            "id=\"wattage_range\" value=\"1\"/></link>")) +
                  " --scale 2");
    EXPECT_EQ(link.exit_code, 2);
    EXPECT_TRUE(link.printed("wattage_range=\"1\" of link 'l' is not Idle:Busy")) << link.output;
}

// What README.md shows for 1,000 devices.
TEST_F(SwarmSim, ATreeAmongDevicesOnSlowLinksTakesLessTimeAndEnergyThanAStar) {
    const std::string edge = path("edge.xml");
    ASSERT_EQ(
        std::system(("python3 " + root + "/platforms/generate edge --hosts 60 -o " + edge).c_str()),
        0);
    const auto with_plan = [&](const std::string& exchange) {
        const Ran ran = swarm_sim(edge + " --scale 60 --sn-host gateway-1 --rounds 3 --exchange " +
                                  exchange + " --parameters 131072 --quiet --json " + path("j"));
        EXPECT_EQ(ran.exit_code, 0) << ran.output;
        EXPECT_TRUE(ran.printed("none sent twice")) << ran.output;
        return *parse_json(read(path("j")));
    };
    const auto joules = [](const JsonValue& json) {
        return number(json, {"energy", "links", "joules"}) +
               sum(*json.find("energy")->find("hosts"), "joules");
    };
    const JsonValue star = with_plan("star");
    const JsonValue tree = with_plan("tree");
    EXPECT_LT(2 * number(tree, {"exchange_seconds_median"}),
              number(star, {"exchange_seconds_median"}));
    EXPECT_LT(joules(tree), joules(star));
    EXPECT_EQ(tree.find("energy")->find("hosts")->items.size(), 4U);
}

}  // namespace
}  // namespace starling::test
