/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include "../host/key_file.h"
#include "../lua/compat.h"
#include "../lua/result.h"
#include "../seal/seal.h"

#include <stdbool.h>

/* keygen() -> text | nil, message, code
 * keygen(path) -> id | nil, message, code: the key is in the new file */
static int keygen(lua_State *L)
{
    const char *path = luaL_optstring(L, 1, NULL);
    char text[CRYPTO_TEXT], id[SEAL_ID_TEXT];
    struct error error;
    if (*seal_problem())
        return result_fail(L, seal_problem(), CODE_KEY);
    if (path && key_file_make(path, id, &error) != 0)
        return result_fail(L, error.text, CODE_KEY);
    if (!path)
        seal_keys_generate(text);
    lua_pushstring(L, path ? id : text);
    return 1;
}

/* read_key(path) -> text, id | nil, message, code: of the one key in the file
 */
static int read_key(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    char text[CRYPTO_TEXT], id[SEAL_ID_TEXT];
    struct seal_keys keys = {0};
    struct error error;
    if (key_file_read(path, &keys, &error) != 0)
        return result_fail(L, error.text, CODE_KEY);
    if (keys.count == 1) {
        crypto_key_to_text(keys.list[0].bytes, text);
        seal_key_format_id(&keys.list[0], id);
    }
    bool is_one = keys.count == 1;
    crypto_wipe(&keys, sizeof keys);
    if (!is_one)
        return result_fail(L, "the key file must have one key in it", CODE_KEY);
    lua_pushstring(L, text);
    crypto_wipe(text, sizeof text);
    lua_pushstring(L, id);
    return 2;
}

void keys_register(lua_State *L)
{
    lua_pushcfunction(L, keygen);
    lua_setfield(L, -2, "keygen");
    lua_pushcfunction(L, read_key);
    lua_setfield(L, -2, "read_key");
}
