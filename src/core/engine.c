/* SPDX-License-Identifier: MIT */
/* What every entry point does, and what all that it calls may use. */
#include "engine.h"
#include "config.h"

void engine_set_detail(shoal *engine, const char *text)
{
    engine->detail[0] = '\0';
    engine_add_detail(engine, text);
}

void engine_add_detail(shoal *engine, const char *text)
{
    size_t at = strlen(engine->detail), size = strlen(text);
    if (size >= sizeof engine->detail - at)
        size = sizeof engine->detail - at - 1;
    memcpy(engine->detail + at, text, size);
    engine->detail[at + size] = '\0';
}

void engine_add_number(shoal *engine, size_t number)
{
    char digits[24], *at = digits + sizeof digits;
    *--at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    engine_add_detail(engine, at);
}

int engine_enter(shoal *engine, uint64_t now_us)
{
    if (engine->asking)
        return SHOAL_ERR_REENTRANT;
    if (engine->now_us == 0) /* the first time that we are told */
        engine->since_us = now_us;
    if (now_us > engine->now_us)
        engine->now_us = now_us;
    engine->failed = 0;
    engine->detail[0] = '\0';
    return 0;
}

int engine_leave(shoal *engine, int error)
{
    digest_note_changes(engine, true);
    return error < 0 || engine->failed == 0 ? error : engine->failed;
}

void engine_note(shoal *engine, int error)
{
    if (engine->failed == 0)
        engine->failed = error;
}

int engine_drop(shoal *engine, shoal_drop why, int error)
{
    engine->stats.dropped[why]++;
    return error;
}

static void scale_transmissions(shoal *engine)
{
    uint32_t members = engine->members.active.count + 1;
    if (engine->transmissions.members == members)
        return;
    engine->transmissions.members = members;
    engine->transmissions.times =
        config_transmissions(&engine->config, members);
    engine->transmissions.of_news =
        config_news_transmissions(&engine->config, members);
}

uint8_t engine_transmissions(shoal *engine)
{
    scale_transmissions(engine);
    return engine->transmissions.times;
}

uint8_t engine_news_transmissions(shoal *engine)
{
    scale_transmissions(engine);
    return engine->transmissions.of_news;
}
