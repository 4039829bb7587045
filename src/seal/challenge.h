/* SPDX-License-Identifier: MIT */
/*
 * What a new sender has to send back: 12 bytes that only we can make, from its
 * address, its session and the time. So nothing is kept of whom we ask.
 */
#ifndef SHOAL_SEAL_CHALLENGE_H
#define SHOAL_SEAL_CHALLENGE_H

#include "crypto.h"
#include "seal.h"

/* All borrowed for the call. */
struct challenge {
    const uint8_t *secret;  /* ours, CRYPTO_MAC_KEY bytes */
    const uint8_t *session; /* the sender's, CRYPTO_SESSION bytes */
    shoal_bytes from;       /* its address */
    uint32_t now_ms; /* since our start: 49 days of them, then again from 0 */
};

/* Writes SEAL_COOKIE bytes, as of `issued_ms`. */
void challenge_write(const struct challenge *challenge, uint32_t issued_ms,
                     uint8_t *cookie);
/* Are these such bytes, of the last seconds? `*issued_ms`: when we made them.
 */
bool challenge_is_ours(const struct challenge *challenge, shoal_bytes cookie,
                       uint32_t *issued_ms);

#endif
