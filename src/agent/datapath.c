/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/datapath.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/log.h"
#include "baton/abi/agent_maps.h"
#include "tunnel.skel.h"

static const char *const map_names[AGENT_N_MAPS] = {
	[AGENT_MAP_SETTINGS] = "settings", [AGENT_MAP_HOSTS] = "hosts",
	[AGENT_MAP_DEVICES] = "devices",   [AGENT_MAP_VIPS] = "vips",
	[AGENT_MAP_FLOWS] = "flows",       [AGENT_MAP_SEQUENCE] = "sequence",
	[AGENT_MAP_COUNTERS] = "counters", [AGENT_MAP_CONNECTIONS] = "connections",
	[AGENT_MAP_KERNEL] = "kernel",     [AGENT_MAP_ENDS] = "ends",
	[AGENT_MAP_OWN] = "own",
};

#define LINK_NAME "trace"
/* The kernel function that makes connections (Linux 6.8, CONFIG_SYN_COOKIES), and what tells of their ends. */
#define CREATE_FUNCTION "bpf_sk_assign_tcp_reqsk"

static int pin_path(char *buf, size_t size, const char *pin_dir, const char *name)
{
	int n = snprintf(buf, size, "%s/%s_v%d", pin_dir, name, AGENT_MAPS_LAYOUT);

	return (size_t)n < size ? 0 : -ENAMETOOLONG;
}

static int libbpf_log(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[900];

	vsnprintf(line, sizeof line, format, args);
	line[strcspn(line, "\n")] = 0;
	log_debug("%s", line);
	return 0;
}

static bool bpffs_is_at(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

int datapath_mount(const char *path, bool *ret_mounted)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	if (bpffs_is_at(path)) {
		*ret_mounted = false;
		return 0;
	}
	if (mount("baton-agent", path, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return -errno;
	*ret_mounted = true;
	return 0;
}

static bool map_fits(const struct bpf_map *map, int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof info;

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) && info.value_size == bpf_map__value_size(map) &&
	       info.max_entries == bpf_map__max_entries(map) && info.map_flags == bpf_map__map_flags(map);
}

/* Take over a pinned map, if there is one that fits. */
static int map_reuse(struct bpf_map *map, const char *path)
{
	int fd = bpf_obj_get(path), err = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (map_fits(map, fd)) {
		err = bpf_map__reuse_fd(map, fd);
	} else {
		log_warning("pinned map has another size and is replaced; its content is lost map=%s path=%s",
			    bpf_map__name(map), path);
		if (unlink(path))
			err = -errno;
	}
	close(fd);
	return err;
}

static int maps_reuse(struct datapath *d, const char *pin_dir)
{
	char path[PATH_MAX];

	for (int i = 0; i < AGENT_N_MAPS; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(d->skel->obj, map_names[i]);
		int err = pin_path(path, sizeof path, pin_dir, map_names[i]);

		if (!err)
			err = map_reuse(map, path);
		if (err) {
			log_error("can't take over pinned map path=%s reason=\"%s\"", path, strerror(-err));
			return err;
		}
	}
	return 0;
}

static int maps_pin(struct datapath *d, const char *pin_dir)
{
	char path[PATH_MAX];

	for (int i = 0; i < AGENT_N_MAPS; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(d->skel->obj, map_names[i]);
		int err = pin_path(path, sizeof path, pin_dir, map_names[i]);

		d->map_fd[i] = bpf_map__fd(map);
		if (!err && bpf_obj_pin(d->map_fd[i], path) && errno != EEXIST)
			err = -errno;
		if (err) {
			log_error("can't pin map path=%s reason=\"%s\"", path, strerror(-err));
			return err;
		}
	}
	return 0;
}

static void datapath_init(struct datapath *d)
{
	d->skel = NULL;
	d->prog_fd = -1;
	d->creates = d->traces = false;
	for (int i = 0; i < AGENT_N_MAPS; i++)
		d->map_fd[i] = -1;
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	libbpf_set_print(libbpf_log);
}

/* What the kernel's type information says it can do; without that, nothing. */
static void features_find(struct datapath *d)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (libbpf_get_error(btf))
		return;
	d->creates = btf__find_by_name_kind(btf, CREATE_FUNCTION, BTF_KIND_FUNC) > 0;
	d->traces = btf__find_by_name_kind(btf, "btf_trace_inet_sock_set_state", BTF_KIND_TYPEDEF) > 0;
	btf__free(btf);
}

int datapath_choose(struct datapath *d, bool able)
{
	int err;

	features_find(d);
	d->creates = d->creates && able;
	err = bpf_program__set_autoload(d->skel->progs.tunnel_ingress, !d->creates);
	err = err ? err : bpf_program__set_autoload(d->skel->progs.tunnel_ingress_create, d->creates);
	return err ? err : bpf_program__set_autoload(d->skel->progs.connection_state, d->traces);
}

/*
 * The link is pinned as the maps are: ends of connections are noted while no
 * agent runs. For a moment the old program and the new one both see them; the
 * second finds the end noted already.
 */
static int trace_attach(struct datapath *d, const char *pin_dir)
{
	char path[PATH_MAX];
	struct bpf_link *link;
	int err = pin_path(path, sizeof path, pin_dir, LINK_NAME);

	if (err || !d->traces)
		return err;
	link = bpf_program__attach(d->skel->progs.connection_state);
	if (!link)
		return -errno;
	if (unlink(path) && errno != ENOENT)
		err = -errno;
	if (!err && bpf_obj_pin(bpf_link__fd(link), path))
		err = -errno;
	bpf_link__destroy(link);
	return err;
}

static int datapath_prepare(struct datapath *d, const char *pin_dir, uint32_t max_flows)
{
	int err = bpf_map__set_max_entries(d->skel->maps.flows, max_flows);

	err = err ? err : bpf_map__set_max_entries(d->skel->maps.connections, max_flows);
	err = err ? err : datapath_choose(d, true);
	return err ? err : maps_reuse(d, pin_dir);
}

int datapath_load(struct datapath *d, const char *pin_dir, uint32_t max_flows)
{
	int err;

	datapath_init(d);
	d->skel = tunnel_bpf__open();
	if (!d->skel) {
		log_error("can't read the built-in program reason=\"%s\"", strerror(errno));
		return -errno;
	}
	err = datapath_prepare(d, pin_dir, max_flows);
	if (err)
		return err;
	err = tunnel_bpf__load(d->skel);
	if (err) {
		log_error("the kernel refuses the program (--verbose shows its log) reason=\"%s\"", strerror(-err));
		return err;
	}
	d->prog_fd = bpf_program__fd(d->creates ? d->skel->progs.tunnel_ingress_create : d->skel->progs.tunnel_ingress);
	err = maps_pin(d, pin_dir);
	if (err)
		return err;
	err = trace_attach(d, pin_dir);
	if (err)
		log_error("can't trace the ends of connections reason=\"%s\"", strerror(-err));
	else
		datapath_unpin(pin_dir, false);
	return err;
}

struct agent_tracing *datapath_tracing(const struct datapath *d, int *ret_fd)
{
	*ret_fd = bpf_map__fd(d->skel->maps.steps);
	return &d->skel->bss->tracing;
}

int datapath_open(struct datapath *d, const char *pin_dir)
{
	char path[PATH_MAX];

	datapath_init(d);
	for (int i = 0; i < AGENT_N_MAPS; i++) {
		int err = pin_path(path, sizeof path, pin_dir, map_names[i]);

		d->map_fd[i] = err ? -1 : bpf_obj_get(path);
		if (d->map_fd[i] < 0) {
			err = err ? err : -errno;
			datapath_close(d);
			return err;
		}
	}
	return 0;
}

void *datapath_memory(const struct datapath *d, enum agent_map m)
{
	void *p = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED, d->map_fd[m], 0);

	return p == MAP_FAILED ? NULL : p;
}

void datapath_memory_free(void *p)
{
	if (p)
		munmap(p, (size_t)sysconf(_SC_PAGESIZE));
}

void datapath_close(struct datapath *d)
{
	for (int i = 0; i < AGENT_N_MAPS; i++) {
		/* with a skeleton, the descriptors are its own */
		if (!d->skel && d->map_fd[i] >= 0)
			close(d->map_fd[i]);
		d->map_fd[i] = -1;
	}
	tunnel_bpf__destroy(d->skel);
	d->skel = NULL;
	d->prog_fd = -1;
}

/* Layout number in the name of a pin ("flows_v1"), or -1 if it is no pin of an agent's. */
static int pin_layout(const char *name)
{
	const char *suffix = strrchr(name, '_');
	int layout, end;

	if (!suffix || sscanf(suffix, "_v%d%n", &layout, &end) != 1 || suffix[end] || layout < 0)
		return -1;
	return layout;
}

void datapath_unpin(const char *pin_dir, bool ours_too)
{
	DIR *dir = bpffs_is_at(pin_dir) ? opendir(pin_dir) : NULL;
	struct dirent *e;

	if (!dir)
		return;
	while ((e = readdir(dir))) {
		int layout = pin_layout(e->d_name);

		if (layout < 0 || (layout == AGENT_MAPS_LAYOUT && !ours_too))
			continue;
		if (layout != AGENT_MAPS_LAYOUT)
			log_warning("pinned map of another version removed; its content is lost path=%s/%s", pin_dir,
				    e->d_name);
		unlinkat(dirfd(dir), e->d_name, 0);
	}
	closedir(dir);
}
