/* SPDX-License-Identifier: MIT */
/* What an engine keeps of topics (delivery/topics.h). */
#ifndef SHOAL_CORE_TABLE_TOPICS_STATE_H
#define SHOAL_CORE_TABLE_TOPICS_STATE_H

#include "backlog.h"
#include "stream.h"

struct topics {
    struct streams streams;
    struct backlog waiting;
    size_t recent;      /* bytes of ours, less with time (topics_room.c) */
    uint64_t recent_us; /* when that was so */
    uint64_t floor;     /* a life before may have used numbers up to that */
    uint64_t at_us;     /* something is due; SHOAL_NEVER */
    uint64_t expiry_us; /* old items go */
    uint64_t idle_us;   /* when we were last left alone */
    struct {
        bool is_over;      /* we know how far the streams are that there are */
        uint64_t begun_us; /* since when what is published is for us */
        uint64_t answered_us; /* when somebody told of some, or we began */
        uint64_t ask_us;      /* SHOAL_NEVER: not now */
        uint32_t from;        /* hashes from here on are not known yet */
        uint32_t teacher;     /* wire hash of who told us of the last; 0 */
        uint8_t asks;
        uint8_t unaware; /* answers of some who do not know yet either */
    } baseline;
    struct {
        uint64_t at_us; /* when we tell more of our heads; SHOAL_NEVER */
        uint32_t from;  /* from that hash on */
    } sweep;
    uint64_t compared_us; /* when we last told somebody our heads */
    uint8_t quiet;        /* times that nothing came of it */
    bool reply;           /* the next ack shows our sum */
};

#endif
