/* SPDX-License-Identifier: MIT */
/*
 * "10.0.0.1:7946" and "[2001:db8::1]:7946": an IP address and a port as text.
 * Each has one text, that of RFC 5952, and others are not read: so text and
 * bytes can stand for each other. An IPv4 address that is written as an IPv6
 * one (::ffff:0:0/96) has none.
 */
#ifndef SHOAL_WIRE_IP_TEXT_H
#define SHOAL_WIRE_IP_TEXT_H

#include "../shoal.h"

enum {
    IP_V4 = 4,
    IP_V6 = 16,
    IP_TEXT_MAX = 47 /* [8 groups of 4 digits]:65535 */
};

struct ip_port {
    uint8_t ip[IP_V6];
    uint8_t size; /* of `ip`: IP_V4 or IP_V6 */
    uint16_t port;
};

/* false: it is no such text. */
bool ip_text_read(shoal_bytes text, struct ip_port *out);
/* Writes it to `out` (IP_TEXT_MAX bytes) and returns its size; 0: it has none.
 */
size_t ip_text_write(const struct ip_port *address, uint8_t *out);

#endif
