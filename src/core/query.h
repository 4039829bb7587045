/* SPDX-License-Identifier: MIT */
/* What others are like, as the embedder sees them. */
#ifndef SHOAL_CORE_QUERY_H
#define SHOAL_CORE_QUERY_H

#include "table/identity.h"

/* Ourselves, a member, or else somebody who is down, for that reason. Borrowed
 * as long as the identity is. */
shoal_member query_view_of(const shoal *engine, const struct identity *identity,
                           shoal_reason if_unknown);
/* What we say of ourselves, or are about to say. Borrowed. */
shoal_bytes query_own_tags(const shoal *engine);

#endif
