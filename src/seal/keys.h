/* SPDX-License-Identifier: MIT */
/*
 * The keys of a cluster that one member holds: up to four, the first of which
 * seals what it sends. A packet is opened with the one that its key id names,
 * so no two may have the same id.
 *
 * As text a key is 32 bytes in base64, 44 characters. A key file has one on
 * each line; empty lines and those that begin with '#' are skipped.
 */
#ifndef SHOAL_SEAL_KEYS_H
#define SHOAL_SEAL_KEYS_H

#include "../base/error.h"
#include "crypto.h"

enum { SEAL_MAX_KEYS = 4, SEAL_ID_TEXT = 5 /* "a1b2", with its NUL */ };

struct seal_key {
    uint8_t id[2];
    uint8_t bytes[CRYPTO_KEY];
    /* Of a rotation, which alone looks at them (../script/node/rotation.h). 0:
     * none has to do with it. Milliseconds since 1970. */
    uint8_t stage;
    uint64_t made_ms, until_ms;
};

struct seal_keys {
    unsigned count;
    struct seal_key list[SEAL_MAX_KEYS]; /* the first seals */
};

/* All of these: 0, or -1 with `error`, and the keys are as they were. */

/* Reads text of the form above; there must be one key at least. */
int seal_keys_read(struct seal_keys *keys, const char *text, size_t size,
                   struct error *error);
/* Adds one to the end. `text` is one key, spaces around it aside. */
int seal_keys_add(struct seal_keys *keys, const char *text, size_t size,
                  struct error *error);
/* The same for one that is no text; of it, `bytes` and what follows. */
int seal_keys_put(struct seal_keys *keys, const struct seal_key *key,
                  struct error *error);
/* From now on the key with that id ("a1b2") seals. */
int seal_keys_use(struct seal_keys *keys, const char *id, struct error *error);
/* Not the one that seals. */
int seal_keys_remove(struct seal_keys *keys, const char *id,
                     struct error *error);

/* NULL: we do not have it. */
const struct seal_key *seal_keys_find(const struct seal_keys *keys,
                                      const uint8_t id[2]);
void seal_key_format_id(const struct seal_key *key, char out[SEAL_ID_TEXT]);

/* A new key, as text. */
void seal_keys_generate(char out[CRYPTO_TEXT]);

#endif
