/*
 * store.c - the store, held while the machine runs.
 */
#include <string.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "core/pmem.h"
#include "core/store.h"
#include "rt/linux/image.h"
#include "tools/vm/vm.h"

#define NVDIMM_STEP ((uint64_t)TWZ_BLOCK_FRAMES * TWZ_PAGE) /* 2 MiB, as all stores */

static struct image image;

static void random_bytes(void *out, uint64_t bytes)
{
	uint8_t *to = out;

	while (bytes) {
		ssize_t n = getrandom(to, bytes, 0);

		if (n > 0) {
			to += n;
			bytes -= (uint64_t)n;
		}
	}
}

/* Mounts it in a private mapping, as the kernel will: nothing of that reaches the file. */
static int check(void)
{
	static struct store store;
	void *base = mmap(NULL, image.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
			  image.fd, 0);
	int error;

	if (base == MAP_FAILED)
		return TWZ_E_NOMEM;
	pmem_use(pmem_probe());
	error = store_mount(&store, base, image.bytes, random_bytes);
	munmap(base, image.bytes);
	return error;
}

int store_hold(const char *path, uint64_t *bytes)
{
	char reason[512];
	int error = image_open(&image, path, false);

	if (error)
		fail(STATUS_STORE, "%s", image_error(&image, error, path, reason, sizeof(reason)));
	error = check();
	if (error == TWZ_E_DAMAGED)
		fail(STATUS_STORE, "%s: the store is damaged; twz check says where", path);
	if (error)
		fail(STATUS_STORE, "%s: %s", path, error_text(error));
	if (image_reserve(0, image.bytes))
		fail(STATUS_STORE, "%s: the host has no room for all of its %llu MiB", path,
		     (unsigned long long)(image.bytes >> 20));
	*bytes = image.bytes / NVDIMM_STEP * NVDIMM_STEP;
	return image.fd;
}

void store_release(void)
{
	if (image_close(&image))
		say("the store's file could not be written back: %s", strerror(image.host));
}
