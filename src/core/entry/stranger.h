/* SPDX-License-Identifier: MIT */
/*
 * Whoever is not a member here shows first that it receives what is sent to it.
 * A packet names the endpoint that answers go to, and anybody can write one:
 * else a single forged packet would make somebody a member whom the whole
 * cluster then pings. So until it has shown that, a sender
 *
 *   is not put into any table, and changes nothing;
 *   gets at most COOKIE_FACTOR bytes for each of its own.
 *
 * What we send it has a *cookie*, a keyed hash of its endpoint; its next packet
 * has that as its *echo*. We keep nothing meanwhile.
 *
 *   newcomer                                 member
 *     |  announce (cookie n)                   |
 *     |--------------------------------------->|  unknown; nothing changes
 *     |              gossip (cookie m, echo n) |
 *     |<---------------------------------------|
 *     |  announce (cookie n, echo m)           |  for the newcomer, that one is
 * a
 *     |--------------------------------------->|  member; and it is one here
 *     |                          feed (echo n) |
 *     |<---------------------------------------|
 *
 * (The first answer is sent twice: where packets are lost, a newcomer should
 * not wait for its next announce.)
 *
 * A cookie that comes from nobody we know, and not with an echo of what we have
 * asked for, means nothing: nobody else makes us join.
 *
 * Who knows us and is unknown here (it has heard of us from others) is answered
 * as follows, and sends us the echo at once, in a gossip:
 *
 *   ping, indirect_ping   the ack, with a cookie: it is to see that we are
 * there exchange              as much as its own bytes are worth, and a cookie
 *   anything else         a gossip with a cookie and nothing else
 *
 * That is the rule for an identity that is down here, too, or that wins against
 * a member with its address: the member's restart takes a round trip more, and
 * nobody else renews it. The packet that tells it of a verdict has the cookie.
 *
 * Of a member, too, an announce and the questions of an exchange bring more
 * than they cost only with an echo; acks that begin an exchange have a cookie.
 *
 * What members say of others is believed as ever. Codecs without `lifeguard`
 * cannot carry cookies; with them, and without `check_strangers`, whoever sends
 * a packet is a member.
 */
#ifndef SHOAL_CORE_ENTRY_STRANGER_H
#define SHOAL_CORE_ENTRY_STRANGER_H

#include "../cookie.h"
#include "../table/members.h"

/* Has somebody unknown no room for us? It answers nothing else, so it is no
 * member for us either, unless others say so. */
bool stranger_refuses(const shoal *engine, const shoal_header *header);
void stranger_on_refusal(shoal *engine, const shoal_header *header);
/* Must the sender at hand show more before it is heard ... */
bool stranger_must_show(const shoal *engine, const struct who *src);
/* ... not even about us? Who has an address that we know is. */
bool stranger_is_heard(const shoal *engine);
/* Asks it to show that. false: it has lost its address to somebody else, and is
 * told so. */
bool stranger_answer(shoal *engine, const shoal_header *header,
                     shoal_bytes items);
/* Its announce: a feed is worth more than that. true: it was asked to show. */
bool stranger_ask_announcer(shoal *engine);
/* The packet was handled: if it asked us to show that, and nothing that was
 * sent meanwhile does, a packet of its own does. */
void stranger_end(shoal *engine, const shoal_header *header);

#endif
