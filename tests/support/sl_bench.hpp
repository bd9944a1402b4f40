#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/sl/sl_node.hpp"
#include "tests/support/node_bench.hpp"

namespace starling::test {

/// An SL without a network, and what its SNs may say to it.
class SlBench : public testing::Test {
protected:
    static constexpr std::uint64_t own_session = 7;

    static std::unique_ptr<Node> make(std::uint64_t sns) {
        SlNodeOptions options;
        options.id = {"sl1"};
        for (std::uint64_t number = 1; number <= sns; ++number) {
            options.sn_addresses.push_back(server(number).address);
        }
        options.exchange_address = {"10.0.0.1", 16000};
        options.session = own_session;
        options.signer = make_memory_signer(openssl_hasher(), options.id, 1);
        return make_sl_node(options, openssl_hasher());
    }
    void up(std::uint64_t number) {
        sl.sent.clear();
        sl.step(PeerUp{server(number).node, Role::sn, server(number).address});
    }
    void answer(std::uint64_t number, std::uint64_t sequence, Errc code, starling::Run run = 0,
                std::uint64_t session = 0) {
        const NodeId id = server(number).node;
        sl.frame(id, CommandResult{sequence, code, "said by " + id.name, run, session});
    }
    void view(std::uint64_t number, ContractView view) {
        view.name = "c";
        sl.frame(server(number).node, ViewUpdate{std::move(view), {}, {}});
    }
    /// So much of it that the SL sends its next heartbeat.
    void pass_a_heartbeat(std::uint64_t number) {
        answer(number, 0, Errc::ok);
        sl.sent.clear();
        sl.pass(std::chrono::seconds(1));
    }
    using Numbers = std::vector<std::uint64_t>;
    /// Numbers of the commands that the SN was sent.
    Numbers commands(std::uint64_t number) const {
        Numbers numbers;
        for (const Send& send : sl.sent) {
            const auto* submit = std::get_if<SubmitCommand>(&send.frame.message);
            if (submit != nullptr && send.to == server(number).node) {
                numbers.push_back(submit->sequence);
            }
        }
        return numbers;
    }
    /// That SN answers what waits. \return  the numbers of these commands.
    Numbers answer_all(std::uint64_t number, Errc code, starling::Run run = 0) {
        Numbers all;
        for (Numbers waiting = commands(number); !waiting.empty(); waiting = commands(number)) {
            sl.sent.clear();
            all.push_back(waiting.back());
            answer(number, waiting.back(), code, run, own_session);
        }
        return all;
    }
    void open_session() {
        sl.step(PeerUp{{"ml1"}, Role::ml, {}});
        sl.frame({"ml1"}, OpenSession{"c", tiny_contract(2), tiny_layout, EndMode::active});
    }
    /// SN 1 accepts the registration and the enrolment, or says so.
    void enrol(starling::Run run = 0) {
        up(1);
        answer(1, 1, Errc::ok);
        open_session();
        answer(1, 2, Errc::ok, run);
        ASSERT_NE(sl.last<SessionOpened>({"ml1"}), nullptr);
    }
    /// The ML has parameters for the next round.
    void sync() {
        sl.frame({"ml1"}, SyncBegin{1, {}});
        sl.frame({"ml1"}, MlSegment{1, 0}, Blob(Bytes(16)));
    }

    NodeBench sl{make(3)};
};

}  // namespace starling::test
