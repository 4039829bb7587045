/* SPDX-License-Identifier: MIT */
/*
 * What the address of a seed is to us: our own, a member's, a stranger's.
 *
 * Operators give all members one list of seeds, or one name for all of them. A
 * packet to ourselves would be lost instead of asking somebody. We answer at
 * the endpoint that our identity names, and where the socket is bound: a
 * wildcard is bound to each address of this host.
 */
#include "../base/bytes.h"
#include "node.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Packets to a local address come from there; nothing is sent to find out. */
static bool is_local(const struct address *address)
{
    struct address source = {.size = sizeof source.as};
    int family = address->as.any.sa_family;
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool local;

    if (fd < 0)
        return false;
    local = connect(fd, &address->as.any, address->size) == 0 &&
            getsockname(fd, &source.as.any, &source.size) == 0 &&
            address_equal_host(&source, address);
    close(fd);
    return local;
}

bool seed_standing_is_bound(const host *node, const struct address *address)
{
    struct address bound = address_plain(&node->udp.bound);
    bool everywhere = address_is_wildcard(&bound);

    if (address_port(address) != address_port(&bound))
        return false;
    /* What is sent to a wildcard goes to the loopback. */
    if (address_is_wildcard(address))
        return everywhere || address_is_loopback(&bound);
    if (everywhere)
        return address_is_loopback(address) || is_local(address);
    return address_equal(address, &bound);
}

static bool is_advertised(host *node, const struct address *address)
{
    return endpoint_cache_has(&node->endpoints,
                              shoal_self(node->engine).endpoint, address);
}

static bool is_ours(host *node, const char *text)
{
    shoal_bytes ours = shoal_self(node->engine).endpoint;
    struct endpoint endpoint;
    struct address address;

    if (bytes_equal(ours, bytes_of_text(text)))
        return true;
    if (address_parse_endpoint(bytes_of_text(text), &endpoint, NULL) != 0 ||
        endpoint.is_name)
        return false;
    address = address_plain(&endpoint.address);
    return seed_standing_is_bound(node, &address) ||
           is_advertised(node, &address);
}

enum seeds_standing seed_standing_of(void *context, const char *address)
{
    host *node = context;
    shoal_member member;

    if (is_ours(node, address))
        return SEEDS_OURS;
    return shoal_find_endpoint(node->engine, bytes_of_text(address), &member)
               ? SEEDS_MEMBER
               : SEEDS_STRANGER;
}
