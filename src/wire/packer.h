/* SPDX-License-Identifier: MIT */
/*
 * msgpack-c's packing functions over a bounded buffer, which the compiler sees
 * through: wire_pack_uint32(&sink, value) instead of a call back for each
 * value. It is the same template that msgpack_pack_uint32() is made of.
 *
 * Each answers 0, or -1 when there is no room; then nothing was written.
 */
#ifndef SHOAL_WIRE_PACKER_H
#define SHOAL_WIRE_PACKER_H

#include <msgpack/pack.h>
#include <string.h>

struct wire_sink {
    uint8_t *out;
    size_t room; /* bytes in `out` */
    size_t size; /* bytes written */
};

static inline int wire_sink_put(struct wire_sink *sink, const void *data,
                                size_t size)
{
    if (size > sink->room - sink->size)
        return -1;
    if (size > 0)
        memcpy(sink->out + sink->size, data, size);
    sink->size += size;
    return 0;
}

#define msgpack_pack_inline_func(name)      static inline int wire_pack##name
#define msgpack_pack_inline_func_cint(name) static inline int wire_pack##name
#define msgpack_pack_inline_func_fixint(name)                                  \
    static inline int wire_pack_fix##name
#define msgpack_pack_user struct wire_sink *
#define msgpack_pack_append_buffer(sink, bytes, size)                          \
    return wire_sink_put(sink, bytes, size)
#include <msgpack/pack_template.h>

static inline int wire_pack_str_with_body(struct wire_sink *sink,
                                          const void *data, size_t size)
{
    return wire_pack_str(sink, size) || wire_pack_str_body(sink, data, size)
               ? -1
               : 0;
}

#endif
