# Debian packages, one of each component of StarlingInstall.cmake:  cd build && cpack -G DEB
#   starling (runtime), starling-sim (simulator), python3-starling (python), libstarling-dev (development).
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME starling)
set(CPACK_PACKAGE_VENDOR Starling)
set(STARLING_MAINTAINER "Starling developers <starling@starling.invalid>" CACHE STRING "Maintainer of the Debian packages")
set(CPACK_PACKAGE_CONTACT ${STARLING_MAINTAINER})
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
# With DESTDIR: files in /etc are outside of the prefix.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

# The date of the last commit, so that a build of the same commit has the same changelog.
execute_process(COMMAND git -C ${STARLING_ROOT} log -1 --format=%aD OUTPUT_VARIABLE CHANGELOG_DATE
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT CHANGELOG_DATE)
    string(TIMESTAMP CHANGELOG_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
endif()

# debian_package(COMPONENT NAME SECTION DEPENDS DESCRIPTION): DESCRIPTION: the summary, and after a line end the text.
macro(debian_package component name section depends description)
    string(TOUPPER ${component} upper)
    list(APPEND CPACK_COMPONENTS_ALL ${component})
    set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
    set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section})
    set(CPACK_DEBIAN_${upper}_PACKAGE_DEPENDS "${depends}")
    set(CPACK_COMPONENT_${upper}_DESCRIPTION "${description}")
    set(CPACK_DEBIAN_${upper}_DESCRIPTION "${description}")
    set(CPACK_DEBIAN_${upper}_DEBUGINFO_PACKAGE OFF)
    set(documents ${CMAKE_BINARY_DIR}/install/doc/${name})
    configure_file(${STARLING_ROOT}/deploy/install/debian/copyright.in ${documents}/copyright @ONLY)
    configure_file(${STARLING_ROOT}/deploy/install/debian/changelog.in ${documents}/changelog @ONLY)
    execute_process(COMMAND gzip -9nf ${documents}/changelog)
    file(RENAME ${documents}/changelog.gz ${documents}/changelog.Debian.gz)
    install(FILES ${documents}/copyright ${documents}/changelog.Debian.gz
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name} COMPONENT ${component})
endmacro()
debian_package(runtime starling net "systemd | systemd-standalone-sysusers | systemd-sysusers, adduser"
"Swarm Learning: nodes and tools
Several owners train one model together without moving their data and
without a central server. This package has the nodes of a swarm (run-sn,
run-sl, run-apls) as programs and as systemd services, and the tools to
make certificates, and to watch and to audit a swarm.")
# Loaded at run time: transport/crypto, vector_gcm and sodium_ed25519.
set(CPACK_DEBIAN_RUNTIME_PACKAGE_RECOMMENDS "libsodium23")
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    string(PREPEND CPACK_DEBIAN_RUNTIME_PACKAGE_RECOMMENDS "libipsec-mb1, ")
endif()
if(documented_simulator)
debian_package(simulator starling-sim science "starling (= ${PROJECT_VERSION}-1), python3"
"Swarm Learning: simulator
Runs a swarm of the real protocol code on a simulated platform (SimGrid),
to rehearse a deployment: the duration of rounds, the bytes transferred, and
the effects of faults. With a library of platforms, and programs to measure
a host, to predict what limits a swarm, and to run grids of simulations.")
set(CPACK_DEBIAN_SIMULATOR_PACKAGE_SUGGESTS "python3-matplotlib")
endif()
if(TARGET swarmlearning_client)
# The module is compiled for one minor version of Python.
get_target_property(python_minor swarmlearning_client STARLING_PYTHON_MINOR)
math(EXPR python_next "${python_minor} + 1")
debian_package(python python3-starling python
    "python3 (>= 3.${python_minor}), python3 (<< 3.${python_next}), python3-numpy"
"Swarm Learning: training programs in Python
The package swarmlearning: a callback by which a training program in Python
(PyTorch, Keras, numpy, or a loop of its own) takes part in a swarm.")
set(CPACK_DEBIAN_PYTHON_PACKAGE_RECOMMENDS "starling")
set(CPACK_DEBIAN_PYTHON_PACKAGE_SUGGESTS "python3-torch")
set(CPACK_DEBIAN_PYTHON_PACKAGE_CONTROL_EXTRA
    ${STARLING_ROOT}/deploy/install/debian/python/postinst;${STARLING_ROOT}/deploy/install/debian/python/prerm)
endif()
debian_package(development libstarling-dev libdevel
    "starling (= ${PROJECT_VERSION}-1), libraft-dev (>= 0.22.1), libspdlog-dev, libsqlite3-dev, libssl-dev"
"Swarm Learning: to build training programs
Headers, static libraries, and files for CMake and pkg-config to build a
training program that joins a swarm, and the same program as a simulator.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_RECOMMENDS "libsimgrid-dev")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS "cmake, libtorch-dev")
set(scripts ${STARLING_ROOT}/deploy/install/debian)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA
    ${scripts}/conffiles;${scripts}/postinst;${scripts}/prerm;${scripts}/postrm)
include(CPack)
