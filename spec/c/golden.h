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

/* The hashes of these identities, and of their addresses. */
#define HASH_A             0x5946378b
#define HASH_A_HEX         "ce5946378b"
#define HASH_B             0x61655894
#define HASH_B_HEX         "ce61655894"
#define HASH_C             0x36e3e348
#define HASH_C_HEX         "ce36e3e348"
#define ADDRESS_HASH_B     0x4ad402ac
#define ADDRESS_HASH_B_HEX "ce4ad402ac"

static const struct golden {
    uint8_t kind, number;
    uint16_t src_incarnation;
    const char *src;
    uint32_t dst_hash;
    const char *peer;
    const char *header;
    bool wants_nack, has_digest;
    shoal_digest digest;
} golden[] = {
    {SHOAL_MSG_PING,
     7,
     0,
     A,
     HASH_B,
     NULL,
     "960100" A "00" HASH_B_HEX "07",
     false,
     false,
     {0, 0, 0, 0}},
    {SHOAL_MSG_ACK,
     7,
     3,
     B,
     HASH_A,
     NULL,
     "960101" B "03" HASH_A_HEX "07",
     false,
     false,
     {0, 0, 0, 0}},
    {SHOAL_MSG_PING_REQ,
     200,
     0,
     A,
     HASH_B,
     C,
     "970102" A "00" HASH_B_HEX "ccc8" C,
     false,
     false,
     {0, 0, 0, 0}},
    {SHOAL_MSG_INDIRECT_PING,
     200,
     3,
     B,
     HASH_C,
     A,
     "970103" B "03" HASH_C_HEX "ccc8" A,
     false,
     false,
     {0, 0, 0, 0}},
    {SHOAL_MSG_INDIRECT_ACK,
     200,
     127,
     C,
     HASH_B,
     A,
     "970104" C "7f" HASH_B_HEX "ccc8" A,
     false,
     false,
     {0, 0, 0, 0}},
    {SHOAL_MSG_FORWARDED_ACK,
     255,
     128,
     B,
     HASH_A,
     C,
     "970105" B "cc80" HASH_A_HEX "ccff" C,
     false,
     false,
     {0, 0, 0, 0}},
    {SHOAL_MSG_ANNOUNCE,
     0,
     65535,
     A,
     ADDRESS_HASH_B,
     NULL,
     "950106" A "cdffff" ADDRESS_HASH_B_HEX,
     false,
     false,
     {0, 0, 0, 0}},
    {SHOAL_MSG_FEED,
     0,
     256,
     B,
     HASH_A,
     NULL,
     "950107" B "cd0100" HASH_A_HEX,
     false,
     false,
     {0, 0, 0, 0}},
    {SHOAL_MSG_GOSSIP,
     0,
     255,
     A,
     HASH_C,
     NULL,
     "950108" A "ccff" HASH_C_HEX,
     false,
     false,
     {0, 0, 0, 0}},
    {SHOAL_MSG_BROADCAST,
     0,
     0,
     A,
     HASH_C,
     NULL,
     "950109" A "00" HASH_C_HEX,
     false,
     false,
     {0, 0, 0, 0}},
    {SHOAL_MSG_TURN_UNDEAD,
     0,
     0,
     C,
     HASH_A,
     NULL,
     "95010a" C "00" HASH_A_HEX,
     false,
     false,
     {0, 0, 0, 0}},
    {SHOAL_MSG_NACK,
     7,
     3,
     B,
     HASH_A,
     C,
     "97010b" B "03" HASH_A_HEX "07" C,
     false,
     false,
     {0, 0, 0, 0}},
    {SHOAL_MSG_REFUSED,
     0,
     1,
     B,
     HASH_C,
     NULL,
     "95010c" B "01" HASH_C_HEX,
     false,
     false,
     {0, 0, 0, 0}},
    {SHOAL_MSG_PING_REQ,
     7,
     0,
     A,
     HASH_B,
     C,
     "980102" A "00" HASH_B_HEX "07" C "c3",
     true,
     false,
     {0, 0, 0, 0}},
    {SHOAL_MSG_PING,
     7,
     0,
     A,
     HASH_B,
     NULL,
     "970100" A "00" HASH_B_HEX "07 92 03 ce01020304",
     false,
     true,
     {3, 0x01020304, 0, 0}},
    {SHOAL_MSG_ACK,
     7,
     3,
     B,
     HASH_A,
     NULL,
     "970101" B "03" HASH_A_HEX "07 92 ccc8 00",
     false,
     true,
     {200, 0, 0, 0}},
    {SHOAL_MSG_PING,
     7,
     0,
     D,
     HASH_A,
     NULL,
     "960100" D "00" HASH_A_HEX "07",
     false,
     false,
     {0, 0, 0, 0}},
    {SHOAL_MSG_ACK,
     7,
     3,
     B,
     HASH_A,
     NULL,
     "970101" B "03" HASH_A_HEX "07 93 05 06 cc81",
     false,
     true,
     {5, 6, 0x81, 0}},
    {SHOAL_MSG_EXCHANGE,
     0,
     0,
     A,
     HASH_B,
     NULL,
     "95010d" A "00" HASH_B_HEX,
     false,
     false,
     {0, 0, 0, 0}},
    /* Identities of other types. */
    {SHOAL_MSG_PING,
     0,
     0,
     "01",
     HASH_A,
     NULL,
     "960100"
     "01"
     "00" HASH_A_HEX "00",
     false,
     false,
     {0, 0, 0, 0}},
    {SHOAL_MSG_ACK,
     7,
     3,
     B,
     HASH_A,
     NULL,
     "970101" B "03" HASH_A_HEX "07940506"
     "00ce01020304",
     false,
     true,
     {5, 6, 0, 0x01020304}},
    {SHOAL_MSG_PING,
     0,
     0,
     "c40200ff",
     HASH_A,
     NULL,
     "960100"
     "c40200ff"
     "00" HASH_A_HEX "00",
     false,
     false,
     {0, 0, 0, 0}},
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
