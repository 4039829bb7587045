/* SPDX-License-Identifier: MIT */
/* Names and texts of everything that has one, from the tables in shoal.h. */
#include "../shoal.h"

#ifndef SHOAL_VERSION
#error "the build defines SHOAL_VERSION"
#endif

#define CASE_NAME(NAME, VALUE, name)                                           \
    case VALUE:                                                                \
        return name;

const char *shoal_version(void)
{
    return SHOAL_VERSION;
}

const char *shoal_error_name(int error)
{
    switch (error) {
#define CASE(NAME, VALUE, name, text) CASE_NAME(NAME, VALUE, name)
        SHOAL_ERRORS(CASE)
#undef CASE
    case 0:
        return "ok";
    default:
        return "unknown";
    }
}

const char *shoal_error_text(int error)
{
    switch (error) {
#define CASE(NAME, VALUE, name, text) CASE_NAME(NAME, VALUE, text)
        SHOAL_ERRORS(CASE)
#undef CASE
    case 0:
        return "no error";
    default:
        return "unknown error";
    }
}

const char *shoal_message_name(int kind)
{
    switch (kind) {
#define CASE(NAME, VALUE, name, ...) CASE_NAME(NAME, VALUE, name)
        SHOAL_MESSAGES(CASE)
#undef CASE
    default:
        return "unknown";
    }
}

const char *shoal_event_name(int event)
{
    switch (event) {
#define CASE(NAME, VALUE, name, ...) CASE_NAME(NAME, VALUE, name)
        SHOAL_EVENTS(CASE)
#undef CASE
    default:
        return "unknown";
    }
}

shoal_carries shoal_event_carries(shoal_event event)
{
    static const uint8_t carries[] = {
#define CARRIES(NAME, VALUE, name, DIAGNOSTIC, WHAT, ...)                      \
    [VALUE] = SHOAL_CARRIES_##WHAT,
        SHOAL_EVENTS(CARRIES)
#undef CARRIES
    };
    return carries[event];
}

const char *shoal_drop_name(int drop)
{
    static const char *const names[] = {
#define NAME_OF(NAME, name, text) [SHOAL_DROP_##NAME] = name,
        SHOAL_DROPS(NAME_OF)
#undef NAME_OF
    };
    return drop >= 0 && drop < SHOAL_NUM_DROPS ? names[drop] : "unknown";
}

const char *shoal_state_name(int state)
{
    static const char *const names[] = {"alive", "suspect", "down"};
    return state >= SHOAL_ALIVE && state <= SHOAL_DOWN ? names[state]
                                                       : "unknown";
}

const char *shoal_reason_name(int reason)
{
    switch (reason) {
        SHOAL_REASONS(CASE_NAME)
    default:
        return "unknown";
    }
}

const char *shoal_connection_name(int connection)
{
    static const char *const names[] = {"idle", "active", "defunct"};
    return connection >= SHOAL_CONNECTION_IDLE &&
                   connection <= SHOAL_CONNECTION_DEFUNCT
               ? names[connection]
               : "unknown";
}
