# SPDX-License-Identifier: MIT
#
# libsodium, as the target sodium::sodium. It ships a .pc file and no CMake
# package. SODIUM_DIR, or SODIUM_INCDIR and SODIUM_LIBDIR (as LuaRocks passes
# them), come first.

find_package(PkgConfig QUIET)
if(PKG_CONFIG_FOUND)
  pkg_search_module(PC_SODIUM QUIET libsodium)
endif()
find_path(Sodium_INCLUDE_DIR sodium.h
  HINTS ${SODIUM_INCDIR} ${SODIUM_DIR}/include ${PC_SODIUM_INCLUDE_DIRS})
find_library(Sodium_LIBRARY sodium
  HINTS ${SODIUM_LIBDIR} ${SODIUM_DIR}/lib ${PC_SODIUM_LIBRARY_DIRS})

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Sodium
  REQUIRED_VARS Sodium_LIBRARY Sodium_INCLUDE_DIR)
mark_as_advanced(Sodium_INCLUDE_DIR Sodium_LIBRARY)

if(Sodium_FOUND AND NOT TARGET sodium::sodium)
  add_library(sodium::sodium INTERFACE IMPORTED)
  target_link_libraries(sodium::sodium INTERFACE ${Sodium_LIBRARY})
  target_include_directories(sodium::sodium SYSTEM INTERFACE
    ${Sodium_INCLUDE_DIR})
endif()
