/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A batond for tests: answers on both sockets under a directory of its own
 * what a table says. One thread a server; the table must outlive it.
 */
#ifndef BATON_TEST_FAKE_BATOND_H
#define BATON_TEST_FAKE_BATOND_H

struct fake_reply {
	const char *request; /* NULL ends the table */
	const char *reply;
};

struct fake_batond;

/* Starts listening before it returns. Replies to unknown requests as DPDK does: {"/x": null}. */
struct fake_batond *fake_batond_new(const struct fake_reply *replies);
const char *fake_batond_run_dir(const struct fake_batond *f);
/* Stops the thread and removes the directory. */
void fake_batond_free(struct fake_batond *f);

#endif
