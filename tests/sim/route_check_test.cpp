#include "sim/route_check.hpp"

#include <set>

#include <gtest/gtest.h>

namespace starling {
namespace {

using Pairs = std::set<std::pair<HostIndex, HostIndex>>;

std::vector<DeployedHost> hosts(HostIndex count, HostIndex servers) {
    std::vector<DeployedHost> all;
    for (HostIndex i = 0; i < count; ++i) {
        all.push_back({i, i < servers});
    }
    return all;
}

TEST(RouteCheck, ChecksAllPairsOfAFewHosts) {
    const auto pairs = pairs_to_check(hosts(141, 3));
    EXPECT_EQ(pairs.size(), 141U * 141U);
    EXPECT_EQ(Pairs(pairs.begin(), pairs.end()).size(), 141U * 141U);
}

TEST(RouteCheck, ChecksEachHostsRouteToAServerAndANeighbourIfThereAreMany) {
    const auto pairs = pairs_to_check(hosts(10'000, 2));
    const Pairs seen(pairs.begin(), pairs.end());
    for (HostIndex host = 1; host < 10'000; ++host) {
        ASSERT_TRUE(seen.contains({host, host}));
        ASSERT_TRUE(seen.contains({host, 0}) && seen.contains({0, host}));
        ASSERT_TRUE(seen.contains({host, (host + 1) % 10'000}));
    }
    EXPECT_LE(pairs.size(), 5U * 10'000U) << "the work grows linearly with the number of hosts";
}

TEST(RouteCheck, WorksWithoutAServer) {
    EXPECT_EQ(pairs_to_check(hosts(1000, 0)).size(), 3000U);
    EXPECT_TRUE(pairs_to_check({}).empty());
}

}  // namespace
}  // namespace starling
