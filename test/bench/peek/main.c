/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * baton-bench-peek REPETITIONS FOLDER: time to read captured heads, whole and in segments, and to
 * apply rules. Medians of the repetitions, each of some thousand rounds. FOLDER: test/fuzz/corpus.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "peek/rules.h"

#define ROUNDS 5000
#define MAX_REPETITIONS 1001
#define N_RULES 20
#define SEGMENT 100 /* bytes that come at once */

static const char *const files[] = { "peek_http/curl",  "peek_http/chromium",   "peek_http/curl_proxy",
				     "peek_tls/curl13", "peek_tls/openssl_psk", "peek_tls/chromium" };

static struct peek_head head;
static uint8_t bytes[PEEK_MAX_LEN];
static uint32_t len;

static int load(const char *folder, const char *name)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "rb");
	if (!f) {
		fprintf(stderr, "cannot read %s\n", path);
		return -1;
	}
	len = (uint32_t)fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	return 0;
}

static bool read_whole(void *arg)
{
	struct peek_state s = { 0 };

	return peek_head(&s, APPLICATION_ANY, bytes, len, PEEK_MAX_LEN, &head) == PEEK_COMPLETE;
}

static bool read_segments(void *arg)
{
	struct peek_state s = { 0 };

	for (uint32_t n = SEGMENT; n < len; n += SEGMENT)
		if (peek_head(&s, APPLICATION_ANY, bytes, n, PEEK_MAX_LEN, &head) != PEEK_MORE)
			return false;
	return peek_head(&s, APPLICATION_ANY, bytes, len, PEEK_MAX_LEN, &head) == PEEK_COMPLETE;
}

static bool apply(void *arg)
{
	static const struct baton_tuple key = { .family = BATON_IPV4 };
	struct rules_verdict v;

	rules_apply(arg, 0, &head, &key, &v);
	return v.rule == N_RULES;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median ns per round, or negative if a round did not do what it is for. */
static double measure(unsigned repetitions, bool (*round)(void *), void *arg)
{
	static double ns[MAX_REPETITIONS];

	for (unsigned i = 0; i < repetitions; i++) {
		uint64_t begin = clock_monotonic_ns();

		for (unsigned k = 0; k < ROUNDS; k++)
			if (!round(arg))
				return -1;
		ns[i] = (double)(clock_monotonic_ns() - begin) / ROUNDS;
	}
	qsort(ns, repetitions, sizeof ns[0], ascending);
	return ns[repetitions / 2];
}

/* Rules none of which takes the head, so that all are tried. */
static struct rules *make_rules(uint8_t match, const char *format)
{
	static char text[N_RULES][64];
	static struct rules_pattern patterns[N_RULES];
	static struct rules_condition conditions[N_RULES];
	static struct rules_spec specs[N_RULES];
	char why[200] = "";
	unsigned at;
	struct rules *r;

	for (unsigned i = 0; i < N_RULES; i++) {
		snprintf(text[i], sizeof text[i], "%s%u/", format, i);
		patterns[i] = (struct rules_pattern){ match, text[i] };
		conditions[i] =
			(struct rules_condition){ .subject = RULES_PATH, .n_patterns = 1, .patterns = &patterns[i] };
		specs[i] = (struct rules_spec){ .n_conditions = 1, .conditions = &conditions[i] };
	}
	r = rules_new(specs, N_RULES, why, sizeof why, &at);
	if (!r)
		fprintf(stderr, "rule %u: %s\n", at, why);
	return r;
}

static int print_heads(unsigned repetitions, const char *folder)
{
	printf("%-24s %8s %12s %24s\n", "head", "bytes", "whole, ns", "100 bytes a time, ns");
	for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
		double whole, segments;

		if (load(folder, files[i]) < 0)
			return 1;
		whole = measure(repetitions, read_whole, NULL);
		segments = measure(repetitions, read_segments, NULL);
		if (whole < 0 || segments < 0)
			return 1;
		printf("%-24s %8u %12.0f %24.0f\n", files[i], len, whole, segments);
	}
	return 0;
}

static int print_rules(unsigned repetitions, const char *folder)
{
	static const struct {
		const char *label, *format;
		uint8_t match;
	} kinds[] = { { "prefixes", "/no/such/path/", RULES_PREFIX },
		      { "regexes, anchored", "^/[a-z]+/v[0-9]+/users/", RULES_REGEX },
		      { "regexes, anywhere", "/v[0-9]+/users/", RULES_REGEX } };

	if (load(folder, files[0]) < 0 || !read_whole(NULL))
		return 1;
	printf("\n%u rules over the path of %s, none of which holds\n", N_RULES, files[0]);
	for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct rules *r = make_rules(kinds[i].match, kinds[i].format);
		double ns = r ? measure(repetitions, apply, r) : -1;

		rules_free(r);
		if (ns < 0)
			return 1;
		printf("%-24s %21.0f ns\n", kinds[i].label, ns);
	}
	return 0;
}

int main(int argc, char **argv)
{
	long repetitions = argc == 3 ? strtol(argv[1], NULL, 10) : 0;

	if (repetitions < 1 || repetitions > MAX_REPETITIONS) {
		fprintf(stderr, "usage: baton-bench-peek REPETITIONS FOLDER\n");
		return 2;
	}
	return print_heads((unsigned)repetitions, argv[2]) || print_rules((unsigned)repetitions, argv[2]);
}
