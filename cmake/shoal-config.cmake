# SPDX-License-Identifier: MIT
#
# find_package(shoal): the engine as the target shoal::shoal.

include(CMakeFindDependencyMacro)
list(PREPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
find_dependency(Msgpack MODULE)
list(POP_FRONT CMAKE_MODULE_PATH)
include(${CMAKE_CURRENT_LIST_DIR}/shoal-targets.cmake)
