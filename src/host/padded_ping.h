/* SPDX-License-Identifier: MIT */
/* Pings that the host sends on its own, past the engine. */
#ifndef SHOAL_HOST_PADDED_PING_H
#define SHOAL_HOST_PADDED_PING_H

#include "../shoal.h"

/* Is it the default codec that the engine has? Others may be a script's, and
 * have no padding. */
bool padded_ping_is_possible(const shoal *engine);
/* Writes a ping to `to` that has `size` bytes, or as few less as one claim may
 * have: claims that we are alive, again and again, fill it. 0: there is no room
 * for the ping, or the codec is another one. */
size_t padded_ping(const shoal *engine, shoal_bytes to, uint8_t number,
                   uint8_t *out, size_t size);

#endif
