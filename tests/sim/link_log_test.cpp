// What a simulation tells of the platform's links.
#include <map>
#include <set>

#include "core/json/json.hpp"
#include "core/trace/event_fields.hpp"
#include "core/trace/trace_text.hpp"
#include "tests/sim/swarm_sim.hpp"

namespace starling::test {
namespace {

class LinkUseOverTime : public SwarmSim {
protected:
    /// Runs two hosts, and reads what the trace says of links.
    void simulate(const std::string& flags) {
        const Ran ran = swarm_sim(platform + " " + deployment + " --quiet --trace " +
                                  path("t.trace") + " --json " + path("t.json") + " " + flags);
        ASSERT_EQ(ran.exit_code, 0) << ran.output;
        std::istringstream lines(read(path("t.trace")));
        std::int64_t latest = 0;
        for (std::string line; std::getline(lines, line);) {
            const auto text = parse_trace_line(line);
            if (!text) {
                continue;
            }
            const EventFields fields(text->event);
            if (text->event.name == "link_used") {
                EXPECT_GE(text->time_ns, latest) << line;
                latest = text->time_ns;
                const std::string link(fields.text("link"));
                bytes[link] += fields.number("bytes").value_or(0);
                rates[link].insert(fields.number("bytes_per_second").value_or(0));
                times.insert(text->time_ns);
            } else if (text->event.name == "route_used") {
                routes.insert(std::string(fields.text("from")) + ">" +
                              std::string(fields.text("to")) + " " +
                              std::string(fields.text("links")));
            }
        }
    }

    std::map<std::string, std::uint64_t> bytes;
    std::map<std::string, std::set<std::uint64_t>> rates;
    std::set<std::int64_t> times;
    std::set<std::string> routes;
};

TEST_F(LinkUseOverTime, AddsUpToWhatTheSummarySays) {
    simulate("");
    const Result<JsonValue> summary = parse_json(read(path("t.json")));
    ASSERT_TRUE(summary);
    std::map<std::string, std::uint64_t> all;
    for (const JsonMember& link : summary->find("links")->items) {
        all[link.value.find("name")->text] = std::stoull(link.value.find("bytes")->text);
    }
    EXPECT_EQ(bytes, all);
    EXPECT_EQ(routes, (std::set<std::string>{"host-1>host-2 wan_UP", "host-2>host-1 wan_DOWN"}));
    EXPECT_GT(times.size(), 10U);
}

TEST_F(LinkUseOverTime, SaysWhatALinkCanCarryWhenConditionsChange) {
    simulate("--fault 't=2s bandwidth 10Mbps for 3s wan'");
    EXPECT_EQ(rates["wan_UP"], (std::set<std::uint64_t>{1'175'000, 11'750'000}));
}

TEST_F(LinkUseOverTime, IsTheSameForTheSameSeed) {
    simulate("--seed 5");
    const std::string first = read(path("t.trace"));
    simulate("--seed 5");
    EXPECT_EQ(first, read(path("t.trace")));
}

}  // namespace
}  // namespace starling::test
