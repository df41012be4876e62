/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libbaton: an application tells the agent on its host how it is.
 *
 *	struct baton_client *c;
 *	struct baton_application web = { .vip = "203.0.113.80", .vip_port = 80, .capacity = -1 };
 *	int id;
 *
 *	if (baton_client_new(NULL, &c) || (id = baton_client_add(c, &web)) < 0)
 *		...
 *	baton_client_health(c, id, BATON_HEALTHY, NULL);
 *	... baton_client_process(c) whenever baton_client_fd(c) is readable ...
 *
 * The functions note what is to be said and return at once; baton_client_process()
 * says it. They work while no agent runs: when one comes, or comes back, it is
 * told everything anew. When the process dies, the agent sees the socket close,
 * and does what .on_exit says.
 *
 * Errors are negative errno values. One client belongs to one thread at a time,
 * but for baton_client_request_begin() and _end(), which any thread may call;
 * different clients are independent. After fork() only one of the processes may
 * go on with a client; the descriptors are closed by exec. Nothing here logs,
 * changes signals (writing to a socket that is closed raises no SIGPIPE) or
 * blocks, but baton_client_wait().
 */
#ifndef BATON_CLIENT_H
#define BATON_CLIENT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BATON_CLIENT_MAX_APPLICATIONS 64 /* of one client */
#define BATON_CLIENT_LOAD_FULL 10000     /* load is told in hundredths of a percent; more is overload */
#define BATON_CLIENT_LOAD_MAX 60000
#define BATON_CLIENT_COUNT_MS 50 /* between reports of counted requests */

enum baton_health {
	BATON_UNKNOWN, /* not known yet: no new connections */
	BATON_HEALTHY,
	BATON_FAILING,
};

/* What the application wants to be at most. */
enum baton_wish {
	BATON_INACTIVE, /* no new connections; established ones end as the balancer is configured */
	BATON_DRAINING, /* no new connections; established ones go on */
	BATON_ACTIVE,   /* as health allows */
};

enum baton_on_exit {
	BATON_ON_EXIT_FAIL,   /* when the connection to the agent ends, the application counts as failing */
	BATON_ON_EXIT_REMOVE, /* it is forgotten */
};

/* An application; zero what has no meaning for it. Texts are copied. */
struct baton_application {
	const char *vip;      /* address that clients use, "203.0.113.80"; NULL: any that leads to .host */
	const char *host;     /* address it listens on; NULL: the agent's first of the VIP's family */
	uint16_t vip_port;    /* required */
	uint16_t host_port;   /* 0: same as .vip_port */
	int protocol;         /* IPPROTO_TCP, IPPROTO_UDP ...; 0: TCP */
	const char *specific; /* protocol-specific part of its name, up to 63 bytes; NULL: none */
	int capacity;         /* 0-99, in proportion to others; -1: as the agent is configured */
	enum baton_on_exit on_exit;
	uint32_t silence_ms; /* process() not called for so long is failing too; at least 100. 0: never */
};

struct baton_client;

/*
 * A client of the agent behind the socket at path (NULL: the default). Does not
 * connect yet. 0 and *ret, to be freed; -ENAMETOOLONG, -ENOMEM, -EMFILE ...
 */
int baton_client_new(const char *path, struct baton_client **ret);
/* Close the connection, which ends its applications as .on_exit says. Takes NULL. */
void baton_client_free(struct baton_client *c);

/*
 * Announce an application. Its number (0 and up) for the other functions;
 * -EINVAL: address, port, capacity or text is none; -EEXIST: announced already;
 * -ENOSPC: too many.
 */
int baton_client_add(struct baton_client *c, const struct baton_application *a);
/* Take it back: it is forgotten whatever .on_exit says. The number may be given out again. 0 or -ENOENT. */
int baton_client_del(struct baton_client *c, int id);

/*
 * Tell health, load (hundredths of a percent of the capacity), capacity (0-99,
 * -1: none), or what the application wants. reason is for people: up to 127
 * bytes of UTF-8 without control characters, or NULL. 0; -ENOENT; -EINVAL.
 */
int baton_client_health(struct baton_client *c, int id, enum baton_health health, const char *reason);
int baton_client_load(struct baton_client *c, int id, unsigned load);
int baton_client_capacity(struct baton_client *c, int id, int capacity);
int baton_client_wish(struct baton_client *c, int id, enum baton_wish wish, const char *reason);

/*
 * Count requests, and let baton_client_process() tell load (requests begun and not
 * ended, waiting ones included, over n_workers) in place of baton_client_load():
 * every BATON_CLIENT_COUNT_MS, if it has changed. n_workers: how many requests the
 * application works at at once; 0: count no more; the load told last stays.
 *
 * service_us is the time that a worker is busy with a request while nothing slows
 * the host down, on average (rather too short than too long). With it, and with a
 * capacity of 1 and up from .capacity or baton_client_capacity(), the part of that
 * capacity is told which the host can offer at present, by how fast its busy workers
 * finish requests. 0: the capacity is told as it is. 0 or -ENOENT.
 */
int baton_client_workers(struct baton_client *c, int id, unsigned n_workers, uint32_t service_us);
/*
 * A request has come in; has been done or given up: one end for each begin. Any thread may
 * call these at any time between add() and del() or free(), also while another is in any
 * function of the client, but no signal handler. They read the clock and take a lock for a
 * few instructions. 0 or -ENOENT.
 */
int baton_client_request_begin(struct baton_client *c, int id);
int baton_client_request_end(struct baton_client *c, int id);

/* Readable when baton_client_process() is to be called. The same as long as the client lives; never read from it. */
int baton_client_fd(const struct baton_client *c);
/*
 * Connect if need be, say what is to be said, hear what the agent answers. Never
 * blocks. 0; -ENOTCONN: no agent there now (it goes on trying); -EACCES: the agent
 * does not let this user in, -EUSERS: it has too many clients (it goes on trying as well); -EPROTO: what answers is no
 * agent.
 */
int baton_client_process(struct baton_client *c);
/*
 * Process until the agent has answered everything. 0; -ETIMEDOUT after
 * timeout_ms milliseconds (negative: never), or the first refusal of the agent,
 * see baton_client_error(). May be interrupted by a signal: -EINTR.
 */
int baton_client_wait(struct baton_client *c, int timeout_ms);

/* 1: connected and everything has been answered, 0: not. */
int baton_client_settled(const struct baton_client *c);
/*
 * What the agent last answered about the application: 0, or -errno with the
 * reason in *ret_text ("" if there is none; the client's, until the next
 * call; may be NULL). -EINPROGRESS: no answer yet. -ENOENT.
 */
int baton_client_error(const struct baton_client *c, int id, const char **ret_text);

#ifdef __cplusplus
}
#endif

#endif
