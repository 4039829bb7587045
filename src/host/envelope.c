/* SPDX-License-Identifier: MIT */
#include "envelope.h"

#include "../base/error.h"

#include <string.h>

/* The one byte that never begins a MessagePack value. */
static const uint8_t MARK = 0xc1;

int envelope_init(struct envelope *envelope, const char *label,
                  struct error *error)
{
    size_t length = label ? strlen(label) : 0;

    memset(envelope, 0, sizeof *envelope);
    if (length == 0)
        return 0;
    if (length > HOST_MAX_LABEL)
        return error_fail(error, "the cluster label has %zu bytes (at most %d)",
                          length, HOST_MAX_LABEL);
    envelope->prefix[0] = MARK;
    envelope->prefix[1] = (uint8_t)length;
    memcpy(envelope->prefix + 2, label, length);
    envelope->size = 2 + length;
    return 0;
}

static bool has_label(shoal_bytes datagram)
{
    if (datagram.size < 2 || datagram.data[0] != MARK)
        return false;
    return datagram.data[1] >= 1 && datagram.data[1] <= HOST_MAX_LABEL &&
           datagram.size >= 2u + datagram.data[1];
}

bool envelope_open(const struct envelope *envelope, shoal_bytes datagram,
                   shoal_bytes *packet)
{
    *packet = datagram;
    if (envelope->size == 0)
        return !has_label(datagram);
    if (datagram.size < envelope->size ||
        memcmp(datagram.data, envelope->prefix, envelope->size) != 0)
        return false;
    packet->data += envelope->size;
    packet->size -= envelope->size;
    return true;
}
