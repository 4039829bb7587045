/* SPDX-License-Identifier: MIT */
#include "address.h"

#include "bytes.h"
#include "error.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* ---- Text to address ---- */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A port, or an interface: 0 to 65535; or -1. */
static int parse_number(const uint8_t *text, size_t size)
{
    int number = 0;
    size_t i;

    if (size == 0 || size > 5 || (size > 1 && text[0] == '0'))
        return -1;
    for (i = 0; i < size; i++) {
        if (!is_digit(text[i]))
            return -1;
        number = number * 10 + (text[i] - '0');
    }
    return number <= 65535 ? number : -1;
}

static void set_v4(struct endpoint *out, struct in_addr ip, uint16_t port)
{
    struct sockaddr_in *v4 = &out->address.as.v4;

    v4->sin_family = AF_INET;
    v4->sin_addr = ip;
    v4->sin_port = htons(port);
    out->address.size = sizeof *v4;
}

/* The zone of a link-local address: an interface's name, or its number. */
static bool parse_zone(const char *zone, uint32_t *out)
{
    int number = parse_number((const uint8_t *)zone, strlen(zone));

    *out = number > 0 ? (uint32_t)number : if_nametoindex(zone);
    return *out != 0;
}

static bool parse_v6(char *name, uint16_t port, struct endpoint *out)
{
    struct sockaddr_in6 *v6 = &out->address.as.v6;
    char *zone = strchr(name, '%');

    if (zone)
        *zone++ = '\0';
    if (zone && !parse_zone(zone, &v6->sin6_scope_id))
        return false;
    if (inet_pton(AF_INET6, name, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    out->address.size = sizeof *v6;
    return true;
}

/* A name of labels: letters, digits, '-' and '_'; no empty label, except the
 * one behind a final dot. */
static bool is_name(const char *name)
{
    const char *c;

    for (c = name; *c; c++) {
        if (*c == '.' && (c == name || c[-1] == '.'))
            return false;
        if (*c != '.' && *c != '-' && *c != '_' && !is_digit((uint8_t)*c) &&
            !is_letter((uint8_t)*c))
            return false;
    }
    return *name != '-';
}

static bool is_dotted_number(const char *name)
{
    return name[strspn(name, "0123456789.")] == '\0';
}

/* Where the host ends and the port begins. 0, or -1 and `error`. */
static int split(shoal_bytes text, size_t *host_size, bool *bracketed,
                 struct error *error)
{
    const char *shown = (const char *)text.data;
    int length = text.size > 80 ? 80 : (int)text.size;
    size_t colon = text.size;

    while (colon > 0 && text.data[colon - 1] != ':' &&
           text.data[colon - 1] != ']')
        colon--;
    if (colon == 0 || text.data[colon - 1] == ']')
        return error_fail(error, "'%.*s' has no port (expected host:port)",
                          length, shown);
    *host_size = colon - 1;
    *bracketed = *host_size > 0 && text.data[0] == '[';
    if (*bracketed && text.data[*host_size - 1] != ']')
        return error_fail(error, "'%.*s' lacks a closing bracket", length,
                          shown);
    if (!*bracketed && memchr(text.data, ':', *host_size))
        return error_fail(error,
                          "'%.*s': an IPv6 address needs brackets ([::1]:80)",
                          length, shown);
    if (*host_size == 0 || (*bracketed && *host_size == 2))
        return error_fail(error, "'%.*s' has no host (expected host:port)",
                          length, shown);
    return 0;
}

static int parse_host(char *name, bool bracketed, struct endpoint *out,
                      struct error *error)
{
    struct in_addr ip;
    char shown[ADDRESS_MAX_HOST];

    memcpy(shown, name, sizeof shown);
    if (bracketed) {
        if (!parse_v6(name, out->port, out))
            return error_fail(error, "'%.80s' is not an IPv6 address", shown);
        return 0;
    }
    if (is_dotted_number(name)) {
        if (inet_pton(AF_INET, name, &ip) != 1)
            return error_fail(error, "'%.80s' is not an IPv4 address", shown);
        set_v4(out, ip, out->port);
        return 0;
    }
    if (!is_name(name))
        return error_fail(error, "'%.80s' is not a host name", shown);
    out->is_name = true;
    memcpy(out->name, name, sizeof out->name);
    return 0;
}

int address_parse_endpoint(shoal_bytes text, struct endpoint *out,
                           struct error *error)
{
    char name[ADDRESS_MAX_HOST] = "";
    const uint8_t *begin = text.data;
    size_t size = 0;
    bool bracketed = false;
    int port;

    memset(out, 0, sizeof *out);
    if (text.size == 0)
        return error_fail(error, "the endpoint is empty (expected host:port)");
    if (split(text, &size, &bracketed, error) != 0)
        return -1;
    port = parse_number(text.data + size + 1, text.size - size - 1);
    if (port < 0)
        return error_fail(
            error, "'%.*s' is not a port (0 to 65535)",
            (int)(text.size - size > 21 ? 20 : text.size - size - 1),
            (const char *)text.data + size + 1);
    if (bracketed) {
        begin++;
        size -= 2;
    }
    if (size >= sizeof name || memchr(begin, '\0', size))
        return error_fail(error,
                          "the host of an endpoint must have at most %d bytes "
                          "and no zero byte",
                          ADDRESS_MAX_HOST - 1);
    memcpy(name, begin, size);
    out->port = (uint16_t)port;
    return parse_host(name, bracketed, out, error);
}

int address_parse_listener(const char *where, bool is_public,
                           const char *danger, struct address *out,
                           struct error *error)
{
    struct endpoint endpoint;

    if (address_parse_endpoint(bytes_of_text(where), &endpoint, error) != 0)
        return -1;
    if (endpoint.is_name)
        return error_fail(error, "%s is not an IP address", where);
    *out = endpoint.address;
    if (is_public || address_is_loopback(out))
        return 0;
    return error_fail(error,
                      "%s is not a loopback address: other hosts could %s",
                      where, danger);
}

/* ---- Address to text ---- */

static void format_v6(const struct sockaddr_in6 *v6, char *out)
{
    char ip[INET6_ADDRSTRLEN] = "", name[IF_NAMESIZE], zone[IF_NAMESIZE + 1];

    inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof ip);
    zone[0] = '\0';
    if (v6->sin6_scope_id != 0 && if_indextoname(v6->sin6_scope_id, name))
        snprintf(zone, sizeof zone, "%%%s", name);
    else if (v6->sin6_scope_id != 0)
        snprintf(zone, sizeof zone, "%%%u", (unsigned)v6->sin6_scope_id);
    snprintf(out, ADDRESS_MAX_ENDPOINT, "[%s%s]:%u", ip, zone,
             (unsigned)ntohs(v6->sin6_port));
}

void address_format(const struct address *address, char *out)
{
    char ip[INET_ADDRSTRLEN] = "";

    if (address->as.any.sa_family == AF_INET6) {
        format_v6(&address->as.v6, out);
        return;
    }
    inet_ntop(AF_INET, &address->as.v4.sin_addr, ip, sizeof ip);
    snprintf(out, ADDRESS_MAX_ENDPOINT, "%s:%u", ip,
             (unsigned)ntohs(address->as.v4.sin_port));
}

/* ---- What an address is ---- */

bool address_equal_host(const struct address *a, const struct address *b)
{
    const struct sockaddr_in6 *x = &a->as.v6, *y = &b->as.v6;

    if (a->as.any.sa_family != b->as.any.sa_family)
        return false;
    if (a->as.any.sa_family == AF_INET)
        return a->as.v4.sin_addr.s_addr == b->as.v4.sin_addr.s_addr;
    return memcmp(&x->sin6_addr, &y->sin6_addr, sizeof x->sin6_addr) == 0 &&
           x->sin6_scope_id == y->sin6_scope_id;
}

bool address_equal(const struct address *a, const struct address *b)
{
    return address_port(a) == address_port(b) && address_equal_host(a, b);
}

uint16_t address_port(const struct address *address)
{
    if (address->as.any.sa_family == AF_INET6)
        return ntohs(address->as.v6.sin6_port);
    return ntohs(address->as.v4.sin_port);
}

void address_set_port(struct address *address, uint16_t port)
{
    if (address->as.any.sa_family == AF_INET6)
        address->as.v6.sin6_port = htons(port);
    else
        address->as.v4.sin_port = htons(port);
}

bool address_is_wildcard(const struct address *address)
{
    if (address->as.any.sa_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&address->as.v6.sin6_addr);
    return address->as.v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

bool address_is_many(const struct address *address)
{
    static const uint32_t MULTICAST = 0xe0000000;
    static const uint32_t LOOPBACK_BROADCAST = 0x7fffffff;
    struct address plain = address_plain(address);
    uint32_t v4;

    if (plain.as.any.sa_family == AF_INET6)
        return IN6_IS_ADDR_MULTICAST(&plain.as.v6.sin6_addr);
    v4 = ntohl(plain.as.v4.sin_addr.s_addr);
    return v4 >= MULTICAST || v4 == LOOPBACK_BROADCAST;
}

bool address_is_loopback(const struct address *address)
{
    const uint32_t net = 127u << 24, mask = 255u << 24;

    if (address->as.any.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&address->as.v6.sin6_addr);
    return (ntohl(address->as.v4.sin_addr.s_addr) & mask) == net;
}

static void map_to_v6(struct address *address)
{
    struct sockaddr_in v4 = address->as.v4;
    struct sockaddr_in6 *v6 = &address->as.v6;

    memset(v6, 0, sizeof *v6);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = v4.sin_port;
    v6->sin6_addr.s6_addr[10] = v6->sin6_addr.s6_addr[11] = 0xff;
    memcpy(&v6->sin6_addr.s6_addr[12], &v4.sin_addr, sizeof v4.sin_addr);
    address->size = sizeof *v6;
}

static void unmap_to_v4(struct address *address)
{
    struct sockaddr_in6 v6 = address->as.v6;
    struct sockaddr_in *v4 = &address->as.v4;

    memset(v4, 0, sizeof *v4);
    v4->sin_family = AF_INET;
    v4->sin_port = v6.sin6_port;
    memcpy(&v4->sin_addr, &v6.sin6_addr.s6_addr[12], sizeof v4->sin_addr);
    address->size = sizeof *v4;
}

static bool adapt_family(struct address *address, struct address_reach reach)
{
    bool is_v6 = address->as.any.sa_family == AF_INET6;
    bool is_mapped = is_v6 && IN6_IS_ADDR_V4MAPPED(&address->as.v6.sin6_addr);

    if (reach.family == AF_INET6 && is_v6)
        return reach.dual || !is_mapped;
    if (reach.family == AF_INET6) {
        map_to_v6(address);
        return reach.dual;
    }
    if (is_mapped)
        unmap_to_v4(address);
    return !is_v6 || is_mapped;
}

/* Nowhere in particular is here, too. */
bool address_adapt(struct address *address, struct address_reach reach)
{
    return adapt_family(address, reach) &&
           (!reach.loopback || address_is_loopback(address) ||
            address_is_wildcard(address));
}

struct address address_plain(const struct address *address)
{
    const struct address_reach v4 = {.family = AF_INET};
    struct address copy = *address;

    return adapt_family(&copy, v4) ? copy : *address;
}
