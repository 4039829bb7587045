/* SPDX-License-Identifier: MIT */
/*
 * A query, read from the bytes of a message (RFC 1035, 4.1; EDNS: RFC 6891):
 *
 *   header   id, flags, how many questions (1), answers (0), authorities (0)
 *            and additional records (an OPT, if it speaks EDNS)
 *   question name, type, class
 *
 * No socket, no memory: bytes in, a struct out.
 */
#ifndef SHOAL_DNS_QUERY_H
#define SHOAL_DNS_QUERY_H

#include "label.h"

enum {
    QUERY_HEADER = 12,   /* bytes */
    QUERY_PLAIN = 512,   /* bytes of an answer without EDNS */
    QUERY_LARGEST = 1232 /* with it: what passes everywhere in one piece */
};

/* Types and classes. */
enum {
    DNS_A = 1,
    DNS_NS = 2,
    DNS_SOA = 6,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_SRV = 33,
    DNS_OPT = 41,
    DNS_IXFR = 251,
    DNS_AXFR = 252,
    DNS_ANY = 255,
    DNS_IN = 1
};

enum dns_rcode {
    DNS_NOERROR = 0,
    DNS_FORMERR = 1,
    DNS_NXDOMAIN = 3,
    DNS_NOTIMP = 4,
    DNS_REFUSED = 5,
    DNS_BADVERS = 16
};

/* Of the flags in a header. */
enum {
    DNS_QR = 0x8000, /* it is an answer */
    DNS_OPCODE = 0x7800,
    DNS_AA = 0x0400,
    DNS_TC = 0x0200,
    DNS_RD = 0x0100,
    DNS_CD = 0x0010
};

struct query {
    uint16_t id, flags;
    shoal_bytes question;   /* as it came; empty: there is none to repeat */
    struct label_name name; /* in small letters */
    uint16_t type, class;
    bool has_edns, wants_dnssec;
    uint16_t edns_size; /* that its sender takes */
};

/* false: not to be answered at all (no header, or an answer). Else what is
 * wrong with it (NOERROR: nothing), and as much of it as was read. */
bool query_read(shoal_bytes bytes, struct query *out, enum dns_rcode *wrong);

#endif
