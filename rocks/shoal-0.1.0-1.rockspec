rockspec_format = "3.0"
package = "shoal"
version = "0.1.0-1"
source = {
  url = "git+https://example.org/shoal.git", -- wherever the repository is published
  tag = "v0.1.0",
}
description = {
  summary = "Cluster membership (SWIM with Lifeguard) that you script in Lua",
  detailed = [[
A C engine speaks the SWIM gossip protocol; Lua functions decide who a member
is, what data travels with the gossip, and what happens when the cluster
changes. A runtime with hot reload, a module for your own program, and the
engine without I/O.]],
  license = "MIT",
  homepage = "https://example.org/shoal",
  issues_url = "https://example.org/shoal/issues",
  labels = { "cluster", "gossip", "swim", "network" },
}
supported_platforms = { "unix" }
dependencies = {
  "lua >= 5.1, < 5.5",
  "argparse",
}
external_dependencies = {
  -- Where they are can be given (EV_DIR=/opt/ev). Looking is left to CMake,
  -- which says what to install when they are not there:
  -- Debian: libev-dev, Alpine: libev-dev, Fedora: libev-devel, Homebrew: libev
  EV = {},
  -- Debian: libmsgpack-dev, Alpine: msgpack-c-dev, Fedora: msgpack-c-devel, Homebrew: msgpack
  MSGPACK = {},
}
build = {
  type = "cmake",
  variables = {
    CMAKE_BUILD_TYPE = "RelWithDebInfo",
    CMAKE_INSTALL_PREFIX = "$(PREFIX)",
    CMAKE_INSTALL_BINDIR = "$(BINDIR)",
    EV_DIR = "$(EV_DIR)",
    MSGPACK_DIR = "$(MSGPACK_DIR)",
    SHOAL_LIBDIR = "$(LIBDIR)",
    SHOAL_LUADIR = "$(LUADIR)",
    SHOAL_LUA_INCLUDE_DIR = "$(LUA_INCDIR)",
    SHOAL_LUA_PROGRAM = "$(LUA)",
    SHOAL_ROCK = "ON",
    SHOAL_TESTS = "OFF",
  },
}
