#include "core/ml/swarm.hpp"
#include "sim/sim_main.hpp"

namespace starling {

int ml_main(int argc, char** argv, TrainFunction train) {
    return sim_main(argc, argv, std::move(train));
}

}  // namespace starling
