/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void trim(const char **text, size_t *size)
{
    while (*size > 0 && is_blank((*text)[0])) {
        (*text)++;
        (*size)--;
    }
    while (*size > 0 && is_blank((*text)[*size - 1]))
        (*size)--;
}

static int append(struct seal_keys *keys, const struct seal_key *key,
                  struct error *error)
{
    const struct seal_key *same = seal_keys_find(keys, key->id);
    char id[SEAL_ID_TEXT];

    seal_key_format_id(key, id);
    if (same && memcmp(same->bytes, key->bytes, CRYPTO_KEY) == 0)
        return error_fail(error, "the key %s is there already", id);
    if (same)
        return error_fail(
            error, "two different keys have the id %s: make another one", id);
    if (keys->count == SEAL_MAX_KEYS)
        return error_fail(error,
                          "there are %d keys already, the most there "
                          "can be: remove one first",
                          SEAL_MAX_KEYS);
    keys->list[keys->count++] = *key;
    return 0;
}

int seal_keys_add(struct seal_keys *keys, const char *text, size_t size,
                  struct error *error)
{
    struct seal_key key = {.stage = 0};
    int result;

    trim(&text, &size);
    if (!crypto_key_from_text(text, size, key.bytes))
        result =
            error_fail(error, "a key is 32 bytes in base64, 44 characters, "
                              "as 'shoal keygen' makes it");
    else {
        crypto_key_id(key.bytes, key.id);
        result = append(keys, &key, error);
    }
    crypto_wipe(&key, sizeof key);
    return result;
}

int seal_keys_put(struct seal_keys *keys, const struct seal_key *key,
                  struct error *error)
{
    struct seal_key copy = *key;
    int result;

    crypto_key_id(copy.bytes, copy.id);
    result = append(keys, &copy, error);
    crypto_wipe(&copy, sizeof copy);
    return result;
}

/* The line that `*text` begins with; moves behind it. */
static size_t take_line(const char **text, size_t *size, const char **line)
{
    const char *end = memchr(*text, '\n', *size);
    size_t length = end ? (size_t)(end - *text) : *size;

    *line = *text;
    *text += end ? length + 1 : length;
    *size -= end ? length + 1 : length;
    return length;
}

int seal_keys_read(struct seal_keys *keys, const char *text, size_t size,
                   struct error *error)
{
    struct seal_keys read = {0};
    struct error problem;
    int result = 0, number = 0;

    while (size > 0 && result == 0) {
        const char *line;
        size_t length = take_line(&text, &size, &line);

        number++;
        trim(&line, &length);
        if (length == 0 || *line == '#')
            continue;
        result = seal_keys_add(&read, line, length, &problem);
        if (result != 0)
            error_fail(error, "line %d: %.400s", number, problem.text);
    }
    if (result == 0 && read.count == 0)
        result = error_fail(error, "there is no key in it");
    if (result == 0)
        *keys = read;
    crypto_wipe(&read, sizeof read);
    return result;
}

void seal_key_format_id(const struct seal_key *key, char out[SEAL_ID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    int i;

    for (i = 0; i < 2; i++) {
        out[2 * i] = digits[key->id[i] >> 4];
        out[2 * i + 1] = digits[key->id[i] & 15];
    }
    out[4] = '\0';
}

const struct seal_key *seal_keys_find(const struct seal_keys *keys,
                                      const uint8_t id[2])
{
    unsigned i;

    for (i = 0; i < keys->count; i++)
        if (memcmp(keys->list[i].id, id, 2) == 0)
            return &keys->list[i];
    return NULL;
}

/* Its place, or -1 with `error`. */
static int find_text(const struct seal_keys *keys, const char *id,
                     struct error *error)
{
    char text[SEAL_ID_TEXT];
    unsigned i;

    for (i = 0; i < keys->count; i++) {
        seal_key_format_id(&keys->list[i], text);
        if (strcmp(text, id) == 0)
            return (int)i;
    }
    return error_fail(error, "there is no key with the id '%.32s'", id);
}

int seal_keys_use(struct seal_keys *keys, const char *id, struct error *error)
{
    int place = find_text(keys, id, error);
    struct seal_key key;

    if (place < 0)
        return -1;
    key = keys->list[place];
    memmove(keys->list + 1, keys->list, (size_t)place * sizeof key);
    keys->list[0] = key;
    crypto_wipe(&key, sizeof key);
    return 0;
}

int seal_keys_remove(struct seal_keys *keys, const char *id,
                     struct error *error)
{
    int place = find_text(keys, id, error);

    if (place < 0)
        return -1;
    if (place == 0)
        return error_fail(error, "the key %s is in use: use another one first",
                          id);
    memmove(keys->list + place, keys->list + place + 1,
            (keys->count - (unsigned)place - 1) * sizeof *keys->list);
    crypto_wipe(&keys->list[--keys->count], sizeof *keys->list);
    return 0;
}

void seal_keys_generate(char out[CRYPTO_TEXT])
{
    uint8_t key[CRYPTO_KEY];

    crypto_random(key, sizeof key);
    crypto_key_to_text(key, out);
    crypto_wipe(key, sizeof key);
}
