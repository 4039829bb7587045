/* SPDX-License-Identifier: MIT */
#include "templates.h"

#include "../base/bytes.h"
#include "../wire/compact.h"
#include "compat.h"
#include "protected_call.h"
#include "refs.h"
#include "reserved_tag.h"
#include "value.h"

#include <string.h>

/* Tail calls, so that a handler's traceback does not tell of them. */
static const char source[] =
    "local states, reasons = ...\n"
    "local function member(id, bump, addr, state, incarnation, since,\n"
    "                      reason, rtt, tags)\n"
    "  if bump then id = { addr = id, bump = bump } end\n"
    "  return { id = id, addr = addr, state = states[state],\n"
    "    incarnation = incarnation, since = since,\n"
    "    reason = reasons[reason], rtt = rtt, tags = tags }\n"
    "end\n"
    "local function tell(handler, node, id, bump, addr, state, incarnation,\n"
    "                    since, reason, rtt, tags)\n"
    "  return handler(node, member(id, bump, addr, state, incarnation,\n"
    "    since, reason, rtt, tags))\n"
    "end\n"
    "local function receive(handler, self, data, id, bump)\n"
    "  if bump then id = { addr = id, bump = bump } end\n"
    "  return handler(self, data, id)\n"
    "end\n"
    "local pairs, type = pairs, type\n"
    "local function same(a, b)\n"
    "  if a == b then return true end\n"
    "  if type(a) ~= 'table' or type(b) ~= 'table' then return false end\n"
    "  for k, v in pairs(a) do if not same(v, b[k]) then return false end end\n"
    "  for k in pairs(b) do if a[k] == nil then return false end end\n"
    "  return true\n"
    "end\n"
    "local function changed(before, after)\n"
    "  local list = {}\n"
    "  for k, v in pairs(before) do\n"
    "    if not same(v, after[k]) then\n"
    "      list[k] = { before = v, after = after[k] }\n"
    "    end\n"
    "  end\n"
    "  for k, v in pairs(after) do\n"
    "    if before[k] == nil then list[k] = { after = v } end\n"
    "  end\n"
    "  return list\n"
    "end\n"
    /* What is plain comes first, whatever the order of the table is. */
    "local function has_plain(tags, wanted)\n"
    "  for k, v in pairs(wanted) do\n"
    "    if v == true then\n"
    "      if tags[k] == nil then return false end\n"
    "    elseif type(v) ~= 'function' and not same(v, tags[k]) then\n"
    "      return false\n"
    "    end\n"
    "  end\n"
    "  return true\n"
    "end\n"
    "local function matches(tags, wanted)\n"
    "  if not tags or not has_plain(tags, wanted) then return false end\n"
    "  for k, v in pairs(wanted) do\n"
    "    if type(v) == 'function' and not v(tags[k]) then return false end\n"
    "  end\n"
    "  return true\n"
    "end\n"
    "return member, tell, receive, changed, matches\n";

static const char registry_key[] = "shoal.templates";

/* ---- What a state has once ---- */

/* { "alive", "suspect", "down" }, with state 0 at 1. */
static void push_states(lua_State *L)
{
    lua_createtable(L, SHOAL_DOWN + 1, 0);
    for (int state = 0; state <= SHOAL_DOWN; state++) {
        lua_pushstring(L, shoal_state_name((shoal_state)state));
        lua_rawseti(L, -2, state + 1);
    }
}

/* { "failed", "left", "replaced" }: nil for the reason of one that is not down.
 */
static void push_reasons(lua_State *L)
{
    lua_newtable(L);
    for (int reason = SHOAL_REASON_FAILED; reason <= SHOAL_REASON_REPLACED;
         reason++) {
        lua_pushstring(L, shoal_reason_name(reason));
        lua_rawseti(L, -2, reason);
    }
}

/* Keeps the value on top of the stack, unless that was done before; pops it. */
static void keep_once(lua_State *L, int *ref)
{
    if (*ref == REFS_NONE)
        *ref = refs_new(L);
    else
        lua_pop(L, 1);
}

static void make_names(lua_State *L, struct templates *templates)
{
    for (int event = 0; event < SHOAL_NUM_EVENTS; event++) {
        lua_pushfstring(L, "on_%s", shoal_event_name(event));
        keep_once(L, &templates->handler_names[event]);
    }
}

static void make_functions(lua_State *L, struct templates *templates)
{
    if (luaL_loadbuffer(L, source, sizeof source - 1, "=shoal") != LUA_OK)
        lua_error(L);
    push_states(L);
    push_reasons(L);
    protected_plain(L, 2, 5);
    keep_once(L, &templates->matches);
    keep_once(L, &templates->changed);
    keep_once(L, &templates->receive);
    keep_once(L, &templates->tell);
    keep_once(L, &templates->member);
}

static struct templates *make_templates(lua_State *L)
{
    struct templates *templates = compat_newblock(L, sizeof *templates);

    memset(templates, 0, sizeof *templates);
    lua_setfield(L, LUA_REGISTRYINDEX, registry_key);
    return templates;
}

/* If memory runs out on the way, the next attempt goes on from there. */
static void complete_templates(lua_State *L, struct templates *templates)
{
    make_names(L, templates);
    make_functions(L, templates);
}

const struct templates *templates_of(lua_State *L)
{
    struct templates *templates;

    luaL_checkstack(L, 8, "cannot make a table");
    lua_getfield(L, LUA_REGISTRYINDEX, registry_key);
    templates = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!templates)
        templates = make_templates(L);
    if (templates->member == REFS_NONE) /* the last */
        complete_templates(L, templates);
    return templates;
}

/* ---- Arguments ---- */

/* An identity that has just these two. `text` is what its address is in, when
 * it is in no other bytes. */
struct plain {
    shoal_bytes addr;
    uint64_t bump;
    uint8_t text[IP_TEXT_MAX];
};

static bool is_plain_map(shoal_bytes id, struct plain *out)
{
    struct compact_map map;

    if (!compact_read_map(id, &map) || map.name.data)
        return false;
    out->addr = map.addr;
    out->bump = map.bump;
    return true;
}

static bool is_plain(shoal_bytes id, struct plain *out)
{
    struct compact compact;

    if (!compact_is(id))
        return is_plain_map(id, out);
    if (!compact_read(id, &compact) || compact.name.size > 0)
        return false;
    out->addr =
        (shoal_bytes){out->text, ip_text_write(&compact.address, out->text)};
    out->bump = compact.bump;
    return true;
}

/* The engine's bytes are good until the next entry point, and any allocation in
 * Lua may run a finalizer, which may call one. So they are copied first. */
struct copy {
    uint8_t bytes[SHOAL_MAX_IDENTITY];
};

static shoal_bytes keep(struct copy *copy, shoal_bytes bytes)
{
    if (bytes.size == 0 || bytes.size > sizeof copy->bytes)
        return (shoal_bytes){NULL, 0};
    memcpy(copy->bytes, bytes.data, bytes.size);
    return (shoal_bytes){copy->bytes, bytes.size};
}

static void push_plain(lua_State *L, const struct plain *plain)
{
    struct copy addr;

    value_push_bytes(L, keep(&addr, plain->addr));
    compat_push_uint(L, plain->bump);
}

void templates_push_identity(lua_State *L, shoal_bytes id)
{
    struct plain plain;
    struct copy copy;

    if (is_plain(id, &plain)) {
        push_plain(L, &plain);
        return;
    }
    value_push_identity(L, keep(&copy, id));
    lua_pushnil(L);
}

/* The identity, and the address, which most often is the same as in it. */
static void push_names(lua_State *L, shoal_bytes id, shoal_bytes addr)
{
    struct plain plain;
    struct copy copy;

    if (is_plain(id, &plain) && bytes_equal(plain.addr, addr)) {
        push_plain(L, &plain);
        lua_pushvalue(L, -2);
        return;
    }
    addr = keep(&copy, addr);
    templates_push_identity(L, id);
    value_push_addr(L, addr);
}

void templates_push_tags(lua_State *L, shoal_bytes tags)
{
    uint8_t copy[SHOAL_MAX_TAGS];
    size_t used, size;

    if (tags.size == 0 || tags.size > sizeof copy) {
        lua_pushnil(L);
        return;
    }
    size = reserved_tag_strip(tags, copy);
    bool is_good = value_push(L, (shoal_bytes){copy, size}, &used) == 0 &&
                   lua_istable(L, -1);
    if (is_good)
        return;
    lua_pop(L, 1);
    lua_pushnil(L);
}

void templates_push_member(lua_State *L, const shoal_member *member,
                           int64_t offset_us)
{
    push_names(L, member->id, member->addr);
    lua_pushinteger(L, (lua_Integer)member->state + 1);
    lua_pushinteger(L, (lua_Integer)member->incarnation);
    lua_pushnumber(L, ((double)member->since_us + (double)offset_us) / 1e6);
    lua_pushinteger(L, (lua_Integer)member->reason);
    if (member->rtt_us > 0)
        lua_pushnumber(L, (double)member->rtt_us / 1e6);
    else
        lua_pushnil(L);
    templates_push_tags(L, member->tags);
}
