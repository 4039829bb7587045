/* SPDX-License-Identifier: MIT */
/*
 * What a function answers in Lua when it fails at run time: nil, message, code.
 * The code is an error's name (SHOAL_ERRORS) or one of these.
 */
#ifndef SHOAL_LUA_RESULT_H
#define SHOAL_LUA_RESULT_H

#include <lua.h>

/* clang-format off */

/* Of shoal.start and a node's methods. X(NAME, "name", "text") */
#define RESULT_NODE_CODES(X)                                                   \
    X(BIND, "bind", "`shoal.start`: the address cannot be bound")              \
    X(ADVERTISE, "advertise",                                                  \
      "`shoal.start`: not an address that other members could use")            \
    X(KEY, "key",                                                              \
      "a key that cannot be read or used, or there is none, as the message "   \
      "says")                                                                  \
    X(DATA_DIR, "data_dir",                                                    \
      "`shoal.start`: the folder for the node's memory cannot be used")        \
    X(USER, "user",                                                            \
      "`shoal.start`: the process cannot become that user")                    \
    X(JOIN, "join", "not an endpoint, or one that the socket cannot send to")  \
    X(SCRIPT, "script",                                                        \
      "the script does not load, or does not fit the node; nothing changed")   \
    X(LOADING, "loading",                                                      \
      "`reload`: another version of the script is being loaded")               \
    X(NO_SCRIPT, "no_script",                                                  \
      "`reload`: the handlers do not come from a file")                        \
    X(CLOSED, "closed", "the node or the connection is closed, or is closing")                   \
    X(TIMEOUT, "timeout", "it took too long")        \
    X(HANDLER, "handler",                                                      \
      "`wait`: the condition raised an error; `call`: the command did")        \
    X(ARGUMENTS, "arguments",                                                  \
      "`call`: not the arguments that the command takes; `shoal.start`: "      \
      "`args` that cannot be carried")                      \
    X(FAILED, "failed", "`call`: the command answered `nil, message`")         \
    X(REPLACED, "replaced",                                                    \
      "`call`: the handlers were replaced before the command had answered")    \
    X(SPAWN, "spawn", "`spawn`: the program cannot be started")                \
    X(HTTP, "http", "`http`: there is no response")                            \
    X(IO, "io", "`io`: the descriptor cannot be watched")                      \
    X(CONNECT, "connect",                                                      \
      "`connect`: there is no connection, or it is broken; the control "       \
      "socket cannot be reached")

/* Of the control socket's methods, which are written in Lua. */
#define RESULT_CONTROL_CODES(X)                                                \
    X(UNKNOWN_METHOD, "unknown_method", "there is no method of that name")     \
    X(INVALID_PARAMS, "invalid_params",                                        \
      "the message says which parameter is wrong, and why")                    \
    X(STARTING, "starting", "the node has not started yet; try again")

/* Of the functions that the command line uses. */
#define RESULT_TOOL_CODES(X)                                                   \
    X(REMOTE, "remote", "the node returned an error")                          \
    X(LISTEN, "listen", "cannot create the control socket")                    \
    X(FOLDER, "folder", "other users could write to the folder of the socket") \
    X(LOOP, "loop", "cannot create an event loop")                             \
    X(ENDPOINT, "endpoint", "not an endpoint")                                 \
    X(FAMILY, "family", "an endpoint that the socket cannot send to")          \
    X(RESOLVE, "resolve", "a name that does not resolve")

/* clang-format on */

#define RESULT_CODE(NAME, name, text) static const char CODE_##NAME[] = name;
RESULT_NODE_CODES(RESULT_CODE)
RESULT_TOOL_CODES(RESULT_CODE)
#undef RESULT_CODE

/* Each pushes nil, message, code, and returns 3. */
int result_fail(lua_State *L, const char *message, const char *code);
/* The message is on top of the stack. */
int result_fail_pushed(lua_State *L, const char *code);
/* A shoal_error, and in parentheses what exactly it tripped over (NULL or "":
 * nothing). */
int result_error(lua_State *L, int error, const char *detail);

#endif
