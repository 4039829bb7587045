/* SPDX-License-Identifier: MIT */
/* The golden bytes of the default codec; docs/wire.md and spec/wire/golden.lua
 * have the same. */
#ifndef SPEC_GOLDEN_H
#define SPEC_GOLDEN_H

#include "../../src/shoal.h"
#include "expect.h"

/* Stock identities: {"addr": "a:1", "bump": 1} and so on. */
#define A "82a461646472a3613a31a462756d7001"
#define B "82a461646472a3623a32a462756d7002"
#define C "82a461646472a3633a33a462756d7003"
/* In the compact form: {"addr": "10.0.0.1:7946", "bump": 5}. */
#define D "c70c011f0a0a000001000000000005"

static const struct golden {
    uint8_t kind, number;
    uint16_t src_incarnation;
    const char *src, *dst, *peer;
    const char *header;
    bool wants_nack, has_digest;
    shoal_digest digest;
} golden[] = {
    {SHOAL_MSG_PING,
     7,
     0,
     A,
     B,
     NULL,
     "960100" A "00" B "07",
     false,
     false,
     {0, 0}},
    {SHOAL_MSG_ACK,
     7,
     3,
     B,
     A,
     NULL,
     "960101" B "03" A "07",
     false,
     false,
     {0, 0}},
    {SHOAL_MSG_PING_REQ,
     200,
     0,
     A,
     B,
     C,
     "970102" A "00" B "ccc8" C,
     false,
     false,
     {0, 0}},
    {SHOAL_MSG_INDIRECT_PING,
     200,
     3,
     B,
     C,
     A,
     "970103" B "03" C "ccc8" A,
     false,
     false,
     {0, 0}},
    {SHOAL_MSG_INDIRECT_ACK,
     200,
     127,
     C,
     B,
     A,
     "970104" C "7f" B "ccc8" A,
     false,
     false,
     {0, 0}},
    {SHOAL_MSG_FORWARDED_ACK,
     255,
     128,
     B,
     A,
     C,
     "970105" B "cc80" A "ccff" C,
     false,
     false,
     {0, 0}},
    {SHOAL_MSG_ANNOUNCE,
     0,
     65535,
     A,
     B,
     NULL,
     "950106" A "cdffff" B,
     false,
     false,
     {0, 0}},
    {SHOAL_MSG_FEED,
     0,
     256,
     B,
     A,
     NULL,
     "950107" B "cd0100" A,
     false,
     false,
     {0, 0}},
    {SHOAL_MSG_GOSSIP,
     0,
     255,
     A,
     C,
     NULL,
     "950108" A "ccff" C,
     false,
     false,
     {0, 0}},
    {SHOAL_MSG_BROADCAST,
     0,
     0,
     A,
     C,
     NULL,
     "950109" A "00" C,
     false,
     false,
     {0, 0}},
    {SHOAL_MSG_TURN_UNDEAD,
     0,
     0,
     C,
     A,
     NULL,
     "95010a" C "00" A,
     false,
     false,
     {0, 0}},
    {SHOAL_MSG_NACK,
     7,
     3,
     B,
     A,
     C,
     "97010b" B "03" A "07" C,
     false,
     false,
     {0, 0}},
    {SHOAL_MSG_REFUSED,
     0,
     1,
     B,
     C,
     NULL,
     "95010c" B "01" C,
     false,
     false,
     {0, 0}},
    {SHOAL_MSG_PING_REQ,
     7,
     0,
     A,
     B,
     C,
     "980102" A "00" B "07" C "c3",
     true,
     false,
     {0, 0}},
    {SHOAL_MSG_PING,
     7,
     0,
     A,
     B,
     NULL,
     "970100" A "00" B "07 92 03 ce01020304",
     false,
     true,
     {3, 0x01020304}},
    {SHOAL_MSG_ACK,
     7,
     3,
     B,
     A,
     NULL,
     "970101" B "03" A "07 92 ccc8 00",
     false,
     true,
     {200, 0}},
    {SHOAL_MSG_PING,
     7,
     0,
     D,
     A,
     NULL,
     "960100" D "00" A "07",
     false,
     false,
     {0, 0}},
    /* Identities of other types. */
    {SHOAL_MSG_PING,
     0,
     0,
     "01",
     "a3613a31",
     NULL,
     "960100"
     "01"
     "00"
     "a3613a31"
     "00",
     false,
     false,
     {0, 0}},
    {SHOAL_MSG_PING,
     0,
     0,
     "c40200ff",
     "9201c0",
     NULL,
     "960100"
     "c40200ff"
     "00"
     "9201c0"
     "00",
     false,
     false,
     {0, 0}},
};

static const struct golden_member {
    const char *id;
    uint16_t incarnation;
    uint8_t state;
    const char *from;
    const char *member;
} golden_members[] = {
    {A, 0, SHOAL_ALIVE, "", "93" A "0000"},
    {B, 200, SHOAL_SUSPECT, "", "93" B "ccc801"},
    {B, 3, SHOAL_SUSPECT, A, "94" B "0301" A},
    {B, 3, SHOAL_DOWN, "", "93" B "0302"},
    {C, 65535, SHOAL_DOWN, "", "93" C "cdffff02"},
    {B, 65535, SHOAL_DOWN, C, "94" B "cdffff02" C},
    {D, 5, SHOAL_ALIVE, "", "93" D "0500"},
    {"05", 7, SHOAL_ALIVE, "", "93050700"},
};

#define COUNT(list) (sizeof list / sizeof *list)

static inline shoal_bytes spanning(struct bytes bytes)
{
    return (shoal_bytes){bytes.data, bytes.size};
}

#endif
