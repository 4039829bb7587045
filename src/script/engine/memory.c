/* SPDX-License-Identifier: MIT */
/*
 * The allocator of an engine that Lua made: libc's, counted. fail_allocation()
 * lets tests walk through every allocation that can fail.
 */
#include "object.h"

#include "../../lua/compat.h"
#include "../../lua/options.h"

#include <stdlib.h>

static bool is_to_fail(struct memory *memory)
{
    if (memory->fail_at == 0 || memory->calls < memory->fail_at)
        return false;
    if (!memory->fail_after)
        memory->fail_at = 0;
    return true;
}

static void *reallocate(void *context, void *block, size_t old_size,
                        size_t new_size)
{
    struct memory *memory = context;

    if (new_size == 0) {
        free(block);
        return NULL;
    }
    memory->calls++;
    if (block && new_size <= old_size) { /* a shrink must not fail */
        void *smaller = realloc(block, new_size);

        return smaller ? smaller : block;
    }
    return is_to_fail(memory) ? NULL : realloc(block, new_size);
}

shoal_allocator memory_allocator(struct memory *memory)
{
    return (shoal_allocator){memory, reallocate};
}

int memory_fail(lua_State *L)
{
    struct engine_object *object = object_check_open(L);

    object->memory.fail_at = 0;
    if (lua_isnoneornil(L, 2))
        return 0;
    luaL_checktype(L, 2, LUA_TNUMBER);
    if (!(lua_tonumber(L, 2) >= 1 && lua_tonumber(L, 2) <= 1e15))
        return luaL_error(L, "fail_allocation: must be 1 or more, got %s",
                          options_describe(L, 2));
    object->memory.fail_at =
        object->memory.calls + (uint64_t)lua_tonumber(L, 2);
    object->memory.fail_after = lua_toboolean(L, 3);
    return 0;
}
