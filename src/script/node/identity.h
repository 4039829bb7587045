/* SPDX-License-Identifier: MIT */
/* A node's identity at its start. */
#ifndef SHOAL_SCRIPT_NODE_IDENTITY_H
#define SHOAL_SCRIPT_NODE_IDENTITY_H

#include "../../base/error.h"
#include "../../host/host.h"
#include "../../lua/value.h"
#include "../engine/questions.h"

struct node;

/* What it is made from, and the node's name and cluster. */
struct birth {
    shoal_bytes former; /* the identity of a former life; empty: none known */
    const char *bind;   /* the socket's address; of the backend */
    char advertise[ADDRESS_MAX_ENDPOINT]; /* "": the socket has a wildcard */
    shoal_bytes meta; /* MessagePack of a map; empty: none */
    shoal_bytes args; /* the same: of the program, for its script */
};

enum { IDENTITY_NO_ADDRESS = 2 };

/* Asks identity.new of the node's handlers, or makes a stock identity: its
 * bump is the wall clock in milliseconds, so that a node which is restarted
 * wins against the one that it was. 0, or an error and `error`;
 * IDENTITY_NO_ADDRESS: the stock identity needs an address, and the socket's is
 * a wildcard. Never raises. */
int identity_make(struct node *node, value_identity *out, struct error *error);
/* An identity that does not win against the one of a former life at the same
 * address, as the clock was set back or there is none, becomes what follows
 * that. */
void identity_follow(const struct node *node, value_identity *id);
/* Pushes what `new` gets: { bind=, advertise=, name=, cluster=, meta=,
 * args= }. */
void identity_push_options(lua_State *L, const struct node *node);

/* Pushes a new table with the arguments. May raise. */
void identity_push_args(lua_State *L, const struct node *node);

/* Could others send to a node whose identity has that endpoint? 0, or
 * SHOAL_ERR_IDENTITY and `error`. */
int identity_reach(shoal_bytes endpoint, struct error *error);
/* The same of an identity, as these questions answer for it. What they do not
 * answer at all is the engine's to refuse. */
int identity_check_reach(questions *q, shoal_bytes id, struct error *error);

#endif
