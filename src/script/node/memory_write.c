/* SPDX-License-Identifier: MIT */
/* What the next life will find. */
#include "memory_parts.h"

#include "../../base/bytes.h"
#include "../../base/hash.h"
#include "../../seal/seal.h"
#include "../reload/store.h"
#include "node.h"

#include <stdlib.h>

enum { REFRESH_US = 3600u * 1000u * 1000u /* when members were seen last */ };

/* ---- The store ---- */

static void note_store(struct node *node, const char *error)
{
    struct node_memory *memory = node->memory;
    if (!memory->store_told)
        log_line(&node->log, LOG_WARN, LOG_SCRIPT,
                 "node.store cannot be remembered", log_str("error", error));
    memory->store_told = true;
}

/* What cannot be packed is remembered as it was. */
void memory_pack_store(struct node *node)
{
    struct node_memory *memory = node->memory;
    struct error error;
    uint8_t *bytes;
    size_t size;
    if (node->scopes.depth > 0 || node->reloads.loading ||
        !store_persists(node->current))
        return;
    if (store_save(node->current, &bytes, &size, &error) != 0) {
        note_store(node, error.text);
        return;
    }
    free(memory->store);
    memory->store = bytes;
    memory->store_size = size;
    memory->store_told = false;
}

/* ---- What is worth a write ---- */

static uint64_t mix(uint64_t state, uint64_t value)
{
    return hash_more(state, &value, sizeof value);
}

static uint64_t mix_bytes(uint64_t state, shoal_bytes bytes)
{
    return hash_more(mix(state, bytes.size), bytes.data, bytes.size);
}

static uint64_t mix_topics(uint64_t state, const shoal *engine)
{
    uint32_t cursor = 0;
    shoal_bytes topic;
    uint64_t number;
    while (shoal_next_topic(engine, &cursor, &topic, &number))
        state = mix_bytes(mix(state, number / (MEMORY_NUMBERS / 2)), topic);
    return state;
}

static uint64_t mix_seeds(uint64_t state, struct backend *backend)
{
    const char *seed;
    for (size_t i = 0; (seed = backend->ops->seed(backend, i)); i++)
        state = mix_bytes(state, bytes_of_text(seed));
    return state;
}

/* NULL: packets are not sealed. */
static const struct seal_keys *keys_of(struct backend *backend)
{
    struct seal *seal = backend->ops->seal(backend);
    return seal ? seal_get_keys(seal) : NULL;
}

static uint64_t mix_keys(uint64_t state, const struct seal_keys *keys)
{
    for (unsigned i = 0; keys && i < keys->count; i++) {
        const struct seal_key *key = &keys->list[i];
        state = mix(state,
                    (uint64_t)key->id[0] << 16 | key->id[1] << 8 | key->stage);
        state = mix(mix(state, key->made_ms), key->until_ms);
    }
    return state;
}

uint64_t memory_state(struct node *node)
{
    const struct node_memory *memory = node->memory;
    struct backend *backend = node->backend;
    const shoal *engine = node_engine(node);
    shoal_member self = shoal_self(engine);
    uint64_t state = mix_bytes(HASH_START, self.id);
    state = mix(state, self.incarnation);
    state = mix(state, (self.tags_version >> 16) / (MEMORY_TAGS / 2));
    state = mix(state, shoal_view(engine));
    state = mix(state, shoal_num_known(engine));
    state = mix(state, memory->num_unheard);
    state = mix(state, backend->ops->now_us(backend) / REFRESH_US);
    state = mix_topics(state, engine);
    state = mix_seeds(state, backend);
    state = mix_keys(state, keys_of(backend));
    return mix_bytes(state, bytes_of(memory->store, memory->store_size)) | 1;
}

/* ---- Gathering ---- */

static void put_self(struct snapshot_writer *writer, struct node *node)
{
    shoal_member self = shoal_self(node_engine(node));
    struct snapshot_record record = {.kind = SNAPSHOT_SELF};
    record.as.self = (struct snapshot_self){
        .written_ms = node->backend->ops->wall_us(node->backend) / 1000,
        .incarnation = self.incarnation,
        .id = self.id};
    if (self.tags_version > 0)
        record.as.self.tags_version =
            self.tags_version + ((uint64_t)MEMORY_TAGS << 16);
    snapshot_put(writer, &record);
}

static void put_topics(struct snapshot_writer *writer, const shoal *engine)
{
    struct snapshot_record record = {.kind = SNAPSHOT_TOPIC};
    uint32_t cursor = 0;
    while (
        shoal_next_topic(engine, &cursor, &record.bytes, &record.as.number)) {
        record.as.number += MEMORY_NUMBERS;
        snapshot_put(writer, &record);
    }
    record = (struct snapshot_record){.kind = SNAPSHOT_FLOOR};
    record.as.number = shoal_topic_floor(engine) + MEMORY_NUMBERS;
    snapshot_put(writer, &record);
}

/* Who left has taken its leave. */
static void put_members(struct snapshot_writer *writer, struct node *node)
{
    struct snapshot_record record = {.kind = SNAPSHOT_MEMBER};
    const shoal *engine = node_engine(node);
    uint32_t cursor = 0;
    shoal_member member;
    while (shoal_next_member(engine, &cursor, &member)) {
        if (member.reason != SHOAL_REASON_NONE &&
            member.reason != SHOAL_REASON_FAILED)
            continue;
        record.as.member = memory_member(node, &member);
        snapshot_put(writer, &record);
    }
}

/* Nobody has heard of them since our start: they may come back after us. */
static void put_unheard(struct snapshot_writer *writer,
                        const struct node_memory *memory)
{
    struct snapshot_record record;
    for (size_t i = 0; i < memory->num_unheard; i++) {
        size_t at = memory->unheard[i];
        if (memory_next(memory, &at, &record))
            snapshot_put(writer, &record);
    }
}

/* Those of the former life, unless there are others. */
static void put_seeds(struct snapshot_writer *writer, struct node *node)
{
    struct snapshot_record record = {.kind = SNAPSHOT_SEED};
    const char *seed;
    size_t i = 0, at = 0;
    for (; (seed = node->backend->ops->seed(node->backend, i)); i++) {
        record.bytes = bytes_of_text(seed);
        snapshot_put(writer, &record);
    }
    while (i == 0 && memory_next(node->memory, &at, &record))
        if (record.kind == SNAPSHOT_SEED)
            snapshot_put(writer, &record);
}

static void put_keys(struct snapshot_writer *writer, struct node *node)
{
    const struct seal_keys *keys = keys_of(node->backend);
    struct snapshot_record record = {.kind = SNAPSHOT_RING};
    if (!keys)
        return;
    memcpy(record.as.given, node->memory->given, sizeof record.as.given);
    snapshot_put(writer, &record);
    record.kind = SNAPSHOT_SECRET;
    for (unsigned i = 0; i < keys->count; i++) {
        const struct seal_key *key = &keys->list[i];
        record.as.secret = (struct snapshot_secret){.stage = key->stage,
                                                    .made_ms = key->made_ms,
                                                    .until_ms = key->until_ms};
        memcpy(record.as.secret.bytes, key->bytes, SNAPSHOT_KEY);
        snapshot_put(writer, &record);
    }
    crypto_wipe(&record, sizeof record);
}

static void put_store(struct snapshot_writer *writer,
                      const struct node_memory *memory)
{
    struct snapshot_record record = {.kind = SNAPSHOT_STORE};
    record.bytes = bytes_of(memory->store, memory->store_size);
    if (memory->store)
        snapshot_put(writer, &record);
}

bool memory_gather(struct node *node, uint8_t **bytes, size_t *size)
{
    struct snapshot_writer writer;
    snapshot_begin(&writer, node->cluster);
    put_self(&writer, node);
    put_topics(&writer, node_engine(node));
    put_members(&writer, node);
    put_unheard(&writer, node->memory);
    put_seeds(&writer, node);
    put_keys(&writer, node);
    put_store(&writer, node->memory);
    if (!snapshot_end(&writer))
        return false;
    *bytes = writer.bytes;
    *size = writer.size;
    return true;
}
