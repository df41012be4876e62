/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/conf.h"
#include "batonctl/client.h"
#include "batonctl/show.h"
#include "fake_batond.h"

static const struct fake_reply replies[] = {
	{ "/baton/endpoints,0",
	  "{\"/baton/endpoints\": {\"rows\": {\"0\": {\"vip\": \"web\", \"host\": \"10.0.0.11\", \"port\": 80}},"
	  " \"next\": 7}}" },
	{ "/baton/endpoints,7", "{\"/baton/endpoints\": {\"rows\": {}, \"next\": 9}}" },
	{ "/baton/endpoints,9",
	  "{\"/baton/endpoints\": {\"rows\": {\"0\": {\"vip\": \"dns\", \"host\": \"2001:db8::1\", \"port\": 53},"
	  " \"1\": {\"vip\": \"web\", \"host\": \"10.0.0.12\", \"port\": 80}}, \"next\": 0}}" },
	{ "/baton/drops,0", "{\"/baton/drops\": {\"rows\": {\"0\": {\"name\": \"a\", \"count\": 0}, \"1\": {\"name\": "
			    "\"b\", \"count\": 2}},"
			    " \"next\": 0}}" },
	{ "/baton/routes,0,client=10.0.0.5,vip=web,host=10.0.0.11",
	  "{\"/baton/routes\": {\"rows\": {\"0\": {\"client\": \"10.0.0.5\"}}, \"next\": 0}}" },
	{ "/baton/routes_count,0",
	  "{\"/baton/routes_count\": {\"rows\": {\"0\": {\"forwarder\": 0, \"routes\": 3}}, \"next\": 0}}" },
	{ "/baton/ports,0", "{\"/baton/ports\": [1, 2]}" },
	{ "/baton/vips,0", "{\"/baton/vips\": {\"rows\": {}, \"next\": \"x\"}}" },
	{ "/baton/rules,0", "{\"/baton/rules\": {\"rows\": {\"0\": {\"vip\": \"shop\", \"rule\": \"api\", \"hits\": 3},"
			    " \"1\": {\"vip\": \"shop2\", \"rule\": \"x\", \"hits\": 0}}, \"next\": 0}}" },
	{ "/baton/allotments,0",
	  "{\"/baton/allotments\": {\"rows\": {\"0\": {\"vip\": \"shop/api\"}, \"1\": {\"vip\": \"shop\"},"
	  " \"2\": {\"vip\": \"shop2/api\"}}, \"next\": 0}}" },
	{ "/baton/lcores,0", "this is not JSON" },
	{ NULL, NULL },
};

struct state {
	struct fake_batond *fake;
	int fd;
	char why[BATONCTL_WHY_SIZE];
	json_t *rows;
	bool more;
};

static int setup(void **state)
{
	struct state *s = calloc(1, sizeof *s);

	s->fake = fake_batond_new(replies);
	s->fd = client_telemetry_open(fake_batond_run_dir(s->fake), s->why);
	*state = s;
	return s->fd < 0;
}

static int teardown(void **state)
{
	struct state *s = *state;

	json_decref(s->rows);
	close(s->fd);
	fake_batond_free(s->fake);
	free(s);
	return 0;
}

static int fetch(struct state *s, const char *what, const struct options *o)
{
	json_decref(s->rows);
	s->rows = NULL;
	return show_fetch(s->fd, show_find(what, o->count), o, &s->rows, &s->more, s->why);
}

static void rows_are(struct state *s, size_t n, const char *key, const char *first)
{
	assert_int_equal(json_array_size(s->rows), n);
	assert_string_equal(json_string_value(json_object_get(json_array_get(s->rows, 0), key)), first);
}

static void test_pages_are_joined(void **state)
{
	struct state *s = *state;
	struct options o = { 0 };

	assert_int_equal(fetch(s, "endpoints", &o), 0);
	rows_are(s, 3, "vip", "web");
	assert_false(s->more);
}

static void test_limit(void **state)
{
	struct state *s = *state;
	struct options o = { .limit = 2 };

	assert_int_equal(fetch(s, "endpoints", &o), 0);
	rows_are(s, 2, "vip", "web");
	assert_true(s->more);
	o.limit = 3;
	assert_int_equal(fetch(s, "endpoints", &o), 0);
	rows_are(s, 3, "vip", "web");
	assert_false(s->more);
}

static void test_filters_of_small_lists(void **state)
{
	struct state *s = *state;
	struct options by_vip = { .vip = "dns" }, by_host = { .host = "2001:db8:0::1" },
		       both = { .vip = "web", .host = "::1" };

	assert_int_equal(fetch(s, "endpoints", &by_vip), 0);
	rows_are(s, 1, "host", "2001:db8::1");
	assert_int_equal(fetch(s, "endpoints", &by_host), 0);
	rows_are(s, 1, "vip", "dns");
	assert_int_equal(fetch(s, "endpoints", &both), 0);
	assert_int_equal(json_array_size(s->rows), 0);
}

static void test_a_vip_is_itself_and_its_pools(void **state)
{
	struct state *s = *state;
	struct options vip = { .vip = "shop" }, pool = { .vip = "shop/api" };

	assert_int_equal(fetch(s, "allotments", &vip), 0);
	rows_are(s, 2, "vip", "shop/api");
	assert_int_equal(fetch(s, "allotments", &pool), 0);
	rows_are(s, 1, "vip", "shop/api");
	assert_int_equal(fetch(s, "rules", &vip), 0);
	rows_are(s, 1, "rule", "api");
}

static void test_filters_of_routes_go_to_batond(void **state)
{
	struct state *s = *state;
	struct options o = { .client = "10.0.0.5", .vip = "web", .host = "10.0.0.11" };

	assert_int_equal(fetch(s, "routes", &o), 0);
	rows_are(s, 1, "client", "10.0.0.5");
}

static void test_count(void **state)
{
	struct state *s = *state;
	struct options o = { .count = true };

	assert_int_equal(fetch(s, "routes", &o), 0);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(s->rows, 0), "routes")), 3);
}

static void test_zero_rows_are_left_out(void **state)
{
	struct state *s = *state;
	struct options few = { 0 }, all = { .all = true };

	assert_int_equal(fetch(s, "drops", &few), 0);
	rows_are(s, 1, "name", "b");
	assert_int_equal(fetch(s, "drops", &all), 0);
	rows_are(s, 2, "name", "a");
}

static void test_bad_replies(void **state)
{
	struct state *s = *state;
	struct options o = { 0 };

	assert_int_equal(fetch(s, "neighbours", &o), -ENOENT);
	assert_string_equal(s->why, "/baton/neighbours,0: batond does not know this request");
	assert_int_equal(fetch(s, "ports", &o), -EPROTO);
	assert_string_equal(s->why, "/baton/ports: batond's reply has not the expected form");
	assert_int_equal(fetch(s, "vips", &o), -EPROTO);
	assert_int_equal(fetch(s, "lcores", &o), -EPROTO);
	assert_null(s->rows);
	assert_non_null(strstr(s->why, "/baton/lcores: batond's reply is not JSON"));
}

static void test_nobody_there(void **state)
{
	char why[BATONCTL_WHY_SIZE], long_dir[200], *reply;

	assert_int_equal(client_telemetry_open("/nonexistent", why), -ENOENT);
	assert_string_equal(why,
			    "/nonexistent/dpdk/baton/dpdk_telemetry.v2: No such file or directory; is batond running, "
			    "and is this its run directory (-r, -c)?");
	memset(long_dir, 'x', sizeof long_dir);
	long_dir[0] = '/';
	long_dir[sizeof long_dir - 1] = 0;
	assert_int_equal(client_telemetry_open(long_dir, why), -ENAMETOOLONG);
	assert_int_equal(client_control_request("/nonexistent", "reload", &reply, why), -ENOENT);
}

static void test_every_thing_is_complete(void **state)
{
	for (const struct show_thing *t = show_things; t->name; t++) {
		unsigned n = 0;

		for (const struct column *c = t->columns; c->key; c++)
			n++;
		assert_in_range(n, 1, TABLE_MAX_COLUMNS);
		assert_non_null(t->help);
		assert_ptr_equal(show_find(t->name, false), t);
		assert_string_equal(t->request + strlen("/baton/"), t->name);
	}
	assert_null(show_find("nothing", false));
	assert_string_equal(show_find("routes", true)->request, "/baton/routes_count");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_pages_are_joined),
		T(test_limit),
		T(test_filters_of_small_lists),
		T(test_a_vip_is_itself_and_its_pools),
		T(test_filters_of_routes_go_to_batond),
		T(test_count),
		T(test_zero_rows_are_left_out),
		T(test_bad_replies),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_every_thing_is_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
