/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/conf_value.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "baton/addr.h"

const char *conf_value_wanted(const struct conf_key *k)
{
	switch (k->type) {
	case CONF_BOOL:
		return "true or false";
	case CONF_INT:
		return "an integer";
	case CONF_GROUP:
		return "a group { ... }";
	case CONF_LIST:
		return "a list ( { ... }, ... )";
	case CONF_STRING:
	case CONF_ENUM:
	case CONF_ADDR:
	case CONF_PREFIX:
	case CONF_TEXT:
		break;
	}
	return "a string";
}

void conf_value_range(const struct conf_key *k, long long *ret_min, long long *ret_max)
{
	bool given = k->min || k->max;

	if (k->type == CONF_STRING) {
		*ret_min = given ? k->min : 1;
		*ret_max = given ? k->max : CONF_STRING_MAX;
	} else {
		*ret_min = given ? k->min : INT_MIN;
		*ret_max = given ? k->max : INT_MAX;
	}
}

static void integer_store(void *field, size_t size, long long v)
{
	int8_t v8 = (int8_t)v;
	int16_t v16 = (int16_t)v;
	int32_t v32 = (int32_t)v;

	switch (size) {
	case 1:
		memcpy(field, &v8, sizeof v8);
		break;
	case 2:
		memcpy(field, &v16, sizeof v16);
		break;
	case 4:
		memcpy(field, &v32, sizeof v32);
		break;
	default:
		memcpy(field, &v, sizeof v);
		break;
	}
}

static int int_store(const struct conf_key *k, long long v, void *field, char *why, size_t size)
{
	long long min, max;

	conf_value_range(k, &min, &max);
	if (v < min || v > max) {
		snprintf(why, size, "%lld is out of range %lld-%lld", v, min, max);
		return -ERANGE;
	}
	integer_store(field, k->size, v);
	return 0;
}

static int string_store(const struct conf_key *k, const char *text, void *field, char *why, size_t size)
{
	size_t len = strlen(text);
	long long min, max;
	char *copy;

	conf_value_range(k, &min, &max);
	if (len < (size_t)min) {
		snprintf(why, size, len ? "shorter than %lld characters" : "must not be empty", min);
		return -ERANGE;
	}
	if (len > (size_t)max) {
		snprintf(why, size, "longer than %lld characters", max);
		return -ERANGE;
	}
	for (const char *p = text; *p; p++) {
		if (iscntrl((unsigned char)*p) && !(k->lines && strchr("\t\r\n", *p))) {
			snprintf(why, size, "holds a control character");
			return -EINVAL;
		}
	}
	copy = strdup(text);
	if (!copy) {
		snprintf(why, size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	memcpy(field, &copy, sizeof copy);
	return 0;
}

static int enum_store(const struct conf_key *k, const char *text, void *field, char *why, size_t size)
{
	size_t n;

	for (const struct conf_name *e = k->names; e->name; e++) {
		if (!strcmp(e->name, text)) {
			integer_store(field, k->size, e->value);
			return 0;
		}
	}
	n = (size_t)snprintf(why, size, "\"%.64s\" is not one of", text);
	for (const struct conf_name *e = k->names; e->name && n < size; e++)
		n += (size_t)snprintf(why + n, size - n, "%s %s", e == k->names ? "" : ",", e->name);
	return -EINVAL;
}

static int addr_store(const char *text, void *field, char *why, size_t size)
{
	struct baton_addr a;

	if (baton_addr_parse(text, &a) < 0) {
		snprintf(why, size, "\"%.64s\" is not an IPv4 or IPv6 address", text);
		return -EINVAL;
	}
	memcpy(field, &a, sizeof a);
	return 0;
}

static int prefix_store(const char *text, void *field, char *why, size_t size)
{
	struct baton_prefix p;

	if (baton_prefix_parse(text, &p) < 0) {
		snprintf(why, size, "\"%.64s\" is not an address with prefix length, such as 192.0.2.1/24", text);
		return -EINVAL;
	}
	memcpy(field, &p, sizeof p);
	return 0;
}

static int text_store(const struct conf_key *k, const char *text, void *field, void *object, char *why, size_t size)
{
	switch (k->type) {
	case CONF_STRING:
		return string_store(k, text, field, why, size);
	case CONF_ENUM:
		return enum_store(k, text, field, why, size);
	case CONF_ADDR:
		return addr_store(text, field, why, size);
	case CONF_PREFIX:
		return prefix_store(text, field, why, size);
	case CONF_TEXT:
		return k->parse(text, object, why, size);
	case CONF_BOOL:
	case CONF_INT:
	case CONF_GROUP:
	case CONF_LIST:
		break;
	}
	snprintf(why, size, "must be %s, not a string", conf_value_wanted(k));
	return -EINVAL;
}

static int store(const struct conf_key *k, const struct conf_value *v, void *field, void *object, char *why,
		 size_t size)
{
	static const char *const kinds[] = { "true or false", "an integer", "a string" };
	bool b = v->number != 0;

	if (v->kind == CONF_VALUE_STRING)
		return text_store(k, v->text, field, object, why, size);
	if (v->kind == CONF_VALUE_BOOL && k->type == CONF_BOOL) {
		memcpy(field, &b, sizeof b);
		return 0;
	}
	if (v->kind == CONF_VALUE_INT && k->type == CONF_INT)
		return int_store(k, v->number, field, why, size);
	snprintf(why, size, "must be %s, not %s", conf_value_wanted(k),
		 v->kind == CONF_VALUE_OTHER ? v->what : kinds[v->kind]);
	return -EINVAL;
}

int conf_value_store(const struct conf_key *k, const struct conf_value *v, void *field, void *object, char *why,
		     size_t size)
{
	int err = store(k, v, field, object, why, size);

	if (!err && k->check)
		err = k->check(field, why, size);
	return err;
}

int conf_value_store_default(const struct conf_key *k, void *field, void *object, char *why, size_t size)
{
	struct conf_value v = { .kind = CONF_VALUE_STRING, .text = k->def };
	char *end;

	if (k->type == CONF_BOOL) {
		v.kind = CONF_VALUE_BOOL;
		v.number = !strcmp(k->def, "true");
	} else if (k->type == CONF_INT) {
		v.kind = CONF_VALUE_INT;
		v.number = strtoll(k->def, &end, 10);
		if (end == k->def || *end) {
			snprintf(why, size, "default \"%s\" is not an integer", k->def);
			return -EINVAL;
		}
	}
	return conf_value_store(k, &v, field, object, why, size);
}

int conf_check_name(const void *value, char *why, size_t size)
{
	const char *text = *(char *const *)value;

	for (const char *p = text; *p; p++) {
		if ((!isalnum((unsigned char)*p) && !strchr("._-", *p)) || (p == text && strchr(".-", *p))) {
			snprintf(why, size,
				 "may hold letters, digits, '.', '_' and '-' only, and start with a letter, digit or "
				 "'_'");
			return -EINVAL;
		}
	}
	return 0;
}

int conf_check_path(const void *value, char *why, size_t size)
{
	const char *text = *(char *const *)value;

	if (text[0] != '/') {
		snprintf(why, size, "must be an absolute path");
		return -EINVAL;
	}
	return 0;
}
