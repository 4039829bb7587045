/* SPDX-License-Identifier: MIT */
#include "stream.h"

#include "../../wire/wire.h"

enum { FIRST_ROOM = 8 };

uint32_t stream_hash(uint32_t origin, shoal_bytes topic)
{
    uint64_t both = (uint64_t)origin << 32 | wire_hash(topic);
    both = (both ^ both >> 29) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)((both ^ both >> 32) * UINT64_C(0xbf58476d1ce4e5b9) >> 32);
}

/* ---- All streams ---- */

uint32_t streams_from(const struct streams *streams, uint32_t hash)
{
    uint32_t low = 0, high = streams->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (streams->list[middle]->hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct topic_stream *streams_find(const struct streams *streams, uint32_t hash)
{
    uint32_t at = streams_from(streams, hash);
    return at < streams->count && streams->list[at]->hash == hash
               ? streams->list[at]
               : NULL;
}

static bool grow_list(struct streams *streams, struct mem *mem)
{
    uint32_t room = streams->room ? 2 * streams->room : FIRST_ROOM;
    if (streams->count < streams->room)
        return true;
    struct topic_stream **list = mem_resize(
        mem, streams->list, streams->room * sizeof *list, room * sizeof *list);
    if (!list)
        return false;
    streams->list = list;
    streams->room = room;
    return true;
}

struct topic_stream *streams_add(struct streams *streams, struct mem *mem,
                                 uint32_t hash)
{
    uint32_t at = streams_from(streams, hash);
    if (!grow_list(streams, mem))
        return NULL;
    struct topic_stream *stream = mem_alloc(mem, sizeof *stream);
    if (!stream)
        return NULL;
    *stream = (struct topic_stream){.hash = hash,
                                    .due = 1,
                                    .have = 1,
                                    .low = 1,
                                    .is_new = true,
                                    .ask_us = SHOAL_NEVER};
    memmove(streams->list + at + 1, streams->list + at,
            (streams->count - at) * sizeof *streams->list);
    streams->list[at] = stream;
    streams->count++;
    streams->unknown++;
    return stream;
}

void stream_identify(struct streams *streams, struct topic_stream *stream,
                     struct identity *origin, shoal_bytes topic)
{
    streams->unknown--;
    stream->origin = identity_retain(origin);
    stream->topic_size = (uint8_t)topic.size;
    bytes_copy(stream->topic, topic);
}

/* ---- The ring ---- */

static struct kept_item **place(const struct topic_stream *stream,
                                uint64_t number)
{
    bool is_in = number >= stream->low && number - stream->low < stream->room;
    return is_in ? &stream->ring[number & (stream->room - 1)] : NULL;
}

const struct kept_item *stream_at(const struct topic_stream *stream,
                                  uint64_t number)
{
    struct kept_item **at = place(stream, number);
    return at ? *at : NULL;
}

/* Moments are that far from each other, but for the newest. */
static const uint64_t gone_step_us = 3000000;

static void note_gone(struct topic_stream *stream, uint64_t number,
                      uint64_t at_us)
{
    if (stream->gone_by[0].came_us == 0) /* what is before it was never here */
        for (size_t i = 0; i < STREAM_GONE; i++)
            stream->gone_by[i].number = number - 1;
    if (at_us >= stream->gone_by[1].came_us + gone_step_us)
        memmove(stream->gone_by + 1, stream->gone_by,
                (STREAM_GONE - 1) * sizeof *stream->gone_by);
    if (number > stream->gone_by[0].number)
        stream->gone_by[0].number = number;
    if (at_us > stream->gone_by[0].came_us)
        stream->gone_by[0].came_us = at_us;
}

uint64_t stream_gone_by(const struct topic_stream *stream, uint64_t number,
                        uint64_t us)
{
    size_t i = 0;
    while (i < STREAM_GONE - 1 && stream->gone_by[i].came_us > us)
        i++;
    return i > 0 && stream->gone_by[i].number < number
               ? stream->gone_by[i].number
               : number;
}

void stream_drop(struct streams *streams, struct mem *mem,
                 struct topic_stream *stream, uint64_t number)
{
    struct kept_item **at = place(stream, number);
    if (!at || !*at)
        return;
    if (number < stream->due)
        note_gone(stream, number, (*at)->at_us);
    size_t size = stream_footprint((*at)->size, 1);
    stream->bytes -= (uint32_t)size;
    streams->bytes -= size;
    mem_resize(mem, *at, size, 0);
    *at = NULL;
}

static void advance_low(struct streams *streams, struct mem *mem,
                        struct topic_stream *stream, uint64_t low)
{
    if (low - stream->low > stream->room) { /* all of it goes */
        for (uint32_t i = 0; i < stream->room; i++)
            stream_drop(streams, mem, stream, stream->low + i);
        stream->low = low;
    }
    for (; stream->low < low; stream->low++)
        stream_drop(streams, mem, stream, stream->low);
}

static bool grow_ring(struct mem *mem, struct topic_stream *stream,
                      uint32_t room)
{
    struct kept_item **ring = mem_resize(mem, NULL, 0, room * sizeof *ring);
    if (!ring)
        return false;
    memset(ring, 0, room * sizeof *ring);
    for (uint32_t i = 0; i < stream->room; i++) {
        uint64_t number = stream->low + i;
        ring[number & (room - 1)] = stream->ring[number & (stream->room - 1)];
    }
    mem_resize(mem, stream->ring, stream->room * sizeof *ring, 0);
    stream->ring = ring;
    stream->room = room;
    return true;
}

/* Makes a place for `number`. 1, 0 or NOMEM. */
static int make_place(struct streams *streams, struct mem *mem,
                      struct topic_stream *stream, uint64_t number)
{
    uint32_t room = stream->room ? stream->room : FIRST_ROOM;
    if (number < stream->low || number - stream->due >= STREAM_RING)
        return 0;
    while (room < STREAM_RING && number - stream->low >= room)
        room *= 2;
    if (room > stream->room && !grow_ring(mem, stream, room))
        return SHOAL_ERR_NOMEM;
    if (number - stream->low >= room)
        advance_low(streams, mem, stream, number - room + 1);
    return 1;
}

int stream_put(struct streams *streams, struct mem *mem,
               struct topic_stream *stream, uint64_t number, uint8_t flags,
               shoal_bytes data, uint64_t now_us)
{
    if (number < stream->due || stream_at(stream, number))
        return 0;
    int error = make_place(streams, mem, stream, number);
    if (error <= 0)
        return error;
    size_t size = stream_footprint(data.size, 1);
    struct kept_item *held = mem_resize(mem, NULL, 0, size);
    if (!held)
        return SHOAL_ERR_NOMEM;
    *held = (struct kept_item){
        .at_us = now_us, .size = (uint32_t)data.size, .flags = flags};
    bytes_copy(held->bytes, data);
    *place(stream, number) = held;
    stream->bytes += (uint32_t)size;
    streams->bytes += size;
    return 1;
}

bool stream_expire(struct streams *streams, struct mem *mem,
                   struct topic_stream *stream, uint64_t before_us)
{
    while (stream->bytes > 0 && stream->low < stream->due) {
        const struct kept_item *held = stream_at(stream, stream->low);
        if (held && held->at_us >= before_us)
            break;
        stream_drop(streams, mem, stream, stream->low);
        stream->low++;
    }
    if (stream->bytes > 0)
        return true;
    mem_resize(mem, stream->ring, stream->room * sizeof *stream->ring, 0);
    stream->ring = NULL;
    stream->room = 0;
    stream->low = stream->due;
    return false;
}

uint64_t stream_next_held(const struct topic_stream *stream, uint64_t from)
{
    uint64_t end = stream->low + stream->room;
    if (from < stream->low)
        from = stream->low;
    for (; from < end; from++)
        if (stream_at(stream, from))
            return from;
    return stream->top + 1;
}

struct topic_stream *streams_fullest(const struct streams *streams)
{
    struct topic_stream *most = NULL;
    for (uint32_t i = 0; i < streams->count; i++)
        if (!most || streams->list[i]->bytes > most->bytes)
            most = streams->list[i];
    return most;
}

static uint64_t last_held(const struct topic_stream *stream)
{
    uint64_t number = stream->low + stream->room - 1;
    while (!stream_at(stream, number))
        number--;
    return number;
}

void streams_bound(struct streams *streams, struct mem *mem, size_t bytes)
{
    while (streams->bytes > bytes) {
        struct topic_stream *stream = streams_fullest(streams);
        uint64_t first = stream_next_held(stream, stream->low);
        stream_drop(streams, mem, stream,
                    first < stream->due ? first : last_held(stream));
    }
}

/* ---- The end ---- */

static void free_stream(struct streams *streams, struct mem *mem,
                        struct topic_stream *stream)
{
    for (uint32_t i = 0; i < stream->room; i++)
        stream_drop(streams, mem, stream, stream->low + i);
    mem_resize(mem, stream->ring, stream->room * sizeof *stream->ring, 0);
    identity_release(mem, stream->origin);
    mem_free(mem, stream, sizeof *stream);
}

void streams_remove(struct streams *streams, struct mem *mem,
                    struct topic_stream *stream)
{
    uint32_t at = streams_from(streams, stream->hash);
    streams->count--;
    streams->unknown -= stream->origin == NULL;
    memmove(streams->list + at, streams->list + at + 1,
            (streams->count - at) * sizeof *streams->list);
    free_stream(streams, mem, stream);
}

void streams_clear(struct streams *streams, struct mem *mem)
{
    for (uint32_t i = 0; i < streams->count; i++)
        free_stream(streams, mem, streams->list[i]);
    mem_resize(mem, streams->list, streams->room * sizeof *streams->list, 0);
    *streams = (struct streams){0};
}
