/*
 * store.c - the store, held while the machine runs.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "core/pmem.h"
#include "core/store.h"
#include "kernel/machine.h"
#include "rt/linux/image.h"
#include "tools/vm/vm.h"

#define NVDIMM_STEP ((uint64_t)TWZ_BLOCK_FRAMES * TWZ_PAGE) /* 2 MiB, as all stores */
/* The kernel maps 512 GiB of physical memory (kernel/machine.h), its DRAM and registers among it. */
#define STORE_MAX (DIRECT_BYTES - MEM_MAX - ((uint64_t)16 << 30))

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

/* Looks before it allocates: a disk that is filled to no end is in everybody's way. */
static bool has_room(void)
{
	struct stat file;
	struct statvfs disk;
	uint64_t there;

	if (fstat(image.fd, &file) || !S_ISREG(file.st_mode) || fstatvfs(image.fd, &disk))
		return true; /* image_reserve will tell */
	there = (uint64_t)file.st_blocks * 512;
	return there >= image.bytes || image.bytes - there <= disk.f_bavail * disk.f_frsize;
}

int store_hold(const char *path, uint64_t *bytes)
{
	char reason[512];
	int error = image_open(&image, path, IMAGE_ALONE);

	if (error)
		fail(STATUS_STORE, "%s", image_error(&image, error, path, reason, sizeof(reason)));
	error = check();
	if (error == TWZ_E_DAMAGED)
		fail(STATUS_STORE, "%s: the store is damaged; twz check says where", path);
	if (error)
		fail(STATUS_STORE, "%s", image_error(&image, error, path, reason, sizeof(reason)));
	if (image.bytes > STORE_MAX)
		fail(STATUS_STORE, "%s: the machine takes stores of at most %llu GiB", path,
		     (unsigned long long)(STORE_MAX >> 30));
	if (!has_room() || image_reserve(&image, 0, image.bytes))
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
