/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/service.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/attach.h"
#include "agent/conn_sweep.h"
#include "agent/datapath.h"
#include "agent/ends.h"
#include "agent/health_service.h"
#include "agent/kernel.h"
#include "agent/loopback.h"
#include "agent/maps.h"
#include "agent/preflight.h"
#include "agent/state.h"
#include "agent/steps.h"
#include "agent/sweep.h"
#include "agent/sysctl.h"
#include "base/clock.h"
#include "base/log.h"
#include "tunnel/secret.h"

/* A pass over the flow table begins this often; its steps follow each other this closely. */
#define SWEEP_PASS_MS 5000
#define SWEEP_STEP_MS 50
/* How soon a sysctl's change is noticed. */
#define KERNEL_CHECK_MS 1000

struct paths {
	char lock[PATH_MAX], state[PATH_MAX], pins[PATH_MAX];
};

struct service {
	struct agent_config *config;
	struct agent_state state;
	struct paths paths;
	struct datapath datapath;
	struct agent_kernel kernel; /* as the program has been told */
	uint64_t kernel_due_ns;
	struct loop *loop;
	struct ends *ends;
	struct steps *steps; /* NULL: no datapath */
	struct sweep *sweep;
	struct conn_sweep *conn_sweep;
	bool flows_done, conns_done; /* in this pass */
	uint64_t sweep_due_ns;
	bool sweep_failed;
	int lock_fd;
};

static void paths_make(struct paths *p, const char *run_dir)
{
	snprintf(p->lock, sizeof p->lock, "%s/lock", run_dir);
	snprintf(p->state, sizeof p->state, "%s/state", run_dir);
	snprintf(p->pins, sizeof p->pins, "%s/bpf", run_dir);
}

/* The lock's descriptor, -EWOULDBLOCK if another agent has it, other -errno. */
static int lock_take(const char *path, int flags)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

bool service_is_running(const struct agent_config *c)
{
	struct paths p;
	int fd;

	paths_make(&p, c->run_dir);
	fd = lock_take(p.lock, 0);
	if (fd >= 0)
		close(fd);
	return fd == -EWOULDBLOCK;
}

static int lock_or_log(const struct agent_config *c, const char *path, int flags)
{
	int fd = lock_take(path, flags);

	if (fd == -EWOULDBLOCK)
		log_error("an agent is running already run_dir=%s", c->run_dir);
	else if (fd < 0 && fd != -ENOENT)
		log_error("can't open lock path=%s reason=\"%s\"", path, strerror(-fd));
	return fd;
}

static int state_load(const char *path, struct agent_state *ret)
{
	unsigned line;
	int err = agent_state_load(path, ret, &line);

	if (err == -EINVAL && line)
		log_error("state file is damaged; remove by hand what the agent has set and delete it "
			  "path=%s line=%u",
			  path, line);
	else if (err)
		log_error("can't read state path=%s reason=\"%s\"", path, strerror(-err));
	return err;
}

static int state_save(const char *path, const struct agent_state *s)
{
	int err = agent_state_save(path, s);

	if (err)
		log_error("can't write state path=%s reason=\"%s\"", path, strerror(-err));
	return err;
}

static int keys_load(const struct agent_config *c, struct shim_keyring *ret)
{
	int err = shim_keyring_load(c->secret_file, ret);

	if (err)
		log_error("can't use the secret file: %s path=%s", secret_strerror(err), c->secret_file);
	return err;
}

static int run_dir_prepare(struct service *s)
{
	bool mounted;
	int err;

	if (mkdir(s->config->run_dir, 0755) && errno != EEXIST) {
		log_error("can't make folder path=%s reason=\"%s\"", s->config->run_dir, strerror(errno));
		return -errno;
	}
	s->lock_fd = lock_or_log(s->config, s->paths.lock, O_CREAT);
	if (s->lock_fd < 0)
		return s->lock_fd;
	err = state_load(s->paths.state, &s->state);
	if (err)
		return err;
	if (!s->config->device)
		return 0;
	err = datapath_mount(s->paths.pins, &mounted);
	if (err) {
		log_error("can't mount a bpf file system path=%s reason=\"%s\"", s->paths.pins, strerror(-err));
		return err;
	}
	if (mounted)
		s->state.bpffs = true;
	return state_save(s->paths.state, &s->state);
}

/* After the configuration has named another interface: the old one gets no filter of ours. */
static void old_device_leave(struct agent_state *state)
{
	unsigned ifindex = if_nametoindex(state->device);
	int err;

	if (ifindex) {
		err = attach_detach(ifindex);
		if (err)
			log_warning("can't remove filter device=%s reason=\"%s\"", state->device, strerror(-err));
		else
			log_info("filter removed device=%s", state->device);
		if (state->clsact) {
			err = attach_unhook(ifindex);
			if (err)
				log_warning("clsact stays: %s device=%s",
					    err == -EBUSY ? "it holds other filters" : strerror(-err), state->device);
		}
	}
	state->clsact = false;
	state->device[0] = 0;
}

static int device_attach(struct service *s)
{
	unsigned ifindex = if_nametoindex(s->config->device);
	bool made = false;
	int err;

	if (s->state.device[0] && strcmp(s->state.device, s->config->device))
		old_device_leave(&s->state);
	snprintf(s->state.device, sizeof s->state.device, "%s", s->config->device);
	err = ifindex ? attach_hook(ifindex, &made) : -ENODEV;
	if (err) {
		log_error("missing: tc clsact on %s (CONFIG_NET_SCH_INGRESS, CONFIG_NET_CLS_ACT): %s",
			  s->config->device, strerror(-err));
		return err;
	}
	s->state.clsact = s->state.clsact || made;
	err = state_save(s->paths.state, &s->state);
	if (err)
		return err;
	err = attach_filter(ifindex, s->datapath.prog_fd);
	if (err)
		log_error("can't attach filter (CONFIG_NET_CLS_BPF; is priority %d taken?) device=%s reason=\"%s\"",
			  ATTACH_PRIORITY, s->config->device, strerror(-err));
	else
		log_info("datapath attached device=%s", s->config->device);
	return err;
}

static bool has_ipv4_vip(const struct agent_config *c)
{
	for (unsigned i = 0; i < c->n_vips; i++)
		if (c->vips[i].family == BATON_IPV4)
			return true;
	return false;
}

/* Virtual addresses come last, and silence before them. */
static int addresses_apply(struct service *s, const struct agent_config *c)
{
	int err = has_ipv4_vip(c) ? sysctl_silence(&s->state, s->paths.state) : 0;

	return err ? err : loopback_add(c, &s->state, s->paths.state);
}

static int datapath_start(struct service *s, const struct shim_keyring *keys)
{
	int err = datapath_load(&s->datapath, s->paths.pins, (uint32_t)s->config->max_flows);

	if (!err)
		err = maps_start_sequence(&s->datapath);
	if (!err)
		err = maps_sync(&s->datapath, s->config, keys);
	if (!err)
		err = agent_kernel_sync(&s->datapath, &s->kernel);
	if (!err)
		err = ends_start(s->loop, &s->datapath, &s->ends);
	if (!err)
		ends_configure(s->ends, s->config, keys);
	if (!err)
		err = steps_start(s->loop, &s->datapath, &s->steps);
	if (!err)
		err = device_attach(s);
	return err;
}

/* What an earlier configuration has left on the loopback interface. */
static int leftovers_remove(struct service *s)
{
	int err = loopback_remove(s->config, &s->state);
	int err2 = state_save(s->paths.state, &s->state);

	return err ? err : err2;
}

static struct service *service_new(struct agent_config *c)
{
	struct service *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->config = c;
	s->lock_fd = -1;
	s->datapath.prog_fd = -1;
	for (int i = 0; i < AGENT_N_MAPS; i++)
		s->datapath.map_fd[i] = -1;
	paths_make(&s->paths, c->run_dir);
	s->sweep = sweep_new();
	s->conn_sweep = conn_sweep_new();
	if (!s->sweep || !s->conn_sweep) {
		sweep_free(s->sweep);
		conn_sweep_free(s->conn_sweep);
		free(s);
		return NULL;
	}
	return s;
}

int service_start(struct loop *l, struct agent_config *c, struct service **ret)
{
	struct service *s = service_new(c);
	struct shim_keyring keys;
	int err;

	if (!s) {
		agent_config_free(c);
		return -ENOMEM;
	}
	s->loop = l;
	err = c->device && preflight_run(c) ? -ENODEV : keys_load(c, &keys);
	if (!err)
		err = run_dir_prepare(s);
	if (!err && c->device)
		err = datapath_start(s, &keys);
	if (!err)
		err = addresses_apply(s, c);
	if (!err)
		err = leftovers_remove(s);
	explicit_bzero(&keys, sizeof keys);
	if (err)
		service_stop(s);
	else
		*ret = s;
	return err;
}

int service_reload(struct service *s, struct agent_config *c)
{
	struct shim_keyring keys;
	int err = keys_load(c, &keys);

	if (!err)
		err = addresses_apply(s, c);
	if (!err && c->device)
		err = maps_sync(&s->datapath, c, &keys);
	if (!err && c->device)
		ends_configure(s->ends, c, &keys);
	explicit_bzero(&keys, sizeof keys);
	if (err) {
		leftovers_remove(s);
		agent_config_free(c);
		return err;
	}
	agent_config_free(s->config);
	s->config = c;
	return leftovers_remove(s);
}

/* A step of both walks. Whether the pass has come to its end. */
static bool sweep_both(struct service *s, uint64_t now_ns)
{
	int flows = 1, conns = 1;

	if (!s->flows_done)
		flows = sweep_step(s->sweep, s->datapath.map_fd[AGENT_MAP_FLOWS], s->config, now_ns);
	if (!s->conns_done)
		conns = conn_sweep_step(s->conn_sweep, s->datapath.map_fd[AGENT_MAP_CONNECTIONS], s->ends, s->config,
					now_ns);
	if ((flows < 0 || conns < 0) && !s->sweep_failed)
		log_error("can't read the tables of flows and connections reason=\"%s\"",
			  strerror(flows < 0 ? -flows : -conns));
	s->sweep_failed = flows < 0 || conns < 0;
	s->flows_done = flows != 0;
	s->conns_done = conns != 0;
	if (!s->flows_done || !s->conns_done)
		return false;
	s->flows_done = s->conns_done = false;
	return true;
}

static void kernel_check(struct service *s, uint64_t now_ns)
{
	int err;

	if (now_ns < s->kernel_due_ns)
		return;
	s->kernel_due_ns = now_ns + KERNEL_CHECK_MS * CLOCK_NS_PER_MS;
	err = agent_kernel_sync(&s->datapath, &s->kernel);
	if (err)
		log_error("can't write map map=kernel reason=\"%s\"", strerror(-err));
}

int service_tick(struct service *s, uint64_t now_ns)
{
	if (!s->config->device)
		return SWEEP_PASS_MS;
	kernel_check(s, now_ns);
	if (now_ns < s->sweep_due_ns)
		return KERNEL_CHECK_MS;
	if (!sweep_both(s, now_ns))
		return SWEEP_STEP_MS;
	s->sweep_due_ns = now_ns + SWEEP_PASS_MS * CLOCK_NS_PER_MS;
	return KERNEL_CHECK_MS;
}

struct steps *service_steps(struct service *s)
{
	return s->steps;
}

const struct agent_config *service_config(const struct service *s)
{
	return s->config;
}

void service_stop(struct service *s)
{
	if (!s)
		return;
	ends_stop(s->ends);
	steps_stop(s->steps);
	datapath_close(&s->datapath);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	sweep_free(s->sweep);
	conn_sweep_free(s->conn_sweep);
	agent_config_free(s->config);
	free(s);
}

static int pins_remove(const struct paths *p, bool mounted)
{
	datapath_unpin(p->pins, true);
	if (mounted && umount2(p->pins, UMOUNT_NOFOLLOW) && errno != EINVAL) {
		log_error("can't unmount path=%s reason=\"%s\"", p->pins, strerror(errno));
		return -errno;
	}
	if (rmdir(p->pins) && errno != ENOENT)
		log_warning("can't remove folder path=%s reason=\"%s\"", p->pins, strerror(errno));
	return 0;
}

static int state_undo(const struct paths *p, struct agent_state *s)
{
	int err = loopback_remove(NULL, s);

	old_device_leave(s);
	sysctl_restore(s);
	if (!err)
		err = pins_remove(p, s->bpffs);
	if (err)
		state_save(p->state, s);
	return err;
}

int service_remove(const struct agent_config *c)
{
	struct agent_state *s = malloc(sizeof *s);
	struct paths p;
	int fd, err;

	paths_make(&p, c->run_dir);
	fd = s ? lock_or_log(c, p.lock, 0) : -ENOMEM;
	if (fd < 0) {
		free(s);
		if (fd == -ENOENT)
			log_info("nothing to remove run_dir=%s", c->run_dir);
		return fd == -ENOENT ? 0 : fd;
	}
	err = state_load(p.state, s);
	if (!err)
		err = state_undo(&p, s);
	if (!err) {
		health_service_remove_files(c->run_dir);
		unlink(p.state);
		unlink(p.lock);
		rmdir(c->run_dir);
		log_info("everything removed run_dir=%s", c->run_dir);
	}
	close(fd);
	free(s);
	return err;
}
