# Warnings and options that every target of this project has.
get_filename_component(STARLING_ROOT ${CMAKE_CURRENT_LIST_DIR}/../.. ABSOLUTE)
add_library(starling_options INTERFACE)
target_include_directories(starling_options INTERFACE ${STARLING_ROOT})
target_compile_options(starling_options INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wno-missing-field-initializers
    # False alarms of g++ 12 on std::string concatenation (GCC bug 105651).
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
    # One rounding everywhere: without this a compiler may fuse a multiplication and an addition on
    # one machine and not on another, and two members would hold different bytes.
    -ffp-contract=off)
if(STARLING_SANITIZE)
    target_compile_options(starling_options INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer)
    target_link_options(starling_options INTERFACE -fsanitize=address,undefined)
endif()
find_package(Threads REQUIRED)
target_link_libraries(starling_options INTERFACE Threads::Threads)

find_program(CCACHE ccache)
if(CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# starling_library(NAME SOURCES... [LINK targets...]): a static library of one folder.
function(starling_library name)
    cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
    add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} PUBLIC starling_options ${ARG_LINK})
endfunction()

# add_swarm_program(NAME SOURCES... [LINK targets...]): a user's training program, built twice from one
# main() that calls starling::ml_main: as the ML executable NAME, and as NAME-sim, the simulator with
# this program's real training in it.
function(add_swarm_program name)
    cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
    add_library(${name}_program OBJECT ${ARG_UNPARSED_ARGUMENTS})
    target_link_libraries(${name}_program PUBLIC starling_options starling_core ${ARG_LINK})
    add_executable(${name})
    target_link_libraries(${name} PRIVATE ${name}_program starling_ml_host ${ARG_LINK})
    if(STARLING_SIM)
        add_executable(${name}-sim)
        target_link_libraries(${name}-sim PRIVATE ${name}_program starling_ml_sim ${ARG_LINK})
    endif()
endfunction()
