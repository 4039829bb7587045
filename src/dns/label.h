/* SPDX-License-Identifier: MIT */
/*
 * Names as DNS writes them: labels, each behind its length, in small letters,
 * without the empty one at the end. "web.service" is \3web\7service. All names
 * that are compared here are so.
 */
#ifndef SHOAL_DNS_LABEL_H
#define SHOAL_DNS_LABEL_H

#include "../shoal.h"

enum {
    LABEL_MAX = 63,        /* bytes of one */
    LABEL_MAX_NAME = 255,  /* of a whole name, with the empty label */
    LABEL_MAX_DOMAIN = 64, /* of ours, and so ... */
    LABEL_MAX_OWN = LABEL_MAX_NAME - LABEL_MAX_DOMAIN /* ... in front of it */
};

struct label_name {
    uint8_t bytes[LABEL_MAX_NAME];
    uint8_t size;
};

static inline shoal_bytes label_bytes(const struct label_name *name)
{
    return (shoal_bytes){name->bytes, name->size};
}

static inline uint8_t label_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* Adds the labels of "a.b.c" (a dot at its end is fine) at the end of a name,
 * which may be `most` bytes long. false: an empty label, or one that is too
 * long, or too many; then the name is as before. */
bool label_add_text(struct label_name *name, shoal_bytes text, size_t most);
/* Adds what is a name already. */
bool label_add(struct label_name *name, shoal_bytes labels, size_t most);
/* What is behind the first label of a name that is not empty. */
shoal_bytes label_rest(shoal_bytes name);
/* Is the first label that one? */
bool label_first_is(shoal_bytes name, const char *text);
bool label_ends_with(shoal_bytes name, shoal_bytes end);

#endif
