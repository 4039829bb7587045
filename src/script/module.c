/* SPDX-License-Identifier: MIT */
#include "module.h"

#include "../control/control.h"
#include "../control/control_folder.h"
#include "../dns/dns_lua.h"
#include "../host/host.h"
#include "../lua/compat.h"
#include "../lua/options.h"
#include "../lua/protected_call.h"
#include "../lua/value.h"
#include "../web/web_lua.h"
#include "engine/codec.h"
#include "engine/config.h"
#include "engine/engine.h"
#include "engine/tagging.h"
#include "file_kind.h"
#include "keys.h"
#include "lookup.h"
#include "node/loop.h"
#include "node/methods/methods.h"
#include "node/methods/start.h"
#include "reload/check.h"
#include "reload/modules.h"
#include "signals.h"
#include "signing.h"
#include "sim/simulation.h"
#include "supervisor.h"
#include "terminal.h"

/* Each adds its functions to the table on top of the stack. */
typedef void register_fn(lua_State *L);

static void control_register(lua_State *L)
{
    control_server_register(L, loop_try_default);
}

static void http_register(lua_State *L)
{
    web_register(L, loop_try_default);
}

static void dns_listener_register(lua_State *L)
{
    dns_register(L, loop_try_default);
}

static register_fn *const parts[] = {
    value_register,          /* pack, unpack */
    options_register,        /* nearest */
    config_register,         /* preset, presets */
    codec_register,          /* codec */
    engine_register,         /* new, stock_identity */
    start_register,          /* start */
    methods_register,        /* methods, open_http */
    loop_register,           /* run, stop, step */
    simulation_register,     /* simulation */
    check_register,          /* check, check_handlers */
    lookup_register,         /* resolve */
    signals_register,        /* signal */
    terminal_register,       /* is_terminal */
    supervisor_register,     /* tell_supervisor */
    file_kind_register,      /* file_kind */
    keys_register,           /* keygen, read_key */
    signing_register,        /* signing */
    control_register,        /* control_listen */
    control_client_register, /* control_connect */
    control_folder_register, /* control_folder */
    http_register,           /* web_listen */
    dns_listener_register,   /* dns_listen */
};

/* A deputy answers pings while a handler keeps the loop (src/host/deputy.h). */
static const protected_watch deputy = {
    host_handler_begins, host_handler_follows, host_handler_ended};

int luaopen_shoal_core(lua_State *L)
{
    protected_set_watch(L, &deputy);
    modules_provide_core(L, luaopen_shoal_core);
    lua_newtable(L);
    lua_pushstring(L, shoal_version());
    lua_setfield(L, -2, "version");
    tagging_register(L);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        parts[i](L);
    return 1;
}
