/* SPDX-License-Identifier: MIT */
#include "renames.h"

#include "../../lua/compat.h"
#include "../../lua/refs.h"
#include "../engine/view.h"
#include "node.h"

bool renames_are_told(const struct node *node, const shoal_effect *effect)
{
    return effect->event == SHOAL_EVENT_RENAME && effect->was_active &&
           node->current->splits_renames;
}

static shoal_member former(const shoal_effect *rename)
{
    return (shoal_member){
        .id = rename->before,
        .addr = rename->member.addr,
        .incarnation = rename->was_incarnation,
        .state = SHOAL_DOWN,
        .reason = SHOAL_REASON_REPLACED,
        .since_us = rename->member.since_us,
    };
}

void renames_push(lua_State *L, const shoal_effect *rename, int64_t offset_us)
{
    shoal_member gone = former(rename);
    luaL_checkstack(L, 12, "cannot tell of a rename");
    view_push_member(L, &gone, offset_us);
    view_push_member(L, &rename->member, offset_us);
}

/* A handler before this one may have closed the node, or, a table's, set other
 * handlers: those are in the same state. */
static bool are_split(const struct node *node)
{
    return node->phase == NODE_LIVE && node->current->splits_renames;
}

static void call(lua_State *L, struct node *node, const char *handler,
                 int member)
{
    int top = lua_gettop(L);
    if (!are_split(node))
        return;
    struct scope *scope = &node->current->scope;
    refs_push(L, node->current->handlers);
    lua_getfield(L, -1, handler);
    if (!lua_isnil(L, -1)) {
        scope_push_self(scope, L);
        lua_pushvalue(L, member);
        (void)scope_call(scope, L, 2, 0, handler);
    }
    lua_settop(L, top);
}

void renames_tell(lua_State *L, struct node *node, int first, bool is_up)
{
    node->told_down = !is_up && are_split(node);
    call(L, node, "on_member_down", first);
    if (is_up)
        call(L, node, "on_member_up", first + 1);
}

bool renames_forestall(struct node *node, const shoal_effect *effect)
{
    if (effect->event != SHOAL_EVENT_MEMBER_DOWN || !node->told_down)
        return false;
    node->told_down = false;
    return true;
}
