/* SPDX-License-Identifier: MIT */
#include "program.h"

#include "../base/clock.h"
#include "../base/list.h"

#include "compat.h"
#include "refs.h"

#include <string.h>
#include <time.h>

static const char registry_key[] = "shoal.program";

uint64_t program_now_us(void)
{
    return clock_monotonic_us();
}

/* A failing signal or control handler has no node whose log could tell. */
static void report(void *context, const protected_report *report)
{
    struct program *program = context;
    failure_log_write(&program->failure_log, &program->log, LOG_CONTROL, report,
                      program_now_us());
}

static int collect(lua_State *L)
{
    struct program *program = lua_touserdata(L, 1);
    while (program->nodes)
        program->nodes->abandon(program->nodes);
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

void program_init(struct program *program, lua_State *L)
{
    memset(program, 0, sizeof *program);
    log_init(&program->log);
    protected_init(&program->caller, L, &program->counts);
    program->caller.context = program;
    program->caller.report = report;
    program->L = push_idle_thread(L);
    program->idle = refs_new(L); /* the last, since it is to be given back */
}

void program_clear(struct program *program, lua_State *L)
{
    refs_free(L, &program->idle);
}

static struct program *make(lua_State *L)
{
    refs_reserve(L, registry_key);
    struct program *program = compat_newblock(L, sizeof *program);
    memset(program, 0, sizeof *program); /* it may be collected like that */
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    program_init(program, L);
    lua_setfield(L, LUA_REGISTRYINDEX, registry_key);
    return program;
}

struct program *program_of(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, registry_key);
    struct program *program = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return program ? program : make(L);
}

void program_add(struct program *program, struct program_node *node)
{
    LIST_PUSH(program->nodes, node);
}

void program_remove(struct program_node *node)
{
    LIST_REMOVE(node);
}

/* Questions that the engine asks the program's functions go the same way. */
static void use(struct program *program, lua_State *L)
{
    program->L = L;
    for (struct program_node *node = program->nodes; node; node = node->next)
        node->use_thread(node, L);
}

lua_State *program_enter(struct program *program, lua_State *L)
{
    lua_State *before = program->L;
    use(program, L);
    return before;
}

void program_leave(struct program *program, lua_State *before)
{
    use(program, before);
}
