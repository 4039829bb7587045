/* SPDX-License-Identifier: MIT */
/*
 * Reading is lax: what was read is written again, and only if that is the same
 * text, it was one.
 */
#include "ip_text.h"

#include "../base/bytes.h"

enum { GROUPS = IP_V6 / 2, NO_GAP = GROUPS + 1 };

/* ---- Writing ---- */

static uint8_t *put_number(uint8_t *out, unsigned number, unsigned base)
{
    uint8_t digits[5];
    unsigned count = 0;

    do {
        digits[count++] = (uint8_t) "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0);
    while (count > 0)
        *out++ = digits[--count];
    return out;
}

static uint8_t *put_v4(uint8_t *out, const uint8_t *ip)
{
    for (unsigned i = 0; i < IP_V4; i++) {
        if (i > 0)
            *out++ = '.';
        out = put_number(out, ip[i], 10);
    }
    return out;
}

static unsigned zeros_at(const uint8_t *ip, unsigned group)
{
    unsigned count = 0;

    while (group + count < GROUPS && bytes_u16be(ip + 2 * (group + count)) == 0)
        count++;
    return count;
}

/* RFC 5952, 4.2: the longest run of zeros, the first of those, but no single
 * one. */
static unsigned find_gap(const uint8_t *ip, unsigned *longest)
{
    unsigned gap = NO_GAP;

    *longest = 1;
    for (unsigned i = 0; i < GROUPS; i++) {
        unsigned count = zeros_at(ip, i);

        if (count > *longest) {
            *longest = count;
            gap = i;
        }
    }
    return gap;
}

static uint8_t *put_v6(uint8_t *out, const uint8_t *ip)
{
    unsigned zeros, gap = find_gap(ip, &zeros);

    *out++ = '[';
    for (unsigned i = 0; i < GROUPS; i++) {
        if (i == gap) {
            *out++ = ':';
            *out++ = ':';
            i += zeros - 1;
            continue;
        }
        if (i > 0 && i != gap + zeros)
            *out++ = ':';
        out = put_number(out, bytes_u16be(ip + 2 * i), 16);
    }
    *out++ = ']';
    return out;
}

static bool is_mapped_v4(const uint8_t *ip)
{
    static const uint8_t prefix[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    return memcmp(ip, prefix, sizeof prefix) == 0;
}

size_t ip_text_write(const struct ip_port *address, uint8_t *out)
{
    uint8_t *end;

    if (address->size == IP_V6 && is_mapped_v4(address->ip))
        return 0;
    end = address->size == IP_V4 ? put_v4(out, address->ip)
                                 : put_v6(out, address->ip);
    *end++ = ':';
    end = put_number(end, address->port, 10);
    return (size_t)(end - out);
}

/* ---- Reading ---- */

/* What is left of the text. */
struct scan {
    const uint8_t *at, *end;
};

static int digit_of(uint8_t c, int base)
{
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                       : base;

    return digit < base ? digit : -1;
}

/* false: it does not begin with a number, or that is too large. */
static bool scan_number(struct scan *scan, int base, unsigned max,
                        unsigned *number)
{
    const uint8_t *begin = scan->at;

    for (*number = 0; scan->at < scan->end && *number <= max; scan->at++) {
        int digit = digit_of(*scan->at, base);

        if (digit < 0)
            break;
        *number = *number * (unsigned)base + (unsigned)digit;
    }
    return scan->at > begin && *number <= max;
}

static bool skip(struct scan *scan, uint8_t c)
{
    bool is_next = scan->at < scan->end && *scan->at == c;

    scan->at += is_next;
    return is_next;
}

static bool scan_v4(struct scan *scan, uint8_t *ip)
{
    for (unsigned i = 0; i < IP_V4; i++) {
        unsigned number;

        if ((i > 0 && !skip(scan, '.')) || !scan_number(scan, 10, 255, &number))
            return false;
        ip[i] = (uint8_t)number;
    }
    return true;
}

/* The groups go to the front; those behind the gap are moved to the end. */
static bool scan_v6(struct scan *scan, uint8_t *ip)
{
    unsigned count = 0, gap = NO_GAP, group;

    while (!skip(scan, ']')) {
        if (skip(scan, ':')) {
            if (skip(scan, ':'))
                gap = count;
            continue;
        }
        if (count == GROUPS || !scan_number(scan, 16, UINT16_MAX, &group))
            return false;
        bytes_put_u16be(ip + 2 * count++, group);
    }
    if (gap <= count) {
        memmove(ip + 2 * (GROUPS - count + gap), ip + 2 * gap,
                2 * (size_t)(count - gap));
        memset(ip + 2 * gap, 0, 2 * (size_t)(GROUPS - count));
    }
    return gap <= count || count == GROUPS;
}

bool ip_text_read(shoal_bytes text, struct ip_port *out)
{
    uint8_t again[IP_TEXT_MAX];
    struct scan scan;
    unsigned port;
    bool is_v6;

    if (text.size == 0 || text.size > IP_TEXT_MAX)
        return false;
    scan = (struct scan){text.data, text.data + text.size};
    is_v6 = skip(&scan, '[');
    *out = (struct ip_port){.size = is_v6 ? IP_V6 : IP_V4};
    if (!(is_v6 ? scan_v6(&scan, out->ip) : scan_v4(&scan, out->ip)) ||
        !skip(&scan, ':') || !scan_number(&scan, 10, UINT16_MAX, &port))
        return false;
    out->port = (uint16_t)port;
    return bytes_equal(text, bytes_of(again, ip_text_write(out, again)));
}
