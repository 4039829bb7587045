/* SPDX-License-Identifier: MIT */
#include "label.h"

#include "../base/bytes.h"

static bool add_one(struct label_name *name, shoal_bytes label, size_t most)
{
    size_t i;

    if (label.size == 0 || label.size > LABEL_MAX ||
        name->size + 1 + label.size > most)
        return false;
    name->bytes[name->size++] = (uint8_t)label.size;
    for (i = 0; i < label.size; i++)
        name->bytes[name->size++] = label_lower(label.data[i]);
    return true;
}

bool label_add_text(struct label_name *name, shoal_bytes text, size_t most)
{
    uint8_t before = name->size;

    if (text.size > 0 && text.data[text.size - 1] == '.')
        text.size--;
    for (;;) {
        const uint8_t *dot =
            text.size > 0 ? memchr(text.data, '.', text.size) : NULL;
        size_t size = dot ? (size_t)(dot - text.data) : text.size;

        if (!add_one(name, (shoal_bytes){text.data, size}, most)) {
            name->size = before;
            return false;
        }
        if (!dot)
            return true;
        text = (shoal_bytes){dot + 1, text.size - size - 1};
    }
}

bool label_add(struct label_name *name, shoal_bytes labels, size_t most)
{
    if (name->size + labels.size > most)
        return false;
    bytes_copy(name->bytes + name->size, labels);
    name->size = (uint8_t)(name->size + labels.size);
    return true;
}

shoal_bytes label_rest(shoal_bytes name)
{
    size_t first = 1 + (size_t)name.data[0];

    return (shoal_bytes){name.data + first, name.size - first};
}

bool label_first_is(shoal_bytes name, const char *text)
{
    size_t size = strlen(text);

    return name.size > size && name.data[0] == size &&
           memcmp(name.data + 1, text, size) == 0;
}

bool label_ends_with(shoal_bytes name, shoal_bytes end)
{
    while (name.size > end.size)
        name = label_rest(name);
    return bytes_equal(name, end);
}
