/* SPDX-License-Identifier: MIT */
/* The node's methods for the keys that seal its packets. */
#include "../../../base/error.h"
#include "../../../lua/compat.h"
#include "../../../lua/result.h"
#include "../../../seal/seal.h"
#include "methods.h"

/* NULL and pushes nil, message, code: the node has none. */
static struct seal *check_seal(lua_State *L)
{
    struct node *node = methods_check_open(L);
    struct seal *seal = node->backend->ops->seal(node->backend);
    if (!seal)
        (void)result_fail(L, "the node has no key: it was started without one",
                          CODE_KEY);
    return seal;
}

/* keys() -> { { id=, used= }, ... }, the one in use first */
static int keys(lua_State *L)
{
    struct seal *seal = check_seal(L);
    char id[SEAL_ID_TEXT];
    if (!seal)
        return 3;
    const struct seal_keys *all = seal_get_keys(seal);
    lua_createtable(L, (int)all->count, 0);
    for (unsigned i = 0; i < all->count; i++) {
        seal_key_format_id(&all->list[i], id);
        lua_createtable(L, 0, 2);
        lua_pushstring(L, id);
        lua_setfield(L, -2, "id");
        lua_pushboolean(L, i == 0);
        lua_setfield(L, -2, "used");
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

static int finish(lua_State *L, struct seal *seal, int result,
                  const struct error *error)
{
    if (result != 0)
        return result_fail(L, error->text, CODE_KEY);
    seal_keys_changed(seal);
    lua_pushboolean(L, true);
    return 1;
}

/* add_key(text) */
static int add_key(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 2, &size);
    struct seal *seal = check_seal(L);
    struct error error;
    if (!seal)
        return 3;
    return finish(L, seal,
                  seal_keys_add(seal_get_keys(seal), text, size, &error),
                  &error);
}

/* use_key(id) */
static int use_key(lua_State *L)
{
    const char *id = luaL_checkstring(L, 2);
    struct seal *seal = check_seal(L);
    struct error error;
    if (!seal)
        return 3;
    return finish(L, seal, seal_keys_use(seal_get_keys(seal), id, &error),
                  &error);
}

/* remove_key(id) */
static int remove_key(lua_State *L)
{
    const char *id = luaL_checkstring(L, 2);
    struct seal *seal = check_seal(L);
    struct error error;
    if (!seal)
        return 3;
    return finish(L, seal, seal_keys_remove(seal_get_keys(seal), id, &error),
                  &error);
}

/* rotate_key(text?) -> its id */
static int rotate_key(lua_State *L)
{
    struct node *node = methods_check_sending(L, "node:rotate_key");
    struct seal *seal = check_seal(L);
    size_t size = 0;
    const char *text = luaL_optlstring(L, 2, NULL, &size);
    struct error error;
    char id[SEAL_ID_TEXT];
    if (!seal)
        return 3;
    if (rotation_start(node, text, size, id, &error) != 0)
        return result_fail(L, error.text, CODE_KEY);
    lua_pushstring(L, id);
    return 1;
}

/* rotation() -> { key=, stage=, lacks=, unused=, removed_in= } or nil */
static int rotation(lua_State *L)
{
    struct node *node = methods_check_open(L);
    if (!check_seal(L))
        return 3;
    rotation_push(L, node);
    return 1;
}

const luaL_Reg methods_keys[] = {
    {"rotate_key", rotate_key},
    {"rotation", rotation},
    {"keys", keys},
    {"add_key", add_key},
    {"use_key", use_key},
    {"remove_key", remove_key},
    {NULL, NULL},
};
