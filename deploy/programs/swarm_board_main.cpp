// swarm-board: shows a run of a swarm as a page.

#include "deploy/board/board_session.hpp"
#include "deploy/programs/node_main.hpp"

int main(int argc, char** argv) {
    using namespace starling;
    return node_main(argc, argv, "swarm-board", parse_board, run_board);
}
