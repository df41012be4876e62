/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of src/base/conf*.c: one value of one key. */
#ifndef BATON_BASE_CONF_VALUE_H
#define BATON_BASE_CONF_VALUE_H

#include "base/conf.h"

/* A value as the file gives it, without the file. */
struct conf_value {
	enum { CONF_VALUE_BOOL, CONF_VALUE_INT, CONF_VALUE_STRING, CONF_VALUE_OTHER } kind;
	long long number; /* BOOL, INT */
	const char *text; /* STRING */
	const char *what; /* OTHER: "a group", for the message */
};

/*
 * Check v by the key and store it into field (element of the array if the key
 * is a list) of object. 0, or -errno with a reason in why.
 */
int conf_value_store(const struct conf_key *k, const struct conf_value *v, void *field, void *object, char *why,
		     size_t size);
/* Store the key's default text. 0, or -errno with a reason in why. */
int conf_value_store_default(const struct conf_key *k, void *field, void *object, char *why, size_t size);
/* "an integer", "a string": what a value of this key has to be. */
const char *conf_value_wanted(const struct conf_key *k);
/* The key's range as it is refused and printed: smallest and largest. */
void conf_value_range(const struct conf_key *k, long long *ret_min, long long *ret_max);

#endif
