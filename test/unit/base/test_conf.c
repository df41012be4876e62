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
#include "baton/addr.h"

struct item {
	char *label;
	uint16_t number;
};

struct object {
	char *name;
	char *path;
	bool flag;
	int count;
	uint16_t small;
	uint8_t colour;
	bool red, green;
	struct baton_addr addr;
	struct baton_prefix prefixes[2];
	unsigned n_prefixes;
	char *words[3];
	unsigned n_words;
	struct item fixed[2];
	unsigned n_fixed;
	struct item *heap;
	unsigned n_heap;
};

static const struct conf_name colours[] = { { "red", 1 }, { "green", 2 }, { NULL, 0 } };

static int mix_parse(const char *text, void *object, char *why, size_t size)
{
	struct object *o = object;

	if (!strcmp(text, "red"))
		o->red = true;
	else if (!strcmp(text, "green"))
		o->green = true;
	else {
		snprintf(why, size, "\"%s\" can't be mixed", text);
		return -EINVAL;
	}
	return 0;
}

static const struct conf_key item_keys[] = {
	{ "label", CONF_STRING, CONF_FIELD(struct item, label), .required = true, .help = "Label." },
	{ "number", CONF_INT, CONF_FIELD(struct item, number), .min = 1, .max = 65535, .def = "7", .help = "Number." },
	{ 0 },
};

static const struct conf_key main_keys[] = {
	{ "name", CONF_STRING, CONF_FIELD(struct object, name), .min = 2, .max = 8, .required = true,
	  .check = conf_check_name, .help = "Name." },
	{ "path", CONF_STRING, CONF_FIELD(struct object, path), .def = "/a", .check = conf_check_path,
	  .help = "Path." },
	{ "flag", CONF_BOOL, CONF_FIELD(struct object, flag), .def = "true", .help = "Flag." },
	{ "count", CONF_INT, CONF_FIELD(struct object, count), .def = "-5", .help = "Count." },
	{ "small", CONF_INT, CONF_FIELD(struct object, small), .min = 0, .max = 99, .def = "3", .help = "Small." },
	{ "colour", CONF_ENUM, CONF_FIELD(struct object, colour), .names = colours, .def = "green", .help = "Colour." },
	{ "mix", CONF_TEXT, .list_max = 2, .parse = mix_parse, .names = colours, .help = "Mix." },
	{ "address", CONF_ADDR, CONF_FIELD(struct object, addr), .help = "Address." },
	{ "prefixes", CONF_PREFIX, CONF_ARRAY(struct object, prefixes, n_prefixes), .list_min = 1,
	  .help = "Prefixes." },
	{ "words", CONF_STRING, CONF_ARRAY(struct object, words, n_words), .help = "Words." },
	{ 0 },
};

static const struct conf_key keys[] = {
	{ "main", CONF_GROUP, .keys = main_keys, .help = "Everything." },
	{ "fixed", CONF_LIST, CONF_ARRAY(struct object, fixed, n_fixed), .keys = item_keys, .help = "Fixed." },
	{ "heap", CONF_LIST, CONF_HEAP(struct object, heap, n_heap, 100), .keys = item_keys, .help = "Heap." },
	{ 0 },
};

static char texts[16][CONF_FINDING_MAX];

static int parse_text(const char *text, struct object *o, struct conf_findings *f)
{
	struct conf_doc *doc;
	int err;

	*f = (struct conf_findings){ .text = texts, .max = 16 };
	memset(o, 0, sizeof *o);
	err = conf_doc_read_text(text, strlen(text), "t.conf", f, &doc);
	if (err < 0)
		return err;
	err = conf_parse(doc, keys, o, f);
	conf_doc_free(doc);
	return err;
}

/* The text is refused with exactly this finding. */
static void refused(const char *text, const char *finding)
{
	struct conf_findings f;
	struct object o;

	assert_int_equal(parse_text(text, &o, &f), -EINVAL);
	assert_int_equal(f.n, 1);
	assert_string_equal(texts[0], finding);
	conf_free(keys, &o);
}

static void test_tables_are_sound(void **state)
{
	const char *key = "";

	assert_int_equal(conf_keys_check(keys, &key), 0);
}

static void test_bad_tables_are_found(void **state)
{
	static const struct conf_key no_help[] = { { "a", CONF_BOOL, .size = sizeof(bool) }, { 0 } };
	static const struct conf_key wrong_size[] = { { "b", CONF_INT, .size = 3, .help = "B." }, { 0 } };
	static const struct conf_key no_names[] = { { "c", CONF_ENUM, .size = 4, .help = "C." }, { 0 } };
	static const struct conf_key outer[] = { { "o", CONF_GROUP, .keys = no_names, .help = "O." }, { 0 } };
	const char *key = "";

	assert_int_equal(conf_keys_check(no_help, &key), -EINVAL);
	assert_string_equal(key, "a");
	assert_int_equal(conf_keys_check(wrong_size, &key), -EINVAL);
	assert_string_equal(key, "b");
	assert_int_equal(conf_keys_check(outer, &key), -EINVAL);
	assert_string_equal(key, "c");
}

static void test_values_arrive(void **state)
{
	struct conf_findings f;
	struct object o;

	assert_int_equal(
		parse_text("main = { name = \"abc\"; path = \"/x/y\"; flag = false; count = 12; small = 0x10;\n"
			   "colour = \"red\"; mix = [ \"green\", \"red\" ]; address = \"2001:db8::1\";\n"
			   "prefixes = [ \"10.0.0.1/8\", \"::1\" ]; words = ( \"p\", \"q\", \"r\" ); };\n"
			   "fixed = ( { label = \"one\"; number = 65535; }, { label = \"two\"; } );\n"
			   "heap = ( { label = \"h\"; } );\n",
			   &o, &f),
		0);
	assert_int_equal(f.n, 0);
	assert_string_equal(o.name, "abc");
	assert_string_equal(o.path, "/x/y");
	assert_false(o.flag);
	assert_int_equal(o.count, 12);
	assert_int_equal(o.small, 16);
	assert_int_equal(o.colour, 1);
	assert_true(o.red && o.green);
	assert_int_equal(o.addr.family, BATON_IPV6);
	assert_int_equal(o.n_prefixes, 2);
	assert_int_equal(o.prefixes[0].len, 8);
	assert_int_equal(o.prefixes[1].len, 128);
	assert_int_equal(o.n_words, 3);
	assert_string_equal(o.words[2], "r");
	assert_int_equal(o.n_fixed, 2);
	assert_int_equal(o.fixed[0].number, 65535);
	assert_int_equal(o.fixed[1].number, 7);
	assert_string_equal(o.fixed[1].label, "two");
	assert_int_equal(o.n_heap, 1);
	assert_string_equal(o.heap[0].label, "h");
	conf_free(keys, &o);
	assert_null(o.heap);
	assert_null(o.name);
	assert_int_equal(o.n_words, 0);
}

static void test_defaults(void **state)
{
	struct conf_findings f;
	struct object o;

	assert_int_equal(parse_text("main = { name = \"abc\"; };", &o, &f), 0);
	assert_string_equal(o.path, "/a");
	assert_true(o.flag);
	assert_int_equal(o.count, -5);
	assert_int_equal(o.small, 3);
	assert_int_equal(o.colour, 2);
	assert_int_equal(o.addr.family, 0);
	assert_int_equal(o.n_prefixes, 0);
	conf_free(keys, &o);
}

static void test_refused_values(void **state)
{
	refused("", "t.conf:1: main.name: required, but missing");
	refused("\n\nmain = {\n};", "t.conf:3: main.name: required, but missing");
	refused("main = 5;", "t.conf:1: main: must be a group { ... }");
	refused("main = { name = \"ab\";\n  coulor = \"red\"; };",
		"t.conf:2: main.coulor: unknown key; did you mean \"colour\"?");
	refused("main = { name = \"ab\"; };\nzzzzzz = 1;", "t.conf:2: zzzzzz: unknown key");
	refused("main = {\n name = 7;\n};", "t.conf:2: main.name: must be a string, not an integer");
	refused("main = {\n name = [ \"ab\" ];\n};", "t.conf:2: main.name: must be a string, not a list");
	refused("main = {\n name = { };\n};", "t.conf:2: main.name: must be a string, not a group { ... }");
	refused("main = {\n name = \"a\";\n};", "t.conf:2: main.name: shorter than 2 characters");
	refused("main = {\n name = \"\";\n};", "t.conf:2: main.name: must not be empty");
	refused("main = {\n name = \"abcdefghi\";\n};", "t.conf:2: main.name: longer than 8 characters");
	refused("main = {\n name = \"a\\nb\";\n};", "t.conf:2: main.name: holds a control character");
	refused("main = {\n name = \"-ab\";\n};", "t.conf:2: main.name: may hold letters, digits, '.', '_' and '-' "
						  "only, and start with a letter, digit or '_'");
	refused("main = { name = \"ab\";\n\n path = \"a/b\"; };", "t.conf:3: main.path: must be an absolute path");
	refused("main = { name = \"ab\";\n flag = 1; };", "t.conf:2: main.flag: must be true or false, not an integer");
	refused("main = { name = \"ab\";\n flag = \"yes\"; };",
		"t.conf:2: main.flag: must be true or false, not a string");
	refused("main = { name = \"ab\";\n count = 1.5; };",
		"t.conf:2: main.count: must be an integer, not a number with a fraction");
	refused("main = { name = \"ab\";\n count = true; };",
		"t.conf:2: main.count: must be an integer, not true or false");
	refused("main = { name = \"ab\";\n small = 120; };", "t.conf:2: main.small: 120 is out of range 0-99");
	refused("main = { name = \"ab\";\n small = -1; };", "t.conf:2: main.small: -1 is out of range 0-99");
	refused("main = { name = \"ab\";\n colour = \"blue\"; };",
		"t.conf:2: main.colour: \"blue\" is not one of red, green");
	refused("main = { name = \"ab\";\n mix = [ \"red\",\n \"blue\" ]; };",
		"t.conf:3: main.mix[1]: \"blue\" can't be mixed");
	refused("main = { name = \"ab\";\n mix = \"red\"; };", "t.conf:2: main.mix: must be a list [ ... ]");
	refused("main = { name = \"ab\";\n mix = [ \"red\", \"red\", \"red\" ]; };",
		"t.conf:2: main.mix: 3 entries, but at most 2 are possible");
	refused("main = { name = \"ab\";\n address = \"10.0.0\"; };",
		"t.conf:2: main.address: \"10.0.0\" is not an IPv4 or IPv6 address");
	refused("main = { name = \"ab\";\n prefixes = [ \"10.0.0.1/33\" ]; };",
		"t.conf:2: main.prefixes[0]: \"10.0.0.1/33\" is not an address with prefix length, such as "
		"192.0.2.1/24");
	refused("main = { name = \"ab\";\n prefixes = [ ]; };",
		"t.conf:2: main.prefixes: 0 entries, but at least 1 are needed");
	refused("main = { name = \"ab\"; };\nfixed = ( { label = \"x\"; },\n 5 );",
		"t.conf:3: fixed[1]: must be a group { ... }, not a single value");
	refused("main = { name = \"ab\"; };\nfixed = ( { label = \"x\"; },\n ( ) );",
		"t.conf:3: fixed[1]: must be a group { ... }, not a list");
	refused("main = { name = \"ab\"; };\nfixed = { label = \"x\"; };",
		"t.conf:2: fixed: must be a list ( { ... }, ... )");
	refused("main = { name = \"ab\"; };\nheap = ( { label = \"x\"; },\n {\n number = 0; label = \"y\"; } );",
		"t.conf:4: heap[1].number: 0 is out of range 1-65535");
	refused("main = { name = \"ab\"; };\nheap = (\n {\n number = 1; } );",
		"t.conf:3: heap[0].label: required, but missing");
}

static void test_refused_texts(void **state)
{
	refused("main = {\n name = ;\n};", "t.conf:2: expected a value");
	refused("main = {\n name = \"ab\";\n name = \"cd\";\n};", "t.conf:3: duplicate setting name");
	refused("main = {\n", "t.conf:2: the file ends, but a '}' is missing");
	refused("main", "t.conf:1: expected '=' behind a key");
	refused("main =", "t.conf:1: the file ends where a value is expected");
	refused("5 = 1;", "t.conf:1: expected a key");
	refused("a = 1;;", "t.conf:1: expected a key");
	refused("a = 1;\n}", "t.conf:2: expected a key");
	refused("a = yes;", "t.conf:1: expected a value; text stands in \"quotes\"");
	refused("a = -;", "t.conf:1: expected a value");
	refused("a = [ 1 2 ];", "t.conf:1: expected ',' or ']'");
	refused("a = ( 1,\n 2 ;", "t.conf:2: expected ',' or ')'");
	refused("a = [ 1,\n \"b\" ];", "t.conf:2: mismatched element type in array");
	refused("a = 1 \"stray\";", "t.conf:1: expected a key");
	refused("\na = \"b\nc\n", "t.conf:2: string without end");
	refused("a = 1; /* b\n", "t.conf:2: comment without end");
	refused("a = 1;\n  @include \"/etc/passwd\"\n", "t.conf:2: @include is not supported");
	refused("# x\n/* y\n@include \"z\" */", "t.conf:3: @include is not supported");
	refused("a = 1;\nb = 4294967376;", "t.conf:2: number too large (the largest is 2147483647)");
	refused("a = \"x\\\"\n\"; b = 0x1ffffffffL;", "t.conf:2: number too large (the largest is 2147483647)");
	refused("a =\n99999999999999999999999999;", "t.conf:2: number too large (the largest is 2147483647)");
	refused("a = ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((", "t.conf:1: nested too deeply");
}

static void test_nul_byte(void **state)
{
	struct conf_findings f = { .text = texts, .max = 16 };
	struct conf_doc *doc;

	assert_int_equal(conf_doc_read_text("a = 1;\n\0b = 2;", 14, "t.conf", &f, &doc), -EINVAL);
	assert_string_equal(texts[0], "t.conf:2: the file holds a NUL byte");
}

static void test_all_findings_in_one_run(void **state)
{
	struct conf_findings f;
	struct object o;

	assert_int_equal(parse_text("main = {\n name = \"a\";\n small = 100;\n colour = \"no\";\n bad = 1;\n};\n"
				    "heap = ( { number = 0; } );",
				    &o, &f),
			 -EINVAL);
	conf_free(keys, &o);
	assert_int_equal(f.n_errors, 6);
	assert_string_equal(texts[0], "t.conf:5: main.bad: unknown key");
	assert_string_equal(texts[1], "t.conf:2: main.name: shorter than 2 characters");
	assert_string_equal(texts[2], "t.conf:3: main.small: 100 is out of range 0-99");
	assert_string_equal(texts[3], "t.conf:4: main.colour: \"no\" is not one of red, green");
	assert_string_equal(texts[4], "t.conf:7: heap[0].label: required, but missing");
	assert_string_equal(texts[5], "t.conf:7: heap[0].number: 0 is out of range 1-65535");
}

static void test_findings_beyond_the_room_are_counted(void **state)
{
	struct conf_findings f = { .text = texts, .max = 1 };

	conf_error_plain(&f, "here", "first");
	conf_error_plain(&f, "here", "second");
	assert_int_equal(f.n, 1);
	assert_int_equal(f.n_errors, 2);
	assert_string_equal(texts[0], "here: first");
}

static void test_report_by_path(void **state)
{
	static const char text[] = "main = {\n name = \"ab\";\n};\nheap = (\n {\n  label = \"x\";\n }\n);\n";
	struct conf_findings f = { .text = texts, .max = 16 };
	struct conf_doc *doc;

	assert_int_equal(conf_doc_read_text(text, strlen(text), "t.conf", &f, &doc), 0);
	conf_error(&f, doc, "heap[0].label", "no \"%s\"", "x");
	conf_warning(&f, doc, "heap[0].number", "odd");
	conf_error(&f, doc, "heap[7].number", "far");
	conf_error(&f, doc, "none", "gone");
	conf_error(&f, doc, "main.name[3]", "scalar");
	conf_doc_free(doc);
	assert_string_equal(texts[0], "t.conf:6: heap[0].label: no \"x\"");
	assert_string_equal(texts[1], "t.conf:5: heap[0].number: warning: odd");
	assert_string_equal(texts[2], "t.conf:4: heap[7].number: far");
	assert_string_equal(texts[3], "t.conf:1: none: gone");
	assert_string_equal(texts[4], "t.conf:2: main.name[3]: scalar");
	assert_int_equal(f.n_errors, 4);
	assert_int_equal(f.n_warnings, 1);
}

static void test_findings_are_one_plain_line(void **state)
{
	struct conf_findings f = { .text = texts, .max = 16 };

	conf_error_plain(&f, "w", "a\nb\033[31m");
	assert_string_equal(texts[0], "w: a?b?[31m");
}

static void test_files(void **state)
{
	struct conf_findings f = { .text = texts, .max = 16 };
	char path[] = "/tmp/baton-conf-XXXXXX";
	int fd = mkstemp(path);
	struct conf_doc *doc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a = 1;\n", 7), 7);
	assert_int_equal(conf_doc_read_file(path, "x", &f, &doc), 0);
	conf_doc_free(doc);
	assert_int_equal(ftruncate(fd, CONF_FILE_MAX + 1), 0);
	assert_int_equal(conf_doc_read_file(path, "x", &f, &doc), -EFBIG);
	close(fd);
	unlink(path);
	assert_int_equal(conf_doc_read_file(path, "x", &f, &doc), -ENOENT);
	assert_true(conf_doc_read_file("/tmp", "x", &f, &doc) < 0);
	assert_int_equal(f.n, 3);
	assert_string_equal(texts[0], "x: longer than 1048576 bytes");
	assert_string_equal(texts[1], "x: can't be read: No such file or directory");
	assert_string_equal(texts[2], "x: not a regular file");
}

static void test_print(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	conf_print(out, keys, CONF_PRINT_MARKDOWN);
	fclose(out);
	assert_non_null(strstr(text, "\n| `main.name` | string | 2-8 characters | required | Name. |\n"));
	assert_non_null(strstr(text, "\n| `main.small` | integer | 0-99 | `3` | Small. |\n"));
	assert_non_null(strstr(text, "\n| `main.mix[]` | list of string | red, green; 0-2 entries | none | Mix. |\n"));
	assert_non_null(strstr(text, "\n| `heap[].number` | integer | 1-65535 | `7` | Number. |\n"));
	free(text);
	out = open_memstream(&text, &size);
	conf_print(out, keys, CONF_PRINT_TEXT);
	conf_print(out, keys, CONF_PRINT_MAN);
	fclose(out);
	assert_non_null(strstr(text, "main.colour (word; red, green; green)\n\tColour.\n"));
	assert_non_null(strstr(text, ".TP\n.B main.count\n(integer; -5) Count.\n"));
	free(text);
}

static void test_nearest(void **state)
{
	static const char *const words[] = { "ports", "lcores", "vips", "endpoints", NULL };

	assert_string_equal(conf_nearest("port", words), "ports");
	assert_string_equal(conf_nearest("lcroes", words), "lcores");
	assert_string_equal(conf_nearest("end", words), "endpoints");
	assert_string_equal(conf_nearest("VIPS", words), "vips");
	assert_null(conf_nearest("banana", words));
	assert_null(conf_nearest("", words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables_are_sound),
		cmocka_unit_test(test_bad_tables_are_found),
		cmocka_unit_test(test_values_arrive),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_refused_values),
		cmocka_unit_test(test_refused_texts),
		cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_all_findings_in_one_run),
		cmocka_unit_test(test_findings_beyond_the_room_are_counted),
		cmocka_unit_test(test_report_by_path),
		cmocka_unit_test(test_findings_are_one_plain_line),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
