/* SPDX-License-Identifier: MIT */
#include "tags.h"

#include "../wire/tag_map.h"
#include "../wire/wire.h"
#include "ask.h"
#include "engine.h"
#include "notify.h"
#include "query.h"
#include "send.h"

enum {
    PAUSE_US = 200000, /* changes of ours within that are said once */
    OF_OTHERS = 4,     /* times that each version is passed on ... */
    OF_OURS = 5,
    MANY = 60,      /* ... unless so many wait: then once */
    PER_SECOND = 10 /* versions of one member that are passed on */
};
#define MAX_COUNTER (UINT64_C(0xffffffff) - 1)
/* Above what others say up to here we go on: for thirteen years, at five
 * changes a second. Whoever says more forges it. */
#define MOST_HEARD (UINT64_C(1) << 31)

static uint16_t check_of(shoal_bytes tags)
{
    uint32_t hash = wire_hash(tags);
    return (uint16_t)(hash ^ hash >> 16);
}

/* ---- Memory ---- */

static struct tags *new_tags(shoal *engine, shoal_bytes bytes, uint64_t version)
{
    struct tags *tags = mem_alloc(&engine->mem, sizeof *tags + bytes.size);
    if (!tags)
        return NULL;
    *tags = (struct tags){.version = version,
                          .size = (uint16_t)bytes.size,
                          .said_size = (uint16_t)bytes.size};
    bytes_copy(tags->bytes, bytes);
    engine->tags_held += bytes.size;
    return tags;
}

static void unqueue(shoal *engine, struct backlog *backlog, struct tags *tags)
{
    if (tags && tags->queued)
        backlog_remove(backlog, &engine->mem, tags->queued);
}

static void free_tags(shoal *engine, struct tags *tags)
{
    if (!tags || tags == TAGS_NONE)
        return;
    engine->tags_held -= tags->size;
    mem_free(&engine->mem, tags, sizeof *tags + tags->size);
}

void tags_init(struct own_tags *own)
{
    *own = (struct own_tags){.at_us = SHOAL_NEVER};
}

/* When the backlogs are gone. */
void tags_clear(shoal *engine)
{
    const struct members *members = &engine->members;
    free_tags(engine, engine->own_tags.said);
    free_tags(engine, engine->own_tags.next);
    for (uint32_t slot = 0; slot < members->used; slot++) {
        struct member *member = members_live(members, slot);
        if (member)
            free_tags(engine, member->tags);
    }
}

void tags_hush(shoal *engine, struct member *member)
{
    unqueue(engine, &engine->tagged, member->tags);
}

void tags_drop(shoal *engine, struct member *member)
{
    struct tags *tags = member->tags;
    if (!tags)
        return;
    tags_hush(engine, member);
    members_set_tags(&engine->members, member, NULL);
    free_tags(engine, tags);
}

/* ---- Passing on ---- */

/* Does a packet of ours to anybody hold such a claim? */
static bool fits(const shoal *engine, size_t id, size_t tags)
{
    size_t largest = members_largest_id(&engine->members);
    size_t own = identity_id(engine->self).size;
    return own + (largest > own ? largest : own) + id + tags + TAGS_OVERHEAD +
               SEND_OVERHEAD <=
           engine->config.max_packet_size;
}

/* All of them, or what is new in them, when `former` were those before (may be
 * NULL). */
static void tell_news(const shoal *engine, shoal_update *claim,
                      const struct tags *tags, const struct tags *former)
{
    tags_put(claim, tags);
    tags_shrink(claim, tags, former);
    if (claim->tags_base > 0 &&
        fits(engine, claim->id.size, claim->tags.size + TAGS_DELTA))
        return;
    tags_tell(engine, claim, tags);
}

static void queue(shoal *engine, struct backlog *backlog,
                  const shoal_update *claim, struct tags *tags, uint8_t times)
{
    uint8_t buffer[MAX_CLAIM + SHOAL_MAX_TAGS];
    size_t size;
    int error = ask_encode_member(engine, claim, buffer, sizeof buffer, &size);
    if (!error && !backlog_push(backlog, &engine->mem, bytes_of(buffer, size),
                                (shoal_bytes){0}, times, &tags->queued))
        error = SHOAL_ERR_NOMEM;
    if (error) /* exchanges will tell of them */
        engine_note(engine, error);
}

void tags_tell(const shoal *engine, shoal_update *claim,
               const struct tags *tags)
{
    tags_put(claim, tags);
    if (claim->tags_version > 0 &&
        !fits(engine, claim->id.size, claim->tags.size))
        tags_leave_out(claim, tags);
}

void tags_ignore(shoal *engine, const struct member *member, shoal_drop why,
                 size_t size)
{
    engine_drop(engine, why, 0);
    notify_ignored(engine, member, why, size);
}

static void pass_on(shoal *engine, struct member *member,
                    const struct tags *former)
{
    uint8_t times = engine->tagged.count > MANY ? 1 : OF_OTHERS;
    shoal_update claim = member_claim(member);
    tell_news(engine, &claim, member->tags, former);
    if (limits_pass_burst(&engine->limits, LIMIT_TAGS,
                          member->identity->addr_hash, engine->now_us,
                          1000000 / PER_SECOND, PER_SECOND))
        queue(engine, &engine->tagged, &claim, member->tags, times);
    else
        tags_ignore(engine, member, SHOAL_DROP_TAGS_RATE, member->tags->size);
}

/* ---- Our own ---- */

static void say(shoal *engine, const struct tags *former)
{
    struct own_tags *own = &engine->own_tags;
    if (!own->said || !engine->handlers.codec.lifeguard)
        return;
    shoal_update claim = {.id = identity_id(engine->self),
                          .incarnation = engine->incarnation,
                          .state = SHOAL_ALIVE};
    tell_news(engine, &claim, own->said, former);
    queue(engine, &engine->own_tagged, &claim, own->said, OF_OURS);
}

void tags_say_again(shoal *engine)
{
    say(engine, NULL);
}

void tags_shorten(shoal *engine, size_t room)
{
    struct own_tags *own = &engine->own_tags;
    if (backlog_larger(&engine->own_tagged, room))
        say(engine, NULL);
    if (backlog_larger(&engine->own_tagged, room))
        unqueue(engine, &engine->own_tagged, own->said);
    backlog_cut(&engine->tagged, &engine->mem, room);
}

/* Says what there is to say, with a counter above `least`. */
static void publish(shoal *engine, uint64_t least)
{
    struct own_tags *own = &engine->own_tags;
    struct tags *former = NULL;
    uint64_t counter = tags_version(own->said) >> 16;
    if (least > counter)
        counter = least;
    if (own->next) {
        unqueue(engine, &engine->own_tagged, own->said);
        former = own->said;
        own->said = own->next;
        own->next = NULL;
    }
    own->said->version = (counter + 1) << 16 | check_of(tags_bytes(own->said));
    own->said_us = engine->now_us;
    own->at_us = SHOAL_NEVER;
    digest_touch(engine, engine->self);
    say(engine, former);
    free_tags(engine, former);
}

/* What everybody has to fetch is not said as often. */
static uint64_t pause_us(const shoal *engine, const struct tags *said)
{
    uint64_t period_us = engine->config.probe_period_us;
    bool is_large = !fits(engine, identity_id(engine->self).size, said->size);
    return is_large && period_us > PAUSE_US ? period_us : PAUSE_US;
}

static bool may_publish(const shoal *engine)
{
    const struct own_tags *own = &engine->own_tags;
    return !own->said ||
           engine->now_us - own->said_us >= pause_us(engine, own->said);
}

static const uint8_t empty_map[] = {0x80};

/* Who has forgotten that it had tags has none any more, and must say so: else
 * others would differ from it for good. */
static bool has_something_to_say(shoal *engine)
{
    struct own_tags *own = &engine->own_tags;
    if (!own->said && !own->next)
        own->next = new_tags(engine, bytes_of(empty_map, 1), 0);
    return own->said || own->next;
}

bool tags_exceed(shoal *engine, uint64_t version)
{
    struct own_tags *own = &engine->own_tags;
    if (version <= tags_version(own->said) || !may_publish(engine) ||
        !has_something_to_say(engine))
        return true;
    if (version >> 16 >= MOST_HEARD)
        return false;
    publish(engine, version >> 16);
    return true;
}

void tags_begin_anew(shoal *engine)
{
    publish(engine, 0);
}

/* The embedder says what they are in a moment, if there are any. */
int tags_resume(shoal *engine, uint64_t version)
{
    struct own_tags *own = &engine->own_tags;
    if (version >> 16 == 0 || version >> 16 >= MOST_HEARD || own->said)
        return 0;
    own->said = new_tags(engine, bytes_of(empty_map, 1), 0);
    if (!own->said)
        return SHOAL_ERR_NOMEM;
    own->said->version =
        (version >> 16) << 16 | check_of(tags_bytes(own->said));
    digest_touch(engine, engine->self);
    return 0;
}

static int refuse_size(shoal *engine, size_t size)
{
    engine_add_number(engine, size);
    engine_add_detail(engine, " bytes, and max_tags_size is ");
    engine_add_number(engine, engine->config.max_tags_size);
    return SHOAL_ERR_TOO_BIG;
}

/* May we say that? */
static int check_own(shoal *engine, shoal_bytes tags)
{
    if (!engine->handlers.codec.lifeguard)
        return SHOAL_ERR_NO_LIFEGUARD;
    if (tags.size == 0 || tags.size > engine->config.max_tags_size)
        return refuse_size(engine, tags.size);
    const char *problem = tag_map_check(tags);
    if (!problem)
        return 0;
    engine_set_detail(engine, problem);
    return SHOAL_ERR_MALFORMED;
}

int shoal_set_tags(shoal *engine, uint64_t now_us, shoal_bytes tags)
{
    int error = engine_enter(engine, now_us);
    if (error)
        return error;
    struct own_tags *own = &engine->own_tags;
    error = check_own(engine, tags);
    if (error)
        return engine_leave(engine, error);
    if (bytes_equal(tags_bytes(own->next ? own->next : own->said), tags))
        return engine_leave(engine, 0);
    struct tags *next = new_tags(engine, tags, 0);
    if (!next)
        return engine_leave(engine, SHOAL_ERR_NOMEM);
    if (!bytes_equal(query_own_tags(engine), tags)) /* who has none says {} */
        view_changed(engine);
    free_tags(engine, own->next);
    own->next = next;
    if (may_publish(engine))
        publish(engine, 0);
    else
        own->at_us = own->said_us + pause_us(engine, own->said);
    return engine_leave(engine, 0);
}

void tags_tick(shoal *engine)
{
    if (engine->own_tags.at_us <= engine->now_us)
        publish(engine, 0);
}

/* ---- Others' ---- */

static bool is_good(const shoal_update *claim)
{
    size_t size = tags_whole_size(claim);
    if (claim->tags_version >> 16 > MAX_COUNTER + 1)
        return false;
    if (claim->tags_base > 0) /* what comes of it is looked at then */
        return size > 0 && size <= SHOAL_MAX_TAGS &&
               claim->tags_base < claim->tags_version;
    return claim->tags_size > 0 ||
           (claim->tags.size <= SHOAL_MAX_TAGS &&
            (uint16_t)claim->tags_version == check_of(claim->tags));
}

/* `tags` take the place of those that are known, which are the caller's. */
static struct tags *replace(shoal *engine, struct member *member,
                            struct tags *tags)
{
    struct tags *before = member->tags;
    tags_hush(engine, member);
    members_set_tags(&engine->members, member, tags);
    engine->learned++;
    return before;
}

/* The version is kept, lest we differ from others for good and are told again
 * and again; of the bytes those that were believed before. */
static int refuse(shoal *engine, struct member *member,
                  const shoal_update *claim, shoal_drop why)
{
    shoal_bytes shown = tags_bytes(member->tags);
    struct tags *tags = new_tags(engine, shown, claim->tags_version);
    if (!tags)
        return SHOAL_ERR_NOMEM;
    tags->is_ignored = true;
    tags->said_size =
        claim->tags_size ? claim->tags_size : (uint16_t)claim->tags.size;
    free_tags(engine, replace(engine, member, tags));
    tags_ignore(engine, member, why, tags->said_size);
    return 0;
}

static int believe(shoal *engine, struct member *member,
                   const shoal_update *claim, bool is_news)
{
    shoal_bytes before = tags_bytes(member->tags);
    struct who who;
    who_from(&who, member->identity);
    shoal_bytes both = {NULL, before.size + claim->tags.size};
    if (!notify_reserve(engine, &who, both, 1))
        return SHOAL_ERR_NOMEM;
    struct tags *tags = new_tags(engine, claim->tags, claim->tags_version);
    if (!tags)
        return SHOAL_ERR_NOMEM;
    struct tags *former = replace(engine, member, tags);
    notify_member(engine, SHOAL_EVENT_TAGS, member, before);
    view_changed(engine);
    if (is_news)
        pass_on(engine, member, former);
    free_tags(engine, former);
    return 0;
}

/* In place of what is known of that member. */
static bool is_room_for(const shoal *engine, const struct member *member,
                        size_t size)
{
    size_t others = engine->tags_held;
    if (member->tags && member->tags != TAGS_NONE)
        others -= member->tags->size;
    return others + size <= engine->config.max_tags_memory;
}

static int take(shoal *engine, struct member *member, const shoal_update *claim,
                bool is_news)
{
    uint64_t known = tags_version(member->tags);
    size_t size = claim->tags.size + claim->tags_size;
    if (claim->tags_version == known)
        return 0;
    if (claim->tags_version < known)
        return engine_drop(engine, SHOAL_DROP_TAGS_STALE, 0);
    if (!is_good(claim))
        return engine_drop(engine, SHOAL_DROP_TAGS, 0);
    if (claim->tags_size > 0 &&
        fetch_is_going_on(engine, member, claim->tags_version))
        return 0;
    if (!is_room_for(engine, member, size))
        return refuse(engine, member, claim, SHOAL_DROP_TAGS_MEMORY);
    if (claim->tags_size > 0)
        return fetch_begin(engine, member, claim);
    if (tag_map_check(claim->tags)) /* before a program looks at them */
        return refuse(engine, member, claim, SHOAL_DROP_TAGS_MALFORMED);
    if (!ask_check_tags(engine, member, claim->tags))
        return refuse(engine, member, claim, SHOAL_DROP_TAGS_VETOED);
    return believe(engine, member, claim, is_news);
}

/* Whoever lacks the version before fetches all of it, as what is too large for
 * a packet. */
static int take_delta(shoal *engine, struct member *member,
                      const shoal_update *claim, bool is_news)
{
    size_t size = tags_whole_size(claim);
    uint8_t *bytes = mem_alloc(&engine->mem, size);
    shoal_update whole = *claim;
    if (!bytes)
        return SHOAL_ERR_NOMEM;
    whole.tags_base = 0;
    whole.tags = bytes_of(bytes, size);
    if (!tags_grow(claim, member->tags, bytes)) {
        whole.tags = (shoal_bytes){0};
        whole.tags_size = (uint16_t)size;
    }
    int error = take(engine, member, &whole, is_news);
    mem_free(&engine->mem, bytes, size);
    return error;
}

int tags_take(shoal *engine, struct member *member, const shoal_update *claim,
              bool is_news)
{
    return claim->tags_base > 0 && is_good(claim) &&
                   claim->tags_version > tags_version(member->tags)
               ? take_delta(engine, member, claim, is_news)
               : take(engine, member, claim, is_news);
}

void tags_note_none(shoal *engine, struct member *member)
{
    if (member->tags || !member_is_active(member))
        return;
    member->tags = TAGS_NONE;
    view_changed(engine);
}

int tags_receive(shoal *engine, const shoal_update *claim)
{
    if (!is_good(claim))
        return engine_drop(engine, SHOAL_DROP_TAGS, 0);
    if (bytes_equal(claim->id, identity_id(engine->self)))
        return TAGS_OURS;
    struct member *member = members_find_id(
        &engine->members, claim->id, bytes_hash(claim->id, engine->hash_key));
    return member && member_is_active(member)
               ? tags_take(engine, member, claim, !engine->sender.tells)
               : 0;
}
