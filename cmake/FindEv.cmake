# SPDX-License-Identifier: MIT
#
# libev, as the target ev::ev. It ships neither a CMake package nor a .pc file.
# EV_DIR, or EV_INCDIR and EV_LIBDIR (as LuaRocks passes them), come first.

find_path(Ev_INCLUDE_DIR ev.h HINTS ${EV_INCDIR} ${EV_DIR}/include
  PATH_SUFFIXES libev)
find_library(Ev_LIBRARY ev HINTS ${EV_LIBDIR} ${EV_DIR}/lib)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Ev
  REQUIRED_VARS Ev_LIBRARY Ev_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install libev (Debian: libev-dev, Alpine: libev-dev, \
Fedora: libev-devel, Homebrew: libev)")
mark_as_advanced(Ev_INCLUDE_DIR Ev_LIBRARY)

if(Ev_FOUND AND NOT TARGET ev::ev)
  add_library(ev::ev INTERFACE IMPORTED)
  target_link_libraries(ev::ev INTERFACE ${Ev_LIBRARY})
  target_include_directories(ev::ev SYSTEM INTERFACE ${Ev_INCLUDE_DIR})
endif()
