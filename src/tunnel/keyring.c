/* SPDX-License-Identifier: BSD-3-Clause */
#include "tunnel/shim.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_LEN crypto_generichash_KEYBYTES
#define SECRET_HEX_LEN (2 * SECRET_LEN)
/* Two lines with CR LF and some empty ones after them; more is not a secret file. */
#define SECRET_FILE_MAX 256

/* What is hashed with the secret as key; other uses of the secret hash other words. */
static const unsigned char shim_context[] = "baton shim MAC key, version 1";

_Static_assert(SECRET_LEN == 32, "64 hexadecimal digits a secret");

static void shim_key_derive(const unsigned char secret[SECRET_LEN], struct shim_key *ret)
{
	unsigned char out[crypto_generichash_BYTES];

	crypto_generichash(out, sizeof out, shim_context, sizeof shim_context - 1, secret, SECRET_LEN);
	memcpy(&ret->sip.k0, out, 8);
	memcpy(&ret->sip.k1, out + 8, 8);
	ret->sip.k0 = le64toh(ret->sip.k0);
	ret->sip.k1 = le64toh(ret->sip.k1);
	ret->id = out[16];
	sodium_memzero(out, sizeof out);
}

/* The whole file into buf, size bytes of room; bytes read or -errno. */
static ssize_t secret_read(const char *path, char *buf, size_t size)
{
	/* not blocking: the path may name a FIFO */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = 0, got = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		got = -errno;
	else if (!S_ISREG(st.st_mode))
		got = -EINVAL;
	else if (st.st_mode & (S_IRWXG | S_IRWXO))
		got = -EACCES;
	while (got >= 0 && (size_t)got < size) {
		n = read(fd, buf + got, size - (size_t)got);
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		got = n < 0 ? -errno : got + n;
	}
	close(fd);
	return got;
}

/* Take a line's secret from *at. False if the text there is not one. */
static bool secret_parse_line(const char **at, const char *end, unsigned char ret[SECRET_LEN])
{
	const char *p = *at;
	size_t n;

	if ((size_t)(end - p) < SECRET_HEX_LEN)
		return false;
	if (sodium_hex2bin(ret, SECRET_LEN, p, SECRET_HEX_LEN, NULL, &n, NULL) < 0 || n != SECRET_LEN)
		return false;
	p += SECRET_HEX_LEN;
	if (p < end && *p != '\r' && *p != '\n')
		return false;
	while (p < end && (*p == '\r' || *p == '\n'))
		p++;
	*at = p;
	return true;
}

static int keyring_parse(const char *text, size_t len, struct shim_keyring *ret)
{
	unsigned char secret[SECRET_LEN];
	const char *at = text, *end = text + len;
	int err = 0;

	do {
		if (ret->n_keys == SHIM_KEYS_MAX || !secret_parse_line(&at, end, secret)) {
			err = -EINVAL;
			break;
		}
		shim_key_derive(secret, &ret->keys[ret->n_keys++]);
	} while (at < end);
	sodium_memzero(secret, sizeof secret);
	if (!err && ret->n_keys == 2 && ret->keys[0].id == ret->keys[1].id)
		err = -EEXIST;
	return err;
}

int shim_keyring_load(const char *path, struct shim_keyring *ret)
{
	struct shim_keyring keys = { .n_keys = 0 };
	char text[SECRET_FILE_MAX];
	ssize_t n;
	int err;

	if (sodium_init() < 0)
		return -ENOSYS;
	n = secret_read(path, text, sizeof text);
	if (n < 0)
		err = (int)n;
	else if (n == sizeof text)
		err = -EINVAL;
	else
		err = keyring_parse(text, (size_t)n, &keys);
	if (!err)
		*ret = keys;
	sodium_memzero(text, sizeof text);
	sodium_memzero(&keys, sizeof keys);
	return err;
}
