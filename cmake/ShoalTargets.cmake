# SPDX-License-Identifier: MIT
#
# How every target of ours is compiled.

include_guard()

if(SHOAL_SANITIZE STREQUAL "ON")
  set(SHOAL_SANITIZERS address,undefined)
elseif(SHOAL_SANITIZE)
  string(REPLACE ";" "," SHOAL_SANITIZERS "${SHOAL_SANITIZE}")
endif()
if(SHOAL_SANITIZERS)
  add_compile_options(-fsanitize=${SHOAL_SANITIZERS} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SHOAL_SANITIZERS})
endif()

# The compiler can optimize across the files of the engine: that saves an eighth of
# what runs for a packet (docs/performance.md). It takes ten seconds more for each
# program, after every change, so where specs are built it has to be asked for.
if(SHOAL_LTO STREQUAL "AUTO")
  set(SHOAL_ACROSS_FILES OFF)
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND NOT SHOAL_TESTS AND
     NOT SHOAL_SANITIZERS AND NOT APPLE AND CMAKE_BUILD_TYPE MATCHES "^(Release|RelWithDebInfo)$")
    include(CheckIPOSupported)
    check_ipo_supported(RESULT SHOAL_ACROSS_FILES OUTPUT ignored LANGUAGES C)
  endif()
else()
  set(SHOAL_ACROSS_FILES ${SHOAL_LTO})
endif()

# Sets `variable` to the C files of the folders src/<each further argument>.
function(shoal_sources variable)
  set(patterns)
  foreach(folder IN LISTS ARGN)
    list(APPEND patterns ${PROJECT_SOURCE_DIR}/src/${folder}/*.c)
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${patterns})
  set(${variable} ${sources} PARENT_SCOPE)
endfunction()

# C11 without extensions, hidden symbols, position independent (everything may
# end up in the module), warnings.
function(shoal_compile_options target)
  set_target_properties(${target} PROPERTIES
    C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
    C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
  target_compile_definitions(${target} PRIVATE
    SHOAL_VERSION="${PROJECT_VERSION}")
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wshadow -Wstrict-prototypes
    $<$<BOOL:${SHOAL_WERROR}>:-Werror>)
endfunction()

# Links `target` with the engine optimized across its files, if that is wanted: these
# objects come before libshoal.a, of which nothing is taken then.
function(shoal_with_whole_engine target)
  if(SHOAL_ACROSS_FILES)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:shoal-core-whole>)
    target_link_options(${target} PRIVATE -flto=auto)
  endif()
endfunction()

# shoal_library(<target> STATIC|OBJECT <folder of src>...)
# A layer without a source file yet is an empty library.
function(shoal_library target kind)
  shoal_sources(sources ${ARGN})
  if(NOT sources)
    set(sources ${PROJECT_BINARY_DIR}/empty.c)
    file(TOUCH ${sources})
  endif()
  add_library(${target} ${kind} ${sources})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C)
  shoal_compile_options(${target})
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>)
endfunction()
