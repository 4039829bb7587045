/* SPDX-License-Identifier: MIT */
/* Events into the effect queue. */
#ifndef SHOAL_CORE_NOTIFY_H
#define SHOAL_CORE_NOTIFY_H

#include "table/members.h"

/* Does anybody hear of such events? */
bool notify_is_wanted(const shoal *engine, shoal_event event);
/* Room for `times` notifications about `who`, and as much about ourselves. */
bool notify_reserve(shoal *engine, const struct who *who, shoal_bytes before,
                    unsigned times);
/* These cannot fail once there is room; else (diagnostics) they are lost. */
void notify_member(shoal *engine, shoal_event event,
                   const struct member *member, shoal_bytes before);
/* `member`, which was up or not and had that incarnation as `before`. */
void notify_rename(shoal *engine, const struct member *member,
                   shoal_bytes before, bool was_active, uint16_t incarnation);
/* false: nobody asked for it, or it is lost. */
bool notify_self(shoal *engine, shoal_event event);
/* Somebody who need not be a member: `view` is copied. */
void notify_view(shoal *engine, shoal_event event, const shoal_member *view);
/* `view` claims our address. */
void notify_conflict(shoal *engine, const shoal_member *view);
/* PUBLISHED or MISSED. false: out of memory. */
bool notify_topic(shoal *engine, shoal_event event, const shoal_member *from,
                  shoal_bytes topic, shoal_bytes data, uint64_t first,
                  uint64_t last);
/* An item of `size` bytes was given up. */
void notify_dropped(shoal *engine, shoal_drop why, size_t size);
/* A message from `from`. false: out of memory. */
bool notify_message(shoal *engine, const shoal_member *from, uint8_t flags,
                    shoal_bytes data);
/* What became of a message to `to`: MESSAGE_ACKNOWLEDGED, or MESSAGE_FAILED
 * with the error. false: out of memory. */
bool notify_outcome(shoal *engine, shoal_event event, const shoal_member *to,
                    uint64_t ticket, int error);
/* Tags of `member`, of `size` bytes, were ignored. */
void notify_ignored(shoal *engine, const struct member *member, shoal_drop why,
                    size_t size);
/* `view` was not let in, or not answered. */
void notify_turned_away(shoal *engine, const shoal_member *view,
                        shoal_drop why);
/* A packet with that header, to or from `other`. Ask notify_is_wanted() first.
 */
void notify_packet(shoal *engine, shoal_event event, shoal_bytes other,
                   const shoal_header *header, uint32_t updates, size_t size);

#endif
