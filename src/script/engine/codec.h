/* SPDX-License-Identifier: MIT */
/*
 * Headers and members of packets as Lua tables: the default codec for Lua
 * (core.codec), and the engine's codec answered by Lua functions.
 *
 *   header  { kind="ping", number=, src=, src_incarnation=, dst=, dst_hash=,
 *             peer= }
 *   member  { id=, incarnation=, state="alive" }
 * Identities are Lua values; `number` is there for the kinds that have one,
 * `peer` for the indirect kinds.
 *
 * A codec in Lua:
 *   encode_header(header) -> bytes
 *   decode_header(packet) -> header, used      `used` bytes at its beginning
 *   encode_member(member) -> bytes
 *   decode_member(packet, from) -> member, used   the one at byte `from`
 *   lifeguard = true    they carry wants_nack, digest, a member's `from` and
 *                       all kinds: as core.codec's do
 */
#ifndef SHOAL_SCRIPT_ENGINE_CODEC_H
#define SHOAL_SCRIPT_ENGINE_CODEC_H

#include "../../shoal.h"
#include "questions.h"

#include <lua.h>

/* The engine's codec, answered by the functions of `q`. */
shoal_codec codec_questions(questions *q);

/* Adds the table `codec`, hash_identity() and hash_address() to the table on
 * top of the stack. */
void codec_register(lua_State *L);

#endif
