/* SPDX-License-Identifier: MIT */
#include "program.h"

#include "../host/host.h"
#include "../script/node/node.h"
#include "compat.h"
#include "refs.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char registry_key[] = "shoal.owner";

uint64_t owner_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* A failing signal or control handler has no node whose log could tell. */
static void report(void *context, const dispatch_report *report)
{
    struct owner *owner = context;
    complaints_tell(&owner->complaints, &owner->log, LOG_CONTROL, report,
                    owner_now_us());
}

static int collect(lua_State *L)
{
    struct owner *owner = lua_touserdata(L, 1);
    while (owner->nodes)
        node_abandon(owner->nodes);
    return 0;
}

/* Pushes a thread to call handlers on while nothing runs. A main thread needs
 * no keeping, but only 5.2 and later tell where it is. */
static lua_State *push_idle_thread(lua_State *L)
{
    if (!lua_pushthread(L)) {
        lua_pop(L, 1);
        return lua_newthread(L);
    }
    return L;
}

void owner_init(struct owner *owner, lua_State *L)
{
    memset(owner, 0, sizeof *owner);
    log_init(&owner->log);
    dispatch_init(&owner->dispatch, L, &owner->counts);
    owner->dispatch.context = owner;
    owner->dispatch.report = report;
    owner->L = push_idle_thread(L);
    owner->idle = refs_new(L); /* the last, since it is to be given back */
}

void owner_clear(struct owner *owner, lua_State *L)
{
    refs_free(L, &owner->idle);
}

static struct owner *make(lua_State *L)
{
    refs_reserve(L, registry_key);
    struct owner *owner = compat_newblock(L, sizeof *owner);
    memset(owner, 0, sizeof *owner); /* it may be collected like that */
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    owner_init(owner, L);
    lua_setfield(L, LUA_REGISTRYINDEX, registry_key);
    return owner;
}

struct owner *owner_of(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, registry_key);
    struct owner *owner = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return owner ? owner : make(L);
}

/* Questions that the engine asks the program's functions go the same way. */
static void use(struct owner *owner, lua_State *L)
{
    owner->L = L;
    for (struct node *node = owner->nodes; node; node = node->next) {
        if (!node->current->script)
            node->current->questions->L = L;
    }
}

lua_State *owner_enter(struct owner *owner, lua_State *L)
{
    lua_State *before = owner->L;
    use(owner, L);
    return before;
}

void owner_leave(struct owner *owner, lua_State *before)
{
    use(owner, before);
}
