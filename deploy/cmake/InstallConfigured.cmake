# Run by `cmake --install` (install_configured() in StarlingInstall.cmake): fills in @...@ of SOURCE and installs it as
# DESTINATION/NAME. A prefix of /usr has its configuration in /etc, any other one below itself; services keep their state in
# /var/lib/starling (StateDirectory).
get_filename_component(PREFIX "${CMAKE_INSTALL_PREFIX}" ABSOLUTE)  # --prefix may be relative
set(ROOT ${PREFIX})
if(PREFIX STREQUAL "/usr")
    set(ROOT "")
endif()
set(BIN ${PREFIX}/${BINDIR})
set(ETC ${ROOT}/etc/starling)
set(STATE /var/lib/starling)
set(target ${PREFIX}/${DESTINATION})
if(DESTINATION MATCHES "^etc/")
    set(target ${ROOT}/${DESTINATION})
endif()
configure_file(${SOURCE} ${SCRATCH}/${DESTINATION}/${NAME} @ONLY)
file(INSTALL DESTINATION ${target} TYPE FILE FILES ${SCRATCH}/${DESTINATION}/${NAME})
