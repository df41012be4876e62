/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/seal.h"

#define MS 1000000ull
#define HOST 0x1111111111111111ull
#define BALANCER 0x2222222222222222ull
#define RUN 1800000000000000000ull
#define FRAME_MAX 256

static struct seal_keyring ring_of(uint8_t first, uint8_t second)
{
	struct seal_keyring r = { .n_keys = second ? 2 : 1 };

	memset(r.keys[0].key, first, SEAL_KEY_LEN);
	r.keys[0].id = first;
	memset(r.keys[1].key, second, SEAL_KEY_LEN);
	r.keys[1].id = second;
	return r;
}

/* A station, and what its last seal_open() said. */
struct station {
	struct seal *seal;
	struct seal_opened opened;
	uint8_t room[SEAL_FRAME_MAX];
};

struct frame {
	size_t len;
	uint8_t bytes[FRAME_MAX];
};

static uint64_t now_ns;
static struct station host, balancer;

static struct seal *seal_of(uint64_t own, uint64_t run, uint8_t first, uint8_t second)
{
	struct seal_keyring ring = ring_of(first, second);
	struct seal *s = seal_new(own, run, &ring, 4);

	assert_non_null(s);
	return s;
}

static int setup(void **state)
{
	now_ns = 5000 * MS;
	host.seal = seal_of(HOST, RUN, 1, 0);
	balancer.seal = seal_of(BALANCER, RUN + 5, 1, 0);
	return 0;
}

static int teardown(void **state)
{
	seal_free(host.seal);
	seal_free(balancer.seal);
	return 0;
}

static void restart(struct station *s, uint64_t own, uint64_t run)
{
	seal_free(s->seal);
	s->seal = seal_of(own, run, 1, 0);
}

static struct frame say(struct station *s, uint64_t destination, const char *text)
{
	struct frame f;
	int n = seal_close(s->seal, destination, (const uint8_t *)text, strlen(text), f.bytes, sizeof f.bytes);

	assert_int_equal(n, strlen(text) + SEAL_OVERHEAD);
	f.len = (size_t)n;
	return f;
}

static const char *hear_bytes(struct station *s, const uint8_t *bytes, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1); /* so that a sanitizer sees reads past the end */
	const uint64_t *counters = seal_counters(s->seal);
	uint64_t before[SEAL_N_VERDICTS];
	enum seal_verdict v;

	memcpy(before, counters, sizeof before);
	memcpy(exact, bytes, len);
	v = seal_open(s->seal, exact, len, now_ns, s->room, sizeof s->room, &s->opened);
	free(exact);
	for (unsigned i = 0; i < SEAL_N_VERDICTS; i++)
		assert_int_equal(counters[i] - before[i], i == v);
	assert_int_equal(s->opened.text != NULL, v == SEAL_OK);
	return seal_verdict_name(v);
}

static const char *hear(struct station *s, const struct frame *f)
{
	return hear_bytes(s, f->bytes, f->len);
}

static struct frame hello_of(const struct station *s)
{
	struct frame f = { .len = s->opened.hello_len };

	assert_int_equal(f.len, SEAL_HELLO_LEN);
	memcpy(f.bytes, s->opened.hello, f.len);
	return f;
}

/* The host speaks, the balancer doubts, both prove themselves. */
static void meet(void)
{
	struct frame f = say(&host, SEAL_EVERYONE, "first");

	assert_string_not_equal(hear(&balancer, &f), "ok");
	f = hello_of(&balancer);
	hear(&host, &f);
	assert_true(host.opened.challenged);
	f = hello_of(&host);
	assert_string_equal(hear(&balancer, &f), "hello");
	assert_true(balancer.opened.proven);
	if (!balancer.opened.hello_len)
		return;
	f = hello_of(&balancer);
	assert_string_equal(hear(&host, &f), "hello");
	assert_true(host.opened.proven);
	assert_int_equal(host.opened.hello_len, 0);
}

static void assert_heard(struct station *from, struct station *to, uint64_t destination, const char *text)
{
	struct frame f = say(from, destination, text);

	assert_string_equal(hear(to, &f), "ok");
	assert_int_equal(to->opened.len, strlen(text));
	assert_memory_equal(to->opened.text, text, strlen(text));
	assert_int_equal(to->opened.hello_len, 0);
}

static void test_meeting(void **state)
{
	struct frame f = say(&host, SEAL_EVERYONE, "first");
	uint32_t n_proven;

	assert_string_equal(hear(&balancer, &f), "unproven");
	assert_int_equal(seal_n_peers(balancer.seal, &n_proven), 1);
	assert_int_equal(n_proven, 0);
	now_ns += 1000 * MS;
	meet();
	assert_int_equal(seal_n_peers(balancer.seal, &n_proven), 1);
	assert_int_equal(n_proven, 1);
	assert_heard(&host, &balancer, SEAL_EVERYONE, "news");
	assert_heard(&host, &balancer, BALANCER, "");
	assert_heard(&balancer, &host, HOST, "question");
	assert_true(host.opened.sender == BALANCER);
	assert_true(host.opened.incarnation == RUN + 5);
}

/* A beacon lets the other side ask without having said anything. */
static void test_beacon(void **state)
{
	struct frame f = { .len = SEAL_HELLO_LEN };

	seal_beacon(balancer.seal, f.bytes);
	assert_string_equal(hear(&host, &f), "unproven");
	f = hello_of(&host);
	assert_string_equal(hear(&balancer, &f), "unproven");
	f = hello_of(&balancer);
	assert_string_equal(hear(&host, &f), "hello");
	assert_true(host.opened.proven);
	f = hello_of(&host);
	assert_string_equal(hear(&balancer, &f), "hello");
	assert_true(balancer.opened.proven);
	assert_heard(&host, &balancer, SEAL_EVERYONE, "news");
	f.len = SEAL_HELLO_LEN;
	seal_beacon(balancer.seal, f.bytes);
	assert_string_equal(hear(&host, &f), "hello");
	assert_int_equal(host.opened.hello_len, 0);
	assert_false(host.opened.challenged);
}

/* Whatever byte is wrong: nothing is heard, and nothing is remembered. */
static void test_bit_flips(void **state)
{
	struct frame f;

	meet();
	f = say(&host, SEAL_EVERYONE, "of weight");
	for (size_t i = 0; i < f.len * 8; i++) {
		f.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_string_not_equal(hear(&balancer, &f), "ok");
		assert_int_equal(balancer.opened.hello_len, 0);
		f.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(seal_n_peers(balancer.seal, NULL), 1);
	assert_string_equal(hear(&balancer, &f), "ok");
}

static void test_verdicts_of_fields(void **state)
{
	static const struct {
		size_t at;
		const char *verdict;
	} fields[] = {
		{ 0, "elsewhere" },  { 8, "malformed" },  { 9, "malformed" },  { 10, "version" }, { 11, "unknown_key" },
		{ 12, "malformed" }, { 13, "malformed" }, { 15, "malformed" }, { 16, "forged" },  { 24, "forged" },
		{ 32, "forged" },    { 40, "forged" },    { 60, "forged" },
	};
	struct frame f;

	meet();
	f = say(&host, SEAL_EVERYONE, "of weight");
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		f.bytes[fields[i].at] ^= 0x40;
		assert_string_equal(hear(&balancer, &f), fields[i].verdict);
		f.bytes[fields[i].at] ^= 0x40;
	}
	for (size_t at = 16; at <= 32; at += 8) {
		struct frame zero = f;

		memset(zero.bytes + at, 0, 8);
		assert_string_equal(hear(&balancer, &zero), "malformed");
	}
	/* what one station was told, can't be told to another */
	f = say(&balancer, HOST, "for you");
	memset(f.bytes, 0, 8);
	assert_string_equal(hear(&host, &f), "forged");
}

static void test_lengths(void **state)
{
	static uint8_t text[SEAL_FRAME_MAX], frame[SEAL_FRAME_MAX + 1];
	const size_t most = SEAL_FRAME_MAX - SEAL_OVERHEAD;
	struct frame f;
	int n;

	meet();
	f = say(&host, SEAL_EVERYONE, "of weight");
	for (size_t len = 0; len < f.len; len++)
		assert_string_equal(hear_bytes(&balancer, f.bytes, len), len < SEAL_OVERHEAD ? "malformed" : "forged");
	assert_int_equal(seal_close(host.seal, 0, text, most + 1, frame, sizeof frame), -EMSGSIZE);
	assert_int_equal(seal_close(host.seal, 0, text, most, frame, SEAL_FRAME_MAX - 1), -EMSGSIZE);
	n = seal_close(host.seal, 0, text, most, frame, sizeof frame);
	assert_int_equal(n, SEAL_FRAME_MAX);
	assert_string_equal(hear_bytes(&balancer, frame, SEAL_FRAME_MAX + 1), "malformed");
	assert_int_equal(
		seal_open(balancer.seal, frame, SEAL_FRAME_MAX, now_ns, balancer.room, most - 1, &balancer.opened),
		SEAL_MALFORMED);
	assert_string_equal(hear_bytes(&balancer, frame, SEAL_FRAME_MAX), "ok");
	assert_int_equal(balancer.opened.len, most);
}

static void test_foreign_key(void **state)
{
	struct station stranger = { .seal = seal_of(7, RUN, 1, 0) };
	struct seal_keyring ring = ring_of(9, 0);
	struct frame f;

	seal_set_keys(stranger.seal, &ring);
	f = say(&stranger, SEAL_EVERYONE, "let me in");
	assert_string_equal(hear(&balancer, &f), "unknown_key");
	ring.keys[0].id = 1;
	seal_set_keys(stranger.seal, &ring);
	f = say(&stranger, SEAL_EVERYONE, "let me in");
	assert_string_equal(hear(&balancer, &f), "forged");
	assert_int_equal(balancer.opened.hello_len, 0);
	assert_int_equal(seal_n_peers(balancer.seal, NULL), 0);
	seal_free(stranger.seal);
}

static void test_key_roll(void **state)
{
	struct seal_keyring old_new = ring_of(1, 2), new_old = ring_of(2, 1), only_new = ring_of(2, 0);

	meet();
	seal_set_keys(balancer.seal, &old_new);
	assert_heard(&host, &balancer, SEAL_EVERYONE, "old");
	seal_set_keys(host.seal, &new_old);
	assert_heard(&host, &balancer, SEAL_EVERYONE, "new");
	assert_heard(&balancer, &host, HOST, "old");
	seal_set_keys(balancer.seal, &only_new);
	seal_set_keys(host.seal, &only_new);
	assert_heard(&host, &balancer, SEAL_EVERYONE, "new");
	assert_heard(&balancer, &host, HOST, "new");
}

/* Both secrets may get one id by chance; then the tag decides. */
static void test_keys_of_one_id(void **state)
{
	struct seal_keyring ring = ring_of(3, 1);

	ring.keys[0].id = 1;
	meet();
	seal_set_keys(balancer.seal, &ring);
	assert_heard(&host, &balancer, SEAL_EVERYONE, "by the second");
}

static void test_replay(void **state)
{
	struct frame first, f;

	meet();
	first = say(&host, SEAL_EVERYONE, "once");
	assert_string_equal(hear(&balancer, &first), "ok");
	assert_string_equal(hear(&balancer, &first), "replayed");
	for (int i = 0; i < 3; i++) {
		struct frame early = say(&host, SEAL_EVERYONE, "early"), late = say(&host, SEAL_EVERYONE, "late");

		assert_string_equal(hear(&balancer, &late), "ok");
		assert_string_equal(hear(&balancer, &early), "ok");
		assert_string_equal(hear(&balancer, &early), "replayed");
		assert_string_equal(hear(&balancer, &late), "replayed");
	}
	for (int i = 0; i < 1000; i++)
		f = say(&host, SEAL_EVERYONE, "far ahead");
	assert_string_equal(hear(&balancer, &f), "ok");
	assert_string_equal(hear(&balancer, &first), "replayed");
}

/* A recording of all that was ever said, hellos too, tells a balancer that starts anew nothing. */
static void test_recording(void **state)
{
	struct frame recorded[5];

	recorded[0] = say(&host, SEAL_EVERYONE, "first");
	hear(&balancer, &recorded[0]);
	recorded[1] = hello_of(&balancer);
	hear(&host, &recorded[1]);
	recorded[2] = hello_of(&host);
	hear(&balancer, &recorded[2]);
	assert_true(balancer.opened.proven);
	recorded[3] = say(&host, SEAL_EVERYONE, "second");
	assert_string_equal(hear(&balancer, &recorded[3]), "ok");
	recorded[4] = recorded[2];
	restart(&balancer, BALANCER, RUN + 100);
	for (int round = 0; round < 50; round++) {
		for (unsigned i = 0; i < 5; i++) {
			assert_string_equal(hear(&balancer, &recorded[i]), i == 1 ? "elsewhere" : "unproven");
		}
		now_ns += 300 * MS;
	}
	/* the living host still gets through */
	now_ns += 300 * MS;
	meet();
	assert_heard(&host, &balancer, SEAL_EVERYONE, "here");
}

static void test_incarnations(void **state)
{
	struct frame old, f;

	meet();
	old = say(&host, SEAL_EVERYONE, "of the first run");
	restart(&host, HOST, RUN + 1000);
	f = say(&host, SEAL_EVERYONE, "hello");
	assert_string_equal(hear(&balancer, &f), "unproven");
	/* until the proof the old run is heard */
	assert_string_equal(hear(&balancer, &old), "ok");
	now_ns += 1000 * MS;
	meet();
	assert_string_equal(hear(&balancer, &old), "stale");
	/* seen before the proof: not heard after it */
	assert_string_equal(hear(&balancer, &f), "replayed");
	assert_heard(&host, &balancer, SEAL_EVERYONE, "of the second run");
}

/* Clock set back and the last incarnation forgotten: one more round trip, and then the lower one is heard. */
static void test_clock_set_back(void **state)
{
	struct frame recorded, f;

	meet();
	recorded = say(&host, SEAL_EVERYONE, "of the greater run");
	restart(&host, HOST, RUN - 1000);
	f = say(&host, SEAL_EVERYONE, "lower");
	assert_string_equal(hear(&balancer, &f), "stale");
	assert_int_equal(balancer.opened.hello_len, SEAL_HELLO_LEN);
	now_ns += 1000 * MS;
	meet();
	assert_true(balancer.opened.incarnation == RUN - 1000);
	assert_heard(&host, &balancer, SEAL_EVERYONE, "after all");
	assert_string_equal(hear(&balancer, &recorded), "unproven");
	assert_heard(&host, &balancer, SEAL_EVERYONE, "still");
}

/* Challenges are few, whatever comes in; the same one is repeated while it is good. */
static void test_challenge_rate(void **state)
{
	struct frame f;
	int asked = 0;

	for (int i = 0; i < 1000; i++) {
		f = say(&host, SEAL_EVERYONE, "unknown");
		assert_string_equal(hear(&balancer, &f), "unproven");
		asked += balancer.opened.hello_len != 0;
		now_ns += MS;
	}
	assert_int_equal(asked, 10);
	meet();
}

/* An answer is good for ten seconds, and once. */
static void test_late_answer(void **state)
{
	struct frame f = say(&host, SEAL_EVERYONE, "unknown"), answer;

	hear(&balancer, &f);
	f = hello_of(&balancer);
	hear(&host, &f);
	answer = hello_of(&host);
	now_ns += 10000 * MS;
	assert_string_equal(hear(&balancer, &answer), "unproven");
	assert_false(balancer.opened.proven);
	now_ns += 1000 * MS;
	meet();
	/* the run ended; its answer is of no use to who recorded it */
	restart(&host, HOST, RUN + 1000);
	now_ns += 1000 * MS;
	meet();
	assert_string_equal(hear(&balancer, &answer), "stale");
	assert_heard(&host, &balancer, SEAL_EVERYONE, "of the second run");
}

static void test_answer_lost(void **state)
{
	struct frame f;

	for (int i = 0; i < 5; i++) {
		f = say(&host, SEAL_EVERYONE, "unknown");
		hear(&balancer, &f);
		f = hello_of(&balancer);
		hear(&host, &f);
		(void)hello_of(&host);
		now_ns += 500 * MS;
	}
	meet();
	assert_heard(&host, &balancer, SEAL_EVERYONE, "at last");
}

/* The table does not grow; who is silent makes room, who speaks does not. */
static void test_full(void **state)
{
	struct station other[5];
	struct frame f;

	meet();
	for (unsigned i = 0; i < 5; i++) {
		other[i].seal = seal_of(100 + i, RUN, 1, 0);
		f = say(&other[i], SEAL_EVERYONE, "one more");
		assert_string_equal(hear(&balancer, &f), i < 3 ? "unproven" : "full");
	}
	assert_int_equal(seal_n_peers(balancer.seal, NULL), 4);
	now_ns += 11000 * MS;
	f = say(&other[3], SEAL_EVERYONE, "one more");
	assert_string_equal(hear(&balancer, &f), "unproven");
	assert_heard(&host, &balancer, SEAL_EVERYONE, "proven stays");
	assert_int_equal(seal_n_peers(balancer.seal, NULL), 4);
	now_ns += 61000 * MS;
	for (unsigned i = 0; i < 4; i++) {
		f = say(&other[i], SEAL_EVERYONE, "one more");
		assert_string_equal(hear(&balancer, &f), "unproven");
	}
	f = say(&host, SEAL_EVERYONE, "silent for too long");
	assert_string_equal(hear(&balancer, &f), "unproven");
	f = say(&other[3], SEAL_EVERYONE, "silent too");
	assert_string_equal(hear(&balancer, &f), "full");
	for (unsigned i = 0; i < 5; i++)
		seal_free(other[i].seal);
}

static void test_own(void **state)
{
	struct frame f = say(&balancer, SEAL_EVERYONE, "echo");

	assert_string_equal(hear(&balancer, &f), "own");
	f = say(&balancer, HOST, "not for me");
	assert_string_equal(hear(&balancer, &f), "elsewhere");
}

static void test_incarnation_numbers(void **state)
{
	uint64_t last = 0;

	for (int i = 0; i < 1000; i++) {
		uint64_t next = seal_incarnation(RUN, last);

		assert_true(next > last);
		assert_true(next > RUN && next - RUN < 2000ull << 16);
		last = next;
	}
	assert_true(seal_incarnation(RUN, RUN * 2) > RUN * 2);
	assert_true(seal_incarnation(RUN, UINT64_MAX) - RUN < 1 << 17);
}

static void test_bad_parameters(void **state)
{
	struct seal_keyring ring = ring_of(1, 0), none = { .n_keys = 0 };

	assert_null(seal_new(0, RUN, &ring, 1));
	assert_null(seal_new(1, 0, &ring, 1));
	assert_null(seal_new(1, RUN, &none, 1));
	assert_null(seal_new(1, RUN, &ring, 0));
	assert_null(seal_new(1, RUN, &ring, 65536));
	seal_free(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_meeting),
		TEST(test_beacon),
		TEST(test_bit_flips),
		TEST(test_verdicts_of_fields),
		TEST(test_lengths),
		TEST(test_foreign_key),
		TEST(test_key_roll),
		TEST(test_keys_of_one_id),
		TEST(test_replay),
		TEST(test_recording),
		TEST(test_incarnations),
		TEST(test_clock_set_back),
		TEST(test_challenge_rate),
		TEST(test_late_answer),
		TEST(test_answer_lost),
		TEST(test_full),
		TEST(test_own),
		TEST(test_incarnation_numbers),
		TEST(test_bad_parameters),
	};

	return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
