/* SPDX-License-Identifier: MIT */
/*
 * Effects for Lua. The engine has one queue of them; sends() and events() each
 * take their kind out of it and hold what they come across of the other, with a
 * number, so that effects() still tells all in order.
 *
 * Nothing is lost when Lua runs out of memory in between: an effect stays in
 * `object->effect` until it has been handed over or is being held.
 */
#include "object.h"

#include "../../lua/compat.h"
#include "../../lua/value.h"
#include "view.h"

/* A held effect is { number, count, value 1, ..., value count }. The list of
 * them counts downwards, below zero: see refs.h. */
enum { HELD_NUMBER = 1, HELD_COUNT, HELD_VALUES };

void effects_init(lua_State *L, struct engine_object *object)
{
    object->sends = object->notifies = (struct held){-1, -1};
    lua_newtable(L);
    lua_rawseti(L, -2, OBJECT_SENDS);
    lua_newtable(L);
    lua_rawseti(L, -2, OBJECT_NOTIFIES);
}

/* ---- The engine's queue ---- */

/* Is there one? It is then in object->effect. */
static bool peek(struct engine_object *object)
{
    if (!object->has_effect)
        object->has_effect = shoal_next_effect(object->core, &object->effect);
    return object->has_effect;
}

static int push_send(lua_State *L, const shoal_effect *effect)
{
    value_push_identity(L, effect->member.id);
    value_push_bytes(L, effect->packet);
    lua_pushstring(L, shoal_message_name(effect->message));
    value_push_bytes(L, effect->member.endpoint);
    return 4;
}

/* Pushes the values of the effect that was peeked at. */
static int push_effect(lua_State *L, const struct engine_object *object)
{
    luaL_checkstack(L, 12, "cannot push an effect");
    if (object->effect.kind == SHOAL_SEND)
        return push_send(L, &object->effect);
    return view_push_event(L, &object->effect, 0);
}

/* ---- Held ones ---- */

static struct held *list_of(struct engine_object *object, int kind)
{
    return kind == OBJECT_SENDS ? &object->sends : &object->notifies;
}

static bool is_holding(const struct held *held)
{
    return held->first > held->last;
}

/* Pushes the list of that kind. */
static void push_held(lua_State *L, int kind)
{
    lua_getuservalue(L, 1);
    lua_rawgeti(L, -1, kind);
    lua_remove(L, -2);
}

static void hold(lua_State *L, struct engine_object *object)
{
    int kind =
        object->effect.kind == SHOAL_SEND ? OBJECT_SENDS : OBJECT_NOTIFIES;
    struct held *held = list_of(object, kind);
    int top = lua_gettop(L), count;

    luaL_checkstack(L, 20, "cannot hold an effect");
    push_held(L, kind);
    lua_createtable(L, 6, 0);
    count = push_effect(L, object);
    for (int i = count; i > 0; i--)
        lua_rawseti(L, top + 2, HELD_VALUES + i - 1);
    lua_pushnumber(L, object->sequence);
    lua_rawseti(L, top + 2, HELD_NUMBER);
    lua_pushinteger(L, count);
    lua_rawseti(L, top + 2, HELD_COUNT);
    lua_rawseti(L, top + 1, held->last);
    held->last--;
    object->sequence++;
    object->has_effect = false;
    lua_settop(L, top);
}

/* Takes the oldest of that kind out and pushes its values. */
static int take_held(lua_State *L, struct engine_object *object, int kind)
{
    struct held *held = list_of(object, kind);
    int top = lua_gettop(L), count;

    luaL_checkstack(L, 12, "cannot push an effect");
    push_held(L, kind);
    lua_rawgeti(L, top + 1, held->first);
    lua_rawgeti(L, top + 2, HELD_COUNT);
    count = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    for (int i = 0; i < count; i++)
        lua_rawgeti(L, top + 2, HELD_VALUES + i);
    lua_pushnil(L);
    lua_rawseti(L, top + 1, held->first);
    held->first--;
    if (!is_holding(held))
        *held = (struct held){-1, -1};
    lua_remove(L, top + 1);
    lua_remove(L, top + 1);
    return count;
}

/* The number of the oldest held effect of a kind that has one. */
static double number_of(lua_State *L, struct engine_object *object, int kind)
{
    double number;

    push_held(L, kind);
    lua_rawgeti(L, -1, list_of(object, kind)->first);
    lua_rawgeti(L, -1, HELD_NUMBER);
    number = lua_tonumber(L, -1);
    lua_pop(L, 3);
    return number;
}

/* ---- The iterators ---- */

/* A step is called with the engine and answers the values of the next effect,
 * or nothing. */

static int take_of(lua_State *L, struct engine_object *object, int kind,
                   shoal_effect_kind wanted)
{
    int count;

    if (is_holding(list_of(object, kind)))
        return take_held(L, object, kind);
    while (peek(object)) {
        if (object->effect.kind != wanted) {
            hold(L, object);
            continue;
        }
        count = push_effect(L, object);
        object->has_effect = false;
        return count;
    }
    return 0;
}

/* Which kind of held effects has the oldest; 0: none are held. */
static int oldest_held(lua_State *L, struct engine_object *object)
{
    if (!is_holding(&object->sends))
        return is_holding(&object->notifies) ? OBJECT_NOTIFIES : 0;
    if (!is_holding(&object->notifies))
        return OBJECT_SENDS;
    return number_of(L, object, OBJECT_SENDS) <
                   number_of(L, object, OBJECT_NOTIFIES)
               ? OBJECT_SENDS
               : OBJECT_NOTIFIES;
}

static int step_any(lua_State *L)
{
    struct engine_object *object = lua_touserdata(L, 1);
    int kind = oldest_held(L, object), count;

    if (kind != 0) {
        lua_pushstring(L, kind == OBJECT_SENDS ? "send" : "notify");
        return take_held(L, object, kind) + 1;
    }
    if (!peek(object))
        return 0;
    lua_pushstring(L, object->effect.kind == SHOAL_SEND ? "send" : "notify");
    count = push_effect(L, object);
    object->has_effect = false;
    return count + 1;
}

static int step_send(lua_State *L)
{
    return take_of(L, lua_touserdata(L, 1), OBJECT_SENDS, SHOAL_SEND);
}

static int step_notify(lua_State *L)
{
    return take_of(L, lua_touserdata(L, 1), OBJECT_NOTIFIES, SHOAL_NOTIFY);
}

/* The iterator of a generic for; its upvalue is the step. An effect's bytes are
 * good until the next one is taken out, and an allocation in Lua may run a
 * finalizer that tries to, or to close the engine: it must see `taking`, which
 * therefore has to be put back whatever happens. */
static int next(lua_State *L)
{
    struct engine_object *object = object_check(L);
    int status;

    if (!object->core || object->taking)
        return 0; /* closed in the loop's body, or see above */
    if (object->busy)
        return luaL_error(L, "effects cannot be taken from inside an identity, "
                             "broadcast or codec function");
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    object->taking = true;
    status = lua_pcall(L, 1, LUA_MULTRET, 0);
    object->taking = false;
    if (status != LUA_OK)
        return lua_error(L);
    return lua_gettop(L) - 1;
}

static int iterate(lua_State *L, lua_CFunction step)
{
    object_check_open(L);
    lua_settop(L, 1);
    lua_pushcfunction(L, step);
    lua_pushcclosure(L, next, 1);
    lua_insert(L, 1);
    return 2;
}

static int sends(lua_State *L)
{
    return iterate(L, step_send);
}

static int events(lua_State *L)
{
    return iterate(L, step_notify);
}

static int effects(lua_State *L)
{
    return iterate(L, step_any);
}

void effects_register(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"sends", sends},     /* to, bytes, message, endpoint */
        {"events", events},   /* name, a, b */
        {"effects", effects}, /* "send" or "notify", and these */
        {NULL, NULL},
    };

    luaL_setfuncs(L, methods, 0);
}
