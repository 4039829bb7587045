/* SPDX-License-Identifier: MIT */
/*
 * Messages: what a program says to one member, and knows to have arrived.
 *
 *     sender                                    receiver
 *       |  message: epoch, number, flags, data      |
 *       |------------------------------------------>|  told to the program,
 *       |                   receipt: epoch, numbers |  once
 *       |<------------------------------------------|
 *
 * A message is sent again, with longer and longer waits, until a receipt comes
 * or its receiver is no active member any more; the program is told which. It
 * is delivered once at the most (window.h). A receipt is as large as the
 * message it is for, or smaller; nothing else that a message brings costs a
 * packet.
 *
 * Packets with messages leave one after the other, a pace apart, after a few at
 * once: who says something to a thousand members does not lose it in somebody's
 * socket.
 */
#ifndef SHOAL_CORE_DELIVERY_MESSAGES_H
#define SHOAL_CORE_DELIVERY_MESSAGES_H

#include "../table/members.h"
#include "../table/messages_state.h"

void messages_clear(shoal *engine);
/* The records of a packet of `sender`. */
void messages_receive(shoal *engine, shoal_bytes items, struct member *sender);
/* `member` is down, or somebody else: what was for it fails soon. */
void messages_gone(shoal *engine, const struct member *member);
/* `member` is forgotten: what is for it fails. false: no memory, and nothing
 * was done. */
bool messages_forget(shoal *engine, const struct member *member);
/* When something is due; SHOAL_NEVER. */
uint64_t messages_next(const shoal *engine);
void messages_tick(shoal *engine);

#endif
