# SPDX-License-Identifier: MIT
#
# msgpack-c, as the target msgpack::c. Its CMake package and its target have
# had three names: msgpack/msgpackc (up to 4), msgpackc/msgpackc (5),
# msgpack-c/msgpack-c (from 6 on). MSGPACK_DIR or MSGPACK_INCDIR and
# MSGPACK_LIBDIR (as LuaRocks passes them) are looked into first.

set(msgpack_target)
if(NOT MSGPACK_DIR AND NOT MSGPACK_INCDIR)
  foreach(name msgpack-c msgpackc msgpack)
    find_package(${name} CONFIG QUIET)
    foreach(target msgpack-c msgpackc msgpack-c-static msgpackc-static)
      if(NOT msgpack_target AND TARGET ${target})
        set(msgpack_target ${target})
      endif()
    endforeach()
  endforeach()
endif()

find_package(PkgConfig QUIET)
if(PKG_CONFIG_FOUND)
  pkg_search_module(PC_MSGPACK QUIET msgpack-c msgpackc msgpack)
endif()
if(NOT msgpack_target)
  find_path(Msgpack_INCLUDE_DIR msgpack.h
    HINTS ${MSGPACK_INCDIR} ${MSGPACK_DIR}/include ${PC_MSGPACK_INCLUDE_DIRS})
  find_library(Msgpack_LIBRARY NAMES msgpack-c msgpackc
    HINTS ${MSGPACK_LIBDIR} ${MSGPACK_DIR}/lib ${PC_MSGPACK_LIBRARY_DIRS})
else()
  set(Msgpack_LIBRARY ${msgpack_target})
  set(Msgpack_INCLUDE_DIR "of the target ${msgpack_target}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Msgpack
  REQUIRED_VARS Msgpack_LIBRARY Msgpack_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install msgpack-c (Debian: libmsgpack-dev, Alpine: \
msgpack-c-dev, Fedora: msgpack-c-devel, Homebrew: msgpack)")

if(Msgpack_FOUND AND NOT TARGET msgpack::c)
  add_library(msgpack::c INTERFACE IMPORTED)
  target_link_libraries(msgpack::c INTERFACE ${Msgpack_LIBRARY})
  if(NOT msgpack_target)
    target_include_directories(msgpack::c SYSTEM INTERFACE
      ${Msgpack_INCLUDE_DIR})
  endif()
endif()
