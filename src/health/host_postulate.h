/* SPDX-License-Identifier: BSD-3-Clause */
/* Postulates of host.c (requirement H6): when the current directive of a row may follow its target. */
#ifndef BATON_HEALTH_HOST_POSTULATE_H
#define BATON_HEALTH_HOST_POSTULATE_H

#include "health/host.h"

/* In host.c: fill in who and when, send. */
void health_host_send(struct health_host *h, struct health_message *m);
/* In host.c: health_host_set with .current as given. */
int health_host_change(struct health_host *h, const struct health_row *row);

/* A row was changed; before is NULL for a new one. */
void health_postulate_note(struct health_host *h, const struct health_row *before, const struct health_row *after);
/* A row is gone. */
void health_postulate_drop(struct health_host *h, const struct health_app_id *id);
void health_postulate_objection(struct health_host *h, const struct health_message *m);
/* Move what nobody objected to. */
void health_postulate_move(struct health_host *h, uint64_t now_ns);
/* When the next row may move if nobody objects; UINT64_MAX: not before another postulate is sent. */
uint64_t health_postulate_moves(const struct health_host *h);
/* When to postulate next; UINT64_MAX: no need. */
uint64_t health_postulate_due(const struct health_host *h);
void health_postulate_send(struct health_host *h, uint64_t now_ns);

#endif
