/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attempts over TCP: connect, TLS handshake, HTTP request. libcurl's multi
 * interface does the protocols; nothing here waits, all goes by the caller's
 * epoll descriptor. Addresses are numbers, so no name is ever resolved; no
 * proxy, no redirect, no connection is used twice. Memory: per probe the body's
 * first body_bytes and what libcurl holds during an attempt.
 *
 * One thread.
 */
#ifndef BATON_AGENT_PROBE_FETCH_H
#define BATON_AGENT_PROBE_FETCH_H

#include <stdint.h>

#include "agent/probe_config.h"
#include "agent/probe_reason.h"

#define PROBE_HEADER_MAX 65536 /* bytes of an answer's header lines, all together */

struct probe_fetcher; /* all of them, on one epoll descriptor */
struct probe_fetch;   /* one probe */

/* An attempt has ended; number is that given to probe_fetch_new(). Not called from within probe_fetch_start(). */
typedef void (*probe_fetch_done_fn)(void *context, unsigned number, const struct probe_result *r);

/*
 * tag is or'ed to the descriptor in epoll_data.u64, so that the owner of
 * epoll_fd knows whose event it is. 0 and *ret, or -errno.
 */
int probe_fetcher_new(int epoll_fd, uint64_t tag, probe_fetch_done_fn done, void *context, struct probe_fetcher **ret);
/* After all its probes. Takes NULL. */
void probe_fetcher_free(struct probe_fetcher *f);
/* epoll has said that fd is ready for these events. */
void probe_fetcher_event(struct probe_fetcher *f, int fd, uint32_t events);
/* Call at probe_fetcher_due_ns() or later. */
void probe_fetcher_tick(struct probe_fetcher *f, uint64_t now_ns);
/* clock_monotonic_ns() when the tick is wanted; UINT64_MAX: not at all. */
uint64_t probe_fetcher_due_ns(const struct probe_fetcher *f);

/* c is borrowed for the probe's life. 0 and *ret, or -errno. */
int probe_fetch_new(struct probe_fetcher *f, const struct probe_config *c, const struct baton_addr *to, uint16_t port,
		    unsigned number, struct probe_fetch **ret);
/* Give up an attempt that is under way, without a result. Takes NULL. */
void probe_fetch_free(struct probe_fetch *p);
/* Begin an attempt; none may be under way. It ends within the configured timeout. 0 or -errno. */
int probe_fetch_start(struct probe_fetch *p);

#endif
