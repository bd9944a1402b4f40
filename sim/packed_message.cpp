#include "sim/packed_message.hpp"

#include <type_traits>
#include <utility>

namespace starling::sim_connection {

template <typename Kind>
struct PackedMessage::HeldKind final : Held {
    explicit HeldKind(Kind&& one) : kind(std::move(one)) {}
    Message take() override { return Message(std::move(kind)); }

    Kind kind;
};

PackedMessage::PackedMessage(Message&& message)
    : held_(std::visit(
          []<typename Kind>(Kind& kind) -> std::unique_ptr<Held> {
              return std::make_unique<HeldKind<Kind>>(std::move(kind));
          },
          message)) {}

}  // namespace starling::sim_connection
