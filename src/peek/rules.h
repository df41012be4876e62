/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules of a VIP: which pool a connection goes to by its first bytes, or that
 * it is refused (requirements C6, C7). The first rule all of whose conditions
 * hold decides; a condition holds if one of its patterns does. Compiled once,
 * by the control thread; matched by classifier lcores.
 */
#ifndef BATON_PEEK_RULES_H
#define BATON_PEEK_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "baton/addr.h"
#include "peek/head.h"

#define RULES_MAX_PATTERNS 32 /* of one condition */
#define RULES_MAX_LCORES 32   /* that count hits */
#define RULES_NAME_MAX 64

enum rules_action {
	RULES_POOL,   /* .pool */
	RULES_RESET,  /* a reset */
	RULES_DROP,   /* a drop route: this packet and those to come die in the forwarder */
	RULES_ANSWER, /* .answer, then the end of the connection; a reset for clients that speak no HTTP */
};

/* How a pattern is compared. */
enum rules_match {
	RULES_EXACT,
	RULES_PREFIX,
	RULES_SUFFIX,
	RULES_REGEX,   /* PCRE2 over bytes, anchored nowhere; bounded, see rules_undecided() */
	RULES_PRESENT, /* the thing is there, whatever it is; .text is not used */
};

enum rules_subject {
	RULES_METHOD,
	RULES_HOST, /* any case; "*.example.org" is written as SUFFIX ".example.org" */
	RULES_PATH,
	RULES_QUERY,    /* whole, or the values of the parameters .name where that is given */
	RULES_HEADER,   /* .name; any field of that name */
	RULES_COOKIE,   /* .name; the first one */
	RULES_SNI,      /* any case */
	RULES_ALPN,     /* any of those offered */
	RULES_CLIENT,   /* .prefixes instead of .patterns */
	RULES_PROTOCOL, /* "http", "tls" or "none" (not understood) */
	RULES_N_SUBJECTS
};

struct rules_pattern {
	uint8_t match; /* enum rules_match */
	char *text;
};

struct rules_condition {
	uint8_t subject; /* enum rules_subject */
	bool negate;     /* holds if no pattern does */
	char *name;      /* HEADER, COOKIE, QUERY */
	unsigned n_patterns;
	struct rules_pattern *patterns;
	unsigned n_prefixes;
	struct baton_prefix *prefixes; /* CLIENT */
};

/* One rule as configured. */
struct rules_spec {
	char *name; /* for statistics; NULL: its number, from 1 */
	unsigned n_conditions;
	struct rules_condition *conditions; /* none: always holds */
	uint8_t action;                     /* enum rules_action */
	uint16_t pool;       /* POOL: number of the pool in the VIP, 0 the VIP's own endpoints, from 1 its pools */
	char *answer;        /* ANSWER: what is sent, status line to body; */
	uint32_t answer_len; /* of at most one segment */
};

struct rules;

/*
 * Compile n rules, of which copies are kept. NULL with the reason and the rule's
 * index (n: it is none's fault) if one can not be. Takes all memory that
 * applying them needs. Control thread.
 */
struct rules *rules_new(const struct rules_spec *specs, unsigned n, char *why, size_t size, unsigned *ret_at);
/* Takes NULL. */
void rules_free(struct rules *r);

unsigned rules_n(const struct rules *r);
/* Borrowed: name for people. */
const char *rules_name(const struct rules *r, unsigned i);
/* Hits of a rule over all lcores; i = rules_n(): connections that no rule took. Any thread. */
uint64_t rules_hits(const struct rules *r, unsigned i);
/*
 * Conditions that held neither plainly nor negated, because a regular expression
 * met a value longer than 1024 bytes or took too many steps (peek/regex.h), or
 * too many had been tried on the connection before. Any thread.
 */
uint64_t rules_undecided(const struct rules *r);

struct rules_verdict {
	uint16_t rule; /* index, or rules_n() */
	uint8_t action;
	uint16_t pool;
	const char *answer; /* borrowed from the rules */
	uint32_t answer_len;
};

/*
 * The first rule that holds for what a client of this address (family 4 or 6,
 * network order) said; pool 0 if none does. Counted for the lcore (below
 * RULES_MAX_LCORES), which calls from one thread only.
 */
void rules_apply(struct rules *r, unsigned lcore, const struct peek_head *head, const struct baton_tuple *key,
		 struct rules_verdict *ret);

#endif
