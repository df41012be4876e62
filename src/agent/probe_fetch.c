/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/probe_fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/probe_match.h"
#include "base/clock.h"

/* An exchanged CA file counts after so long; the system's holds 140 certificates, too many for every handshake. */
#define CA_CACHE_S 60L

struct probe_fetcher {
	CURLM *multi;
	int epoll_fd;
	uint64_t tag, due_ns;
	probe_fetch_done_fn done;
	void *context;
};

struct probe_fetch {
	struct probe_fetcher *fetcher;
	const struct probe_config *config;
	unsigned number;
	CURL *easy;
	struct curl_slist *connect_to, *headers;
	regex_t expression;
	bool has_expression, running;
	bool full; /* body_bytes are here, the rest is not wanted */
	bool long_header;
	size_t header_bytes, body_len;
	char *body; /* of config->body_bytes and a NUL */
	char error[CURL_ERROR_SIZE];
};

static int socket_changed(CURL *easy, curl_socket_t fd, int what, void *context, void *socket)
{
	struct probe_fetcher *f = context;
	struct epoll_event e = { .data.u64 = f->tag | (uint32_t)fd };

	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(f->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	e.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	if (!epoll_ctl(f->epoll_fd, EPOLL_CTL_MOD, fd, &e))
		return 0;
	return epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, fd, &e) ? -1 : 0;
}

static int timer_changed(CURLM *multi, long ms, void *context)
{
	struct probe_fetcher *f = context;

	f->due_ns = ms < 0 ? UINT64_MAX : clock_monotonic_ns() + (uint64_t)ms * CLOCK_NS_PER_MS;
	return 0;
}

int probe_fetcher_new(int epoll_fd, uint64_t tag, probe_fetch_done_fn done, void *context, struct probe_fetcher **ret)
{
	struct probe_fetcher *f;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return -ENOMEM;
	f = calloc(1, sizeof *f);
	if (f)
		*f = (struct probe_fetcher){ .multi = curl_multi_init(),
					     .epoll_fd = epoll_fd,
					     .tag = tag,
					     .due_ns = UINT64_MAX,
					     .done = done,
					     .context = context };
	if (!f || !f->multi) {
		free(f);
		curl_global_cleanup();
		return -ENOMEM;
	}
	curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, socket_changed);
	curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
	curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, timer_changed);
	curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
	*ret = f;
	return 0;
}

void probe_fetcher_free(struct probe_fetcher *f)
{
	if (!f)
		return;
	curl_multi_cleanup(f->multi);
	curl_global_cleanup();
	free(f);
}

uint64_t probe_fetcher_due_ns(const struct probe_fetcher *f)
{
	return f->due_ns;
}

static bool is_connect_only(const struct probe_config *c)
{
	return c->type != PROBE_HTTP;
}

static bool is_tls(const struct probe_config *c)
{
	return c->type == PROBE_TLS || (c->type == PROBE_HTTP && c->https);
}

/* How far it came in its time. */
static void judge_timeout(const struct probe_fetch *p, struct probe_result *ret)
{
	curl_off_t connected = 0, secured = 0;
	long status = 0;
	const char *what = "HTTP: answer not complete";

	curl_easy_getinfo(p->easy, CURLINFO_CONNECT_TIME_T, &connected);
	curl_easy_getinfo(p->easy, CURLINFO_APPCONNECT_TIME_T, &secured);
	curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
	if (!connected)
		what = "connect: no answer";
	else if (is_tls(p->config) && !secured)
		what = "TLS: no handshake";
	else if (!status)
		what = "HTTP: no answer";
	probe_result_set(ret, false, "%s within %d ms", what, p->config->timeout_ms);
}

static void judge_fault(const struct probe_fetch *p, CURLcode code, struct probe_result *ret)
{
	const char *text = p->error[0] ? p->error : curl_easy_strerror(code);
	char buf[64];
	long err = 0;

	curl_easy_getinfo(p->easy, CURLINFO_OS_ERRNO, &err);
	if (code == CURLE_OPERATION_TIMEDOUT)
		judge_timeout(p, ret);
	else if (code == CURLE_COULDNT_CONNECT && err)
		probe_result_set(ret, false, "connect: %s", probe_error_text((int)err, buf, sizeof buf));
	else if (code == CURLE_COULDNT_CONNECT)
		probe_result_set(ret, false, "connect: %s", text);
	else if (code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION ||
		 code == CURLE_SSL_CACERT_BADFILE)
		probe_result_set(ret, false, "TLS: %s", text);
	else if (p->long_header)
		probe_result_set(ret, false, "HTTP: header of more than %d bytes", PROBE_HEADER_MAX);
	else
		probe_result_set(ret, false, "%s: %s", p->config->type == PROBE_HTTP ? "HTTP" : "connect", text);
}

static void judge(const struct probe_fetch *p, CURLcode code, struct probe_result *ret)
{
	long status = 0;

	if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && p->full)) {
		judge_fault(p, code, ret);
	} else if (is_connect_only(p->config)) {
		probe_result_set(ret, true, is_tls(p->config) ? "TLS handshake done" : "connected");
	} else {
		curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
		probe_match(p->config, p->has_expression ? &p->expression : NULL, status, p->body, p->body_len, ret);
	}
}

static void finished_collect(struct probe_fetcher *f)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(f->multi, &left))) {
		struct probe_result result;
		struct probe_fetch *p;
		char *own;

		if (m->msg != CURLMSG_DONE || curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &own))
			continue;
		p = (struct probe_fetch *)(void *)own;
		judge(p, m->data.result, &result);
		curl_multi_remove_handle(f->multi, p->easy); /* m is gone from here on */
		p->running = false;
		f->done(f->context, p->number, &result);
	}
}

void probe_fetcher_event(struct probe_fetcher *f, int fd, uint32_t events)
{
	int running, mask = 0;

	mask |= events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0;
	mask |= events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
	mask |= events & EPOLLERR ? CURL_CSELECT_ERR : 0;
	curl_multi_socket_action(f->multi, fd, mask, &running);
	finished_collect(f);
}

void probe_fetcher_tick(struct probe_fetcher *f, uint64_t now_ns)
{
	int running;

	if (now_ns < f->due_ns)
		return;
	f->due_ns = UINT64_MAX; /* libcurl says when again, but only if that has changed */
	curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	finished_collect(f);
}

static size_t header_take(char *bytes, size_t size, size_t n, void *context)
{
	struct probe_fetch *p = context;

	p->header_bytes += n;
	p->long_header = p->header_bytes > PROBE_HEADER_MAX;
	return p->long_header ? 0 : n;
}

static size_t body_take(char *bytes, size_t size, size_t n, void *context)
{
	struct probe_fetch *p = context;
	size_t room = (size_t)p->config->body_bytes - p->body_len, take = n < room ? n : room;

	memcpy(p->body + p->body_len, bytes, take);
	p->body_len += take;
	p->body[p->body_len] = 0;
	p->full = take < n;
	return take; /* less than n ends the transfer */
}

/* An address as it stands in a URL. */
static void url_address(const struct baton_addr *a, char *buf, size_t size)
{
	char text[BATON_ADDR_TEXT_MAX];

	baton_addr_format(a, text, sizeof text);
	snprintf(buf, size, a->family == BATON_IPV6 ? "[%s]" : "%s", text);
}

/* The URL holds the name for SNI and certificate; connect_to says where that is. */
static int options_target(struct probe_fetch *p, const struct baton_addr *to, uint16_t port)
{
	const struct probe_config *c = p->config;
	char address[BATON_ADDR_TEXT_MAX + 2], where[BATON_ADDR_TEXT_MAX + 16], url[2048];

	url_address(to, address, sizeof address);
	snprintf(where, sizeof where, "::%s:%u", address, port);
	snprintf(url, sizeof url, "%s://%s:%u%s", is_tls(c) ? "https" : "http",
		 c->server_name ? c->server_name : address, port, c->type == PROBE_HTTP ? c->path : "/");
	p->connect_to = curl_slist_append(NULL, where);
	if (!p->connect_to || curl_easy_setopt(p->easy, CURLOPT_URL, url))
		return -ENOMEM;
	curl_easy_setopt(p->easy, CURLOPT_CONNECT_TO, p->connect_to);
	curl_easy_setopt(p->easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(p->easy, CURLOPT_PROXY, ""); /* whatever the environment says */
	curl_easy_setopt(p->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(p->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(p->easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(p->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(p->easy, CURLOPT_TIMEOUT_MS, (long)c->timeout_ms);
	curl_easy_setopt(p->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)c->timeout_ms);
	curl_easy_setopt(p->easy, CURLOPT_ERRORBUFFER, p->error);
	curl_easy_setopt(p->easy, CURLOPT_PRIVATE, (char *)p);
	curl_easy_setopt(p->easy, CURLOPT_CONNECT_ONLY, is_connect_only(c) ? 1L : 0L);
	return 0;
}

static int options_tls(struct probe_fetch *p)
{
	const struct probe_config *c = p->config;

	curl_easy_setopt(p->easy, CURLOPT_SSL_VERIFYPEER, c->verify ? 1L : 0L);
	curl_easy_setopt(p->easy, CURLOPT_SSL_VERIFYHOST, c->verify ? 2L : 0L);
	curl_easy_setopt(p->easy, CURLOPT_SSL_SESSIONID_CACHE, 0L); /* a resumed session shows no certificate */
	curl_easy_setopt(p->easy, CURLOPT_CA_CACHE_TIMEOUT, CA_CACHE_S);
	return c->ca_file && curl_easy_setopt(p->easy, CURLOPT_CAINFO, c->ca_file) ? -ENOMEM : 0;
}

static int header_add(struct probe_fetch *p, const char *line)
{
	struct curl_slist *longer = curl_slist_append(p->headers, line);

	if (!longer)
		return -ENOMEM;
	p->headers = longer;
	return 0;
}

static int options_http(struct probe_fetch *p)
{
	const struct probe_config *c = p->config;
	char host[CONF_STRING_MAX + 16];

	snprintf(host, sizeof host, "Host: %s", c->host_header ? c->host_header : "");
	if (header_add(p, "Connection: close") || (c->host_header && header_add(p, host)))
		return -ENOMEM;
	curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER, p->headers);
	curl_easy_setopt(p->easy, CURLOPT_NOBODY, c->method == PROBE_HEAD ? 1L : 0L);
	curl_easy_setopt(p->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(p->easy, CURLOPT_USERAGENT, "baton-agent");
	curl_easy_setopt(p->easy, CURLOPT_HEADERFUNCTION, header_take);
	curl_easy_setopt(p->easy, CURLOPT_HEADERDATA, p);
	curl_easy_setopt(p->easy, CURLOPT_WRITEFUNCTION, body_take);
	curl_easy_setopt(p->easy, CURLOPT_WRITEDATA, p);
	if (c->body_matches) {
		if (regcomp(&p->expression, c->body_matches, REG_EXTENDED | REG_NOSUB | REG_NEWLINE))
			return -EINVAL;
		p->has_expression = true;
	}
	p->body = calloc((size_t)c->body_bytes + 1, 1);
	return p->body ? 0 : -ENOMEM;
}

int probe_fetch_new(struct probe_fetcher *f, const struct probe_config *c, const struct baton_addr *to, uint16_t port,
		    unsigned number, struct probe_fetch **ret)
{
	struct probe_fetch *p = calloc(1, sizeof *p);
	int err;

	if (!p)
		return -ENOMEM;
	p->fetcher = f;
	p->config = c;
	p->number = number;
	p->easy = curl_easy_init();
	err = p->easy ? options_target(p, to, port) : -ENOMEM;
	if (!err && is_tls(c))
		err = options_tls(p);
	if (!err && c->type == PROBE_HTTP)
		err = options_http(p);
	if (err)
		probe_fetch_free(p);
	else
		*ret = p;
	return err;
}

void probe_fetch_free(struct probe_fetch *p)
{
	if (!p)
		return;
	if (p->running)
		curl_multi_remove_handle(p->fetcher->multi, p->easy);
	curl_easy_cleanup(p->easy);
	curl_slist_free_all(p->connect_to);
	curl_slist_free_all(p->headers);
	if (p->has_expression)
		regfree(&p->expression);
	free(p->body);
	free(p);
}

int probe_fetch_start(struct probe_fetch *p)
{
	p->header_bytes = p->body_len = 0;
	p->full = p->long_header = false;
	p->error[0] = 0;
	if (curl_multi_add_handle(p->fetcher->multi, p->easy))
		return -ENOMEM;
	p->running = true;
	return 0;
}
