# SPDX-License-Identifier: MIT
#
# Which Lua, from SHOAL_LUA and SHOAL_LUA_INCLUDE_DIR:
#   lua::headers      what the binding is compiled with
#   lua::library      what the executable links; LuaJIT only, and only when its
#                     library is there
#   SHOAL_LUA_ABI     the folder name of its modules: 5.1, 5.2, ...
#   SHOAL_LUA_PROGRAM the interpreter that runs the specs

include_guard()

# What was found for one Lua is nothing for another: LuaRocks has one build
# folder for all of them.
set(wanted "${SHOAL_LUA};${SHOAL_LUA_INCLUDE_DIR}")
if(DEFINED SHOAL_LUA_FOUND_FOR AND NOT SHOAL_LUA_FOUND_FOR STREQUAL wanted)
  foreach(variable Lua_INCLUDE_DIR LuaJIT_LIBRARY __pkg_config_checked_PC_LUA)
    unset(${variable} CACHE)
  endforeach()
  if("${SHOAL_LUA_PROGRAM}" STREQUAL "${SHOAL_LUA_FOUND_PROGRAM}")
    unset(SHOAL_LUA_PROGRAM CACHE)
  endif()
endif()
set(SHOAL_LUA_FOUND_FOR "${wanted}" CACHE INTERNAL "the Lua that the rest is about")

find_package(PkgConfig)
if(PKG_CONFIG_FOUND)
  pkg_check_modules(PC_LUA QUIET ${SHOAL_LUA})
endif()

find_path(Lua_INCLUDE_DIR lua.h NO_DEFAULT_PATH
  PATHS ${SHOAL_LUA_INCLUDE_DIR} ${PC_LUA_INCLUDE_DIRS})
if(NOT Lua_INCLUDE_DIR)
  message(FATAL_ERROR "no lua.h for ${SHOAL_LUA}: install it (Debian: "
    "libluajit-5.1-dev, liblua5.4-dev, ...) or set SHOAL_LUA_INCLUDE_DIR")
endif()
mark_as_advanced(Lua_INCLUDE_DIR)

# LUA_VERSION_NUM is 501, 502, ...; LuaJIT's is 501 too.
file(STRINGS ${Lua_INCLUDE_DIR}/lua.h version_line
     REGEX "^#define[ \t]+LUA_VERSION_(NUM|MAJOR|MINOR)[ \t]")
if("${version_line}" MATCHES "NUM[ \t]+([0-9])0([0-9])")
  set(SHOAL_LUA_ABI ${CMAKE_MATCH_1}.${CMAKE_MATCH_2})
elseif("${version_line}" MATCHES "MAJOR[ \t]+\"([0-9])\".*MINOR[ \t]+\"([0-9])\"")
  set(SHOAL_LUA_ABI ${CMAKE_MATCH_1}.${CMAKE_MATCH_2})
else()
  message(FATAL_ERROR "cannot tell the version of ${Lua_INCLUDE_DIR}/lua.h")
endif()

add_library(lua::headers INTERFACE IMPORTED)
target_include_directories(lua::headers SYSTEM INTERFACE ${Lua_INCLUDE_DIR})

if(NOT SHOAL_LUA_PROGRAM)
  find_program(SHOAL_LUA_PROGRAM ${SHOAL_LUA})
  set(SHOAL_LUA_FOUND_PROGRAM "${SHOAL_LUA_PROGRAM}" CACHE INTERNAL "ours, not the user's")
endif()

# LuaRocks may have given us the headers of another Lua.
if(SHOAL_LUA STREQUAL "luajit" AND EXISTS ${Lua_INCLUDE_DIR}/luajit.h)
  find_library(LuaJIT_LIBRARY NAMES luajit-5.1 luajit
    HINTS ${PC_LUA_LIBRARY_DIRS} ${PC_LUA_LIBDIR})
  mark_as_advanced(LuaJIT_LIBRARY)
  if(LuaJIT_LIBRARY)
    add_library(lua::library INTERFACE IMPORTED)
    target_link_libraries(lua::library INTERFACE
      ${LuaJIT_LIBRARY} lua::headers m ${CMAKE_DL_LIBS})
  else()
    message(STATUS "no LuaJIT library: the executable is not built")
  endif()
endif()
