/* SPDX-License-Identifier: MIT */
#include "changes.h"

#include "../../base/bytes.h"
#include "../../lua/compat.h"
#include "../engine/view.h"

#include <stdlib.h>

enum { FEWEST_BUCKETS = 16 };

struct change {
    struct change *next;  /* of the bucket */
    struct change *after; /* the next that began */
    uint32_t hash;        /* of the address */
    bool was_active, is_active;
    shoal_member member; /* as the last event had it; bytes in `bytes` */
    uint8_t *bytes;
};

bool changes_are_in(shoal_event event)
{
    return event == SHOAL_EVENT_MEMBER_UP || event == SHOAL_EVENT_MEMBER_DOWN ||
           event == SHOAL_EVENT_RENAME || event == SHOAL_EVENT_SUSPECT ||
           event == SHOAL_EVENT_REFUTED || event == SHOAL_EVENT_TAGS;
}

/* ---- The table ---- */

static struct change *find(const struct changes *changes, shoal_bytes addr,
                           uint32_t hash)
{
    if (changes->num_buckets == 0)
        return NULL;
    struct change *change = changes->buckets[hash & (changes->num_buckets - 1)];
    while (change &&
           !(change->hash == hash && bytes_equal(change->member.addr, addr)))
        change = change->next;
    return change;
}

static void put(struct changes *changes, struct change *change)
{
    struct change **bucket =
        &changes->buckets[change->hash & (changes->num_buckets - 1)];
    change->next = *bucket;
    *bucket = change;
}

static bool grow(struct changes *changes)
{
    size_t wanted = changes->num_buckets ? changes->num_buckets * 2
                                         : (size_t)FEWEST_BUCKETS;
    if (changes->count < changes->num_buckets)
        return true;
    struct change **buckets = calloc(wanted, sizeof(struct change *));
    if (!buckets)
        return false;
    free(changes->buckets);
    changes->buckets = buckets;
    changes->num_buckets = wanted;
    for (struct change *change = changes->first; change; change = change->after)
        put(changes, change);
    return true;
}

static void append(struct changes *changes, struct change *change)
{
    if (changes->last)
        changes->last->after = change;
    else
        changes->first = change;
    changes->last = change;
    changes->count++;
    put(changes, change);
}

void changes_clear(struct changes *changes)
{
    while (changes->first) {
        struct change *change = changes->first;
        changes->first = change->after;
        free(change->bytes);
        free(change);
    }
    free(changes->buckets);
    *changes = (struct changes){0};
}

/* ---- Taking events in ---- */

static bool keep_member(struct change *change, const shoal_member *member)
{
    uint8_t *bytes =
        malloc(member->id.size + member->addr.size + member->tags.size + 1);
    if (!bytes)
        return false;
    uint8_t *addr = bytes_copy(bytes, member->id);
    uint8_t *tags = bytes_copy(addr, member->addr);
    bytes_copy(tags, member->tags);
    free(change->bytes);
    change->bytes = bytes;
    change->member = *member;
    change->member.id.data = bytes;
    change->member.addr.data = addr;
    change->member.tags.data = tags;
    change->member.endpoint = (shoal_bytes){NULL, 0};
    return true;
}

/* Before the first event that is noted of it. Another identity may have come
 * to a member that was up, or be the reason that it comes up: then MEMBER_UP
 * follows, and says so (see set_active()). */
static bool was_active(const shoal_effect *effect)
{
    switch (effect->event) {
    case SHOAL_EVENT_MEMBER_UP:
        return false;
    case SHOAL_EVENT_RENAME:
        return effect->member.state != SHOAL_DOWN;
    default:
        return true;
    }
}

/* A member comes up that was up, or goes down that was down: that began with
 * another identity, of which we had to guess. */
static void set_active(struct change *change, bool active)
{
    if (change->is_active == active)
        change->was_active = !active;
    change->is_active = active;
}

static struct change *find_or_add(struct changes *changes,
                                  const shoal_effect *effect)
{
    shoal_bytes addr = effect->member.addr;
    uint32_t hash = bytes_hash(addr, (uint64_t)(uintptr_t)changes);
    struct change *change = find(changes, addr, hash);
    if (change)
        return keep_member(change, &effect->member) ? change : NULL;
    change = grow(changes) ? calloc(1, sizeof *change) : NULL;
    if (!change)
        return NULL;
    if (!keep_member(change, &effect->member)) {
        free(change);
        return NULL;
    }
    change->hash = hash;
    change->was_active = change->is_active = was_active(effect);
    append(changes, change);
    return change;
}

bool changes_note(struct changes *changes, const shoal_effect *effect)
{
    struct change *change = find_or_add(changes, effect);
    if (!change)
        return false;
    if (effect->event == SHOAL_EVENT_MEMBER_UP)
        set_active(change, true);
    if (effect->event == SHOAL_EVENT_MEMBER_DOWN)
        set_active(change, false);
    return true;
}

/* ---- Telling ---- */

bool changes_any(const struct changes *changes)
{
    const struct change *change = changes->first;
    while (change && !change->was_active && !change->is_active)
        change = change->after;
    return change != NULL || changes->own_tags;
}

static void push_list(lua_State *L, const struct changes *changes, bool was,
                      bool is, const char *name, int64_t offset_us)
{
    int count = 0;
    lua_newtable(L);
    for (const struct change *change = changes->first; change;
         change = change->after) {
        if (change->was_active != was || change->is_active != is)
            continue;
        view_push_member(L, &change->member, offset_us);
        lua_rawseti(L, -2, ++count);
    }
    lua_setfield(L, -2, name);
}

void changes_push(lua_State *L, const struct changes *changes,
                  int64_t offset_us)
{
    luaL_checkstack(L, 12, "cannot push the changes");
    lua_createtable(L, 0, 3);
    push_list(L, changes, false, true, "joined", offset_us);
    push_list(L, changes, true, false, "left", offset_us);
    push_list(L, changes, true, true, "changed", offset_us);
}
