/* SPDX-License-Identifier: MIT */
#include "speakers.h"

#include <stdlib.h>
#include <string.h>

void speakers_init(struct speakers *speakers)
{
    speakers->places = NULL;
    atomic_init(&speakers->latest_us, 0);
    pthread_mutex_init(&speakers->lock, NULL);
}

void speakers_clear(struct speakers *speakers)
{
    free(speakers->places);
    pthread_mutex_destroy(&speakers->lock);
}

static struct speaker *first_of(const struct speakers *speakers, uint64_t hash)
{
    return &speakers->places[hash % (SPEAKERS_PLACES / 2) * 2];
}

static void put(struct speakers *speakers, const struct speaker *speaker)
{
    struct speaker *pair = first_of(speakers, speaker->hash);
    bool second =
        pair[0].hash != speaker->hash &&
        (pair[1].hash == speaker->hash || pair[1].until_us < pair[0].until_us);

    pair[second] = *speaker;
}

/* Without memory nobody is noted: who comes back has to wait. */
void speakers_note(struct speakers *speakers, uint64_t hash,
                   const uint8_t id[2], uint64_t until_us)
{
    struct speaker speaker = {hash, until_us, {id[0], id[1]}};

    pthread_mutex_lock(&speakers->lock);
    if (!speakers->places)
        speakers->places = calloc(SPEAKERS_PLACES, sizeof *speakers->places);
    if (speakers->places)
        put(speakers, &speaker);
    if (speakers->places && until_us > atomic_load(&speakers->latest_us))
        atomic_store(&speakers->latest_us, until_us);
    pthread_mutex_unlock(&speakers->lock);
}

static bool find(const struct speakers *speakers, uint64_t hash,
                 uint64_t now_us, uint8_t id[2])
{
    const struct speaker *pair = first_of(speakers, hash);

    for (int i = 0; i < 2; i++) {
        if (pair[i].hash != hash || pair[i].until_us <= now_us)
            continue;
        memcpy(id, pair[i].id, 2);
        return true;
    }
    return false;
}

bool speakers_find(struct speakers *speakers, uint64_t hash, uint64_t now_us,
                   uint8_t id[2])
{
    bool found;

    pthread_mutex_lock(&speakers->lock);
    found = speakers->places && find(speakers, hash, now_us, id);
    pthread_mutex_unlock(&speakers->lock);
    return found;
}
