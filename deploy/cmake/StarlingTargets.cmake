# Warnings and options that every target of this project has.
include(GNUInstallDirs)
get_filename_component(STARLING_ROOT ${CMAKE_CURRENT_LIST_DIR}/../.. ABSOLUTE)
add_library(starling_options INTERFACE)
target_include_directories(starling_options INTERFACE
    $<BUILD_INTERFACE:${STARLING_ROOT}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/starling>)
target_compile_features(starling_options INTERFACE cxx_std_20)
set(warnings -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wno-missing-field-initializers)
target_compile_options(starling_options INTERFACE
    "$<BUILD_INTERFACE:${warnings}>"
    # False positives of g++ 12 on std::string concatenation (GCC bugs 105651 and 105329).
    "$<BUILD_INTERFACE:$<$<CXX_COMPILER_ID:GNU>:-Wno-restrict;-Wno-stringop-overflow;-Wno-array-bounds>>"
    # One rounding everywhere: without this a compiler may fuse a multiplication and an addition on
    # one machine and not on another, and two members would hold different bytes.
    -ffp-contract=off)
if(STARLING_PYTHON)
    # The libraries are also linked into Python's extension module. No function of them is replaced
    # from outside, so the compiler may inline them as in a program.
    target_compile_options(starling_options INTERFACE -fPIC -fno-semantic-interposition)
endif()
if(STARLING_SANITIZE)
    # The address sanitizer finds the errors of these three, which take half of the compile time.
    target_compile_options(starling_options INTERFACE -fsanitize=address,undefined
        -fno-sanitize=null,object-size,vptr -fno-omit-frame-pointer)
    target_link_options(starling_options INTERFACE -fsanitize=address,undefined)
endif()
if(STARLING_TSAN)
    target_compile_options(starling_options INTERFACE -fsanitize=thread)
    target_link_options(starling_options INTERFACE -fsanitize=thread)
endif()
find_package(Threads REQUIRED)
target_link_libraries(starling_options INTERFACE Threads::Threads)

find_program(CCACHE ccache)
if(CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
    if(STARLING_PCH)  # without this ccache does not store objects that use one
        set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
        add_compile_options("$<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>")
    endif()
endif()

# With clang's sanitizers libraries are also instrumented for libFuzzer's coverage (tests/fuzz): the
# same objects serve the tests and the fuzzer, for 5 % more compile time.
set(STARLING_FUZZ OFF)
if(STARLING_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    set(STARLING_FUZZ ON)
endif()
set(fuzz_options $<$<BOOL:${STARLING_FUZZ}>:-fsanitize=fuzzer-no-link>)

# Headers of the standard library that nearly every file includes are precompiled, which saves a
# quarter of the compile time. Each file still includes what it uses; -DSTARLING_PCH=OFF (preset
# dev) checks that.
set(common_headers <algorithm> <array> <chrono> <cstdint> <deque> <filesystem> <fstream> <functional> <map> <memory>
    <optional> <set> <span> <sstream> <string> <string_view> <thread> <utility> <variant> <vector>)
if(STARLING_PCH)
    add_library(starling_pch OBJECT ${STARLING_ROOT}/deploy/cmake/precompiled.cpp)
    target_link_libraries(starling_pch PUBLIC starling_options)
    target_compile_options(starling_pch PRIVATE ${fuzz_options})
    target_precompile_headers(starling_pch PRIVATE ${common_headers})
    if(STARLING_SANITIZE)  # clang rejects one that was compiled with another optimisation level
        add_library(starling_optimized_pch OBJECT ${STARLING_ROOT}/deploy/cmake/precompiled.cpp)
        target_link_libraries(starling_optimized_pch PUBLIC starling_options)
        target_compile_options(starling_optimized_pch PRIVATE -O1 ${fuzz_options})
        target_precompile_headers(starling_optimized_pch PRIVATE ${common_headers})
    endif()
endif()

# compile_in_units(TARGET SOURCES...): up to eight files of a folder are compiled as one (a unity build of CMake).
# Most of the time is spent on templates in shared headers, which are then compiled once. Files of
# one unit must not define the same private name. Off in preset dev, where each file is compiled
# alone.
function(compile_in_units target)
    if(NOT STARLING_UNITY)
        return()
    endif()
    foreach(source ${ARGN})
        cmake_path(GET source PARENT_PATH folder)
        string(MAKE_C_IDENTIFIER "files_${folder}" files)
        list(LENGTH ${files} count)
        list(APPEND ${files} ${source})
        math(EXPR unit "${count} / 8")
        set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${files}_${unit})
    endforeach()
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
    # g++ warns about unnamed namespaces in included files, as if several units shared them.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endfunction()

# starling_alias(TARGET): names it as an installed Starling does: Starling::core is starling_core.
function(starling_alias name)
    string(REGEX REPLACE "^starling_" "" short ${name})
    set_target_properties(${name} PROPERTIES EXPORT_NAME ${short})
    add_library(Starling::${short} ALIAS ${name})
endfunction()
starling_alias(starling_options)

# starling_library(NAME SOURCES... [LINK targets...] [OPTIMIZED]): a static library of one folder.
# With sanitizers (preset asan) an OPTIMIZED one is compiled with -O1, since tests spend their time
# in it. The others are not optimised there, which halves their compile time.
function(starling_library name)
    cmake_parse_arguments(ARG "OPTIMIZED" "" "LINK" ${ARGN})
    add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
    starling_alias(${name})
    compile_in_units(${name} ${ARG_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} PUBLIC starling_options ${ARG_LINK})
    target_compile_options(${name} PRIVATE ${fuzz_options})
    if(STARLING_SANITIZE AND ARG_OPTIMIZED)
        target_compile_options(${name} PRIVATE -O1)
        if(STARLING_PCH)
            target_precompile_headers(${name} REUSE_FROM starling_optimized_pch)
        endif()
    elseif(STARLING_PCH AND NOT "${name};${ARG_LINK}" MATCHES "torch")
        target_precompile_headers(${name} REUSE_FROM starling_pch)
    endif()
endfunction()

# compile_option_parser(FILE): CLI11 is a large header of templates, whose code runs once at the
# start of a program: not optimising it saves a third of the compile time.
function(compile_option_parser file)
    # clang's precompiled headers require the same optimisation level for all files.
    if(NOT STARLING_SANITIZE AND NOT STARLING_TSAN)
        set_source_files_properties(${file} PROPERTIES COMPILE_OPTIONS -O0 SKIP_PRECOMPILE_HEADERS ON)
    endif()
endfunction()

include(StarlingPrograms)
