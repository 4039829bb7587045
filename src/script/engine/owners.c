/* SPDX-License-Identifier: MIT */
#include "owners.h"

#include "../../base/bytes.h"
#include "../../base/rendezvous.h"
#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/protected_call.h"
#include "../../lua/value.h"
#include "view.h"

enum { MAX_OWNERS = 255 };

/* ---- Walking the living ---- */

/* `table` is the index of the member's, 0: it has none. */
typedef void visit_fn(lua_State *L, void *context, shoal_bytes addr, int table);

static void walk(lua_State *L, const shoal *engine, visit_fn *visit,
                 void *context)
{
    shoal_member member;
    uint32_t cursor = 0;
    while (shoal_next_member(engine, &cursor, &member)) {
        if (member.state != SHOAL_DOWN)
            visit(L, context, member.addr, 0);
    }
    member = shoal_self(engine);
    if (member.state != SHOAL_DOWN)
        visit(L, context, member.addr, 0);
}

/* STACK: list -> list */
static void walk_list(lua_State *L, visit_fn *visit, void *context)
{
    int list = lua_gettop(L), count = (int)lua_rawlen(L, list);
    for (int i = 1; i <= count; i++) {
        shoal_bytes addr;
        lua_rawgeti(L, list, i);
        lua_getfield(L, -1, "addr");
        if (value_to_addr(L, -1, "member.addr") != 0)
            lua_error(L);
        addr.data = (const uint8_t *)lua_tolstring(L, -1, &addr.size);
        visit(L, context, addr, list + 1);
        lua_settop(L, list);
    }
}

/* Tables of the living, those for which `where` holds if there is one. */
static void push_list(lua_State *L, const struct owners_call *call)
{
    view_push_living(L, call->engine, call->offset_us);
    view_filter_where(L, call->options, call->who);
}

static void check_options(lua_State *L, const struct owners_call *call,
                          const char *const *names)
{
    luaL_checkstack(L, 16, "cannot list the members");
    lua_settop(L, call->options);
    options_check(L, call->options, call->who, names, true);
}

/* ---- How many, and which of them ---- */

static const char *const of_list[] = {"where", NULL};

int owners_push_size(lua_State *L, const struct owners_call *call)
{
    check_options(L, call, of_list);
    size_t count = shoal_num_members(call->engine) +
                   (shoal_self(call->engine).state != SHOAL_DOWN);
    if (view_has_where(L, call->options)) {
        push_list(L, call);
        count = lua_rawlen(L, -1);
    }
    lua_pushinteger(L, (lua_Integer)count);
    return 1;
}

struct place_of_us {
    shoal_bytes self;
    bool found;
    uint32_t before;
};

static void visit_for_rank(lua_State *L, void *context, shoal_bytes addr,
                           int table)
{
    struct place_of_us *place = context;
    int order = bytes_compare(addr, place->self);
    (void)L;
    (void)table;
    if (order < 0)
        place->before++;
    if (order == 0)
        place->found = true;
}

/* `where` may do anything, so our own address is copied. */
static shoal_bytes push_own_address(lua_State *L, const shoal *engine)
{
    shoal_bytes addr = shoal_self(engine).addr;
    uint8_t copy[SHOAL_MAX_IDENTITY];
    memcpy(copy, addr.data, addr.size);
    lua_pushlstring(L, (const char *)copy, addr.size);
    addr.data = (const uint8_t *)lua_tostring(L, -1);
    return addr;
}

int owners_push_rank(lua_State *L, const struct owners_call *call)
{
    check_options(L, call, of_list);
    struct place_of_us place = {.self = push_own_address(L, call->engine)};
    if (view_has_where(L, call->options)) {
        push_list(L, call);
        walk_list(L, visit_for_rank, &place);
    } else {
        walk(L, call->engine, visit_for_rank, &place);
    }
    if (place.found)
        lua_pushinteger(L, (lua_Integer)place.before + 1);
    else
        lua_pushnil(L);
    return 1;
}

/* ---- Who does it ---- */

struct candidate {
    struct rendezvous_score score;
    size_t size; /* of the address */
    uint8_t addr[SHOAL_MAX_IDENTITY];
};

/* The best so far, the best first. */
struct election {
    const struct owners_call *call;
    uint64_t key;
    int weight; /* index of the function; 0: none */
    uint32_t wanted, count;
    struct candidate *best;
};

static shoal_bytes address_of(const struct candidate *candidate)
{
    return (shoal_bytes){candidate->addr, candidate->size};
}

static bool is_better(const struct rendezvous_score *score, shoal_bytes addr,
                      const struct candidate *than)
{
    int order = rendezvous_compare(score, &than->score);
    return order ? order < 0 : bytes_compare(addr, address_of(than)) < 0;
}

static void consider(struct election *election, shoal_bytes addr,
                     uint32_t weight)
{
    struct rendezvous_score score = {rendezvous_hash(election->key, addr),
                                     weight};
    uint32_t at = election->count;
    while (at > 0 && is_better(&score, addr, &election->best[at - 1]))
        at--;
    if (at == election->wanted)
        return;
    if (election->count < election->wanted)
        election->count++;
    memmove(election->best + at + 1, election->best + at,
            (election->count - at - 1) * sizeof *election->best);
    election->best[at].score = score;
    election->best[at].size = addr.size;
    memcpy(election->best[at].addr, addr.data, addr.size);
}

/* What the function says of a member. */
static uint32_t ask_weight(lua_State *L, const struct election *election,
                           int table)
{
    lua_pushvalue(L, election->weight);
    lua_pushvalue(L, table);
    protected_plain(L, 1, 1);
    lua_Number weight =
        lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;
    if (!(weight >= 0 && weight <= RENDEZVOUS_MAX_WEIGHT) ||
        weight != (lua_Number)(uint32_t)weight)
        luaL_error(L,
                   "%s: weight must return a whole number from 0 to %d, got %s",
                   election->call->who, (int)RENDEZVOUS_MAX_WEIGHT,
                   options_describe(L, -1));
    lua_pop(L, 1);
    return (uint32_t)weight;
}

static void visit_for_owner(lua_State *L, void *context, shoal_bytes addr,
                            int table)
{
    struct election *election = context;
    uint32_t weight = election->weight ? ask_weight(L, election, table) : 1;
    if (weight > 0)
        consider(election, addr, weight);
}

/* The function's index, or 0. */
static int push_weight(lua_State *L, const struct owners_call *call)
{
    if (!options_function(L, call->options, call->who, "weight"))
        return 0;
    return lua_gettop(L);
}

static void elect(lua_State *L, struct election *election)
{
    const struct owners_call *call = election->call;
    if (!election->weight && !view_has_where(L, call->options)) {
        walk(L, call->engine, visit_for_owner, election);
        return;
    }
    push_list(L, call);
    walk_list(L, visit_for_owner, election);
}

/* Pushes the member with that address, or ourselves; nil: it has gone while
 * others were asked about. */
static bool push_elected(lua_State *L, const struct owners_call *call,
                         shoal_bytes addr)
{
    shoal_member member = shoal_self(call->engine);
    bool is_self = bytes_equal(member.addr, addr);
    if (is_self || shoal_find(call->engine, addr, &member))
        view_push_member(L, &member, call->offset_us);
    else
        lua_pushnil(L);
    return is_self;
}

static int push_all(lua_State *L, const struct election *election)
{
    bool are_we = false;
    int count = 0;
    lua_createtable(L, (int)election->count, 0);
    for (uint32_t i = 0; i < election->count; i++) {
        are_we |=
            push_elected(L, election->call, address_of(&election->best[i]));
        if (lua_isnil(L, -1))
            lua_pop(L, 1);
        else
            lua_rawseti(L, -2, ++count);
    }
    lua_pushboolean(L, are_we);
    return 2;
}

static int push_first(lua_State *L, const struct election *election)
{
    bool are_we = false;
    if (election->count > 0)
        are_we = push_elected(L, election->call, address_of(election->best));
    else
        lua_pushnil(L);
    lua_pushboolean(L, are_we);
    return 2;
}

int owners_push_owner(lua_State *L, const struct owners_call *call,
                      shoal_bytes key)
{
    static const char *const names[] = {"n", "where", "weight", NULL};
    check_options(L, call, names);
    double n =
        options_integer(L, call->options, call->who, "n", 1, MAX_OWNERS, 0);
    struct election election = {.call = call,
                                .key = rendezvous_key(key),
                                .weight = push_weight(L, call),
                                .wanted = n > 0 ? (uint32_t)n : 1};
    election.best = compat_newblock(L, election.wanted * sizeof *election.best);
    elect(L, &election);
    return n > 0 ? push_all(L, &election) : push_first(L, &election);
}
