/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a new connection goes: where an earlier one with the same session
 * went, if that is still a good place, else by allotment (requirements C1, C3).
 *
 * A session is looked for among the endpoints of the service that was asked
 * for, a VIP's or one of its pools', and noted for that alone: one client's
 * requests to several pools stay where they are in each of them.
 */
#ifndef BATON_CLASSIFIER_CHOICE_H
#define BATON_CLASSIFIER_CHOICE_H

#include "classifier/state.h"

/* Keys of those affinities that need nothing but the client's address. */
void choice_client_keys(const struct classifier *c, const struct view *v, uint16_t vip, const struct baton_tuple *key,
			struct session_key ret[BATON_MAX_AFFINITIES], uint32_t *ret_present);
/* The connection was placed on this endpoint of the view: its sessions lead there from now on. */
void choice_note(struct classifier *c, const struct view *v, uint16_t endpoint, const struct classifier_keys *keys,
		 uint64_t now_ns);

#endif
