# What `cmake --install` installs, and in which component: `runtime` (nodes and tools), `simulator`, `python` (training
# programs in Python), and `development` (to build training programs outside of this tree). A Debian package is made of each
# (StarlingPackages.cmake). To install one more program or library, add it to the lists below; what is not
# built (STARLING_SIM, STARLING_TORCH, STARLING_BENCH) is left out. Each program
# has a manual page, made from its --help, and those of `documented_...` have completions.
include(CMakePackageConfigHelpers)

set(documented_runtime
    run-sn run-sl run-apls stop-swarm gen-cert swci
    swarm-ps swarm-logs swarm-wait swarm-audit swarm-board swarm-runs swarm-report swarm-check)
set(documented_simulator swarm-sim)
set(simulator_scripts swarm-calibrate swarm-predict swarm-sweep)  # of bench/predict
set(other_simulator bench-round-ml)  # the training program of swarm-calibrate's swarm
set(other_runtime run-swop run-swci run-slm-ui run-postgres swarmLogCollector uninstall-swarm)

# Headers that users' programs include; those that they include in turn are found by header_closure().
set(public_headers
    core/base/coding.hpp core/base/random.hpp core/base/version.hpp core/files/read_file.hpp core/files/replace_file.hpp
    core/merge/merge_rules.hpp core/ml/swarm.hpp core/params/segments.hpp)
set(public_torch_headers
    core/torch/batches.hpp core/torch/cifar10.hpp core/torch/drawn_images.hpp core/torch/image_classifier.hpp
    core/torch/image_optimizers.hpp core/torch/module_parameters.hpp core/torch/safetensors.hpp core/torch/torch_script.hpp)
set(public_libraries
    starling_options starling_core starling_files starling_transport starling_crypto starling_tls starling_child_process
    starling_program_link starling_node_options
    starling_process starling_storage starling_log starling_metrics starling_host starling_ml_host starling_run_sl)
set(public_simulator_libraries starling_board starling_runs starling_sim starling_ml_sim)
set(public_torch_libraries starling_torch)

# keep_targets(LIST): removes names that are no targets of this build.
function(keep_targets list)
    set(kept "")
    foreach(name ${${list}})
        if(TARGET ${name})
            list(APPEND kept ${name})
        endif()
    endforeach()
    set(${list} ${kept} PARENT_SCOPE)
endfunction()

# header_closure(LIST): adds the project's headers that the headers of LIST include, directly or not.
function(header_closure list)
    set(found ${${list}})
    set(unread ${found})
    while(unread)
        list(POP_FRONT unread header)
        file(STRINGS ${STARLING_ROOT}/${header} lines REGEX "^#include \"")
        foreach(line ${lines})
            string(REGEX REPLACE "^#include \"([^\"]+)\".*" "\\1" included "${line}")
            if(NOT included IN_LIST found)
                list(APPEND found ${included})
                list(APPEND unread ${included})
            endif()
        endforeach()
    endwhile()
    set(${list} ${found} PARENT_SCOPE)
endfunction()

# install_configured(FILE DESTINATION COMPONENT): FILE.in with the paths of the prefix that `cmake --install` is given,
# which may be another than the one of this configuration.
function(install_configured file destination component)
    cmake_path(GET file FILENAME name)
    install(CODE "
        set(SOURCE \"${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../install/${file}.in\")
        set(NAME \"${name}\")
        set(DESTINATION \"${destination}\")
        set(BINDIR \"${CMAKE_INSTALL_BINDIR}\")
        set(LIBDIR \"${CMAKE_INSTALL_LIBDIR}\")
        set(INCLUDEDIR \"${CMAKE_INSTALL_INCLUDEDIR}\")
        set(VERSION \"${PROJECT_VERSION}\")
        set(SCRATCH \"${CMAKE_BINARY_DIR}/install/configured\")
        include(\"${CMAKE_CURRENT_FUNCTION_LIST_DIR}/InstallConfigured.cmake\")"
        COMPONENT ${component})
endfunction()

foreach(list documented_runtime documented_simulator other_simulator other_runtime public_libraries public_simulator_libraries public_torch_libraries)
    keep_targets(${list})
endforeach()
install(TARGETS ${documented_runtime} ${other_runtime} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
if(documented_simulator)
    install(TARGETS ${documented_simulator} ${other_simulator} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT simulator)
    install(DIRECTORY ${STARLING_ROOT}/platforms/ DESTINATION ${CMAKE_INSTALL_DATADIR}/starling/platforms
        COMPONENT simulator FILES_MATCHING PATTERN "*.xml" PATTERN "README.md" PATTERN "*.py" PATTERN "__pycache__" EXCLUDE)
    install(PROGRAMS ${STARLING_ROOT}/platforms/generate DESTINATION ${CMAKE_INSTALL_DATADIR}/starling/platforms COMPONENT simulator)
    # Scripts find their modules beside the folder that they are in, through a link, too.
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/install/links)
    foreach(script ${simulator_scripts})
        install(PROGRAMS ${STARLING_ROOT}/bench/predict/${script}
            DESTINATION ${CMAKE_INSTALL_DATADIR}/starling/bench/predict COMPONENT simulator)
        file(CREATE_LINK ../${CMAKE_INSTALL_DATADIR}/starling/bench/predict/${script}
            ${CMAKE_BINARY_DIR}/install/links/${script} SYMBOLIC)
        install(PROGRAMS ${CMAKE_BINARY_DIR}/install/links/${script} DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT simulator)
    endforeach()
    install(FILES ${STARLING_ROOT}/bench/namespaces.py DESTINATION ${CMAKE_INSTALL_DATADIR}/starling/bench COMPONENT simulator)
    foreach(folder prediction reporting)
        install(DIRECTORY ${STARLING_ROOT}/bench/${folder} DESTINATION ${CMAKE_INSTALL_DATADIR}/starling/bench
            COMPONENT simulator FILES_MATCHING PATTERN "*.py" PATTERN "__pycache__" EXCLUDE)
    endforeach()
endif()

# --- runtime: services, their user and configuration
set(install_files ${STARLING_ROOT}/deploy/install)
foreach(role sn sl apls)
    install_configured(systemd/starling-${role}@.service lib/systemd/system runtime)
    install(FILES ${install_files}/examples/${role}-1.conf DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/starling/examples COMPONENT runtime)
endforeach()
install(FILES ${STARLING_ROOT}/deploy/OPERATING.md ${STARLING_ROOT}/deploy/SECURITY.md
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/starling COMPONENT runtime)
install_configured(starling.conf etc/starling runtime)
install_configured(logrotate.d/starling etc/logrotate.d runtime)
install_configured(sysusers.d/starling.conf lib/sysusers.d runtime)
install_configured(tmpfiles.d/starling.conf lib/tmpfiles.d runtime)

# --- manual pages and completions
add_custom_target(manual ALL)
find_package(Python3 COMPONENTS Interpreter REQUIRED)
function(document component)
    foreach(program ${ARGN})
        set(page ${CMAKE_BINARY_DIR}/man/${program}.1.gz)
        set(file ${STARLING_ROOT}/bench/predict/${program})
        if(TARGET ${program})
            set(file $<TARGET_FILE:${program}>)
        endif()
        add_custom_command(OUTPUT ${page}
            COMMAND ${Python3_EXECUTABLE} ${install_files}/man_page.py ${file} ${page} ${PROJECT_VERSION}
            DEPENDS ${file} ${install_files}/man_page.py VERBATIM)
        add_custom_target(manual-${program} DEPENDS ${page})
        add_dependencies(manual manual-${program})
        install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT ${component})
        if(program IN_LIST other_runtime OR program IN_LIST other_simulator)
            continue()  # they have no flags
        endif()
        # Each shell looks for a file with the command's name.
        set(completions ${STARLING_ROOT}/deploy/completion)
        install(FILES ${completions}/starling.bash COMPONENT ${component}
            DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ${program})
        install(FILES ${completions}/starling.fish COMPONENT ${component}
            DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d RENAME ${program}.fish)
        install(FILES ${completions}/starling.zsh COMPONENT ${component}
            DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions RENAME _${program})
    endforeach()
endfunction()
foreach(shell bash fish zsh)
    file(READ ${STARLING_ROOT}/deploy/completion/starling.${shell} text)
    foreach(program ${documented_runtime} ${documented_simulator} ${simulator_scripts})
        if(NOT text MATCHES "[ \n]${program}[ \n]")
            message(FATAL_ERROR "deploy/completion/starling.${shell} does not complete ${program}: add it to its list")
        endif()
    endforeach()
endforeach()
if(NOT STARLING_SANITIZE AND NOT STARLING_TSAN)  # nobody installs such a build
    document(runtime ${documented_runtime} ${other_runtime})
    if(documented_simulator)
        document(simulator ${documented_simulator} ${simulator_scripts} ${other_simulator})
    endif()
endif()

# --- what the programs are made of (SPDX), when they are installed
execute_process(COMMAND git -C ${STARLING_ROOT} log -1 --format=%ct OUTPUT_VARIABLE commit_time
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT commit_time)
    string(TIMESTAMP commit_time "%s" UTC)
endif()
function(install_sbom name component)
    list(JOIN ARGN " " files)
    set(sbom ${CMAKE_BINARY_DIR}/install/${name}.spdx.json)
    install(CODE "execute_process(COMMAND \"${Python3_EXECUTABLE}\" \"${install_files}/sbom.py\" ${name} ${PROJECT_VERSION}
        ${commit_time} \"${sbom}\" ${files} COMMAND_ERROR_IS_FATAL ANY)" COMPONENT ${component})
    install(FILES ${sbom} DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name} COMPONENT ${component})
endfunction()
list(TRANSFORM documented_runtime PREPEND ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/ OUTPUT_VARIABLE runtime_files)
list(TRANSFORM other_runtime PREPEND ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/ OUTPUT_VARIABLE other_files)
install_sbom(starling runtime ${runtime_files} ${other_files})
if(documented_simulator)
    list(TRANSFORM documented_simulator PREPEND ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/ OUTPUT_VARIABLE simulator_files)
    list(TRANSFORM other_simulator PREPEND ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/ OUTPUT_VARIABLE other_simulator_files)
    install_sbom(starling-sim simulator ${simulator_files} ${other_simulator_files})
endif()

# --- python: the package swarmlearning where Debian's python3 finds it under the prefix /usr
set(STARLING_PYTHON_DIR lib/python3/dist-packages CACHE STRING "Where the Python package is installed, below the prefix")
if(TARGET swarmlearning_client)
    install(TARGETS swarmlearning_client LIBRARY DESTINATION ${STARLING_PYTHON_DIR}/swarmlearning COMPONENT python
        PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
    install(DIRECTORY ${STARLING_ROOT}/deploy/python/swarmlearning DESTINATION ${STARLING_PYTHON_DIR} COMPONENT python
        FILES_MATCHING PATTERN "*.py" PATTERN "*.pyi" PATTERN "py.typed" PATTERN "__pycache__" EXCLUDE)
    install_sbom(python3-starling python $<TARGET_FILE:swarmlearning_client>)
endif()

# --- development: headers, static libraries, CMake and pkg-config files
set(cmake_files ${CMAKE_INSTALL_LIBDIR}/cmake/Starling)
if(public_torch_libraries)
    list(APPEND public_headers ${public_torch_headers})
endif()
header_closure(public_headers)
foreach(header ${public_headers})
    cmake_path(GET header PARENT_PATH folder)
    install(FILES ${STARLING_ROOT}/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/starling/${folder} COMPONENT development)
endforeach()

# install_libraries(EXPORT TARGETS...): as imported targets Starling::NAME, in the file EXPORT.cmake.
function(install_libraries export)
    if(ARGN)
        install(TARGETS ${ARGN} EXPORT ${export} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
        install(EXPORT ${export} NAMESPACE Starling:: DESTINATION ${cmake_files} COMPONENT development)
    endif()
endfunction()
install_libraries(StarlingTargets ${public_libraries})
install_libraries(StarlingSimulatorTargets ${public_simulator_libraries})
install_libraries(StarlingTorchTargets ${public_torch_libraries})
if(STARLING_RAFT)
    install(FILES ${RAFT_LIBRARY} DESTINATION ${CMAKE_INSTALL_LIBDIR}/starling COMPONENT development)
endif()

configure_package_config_file(${STARLING_ROOT}/deploy/install/StarlingConfig.cmake.in
    ${CMAKE_BINARY_DIR}/install/StarlingConfig.cmake INSTALL_DESTINATION ${cmake_files}
    PATH_VARS CMAKE_INSTALL_LIBDIR NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change interfaces.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/install/StarlingConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/install/StarlingConfig.cmake ${CMAKE_BINARY_DIR}/install/StarlingConfigVersion.cmake
    ${STARLING_ROOT}/deploy/cmake/StarlingPrograms.cmake DESTINATION ${cmake_files} COMPONENT development)
install_configured(starling.pc ${CMAKE_INSTALL_LIBDIR}/pkgconfig development)
