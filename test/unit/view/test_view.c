/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "baton/view.h"

static struct baton_addr addr(const char *text)
{
	struct baton_addr a;

	assert_int_equal(baton_addr_parse(text, &a), 0);
	return a;
}

static void set_vip(struct view *v, uint16_t id, const char *text, uint8_t proto, uint16_t port)
{
	v->vips[id].addr = addr(text);
	v->vips[id].proto = proto;
	v->vips[id].port_be = htons(port);
}

static uint16_t find(const struct view *v, const char *text, uint8_t proto, uint16_t port)
{
	struct baton_addr a = addr(text);

	return view_vip_find(v, a.b, a.family, proto, htons(port));
}

static void vips_are_found_by_address_protocol_and_port(void **state)
{
	struct view *v = view_new(5, 0, 0, 0);

	assert_non_null(v);
	set_vip(v, 0, "192.0.2.1", IPPROTO_TCP, 80);
	set_vip(v, 1, "192.0.2.1", IPPROTO_UDP, 80);
	set_vip(v, 3, "192.0.2.1", IPPROTO_TCP, 443);
	set_vip(v, 4, "2001:db8::1", IPPROTO_TCP, 80);
	assert_int_equal(view_seal(v), 0);
	assert_int_equal(find(v, "192.0.2.1", IPPROTO_TCP, 80), 0);
	assert_int_equal(find(v, "192.0.2.1", IPPROTO_UDP, 80), 1);
	assert_int_equal(find(v, "192.0.2.1", IPPROTO_TCP, 443), 3);
	assert_int_equal(find(v, "2001:db8::1", IPPROTO_TCP, 80), 4);
	assert_int_equal(find(v, "192.0.2.1", IPPROTO_UDP, 443), VIEW_NONE);
	assert_int_equal(find(v, "192.0.2.2", IPPROTO_TCP, 80), VIEW_NONE);
	assert_int_equal(find(v, "2001:db8::2", IPPROTO_TCP, 80), VIEW_NONE);
	view_free(v);
}

/* c000:201:: has the same leading bytes as 192.0.2.1 */
static void families_do_not_mix(void **state)
{
	struct view *v = view_new(2, 0, 0, 1);
	struct baton_addr a = addr("c000:201::");

	set_vip(v, 0, "192.0.2.1", IPPROTO_TCP, 80);
	v->locals[0].addr = addr("192.0.2.1");
	assert_int_equal(view_seal(v), 0);
	assert_int_equal(find(v, "c000:201::", IPPROTO_TCP, 80), VIEW_NONE);
	assert_null(view_local_find(v, a.b, a.family));
	set_vip(v, 1, "c000:201::", IPPROTO_TCP, 80);
	assert_int_equal(view_seal(v), 0);
	assert_int_equal(find(v, "c000:201::", IPPROTO_TCP, 80), 1);
	view_free(v);
}

static void colliding_vips_are_refused(void **state)
{
	struct view *v = view_new(2, 0, 0, 0);

	set_vip(v, 0, "192.0.2.1", IPPROTO_TCP, 80);
	set_vip(v, 1, "192.0.2.1", IPPROTO_TCP, 80);
	assert_int_equal(view_seal(v), -EEXIST);
	assert_null(v->index);
	set_vip(v, 1, "192.0.2.1", IPPROTO_TCP, 81);
	assert_int_equal(view_seal(v), 0);
	view_free(v);
}

static void colliding_locals_are_refused(void **state)
{
	struct view *v = view_new(0, 0, 0, 2);

	v->locals[0] = (struct view_local){ .addr = addr("2001:db8::1"), .kind = VIEW_LOCAL_VIP };
	v->locals[1] = (struct view_local){ .addr = addr("2001:db8::1"), .kind = VIEW_LOCAL_SNAT };
	assert_int_equal(view_seal(v), -EEXIST);
	view_free(v);
}

/* A view that was sealed stays usable when sealing it again fails. */
static void failed_seal_keeps_the_old_index(void **state)
{
	struct view *v = view_new(2, 0, 0, 0);

	set_vip(v, 0, "192.0.2.1", IPPROTO_TCP, 80);
	assert_int_equal(view_seal(v), 0);
	set_vip(v, 1, "192.0.2.1", IPPROTO_TCP, 80);
	assert_int_equal(view_seal(v), -EEXIST);
	assert_int_equal(find(v, "192.0.2.1", IPPROTO_TCP, 80), 0);
	view_free(v);
}

static void many_locals_and_vips_are_all_found(void **state)
{
	enum { N = 20000 };
	struct view *v = view_new(N, 0, 0, N);

	for (unsigned i = 0; i < N; i++) {
		struct baton_addr a = { .b = { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i },
					.family = BATON_IPV4 };

		v->vips[i].addr = a;
		v->vips[i].proto = IPPROTO_UDP;
		v->vips[i].port_be = htons(53);
		v->locals[i].addr = a;
		v->locals[i].kind = VIEW_LOCAL_VIP;
	}
	assert_int_equal(view_seal(v), 0);
	for (unsigned i = 0; i < N; i++) {
		const struct baton_addr *a = &v->vips[i].addr;

		assert_int_equal(view_vip_find(v, a->b, BATON_IPV4, IPPROTO_UDP, htons(53)), i);
		assert_int_equal(view_vip_find(v, a->b, BATON_IPV4, IPPROTO_UDP, htons(54)), VIEW_NONE);
		assert_ptr_equal(view_local_find(v, a->b, BATON_IPV4), &v->locals[i]);
		assert_null(view_local_find(v, a->b, BATON_IPV6));
	}
	view_free(v);
}

static void arrays_are_zeroed_and_aligned(void **state)
{
	struct view *v = view_new(3, 5, 7, 9);
	static const struct view_endpoint none;

	assert_int_equal((uintptr_t)v->nexthops % 64, 0);
	assert_int_equal((uintptr_t)v->endpoints % 64, 0);
	assert_int_equal(v->n_vips, 3);
	assert_int_equal(v->n_endpoints, 5);
	assert_int_equal(v->n_nexthops, 7);
	assert_int_equal(v->n_locals, 9);
	for (unsigned i = 0; i < 5; i++)
		assert_memory_equal(&v->endpoints[i], &none, sizeof none);
	view_free(v);
}

static void endpoint_lists_are_copies(void **state)
{
	struct view *v = view_new(2, 4, 0, 0);
	uint16_t ids[] = { 3, 1, 2 };

	assert_int_equal(view_vip_set_endpoints(v, 1, ids, 3), 0);
	ids[0] = 9;
	assert_int_equal(v->vips[1].n_endpoints, 3);
	assert_int_equal(v->vips[1].endpoints[0], 3);
	assert_int_equal(view_vip_set_endpoints(v, 1, ids, 1), 0);
	assert_int_equal(v->vips[1].n_endpoints, 1);
	assert_int_equal(v->vips[1].endpoints[0], 9);
	assert_int_equal(view_vip_set_endpoints(v, 1, NULL, 0), 0);
	assert_null(v->vips[1].endpoints);
	view_free(v);
}

static void empty_views_find_nothing(void **state)
{
	struct view *v = view_new(0, 0, 0, 0);
	struct baton_addr a = addr("192.0.2.1");

	assert_int_equal(view_seal(v), 0);
	assert_int_equal(find(v, "192.0.2.1", IPPROTO_TCP, 80), VIEW_NONE);
	assert_null(view_local_find(v, a.b, a.family));
	view_free(v);
	view_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vips_are_found_by_address_protocol_and_port),
		cmocka_unit_test(families_do_not_mix),
		cmocka_unit_test(colliding_vips_are_refused),
		cmocka_unit_test(colliding_locals_are_refused),
		cmocka_unit_test(failed_seal_keeps_the_old_index),
		cmocka_unit_test(many_locals_and_vips_are_all_found),
		cmocka_unit_test(arrays_are_zeroed_and_aligned),
		cmocka_unit_test(endpoint_lists_are_copies),
		cmocka_unit_test(empty_views_find_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
