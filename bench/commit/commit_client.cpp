#include "bench/commit/commit_client.hpp"

#include <deque>

#include <unistd.h>

#include "core/wire/messages.hpp"
#include "transport/tls/node_keys.hpp"

namespace starling::bench {
namespace {

constexpr SwarmDuration answer_limit = std::chrono::seconds(20);

}  // namespace

Result<std::unique_ptr<CommitClient>> CommitClient::connect(const Address& sn,
                                                            const IdentityFiles& identity,
                                                            const std::string& name) {
    TlsEndpointOptions options;
    options.name.name = name;
    options.role = Role::sl;
    options.identity = identity;
    Result<std::unique_ptr<PolledEndpoint>> endpoint = make_tls_endpoint(std::move(options));
    if (!endpoint) {
        return endpoint.error();
    }
    std::unique_ptr<CommitClient> client(new CommitClient);
    client->endpoint_ = std::move(*endpoint);
    Result<std::shared_ptr<const NodeSigner>> signer = make_node_signer(identity, {name}, Role::sl);
    if (!signer) {
        return signer.error();
    }
    client->signer_ = std::move(*signer);
    client->self_ = {name};
    client->session_ = static_cast<std::uint64_t>(
        std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
    client->endpoint_->connect(sn, Role::sn);
    const SwarmTime end = client->endpoint_->now() + answer_limit;
    while (const auto input = client->endpoint_->receive_until(end)) {
        if (const auto* up = std::get_if<PeerUp>(&*input)) {
            client->sn_ = up->peer;
            return client;
        }
        if (const auto* failed = std::get_if<ConnectFailed>(&*input)) {
            return failed->error;
        }
    }
    return Error{Errc::unreachable, "no SN at " + to_string(sn)};
}

Message CommitClient::command() {
    SubmitCommand submit{
        session_, ++sequence_, RegisterNode{Role::sl, own_address_, signer_->credentials()}, {}};
    submit.signature = signer_->sign(command_text(self_, session_, sequence_, submit.command));
    return submit;
}

Result<std::vector<double>> CommitClient::commit(std::size_t count, std::size_t window) {
    std::vector<double> times;
    std::deque<std::pair<std::uint64_t, SwarmTime>> open;
    std::size_t sent = 0;
    while (times.size() < count) {
        while (sent < count && open.size() < window) {
            const Message message = command();
            open.emplace_back(sequence_, endpoint_->now());
            endpoint_->send(sn_, {message, {}});
            ++sent;
        }
        const auto input = endpoint_->receive_until(open.front().second + answer_limit);
        if (!input) {
            return Error{Errc::timeout, "a command was not answered"};
        }
        const auto* received = std::get_if<FrameReceived>(&*input);
        if (received == nullptr) {
            return Error{Errc::unreachable, "the connection to the SN was lost"};
        }
        const auto* result = std::get_if<CommandResult>(&received->frame.message);
        if (result == nullptr || open.empty() || result->sequence != open.front().first) {
            continue;
        }
        if (result->code != Errc::ok) {
            return Error{result->code, "a command was refused: " + result->reason};
        }
        times.push_back(1e3 * to_seconds(endpoint_->now() - open.front().second));
        open.pop_front();
    }
    return times;
}

}  // namespace starling::bench
