/* SPDX-License-Identifier: MIT */
#include "rival.h"

#include "../base/bytes.h"
#include "../wire/wire.h"
#include "node.h"
#include "padded_ping.h"

enum { A_SECOND_US = 1000 * 1000, QUESTION_SIZE = 548, GONE_AFTER = 3 };

/* ---- Asking who has our address ---- */

/* NULL: packets for it reach us, or it is not known where it is. */
static const struct address *find_own_address(host *node)
{
    shoal_bytes endpoint = shoal_self(node->engine).endpoint;
    const struct address *found =
        endpoint_cache_find(&node->endpoints, endpoint, 0);
    struct address plain;

    if (!found)
        return NULL;
    plain = address_plain(found);
    return seed_standing_is_bound(node, &plain) ? NULL : found;
}

static void ask(host *node)
{
    struct rival *rival = &node->rival;
    const struct address *to = find_own_address(node);
    shoal_bytes self = shoal_self(node->engine).id;
    uint8_t packet[QUESTION_SIZE];
    size_t size;

    if (!to)
        return;
    size =
        padded_ping(node->engine, self, ++rival->number, packet, sizeof packet);
    if (size == 0)
        return;
    rival->asked = true;
    outbound_send(node, (shoal_bytes){packet, size}, to);
}

/* It has been silent for a while. */
static void miss_answer(host *node)
{
    struct rival *rival = &node->rival;

    if (!rival->asked || ++rival->unanswered < GONE_AFTER || !rival->is_there)
        return;
    rival->is_there = false;
    log_node_rival_gone(node);
}

static void arm(host *node)
{
    struct rival *rival = &node->rival;

    ev_now_update(node->loop);
    ev_timer_set(&rival->again, (double)rival->wait_us / 1e6, 0.);
    ev_timer_start(node->loop, &rival->again);
    rival->armed = true;
    rival->wait_us =
        rival->wait_us * 2 < RIVAL_LAST_US ? rival->wait_us * 2 : RIVAL_LAST_US;
}

static void on_due(struct ev_loop *loop, ev_timer *watcher, int events)
{
    host *node = watcher->data;

    (void)loop, (void)events;
    host_enter(node);
    node->rival.armed = false;
    miss_answer(node);
    if (!node->closing)
        ask(node);
    host_leave(node);
}

void rival_init(host *node)
{
    ev_init(&node->rival.again, on_due);
    node->rival.again.data = node;
    node->rival.wait_us = RIVAL_FIRST_US;
}

void rival_stop(host *node)
{
    ev_timer_stop(node->loop, &node->rival.again);
    node->rival.armed = false;
}

void rival_watch(host *node)
{
    struct rival *rival = &node->rival;
    bool is_alone = shoal_get_connection(node->engine) == SHOAL_CONNECTION_IDLE;

    if (is_alone && !rival->armed) {
        arm(node);
    } else if (!is_alone && rival->armed) {
        rival_stop(node);
        rival->wait_us = RIVAL_FIRST_US;
        rival->asked = rival->is_there = false;
        rival->unanswered = 0;
    }
}

/* ---- Answers to us ---- */

static void tell(host *node, const shoal_header *header,
                 const struct address *from)
{
    struct rival *rival = &node->rival;
    uint64_t now_us = host_now(node);

    if (!rival->is_there &&
        now_us - rival->told_us >= (uint64_t)RIVAL_TOLD_S * A_SECOND_US)
        rival->tell_after_s = 0;
    rival->is_there = true;
    if (now_us - rival->told_us < (uint64_t)rival->tell_after_s * A_SECOND_US)
        return;
    rival->told_us = now_us;
    rival->tell_after_s =
        rival->tell_after_s == 0 ? RIVAL_TOLD_S : 2 * rival->tell_after_s;
    if (rival->tell_after_s > RIVAL_TOLD_MOST_S)
        rival->tell_after_s = RIVAL_TOLD_MOST_S;
    log_node_rival(node, header->src, from);
}

/* Our own question came back to us: we get the packets for our address. If we
 * did not before, the seeds are to know at once. */
static void take_over(host *node, bool is_new)
{
    struct rival *rival = &node->rival;
    size_t i;

    if (rival->is_there)
        log_node_rival_gone(node);
    rival->is_there = false;
    for (i = 0; is_new && i < node->seeds.count; i++)
        seeds_ask(&node->seeds, host_now(node), node->seeds.list[i]);
}

/* true: it is the one to our last question. */
static bool take_answer(struct rival *rival, const shoal_header *header)
{
    if (!rival->asked || header->number != rival->number)
        return false;
    rival->asked = false;
    rival->unanswered = 0;
    return true;
}

/* ---- Answers to others ---- */

static bool was_answered(const struct rival *rival, uint64_t now_us,
                         const struct address *to)
{
    size_t i;

    for (i = 0; i < RIVAL_HOSTS; i++)
        if (rival->answered[i].at_us != 0 &&
            now_us - rival->answered[i].at_us < A_SECOND_US &&
            address_equal_host(&rival->answered[i].to, to))
            return true;
    return false;
}

/* The place that was used longest ago is the next. */
static bool may_answer(struct rival *rival, uint64_t now_us,
                       const struct address *to)
{
    unsigned place = rival->next_answered % RIVAL_HOSTS;
    uint64_t oldest_us = rival->answered[place].at_us;

    if ((oldest_us != 0 && now_us - oldest_us < A_SECOND_US) ||
        was_answered(rival, now_us, to))
        return false;
    rival->answered[place].at_us = now_us;
    rival->answered[place].to = *to;
    rival->next_answered++;
    return true;
}

static void answer(host *node, const shoal_header *asked, size_t asked_size,
                   const struct address *from)
{
    shoal_member self = shoal_self(node->engine);
    shoal_header header = {.kind = SHOAL_MSG_ACK,
                           .number = asked->number,
                           .src_incarnation = self.incarnation,
                           .src = self.id,
                           .dst_hash = asked->dst_hash};
    shoal_codec codec = shoal_default_codec();
    uint8_t packet[QUESTION_SIZE];
    size_t size, room = asked_size < sizeof packet ? asked_size : sizeof packet;

    if (!may_answer(&node->rival, host_now(node), from))
        return;
    log_node_claimant(node, asked->src, from);
    if (codec.encode_header(codec.context, &header, packet, room, &size) == 0)
        outbound_send(node, (shoal_bytes){packet, size}, from);
}

/* ---- What comes in ---- */

/* Pings from an identity to itself are such questions. */
static bool is_question(const shoal_header *header)
{
    return header->kind == SHOAL_MSG_PING &&
           wire_hash(header->src) == header->dst_hash;
}

static bool decode(const host *node, shoal_bytes packet, shoal_header *header)
{
    shoal_codec codec = shoal_default_codec();
    size_t used;

    return padded_ping_is_possible(node->engine) &&
           codec.decode_header(codec.context, packet, header, &used) == 0;
}

bool rival_came_back(host *node, shoal_bytes packet)
{
    struct rival *rival = &node->rival;
    bool is_new = rival->is_there || rival->unanswered > 0;
    shoal_header header;

    if (!rival->asked || !decode(node, packet, &header) ||
        !is_question(&header) ||
        !bytes_equal(header.src, shoal_self(node->engine).id) ||
        !take_answer(rival, &header))
        return false;
    take_over(node, is_new);
    return true;
}

void rival_heard(host *node, shoal_bytes packet, const struct address *from)
{
    shoal_member self = shoal_self(node->engine);
    shoal_header header;

    if (self.state == SHOAL_DOWN || !decode(node, packet, &header) ||
        bytes_equal(header.src, self.id))
        return;
    if (is_question(&header))
        answer(node, &header, packet.size, from);
    else if (header.kind == SHOAL_MSG_ACK && take_answer(&node->rival, &header))
        tell(node, &header, from);
}
