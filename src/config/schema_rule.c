/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys of one rule of a VIP. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "config/schema.h"
#include "peek/rules.h"

#define MAX_FIELDS 16 /* headers, cookies or parameters that one rule names */

static const struct conf_name refuses[] = { { "reset", CONFIG_REFUSE_RESET }, { "drop", CONFIG_REFUSE_DROP }, { 0 } };

static bool token_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

int config_check_token(const void *value, char *why, size_t size)
{
	const char *text = *(char *const *)value;

	for (const char *p = text; *p; p++) {
		if (!token_char(*p)) {
			snprintf(why, size, "\"%.64s\" is no name: letters, digits and !#$%%&'*+-.^_`|~ only", text);
			return -EINVAL;
		}
	}
	return 0;
}

/* RFC 9110, section 9.1: they are told apart by case, and all that are registered are in capitals. */
static int method_check(const void *value, char *why, size_t size)
{
	const char *text = *(char *const *)value;

	for (const char *p = text; *p; p++) {
		if (islower((unsigned char)*p)) {
			snprintf(why, size, "\"%.64s\": methods are written in capitals", text);
			return -EINVAL;
		}
	}
	return config_check_token(value, why, size);
}

/* A name, "*.name" or "*"; numbers in brackets for IPv6. */
static int host_check(const void *value, char *why, size_t size)
{
	const char *text = *(char *const *)value, *p = text;

	if (!strcmp(text, "*") || *text == '[')
		return 0;
	if (!strncmp(text, "*.", 2))
		p += 2;
	if (!*p || strchr(p, '*')) {
		snprintf(why, size, "\"%.64s\": '*' stands for all before the first dot or alone; else use a regex",
			 text);
		return -EINVAL;
	}
	for (; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p)) {
			snprintf(why, size, "\"%.64s\" is no host name (without port)", text);
			return -EINVAL;
		}
	}
	return 0;
}

static int path_check(const void *value, char *why, size_t size)
{
	const char *text = *(char *const *)value;

	if (text[0] != '/' && strcmp(text, "*"))
		snprintf(why, size, "\"%.64s\": a path begins with '/'", text);
	else if (strpbrk(text, "?#"))
		snprintf(why, size, "\"%.64s\": a path ends before '?'; see query and parameter", text);
	else
		return 0;
	return -EINVAL;
}

static int protocol_check(const void *value, char *why, size_t size)
{
	const char *text = *(char *const *)value;

	if (!strcmp(text, "http") || !strcmp(text, "tls") || !strcmp(text, "none"))
		return 0;
	snprintf(why, size, "\"%.64s\" is not one of http, tls, none", text);
	return -EINVAL;
}

#define VALUES(i) CONF_HEAP(struct config_field, values[i].text, values[i].n, RULES_MAX_PATTERNS)

static const struct conf_key header_keys[] = {
	{ "name", CONF_STRING, CONF_FIELD(struct config_field, name), .required = true, .min = 1, .max = 255,
	  .check = config_check_token, .help = "Its name; of a header in any case." },
	{ "value", CONF_STRING, VALUES(CONFIG_VALUE_EXACT), .help = "Values. Without any list: that it is there." },
	{ "prefix", CONF_STRING, VALUES(CONFIG_VALUE_PREFIX), .help = "How the value begins." },
	{ "suffix", CONF_STRING, VALUES(CONFIG_VALUE_SUFFIX), .help = "How the value ends." },
	{ "regex", CONF_STRING, VALUES(CONFIG_VALUE_REGEX), .help = "Regular expressions (PCRE2)." },
	{ 0 },
};

#define TEXTS(token, not )                                                                     \
	CONF_STRING, CONF_HEAP(struct config_rule, texts[CONFIG_CONDITION_##token][not ].text, \
			       texts[CONFIG_CONDITION_##token][not ].n, RULES_MAX_PATTERNS)
/* The key and its negation. */
#define BOTH(token, key, fn, text)                                                 \
	{ key, TEXTS(token, 0), .check = fn, .help = text },                       \
	{                                                                          \
		"not_" key, TEXTS(token, 1), .check = fn, .help = "None of these." \
	}

#define FIELDS(token, not )                                                             \
	CONF_LIST,                                                                      \
		CONF_HEAP(struct config_rule, fields[CONFIG_FIELD_##token][not ].field, \
			  fields[CONFIG_FIELD_##token][not ].n, MAX_FIELDS),            \
		.keys = header_keys
#define BOTH_FIELDS(token, key, text)                                  \
	{ key, FIELDS(token, 0), .help = text },                       \
	{                                                              \
		"not_" key, FIELDS(token, 1), .help = "None of these." \
	}

#define CLIENTS(not ) \
	CONF_PREFIX, CONF_HEAP(struct config_rule, clients[not ].prefix, clients[not ].n, RULES_MAX_PATTERNS)

static const struct conf_key answer_keys[] = {
	{ "status", CONF_INT, CONF_FIELD(struct config_answer, status), .min = 200, .max = 599,
	  .help = "Status code; needed." },
	{ "reason", CONF_STRING, CONF_FIELD(struct config_answer, reason), .min = 1, .max = 64,
	  .help = "Reason phrase; without it the usual one." },
	{ "location", CONF_STRING, CONF_FIELD(struct config_answer, location), .min = 1, .max = 255,
	  .help = "Header Location, for redirects." },
	{ "content_type", CONF_STRING, CONF_FIELD(struct config_answer, content_type), .min = 1, .max = 127,
	  .help = "Header Content-Type; text/plain; charset=utf-8 if there is a body and nothing else is said." },
	{ "body", CONF_STRING, CONF_FIELD(struct config_answer, body), .min = 1, .max = 512, .lines = true,
	  .help = "Body. The whole answer has to fit into 524 bytes, one smallest segment." },
	{ 0 },
};

const struct conf_key config_rule_keys[] = {
	{ "name", CONF_STRING, CONF_FIELD(struct config_rule, name), .min = 1, .max = RULES_NAME_MAX - 1,
	  .check = conf_check_name, .help = "For statistics; without it the rule's number, from 1." },
	BOTH(METHOD, "method", method_check, "HTTP methods."),
	BOTH(HOST, "host", host_check,
	     "Host names (HTTP), in any case and without port; \"*.a.example\" is every name that ends in .a.example."),
	BOTH(HOST_REGEX, "host_regex", NULL, "Regular expressions (PCRE2) for the host name."),
	BOTH(PATH, "path", path_check, "Whole paths, as the client wrote them, without what follows a '?'."),
	BOTH(PATH_PREFIX, "path_prefix", path_check, "How the path begins."),
	BOTH(PATH_SUFFIX, "path_suffix", NULL, "How the path ends."),
	BOTH(PATH_REGEX, "path_regex", NULL, "Regular expressions for the path."),
	BOTH(QUERY, "query", NULL, "Whole queries: what follows the '?'."),
	BOTH(QUERY_REGEX, "query_regex", NULL, "Regular expressions for the query."),
	BOTH_FIELDS(PARAMETER, "parameter", "Parameters of the query (name=value&...); each group is a condition."),
	BOTH_FIELDS(HEADER, "header", "HTTP headers; each group is a condition."),
	BOTH_FIELDS(COOKIE, "cookie", "HTTP cookies; each group is a condition."),
	BOTH(SNI, "sni", host_check, "TLS server names, as host."),
	BOTH(SNI_REGEX, "sni_regex", NULL, "Regular expressions for the TLS server name."),
	BOTH(ALPN, "alpn", NULL, "Application protocols (ALPN) that the client offers, such as h2."),
	BOTH(PROTOCOL, "protocol", protocol_check, "What the client speaks: http, tls, or none of them."),
	{ "client", CLIENTS(0), .help = "Networks of clients, such as 192.0.2.0/24." },
	{ "not_client", CLIENTS(1), .help = "None of these." },
	{ "pool", CONF_STRING, CONF_FIELD(struct config_rule, pool), .min = 1, .max = CONFIG_POOL_NAME_MAX,
	  .help = "Where the connection goes: name of a pool, or default for the VIP's own endpoints. A rule has one "
		  "of "
		  "pool, refuse and answer." },
	{ "refuse", CONF_ENUM, CONF_FIELD(struct config_rule, refuse), .names = refuses,
	  .help = "reset: the client is told so; drop: nothing is said, now and later." },
	{ "answer", CONF_GROUP, CONF_FIELD(struct config_rule, answer), .keys = answer_keys,
	  .help = "A short HTTP answer, then the end of the connection; a client that speaks TLS gets a reset." },
	{ 0 },
};
