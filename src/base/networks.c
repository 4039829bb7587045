/* SPDX-License-Identifier: MIT */
#include "networks.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = INET6_ADDRSTRLEN };

static bool read_address(const char *text, size_t size, struct network *out)
{
    char copy[MAX_TEXT];

    if (size == 0 || size >= sizeof copy)
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    out->family = memchr(copy, ':', size) ? AF_INET6 : AF_INET;
    out->bits = out->family == AF_INET6 ? 128 : 32;
    return inet_pton(out->family, copy, out->bytes) == 1;
}

/* "8" of "10.0.0.0/8", no sign, no leading zero. */
static bool read_bits(const char *text, unsigned *bits)
{
    unsigned most = *bits;
    size_t size = strspn(text, "0123456789");

    if (size == 0 || size > 3 || text[size] != '\0' ||
        (size > 1 && *text == '0'))
        return false;
    *bits = (unsigned)strtoul(text, NULL, 10);
    return *bits <= most;
}

static bool bit_of(const uint8_t *bytes, unsigned i)
{
    return bytes[i / 8] >> (7 - i % 8) & 1;
}

/* "10.1.2.3/8" is rather a typing error than 10.0.0.0/8. */
static bool has_more_bits(const struct network *network)
{
    unsigned all = network->family == AF_INET6 ? 128 : 32, i;

    for (i = network->bits; i < all; i++)
        if (bit_of(network->bytes, i))
            return true;
    return false;
}

static int parse(const char *text, struct network *out, struct error *error)
{
    size_t size = strcspn(text, "/");

    memset(out, 0, sizeof *out);
    if (!read_address(text, size, out) ||
        (text[size] == '/' && !read_bits(text + size + 1, &out->bits)))
        return error_fail(error,
                          "'%.80s' is not a network (such as 10.0.0.0/8 or "
                          "fd00::/8)",
                          text);
    if (has_more_bits(out))
        return error_fail(
            error, "'%.80s' has an address with bits behind the prefix", text);
    return 0;
}

int networks_add(struct networks *networks, const char *text,
                 struct error *error)
{
    struct network network, *grown;

    if (parse(text, &network, error) != 0)
        return -1;
    grown = realloc(networks->list, (networks->count + 1) * sizeof *grown);
    if (!grown)
        return error_fail(error, "out of memory");
    networks->list = grown;
    networks->list[networks->count++] = network;
    return 0;
}

void networks_clear(struct networks *networks)
{
    free(networks->list);
    *networks = (struct networks){NULL, 0};
}

static bool is_in(const struct network *network, const uint8_t *bytes)
{
    unsigned whole = network->bits / 8, i;

    if (memcmp(network->bytes, bytes, whole) != 0)
        return false;
    for (i = whole * 8; i < network->bits; i++)
        if (bit_of(network->bytes, i) != bit_of(bytes, i))
            return false;
    return true;
}

bool networks_have(const struct networks *networks,
                   const struct address *address)
{
    struct address plain = address_plain(address);
    sa_family_t family = plain.as.any.sa_family;
    const void *bytes = family == AF_INET6
                            ? (const void *)&plain.as.v6.sin6_addr
                            : (const void *)&plain.as.v4.sin_addr;
    size_t i;

    for (i = 0; i < networks->count; i++)
        if (networks->list[i].family == family &&
            is_in(&networks->list[i], bytes))
            return true;
    return networks->count == 0;
}
