/* SPDX-License-Identifier: MIT */
#include "query.h"

#include "../base/bytes.h"

enum { POINTER = 0xc0 };

/* What is left to read. */
struct query_rest {
    const uint8_t *at, *end;
};

static bool take_u16(struct query_rest *rest, uint16_t *out)
{
    if (rest->end - rest->at < 2)
        return false;
    *out = bytes_u16be(rest->at);
    rest->at += 2;
    return true;
}

/* A name of a question, which has nothing to point back to. */
static bool take_name(struct query_rest *rest, struct label_name *out)
{
    out->size = 0;
    while (rest->at < rest->end) {
        uint8_t size = *rest->at++;

        if (size == 0)
            return true;
        if (size > LABEL_MAX || rest->end - rest->at < size ||
            out->size + 1 + size > LABEL_MAX_NAME - 1)
            return false;
        out->bytes[out->size++] = size;
        while (size-- > 0)
            out->bytes[out->size++] = label_lower(*rest->at++);
    }
    return false;
}

/* Over any name: a pointer ends it. */
static bool skip_name(struct query_rest *rest)
{
    while (rest->at < rest->end) {
        uint8_t size = *rest->at++;
        bool is_pointer = (size & POINTER) == POINTER;

        if (size == 0)
            return true;
        size = is_pointer ? 1 : size;
        if (size > LABEL_MAX || rest->end - rest->at < size)
            return false;
        rest->at += size;
        if (is_pointer)
            return true;
    }
    return false;
}

static bool take_question(struct query_rest *rest, struct query *out)
{
    const uint8_t *begin = rest->at;

    if (!take_name(rest, &out->name) || !take_u16(rest, &out->type) ||
        !take_u16(rest, &out->class))
        return false;
    out->question = (shoal_bytes){begin, (size_t)(rest->at - begin)};
    return true;
}

/* Of the additional records only OPT means something here. */
static enum dns_rcode take_additional(struct query_rest *rest,
                                      struct query *out)
{
    const uint8_t *begin = rest->at;
    uint16_t type, class, ttl_high, ttl_low, size;

    if (!skip_name(rest) || !take_u16(rest, &type) || !take_u16(rest, &class) ||
        !take_u16(rest, &ttl_high) || !take_u16(rest, &ttl_low) ||
        !take_u16(rest, &size) || rest->end - rest->at < size)
        return DNS_FORMERR;
    rest->at += size;
    if (type != DNS_OPT)
        return DNS_NOERROR;
    if (out->has_edns || *begin != 0)
        return DNS_FORMERR;
    out->has_edns = true;
    out->edns_size = class;
    out->wants_dnssec = (ttl_low & 0x8000) != 0;
    return (ttl_high & 0xff) != 0 ? DNS_BADVERS : DNS_NOERROR;
}

static enum dns_rcode read_body(struct query_rest *rest, struct query *out,
                                const uint16_t counts[4])
{
    unsigned i;

    if (counts[0] != 1 || counts[1] != 0 || counts[2] != 0 ||
        !take_question(rest, out))
        return DNS_FORMERR;
    for (i = 0; i < counts[3]; i++) {
        enum dns_rcode wrong = take_additional(rest, out);

        if (wrong != DNS_NOERROR)
            return wrong;
    }
    if (rest->at != rest->end || out->type == DNS_OPT)
        return DNS_FORMERR;
    return DNS_NOERROR;
}

bool query_read(shoal_bytes bytes, struct query *out, enum dns_rcode *wrong)
{
    struct query_rest rest = {bytes.data, bytes.data + bytes.size};
    uint16_t counts[4];
    unsigned i;

    memset(out, 0, sizeof *out);
    if (bytes.size < QUERY_HEADER)
        return false;
    (void)take_u16(&rest, &out->id);
    (void)take_u16(&rest, &out->flags);
    for (i = 0; i < 4; i++)
        (void)take_u16(&rest, &counts[i]);
    if (out->flags & DNS_QR)
        return false;
    *wrong =
        out->flags & DNS_OPCODE ? DNS_NOTIMP : read_body(&rest, out, counts);
    return true;
}
