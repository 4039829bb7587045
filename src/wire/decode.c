/* SPDX-License-Identifier: MIT */
/*
 * Reads headers and members out of bytes that anybody may have sent. Each
 * element is checked before it is read. Identities are not read at all: once
 * checked, they are spans of the packet.
 *
 * A reader remembers that something was wrong, so that the layouts below read
 * like the pictures in wire.h.
 */
#include "wire.h"

#include "compact.h"
#include "walk.h"

struct reader {
    const uint8_t *at;
    size_t left;
    bool failed;
};

/* cc, cd, ce, cf and 1, 2, 4 or 8 big-endian bytes: every digest has them.
 * false: another form, or not all of it. */
static inline bool read_unsigned(const uint8_t *data, size_t size,
                                 uint64_t *value, size_t *used)
{
    unsigned form = size > 0 ? data[0] - 0xccu : 4;
    size_t bytes = (size_t)1 << (form & 3);

    if (form > 3 || bytes > size - 1)
        return false;
    *value = form == 2 ? bytes_u32be(data + 1) /* one load */
                       : bytes_big_endian(data + 1, bytes);
    *used = 1 + bytes;
    return true;
}

int wire_read_uint(const uint8_t *data, size_t size, uint64_t max,
                   uint64_t *value, size_t *used)
{
    struct check_head head;
    struct integer number;

    if (read_unsigned(data, size, value, used))
        return *value <= max ? 0 : SHOAL_ERR_MALFORMED;
    if (check_head(data, size, &head) || head.type > CHECK_INT ||
        head.type < CHECK_UINT || head.body > size - 1)
        return SHOAL_ERR_MALFORMED;
    number = read_integer(&head, data + head.size);
    if (number.negative || number.bits > max)
        return SHOAL_ERR_MALFORMED;
    *value = number.bits;
    *used = head.size + (size_t)head.body;
    return 0;
}

static struct reader start(shoal_bytes bytes)
{
    struct reader reader = {bytes.data, bytes.size, false};

    return reader;
}

static inline void advance(struct reader *reader, size_t size)
{
    reader->at += size;
    reader->left -= size;
}

/* How many elements follow; 0 when it is no array, or cannot be true. */
static inline uint64_t read_array(struct reader *reader)
{
    struct check_head head;
    uint8_t lead = reader->left > 0 ? reader->at[0] : 0;

    if ((lead & 0xf0) == 0x90 && (lead & 0x0fu) < reader->left) {
        advance(reader, 1);
        return lead & 0x0fu;
    }
    if (check_head(reader->at, reader->left, &head) ||
        head.type != CHECK_ARRAY || head.count > reader->left - head.size) {
        reader->failed = true;
        return 0;
    }
    advance(reader, head.size);
    return head.count;
}

static inline uint64_t read_uint(struct reader *reader, uint64_t max)
{
    uint64_t value;
    size_t used = 1;

    if (reader->failed)
        return 0;
    if (reader->left > 0 && reader->at[0] <= max && reader->at[0] < 0x80)
        value = reader->at[0]; /* a positive fixint is its own value */
    else if (read_unsigned(reader->at, reader->left, &value, &used) &&
             value <= max)
        ; /* and those have all their bits behind the lead */
    else if (wire_read_uint(reader->at, reader->left, max, &value, &used)) {
        reader->failed = true;
        return 0;
    }
    advance(reader, used);
    return value;
}

/* The next value, whatever it is, when it takes at most `max` bytes. */
static shoal_bytes read_value(struct reader *reader, size_t max)
{
    shoal_bytes value = {NULL, 0};

    if (reader->failed)
        return value;
    if (max > reader->left)
        max = reader->left;
    if (check_value(reader->at, max, CHECK_DEPTH, &value.size)) {
        reader->failed = true;
        return value;
    }
    value.data = reader->at;
    advance(reader, value.size);
    return value;
}

/* Is the next value `true`? Any other one says no. */
static bool read_true(struct reader *reader)
{
    shoal_bytes value = read_value(reader, reader->left);

    return value.size == 1 && value.data[0] == 0xc3;
}

/* [members, sum[, without[, streams]]]; anything else says nothing. */
static bool read_digest(struct reader *reader, shoal_digest *digest)
{
    uint8_t head = reader->left > 0 ? reader->at[0] : 0;

    if (head < 0x92 || head > 0x94) {
        read_value(reader, reader->left);
        return false;
    }
    read_array(reader);
    digest->members = (uint32_t)read_uint(reader, UINT32_MAX);
    digest->sum = (uint32_t)read_uint(reader, UINT32_MAX);
    digest->without = digest->streams = 0;
    if (head > 0x92)
        digest->without = (uint8_t)read_uint(reader, UINT8_MAX);
    if (head > 0x93)
        digest->streams = (uint32_t)read_uint(reader, UINT32_MAX);
    return true;
}

/* [cookie] or [cookie, echo]; anything else says nothing. */
static void read_cookies(struct reader *reader, shoal_header *header)
{
    bool both = reader->left > 0 && reader->at[0] == 0x92;

    if (!both && (reader->left == 0 || reader->at[0] != 0x91)) {
        read_value(reader, reader->left);
        return;
    }
    read_array(reader);
    header->cookie = (uint32_t)read_uint(reader, UINT32_MAX);
    header->echo = both ? (uint32_t)read_uint(reader, UINT32_MAX) : 0;
}

static shoal_bytes read_identity(struct reader *reader)
{
    size_t span = compact_span(reader->at, reader->failed ? 0 : reader->left);
    shoal_bytes identity = {reader->at, span};

    if (span == 0)
        return read_value(reader, SHOAL_MAX_IDENTITY);
    advance(reader, span);
    return identity;
}

/* An identity that need not be there: nil keeps its place when something else
 * comes behind it. */
static shoal_bytes read_optional_identity(struct reader *reader)
{
    static const shoal_bytes none = {NULL, 0};
    shoal_bytes id = read_identity(reader);

    return id.size == 1 && id.data[0] == 0xc0 ? none : id;
}

/* The rest of an array: elements of a later version, which we need not know. */
static void skip(struct reader *reader, uint64_t elements)
{
    while (elements-- > 0 && !reader->failed)
        read_value(reader, reader->left);
}

/* A header that is not for us to understand; was it one at all? */
static int refuse(struct reader *reader, uint64_t elements)
{
    skip(reader, elements);
    return reader->failed ? SHOAL_ERR_MALFORMED : SHOAL_ERR_UNSUPPORTED;
}

/* What follows version and kind in an array of `elements`. */
static void read_header(struct reader *reader, uint64_t elements,
                        shoal_header *header)
{
    static const shoal_bytes none = {NULL, 0};
    unsigned needed = wire_elements(header->kind);

    if (elements < needed) {
        reader->failed = true;
        return;
    }
    header->src = read_identity(reader);
    header->src_incarnation = (uint16_t)read_uint(reader, UINT16_MAX);
    header->dst = none;
    header->dst_hash = (uint32_t)read_uint(reader, UINT32_MAX);
    header->number = 0;
    if (needed > WIRE_NUMBER)
        header->number = (uint8_t)read_uint(reader, UINT8_MAX);
    header->peer = needed > WIRE_PEER ? read_identity(reader) : none;
    header->wants_nack = header->has_digest = false;
    if (wire_can_compare(header->kind) && elements > WIRE_DIGEST) {
        header->has_digest = read_digest(reader, &header->digest);
        needed++;
    }
    if (header->kind == SHOAL_MSG_PING_REQ && elements > WIRE_NACK) {
        header->wants_nack = read_true(reader);
        needed++;
    }
    header->cookie = header->echo = header->padding = 0;
    if (elements > WIRE_COOKIES) {
        skip(reader, WIRE_COOKIES - needed);
        read_cookies(reader, header);
        needed = WIRE_COOKIES + 1;
    }
    skip(reader, elements - needed);
}

int wire_decode_header(void *context, shoal_bytes packet, shoal_header *header,
                       size_t *used)
{
    struct reader reader = start(packet);
    uint64_t elements = read_array(&reader);
    uint64_t version, kind;

    (void)context;
    version = read_uint(&reader, UINT64_MAX);
    if (reader.failed || elements < 1)
        return SHOAL_ERR_MALFORMED;
    if (version != WIRE_VERSION)
        return refuse(&reader, elements - 1);
    kind = read_uint(&reader, UINT64_MAX);
    if (reader.failed || elements < WIRE_NUMBER)
        return SHOAL_ERR_MALFORMED;
    header->no_tags = kind < 2 * WIRE_KIND_NO_TAGS && kind & WIRE_KIND_NO_TAGS;
    kind -= header->no_tags ? WIRE_KIND_NO_TAGS : 0;
    if (kind >= SHOAL_NUM_MESSAGES)
        return refuse(&reader, elements - 2);
    header->kind = (uint8_t)kind;
    read_header(&reader, elements, header);
    if (reader.failed)
        return SHOAL_ERR_MALFORMED;
    *used = packet.size - reader.left;
    return 0;
}

shoal_bytes wire_peek_source(void *context, shoal_bytes packet)
{
    static const shoal_bytes none = {NULL, 0};
    struct reader reader = start(packet);

    (void)context;
    if (read_array(&reader) < WIRE_NUMBER ||
        read_uint(&reader, WIRE_VERSION) != WIRE_VERSION)
        return none;
    read_uint(&reader, UINT64_MAX); /* the kind, whichever it is */
    return read_identity(&reader);
}

/* A bin of that many bytes at the most. */
static shoal_bytes read_bin(struct reader *reader, size_t max)
{
    shoal_bytes value = read_value(reader, reader->left);
    size_t head = 0;

    if (value.size >= 2 && value.data[0] == 0xc4)
        head = 2;
    else if (value.size >= 3 && value.data[0] == 0xc5)
        head = 3;
    if (head == 0 || value.size - head > max) {
        reader->failed = true;
        return (shoal_bytes){NULL, 0};
    }
    return (shoal_bytes){value.data + head, value.size - head};
}

static bool is_bin(const struct reader *reader)
{
    return reader->left > 0 && reader->at[0] >= 0xc4 && reader->at[0] <= 0xc6;
}

static bool is_delta(const struct reader *reader)
{
    return reader->left > 0 && reader->at[0] == (0x90 | WIRE_DELTA_ELEMENTS);
}

static void read_delta(struct reader *reader, shoal_update *member)
{
    read_array(reader);
    member->tags_base = read_uint(reader, WIRE_MAX_VERSION);
    member->tags_prefix = (uint16_t)read_uint(reader, SHOAL_MAX_TAGS);
    member->tags_suffix = (uint16_t)read_uint(reader, SHOAL_MAX_TAGS);
    member->tags = read_bin(reader, SHOAL_MAX_TAGS);
    if (member->tags_base == 0 || member->tags_base >= member->tags_version ||
        (uint32_t)member->tags_prefix + member->tags_suffix +
                member->tags.size >
            SHOAL_MAX_TAGS)
        reader->failed = true;
}

/* Version and tags, what is new in them, or their size: both or neither, and
 * never of a down member. */
static void read_tags(struct reader *reader, uint64_t elements,
                      shoal_update *member)
{
    member->tags_version = read_uint(reader, WIRE_MAX_VERSION);
    if (elements < 2 || member->tags_version == 0 ||
        member->state == SHOAL_DOWN || member->no_tags)
        reader->failed = true;
    else if (is_bin(reader))
        member->tags = read_bin(reader, SHOAL_MAX_TAGS);
    else if (is_delta(reader))
        read_delta(reader, member);
    else {
        member->tags_size = (uint16_t)read_uint(reader, SHOAL_MAX_TAGS);
        reader->failed |= member->tags_size == 0;
    }
}

/* "Down" and "no tags" do not go together. */
static void read_state(struct reader *reader, shoal_update *member)
{
    uint64_t state = read_uint(reader, WIRE_STATE_NO_TAGS + SHOAL_SUSPECT);
    member->no_tags = state & WIRE_STATE_NO_TAGS;
    member->state = state & ~(uint64_t)WIRE_STATE_NO_TAGS;
    if (member->state > SHOAL_DOWN)
        reader->failed = true;
}

int wire_decode_member(void *context, shoal_bytes bytes, shoal_update *member,
                       size_t *used)
{
    struct reader reader = start(bytes);
    uint64_t elements = read_array(&reader);

    (void)context;
    member->id = read_identity(&reader);
    member->incarnation = (uint16_t)read_uint(&reader, UINT16_MAX);
    read_state(&reader, member);
    if (reader.failed || elements < WIRE_MEMBER_ELEMENTS)
        return SHOAL_ERR_MALFORMED;
    elements -= WIRE_MEMBER_ELEMENTS;
    member->from = member->tags = (shoal_bytes){NULL, 0};
    member->tags_version = member->tags_base = 0;
    member->tags_size = member->tags_prefix = member->tags_suffix = 0;
    if (wire_has_from(member) && elements > 0) {
        member->from = read_optional_identity(&reader);
        elements--;
    } else if (elements > 0) {
        skip(&reader, 1);
        elements--;
    }
    if (elements > 0) {
        read_tags(&reader, elements, member);
        elements -= elements < 2 ? 1 : 2;
    }
    skip(&reader, elements);
    if (reader.failed)
        return SHOAL_ERR_MALFORMED;
    *used = bytes.size - reader.left;
    return 0;
}
