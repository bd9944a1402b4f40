// swci: queries an SN for the state of the swarm, and changes its membership.

#include "deploy/programs/node_main.hpp"
#include "deploy/swci/swci_session.hpp"

int main(int argc, char** argv) {
    using namespace starling;
    return node_main(argc, argv, "swci", parse_swci, run_swci);
}
