/* SPDX-License-Identifier: BSD-3-Clause */
/* CREATE and ABORT through the tc program, and what it answers. */
#ifndef BATON_TEST_BPF_CREATE_CASE_H
#define BATON_TEST_BPF_CREATE_CASE_H

#include "bench.h"

#define CLIENT_ISN 0xfffffff0u /* so that sums wrap */
#define SERVER_ISN 0x01020304u
#define ACK 0x10

/* The segment that creates. */
extern const struct frame_options create_first;

/* cmocka group set-up: a namespace with the clients' addresses and the virtual ones on its loopback interface. */
int create_namespace(void **state);
struct baton_tuple create_client(uint8_t family);
/* Body of a CREATE that is right in every field. */
struct baton_shim_create create_body(const struct baton_tuple *t);
/* Run CREATE or ABORT of this body, with the segment inside if o is not NULL. */
void create_run(struct bench *b, uint8_t type, const struct baton_shim_create *body, const struct baton_tuple *t,
		const struct frame_options *o);
/* The answer that the last packet has become, checked bit by bit as far as the protocol says. */
struct baton_shim_conn create_answer(struct bench *b, const struct baton_shim_create *c);
/* It is a refusal for this reason, or tells this state; and nothing else was counted. */
void create_refused(struct bench *b, const struct baton_shim_create *c, enum baton_shim_refusal why);
void create_state_is(struct bench *b, const struct baton_shim_create *c, enum baton_shim_conn_state state);

#endif
