// The duration of a round against the bandwidth of its members' links, from 32 kbit/s to 10 Gbit/s:
// it falls as 1 / bandwidth, nobody is excluded, and no byte of a segment is sent twice.
#include <cmath>

#include <gtest/gtest.h>

#include "tests/sim/sim_scenario.hpp"
#include "tests/support/sanitizers.hpp"
#include "tests/support/temporary_directory.hpp"

namespace starling::test {
namespace {

/// Enough parameters that the exchange outweighs what does not depend on the links, such as the
/// gathering of check-ins, during which it begins.
struct Size {
    int members;
    std::uint64_t parameters;
};
void PrintTo(const Size& size, std::ostream* out) { *out << size.members << " members"; }

constexpr double bits_per_second[] = {32e3, 1e6, 32e6, 1e9, 10e9};

std::string head() {
    return "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM "
           "\"https://simgrid.org/simgrid.dtd\">\n<platform version=\"4.1\">\n";
}

/// Members on links of their own, connected by a switch; the SN has a fast link.
std::string platform_of(int members, double bandwidth) {
    std::ostringstream text;
    text << head() << "<zone id=\"world\" routing=\"Full\">\n";
    for (int i = 0; i <= members; ++i) {
        text << "<host id=\"host-" << i << "\" speed=\"1Gf\"/>\n";
    }
    for (int i = 0; i <= members; ++i) {
        text << "<link id=\"link-" << i << "\" bandwidth=\"" << (i == 0 ? 10e9 : bandwidth)
             << "bps\" latency=\"25us\" sharing_policy=\"SPLITDUPLEX\"/>\n";
    }
    for (int a = 0; a <= members; ++a) {
        for (int b = a + 1; b <= members; ++b) {
            text << "<route src=\"host-" << a << "\" dst=\"host-" << b << "\"><link_ctn id=\"link-"
                 << a << "\" direction=\"UP\"/><link_ctn id=\"link-" << b
                 << "\" direction=\"DOWN\"/></route>\n";
        }
    }
    text << "</zone>\n</platform>\n";
    return text.str();
}

std::string deployment_of(const Size& size) {
    std::ostringstream text;
    text << head() << "<actor host=\"host-0\" function=\"run-sn\"><argument value=\"--name=sn1\"/>"
         << "<argument value=\"--host-ip=host-0\"/><argument value=\"--sentinel\"/></actor>\n";
    for (int i = 1; i <= size.members; ++i) {
        text << "<actor host=\"host-" << i << "\" function=\"run-sl\">";
        for (const std::string& argument :
             {"--name=sl" + std::to_string(i), "--host-ip=host-" + std::to_string(i),
              std::string("--sn-ip=host-0"), std::string("--ml-entrypoint=modelled"),
              "--ml-name=ml" + std::to_string(i), std::string("--ml-e=MAX_EPOCHS=1"),
              "--ml-e=MIN_PEERS=" + std::to_string(size.members)}) {
            text << "<argument value=\"" << argument << "\"/>";
        }
        text << "<prop id=\"model.parameters\" value=\"" << size.parameters
             << "\"/><prop id=\"model.seconds_per_batch\" value=\"0.01\"/>"
             << "<prop id=\"model.samples\" value=\"320\"/></actor>\n";
    }
    text << "</platform>\n";
    return text.str();
}

/// The median duration of its rounds, from when all members are there (if they do not exchange
/// before, from the freeze) until they have merged it; or what is wrong.
std::string judge(const ScenarioRun& run, const Size& size) {
    std::string wrong = one_final_model(run) + no_violation(run);
    for (const char* event :
         {"members_kept_apart", "member_excluded", "member_gone", "segment_refused"}) {
        if (const auto seen = run.trace.named(event); !seen.empty()) {
            wrong += std::to_string(seen.size()) + " times " + event + "\n";
        }
    }
    std::uint64_t sent = 0;
    for (const auto& done : run.trace.named("round_done")) {
        sent += std::stoull(field(done, "sent_bytes"));
    }
    const auto commits = run.trace.named("round_committed");
    const std::uint64_t needed =
        commits.size() * 2 * (static_cast<std::uint64_t>(size.members) - 1) * 4 * size.parameters;
    if (sent != needed) {
        wrong += std::to_string(sent) + " bytes of segments were sent where " +
                 std::to_string(needed) + " are needed\n";
    }
    if (!wrong.empty()) {
        return wrong;
    }
    const auto last_of_rounds = [&](const char* event) {
        std::map<int, double> last;
        for (const auto& line : run.trace.named(event)) {
            double& at = last[std::stoi(field(line, "round"))];
            at = std::max(at, seconds_of(line));
        }
        return last;
    };
    const auto checked_in = last_of_rounds("check_in");
    const auto early = last_of_rounds("merged_early");
    const auto frozen = last_of_rounds("round_frozen");
    std::vector<double> took;
    for (const auto& [round, end] : last_of_rounds("exchange_done")) {
        const bool is_early = early.contains(round);
        took.push_back(is_early ? early.at(round) - checked_in.at(round) : end - frozen.at(round));
    }
    std::ranges::nth_element(took, took.begin() + static_cast<std::ptrdiff_t>(took.size() / 2));
    return "took " + std::to_string(took[took.size() / 2]);
}

/// Slope of log(time) over log(1 / bandwidth), by least squares.
double slope(const std::vector<double>& rates, const std::vector<double>& seconds) {
    double x_mean = 0;
    double y_mean = 0;
    const auto count = static_cast<double>(seconds.size());
    for (std::size_t i = 0; i < seconds.size(); ++i) {
        x_mean += -std::log(rates[i]) / count;
        y_mean += std::log(seconds[i]) / count;
    }
    double xy = 0;
    double xx = 0;
    for (std::size_t i = 0; i < seconds.size(); ++i) {
        const double x = -std::log(rates[i]) - x_mean;
        xy += x * (std::log(seconds[i]) - y_mean);
        xx += x * x;
    }
    return xy / xx;
}

class Bandwidth : public testing::TestWithParam<Size> {};

TEST_P(Bandwidth, ARoundTakesAsLongAsItsBytes) {
    const Size size = GetParam();
    const TemporaryDirectory folder;
    const auto write = [&](const std::string& name, const std::string& text) {
        std::ofstream(folder.path() / name) << text;
        return (folder.path() / name).string();
    };
    std::vector<double> rates;
    std::vector<double> seconds;
    for (const double bandwidth : bits_per_second) {
        if (with_sanitizers && bandwidth < 1e6 && size.members > 8) {
            std::printf(
                "not simulated: %d members at %.0f bit/s, hours of heartbeats take minutes "
                "under the sanitizers\n",
                size.members, bandwidth);
            continue;
        }
        Scenario scenario{write("platform.xml", platform_of(size.members, bandwidth)),
                          write("deployment.xml", deployment_of(size))};
        scenario.until_seconds = 1e6;
        const std::string told =
            run_scenario(scenario, [&](const ScenarioRun& run) { return judge(run, size); });
        ASSERT_EQ(told.substr(0, 5), "took ") << bandwidth << " bit/s: " << told;
        seconds.push_back(std::stod(told.substr(5)));
        rates.push_back(bandwidth);
        std::printf("[ measured ] %2d members, %11.0f bit/s: %12.4f s a round\n", size.members,
                    bandwidth, seconds.back());
    }
    EXPECT_NEAR(slope(rates, seconds), 1.0, 0.1);
}

INSTANTIATE_TEST_SUITE_P(Members, Bandwidth,
                         testing::Values(Size{2, 5'000'000}, Size{8, 1'000'000}, Size{24, 750'000},
                                         Size{64, 65'536}),
                         [](const auto& size) { return std::to_string(size.param.members); });

}  // namespace
}  // namespace starling::test
