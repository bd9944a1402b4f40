#include "sim/sim_network.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "core/wire/codec.hpp"
#include "sim/sim_connection.hpp"
#include "tests/sim/in_child.hpp"
#include "tests/sim/sim_support.hpp"
#include "tests/support/all_of_type.hpp"

namespace starling {
namespace {

constexpr SwarmDuration no_handshake{0};

Frame data(std::uint32_t index, std::size_t bytes) {
    SegmentData segment;
    segment.index = index;
    return {segment, Blob::phantom(bytes)};
}

SimListen exchange_port() {
    SimListen listen;
    listen.address = {"172.2.2.2", 30305};
    listen.accepts = std::set{Role::sl};
    return listen;
}

/// A node that records its inputs.
struct Peer final : SimNetwork::Receiver {
    Endpoint* endpoint = nullptr;
    std::function<void(Input&&)> on_input;
    std::vector<Input> inputs;
    std::vector<SwarmTime> times;

    void handle(Input&& input) override { on_input(std::move(input)); }
    template <typename T>
    std::vector<T> all() const {
        return test::all_of_type<T>(inputs);
    }
    template <typename T>
    SwarmTime first_time() const {
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            if (std::holds_alternative<T>(inputs[i])) {
                return times[i];
            }
        }
        return from_ns(-1);
    }
};

/// Two SLs on two hosts 10 ms apart, 100 Mbit/s; `a` dials `b`.
struct World {
    World()
        : engine("test", {std::string("--cfg=") + SIM_CFG}, false), network(engine, no_handshake) {
        const auto loaded = engine.load_platform(two_hosts_xml);
        if (!loaded) {
            throw std::runtime_error(loaded.error().message);
        }
        engine.on_host_change(
            [this](HostIndex host, bool) { network.kill({host == 0 ? "a" : "b"}, "host off"); });
    }
    void add(Peer& peer, const std::string& name, HostIndex host, Role role,
             std::vector<SimListen> listen) {
        peer.on_input = [this, &peer](Input&& input) {
            peer.inputs.push_back(std::move(input));
            peer.times.push_back(engine.now());
            if (on_input) {
                on_input(peer);
            }
        };
        const auto endpoint = network.attach({{name}, role, host, std::move(listen)}, peer);
        if (!endpoint) {
            throw std::runtime_error(endpoint.error().message);
        }
        peer.endpoint = *endpoint;
    }
    void add_pair() {
        add(a, "a", 0, Role::sl, {});
        add(b, "b", 1, Role::sl, std::vector<SimListen>(1, exchange_port()));
    }
    /// Connects, and calls `then` once both ends are up.
    void connect(std::function<void()> then) {
        add_pair();
        engine.at({}, [this] { a.endpoint->connect({"172.2.2.2", 30305}, Role::sl); });
        engine.at(SwarmTime{from_seconds(0.05)}, std::move(then));
    }

    SimEngine engine;
    SimNetwork network;
    Peer a;
    Peer b;
    std::function<void(Peer&)> on_input;
};

std::string number(std::uint64_t value) { return std::to_string(value); }
bool close_to(SwarmTime time, double seconds) {
    return std::abs(to_seconds(time.time_since_epoch()) - seconds) < 1e-4;
}

TEST(SimNetwork, ConnectionIsUpAfterTwoRoundTripsAndNamesTheAddressDialled) {
    EXPECT_EQ(
        in_child([]() -> std::string {
            World w;
            w.connect([] {});
            w.engine.run();
            const auto ups = w.a.all<PeerUp>();
            const auto ups_b = w.b.all<PeerUp>();
            if (ups.size() != 1 || ups_b.size() != 1) return "no PeerUp";
            if (ups[0].dialled != Address{"172.2.2.2", 30305} || !ups_b[0].dialled.host.empty())
                return "dialled";
            return close_to(w.a.first_time<PeerUp>(), 0.04) ? "" : "time";
        }),
        "");
}

TEST(SimNetwork, FramesArriveInOrderWhateverTheirSize) {
    EXPECT_EQ(in_child([]() -> std::string {
                  World w;
                  w.connect([&w] {
                      for (std::uint32_t i = 0; i < 200; ++i) {
                          w.a.endpoint->send({"b"}, data(i, i % 7 == 0 ? 262'144 : i % 3 * 1000));
                      }
                  });
                  w.engine.run();
                  const auto frames = w.b.all<FrameReceived>();
                  if (frames.size() != 200) return number(frames.size()) + " frames";
                  for (std::uint32_t i = 0; i < 200; ++i) {
                      if (std::get<SegmentData>(frames[i].frame.message).index != i)
                          return "order at " + number(i);
                  }
                  return "";
              }),
              "");
}

TEST(SimNetwork, OneMegabyteOnAColdConnectionTakesTheTimeOfTheFormula) {
    EXPECT_EQ(in_child([]() -> std::string {
                  World w;
                  const std::uint64_t body = 1'000'000 - wire_size(data(0, 0), false) - 61 * 22;
                  w.connect([&w, body] { w.a.endpoint->send({"b"}, data(0, body)); });
                  w.engine.run();
                  const double took =
                      to_seconds(w.b.first_time<FrameReceived>().time_since_epoch()) - 0.05;
                  return std::abs(took - 0.157) < 0.001 ? "" : std::to_string(took);
              }),
              "");
}

TEST(SimNetwork, BackToBackFramesUseTheWholeLink) {
    EXPECT_EQ(in_child([]() -> std::string {
                  World w;
                  w.connect([&w] {
                      for (std::uint32_t i = 0; i < 100; ++i)
                          w.a.endpoint->send({"b"}, data(i, 262'144));
                  });
                  w.engine.run();
                  const double took = to_seconds(w.b.times.back().time_since_epoch()) - 0.05;
                  const double line = static_cast<double>(w.network.total().sent) / (0.94 * 12.5e6);
                  // Slow start and one latency are added; no gaps between frames.
                  return took > line && took < line + 0.12 ? "" : std::to_string(took - line);
              }),
              "");
}

TEST(SimNetwork, BytesSentAreDeliveredAndAreTheSumOfTheWireSizes) {
    EXPECT_EQ(
        in_child([]() -> std::string {
            World w;
            std::uint64_t wanted = 0;
            w.connect([&w, &wanted] {
                for (std::uint32_t i = 0; i < 50; ++i) {
                    const Frame frame = data(i, i * 1777);
                    const std::uint64_t bytes = encoded_size(frame);
                    wanted += bytes + (bytes + 16'383) / 16'384 * 22;
                    w.a.endpoint->send({"b"}, frame);
                }
            });
            w.engine.run();
            const ByteCount count = w.network.bytes().at({0, 1});
            if (count.sent != wanted) return "sent " + number(count.sent) + " of " + number(wanted);
            return count.delivered == wanted && count.lost == 0 ? "" : "lost " + number(count.lost);
        }),
        "");
}

TEST(SimNetwork, BytesOfAKilledHostAreCountedAsLost) {
    EXPECT_EQ(in_child([]() -> std::string {
                  World w;
                  w.connect([&w] {
                      for (std::uint32_t i = 0; i < 50; ++i)
                          w.a.endpoint->send({"b"}, data(i, 262'144));
                  });
                  w.engine.at(SwarmTime{from_seconds(0.5)}, [&w] { w.engine.turn_host(1, false); });
                  w.engine.run();
                  const ByteCount count = w.network.total();
                  if (count.delivered == 0 || count.lost == 0) return "nothing delivered or lost";
                  if (count.sent != count.delivered + count.lost) return "not conserved";
                  if (w.a.all<PeerLost>().size() != 1) return "the live end was not told";
                  if (!w.b.all<PeerLost>().empty()) return "the dead end was told";
                  return close_to(w.a.first_time<PeerLost>(), 0.5) ? "" : "told late";
              }),
              "");
}

TEST(SimNetwork, BytesInFlightAtTheEndCountAsLost) {
    EXPECT_EQ(in_child([]() -> std::string {
                  World w;
                  w.connect([&w] { w.a.endpoint->send({"b"}, data(0, 262'144)); });
                  w.engine.at(SwarmTime{from_seconds(0.06)}, [&w] { w.engine.stop(); });
                  w.engine.run();
                  w.network.end();
                  const ByteCount count = w.network.total();
                  return count.sent > 0 && count.sent == count.lost ? "" : number(count.lost);
              }),
              "");
}

TEST(SimNetwork, CutLinkResetsTheConnectionAtBothEnds) {
    EXPECT_EQ(in_child([]() -> std::string {
                  World w;
                  w.connect([&w] { w.a.endpoint->send({"b"}, data(0, 262'144)); });
                  w.engine.at(SwarmTime{from_seconds(0.06)},
                              [&w] { w.engine.turn_link("wan", false); });
                  w.engine.at(SwarmTime{from_seconds(1)},
                              [&w] { w.a.endpoint->send({"b"}, data(1, 10)); });
                  w.engine.run();
                  if (w.a.all<PeerLost>().size() != 1 || w.b.all<PeerLost>().size() != 1)
                      return "not told once";
                  const ByteCount count = w.network.total();
                  if (count.sent != count.lost) return "a frame over a cut link was delivered";
                  return w.b.all<FrameReceived>().empty() ? "" : "received";
              }),
              "");
}

TEST(SimNetwork, HealedLinkCanBeUsedAgain) {
    EXPECT_EQ(
        in_child([]() -> std::string {
            World w;
            w.connect([] {});
            w.engine.at(SwarmTime{from_seconds(1)}, [&w] { w.engine.turn_link("wan", false); });
            w.engine.at(SwarmTime{from_seconds(2)}, [&w] { w.engine.turn_link("wan", true); });
            w.engine.at(SwarmTime{from_seconds(3)}, [&w] {
                w.a.endpoint->connect({"172.2.2.2", 30305}, Role::sl);
            });
            w.engine.at(SwarmTime{from_seconds(4)},
                        [&w] { w.a.endpoint->send({"b"}, data(7, 10)); });
            w.engine.run();
            return w.b.all<FrameReceived>().size() == 1 && w.a.all<PeerUp>().size() == 2 ? ""
                                                                                         : "no";
        }),
        "");
}

TEST(SimNetwork, KilledProcessIsNoticedOneLatencyLater) {
    EXPECT_EQ(in_child([]() -> std::string {
                  World w;
                  w.connect([] {});
                  w.engine.at(SwarmTime{from_seconds(1)},
                              [&w] { w.network.kill({"b"}, "killed"); });
                  w.engine.run();
                  return close_to(w.a.first_time<PeerLost>(), 1.01) ? "" : "time";
              }),
              "");
}

TEST(SimNetwork, AStoppedNodeStillDeliversWhatItSent) {
    EXPECT_EQ(in_child([]() -> std::string {
                  World w;
                  w.connect([&w] {
                      for (std::uint32_t i = 0; i < 20; ++i)
                          w.a.endpoint->send({"b"}, data(i, 262'144));
                      w.network.close({"a"});
                  });
                  w.engine.run();
                  if (w.b.all<FrameReceived>().size() != 20)
                      return number(w.b.all<FrameReceived>().size());
                  return std::holds_alternative<PeerLost>(w.b.inputs.back())
                             ? ""
                             : "no PeerLost after the last frame";
              }),
              "");
}

TEST(SimNetwork, ConnectFailsIfNothingListensOrTheRoleDiffers) {
    EXPECT_EQ(
        in_child([]() -> std::string {
            World w;
            w.add_pair();
            Peer tool;
            w.add(tool, "tool", 0, Role::tool, {});
            w.engine.at({}, [&] {
                w.a.endpoint->connect({"172.2.2.2", 99}, Role::sl);      // nothing listens there
                w.a.endpoint->connect({"172.2.2.2", 30305}, Role::sn);   // an SL, not an SN
                tool.endpoint->connect({"172.2.2.2", 30305}, Role::sl);  // does not accept tools
                w.b.endpoint->connect({"/host-1/a.sock", 0},
                                      Role::sl);  // a path belongs to the own host
            });
            w.engine.run();
            const auto a = w.a.all<ConnectFailed>();
            const auto t = tool.all<ConnectFailed>();
            const auto b = w.b.all<ConnectFailed>();
            if (a.size() != 2 || t.size() != 1 || b.size() != 1) return "not all told";
            if (a[0].error.code != Errc::unreachable || a[0].fatal) return "unreachable";
            if (a[1].error.code != Errc::refused || !a[1].fatal) return "wrong role";
            if (t[0].error.code != Errc::refused || !t[0].fatal) return "not accepted";
            return b[0].error.code == Errc::unreachable ? "" : "path";
        }),
        "");
}

TEST(SimNetwork, DeadHostIsUnreachableAfterTheTimeLimit) {
    EXPECT_EQ(in_child([]() -> std::string {
                  World w;
                  w.add_pair();
                  w.engine.at({}, [&w] {
                      w.engine.turn_host(1, false);
                      w.a.endpoint->connect({"172.2.2.2", 30305}, Role::sl);
                  });
                  w.engine.run();
                  const auto failed = w.a.all<ConnectFailed>();
                  if (failed.size() != 1 || failed[0].error.code != Errc::unreachable)
                      return "not told";
                  return close_to(w.a.first_time<ConnectFailed>(), 5.0) ? "" : "time";
              }),
              "");
}

TEST(SimNetwork, ANewerConnectionReplacesTheOlder) {
    EXPECT_EQ(in_child([]() -> std::string {
                  World w;
                  w.connect([&w] { w.a.endpoint->connect({"172.2.2.2", 30305}, Role::sl); });
                  w.engine.at(SwarmTime{from_seconds(1)},
                              [&w] { w.b.endpoint->send({"a"}, data(3, 10)); });
                  w.engine.run();
                  if (w.a.all<PeerUp>().size() != 2 || !w.a.all<PeerLost>().empty())
                      return "PeerUp twice, no PeerLost";
                  return w.a.all<FrameReceived>().size() == 1 ? "" : "frame";
              }),
              "");
}

TEST(PeerTable, FindsTheConnectionsOfAFewAndOfManyPeersInTheOrderOfTheirIds) {
    using namespace sim_connection;
    Slot own;
    PeerTable table;
    std::vector<std::unique_ptr<Slot>> slots;
    std::vector<ConnectionPtr> connections;
    for (int i = 0; i < 100; ++i) {
        slots.push_back(std::make_unique<Slot>());
        slots.back()->place.id.name = "n" + std::to_string(100 + i * 37 % 100);
        connections.push_back(ConnectionPtr::make());
        const int side = i % 2;
        connections.back()->end[index(side)] = &own;
        connections.back()->end[index(1 - side)] = slots.back().get();
        table.add(connections.back(), side);
        EXPECT_EQ(table.find(slots.front()->place.id), connections.front());
        EXPECT_EQ(table.find(slots.back()->place.id), connections.back());
        EXPECT_FALSE(table.find({"n099"}));
        std::vector<std::string> names;
        table.for_each([&](const NodeId& id, const ConnectionPtr&) { names.push_back(id.name); });
        EXPECT_EQ(names.size(), slots.size());
        EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
        if (i % 10 == 9) {
            table.erase(slots.back()->place.id);
            EXPECT_FALSE(table.find(slots.back()->place.id));
            table.add(connections.back(), side);
        }
    }
}

TEST(LanePool, FreesLanesThatAreAsNew) {
    using namespace sim_connection;
    LanePool pool;
    Connection one;
    Connection other;
    Lane& lane = pool.give(one.lane[0], at(0));
    lane.undelivered_bytes = 10;
    pool.give(other.lane[0], at(100)).undelivered_bytes = 10;
    EXPECT_EQ(pool.find(one.lane[0]), &lane) << "it is in use";
    lane.undelivered_bytes = 0;
    (void)lane.slow_start.charge(at(100), 100'000, std::chrono::milliseconds(20), 1e9);
    lane.slow_start.idle_from(at(100));
    pool.give(other.lane[1], at(100.9)).undelivered_bytes = 10;
    EXPECT_EQ(pool.find(one.lane[0]), &lane) << "its window is still large";
    EXPECT_EQ(pool.size(), 3U);
    pool.give(one.lane[1], at(101)).undelivered_bytes = 10;
    EXPECT_EQ(pool.find(one.lane[0]), nullptr);
    EXPECT_EQ(pool.size(), 3U);
    for (Connection* connection : {&one, &other}) {
        for (LanePool::Number& direction : connection->lane) {
            pool.take_back(direction);
            EXPECT_EQ(direction, 0U);
        }
    }
    EXPECT_EQ(pool.size(), 0U);
}

TEST(SimNetwork, PortInUseIsNamed) {
    EXPECT_EQ(in_child([]() -> std::string {
                  World w;
                  w.add_pair();
                  Peer c;
                  const auto second = w.network.attach(
                      {{"c"}, Role::sl, 1, std::vector<SimListen>(1, exchange_port())}, c);
                  if (second) return "accepted";
                  return second.error().message.find("in use by b") != std::string::npos
                             ? ""
                             : second.error().message;
              }),
              "");
}

}  // namespace
}  // namespace starling
