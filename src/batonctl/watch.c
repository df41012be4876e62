/* SPDX-License-Identifier: BSD-3-Clause */
/* A screen that refreshes itself: tables with counters as growth per second. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "batonctl/client.h"
#include "batonctl/show.h"

#define WATCH_ROWS_MAX 200 /* more does not fit any screen */

struct watch {
	struct options options;
	const char *run_dir;
	const struct show_thing *things[BATONCTL_MAX_WATCHED];
	json_t *before[BATONCTL_MAX_WATCHED];
	uint64_t before_ns[BATONCTL_MAX_WATCHED];
	unsigned n;
	int fd;      /* telemetry; -1: not connected */
	int signals; /* signalfd */
	bool screen; /* standard output is a terminal */
	bool keys;   /* standard input is one */
	struct termios saved;
	char why[BATONCTL_WHY_SIZE];
};

static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Single keys without echo; Ctrl-C stays a signal. */
static void terminal_enter(struct watch *w)
{
	struct termios raw;

	w->screen = isatty(STDOUT_FILENO);
	w->keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &w->saved) == 0;
	if (w->keys) {
		raw = w->saved;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	if (w->screen)
		fputs("\033[?1049h\033[?25l", stdout); /* other screen, no cursor */
}

static void terminal_leave(struct watch *w)
{
	if (w->screen)
		fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	if (w->keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &w->saved);
}

static void thing_print(FILE *out, struct watch *w, unsigned i)
{
	uint64_t now = clock_monotonic_ns();
	json_t *rows;
	bool more;

	if (w->fd < 0 || show_fetch(w->fd, w->things[i], &w->options, &rows, &more, w->why) < 0) {
		if (w->fd >= 0)
			close(w->fd);
		w->fd = -1;
		return;
	}
	fprintf(out, "%s\n", w->things[i]->name);
	table_print(out, w->things[i]->columns, rows, w->before[i] ? w->before[i] : rows,
		    (double)(now - w->before_ns[i]) / (double)CLOCK_NS_PER_S);
	fputc('\n', out);
	json_decref(w->before[i]);
	w->before[i] = rows;
	w->before_ns[i] = now;
}

/* What fits: whole lines, cut to the terminal's width and height. */
static void screen_put(const char *text)
{
	struct winsize size = { 0 };
	unsigned line = 0;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	fputs("\033[H", stdout);
	for (; *text && line + 1u < size.ws_row; line++) {
		size_t n = strcspn(text, "\n");

		printf("%.*s\033[K\n", (int)(n < size.ws_col ? n : size.ws_col - 1u), text);
		text += n + (text[n] == '\n');
	}
	fputs("\033[J", stdout);
}

static int refresh(struct watch *w)
{
	time_t now = time(NULL);
	char *text = NULL, when[32];
	struct tm tm;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return -errno;
	strftime(when, sizeof when, "%H:%M:%S", localtime_r(&now, &tm));
	fprintf(out, "baton at %s, %s, every %u s%s\n\n", w->run_dir, when, w->options.interval_s,
		w->keys ? ", q quits" : "");
	if (w->fd < 0)
		w->fd = client_telemetry_open(w->run_dir, w->why);
	for (unsigned i = 0; i < w->n && w->fd >= 0; i++)
		thing_print(out, w, i);
	if (w->fd < 0)
		fprintf(out, "%s\n", w->why);
	fclose(out);
	if (w->screen)
		screen_put(text);
	else
		fputs(text, stdout);
	free(text);
	return fflush(stdout) == 0 ? 0 : -errno;
}

/* Wait for the next round. False: the user or a signal ends it. */
static bool wait_round(struct watch *w)
{
	struct pollfd p[2] = { { .fd = w->signals, .events = POLLIN },
			       { .fd = w->keys ? STDIN_FILENO : -1, .events = POLLIN } };
	uint64_t end = clock_monotonic_ns() + w->options.interval_s * CLOCK_NS_PER_S, now;
	struct signalfd_siginfo s;
	char key;

	while ((now = clock_monotonic_ns()) < end) {
		if (poll(p, 2, (int)((end - now) / CLOCK_NS_PER_MS) + 1) < 0)
			return false;
		if ((p[0].revents & POLLIN) && read(w->signals, &s, sizeof s) == sizeof s)
			return s.ssi_signo == SIGWINCH;
		if (p[1].revents && (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q'))
			return false;
	}
	return true;
}

static int watch_run(struct watch *w)
{
	int err;

	w->signals = signals_open();
	if (w->signals < 0) {
		fprintf(stderr, "batonctl: signalfd: %s\n", strerror(errno));
		return BATONCTL_NEGATIVE;
	}
	terminal_enter(w);
	do
		err = refresh(w);
	while (!err && wait_round(w));
	terminal_leave(w);
	for (unsigned i = 0; i < w->n; i++)
		json_decref(w->before[i]);
	if (w->fd >= 0)
		close(w->fd);
	close(w->signals);
	return BATONCTL_OK;
}

int watch_command(const struct options *o)
{
	static const char *const usual[] = { "lcores", "vips", "endpoints", "drops" };
	struct watch w = { .options = *o, .fd = -1 };
	char *run_dir = NULL;
	int code;

	w.n = o->n_words ? o->n_words : sizeof usual / sizeof *usual;
	w.options.limit = WATCH_ROWS_MAX;
	for (unsigned i = 0; i < w.n; i++) {
		w.things[i] = show_find(o->n_words ? o->words[i] : usual[i], o->count);
		if (!w.things[i])
			return batonctl_unknown("thing to watch", o->words[i], show_names());
	}
	if (options_run_dir(o, &run_dir, w.why) < 0) {
		fprintf(stderr, "batonctl: %s\n", w.why);
		return BATONCTL_UNREACHABLE;
	}
	w.run_dir = run_dir;
	code = watch_run(&w);
	free(run_dir);
	return code;
}
