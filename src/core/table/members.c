/* SPDX-License-Identifier: MIT */
#include "members.h"

#include <math.h>

enum { CHUNK = 64 /* members; a power of two */ };

static bool id_hash(const void *context, uint32_t slot, uint32_t *hash)
{
    const struct member *member = members_live(context, slot);
    if (member)
        *hash = member->identity->hash;
    return member != NULL;
}

static bool addr_hash(const void *context, uint32_t slot, uint32_t *hash)
{
    const struct member *member = members_live(context, slot);
    if (member)
        *hash = member->identity->addr_hash;
    return member != NULL;
}

void members_init(struct members *members)
{
    *members = (struct members){.free_slots = NO_SLOT};
}

static void clear_order(struct order *order, struct mem *mem)
{
    mem_resize(mem, order->slots, order->capacity * sizeof *order->slots, 0);
}

void members_clear(struct members *members, struct mem *mem)
{
    for (uint32_t i = 0; i < members->used; i++) {
        struct member *member = members_live(members, i);
        if (member)
            identity_release(mem, member->identity);
    }
    for (uint32_t i = 0; i < members->num_chunks; i++)
        mem_resize(mem, members->chunks[i], CHUNK * sizeof **members->chunks,
                   0);
    mem_resize(mem, members->chunks,
               members->chunks_capacity * sizeof *members->chunks, 0);
    index_clear(&members->by_id, mem);
    index_clear(&members->by_addr, mem);
    clear_order(&members->active, mem);
    cells_clear(&members->cells, mem);
    for (int place = PLACE_FAILED; place <= PLACE_STRANGER; place++)
        line_clear(&members->down[place], mem);
    members_init(members);
}

struct member *members_at(const struct members *members, uint32_t slot)
{
    return &members->chunks[slot / CHUNK][slot % CHUNK];
}

struct member *members_live(const struct members *members, uint32_t slot)
{
    struct member *member = members_at(members, slot);
    return member->identity ? member : NULL;
}

struct member *members_find_id(const struct members *members, shoal_bytes id,
                               uint32_t hash)
{
    uint32_t at = INDEX_START, slot;
    while ((slot = index_find(&members->by_id, hash, &at)) != INDEX_END) {
        struct member *member = members_at(members, slot);
        if (bytes_equal(identity_id(member->identity), id))
            return member;
    }
    return NULL;
}

struct member *members_find_active(const struct members *members,
                                   const struct identity *who)
{
    struct member *member =
        members_find_id(members, identity_id(who), who->hash);
    return member && member_is_active(member) ? member : NULL;
}

struct member *members_find_addr(const struct members *members,
                                 shoal_bytes addr, uint32_t hash)
{
    uint32_t at = INDEX_START, slot;
    while ((slot = index_find(&members->by_addr, hash, &at)) != INDEX_END) {
        struct member *member = members_at(members, slot);
        if (bytes_equal(identity_addr(member->identity), addr))
            return member;
    }
    return NULL;
}

/* An array doubles while it is small, then grows by an eighth: what a large
 * table costs is its members, not its slack. */
static bool grow(struct mem *mem, void **array, uint32_t *capacity,
                 uint32_t count, size_t item)
{
    if (count < *capacity)
        return true;
    uint32_t grown = *capacity < 1024 ? (*capacity ? *capacity * 2 : 16)
                                      : *capacity + *capacity / 8;
    void *moved = mem_resize(mem, *array, *capacity * item, grown * item);
    if (!moved)
        return false;
    *array = moved;
    *capacity = grown;
    return true;
}

static bool grow_order(struct mem *mem, struct order *order)
{
    void *slots = order->slots;
    bool done =
        grow(mem, &slots, &order->capacity, order->count, sizeof *order->slots);
    order->slots = slots;
    return done;
}

static bool grow_chunks(struct members *members, struct mem *mem)
{
    if (members->free_slots != NO_SLOT ||
        members->used < members->num_chunks * CHUNK)
        return true;
    void *chunks = members->chunks;
    if (!grow(mem, &chunks, &members->chunks_capacity, members->num_chunks,
              sizeof *members->chunks))
        return false;
    members->chunks = chunks;
    struct member *chunk = mem_resize(mem, NULL, 0, CHUNK * sizeof *chunk);
    if (!chunk)
        return false;
    members->chunks[members->num_chunks++] = chunk;
    return true;
}

static void on_moved(void *context, uint32_t slot, uint32_t at)
{
    members_at(context, slot)->position = at;
}

/* Whichever of them it will be. */
static bool reserve_down(struct members *members, struct mem *mem)
{
    for (int place = PLACE_FAILED; place <= PLACE_STRANGER; place++)
        if (!line_reserve(&members->down[place], mem, on_moved, members))
            return false;
    return true;
}

bool members_reserve_state(struct members *members, struct mem *mem,
                           shoal_state state)
{
    return state == SHOAL_DOWN ? reserve_down(members, mem)
                               : grow_order(mem, &members->active) &&
                                     cells_reserve(members, mem);
}

bool members_reserve(struct members *members, struct mem *mem)
{
    return grow_chunks(members, mem) &&
           index_reserve(&members->by_id, mem, id_hash, members,
                         members->used) &&
           index_reserve(&members->by_addr, mem, addr_hash, members,
                         members->used);
}

static uint32_t take_slot(struct members *members)
{
    uint32_t slot = members->free_slots;
    if (slot == NO_SLOT)
        return members->used++;
    members->free_slots = members_at(members, slot)->position;
    return slot;
}

static void place(struct members *members, struct order *order, uint32_t at,
                  uint32_t slot)
{
    order->slots[at] = slot;
    members_at(members, slot)->position = at;
}

/* Takes `at` out so that those taken in this round stay in front of `next`,
 * and the others behind it. */
static void take_out(struct members *members, struct order *order, uint32_t at)
{
    if (at < order->next) {
        order->next--;
        place(members, order, at, order->slots[order->next]);
        at = order->next;
    }
    order->count--;
    if (at < order->count)
        place(members, order, at, order->slots[order->count]);
}

/* The sizes of identities, by steps. */
static void count_size(uint32_t sizes[], const struct identity *identity,
                       int by)
{
    sizes[identity->size / MEMBERS_SIZE_STEP] += (uint32_t)by;
}

static void leave_place(struct members *members, struct member *member)
{
    if (member->place == PLACE_ACTIVE) {
        take_out(members, &members->active, member->position);
        cells_remove(members, member);
        member->timer = 0; /* it has none until it gets one */
        count_size(members->active_sizes, member->identity, -1);
    } else
        line_remove(&members->down[member->place], member->position);
}

static void enter_place(struct members *members, struct member *member,
                        enum place to)
{
    member->place = (uint8_t)to;
    if (to == PLACE_ACTIVE) {
        place(members, &members->active, members->active.count++, member->slot);
        cells_add(members, member);
        count_size(members->active_sizes, member->identity, 1);
    } else
        member->position = line_append(&members->down[to], member->slot);
}

struct member *members_insert(struct members *members,
                              struct identity *identity, shoal_state state)
{
    uint32_t slot = take_slot(members);
    struct member *member = members_at(members, slot);
    *member = (struct member){
        .identity = identity, .slot = slot, .state = (uint8_t)state};
    index_insert(&members->by_id, identity->hash, slot);
    index_insert(&members->by_addr, identity->addr_hash, slot);
    enter_place(members, member,
                state == SHOAL_DOWN ? PLACE_STRANGER : PLACE_ACTIVE);
    members->num_suspects += state == SHOAL_SUSPECT;
    count_size(members->sizes, identity, 1);
    members->count++;
    return member;
}

void members_remove(struct members *members, struct mem *mem,
                    struct member *member)
{
    struct identity *identity = member->identity;
    index_remove(&members->by_id, identity->hash, member->slot, id_hash,
                 members);
    index_remove(&members->by_addr, identity->addr_hash, member->slot,
                 addr_hash, members);
    leave_place(members, member);
    members->num_suspects -= member->state == SHOAL_SUSPECT;
    count_size(members->sizes, identity, -1);
    identity_release(mem, identity);
    member->identity = NULL;
    member->position = members->free_slots;
    members->free_slots = member->slot;
    members->count--;
}

/* Takes its identity out of what counts identities, or puts it in. */
static void uncount(struct members *members, struct member *member)
{
    count_size(members->sizes, member->identity, -1);
    if (member->place != PLACE_ACTIVE)
        return;
    count_size(members->active_sizes, member->identity, -1);
    cells_remove(members, member);
}

static void recount(struct members *members, struct member *member)
{
    count_size(members->sizes, member->identity, 1);
    if (member->place != PLACE_ACTIVE)
        return;
    count_size(members->active_sizes, member->identity, 1);
    cells_add(members, member);
}

void members_rename(struct members *members, struct mem *mem,
                    struct member *member, struct identity *identity)
{
    index_remove(&members->by_id, member->identity->hash, member->slot, id_hash,
                 members);
    uncount(members, member);
    identity_release(mem, member->identity);
    member->identity = identity;
    recount(members, member);
    index_insert(&members->by_id, identity->hash, member->slot);
}

void members_set_tags(struct members *members, struct member *member,
                      struct tags *tags)
{
    bool counts = member->place == PLACE_ACTIVE;
    if (counts)
        cells_remove(members, member);
    member->tags = tags;
    if (counts)
        cells_add(members, member);
}

static enum place place_for(const struct member *member, shoal_state state,
                            bool has_left)
{
    if (state != SHOAL_DOWN)
        return PLACE_ACTIVE;
    if (member->place == PLACE_STRANGER) /* until it was seen alive */
        return PLACE_STRANGER;
    return has_left ? PLACE_LEFT : PLACE_FAILED;
}

void members_set_state(struct members *members, struct member *member,
                       shoal_state state, uint16_t incarnation, bool has_left)
{
    enum place to = place_for(member, state, has_left);
    members->num_suspects -= member->state == SHOAL_SUSPECT;
    members->num_suspects += state == SHOAL_SUSPECT;
    member->state = (uint8_t)state;
    member->incarnation = incarnation;
    if (to == member->place)
        return;
    leave_place(members, member);
    enter_place(members, member, to);
}

/* ---- Down ones ---- */

void members_let_go(struct members *members, struct member *member)
{
    leave_place(members, member);
    enter_place(members, member, PLACE_LEFT);
}

struct member *members_oldest(const struct members *members, enum place place)
{
    const struct line *line = &members->down[place];
    return line->count > 0 ? members_at(members, line_oldest(line)) : NULL;
}

struct member *members_oldest_down(const struct members *members)
{
    struct member *oldest = NULL;
    for (int place = PLACE_FAILED; place <= PLACE_STRANGER; place++) {
        struct member *member = members_oldest(members, (enum place)place);
        if (!oldest || (member && member->since_us < oldest->since_us))
            oldest = member;
    }
    return oldest;
}

/* Of those that failed, the latest first, then of those that we never knew. */
static struct member *down_by_rank(const struct members *members, uint32_t rank)
{
    const struct line *failed = &members->down[PLACE_FAILED];
    const struct line *strangers = &members->down[PLACE_STRANGER];
    uint32_t slot = rank < failed->count
                        ? line_from_end(failed, rank)
                        : line_from_end(strangers, rank - failed->count);
    return members_at(members, slot);
}

enum { PICK_TRIES = 4 }; /* for each of those wanted */

uint32_t members_pick_down(const struct members *members, struct rng *rng,
                           uint32_t k, struct member *out[])
{
    uint32_t found = 0, all = members_num_lost(members);
    for (uint32_t tries = 0; all > 0 && found < k && tries < PICK_TRIES * k;
         tries++) {
        double share = (double)(rng_next(rng) >> 11) / (double)(1ull << 53);
        uint32_t rank = (uint32_t)exp(share * log((double)all + 1)) - 1;
        struct member *member =
            down_by_rank(members, rank < all ? rank : all - 1);
        if (member_has_failed(member) && !member_is_among(member, out, found))
            out[found++] = member;
    }
    return found;
}

/* ---- Sizes ---- */

size_t members_largest_id(const struct members *members)
{
    size_t i = MEMBERS_SIZES;
    while (i > 0 && members->sizes[i - 1] == 0)
        i--;
    if (i == MEMBERS_SIZES)
        return SHOAL_MAX_IDENTITY;
    return i > 0 ? i * MEMBERS_SIZE_STEP - 1 : 0;
}

size_t members_smallest_id(const struct members *members)
{
    size_t i = 0;
    while (i < MEMBERS_SIZES && members->active_sizes[i] == 0)
        i++;
    if (i == MEMBERS_SIZES)
        return 0;
    return i > 0 ? i * MEMBERS_SIZE_STEP : 1;
}

struct member *members_next(struct members *members, struct order *order,
                            struct rng *rng)
{
    if (order->count == 0)
        return NULL;
    if (order->next >= order->count)
        order->next = 0;
    /* One step of a Fisher-Yates shuffle: a whole round is a permutation, and
     * no step costs more than another. */
    uint32_t at = order->next + rng_below(rng, order->count - order->next);
    uint32_t slot = order->slots[at];
    place(members, order, at, order->slots[order->next]);
    place(members, order, order->next++, slot);
    return members_at(members, slot);
}
