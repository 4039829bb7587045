/* SPDX-License-Identifier: MIT */
#include "admission.h"

#include "../../base/address.h"
#include "../../base/bytes.h"
#include "../../base/networks.h"
#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "advertise.h"
#include "node.h"

/* Of the stock identity: its address is what members send to, so it must be an
 * IP address in full. */
static int check_stock(shoal_bytes addr, struct error *error)
{
    struct endpoint parsed;

    if (addr.size > ADMISSION_MAX_ADDR)
        return error_fail(error, "an addr has %zu bytes (at most %d)",
                          addr.size, ADMISSION_MAX_ADDR);
    if (address_parse_endpoint(addr, &parsed, error) != 0)
        return -1;
    if (parsed.is_name)
        return error_fail(error, "'%.80s' is not an IP address", parsed.name);
    return advertise_check(addr, error);
}

static int check_place(void *context, shoal_bytes endpoint, bool is_stock,
                       struct error *error)
{
    (void)context;
    return is_stock ? check_stock(endpoint, error)
                    : advertise_check(endpoint, error);
}

/* A name may mean any address: src/host looks at those that it sends to. */
static bool is_allowed(void *context, shoal_bytes endpoint)
{
    const struct node *node = context;
    struct endpoint parsed;

    return address_parse_endpoint(endpoint, &parsed, NULL) != 0 ||
           parsed.is_name || networks_have(&node->allowed, &parsed.address);
}

shoal_handlers admission_handlers(struct node *node, struct version *version)
{
    static const questions_door door = {check_place, is_allowed};

    version->questions->door = &door;
    version->questions->door_context = node;
    return questions_handlers(version->questions);
}

void admission_check_own(struct node *node, const char *addr)
{
    if (!is_allowed(node, bytes_of_text(addr)))
        log_line(&node->log, LOG_WARN, LOG_SCRIPT,
                 "our own address is in none of the allowed networks: members "
                 "that allow the same ones ignore this one",
                 log_str("addr", addr));
}

int admission_check_seed(struct node *node, const char *endpoint,
                         struct error *error)
{
    if (node->allowed.count == 0 || is_allowed(node, bytes_of_text(endpoint)))
        return 0;
    return error_fail(error, "cannot join %s: it is not in an allowed network",
                      endpoint);
}

/* ---- The option ---- */

static void add(lua_State *L, const char *who, struct node *node)
{
    struct error error;

    if (lua_type(L, -1) != LUA_TSTRING)
        options_error(L, who, "allow", "must be a list of networks", -1);
    if (networks_add(&node->allowed, lua_tostring(L, -1), &error) != 0)
        luaL_error(L, "%s: option 'allow': %s", who, error.text);
}

void admission_read_allowed(lua_State *L, int index, const char *who,
                            struct node *node)
{
    if (!options_table(L, index, who, "allow"))
        return;
    for (int i = 1; i <= (int)lua_rawlen(L, -1); i++) {
        lua_rawgeti(L, -1, i);
        add(L, who, node);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}
