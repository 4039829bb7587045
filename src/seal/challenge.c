/* SPDX-License-Identifier: MIT */
#include "challenge.h"

#include "../base/bytes.h"

#include <string.h>

enum {
    GOOD_FOR_MS = 5 * 1000,
    MAX_FROM = 64 /* bytes of an address */
};

void challenge_write(const struct challenge *challenge, uint32_t issued_ms,
                     uint8_t *cookie)
{
    uint8_t about[4 + CRYPTO_SESSION + MAX_FROM];
    shoal_bytes from = challenge->from;
    size_t size = from.size < MAX_FROM ? from.size : MAX_FROM;
    uint64_t mac;

    bytes_put_big_endian(about, issued_ms, 4);
    memcpy(about + 4, challenge->session, CRYPTO_SESSION);
    if (size > 0)
        memcpy(about + 4 + CRYPTO_SESSION, from.data, size);
    mac = crypto_mac(challenge->secret, about, 4 + CRYPTO_SESSION + size);
    memcpy(cookie, about, 4);
    memcpy(cookie + 4, &mac, 8);
}

bool challenge_is_ours(const struct challenge *challenge, shoal_bytes cookie,
                       uint32_t *issued_ms)
{
    uint8_t ours[SEAL_COOKIE];

    if (cookie.size != SEAL_COOKIE)
        return false;
    *issued_ms = bytes_u32be(cookie.data);
    if (challenge->now_ms - *issued_ms >= GOOD_FOR_MS)
        return false;
    challenge_write(challenge, *issued_ms, ours);
    return memcmp(ours, cookie.data, SEAL_COOKIE) == 0;
}
