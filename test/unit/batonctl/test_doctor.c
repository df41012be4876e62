/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "batonctl/doctor.h"

/* A machine as a tree of files, and a configuration to examine it for. */
struct machine {
	char root[32];
	char *text;
	size_t size;
	struct config config;
	struct doctor d;
};

static void shell(const struct machine *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void shell(const struct machine *m, const char *format, ...)
{
	char command[512];
	va_list args;
	int n = snprintf(command, sizeof command, "cd %s && ", m->root);

	va_start(args, format);
	vsnprintf(command + n, sizeof command - (size_t)n, format, args);
	va_end(args);
	assert_int_equal(system(command), 0);
}

static char port_name[] = "net0";

static int setup(void **state)
{
	struct machine *m = calloc(1, sizeof *m);

	snprintf(m->root, sizeof m->root, "/tmp/baton-doctor-XXXXXX");
	assert_non_null(mkdtemp(m->root));
	m->config =
		(struct config){ .n_ports = 1, .n_lcores = 1, .control_cpu = -1, .memory_mb = 512, .hugepages = true };
	m->config.ports[0].name = port_name;
	m->d = (struct doctor){ .root = m->root, .release = "6.1.0", .config = &m->config };
	m->d.out = open_memstream(&m->text, &m->size);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct machine *m = *state;

	fclose(m->d.out);
	free(m->text);
	shell(m, "rm -rf %s", m->root);
	free(m);
	return 0;
}

/* All that was said since the last time. */
static void said(struct machine *m, const char *expected)
{
	fflush(m->d.out);
	assert_string_equal(m->text, expected);
	fclose(m->d.out);
	free(m->text);
	m->d.out = open_memstream(&m->text, &m->size);
}

static void test_cpu_flags(void **state)
{
	struct machine *m = *state;

	shell(m, "mkdir -p proc && echo 'flags\t\t: fpu ssse3 sse4_1 sse4_2 avx512bw' > proc/cpuinfo");
	doctor_cpu(&m->d);
	said(m, "ok    cpu: has SSE4.2 and AVX-512\n");
	shell(m, "echo 'flags : fpu ssse3 sse4_1 sse4_2x' > proc/cpuinfo");
	doctor_cpu(&m->d);
	said(m, "fail  cpu: no sse4_2, which DPDK needs; use another machine, or give the virtual machine a newer CPU "
		"model\n");
	assert_int_equal(m->d.n_fail, 1);
	shell(m, "rm proc/cpuinfo");
	doctor_cpu(&m->d);
	said(m, "warn  cpu: /proc/cpuinfo does not tell the instruction sets\n");
	assert_int_equal(m->d.n_warn, 1);
}

static void test_cpu_online(void **state)
{
	struct machine *m = *state;

	m->config.n_lcores = 2;
	m->config.lcores[0].cpu = 3;
	m->config.lcores[1].cpu = 8;
	shell(m, "mkdir -p proc sys/devices/system/cpu && echo 'flags : ssse3 sse4_1 sse4_2' > proc/cpuinfo");
	shell(m, "echo 0-3,8 > sys/devices/system/cpu/online");
	doctor_cpu(&m->d);
	said(m, "ok    cpu: has SSE4.2\nok    cpu: 0-3,8 online, all that the configuration names are there\n");
	shell(m, "echo 0-1,4-7 > sys/devices/system/cpu/online");
	m->config.lcores[0].cpu = 5;
	doctor_cpu(&m->d);
	said(m, "ok    cpu: has SSE4.2\nfail  cpu: lcores[1].cpu is 8, but this machine has 0-1,4-7; change it\n");
	m->config.lcores[1] = (struct config_lcore){ .cpu = 5, .busy_poll = true };
	doctor_cpu(&m->d);
	said(m, "ok    cpu: has SSE4.2\nwarn  cpu: lcores[1] shares CPU 5 and polls busily; give it one of its own\n"
		"ok    cpu: 0-1,4-7 online, all that the configuration names are there\n");
}

static void test_kernel(void **state)
{
	struct machine *m = *state;

	doctor_kernel(&m->d);
	said(m, "ok    kernel: 6.1.0\n");
	m->d.release = "4.9.1-x";
	doctor_kernel(&m->d);
	said(m, "fail  kernel: 4.9.1-x is too old, DPDK needs 4.14 or newer; upgrade\n");
	m->d.release = "strange";
	doctor_kernel(&m->d);
	said(m, "warn  kernel: version \"strange\" is not understood\n");
}

static void test_hugepages(void **state)
{
	struct machine *m = *state;

	shell(m, "mkdir -p proc sys/kernel/mm/hugepages/hugepages-2048kB");
	shell(m, "echo 'MemAvailable:   1048576 kB' > proc/meminfo");
	shell(m, "echo 300 > sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
	doctor_hugepages(&m->d);
	said(m, "ok    hugepages: 600 MiB free, 512 wanted\n");
	shell(m, "echo 10 > sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
	doctor_hugepages(&m->d);
	said(m,
	     "ok    hugepages: 20 MiB free, 512 wanted; 1024 MiB of ordinary memory are free to be turned into some\n");
	shell(m, "echo 'MemAvailable:   553600 kB' > proc/meminfo");
	m->config.hugepages_required = true;
	doctor_hugepages(&m->d);
	said(m, "fail  hugepages: 20 MiB free, 512 wanted; reserve them at boot (vm.nr_hugepages = 256)\n");
	shell(m, "echo 'MemAvailable:   1024 kB' > proc/meminfo");
	m->config.hugepages = m->config.hugepages_required = false;
	doctor_hugepages(&m->d);
	said(m, "fail  memory: 1 MiB are free, 512 wanted; free some or lower memory.size_mb\n"
		"ok    hugepages: switched off by the configuration\n");
	shell(m, "rm -r sys proc");
	m->config.hugepages = true;
	doctor_hugepages(&m->d);
	said(m, "warn  hugepages: this kernel has none; ordinary memory will be used\n");
}

static void test_rights(void **state)
{
	struct machine *m = *state;

	shell(m, "mkdir -p proc/self && printf 'Name:\\tx\\nCapEff:\\t000001ffffffffff\\n' > proc/self/status");
	doctor_rights(&m->d);
	said(m, "ok    rights: this user has the capabilities batond uses\n");
	shell(m, "printf 'CapEff:\\t0000000000201000\\n' > proc/self/status");
	doctor_rights(&m->d);
	said(m, "warn  rights: this user lacks CAP_NET_RAW (virtual devices on interfaces); start batond as root or "
		"grant it\n"
		"warn  rights: this user lacks CAP_IPC_LOCK (locked memory); start batond as root or grant it\n");
}

static void test_virtual_ports(void **state)
{
	struct machine *m = *state;

	m->config.ports[0].device = (char[]){ "net_af_packet0,iface=veth1,qpairs=1" };
	doctor_ports(&m->d);
	said(m, "fail  port: net0: there is no interface veth1; create it or correct ports[].device\n");
	shell(m, "mkdir -p proc/sys/net/ipv4/conf/veth1");
	doctor_ports(&m->d);
	said(m, "ok    port: net0: interface veth1 is there\n");
	m->config.ports[0].device = (char[]){ "net_tap0,iface=x" };
	doctor_ports(&m->d);
	said(m, "ok    port: net0: virtual device net_tap0,iface=x\n"
		"fail  tun: /dev/net/tun is missing, which an exception interface needs; modprobe tun\n");
	shell(m, "mkdir -p dev/net && touch dev/net/tun");
	doctor_ports(&m->d);
	said(m, "ok    port: net0: virtual device net_tap0,iface=x\nok    tun: /dev/net/tun is there\n");
}

static void test_pci_ports(void **state)
{
	struct machine *m = *state;

	m->config.ports[0].device = (char[]){ "01:00.0" };
	doctor_ports(&m->d);
	said(m, "fail  port: net0: there is no PCI device 0000:01:00.0; see lspci -D and correct ports[].device\n"
		"fail  iommu: off; switch it on in the firmware and by intel_iommu=on or amd_iommu=on, or in a virtual "
		"machine "
		"set vfio's enable_unsafe_noiommu_mode\n"
		"fail  vfio: /dev/vfio/vfio is missing; modprobe vfio-pci\n");
	shell(m, "mkdir -p sys/bus/pci/devices/0000:01:00.0 sys/kernel/iommu_groups/0 dev/vfio && touch dev/vfio/vfio");
	shell(m, "ln -s ../../../bus/pci/drivers/ixgbe sys/bus/pci/devices/0000:01:00.0/driver");
	doctor_ports(&m->d);
	said(m, "fail  port: net0: 0000:01:00.0 is bound to ixgbe; modprobe vfio-pci and dpdk-devbind.py -b vfio-pci "
		"0000:01:00.0\n"
		"ok    iommu: on\n");
	shell(m, "ln -sfn ../../../bus/pci/drivers/vfio-pci sys/bus/pci/devices/0000:01:00.0/driver");
	doctor_ports(&m->d);
	said(m, "ok    port: net0: 0000:01:00.0 is bound to vfio-pci\nok    iommu: on\n");
	shell(m, "rm -r sys/kernel/iommu_groups/0 && mkdir -p sys/module/vfio/parameters");
	shell(m, "echo Y > sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
	doctor_ports(&m->d);
	said(m, "ok    port: net0: 0000:01:00.0 is bound to vfio-pci\n"
		"warn  iommu: off, vfio runs without protection; switch it on if the machine has one\n");
}

static void test_secret(void **state)
{
	struct machine *m = *state;
	struct config_vip vip = { .mode = BATON_MODE_HALF_NAT };
	char expected[512];

	m->config.secret_file = (char[]){ "/key" };
	m->config.vips = &vip;
	m->config.n_vips = 1;
	doctor_secret(&m->d);
	said(m, "");
	vip.mode = BATON_MODE_TUNNEL;
	doctor_secret(&m->d);
	snprintf(expected, sizeof expected,
		 "fail  secret: %s/key is missing; copy it from another device, or for the first: (umask 077; openssl "
		 "rand "
		 "-hex 32 > %s/key)\n",
		 m->root, m->root);
	said(m, expected);
	shell(m, "printf '%%064d\\n' 7 > key && chmod 644 key");
	doctor_secret(&m->d);
	snprintf(expected, sizeof expected,
		 "fail  secret: %s/key: can't be read, or group or others have rights to it; chmod 600 it\n", m->root);
	said(m, expected);
	shell(m, "chmod 600 key");
	doctor_secret(&m->d);
	snprintf(expected, sizeof expected, "ok    secret: %s/key\n", m->root);
	said(m, expected);
	shell(m, "echo 77 > key");
	doctor_secret(&m->d);
	snprintf(expected, sizeof expected, "fail  secret: %s/key: must be one or two lines of 64 hexadecimal digits\n",
		 m->root);
	said(m, expected);
}

static void test_run_dir(void **state)
{
	struct machine *m = *state;
	char expected[512];

	m->config.run_dir = (char[]){ "/run/baton" };
	doctor_run_dir(&m->d);
	snprintf(expected, sizeof expected,
		 "fail  run_dir: %s/run/baton is missing and can't be made in %s/run: No such file or directory; make "
		 "it for "
		 "batond's user\n",
		 m->root, m->root);
	said(m, expected);
	shell(m, "mkdir run");
	doctor_run_dir(&m->d);
	snprintf(expected, sizeof expected, "ok    run_dir: %s/run/baton can be made\n", m->root);
	said(m, expected);
	shell(m, "mkdir run/baton");
	doctor_run_dir(&m->d);
	snprintf(expected, sizeof expected, "ok    run_dir: %s/run/baton can be written\n", m->root);
	said(m, expected);
}

static void test_application(void **state)
{
	struct machine *m = *state;
	struct config_vip vip = { .by_application = false };

	m->config.vips = &vip;
	m->config.n_vips = 1;
	m->config.lcores[0].classifier = true;
	m->config.pending = 2048;
	m->config.large_heads = 32;
	m->config.held_packets = 1024;
	m->config.packet_buffers = 2048;
	doctor_application(&m->d);
	said(m, "");
	vip.by_application = true;
	doctor_application(&m->d);
	said(m, "ok    application: 1 VIPs; connections before their hand-over take 12 MiB at most\n");
	m->config.packet_buffers = 2047;
	shell(m, "mkdir proc && echo 'MemAvailable:   12288 kB' > proc/meminfo");
	doctor_application(&m->d);
	said(m, "ok    application: 1 VIPs; connections before their hand-over take 12 MiB at most\n"
		"warn  application: packets that wait for a hand-over may be 1024 of all 2047 packet buffers; raise "
		"memory.packet_buffers or lower application.held_packets\n");
	m->config.held_packets = 16;
	shell(m, "echo 'MemAvailable:   12287 kB' > proc/meminfo");
	doctor_application(&m->d);
	said(m, "fail  application: connections before their hand-over may take 12 MiB, 11 are free; lower "
		"application.pending or application.large_heads\n");
}

static void test_without_configuration(void **state)
{
	struct machine *m = *state;

	m->d.config = NULL;
	doctor_ports(&m->d);
	doctor_application(&m->d);
	doctor_secret(&m->d);
	doctor_run_dir(&m->d);
	said(m, "");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_cpu_flags),
		T(test_cpu_online),
		T(test_kernel),
		T(test_hugepages),
		T(test_rights),
		T(test_virtual_ports),
		T(test_pci_ports),
		T(test_secret),
		T(test_run_dir),
		T(test_application),
		T(test_without_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
