/* SPDX-License-Identifier: MIT */
/* How a question is asked, and where its answer stays. */
#include "answers.h"

#include "../../base/error.h"
#include "../../lua/compat.h"
#include "../../lua/refs.h"

#include <stdio.h>

static const char *const names[NUM_QUESTIONS] = {
/* "broadcast.receive", or "check_tags" without a table. */
#define QUESTION_NAME(NAME, table, function)                                   \
    &(table "." function)[sizeof table == 1],
    QUESTIONS(QUESTION_NAME)
#undef QUESTION_NAME
};

int answers_ask(questions *q, question_id which, protected_fn *fn,
                void *context)
{
    int error = protected_run(q->caller, q->L, fn, context, names[which]);

    if (error)
        error_fail(&q->error, "%s: %s", names[which],
                   protected_last_message(q->caller));
    return error;
}

void answers_push(questions *q, lua_State *L)
{
    refs_push(L, q->sets);
    lua_rawgeti(L, -1, q->id);
    lua_remove(L, -2);
    if (!lua_isuserdata(L, -1))
        luaL_error(L, "the questions were not kept"); /* a fault of ours */
    lua_getuservalue(L, -1);
    lua_remove(L, -2);
}

void answers_begin(questions *q, lua_State *L, question_id which)
{
    answers_push(q, L);
    lua_rawgeti(L, 1, (int)which + 1);
}

void answers_invoke(questions *q, lua_State *L, int nargs)
{
    protected_invoke(q->caller, L, nargs, 2);
    if (lua_isnil(L, -2) && lua_type(L, -1) == LUA_TSTRING)
        lua_error(L);
    lua_pop(L, 1);
}

shoal_bytes answers_keep(lua_State *L, int slot)
{
    shoal_bytes kept;

    kept.data = (const uint8_t *)lua_tolstring(L, -1, &kept.size);
    lua_rawseti(L, 1, slot);
    return kept;
}
