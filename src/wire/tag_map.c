/* SPDX-License-Identifier: MIT */
#include "tag_map.h"

#include "canonical.h"

enum { RESERVED = 0x00 /* the key of the tag that is a node's own */ };

/* Takes the tag off that says which keys a node has, if it is the next. */
static void skip_reserved(struct walk *walk, uint64_t *pairs)
{
    struct walk rest = *walk;
    struct check_head head;

    if (*pairs == 0 || *rest.at++ != RESERVED)
        return;
    head = take_head(&rest);
    if (head.type != CHECK_BIN || head.size != 2)
        return;
    rest.at += head.body;
    *walk = rest;
    --*pairs;
}

static const char *check_name(struct walk *walk, shoal_bytes *last)
{
    shoal_bytes name = {walk->at, 0};
    struct check_head head = take_head(walk);

    if (head.type != CHECK_STR)
        return "the name of a tag is not a str";
    if (head.body == 0 || head.body > TAG_MAP_MAX_NAME)
        return "the name of a tag does not have 1 to 64 bytes";
    if (!canonical_is_short_head(&head, head.body))
        return "the head of a string is not the shortest";
    walk->at += head.body;
    name.size = (size_t)(walk->at - name.data);
    if (last->data && bytes_compare(name, *last) <= 0)
        return "the names of tags are not in order";
    *last = name;
    return NULL;
}

static const char *check_tags(struct walk *walk, uint64_t pairs)
{
    shoal_bytes last = {NULL, 0};
    const char *problem = NULL;

    skip_reserved(walk, &pairs);
    while (pairs-- > 0 && !problem) {
        problem = check_name(walk, &last);
        if (!problem)
            problem = canonical_check(walk, NULL);
    }
    return problem;
}

const char *tag_map_check(shoal_bytes tags)
{
    struct walk walk = {tags.data, tags.data + tags.size};
    struct check_head head;
    size_t used;

    if (check_value(tags.data, tags.size, TAG_MAP_DEPTH, &used) ||
        used != tags.size)
        return "not one well-formed MessagePack value";
    head = take_head(&walk);
    if (head.type != CHECK_MAP)
        return "not a map";
    if (!canonical_is_short_head(&head, head.count / 2))
        return "the head of a map is not the shortest";
    return check_tags(&walk, head.count / 2);
}
