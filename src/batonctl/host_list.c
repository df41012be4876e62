/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <jansson.h>

#include "base/app.h"
#include "batonctl/host.h"
#include "batonctl/table.h"

#define ROWS_MAX 4096 /* of a host; an agent that never ends its list is none */

static const struct column columns[] = {
	{ "app", "application", COLUMN_TEXT },
	{ "health", "health", COLUMN_TEXT },
	{ "target", "target", COLUMN_TEXT },
	{ "current", "current", COLUMN_TEXT },
	{ "capacity", "cap", COLUMN_NUMBER },
	{ "load", "load %", COLUMN_NUMBER },
	{ "reason", "reason", COLUMN_TEXT },
	{ "sources", "said by", COLUMN_TEXT },
	{ 0 },
};

static const char *name_of(const char *const names[3], uint8_t n)
{
	return n < 3 ? names[n] : "?";
}

static void app_text(const struct baton_agent_app *a, char text[APP_TEXT_MAX])
{
	struct health_app_id id = { .vip_port = ntohs(a->vip_port),
				    .host_port = ntohs(a->host_port),
				    .proto = a->proto };

	memcpy(id.vip.b, a->vip, sizeof a->vip);
	memcpy(id.host.b, a->host, sizeof a->host);
	id.vip.family = a->vip_family;
	id.host.family = a->host_family;
	memcpy(id.specific, a->specific, sizeof id.specific - 1);
	app_format(&id, text, APP_TEXT_MAX);
}

/* Texts come from the agent, which may be another than ours: they end where their field ends. */
static json_t *text_json(const char *text, size_t size)
{
	json_t *s = json_stringn(text, strnlen(text, size));

	return s ? s : json_string("?");
}

static json_t *row_json(const struct baton_agent_row *r)
{
	static const char *const states[] = { "unknown", "healthy", "failing" };
	static const char *const directives[] = { "inactive", "draining", "active" };
	char app[APP_TEXT_MAX];

	app_text(&r->app, app);
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:f, s:o, s:o}", "app", app, "health", name_of(states, r->state),
			 "target", name_of(directives, r->target), "current", name_of(directives, r->current),
			 "capacity", r->capacity, "load", ntohs(r->load) / 100.0, "reason",
			 text_json(r->reason, sizeof r->reason), "sources", text_json(r->sources, sizeof r->sources));
}

/* What stands for the whole host, above the table. */
static void host_print(const struct baton_agent_reply *head)
{
	if (head->host_wish == HEALTH_ACTIVE)
		return;
	printf("%.*s is %s", BATON_AGENT_HOST, head->host[0] ? head->host : "this host",
	       head->host_wish == HEALTH_DRAINING ? "draining" : "inactive");
	printf("%s%.*s\n\n", head->text[0] ? ": " : "", BATON_AGENT_TEXT, head->text);
}

/* All pages. An exit code. */
static int fetch(const struct options *o, struct baton_agent_reply *ret_head, json_t *rows)
{
	union {
		struct baton_agent_reply head;
		uint8_t bytes[BATON_AGENT_REPLY_MAX];
	} reply;
	const struct baton_agent_row *row = (const void *)(reply.bytes + sizeof reply.head);
	struct baton_agent_request r = { .type = BATON_AGENT_LIST };
	int code;

	do {
		code = host_ask(o, &r, &reply.head, sizeof reply);
		if (code)
			return code;
		for (unsigned i = 0; i < reply.head.n_rows; i++)
			json_array_append_new(rows, row_json(&row[i]));
		if (reply.head.n_rows)
			r.app = row[reply.head.n_rows - 1].app;
	} while (reply.head.more && reply.head.n_rows && json_array_size(rows) < ROWS_MAX);
	*ret_head = reply.head;
	return BATONCTL_OK;
}

static void rows_print(const struct options *o, const struct column *c, const json_t *rows)
{
	if (!o->json) {
		table_print(stdout, c, rows, NULL, 0);
		return;
	}
	json_dumpf(rows, stdout, JSON_INDENT(2));
	putchar('\n');
}

int host_list(const struct options *o)
{
	struct baton_agent_reply head;
	json_t *rows = json_array();
	int code = fetch(o, &head, rows);

	if (code == BATONCTL_OK && !o->json)
		host_print(&head);
	if (code == BATONCTL_OK)
		rows_print(o, columns, rows);
	json_decref(rows);
	return code;
}

int host_counters(const struct options *o)
{
	static const struct column counter_columns[] = { { "name", "counter", COLUMN_TEXT },
							 { "count", "count", COLUMN_NUMBER },
							 { "text", "meaning", COLUMN_TEXT },
							 { 0 } };
	union {
		struct baton_agent_reply head;
		uint8_t bytes[BATON_AGENT_REPLY_MAX];
	} reply;
	const struct baton_agent_counter *c = (const void *)(reply.bytes + sizeof reply.head);
	struct baton_agent_request r = { .type = BATON_AGENT_COUNTERS };
	int code = host_ask(o, &r, &reply.head, sizeof reply);
	json_t *rows = json_array();

	for (unsigned i = 0; code == BATONCTL_OK && i < reply.head.n_rows; i++)
		json_array_append_new(rows, json_pack("{s:o, s:I, s:o}", "name", text_json(c[i].name, sizeof c[i].name),
						      "count", (json_int_t)be64toh(c[i].value), "text",
						      text_json(c[i].text, sizeof c[i].text)));
	if (code == BATONCTL_OK)
		rows_print(o, counter_columns, rows);
	json_decref(rows);
	return code;
}
