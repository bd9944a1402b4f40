// A swarm of the size for which the simulator is built. A test of its own, since it takes a minute.
#include <cstdlib>

#include "tests/sim/swarm_sim.hpp"

namespace starling::test {
namespace {

double number_before(const std::string& text, const std::string& unit) {
    const std::size_t end = text.find(unit);
    const std::size_t begin = end == std::string::npos ? end : text.find_last_of(' ', end - 1);
    return begin == std::string::npos ? 0.0 : std::strtod(text.c_str() + begin, nullptr);
}

TEST_F(SwarmSim, TenThousandHostsMergeAModelOf45MegabytesTwentyTimes) {
    const Ran ran = swarm_sim("--scale 10000 --rounds 20 --parameters 11173962 --quiet");
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_TRUE(ran.printed("rounds        20\n")) << ran.output;
    EXPECT_TRUE(ran.printed("20001 ended with exit code 0, 0 did not")) << ran.output;
    EXPECT_TRUE(ran.printed("none sent twice")) << ran.output;
    EXPECT_TRUE(ran.printed(" delivered, 0 lost\n")) << ran.output;
    const double megabytes = number_before(ran.output, " MB at most");
    EXPECT_GT(megabytes, 50.0) << ran.output;
    EXPECT_LE(megabytes, 500.0) << ran.output;
}

}  // namespace
}  // namespace starling::test
