/* SPDX-License-Identifier: MIT */
/*
 * The addresses that were asked lately to let us join: whoever is there may
 * have taken us in, or be about to, without our knowing.
 */
#ifndef SHOAL_BASE_ASKED_H
#define SHOAL_BASE_ASKED_H

#include <stddef.h>
#include <stdint.h>

enum {
    ASKED_MOST = 8,         /* of them are remembered, the latest */
    ASKED_MAX_ADDRESS = 80, /* bytes, with the NUL; longer ones are not */
    ASKED_FOR_US = 60 * 1000 * 1000
};

/* All zero: nobody. */
struct asked {
    struct {
        uint64_t at_us;
        char address[ASKED_MAX_ADDRESS]; /* "": nobody */
    } list[ASKED_MOST];
};

/* Copies the address. */
void asked_note(struct asked *asked, uint64_t now_us, const char *address);
/* Walks those that were asked in the last minute. Start with *cursor 0; NULL at
 * the end. */
const char *asked_next(const struct asked *asked, uint64_t now_us,
                       size_t *cursor);

#endif
