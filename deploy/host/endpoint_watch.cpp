#include "deploy/host/endpoint_watch.hpp"

namespace starling {

std::optional<Input> EndpointWatch::receive_until(SwarmTime deadline) {
    std::optional<Input> input = endpoint_.receive_until(deadline);
    if (input) {
        observe_(*input);
    }
    return input;
}

}  // namespace starling
