#pragma once

#include <memory>

#include "core/wire/messages.hpp"

namespace starling::sim_connection {

/// A message on its way. It takes as much memory as its kind needs: the largest kinds of Message
/// are ten times as large as those of which a large swarm has 100,000 on their way at a time.
class PackedMessage {
public:
    explicit PackedMessage(Message&& message);

    /// The message. Once.
    Message take() { return held_->take(); }

private:
    struct Held {
        Held() = default;
        Held(const Held&) = delete;
        Held& operator=(const Held&) = delete;
        virtual ~Held() = default;
        virtual Message take() = 0;
    };
    template <typename Kind>
    struct HeldKind;

    std::unique_ptr<Held> held_;
};

}  // namespace starling::sim_connection
