/* SPDX-License-Identifier: BSD-3-Clause */
#include "batonctl/doctor.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tunnel/shim.h"

static bool exists(const struct doctor *d, const char *path)
{
	char full[512];

	return access(doctor_path(d, path, full, sizeof full), F_OK) == 0;
}

static bool directory_empty(const struct doctor *d, const char *path)
{
	char full[512];
	DIR *dir = opendir(doctor_path(d, path, full, sizeof full));
	bool empty = true;

	if (!dir)
		return true;
	for (struct dirent *e; empty && (e = readdir(dir));)
		empty = e->d_name[0] == '.';
	closedir(dir);
	return empty;
}

static bool is_pci(const char *device)
{
	return isxdigit((unsigned char)device[0]) && strchr(device, ':');
}

/* Name of the driver a PCI device is bound to, "" for none. */
static void pci_driver(const struct doctor *d, const char *pci, char *buf, size_t size)
{
	char path[256], full[512], target[256];
	const char *slash;
	ssize_t n;

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%.64s/driver", pci);
	n = readlink(doctor_path(d, path, full, sizeof full), target, sizeof target - 1);
	target[n > 0 ? n : 0] = 0;
	slash = strrchr(target, '/');
	snprintf(buf, size, "%.32s", slash ? slash + 1 : target);
}

static void port_pci(struct doctor *d, const struct config_port *p)
{
	/* "01:00.0" is short for "0000:01:00.0" */
	const char *colon = strchr(p->device, ':');
	bool whole = strchr(colon + 1, ':') != NULL;
	char pci[80], path[256], driver[64];

	snprintf(pci, sizeof pci, "%s%.64s", whole ? "" : "0000:", p->device);
	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s", pci);
	if (!exists(d, path)) {
		doctor_say(d, DOCTOR_FAIL, "port",
			   "%s: there is no PCI device %s; see lspci -D and correct ports[].device", p->name, pci);
		return;
	}
	pci_driver(d, pci, driver, sizeof driver);
	if (!strcmp(driver, "vfio-pci") || !strcmp(driver, "igb_uio") || !strcmp(driver, "uio_pci_generic"))
		doctor_say(d, DOCTOR_OK, "port", "%s: %s is bound to %s", p->name, pci, driver);
	else if (!strncmp(driver, "mlx", 3))
		doctor_say(d, DOCTOR_OK, "port", "%s: %s stays with %s, as its kind does", p->name, pci, driver);
	else
		doctor_say(d, DOCTOR_FAIL, "port",
			   "%s: %s is bound to %s; modprobe vfio-pci and dpdk-devbind.py -b vfio-pci %s", p->name, pci,
			   *driver ? driver : "no driver", pci);
}

static void iommu_check(struct doctor *d)
{
	char no_iommu[8] = "";

	if (!directory_empty(d, "/sys/kernel/iommu_groups"))
		doctor_say(d, DOCTOR_OK, "iommu", "on");
	else if (doctor_read_line(d, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", no_iommu,
				  sizeof no_iommu) == 0 &&
		 no_iommu[0] == 'Y')
		doctor_say(d, DOCTOR_WARN, "iommu",
			   "off, vfio runs without protection; switch it on if the machine has one");
	else
		doctor_say(d, DOCTOR_FAIL, "iommu",
			   "off; switch it on in the firmware and by intel_iommu=on or amd_iommu=on, or in a virtual "
			   "machine "
			   "set vfio's enable_unsafe_noiommu_mode");
	if (!exists(d, "/dev/vfio/vfio"))
		doctor_say(d, DOCTOR_FAIL, "vfio", "/dev/vfio/vfio is missing; modprobe vfio-pci");
}

/* Interface that a virtual device sits on ("net_af_packet0,iface=x"), or false. */
static bool vdev_iface(const char *device, char *buf, size_t size)
{
	const char *p = strstr(device, ",iface=");

	if (!p || !strncmp(device, "net_tap", 7)) /* a tap makes its own */
		return false;
	p += strlen(",iface=");
	snprintf(buf, size, "%.*s", (int)strcspn(p, ","), p);
	return true;
}

static void port_vdev(struct doctor *d, const struct config_port *p)
{
	char iface[64], path[128];

	if (!vdev_iface(p->device, iface, sizeof iface)) {
		doctor_say(d, DOCTOR_OK, "port", "%s: virtual device %.128s", p->name, p->device);
		return;
	}
	/* not /sys/class/net, which shows the network namespace that it was mounted in */
	snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s", iface);
	if (exists(d, path))
		doctor_say(d, DOCTOR_OK, "port", "%s: interface %s is there", p->name, iface);
	else
		doctor_say(d, DOCTOR_FAIL, "port", "%s: there is no interface %s; create it or correct ports[].device",
			   p->name, iface);
}

void doctor_ports(struct doctor *d)
{
	bool pci = false, tun = false;

	for (unsigned i = 0; d->config && i < d->config->n_ports; i++) {
		const struct config_port *p = &d->config->ports[i];

		pci |= is_pci(p->device);
		tun |= p->exception || !strncmp(p->device, "net_tap", 7);
		if (is_pci(p->device))
			port_pci(d, p);
		else
			port_vdev(d, p);
	}
	if (pci)
		iommu_check(d);
	if (tun && exists(d, "/dev/net/tun"))
		doctor_say(d, DOCTOR_OK, "tun", "/dev/net/tun is there");
	else if (tun)
		doctor_say(d, DOCTOR_FAIL, "tun",
			   "/dev/net/tun is missing, which an exception interface needs; modprobe tun");
}

static bool tunnels(const struct config *c)
{
	for (unsigned i = 0; i < c->n_vips; i++)
		if (c->vips[i].mode == BATON_MODE_TUNNEL)
			return true;
	return false;
}

void doctor_secret(struct doctor *d)
{
	struct shim_keyring keys;
	char full[512];
	int err;

	if (!d->config || !tunnels(d->config))
		return;
	err = shim_keyring_load(doctor_path(d, d->config->secret_file, full, sizeof full), &keys);
	explicit_bzero(&keys, sizeof keys);
	if (!err)
		doctor_say(d, DOCTOR_OK, "secret", "%s", full);
	else if (err == -ENOENT)
		doctor_say(d, DOCTOR_FAIL, "secret",
			   "%s is missing; copy it from another device, or for the first: (umask 077; openssl rand "
			   "-hex 32 > %s)",
			   full, full);
	else if (err == -EACCES)
		doctor_say(d, DOCTOR_FAIL, "secret",
			   "%s: can't be read, or group or others have rights to it; chmod 600 it", full);
	else if (err == -EINVAL)
		doctor_say(d, DOCTOR_FAIL, "secret", "%s: must be one or two lines of 64 hexadecimal digits", full);
	else if (err == -EEXIST)
		doctor_say(d, DOCTOR_FAIL, "secret", "%s: its two secrets give the same key id; make another", full);
	else
		doctor_say(d, DOCTOR_FAIL, "secret", "%s: %s", full, strerror(-err));
}

void doctor_run_dir(struct doctor *d)
{
	char full[512], parent[512], *slash;

	if (!d->config)
		return;
	doctor_path(d, d->config->run_dir, full, sizeof full);
	if (access(full, F_OK) == 0) {
		if (access(full, W_OK | X_OK) == 0)
			doctor_say(d, DOCTOR_OK, "run_dir", "%s can be written", full);
		else
			doctor_say(d, DOCTOR_FAIL, "run_dir", "%s can't be written: %s; chown it to batond's user",
				   full, strerror(errno));
		return;
	}
	snprintf(parent, sizeof parent, "%s", full);
	slash = strrchr(parent, '/');
	if (slash)
		*(slash == parent ? slash + 1 : slash) = 0;
	if (access(parent, W_OK | X_OK) == 0)
		doctor_say(d, DOCTOR_OK, "run_dir", "%s can be made", full);
	else
		doctor_say(d, DOCTOR_FAIL, "run_dir",
			   "%s is missing and can't be made in %s: %s; make it for batond's user", full, parent,
			   strerror(errno));
}
