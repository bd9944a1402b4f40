// Licence servers, nodes with a seat, and tools, with malicious peers.
#include "core/base/invariant.hpp"
#include "core/licence/apls_node.hpp"
#include "core/licence/licensed_node.hpp"
#include "core/sl/sl_node.hpp"
#include "core/tool/tool_node.hpp"
#include "tests/fuzz/drawer.hpp"
#include "tests/fuzz/targets.hpp"

namespace starling::fuzz {
namespace {

using test::NodeBench;

constexpr int steps_max = 60;
constexpr int timers_max = 40;  // two hours would have thousands, all alike

void licence_server(ByteView input) {
    Drawer draw(input);
    AplsNodeOptions options;
    options.id = {"apls1"};
    options.admins = {{"swci1"}};
    options.licence.licensee = "x\"\n";
    options.licence.seats = {{Role::sl, 2}, {Role::sn, 1}};
    options.licence.valid_until = 4'000'000'000;
    NodeBench bench(make_apls_node(std::move(options)));
    const std::map<std::string, Role> roles = {{"sl1", Role::sl},  {"sl2", Role::sl},
                                               {"sl3", Role::sl},  {"sn1", Role::sn},
                                               {"zz", Role::tool}, {"swci1", Role::tool}};
    for (const auto& [name, role] : roles) {
        bench.step(PeerUp{{name}, role, {}});
    }
    for (int step = 0; step < steps_max && !draw.done(); ++step) {
        const NodeId node = draw.node();
        const auto role = roles.find(node.name);
        if (role == roles.end()) {
            continue;  // no peer can connect under such a name
        }
        switch (draw.in_range(0, 9)) {
            case 0:
                bench.pass(draw.time_span(), timers_max);
                break;
            case 1:
                bench.step(PeerLost{node, ""});
                break;
            case 2:
                bench.step(PeerUp{node, role->second, {}});
                break;
            case 3:
            case 4:
                if (role->second != Role::tool) {
                    bench.frame(node, SeatRequest{draw.coin()});
                }
                break;
            default:
                bench.frame(node, draw.message(nullptr));
        }
        STARLING_INVARIANT(!bench.stopped, "no node, and no tool, stops a licence server");
    }
}

void licensed_node(ByteView input) {
    Drawer draw(input);
    SlNodeOptions options;
    options.id = {"sl1"};
    options.sn_addresses = {{"10.0.1.1", 1}};
    options.exchange_address = {"10.0.0.1", 1};
    options.signer = make_memory_signer(openssl_hasher(), options.id, 1);
    const std::vector<Address> servers = {{"10.0.2.1", 5814}, {"10.0.2.2", 5814}};
    SeatOptions seat;
    seat.servers = servers;
    NodeBench bench(make_licensed_node(make_sl_node(options, openssl_hasher()), seat));
    for (int step = 0; step < steps_max && !draw.done() && !bench.stopped; ++step) {
        const bool second = draw.coin();
        const NodeId server{second ? "apls2" : "apls1"};
        switch (draw.in_range(0, 9)) {
            case 0:
                bench.pass(draw.time_span(), timers_max);
                break;
            case 1:
                bench.step(PeerLost{server, ""});
                break;
            case 2:
            case 3:
                bench.step(PeerUp{server, Role::apls, servers[second ? 1 : 0]});
                break;
            case 4:
                bench.step(PeerUp{{"sn1"}, Role::sn, options.sn_addresses[0]});
                break;
            case 5:
                bench.step(ConnectFailed{servers[second ? 1 : 0], {draw.code(), "x"}, draw.coin()});
                break;
            case 6:
            case 7:
                bench.frame(server, SeatReply{draw.one_in(3) ? draw.code() : Errc::ok,
                                              draw.text(reason_max),
                                              static_cast<std::int64_t>(draw.number())});
                break;
            default:
                bench.frame(draw.coin() ? server : NodeId{"sn1"}, draw.message(nullptr));
        }
    }
}

}  // namespace

void licence(ByteView input) {
    constexpr InputTest nodes[] = {licence_server, licensed_node};
    choose(nodes, input);
}

void tool(ByteView input) {
    Drawer draw(input);
    ToolNodeOptions options;
    options.id = {"swci1"};
    options.servers = {{"10.0.1.1", 1}, {"10.0.1.2", 1}};
    const std::vector<Address> servers = options.servers;
    options.request = StatusQuery{1, "nodes", "", draw.coin()};
    options.on_reply = [](const StatusReply&, std::string_view) {};
    NodeBench bench(make_tool_node(std::move(options)));
    bench.step(PeerUp{{"sn1"}, Role::sn, servers[0]});
    for (int step = 0; step < steps_max && !draw.done() && !bench.stopped; ++step) {
        const Address& address = servers[draw.coin() ? 1 : 0];
        switch (draw.in_range(0, 9)) {
            case 0:
                bench.pass(draw.time_span(), timers_max);
                break;
            case 1:
                bench.step(PeerLost{{"sn1"}, ""});
                break;
            case 2:
                bench.step(PeerUp{{"sn1"}, Role::sn, address});
                break;
            case 3:
                bench.step(ConnectFailed{address, {draw.code(), "x"}, draw.coin()});
                break;
            case 4:
            case 5:
                bench.frame({"sn1"}, StatusReply{1, draw.coin() ? Errc::ok : draw.code(), ""},
                            Blob(draw.bytes(5)));
                break;
            default: {
                Message message = draw.message(nullptr);
                Blob body = draw.body_of(message);
                bench.frame({"sn1"}, std::move(message), std::move(body));
            }
        }
    }
}

}  // namespace starling::fuzz
