#include "core/ml/swarm.hpp"
#include "sim/sim_main.hpp"

namespace starling {

int ml_main(int argc, char** argv, TrainFunction train, std::string_view help) {
    return sim_main(argc, argv, std::move(train), help);
}

}  // namespace starling
