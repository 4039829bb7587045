/* SPDX-License-Identifier: MIT */
#include "cookie.h"

#include "../base/siphash.h"
#include "engine.h"

#include <string.h>

/* A cookie is good for one of these, and for the next. */
#define LIFETIME_US (UINT64_C(60) * 1000 * 1000)

void cookie_init(shoal *engine, uint64_t seed)
{
    /* Not from the engine's own numbers, of which others see a part. */
    struct rng rng = {seed ^ 0x73747261};
    engine->secret[0] = rng_next(&rng);
    engine->secret[1] = rng_next(&rng);
}

bool cookie_is_on(const shoal *engine)
{
    return engine->config.check_strangers && engine->handlers.codec.lifeguard;
}

/* ---- Cookies ---- */

static uint32_t cookie_of(const shoal *engine, shoal_bytes endpoint,
                          uint64_t turn)
{
    const uint8_t when[] = {(uint8_t)turn, (uint8_t)(turn >> 8),
                            (uint8_t)(turn >> 16), (uint8_t)(turn >> 24)};
    const uint64_t key[2] = {siphash(engine->secret, when, sizeof when),
                             engine->secret[1]};
    uint32_t cookie = (uint32_t)siphash(key, endpoint.data, endpoint.size);
    return cookie ? cookie : 1;
}

static uint64_t turn_of(const shoal *engine)
{
    return engine->now_us / LIFETIME_US + 1;
}

static uint32_t cookie_for(const shoal *engine, const struct who *to)
{
    return cookie_of(engine, to->endpoint, turn_of(engine));
}

static bool is_for(const shoal *engine, uint32_t echo, shoal_bytes endpoint)
{
    uint64_t turn = turn_of(engine);
    return echo != 0 && (echo == cookie_of(engine, endpoint, turn) ||
                         echo == cookie_of(engine, endpoint, turn - 1));
}

static void note_asked(shoal *engine, uint32_t cookie)
{
    struct jar *jar = &engine->jar;
    jar->asked[jar->next++ % COOKIE_ASKED] = cookie;
}

static bool was_asked(const shoal *engine, uint32_t echo)
{
    for (uint32_t i = 0; echo != 0 && i < COOKIE_ASKED; i++)
        if (engine->jar.asked[i] == echo)
            return true;
    return false;
}

/* ---- The cookies of others ---- */

void cookie_keep(shoal *engine)
{
    uint32_t peer = engine->sender.who->wire_hash;
    engine->jar.cookies[peer % COOKIE_JAR].peer = peer;
    engine->jar.cookies[peer % COOKIE_JAR].cookie = engine->sender.cookie;
}

static uint32_t kept(const shoal *engine, const struct who *peer)
{
    uint32_t at = peer->wire_hash % COOKIE_JAR;
    return engine->jar.cookies[at].peer == peer->wire_hash
               ? engine->jar.cookies[at].cookie
               : 0;
}

/* ---- The packet at hand ---- */

bool cookie_is_back(const shoal *engine, shoal_bytes to)
{
    return engine->sender.who && bytes_equal(to, engine->sender.who->id);
}

void cookie_begin(shoal *engine, const shoal_header *header, size_t size)
{
    bool carries = engine->handlers.codec.lifeguard;
    shoal_bytes endpoint = engine->sender.who->endpoint;
    engine->sender.cookie = carries ? header->cookie : 0;
    engine->sender.echoed = false;
    engine->sender.kind = header->kind;
    engine->sender.is_proven = is_for(engine, header->echo, endpoint);
    engine->sender.was_asked = was_asked(engine, header->echo);
    engine->sender.allowance = COOKIE_FACTOR * size;
}

/* ---- Packets that are sent ---- */

/* Has it nothing more to show us? A member's packets are heard in any case. */
static bool is_settled(const shoal *engine, bool is_back)
{
    return is_back && (engine->sender.is_proven ||
                       (engine->sender.is_active &&
                        engine->sender.kind != SHOAL_MSG_ANNOUNCE));
}

static bool wants_echo(const shoal *engine, bool is_back, bool is_bare,
                       const shoal_header *header)
{
    bool asks = is_bare && !engine->has_left && !is_settled(engine, is_back);
    switch ((shoal_message)header->kind) {
    case SHOAL_MSG_ANNOUNCE:
        return true;
    case SHOAL_MSG_EXCHANGE:
        return is_bare;
    case SHOAL_MSG_ACK:
        return header->has_digest || asks;
    case SHOAL_MSG_INDIRECT_ACK:
    case SHOAL_MSG_GOSSIP:
        return asks;
    default:
        return false;
    }
}

static uint32_t echo_for(shoal *engine, const struct who *to, bool is_back,
                         bool is_bare, const shoal_header *header)
{
    if (is_back && engine->sender.cookie != 0) {
        engine->sender.echoed = true;
        return engine->sender.cookie;
    }
    bool compares = header->kind == SHOAL_MSG_EXCHANGE && is_bare;
    return compares || header->kind == SHOAL_MSG_ANNOUNCE ? kept(engine, to)
                                                          : 0;
}

/* Does it ask somebody who does not know yet that we get what it answers? Who
 * lacks next to everything is answered more if it shows more. */
static bool is_first_question(const shoal *engine, bool is_back, bool is_bare,
                              const shoal_header *header)
{
    return header->kind == SHOAL_MSG_EXCHANGE && is_bare && !is_back &&
           header->echo == 0 && engine->round.lists_all;
}

/* An announce that is not bare is for whoever is there. */
void cookie_mark(shoal *engine, const struct who *to, bool is_back,
                 bool is_bare, size_t spare, shoal_header *header)
{
    if (!engine->handlers.codec.lifeguard)
        return;
    header->echo = echo_for(engine, to, is_back, is_bare, header);
    if (!cookie_is_on(engine))
        return;
    if (wants_echo(engine, is_back, is_bare, header))
        header->cookie = cookie_for(engine, to);
    if (header->kind == SHOAL_MSG_ANNOUNCE && !is_bare) {
        note_asked(engine, header->cookie);
        header->padding = COOKIE_PADDING;
    } else if (is_first_question(engine, is_back, is_bare, header)) {
        header->padding = spare < COOKIE_QUESTION_PADDING
                              ? (uint16_t)spare
                              : COOKIE_QUESTION_PADDING;
    }
}

/* A member gets what it asks for, unless that may be much larger. */
static bool is_limited(const shoal *engine, bool compares)
{
    return cookie_is_on(engine) && !engine->sender.is_proven &&
           (!engine->sender.is_active ||
            (compares && engine->sender.kind == SHOAL_MSG_EXCHANGE));
}

size_t cookie_room(const shoal *engine, bool is_back, bool compares,
                   size_t room)
{
    return is_back && is_limited(engine, compares) &&
                   engine->sender.allowance < room
               ? engine->sender.allowance
               : room;
}

void cookie_spend(shoal *engine, size_t size)
{
    engine->sender.allowance -=
        size < engine->sender.allowance ? size : engine->sender.allowance;
}
