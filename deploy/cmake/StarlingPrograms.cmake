# Functions for users' programs: in this tree, and where Starling is installed (find_package(Starling)).

# add_swarm_program(NAME SOURCES... [LINK targets...]): a user's training program, built twice from one
# main() that calls starling::ml_main: as the ML executable NAME, and as NAME-sim, the simulator with
# this program's real training in it (if the simulator is built, or its component was found).
function(add_swarm_program name)
    cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
    add_library(${name}_program OBJECT ${ARG_UNPARSED_ARGUMENTS})
    target_link_libraries(${name}_program PUBLIC Starling::options Starling::core ${ARG_LINK})
    if(STARLING_SANITIZE)  # it trains, and tests wait for its loops
        target_compile_options(${name}_program PRIVATE -O1)
    endif()
    add_executable(${name})
    target_link_libraries(${name} PRIVATE ${name}_program Starling::ml_host ${ARG_LINK})
    if(TARGET Starling::ml_sim)
        add_executable(${name}-sim)
        target_link_libraries(${name}-sim PRIVATE ${name}_program Starling::ml_sim ${ARG_LINK})
    endif()
endfunction()

# add_swarm_learning(NAME SOURCES...): run-sl with merge rules of a program's own, which these sources register
# (core/merge/merge_rules.hpp). The program's own target has the same sources.
function(add_swarm_learning name)
    add_executable(${name} ${ARGN})
    target_link_libraries(${name} PRIVATE Starling::run_sl)
endfunction()
