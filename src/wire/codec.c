/* SPDX-License-Identifier: MIT */
/* The default codec as the engine sees it. */
#include "wire.h"

shoal_codec shoal_default_codec(void)
{
    shoal_codec codec = {
        .encode_header = wire_encode_header,
        .decode_header = wire_decode_header,
        .encode_member = wire_encode_member,
        .decode_member = wire_decode_member,
        .peek_source = wire_peek_source,
        .lifeguard = true,
        .hashes_dst = true,
    };

    return codec;
}
