#pragma once

#include <functional>

#include "transport/endpoint.hpp"

namespace starling {

/// A decorator of an endpoint that calls a function with every input before the node gets it.
class EndpointWatch final : public PolledEndpoint {
public:
    using Observer = std::function<void(const Input&)>;

    /// `endpoint` must outlive this.
    EndpointWatch(PolledEndpoint& endpoint, Observer observe)
        : endpoint_(endpoint), observe_(std::move(observe)) {}

    SwarmTime now() const override { return endpoint_.now(); }
    void connect(const Address& address, Role role) override { endpoint_.connect(address, role); }
    void send(const NodeId& to, Frame frame, SendGroup group) override {
        endpoint_.send(to, std::move(frame), group);
    }
    void cancel_sends(SendGroup group, const std::optional<NodeId>& to) override {
        endpoint_.cancel_sends(group, to);
    }
    Arrivals arrivals() const override { return endpoint_.arrivals(); }
    void pin(const PinPeer& pin) override { endpoint_.pin(pin); }
    void flush() override { endpoint_.flush(); }
    std::optional<Input> receive_until(SwarmTime deadline) override;
    void post(Input input) override { endpoint_.post(std::move(input)); }
    void post_after_arrivals(Input input) override {
        endpoint_.post_after_arrivals(std::move(input));
    }
    void reload() override { endpoint_.reload(); }
    void close(SwarmDuration limit) override { endpoint_.close(limit); }

private:
    PolledEndpoint& endpoint_;
    Observer observe_;
};

}  // namespace starling
