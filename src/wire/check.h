/* SPDX-License-Identifier: MIT */
/*
 * Looks at MessagePack from outside before anything else does.
 *
 * msgpack-c believes a count it reads: the five bytes dd 10 00 00 00 make it
 * ask for 8 GB. So no byte from a network or a socket reaches it (nor any code
 * of ours that walks a value) before one of these functions has seen that the
 * value is whole: every length and count within the bytes there are, nesting
 * within a bound, no reserved byte (c1). They allocate nothing, do not recurse,
 * and look at each byte at most once.
 *
 *   the whole value is at hand (a packet)     check_value()
 *   it arrives in pieces (a stream)           check_init(), check_more()
 *   what is the next value?                   check_head()
 *
 * None of them asks for canonical form, nor for UTF-8 in strings.
 */
#ifndef SHOAL_WIRE_CHECK_H
#define SHOAL_WIRE_CHECK_H

#include "../shoal.h"

enum {
    /* Arrays and maps inside each other, in anything that travels in a packet:
     * [[1]] nests 2 deep, 1 does not nest. */
    CHECK_DEPTH = 8,
    /* The deepest that can be asked for: a control message around a list of
     * members around identities. */
    CHECK_DEEPEST = 16,
    /* check_more(): fine as far as it goes, more bytes are needed. */
    CHECK_TRUNCATED = 1
};

/* ---- The whole value is at hand ---- */

/* Is there one well-formed value at the start of `data` (borrowed for the
 * call)? 0, and `*used` is its size in bytes (`size - *used` follow it); or
 * SHOAL_ERR_MALFORMED: cut off, a reserved byte, a count or length above the
 * bytes left, or more than `max_depth` (at most CHECK_DEEPEST) containers
 * inside each other. A value that takes up all of `data` has *used == size. */
int check_value(const uint8_t *data, size_t size, unsigned max_depth,
                size_t *used);

/* ---- It arrives in pieces ---- */

/* Where a walk stopped. Only `used` is for reading. */
struct check {
    size_t used;    /* bytes of the values and container heads walked */
    size_t limit;   /* the value may have that many bytes */
    size_t pending; /* values announced and not walked, each at least a byte */
    unsigned depth, max_depth;
    size_t end[CHECK_DEEPEST]; /* `pending` when that container is complete */
};

/* Ready for a new value of at most `limit` bytes. */
void check_init(struct check *check, size_t limit, unsigned max_depth);

/* Goes on with the value that starts at data[0]. Call it again with all bytes
 * so far whenever some were added (the bytes may have moved; those walked
 * already are not looked at again, so that a value which trickles in costs no
 * more than one that comes at once).
 *   0                    the value is complete: `check->used` bytes; the next
 *                        one starts there, with a fresh check_init()
 *   CHECK_TRUNCATED      so far it is fine, and it is not complete
 *   SHOAL_ERR_MALFORMED  more bytes cannot mend it: reserved byte, too deep, or
 *                        it can only end beyond `limit` (known from its counts
 *                        and lengths, long before that many bytes came) */
int check_more(struct check *check, const uint8_t *data, size_t size);

/* ---- What is the next value? ---- */

typedef enum check_type {
    CHECK_NIL,
    CHECK_BOOL,
    CHECK_UINT, /* not negative, whatever its form */
    CHECK_INT,  /* negative, or in one of the signed forms */
    CHECK_FLOAT,
    CHECK_STR,
    CHECK_BIN,
    CHECK_EXT,
    CHECK_ARRAY,
    CHECK_MAP
} check_type;

/* The bytes a value begins with: the lead byte and its length or count. */
struct check_head {
    check_type type;
    uint8_t size;   /* of the head itself, 1 to 5 */
    uint64_t body;  /* bytes that follow it: of a str, bin or ext (its type byte
                       included) or of a number; 0 for array and map */
    uint64_t count; /* values that follow it: the elements of an array, keys and
                       values of a map (twice its count); else 0 */
};

/* Reads the head at data[0]. It is complete within `size`, the body and the
 * elements need not be. 0, CHECK_TRUNCATED or SHOAL_ERR_MALFORMED (c1). */
int check_head(const uint8_t *data, size_t size, struct check_head *head);

#endif
