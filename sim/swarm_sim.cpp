#include "sim/sim_main.hpp"

int main(int argc, char** argv) { return starling::sim_main(argc, argv, {}); }
