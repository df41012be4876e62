/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Feeds every file of the folders and files named on the command line to a
 * fuzz target once: what fuzzing found stays found, with any compiler. Each
 * input gets a heap block of exactly its size, so that a sanitizer sees the
 * first byte read beyond it.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static int replay_file(const char *path, size_t size)
{
	uint8_t *data = malloc(size ? size : 1);
	FILE *f = fopen(path, "rb");
	int err = -EIO;

	if (data && f && fread(data, 1, size, f) == size) {
		LLVMFuzzerTestOneInput(data, size);
		err = 0;
	}
	if (f)
		fclose(f);
	free(data);
	return err;
}

static bool replay_add(const char *path, unsigned *n);

static bool replay_folder(const char *path, unsigned *n)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool good = dir != NULL;

	while (good && (entry = readdir(dir)) != NULL) {
		char name[PATH_MAX];

		if (entry->d_name[0] == '.')
			continue;
		good = snprintf(name, sizeof name, "%s/%s", path, entry->d_name) < (int)sizeof name &&
		       replay_add(name, n);
	}
	if (dir)
		closedir(dir);
	return good;
}

static bool replay_add(const char *path, unsigned *n)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	if (S_ISDIR(st.st_mode))
		return replay_folder(path, n);
	if (replay_file(path, (size_t)st.st_size) < 0) {
		fprintf(stderr, "%s: cannot read it\n", path);
		return false;
	}
	++*n;
	return true;
}

int main(int argc, char **argv)
{
	unsigned n = 0;

	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		if (!replay_add(argv[i], &n))
			return 1;
	printf("%u inputs replayed\n", n);
	return n ? 0 : 1; /* an empty corpus tests nothing */
}
