/* SPDX-License-Identifier: MIT */
#include "table.h"

#include "table_names.h"

#include "../base/bytes.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_BUCKETS = 64 };

struct table {
    struct table_names names;
    struct table_member **members; /* by hash */
    size_t num_members, num_buckets;
    uint32_t changes;
    uint64_t stamp, key;
};

table *table_new(uint64_t key)
{
    table *self = calloc(1, sizeof *self);

    if (!self)
        return NULL;
    self->key = key;
    self->num_buckets = FIRST_BUCKETS;
    self->members = calloc(self->num_buckets, sizeof(struct table_member *));
    if (self->members && names_init(&self->names, key))
        return self;
    free(self->members);
    free(self);
    return NULL;
}

/* ---- Entries ---- */

static void free_entry(table *self, struct table_entry *entry)
{
    uint32_t i;

    for (i = 0; i < entry->num_places; i++)
        names_remove(&self->names, entry, i);
    if (entry->host_name)
        names_release(&self->names, entry->host_name);
    free(entry->places);
    free((void *)entry->other_host.data);
    free((void *)entry->texts.data);
    free(entry);
}

static bool copy(shoal_bytes *out, shoal_bytes from)
{
    uint8_t *bytes;

    if (from.size == 0)
        return true;
    bytes = malloc(from.size);
    if (!bytes)
        return false;
    bytes_copy(bytes, from);
    *out = (shoal_bytes){bytes, from.size};
    return true;
}

static bool read_host(shoal_bytes text, struct table_host *out)
{
    char name[INET6_ADDRSTRLEN + 1];

    out->size = 0;
    if (text.size > 2 && text.data[0] == '[' && text.data[text.size - 1] == ']')
        text = (shoal_bytes){text.data + 1, text.size - 2};
    if (text.size >= sizeof name)
        return false;
    memcpy(name, text.size ? text.data : (const uint8_t *)"", text.size);
    name[text.size] = '\0';
    if (inet_pton(AF_INET, name, out->ip) == 1)
        out->size = 4;
    else if (inet_pton(AF_INET6, name, out->ip) == 1)
        out->size = 16;
    return out->size > 0;
}

static bool is_host_name(shoal_bytes text)
{
    bool has_letter = false;
    size_t i;

    for (i = 0; i < text.size; i++) {
        uint8_t c = label_lower(text.data[i]);

        has_letter = has_letter || (c >= 'a' && c <= 'z');
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' &&
            c != '_' && c != '.')
            return false;
    }
    return has_letter;
}

/* false: no memory. */
static bool set_host(table *self, struct table_entry *entry, shoal_bytes host)
{
    struct label_name name = {.size = 0};
    char hex[33];
    size_t i;

    if (!read_host(host, &entry->host)) {
        if (!is_host_name(host) ||
            !label_add_text(&name, host, LABEL_MAX_NAME - 1))
            return true; /* not a host at all */
        return copy(&entry->other_host, label_bytes(&name));
    }
    for (i = 0; i < entry->host.size; i++)
        snprintf(hex + 2 * i, 3, "%02x", entry->host.ip[i]);
    (void)label_add_text(&name, bytes_of_text(hex), LABEL_MAX_OWN);
    (void)label_add_text(&name, bytes_of_text("addr"), LABEL_MAX_OWN);
    entry->host_name = names_use(&self->names, label_bytes(&name));
    return entry->host_name != NULL;
}

/* Longer ones are left out. */
static bool set_texts(struct table_entry *entry, const shoal_bytes *texts,
                      size_t count)
{
    size_t i, size = 0;
    uint8_t *bytes;

    for (i = 0; i < count; i++)
        size += texts[i].size <= 255 ? 1 + texts[i].size : 0;
    if (size == 0)
        return true;
    bytes = malloc(size);
    if (!bytes)
        return false;
    entry->texts = (shoal_bytes){bytes, size};
    for (i = 0; i < count; i++) {
        if (texts[i].size > 255)
            continue;
        *bytes++ = (uint8_t)texts[i].size;
        bytes = bytes_copy(bytes, texts[i]);
    }
    return true;
}

/* Below "NAME.KIND", and "TAG.NAME.KIND" for a tag. What is not a name, or is
 * there already, is left out. */
static bool add_place(table *self, struct table_entry *entry,
                      const shoal_bytes *tag, shoal_bytes name,
                      const char *kind)
{
    struct label_name labels = {.size = 0};

    if (tag && !label_add_text(&labels, *tag, LABEL_MAX_OWN))
        return true;
    if (!label_add_text(&labels, name, LABEL_MAX_OWN) ||
        !label_add_text(&labels, bytes_of_text(kind), LABEL_MAX_OWN))
        return true;
    return names_add(&self->names, entry, label_bytes(&labels));
}

static struct table_entry *new_entry(struct table_member *member, size_t places)
{
    struct table_entry *entry = calloc(1, sizeof *entry);

    if (!entry)
        return NULL;
    entry->places = calloc(places, sizeof *entry->places);
    if (!entry->places) {
        free(entry);
        return NULL;
    }
    entry->member = member;
    entry->next = member->entries;
    member->entries = entry;
    return entry;
}

static bool add_service(table *self, struct table_member *member,
                        const struct table_service *service)
{
    struct table_entry *entry = new_entry(member, 1 + service->num_tags);
    size_t i;

    if (!entry)
        return false;
    entry->port = service->port;
    entry->weight = service->weight;
    entry->is_passing = service->is_passing;
    if (!set_host(self, entry, service->host) ||
        !set_texts(entry, service->tags, service->num_tags) ||
        !add_place(self, entry, NULL, service->name, "service"))
        return false;
    for (i = 0; i < service->num_tags; i++)
        if (!add_place(self, entry, &service->tags[i], service->name,
                       "service"))
            return false;
    return true;
}

static bool add_node(table *self, struct table_member *member,
                     const struct table_description *description)
{
    struct table_entry *entry;

    if (description->name.size == 0)
        return true;
    entry = new_entry(member, 1);
    if (!entry)
        return false;
    entry->weight = 1;
    entry->is_passing = true;
    if (!set_host(self, entry, description->host) ||
        !set_texts(entry, description->texts, description->num_texts) ||
        !add_place(self, entry, NULL, description->name, "node"))
        return false;
    if (entry->num_places > 0)
        member->node = entry;
    return true;
}

/* ---- Members ---- */

static struct table_member **find(const table *self, shoal_bytes key,
                                  uint32_t hash)
{
    struct table_member **at = &self->members[hash & (self->num_buckets - 1)];

    while (*at && ((*at)->hash != hash || !bytes_equal((*at)->key, key)))
        at = &(*at)->next;
    return at;
}

/* If there is no memory, the lists are longer. */
static void grow(table *self)
{
    size_t i, count = self->num_buckets * 2;
    struct table_member **buckets = calloc(count, sizeof *buckets), *member;

    if (!buckets)
        return;
    for (i = 0; i < self->num_buckets; i++)
        while ((member = self->members[i])) {
            self->members[i] = member->next;
            member->next = buckets[member->hash & (count - 1)];
            buckets[member->hash & (count - 1)] = member;
        }
    free(self->members);
    self->members = buckets;
    self->num_buckets = count;
}

static void remove_at(table *self, struct table_member **at)
{
    struct table_member *member = *at;
    struct table_entry *entry;

    *at = member->next;
    while ((entry = member->entries)) {
        member->entries = entry->next;
        free_entry(self, entry);
    }
    free((void *)member->key.data);
    free(member);
    self->num_members--;
}

static struct table_member *add_member(table *self, shoal_bytes key,
                                       uint32_t hash)
{
    struct table_member *member = calloc(1, sizeof *member), **at;

    if (!member || !copy(&member->key, key)) {
        free(member);
        return NULL;
    }
    if (self->num_members >= self->num_buckets)
        grow(self);
    at = &self->members[hash & (self->num_buckets - 1)];
    member->hash = hash;
    member->next = *at;
    *at = member;
    self->num_members++;
    return member;
}

int table_put(table *self, shoal_bytes key,
              const struct table_description *description)
{
    uint32_t hash = bytes_hash(key, self->key);
    struct table_member *member;
    size_t i;
    bool ok;

    table_drop(self, key);
    self->changes++;
    member = add_member(self, key, hash);
    if (!member)
        return SHOAL_ERR_NOMEM;
    ok = add_node(self, member, description);
    for (i = 0; ok && i < description->num_services; i++)
        ok = add_service(self, member, &description->services[i]);
    if (ok)
        return 0;
    table_drop(self, key);
    return SHOAL_ERR_NOMEM;
}

void table_drop(table *self, shoal_bytes key)
{
    struct table_member **at = find(self, key, bytes_hash(key, self->key));

    if (!*at)
        return;
    self->changes++;
    remove_at(self, at);
}

void table_free(table *self)
{
    size_t i;

    if (!self)
        return;
    for (i = 0; i < self->num_buckets; i++)
        while (self->members[i])
            remove_at(self, &self->members[i]);
    names_clear(&self->names);
    free(self->members);
    free(self);
}

/* ---- Asking ---- */

size_t table_num_members(const table *self)
{
    return self->num_members;
}

uint32_t table_changes(const table *self)
{
    return self->changes;
}

struct table_name *table_find(const table *self, shoal_bytes labels)
{
    return names_find(&self->names, labels);
}

uint64_t table_new_stamp(table *self)
{
    return ++self->stamp;
}
