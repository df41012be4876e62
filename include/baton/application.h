/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VIPs whose connections are placed by the client's first bytes (requirement
 * C7) or by what is remembered of the client (C3): settings that the
 * configuration makes and that classifiers follow. Immutable once published.
 */
#ifndef BATON_APPLICATION_H
#define BATON_APPLICATION_H

#include <stdbool.h>
#include <stdint.h>

#define BATON_MAX_AFFINITIES 4
#define BATON_AFFINITY_NAME_MAX 64
#define APPLICATION_MAX_RULES 256
#define APPLICATION_MAX_POOLS 64

/* By what a connection goes where an earlier one went (C3). All but CLIENT need an application. */
enum baton_affinity_kind {
	BATON_AFFINITY_CLIENT,      /* client address */
	BATON_AFFINITY_COOKIE,      /* value of the HTTP cookie .name */
	BATON_AFFINITY_HEADER,      /* value of the HTTP header .name */
	BATON_AFFINITY_TLS_SESSION, /* session id or ticket of the ClientHello */
	BATON_AFFINITY_SNI,         /* server name of the ClientHello */
	BATON_AFFINITY_SERVER, /* the cookie .name ends in the name of an endpoint, alone or after a dot; no memory */
	BATON_N_AFFINITIES
};

struct baton_affinity {
	uint8_t kind;       /* enum baton_affinity_kind */
	uint32_t timeout_s; /* how long it is remembered after its last use */
	char name[BATON_AFFINITY_NAME_MAX];
};

/* What the first bytes are read as. */
enum application_protocol {
	APPLICATION_HTTP, /* HTTP/1.x request head (RFC 9112) */
	APPLICATION_TLS,  /* ClientHello (RFC 8446) */
	APPLICATION_ANY,  /* TLS if it begins with a handshake record, else HTTP */
};

/* What becomes of a connection whose first bytes are not understood, too long or too late. */
enum application_otherwise {
	APPLICATION_OTHERWISE_DEFAULT, /* the VIP's own endpoints */
	APPLICATION_OTHERWISE_RESET,
	APPLICATION_OTHERWISE_DROP,
};

struct rules; /* peek/rules.h */

struct application {
	uint8_t protocol;    /* enum application_protocol */
	uint8_t otherwise;   /* enum application_otherwise */
	bool sack;           /* which options are agreed to when a client offers them */
	bool timestamps;     /* … */
	bool window_scaling; /* … */
	uint16_t mss;        /* announced to clients; 0: what the MTU of the port allows */
	uint32_t head_max;   /* bytes of first data that are waited for, at most 65535 */
	uint32_t timeout_ms; /* from the first byte to the last of the head */
	uint32_t attempts;   /* hosts to try when one refuses, 1 or more */
	struct rules *rules; /* counts its own use; NULL: none */
	uint16_t n_pools;
	uint16_t pools[APPLICATION_MAX_POOLS]; /* view ids, by the rules' pool numbers */
};

#endif
