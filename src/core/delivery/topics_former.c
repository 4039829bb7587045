/* SPDX-License-Identifier: MIT */
/* What an embedder needs to know in order to remember what was published. */
#include "topics.h"

#include "../engine.h"

bool shoal_next_topic(const shoal *engine, uint32_t *cursor, shoal_bytes *topic,
                      uint64_t *number)
{
    const struct streams *streams = &engine->topics.streams;
    while (*cursor < streams->count) {
        const struct topic_stream *stream = streams->list[(*cursor)++];
        if (stream->top == 0 || !topics_is_ours(engine, stream))
            continue;
        *topic = stream_topic(stream);
        *number = stream->top;
        return true;
    }
    return false;
}

uint64_t shoal_topic_floor(const shoal *engine)
{
    return engine->topics.floor;
}
