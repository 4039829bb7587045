/* SPDX-License-Identifier: MIT */
#include "indirect.h"

#include "ask.h"
#include "engine.h"
#include "send.h"

static struct question *at(struct indirect *indirect, uint32_t i)
{
    return &indirect->waiting[(indirect->first + i) % INDIRECT_MAX_WAITING];
}

static void forget(shoal *engine, struct question *question)
{
    identity_release(&engine->mem, question->origin);
    identity_release(&engine->mem, question->target);
    question->origin = question->target = NULL;
}

static void drop_first(shoal *engine)
{
    struct indirect *indirect = &engine->indirect;
    forget(engine, at(indirect, 0));
    indirect->first = (indirect->first + 1) % INDIRECT_MAX_WAITING;
    indirect->count--;
}

void indirect_clear(shoal *engine)
{
    while (engine->indirect.count > 0)
        drop_first(engine);
}

/* The nack must be back before the origin's period ends. */
static uint64_t patience(const shoal_config *config)
{
    uint64_t rtt = config->probe_rtt_us, rest = config->probe_period_us - rtt;
    return (rtt < rest ? rtt : rest) / 5 * 4; /* Lifeguard 4.A: 80 % */
}

/* A reference to who that is. NULL: out of memory. */
static struct identity *hold(shoal *engine, const struct who *who)
{
    struct member *member =
        members_find_id(&engine->members, who->id, who->hash);
    return member ? identity_retain(member->identity)
                  : identity_new(&engine->mem, who);
}

static void remember(shoal *engine, const shoal_header *header,
                     const struct who *target)
{
    struct indirect *indirect = &engine->indirect;
    struct who origin;
    if (ask_who(engine, header->src, &origin) != 0)
        return;
    struct question question = {.origin = hold(engine, &origin),
                                .target = hold(engine, target),
                                .number = header->number};
    if (!question.origin || !question.target) { /* then there is no nack */
        forget(engine, &question);
        return;
    }
    question.nack_at_us = engine->now_us + patience(&engine->config);
    if (indirect->count == INDIRECT_MAX_WAITING)
        drop_first(engine);
    *at(indirect, indirect->count++) = question;
}

/* Was answered: `target` is there, for `origin`. */
static void settle(shoal *engine, shoal_bytes target, shoal_bytes origin,
                   uint8_t number)
{
    for (uint32_t i = 0; i < engine->indirect.count; i++) {
        struct question *question = at(&engine->indirect, i);
        if (question->origin && question->number == number &&
            bytes_equal(identity_id(question->target), target) &&
            bytes_equal(identity_id(question->origin), origin))
            forget(engine, question);
    }
}

/* Sends on what concerns two others: the sender and header->peer. */
static bool relay(shoal *engine, const shoal_header *header, shoal_message kind,
                  struct who *peer)
{
    int error = ask_who(engine, header->peer, peer);
    if (error) {
        engine_drop(engine, SHOAL_DROP_IDENTITY, error);
        return false;
    }
    if (bytes_equal(peer->addr, identity_addr(engine->self))) {
        engine_drop(engine, SHOAL_DROP_NOT_FOR_US, 0); /* an older one of us */
        return false;
    }
    send_message(engine, peer, kind, header->number, header->src);
    return true;
}

void indirect_on_ping_req(shoal *engine, const shoal_header *header)
{
    struct who target;
    if (relay(engine, header, SHOAL_MSG_INDIRECT_PING, &target) &&
        header->wants_nack)
        remember(engine, header, &target);
}

void indirect_on_ping(shoal *engine, const shoal_header *header,
                      const struct who *src)
{
    send_message(engine, src, SHOAL_MSG_INDIRECT_ACK, header->number,
                 header->peer);
}

void indirect_on_ack(shoal *engine, const shoal_header *header)
{
    struct who origin;
    settle(engine, header->src, header->peer, header->number);
    relay(engine, header, SHOAL_MSG_FORWARDED_ACK, &origin);
}

void indirect_tick(shoal *engine)
{
    struct indirect *indirect = &engine->indirect;
    while (indirect_next(indirect) <= engine->now_us) {
        struct question *question = at(indirect, 0);
        if (question->origin) {
            struct who origin;
            who_from(&origin, question->origin);
            send_message(engine, &origin, SHOAL_MSG_NACK, question->number,
                         identity_id(question->target));
        }
        drop_first(engine);
    }
}
