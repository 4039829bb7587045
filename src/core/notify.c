/* SPDX-License-Identifier: MIT */
#include "notify.h"

#include "engine.h"
#include "query.h"

/* What notify_member() takes at most for somebody with these bytes. */
static size_t size_of(shoal_bytes id, shoal_bytes addr, shoal_bytes endpoint,
                      shoal_bytes before)
{
    return effects_size(id.size + addr.size + endpoint.size + before.size);
}

bool notify_reserve(shoal *engine, const struct who *who, shoal_bytes before,
                    unsigned times)
{
    const struct identity *self = engine->self;
    size_t own_tags = query_own_tags(engine).size, none = 1;
    size_t size = none + own_tags +
                  size_of(who->id, who->addr, who->endpoint, before) +
                  size_of(identity_id(self), identity_addr(self),
                          identity_endpoint(self), before);
    return effects_reserve(&engine->effects, &engine->mem, times * size);
}

bool notify_is_wanted(const shoal *engine, shoal_event event)
{
    return !shoal_event_is_diagnostic(event) ||
           (engine->diagnostics >> event & 1);
}

static shoal_bytes copy(uint8_t **at, shoal_bytes from)
{
    uint8_t *start = *at;
    *at = bytes_copy(start, from);
    return bytes_of(start, from.size);
}

static shoal_effect *push_data(shoal *engine, shoal_event event,
                               const shoal_member *view, shoal_bytes before,
                               shoal_bytes data)
{
    if (!notify_is_wanted(engine, event))
        return NULL;
    size_t payload = view->id.size + view->addr.size + view->endpoint.size +
                     before.size + view->tags.size + data.size;
    uint8_t *at;
    shoal_effect *effect =
        effects_push(&engine->effects, &engine->mem, payload, &at);
    if (!effect)
        return NULL;
    *effect = (shoal_effect){.kind = SHOAL_NOTIFY, .event = event};
    effect->member = *view;
    effect->member.id = copy(&at, view->id);
    effect->member.addr = copy(&at, view->addr);
    effect->member.endpoint = copy(&at, view->endpoint);
    effect->member.tags = copy(&at, view->tags);
    effect->before = copy(&at, before);
    effect->data = copy(&at, data);
    return effect;
}

static shoal_effect *push(shoal *engine, shoal_event event,
                          const shoal_member *view, shoal_bytes before)
{
    return push_data(engine, event, view, before, (shoal_bytes){0});
}

void notify_member(shoal *engine, shoal_event event,
                   const struct member *member, shoal_bytes before)
{
    shoal_member view = member_view(member);
    push(engine, event, &view, before);
}

void notify_rename(shoal *engine, const struct member *member,
                   shoal_bytes before, bool was_active, uint16_t incarnation)
{
    shoal_member view = member_view(member);
    shoal_effect *effect = push(engine, SHOAL_EVENT_RENAME, &view, before);
    if (!effect)
        return;
    effect->was_active = was_active;
    effect->was_incarnation = incarnation;
}

bool notify_self(shoal *engine, shoal_event event)
{
    shoal_member view = shoal_self(engine);
    return push(engine, event, &view, (shoal_bytes){0}) != NULL;
}

void notify_view(shoal *engine, shoal_event event, const shoal_member *view)
{
    push(engine, event, view, (shoal_bytes){0});
}

void notify_conflict(shoal *engine, const shoal_member *view)
{
    push(engine, SHOAL_EVENT_CONFLICT, view, identity_id(engine->self));
}

bool notify_topic(shoal *engine, shoal_event event, const shoal_member *from,
                  shoal_bytes topic, shoal_bytes data, uint64_t first,
                  uint64_t last)
{
    shoal_effect *effect = push_data(engine, event, from, topic, data);
    if (!effect)
        return false;
    effect->first = first;
    effect->last = last;
    return true;
}

void notify_dropped(shoal *engine, shoal_drop why, size_t size)
{
    shoal_member view = shoal_self(engine);
    shoal_effect *effect =
        push(engine, SHOAL_EVENT_ITEM_DROPPED, &view, (shoal_bytes){0});
    if (!effect)
        return;
    effect->drop = (uint8_t)why;
    effect->size = size;
}

bool notify_message(shoal *engine, const shoal_member *from, uint8_t flags,
                    shoal_bytes data)
{
    shoal_effect *effect =
        push_data(engine, SHOAL_EVENT_MESSAGE, from, (shoal_bytes){0}, data);
    if (!effect)
        return false;
    effect->flags = flags;
    return true;
}

bool notify_outcome(shoal *engine, shoal_event event, const shoal_member *to,
                    uint64_t ticket, int error)
{
    if (!notify_is_wanted(engine, event))
        return true;
    shoal_effect *effect = push(engine, event, to, (shoal_bytes){0});
    if (!effect)
        return false;
    effect->ticket = ticket;
    effect->error = error;
    return true;
}

void notify_ignored(shoal *engine, const struct member *member, shoal_drop why,
                    size_t size)
{
    shoal_member view = member_view(member);
    shoal_effect *effect =
        push(engine, SHOAL_EVENT_TAGS_IGNORED, &view, (shoal_bytes){0});
    if (!effect)
        return;
    effect->drop = (uint8_t)why;
    effect->size = size;
}

void notify_turned_away(shoal *engine, const shoal_member *view, shoal_drop why)
{
    shoal_effect *effect =
        push(engine, SHOAL_EVENT_TURNED_AWAY, view, (shoal_bytes){0});
    if (effect)
        effect->drop = (uint8_t)why;
}

void notify_packet(shoal *engine, shoal_event event, shoal_bytes other,
                   const shoal_header *header, uint32_t updates, size_t size)
{
    shoal_member view = {.id = other, .incarnation = header->src_incarnation};
    shoal_effect *effect = push(engine, event, &view, header->peer);
    if (!effect)
        return;
    effect->message = header->kind;
    effect->number = header->number;
    effect->updates = (uint16_t)updates;
    effect->size = size;
}
