/* SPDX-License-Identifier: BSD-3-Clause */
/* An outbox: order, room, and what happens when another producer takes the room. */
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>

#include <cmocka.h>
#include <rte_eal.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "plumb/channel.h"
#include "plumb/outbox.h"

#define RING 128
#define N_MESSAGES 511

static struct channel channel;

static int group_setup(void **state)
{
	char lcores[16];
	char *args[] = { "test",
			 "--no-huge",
			 "--no-shconf",
			 "--no-pci",
			 "-m",
			 "64",
			 "-d",
			 "librte_mempool_ring.so",
			 "--lcores",
			 lcores,
			 "--no-telemetry",
			 "--log-level",
			 "warning" };

	snprintf(lcores, sizeof lcores, "0@%d", sched_getcpu());
	return rte_eal_init(sizeof args / sizeof *args, args) < 0 ? -1 : 0;
}

static int setup(void **state)
{
	const struct channel_params p = {
		.n_forwarders = 1, .n_classifiers = 1, .n_messages = N_MESSAGES, .ring_size = RING
	};

	return channel_init(&channel, &p);
}

/* Every message is back. */
static int teardown(void **state)
{
	assert_int_equal(rte_mempool_avail_count(channel.messages), N_MESSAGES);
	channel_fini(&channel);
	return 0;
}

static struct outbox make(void)
{
	return (struct outbox){ .ring = channel.to_classifier[0] };
}

static struct plumb_message *message(uint16_t number)
{
	struct plumb_message *m = channel_message_get(&channel);

	assert_non_null(m);
	m->vip = number;
	return m;
}

/* Puts messages with these numbers; returns how many were taken. */
static unsigned put(struct outbox *o, uint16_t from, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct plumb_message *m = message((uint16_t)(from + i));

		if (!outbox_put(o, m)) {
			channel_message_put(&channel, m);
			return i;
		}
	}
	return n;
}

static void expect(uint16_t from, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct plumb_message *m;
		void *p = NULL;

		assert_int_equal(rte_ring_dequeue(channel.to_classifier[0], &p), 0);
		m = p;
		assert_int_equal(m->vip, from + i);
		channel_message_put(&channel, m);
	}
}

static void expect_empty(void)
{
	assert_int_equal(rte_ring_count(channel.to_classifier[0]), 0);
}

static void messages_leave_together_and_in_order(void **state)
{
	struct outbox o = make();

	outbox_flush(&o);
	assert_int_equal(put(&o, 1, 5), 5);
	expect_empty();
	assert_int_equal(outbox_fill(&o), 5 * 256 / (RING - 1));
	outbox_flush(&o);
	assert_int_equal(outbox_fill(&o), 5 * 256 / (RING - 1));
	expect(1, 5);
	outbox_flush(&o);
	expect_empty();
}

static void more_than_it_holds_go_at_once(void **state)
{
	struct outbox o = make();

	assert_int_equal(put(&o, 1, OUTBOX_MAX + 3), OUTBOX_MAX + 3);
	assert_int_equal(rte_ring_count(o.ring), OUTBOX_MAX);
	outbox_flush(&o);
	expect(1, OUTBOX_MAX + 3);
	expect_empty();
}

static void it_takes_no_more_than_the_ring(void **state)
{
	struct outbox o = make();

	assert_int_equal(put(&o, 1, 2 * RING), RING - 1);
	outbox_flush(&o);
	assert_int_equal(put(&o, RING, 1), 0);
	expect(1, 1);
	assert_int_equal(put(&o, RING, 2), 1);
	outbox_flush(&o);
	expect(2, RING - 1);
	expect_empty();
}

static void what_lost_its_room_to_another_goes_later(void **state)
{
	struct outbox o = make(), other = make();

	assert_int_equal(put(&o, 1, 10), 10);
	assert_int_equal(put(&other, 1000, 2 * RING), RING - 1);
	outbox_flush(&other);
	outbox_flush(&o);
	assert_int_equal(put(&o, 11, 1), 0);
	expect(1000, 4);
	outbox_flush(&o);
	expect(1004, RING - 1 - 4);
	expect(1, 4);
	assert_int_equal(put(&o, 11, 2), 2);
	outbox_flush(&o);
	expect(5, 8);
	expect_empty();
}

static void what_is_left_at_the_end_is_given_back(void **state)
{
	struct outbox o = make();

	assert_int_equal(put(&o, 1, 7), 7);
	outbox_fini(&o, &channel);
	expect_empty();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(messages_leave_together_and_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(more_than_it_holds_go_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(it_takes_no_more_than_the_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(what_lost_its_room_to_another_goes_later, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_left_at_the_end_is_given_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
