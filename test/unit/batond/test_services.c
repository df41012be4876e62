/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "batond/ids.h"
#include "batond/services.h"
#include "config/schema.h"

#define N_IDS 64

static const char device[] =
	"device = { name = \"lb1\"; };\n"
	"ports = ( { name = \"net0\"; device = \"net_null0\"; addresses = [ \"10.0.0.2/24\" ]; } );\n"
	"lcores = ( { cpu = 1; roles = [ \"forwarder\", \"classifier\" ]; tunnel = [ \"10.0.0.10\" ]; } );\n";

#define VIP(pools, rules)                                                                         \
	"vip = { name = \"shop\"; address = \"10.0.0.100\"; port = 80; mode = \"application\";\n" \
	" timeouts = { established = 77; };\n"                                                    \
	" endpoints = ( { name = \"h1\"; host = \"10.0.0.11\"; } );\n"                            \
	" affinity = ( { by = \"cookie\"; name = \"S\"; timeout_s = 60; } );\n"                   \
	" pools = (" pools ");\n rules = (" rules "); };\n"
#define API " { name = \"api\"; endpoints = ( { name = \"h2\"; host = \"10.0.0.12\"; }, { host = \"10.0.0.11\"; } ); } "
#define IMG " { name = \"img\"; endpoints = ( { name = \"h3\"; host = \"10.0.0.13\"; } ); } "
#define TO_API " { path_prefix = [ \"/api\" ]; pool = \"api\"; } "
#define TO_IMG " { path_suffix = [ \".png\" ]; pool = \"img\"; } "

/* Configurations that follow one another, and the view of the last. */
struct world {
	struct ids *vip_ids, *endpoint_ids;
	struct services services;
	struct config *config;
	struct view *view;
};

static struct config *config_of(const char *vip)
{
	static char texts[8][CONF_FINDING_MAX];
	struct conf_findings f = { .text = texts, .max = 8 };
	struct conf_doc *docs[1] = { NULL };
	struct config_source s = { .vips = docs, .n_vips = vip ? 1 : 0 };
	struct config *c = NULL;

	assert_int_equal(conf_doc_read_text(device, strlen(device), "device.conf", &f, &s.device), 0);
	if (vip)
		assert_int_equal(conf_doc_read_text(vip, strlen(vip), "vip.conf", &f, &docs[0]), 0);
	if (config_assemble(&s, "device.conf", &f, &c) != 0)
		fail_msg("%s", texts[0]);
	conf_doc_free(s.device);
	conf_doc_free(docs[0]);
	return c;
}

static int nexthop(void *arg, const struct baton_addr *addr, uint16_t *ret_id)
{
	if (*(int *)arg)
		return *(int *)arg;
	*ret_id = addr->b[3];
	return 0;
}

/* As a reload does it. */
static void reload(struct world *w, const char *vip)
{
	struct config *c = config_of(vip);
	struct view *v;
	int err = 0;

	assert_int_equal(services_number(&w->services, c, w->vip_ids, w->endpoint_ids), 0);
	v = view_new(ids_n(w->vip_ids), ids_n(w->endpoint_ids), 0, 0);
	assert_int_equal(services_view(&w->services, v, nexthop, &err), 0);
	if (w->view) {
		services_retired(&w->services, w->view, v);
		services_applications_free(w->view);
		view_free(w->view);
	}
	assert_int_equal(view_seal(v), 0);
	w->view = v;
	config_free(w->config);
	w->config = c;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	w->vip_ids = ids_new(N_IDS, sizeof(struct service_key));
	w->endpoint_ids = ids_new(N_IDS, sizeof(struct service_endpoint_key));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	if (w->view)
		services_applications_free(w->view);
	view_free(w->view);
	config_free(w->config);
	ids_free(w->vip_ids);
	ids_free(w->endpoint_ids);
	free(w);
	return 0;
}

static uint16_t id_of(const struct world *w, const char *name)
{
	for (uint16_t i = 0; i < w->view->n_vips; i++)
		if (w->view->vips[i].addr.family && !strcmp(w->view->vips[i].name, name))
			return i;
	return VIEW_NONE;
}

/* The endpoint of a service on host 10.0.0.LAST. */
static uint16_t endpoint_of(const struct world *w, uint16_t service, uint8_t last)
{
	for (uint16_t i = 0; i < w->view->n_endpoints; i++)
		if (w->view->endpoints[i].family && w->view->endpoints[i].vip == service &&
		    w->view->endpoints[i].addr[3] == last)
			return i;
	return VIEW_NONE;
}

static void test_pools_are_services(void **state)
{
	struct world *w = *state;
	const struct view_vip *vip, *pool;
	uint16_t shop, api;

	reload(w, VIP(API "," IMG, TO_API "," TO_IMG));
	shop = id_of(w, "shop");
	api = id_of(w, "shop/api");
	vip = &w->view->vips[shop];
	pool = &w->view->vips[api];
	assert_int_equal(w->services.n, 3);
	assert_int_equal(vip->pool, 0);
	assert_int_equal(vip->mode, BATON_MODE_TUNNEL);
	assert_int_equal(pool->pool, 1);
	assert_int_equal(pool->pool_of, shop);
	assert_int_equal(pool->mode, BATON_MODE_TUNNEL);
	assert_int_equal(pool->port_be, htons(80));
	assert_int_equal(pool->timeout_s[BATON_CONN_ESTABLISHED], 77);
	assert_int_equal(pool->n_affinities, 1);
	assert_string_equal(pool->affinities[0].name, "S");
	assert_int_equal(pool->affinities[0].timeout_s, 60);
	assert_int_equal(pool->n_endpoints, 2);
	assert_int_equal(w->view->endpoints[pool->endpoints[0]].vip, api);
	assert_int_equal(w->view->endpoints[pool->endpoints[0]].nexthop, 12);
	assert_string_equal(w->view->endpoint_names[pool->endpoints[0]], "h2");
	assert_string_equal(w->view->endpoint_names[pool->endpoints[1]], "");
	/* packets find the VIP, not its pools */
	assert_int_equal(view_vip_find(w->view, vip->addr.b, BATON_IPV4, vip->proto, htons(80)), shop);
}

static void test_an_endpoint_of_two_services_has_an_id_in_each(void **state)
{
	struct world *w = *state;
	uint16_t own, pooled;

	reload(w, VIP(API, TO_API));
	own = endpoint_of(w, id_of(w, "shop"), 11);
	pooled = endpoint_of(w, id_of(w, "shop/api"), 11);
	assert_int_not_equal(own, VIEW_NONE);
	assert_int_not_equal(pooled, VIEW_NONE);
	assert_int_not_equal(own, pooled);
}

static void test_application_names_its_pools_in_order(void **state)
{
	struct world *w = *state;
	const struct application *a;

	reload(w, VIP(API "," IMG, TO_API "," TO_IMG));
	a = w->view->vips[id_of(w, "shop")].application;
	assert_non_null(a);
	assert_int_equal(a->n_pools, 2);
	assert_int_equal(a->pools[0], id_of(w, "shop/api"));
	assert_int_equal(a->pools[1], id_of(w, "shop/img"));
	assert_int_equal(a->protocol, APPLICATION_HTTP);
	assert_int_equal(a->head_max, 8192);
	assert_int_equal(a->attempts, 3);
	assert_true(a->sack && a->timestamps && a->window_scaling);
	assert_ptr_equal(a->rules, w->config->vips[0].compiled);
	assert_non_null(a->rules);
	assert_null(w->view->vips[id_of(w, "shop/api")].application);
}

static void test_ids_stay_while_order_changes(void **state)
{
	struct world *w = *state;
	uint16_t api, img, endpoint;

	reload(w, VIP(API "," IMG, TO_API "," TO_IMG));
	api = id_of(w, "shop/api");
	img = id_of(w, "shop/img");
	endpoint = endpoint_of(w, api, 12);
	reload(w, VIP(IMG "," API, TO_IMG "," TO_API));
	assert_int_equal(id_of(w, "shop/api"), api);
	assert_int_equal(id_of(w, "shop/img"), img);
	assert_int_equal(endpoint_of(w, api, 12), endpoint);
	assert_int_equal(w->view->vips[id_of(w, "shop")].application->pools[0], img);
}

/* Its connections go on, timed as before; nothing new gets there. */
static void test_a_pool_that_is_gone_keeps_its_connections(void **state)
{
	struct world *w = *state;
	uint16_t img, endpoint;

	reload(w, VIP(API "," IMG, TO_API "," TO_IMG));
	img = id_of(w, "shop/img");
	endpoint = endpoint_of(w, img, 13);
	for (unsigned i = 0; i < 2; i++) { /* and again, from a view that has it retired */
		reload(w, VIP(API, TO_API));
		assert_int_equal(id_of(w, "shop/img"), img);
		assert_int_equal(w->view->vips[img].pool, 1);
		assert_int_equal(w->view->vips[img].n_endpoints, 0);
		assert_null(w->view->vips[img].endpoints);
		assert_int_equal(w->view->vips[img].timeout_s[BATON_CONN_ESTABLISHED], 77);
		assert_int_equal(w->view->endpoints[endpoint].retired, 1);
		assert_int_equal(w->view->endpoints[endpoint].vip, img);
		assert_string_equal(w->view->endpoint_names[endpoint], "h3");
	}
	reload(w, VIP(API "," IMG, TO_API "," TO_IMG));
	assert_int_equal(id_of(w, "shop/img"), img);
	assert_int_equal(endpoint_of(w, img, 13), endpoint);
	assert_int_equal(w->view->endpoints[endpoint].retired, 0);
}

static void test_pools_go_with_their_vip(void **state)
{
	struct world *w = *state;
	uint16_t shop, img;

	reload(w, VIP(IMG, TO_IMG));
	shop = id_of(w, "shop");
	img = id_of(w, "shop/img");
	reload(w, NULL);
	assert_int_equal(w->view->vips[shop].addr.family, 0);
	assert_int_equal(w->view->vips[img].addr.family, 0);
}

static void test_too_few_ids_are_an_error(void **state)
{
	struct world *w = *state;
	struct config *c = config_of(VIP(API "," IMG, TO_API "," TO_IMG));
	struct ids *few = ids_new(2, sizeof(struct service_key));

	assert_int_equal(services_number(&w->services, c, few, w->endpoint_ids), -ENOSPC);
	ids_free(few);
	config_free(c);
}

static void test_an_unreachable_host_is_an_error(void **state)
{
	struct world *w = *state;
	int err = -EHOSTUNREACH;
	struct view *v;

	w->config = config_of(VIP(API, TO_API));
	assert_int_equal(services_number(&w->services, w->config, w->vip_ids, w->endpoint_ids), 0);
	v = view_new(ids_n(w->vip_ids), ids_n(w->endpoint_ids), 0, 0);
	assert_int_equal(services_view(&w->services, v, nexthop, &err), -EHOSTUNREACH);
	services_applications_free(v);
	view_free(v);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_pools_are_services),
		T(test_an_endpoint_of_two_services_has_an_id_in_each),
		T(test_application_names_its_pools_in_order),
		T(test_ids_stay_while_order_changes),
		T(test_a_pool_that_is_gone_keeps_its_connections),
		T(test_pools_go_with_their_vip),
		T(test_too_few_ids_are_an_error),
		T(test_an_unreachable_host_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
