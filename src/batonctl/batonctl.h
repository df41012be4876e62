/* SPDX-License-Identifier: BSD-3-Clause */
/* What the commands of batonctl share. One thread. */
#ifndef BATON_BATONCTL_BATONCTL_H
#define BATON_BATONCTL_BATONCTL_H

#include <stdbool.h>

/* Exit codes; documented in docs/batonctl.md and never renumbered. */
enum {
	BATONCTL_OK = 0,
	BATONCTL_NEGATIVE = 1,    /* the answer is no: reload refused, check or doctor found a fault */
	BATONCTL_USAGE = 2,       /* the command line makes no sense */
	BATONCTL_UNREACHABLE = 3, /* batond can't be reached or does not answer as it should */
};

#define BATONCTL_WHY_SIZE 512 /* buffer for the reason of a failure */
#define BATONCTL_MAX_WATCHED 8

/* The command line, parsed. Texts belong to argv, run_dir to the caller of options_parse(). */
struct options {
	const char *command;                     /* "show" */
	const char *words[BATONCTL_MAX_WATCHED]; /* what comes after it */
	unsigned n_words;
	const char *run_dir; /* -r; NULL: not given */
	const char *config;  /* -c; NULL: not given */
	bool json, count, all, help, version;
	unsigned limit;                  /* rows; 0: no limit */
	unsigned interval_s;             /* watch */
	const char *client, *vip, *host; /* filters; NULL: any */
	const char *reason;              /* host health, drain; NULL: none */
	int capacity, load;              /* host; percent; -1: not given */
	bool inactive;                   /* drain: end established connections as well */
	unsigned seconds;                /* trace; 0: until it is ended */
};

/*
 * 0, or -EINVAL with what is wrong in why (size ≥ BATONCTL_WHY_SIZE). Does not
 * judge command and words.
 */
int options_parse(int argc, char **argv, struct options *ret, char *why);

/*
 * batond's run directory by -r, or by the device file of -c, or by the default
 * device file if it can be read, or the default. 0 and *ret (to be freed), or
 * -errno with the reason.
 */
int options_run_dir(const struct options *o, char **ret, char *why);

/* The device file by -c or the default. */
const char *options_config(const struct options *o);

/* The commands: exit codes. */
int show_command(const struct options *o);
int watch_command(const struct options *o);
int reload_command(const struct options *o);
int device_command(const struct options *o);
int check_command(const struct options *o);
int doctor_command(const struct options *o);
int host_command(const struct options *o);
int drain_command(const struct options *o);
int undrain_command(const struct options *o);
int trace_command(const struct options *o);

/* Complain on standard error about an unknown word, with the nearest known one. Returns BATONCTL_USAGE. */
int batonctl_unknown(const char *what, const char *word, const char *const known[]);

#endif
