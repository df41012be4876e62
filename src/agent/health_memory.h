/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What of the health table outlives the agent: RUN_DIR/health, a small text
 * file. Kept is what stays true while nobody looks: what operators have said,
 * what balancers were acting on, and the number of the run. What an application
 * or a probe has said is not kept; they say it again.
 */
#ifndef BATON_AGENT_HEALTH_MEMORY_H
#define BATON_AGENT_HEALTH_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/health.h"
#include "agent/teller.h"

#define HEALTH_MEMORY_FILE_MAX (1024 * 1024)

/* An operator's word about a row. */
struct health_memory_word {
	struct health_app_id id;
	struct agent_word word;
};

struct health_memory {
	uint64_t incarnation; /* of the run that wrote it; 0: none */
	uint8_t wish;         /* for the whole host */
	char wish_reason[HEALTH_REASON_MAX];
	struct teller_memory *rows;
	unsigned n_rows;
	struct health_memory_word *words;
	unsigned n_words;
};

/* Nothing known. */
void health_memory_init(struct health_memory *s);
void health_memory_fini(struct health_memory *s);
/* Append. 0, -ENOSPC beyond HEALTH_MAX_ROWS, -ENOMEM. */
int health_memory_row_add(struct health_memory *s, const struct teller_memory *row);
int health_memory_word_add(struct health_memory *s, const struct health_app_id *id, const struct agent_word *w);

/*
 * Parse a state text into *ret (initialised by this, to be freed with
 * health_memory_fini() in every case). 0, or -EINVAL with the first line that is
 * wrong, or -ENOMEM.
 */
int health_memory_parse(const char *text, struct health_memory *ret, unsigned *ret_line);
/* The text, to be freed; NULL if memory is short. */
char *health_memory_format(const struct health_memory *s);
/* Read the file; an absent one is an empty state. As health_memory_parse(), or -errno with line 0. */
int health_memory_load(const char *path, struct health_memory *ret, unsigned *ret_line);
/* Write the text by way of a temporary file beside it. 0 or -errno. */
int health_memory_save(const char *path, const char *text);

/* Let the operator's words count again. What can't be added is left out. */
void health_memory_apply(const struct health_memory *s, struct agent_health *h);

#endif
