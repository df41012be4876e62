/* SPDX-License-Identifier: BSD-3-Clause */
/* What lcores write each turn shares no cache line with what others write or read (docs/scaling.md). */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "batond/batond.h"
#include "classifier/state.h"
#include "migrate/handover_internal.h"

#define LINE 64

/* Bytes from … to (not included) of one and the same allocation, which begins with a line. */
struct span {
	size_t from, to;
};

#define MEMBER(type, name) ((struct span){ offsetof(type, name), offsetof(type, name) + sizeof(((type *)NULL)->name) })

static void assert_apart(struct span a, struct span b)
{
	assert_true(a.from < a.to && b.from < b.to);
	assert_true((a.to - 1) / LINE < b.from / LINE || (b.to - 1) / LINE < a.from / LINE);
}

/* Element i of an array without what pads it. */
static struct span element(size_t array, unsigned i, size_t size, size_t used)
{
	return (struct span){ array + i * size, array + i * size + used };
}

static struct span lcore(unsigned i)
{
	return element(offsetof(struct batond, lcores), i, sizeof(struct batond_lcore), sizeof(struct batond_lcore));
}

static struct span classifier(unsigned i)
{
	return element(offsetof(struct batond, classifiers), i, sizeof(struct classifier_service),
		       offsetof(struct classifier_service, apart));
}

/* Members that the control thread writes while packets pass, not only at a reload. The view comes first. */
static const struct span control[] = {
	MEMBER(struct batond, view), MEMBER(struct batond, traces_lost), MEMBER(struct batond, view_due),
	MEMBER(struct batond, lock), MEMBER(struct batond, counters),
};

#define N_CONTROL (sizeof control / sizeof *control)

static void the_appliance_begins_with_a_line(void **state)
{
	assert_int_equal(alignof(struct batond) % LINE, 0);
}

static void lcores_are_apart(void **state)
{
	for (unsigned i = 0; i < CONFIG_MAX_LCORES; i++)
		for (unsigned k = 0; k < i; k++)
			assert_apart(lcore(i), lcore(k));
}

static void classifiers_are_apart(void **state)
{
	for (unsigned i = 0; i < CHANNEL_MAX_CLASSIFIERS; i++) {
		for (unsigned k = 0; k < i; k++)
			assert_apart(classifier(i), classifier(k));
		for (unsigned k = 0; k < CONFIG_MAX_LCORES; k++)
			assert_apart(classifier(i), lcore(k));
	}
}

static void the_control_thread_is_apart_from_lcores(void **state)
{
	for (unsigned i = 0; i < N_CONTROL; i++) {
		for (unsigned k = 0; k < CONFIG_MAX_LCORES; k++)
			assert_apart(control[i], lcore(k));
		for (unsigned k = 0; k < CHANNEL_MAX_CLASSIFIERS; k++)
			assert_apart(control[i], classifier(k));
	}
}

static void what_lcores_read_each_turn_is_written_for_itself_only(void **state)
{
	/* .traces_lost ends the channel; lcores write it while clients are traced */
	const struct span channel = { offsetof(struct batond, channel), offsetof(struct batond, channel.traces_lost) };

	for (unsigned i = 0; i < N_CONTROL; i++)
		assert_apart(channel, control[i]);
	for (unsigned i = 1; i < N_CONTROL; i++)
		assert_apart(control[0], control[i]);
}

/* Allocated one by one: each begins with a line and fills its last one. */
static void states_of_classifiers_fill_lines(void **state)
{
	assert_int_equal(alignof(struct classifier) % LINE, 0);
	assert_int_equal(sizeof(struct classifier) % LINE, 0);
	assert_int_equal(alignof(struct handover) % LINE, 0);
	assert_int_equal(sizeof(struct handover) % LINE, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_appliance_begins_with_a_line),
		cmocka_unit_test(lcores_are_apart),
		cmocka_unit_test(classifiers_are_apart),
		cmocka_unit_test(the_control_thread_is_apart_from_lcores),
		cmocka_unit_test(what_lcores_read_each_turn_is_written_for_itself_only),
		cmocka_unit_test(states_of_classifiers_fill_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
