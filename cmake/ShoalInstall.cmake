# SPDX-License-Identifier: MIT
#
# What is installed, and where:
#   the program             bin
#   the Lua modules         SHOAL_LUADIR, SHOAL_LIBDIR
#   the engine for C        include, lib (libshoal.a), lib/cmake/shoal,
#                           lib/pkgconfig; not in a rock
#   the manual              share/man; in a rock: doc

install(TARGETS shoal-module LIBRARY DESTINATION ${SHOAL_LIBDIR}/shoal)
install(DIRECTORY lua/shoal DESTINATION ${SHOAL_LUADIR}
        FILES_MATCHING PATTERN *.lua)
if(NOT SHOAL_ROCK) # lua-resty-shoal is a rock of its own
  install(DIRECTORY lua/resty DESTINATION ${SHOAL_LUADIR}
          FILES_MATCHING PATTERN *.lua)
endif()

configure_file(docs/shoal.1.in ${PROJECT_BINARY_DIR}/share/man/man1/shoal.1 @ONLY)

if(SHOAL_ROCK)
  install(FILES ${PROJECT_BINARY_DIR}/share/man/man1/shoal.1 DESTINATION doc)
  return()
endif()

install(FILES ${PROJECT_BINARY_DIR}/share/man/man1/shoal.1
        DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

# ---- The engine for C programs ----------------------------------------------

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/shoal)
set_target_properties(shoal-core PROPERTIES EXPORT_NAME shoal)
install(TARGETS shoal-core EXPORT shoal
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES src/shoal.h src/shoal_config.h src/shoal_handlers.h
              src/shoal_tables.h src/shoal_types.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

# find_package(shoal) gives the target shoal::shoal; it finds msgpack-c the way
# we do.
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/shoal-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(EXPORT shoal NAMESPACE shoal:: FILE shoal-targets.cmake
        DESTINATION ${package_dir})
install(FILES cmake/shoal-config.cmake cmake/FindMsgpack.cmake
              ${PROJECT_BINARY_DIR}/shoal-config-version.cmake
        DESTINATION ${package_dir})

# pkg-config --static is not needed: there is only the static library.
file(RELATIVE_PATH SHOAL_PC_INCLUDEDIR
     ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_FULL_INCLUDEDIR})
set(SHOAL_PC_REQUIRES ${PC_MSGPACK_MODULE_NAME})
set(SHOAL_PC_LIBS)
if(NOT PC_MSGPACK_FOUND)
  set(SHOAL_PC_LIBS ${Msgpack_LIBRARY})
endif()
configure_file(cmake/shoal.pc.in ${PROJECT_BINARY_DIR}/shoal.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/shoal.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
