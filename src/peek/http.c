/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A head is read twice: by a machine that goes over each byte once, however it
 * comes in pieces, and checks the grammar; and, when the empty line has come, to
 * note where things are. The second reading relies on the first one's checks.
 */
#include <string.h>

#include "peek/chars.h"
#include "peek/http.h"
#include "peek/span.h"

enum http_step {
	STEP_START,    /* empty lines before the request line, RFC 9112 section 2.2 */
	STEP_START_LF, /* after the CR of one */
	STEP_METHOD,
	STEP_TARGET,
	STEP_VERSION,
	STEP_LINE_LF, /* after the CR of a line */
	STEP_LINE,    /* at the first byte of a field line, or of the empty line */
	STEP_NAME,
	STEP_VALUE,
	STEP_END_LF, /* after the CR of the empty line */
	STEP_DONE,
	N_STEPS
};

struct http_scan {
	const uint8_t *bytes;
	uint32_t len;
	uint32_t at;
	uint8_t step;
	uint8_t n_hosts;
	uint8_t n_fields;
	uint32_t mark;    /* where the word that is being read began */
	uint32_t host_at; /* where the value of the field Host begins */
};

_Static_assert(PEEK_MAX_FIELDS <= UINT8_MAX, "counts fit");

static struct http_scan scan_load(const struct peek_state *state, const uint8_t *bytes, uint32_t len)
{
	return (struct http_scan){
		.bytes = bytes,
		.len = len,
		.at = state->scanned,
		.step = (uint8_t)state->detail[0],
		.n_hosts = (uint8_t)(state->detail[0] >> 8),
		.n_fields = (uint8_t)(state->detail[0] >> 16),
		.mark = state->detail[1],
		.host_at = state->detail[2],
	};
}

static void scan_save(const struct http_scan *s, struct peek_state *state)
{
	state->scanned = s->at;
	state->detail[0] = s->step | (uint32_t)s->n_hosts << 8 | (uint32_t)s->n_fields << 16;
	state->detail[1] = s->mark;
	state->detail[2] = s->host_at;
}

static enum peek_verdict scan_next(struct http_scan *s, enum http_step step)
{
	s->at++;
	s->step = step;
	return PEEK_MORE;
}

/* Over what belongs to the class; false if that is all there is. */
static bool scan_run(struct http_scan *s, uint8_t class)
{
	while (s->at < s->len && chars_is(s->bytes[s->at], class))
		s->at++;
	return s->at < s->len;
}

static enum peek_verdict scan_start(struct http_scan *s)
{
	uint8_t c = s->bytes[s->at];

	if (c == '\r')
		return scan_next(s, STEP_START_LF);
	if (c == '\n')
		return scan_next(s, STEP_START);
	if (!chars_is(c, CHAR_TOKEN))
		return PEEK_ALIEN;
	s->mark = s->at;
	s->step = STEP_METHOD;
	return PEEK_MORE;
}

/* The rest of a line end: a CR alone is none (RFC 9112, section 2.2). */
static enum peek_verdict scan_lf(struct http_scan *s, enum http_step step)
{
	return s->bytes[s->at] == '\n' ? scan_next(s, step) : PEEK_ALIEN;
}

static enum peek_verdict scan_start_lf(struct http_scan *s)
{
	return scan_lf(s, STEP_START);
}

static enum peek_verdict scan_line_lf(struct http_scan *s)
{
	return scan_lf(s, STEP_LINE);
}

/* A word of the request line: not empty, and one space behind it. */
static enum peek_verdict scan_word(struct http_scan *s, uint8_t class, enum http_step step)
{
	if (!scan_run(s, class))
		return PEEK_MORE;
	if (s->bytes[s->at] != ' ' || s->at == s->mark)
		return PEEK_ALIEN;
	s->mark = s->at + 1;
	return scan_next(s, step);
}

static enum peek_verdict scan_method(struct http_scan *s)
{
	return scan_word(s, CHAR_TOKEN, STEP_TARGET);
}

static enum peek_verdict scan_target(struct http_scan *s)
{
	return scan_word(s, CHAR_TARGET, STEP_VERSION);
}

/* CR LF, or LF alone (RFC 9112, section 2.2). */
static enum peek_verdict scan_line_end(struct http_scan *s)
{
	if (s->bytes[s->at] == '\r')
		return scan_next(s, STEP_LINE_LF);
	if (s->bytes[s->at] == '\n')
		return scan_next(s, STEP_LINE);
	return PEEK_ALIEN;
}

/* Any minor version of 1 (RFC 9110, section 2.5). */
static enum peek_verdict scan_version(struct http_scan *s)
{
	static const char literal[] = "HTTP/1.";
	uint32_t i = s->at - s->mark;
	uint8_t c = s->bytes[s->at];

	if (i > strlen(literal))
		return scan_line_end(s);
	if (i < strlen(literal) ? c != literal[i] : c < '0' || c > '9')
		return PEEK_ALIEN;
	return scan_next(s, STEP_VERSION);
}

/* A line that begins with white space continues another (obs-fold, RFC 9112 section 5.2): refused. */
static enum peek_verdict scan_line(struct http_scan *s)
{
	uint8_t c = s->bytes[s->at];

	if (c == '\r')
		return scan_next(s, STEP_END_LF);
	if (c == '\n') {
		scan_next(s, STEP_DONE);
		return PEEK_COMPLETE;
	}
	if (!chars_is(c, CHAR_TOKEN))
		return PEEK_ALIEN;
	if (s->n_fields == PEEK_MAX_FIELDS)
		return PEEK_TOO_LONG;
	s->n_fields++;
	s->mark = s->at;
	s->step = STEP_NAME;
	return PEEK_MORE;
}

/* No white space between name and colon (RFC 9112, section 5.1). */
static enum peek_verdict scan_name(struct http_scan *s)
{
	if (!scan_run(s, CHAR_TOKEN))
		return PEEK_MORE;
	if (s->bytes[s->at] != ':')
		return PEEK_ALIEN;
	if (span_is_name((struct peek_span){ s->bytes + s->mark, s->at - s->mark }, "host", strlen("host"))) {
		s->n_hosts++;
		s->host_at = s->at + 1;
	}
	return scan_next(s, STEP_VALUE);
}

static enum peek_verdict scan_value(struct http_scan *s)
{
	return scan_run(s, CHAR_VALUE) ? scan_line_end(s) : PEEK_MORE;
}

static enum peek_verdict scan_end_lf(struct http_scan *s)
{
	return scan_lf(s, STEP_DONE) == PEEK_ALIEN ? PEEK_ALIEN : PEEK_COMPLETE;
}

static enum peek_verdict scan(struct http_scan *s)
{
	static enum peek_verdict (*const steps[N_STEPS])(struct http_scan *) = {
		[STEP_START] = scan_start,   [STEP_START_LF] = scan_start_lf, [STEP_METHOD] = scan_method,
		[STEP_TARGET] = scan_target, [STEP_VERSION] = scan_version,   [STEP_LINE_LF] = scan_line_lf,
		[STEP_LINE] = scan_line,     [STEP_NAME] = scan_name,         [STEP_VALUE] = scan_value,
		[STEP_END_LF] = scan_end_lf,
	};
	enum peek_verdict v = s->step == STEP_DONE ? PEEK_COMPLETE : PEEK_MORE;

	while (v == PEEK_MORE && s->at < s->len)
		v = steps[s->step](s);
	return v;
}

/* What lies between the cursor and the next such byte, which is there; the cursor goes behind it. */
static struct peek_span word_until(const uint8_t **p, const uint8_t *end, uint8_t c)
{
	const uint8_t *stop = memchr(*p, c, (size_t)(end - *p));
	struct peek_span s = { *p, (uint32_t)(stop - *p) };

	*p = stop + 1;
	return s;
}

/* A field's value without its line end and the white space around it (RFC 9112, section 5.1). */
static struct peek_span value_until_lf(const uint8_t **p, const uint8_t *end)
{
	struct peek_span s = word_until(p, end, '\n');

	if (s.len && s.p[s.len - 1] == '\r')
		s.len--;
	return span_trim(s);
}

static void fill_fields(const uint8_t *p, const uint8_t *end, unsigned n, struct peek_head *ret)
{
	for (unsigned i = 0; i < n; i++) {
		ret->fields[i].name = word_until(&p, end, ':');
		ret->fields[i].value = value_until_lf(&p, end);
	}
	ret->n_fields = n;
}

/* Host in lower case, as it compares (RFC 3986, section 6.2.2.1); an empty path as the "/" it stands for. */
static void fill_target(const struct http_target *t, struct peek_head *ret)
{
	ret->host = t->host;
	if (t->host.p) {
		for (uint32_t i = 0; i < t->host.len; i++)
			ret->copy[i] = chars_lower(t->host.p[i]);
		ret->host.p = ret->copy;
	}
	ret->path = t->path;
	if (t->path.p && !t->path.len) {
		ret->copy[t->host.len] = '/';
		ret->path = (struct peek_span){ ret->copy + t->host.len, 1 };
	}
	ret->query = t->query;
}

/* RFC 9112, section 3.2: one Host field, but none in HTTP/1.0 will do; an absolute target overrides it. */
static bool find_host(const struct http_scan *s, bool needed, struct http_target *t)
{
	const uint8_t *p = s->bytes + s->host_at;
	struct peek_span host;

	if (s->n_hosts == 0)
		return !needed;
	if (s->n_hosts > 1 || !http_authority_parse(value_until_lf(&p, s->bytes + s->at), &host))
		return false;
	if (!t->host.p)
		t->host = host;
	return true;
}

static enum peek_verdict fill(const struct http_scan *s, struct peek_head *ret)
{
	const uint8_t *p = s->bytes;
	const uint8_t *end = s->bytes + s->at;
	struct peek_span method, target, version;
	struct http_target t;

	while (*p == '\r' || *p == '\n')
		p++;
	method = word_until(&p, end, ' ');
	target = word_until(&p, end, ' ');
	version = word_until(&p, end, '\n');
	if (!http_target_parse(method, target, &t) || !find_host(s, version.p[strlen("HTTP/1.")] != '0', &t))
		return PEEK_ALIEN;
	peek_head_clear(ret);
	ret->kind = PEEK_HTTP;
	ret->len = s->at;
	ret->method = method;
	fill_target(&t, ret);
	fill_fields(p, end, s->n_fields, ret);
	return PEEK_COMPLETE;
}

enum peek_verdict http_peek(struct peek_state *state, const uint8_t *bytes, uint32_t len, uint32_t max,
			    struct peek_head *ret)
{
	struct http_scan s = scan_load(state, bytes, len);
	enum peek_verdict v = scan(&s);

	scan_save(&s, state);
	if (v == PEEK_COMPLETE)
		return fill(&s, ret);
	return v == PEEK_MORE && len >= max ? PEEK_TOO_LONG : v;
}
