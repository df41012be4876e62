/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tc program and its maps in the kernel. The maps are pinned on a bpffs of
 * the agent's own, so that flows outlive the agent; a new agent takes them
 * over when their layout is its own.
 */
#ifndef BATON_AGENT_DATAPATH_H
#define BATON_AGENT_DATAPATH_H

#include <stdbool.h>
#include <stdint.h>

enum agent_map {
	AGENT_MAP_SETTINGS,
	AGENT_MAP_HOSTS,
	AGENT_MAP_DEVICES,
	AGENT_MAP_VIPS,
	AGENT_MAP_FLOWS,
	AGENT_MAP_SEQUENCE,
	AGENT_MAP_COUNTERS,
	AGENT_MAP_CONNECTIONS,
	AGENT_MAP_KERNEL,
	AGENT_MAP_ENDS,
	AGENT_MAP_OWN,
	AGENT_N_MAPS
};

struct agent_tracing;
struct tunnel_bpf;

struct datapath {
	struct tunnel_bpf *skel;  /* NULL after datapath_open() */
	int map_fd[AGENT_N_MAPS]; /* -1: not there */
	int prog_fd;
	bool creates; /* the kernel can make connections that a device has accepted */
	bool traces;  /* … and tell of their ends */
};

/* Mount a bpffs at path, which is made if need be. *ret_mounted: there was none. 0 or -errno. */
int datapath_mount(const char *path, bool *ret_mounted);

/*
 * Load the program with the maps pinned in pin_dir; maps that are missing or
 * of another shape are made anew and pinned. Logs. 0 or -errno; to be closed
 * with datapath_close() in both cases.
 */
int datapath_load(struct datapath *d, const char *pin_dir, uint32_t max_flows);
/*
 * Of an opened skeleton: load what this kernel can run; without able, what one
 * can that knows nothing of creating connections. Sets creates and traces. 0 or
 * -errno.
 */
int datapath_choose(struct datapath *d, bool able);
/* Of a loaded one: who is traced, shared with the programs; and the descriptor of the ring buffer of their steps. */
struct agent_tracing *datapath_tracing(const struct datapath *d, int *ret_fd);
/* Only the pinned maps of a datapath that runs. 0, or -ENOENT if there is none. */
int datapath_open(struct datapath *d, const char *pin_dir);
/* The memory of map sequence or own, shared with the kernel; NULL with errno. To be given to datapath_memory_free(). */
void *datapath_memory(const struct datapath *d, enum agent_map m);
/* Takes NULL. */
void datapath_memory_free(void *p);
/* Descriptors only: program and maps live on. */
void datapath_close(struct datapath *d);
/* Remove pins of other layouts, and those of this one too if it says so. */
void datapath_unpin(const char *pin_dir, bool ours_too);

#endif
