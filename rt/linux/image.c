/* image.c - opening the file that holds a store (image.h). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "abi/store.h"
#include "core/pmem.h"
#include "rt/linux/image.h"
#include "rt/linux/pmem_file.h"

#define LOCK_TRIES 100 /* of 10 ms: a holder that was just killed may still be dying */

/* What image_reserve needs: the image that is open, and which 2 MiB of it are allocated. */
static struct {
	int fd;
	uint64_t bytes;
	uint8_t *done; /* one byte for each RESERVE_STEP */
} reserve = {.fd = -1};

#define RESERVE_STEP ((uint64_t)TWZ_BLOCK_FRAMES * TWZ_PAGE)

/*
 * A program may be started with a standard stream closed. The next file that is opened would get its
 * number, and what is printed would go into the store. So the numbers are taken, by what can neither
 * be read nor written.
 */
static __attribute__((constructor)) void take_streams(void)
{
	int fd;

	do
		fd = open("/", O_PATH);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int fail(struct image *image, int host)
{
	image->host = host;
	switch (host) {
	case ENOENT:
	case ENOTDIR:
		return TWZ_E_NOTFOUND;
	case EACCES:
	case EPERM:
	case EROFS:
		return TWZ_E_RIGHT;
	case EEXIST:
		return TWZ_E_EXISTS;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return TWZ_E_FULL;
	case ENOMEM:
		return TWZ_E_NOMEM;
	default:
		return TWZ_E_IO;
	}
}

/* Who holds the lock, from the host's list of locks; 0 if it does not say. */
static pid_t holder_of(int fd)
{
	FILE *locks = fopen("/proc/locks", "re");
	char line[256], found[64], wanted[64];
	struct stat st;
	pid_t pid = 0, p;

	if (!locks)
		return 0;
	if (!fstat(fd, &st)) {
		snprintf(wanted, sizeof(wanted), "%02x:%02x:%llu", major(st.st_dev),
			 minor(st.st_dev), (unsigned long long)st.st_ino);
		while (!pid && fgets(line, sizeof(line), locks))
			if (sscanf(line, "%*d: FLOCK %*s %*s %d %63s", &p, found) == 2 &&
			    !strcmp(found, wanted))
				pid = p;
	}
	fclose(locks);
	return pid;
}

static int lock(struct image *image)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
	int how = (image->readonly ? LOCK_SH : LOCK_EX) | LOCK_NB;

	for (int tries = 0; flock(image->fd, how); tries++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return fail(image, errno);
		if (tries == LOCK_TRIES) {
			image->holder = holder_of(image->fd);
			return TWZ_E_BUSY;
		}
		nanosleep(&pause, NULL);
	}
	return 0;
}

static bool in_memory(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

static int map(struct image *image)
{
	const char *medium = getenv("TWZ_MEDIUM");
	bool file = medium && !strcmp(medium, "file"), clwb = medium && !strcmp(medium, "clwb");
	int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED_VALIDATE | MAP_SYNC;
	void *base = MAP_FAILED;

	if (!image->readonly && !file)
		base = mmap(NULL, image->bytes, prot, flags, image->fd, 0);
	if (base != MAP_FAILED)
		clwb = true;
	if (base == MAP_FAILED) {
		flags = image->readonly ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED;
		base = mmap(NULL, image->bytes, prot, flags, image->fd, 0);
	}
	if (base == MAP_FAILED)
		return fail(image, errno);
	madvise(base, image->bytes, MADV_DONTDUMP);
	image->base = base;
	image->map_flags = flags;
	pmem.flushes = pmem.fences = 0;
	if (clwb || image->readonly || (!file && in_memory(image->fd)))
		pmem_use(pmem_probe());
	else
		pmem_file_use(image->fd);
	return 0;
}

static void reserve_none(void)
{
	free(reserve.done);
	reserve.done = NULL;
	reserve.fd = -1;
}

/* The bytes of the store, if both copies of its head say that it is larger than the file; else 0. */
static uint64_t cut_short(const struct image *image)
{
	uint64_t frames = image->bytes / TWZ_PAGE, wanted = 0;

	for (int copy = 0; copy < 2; copy++) {
		const struct twz_super_fixed *fixed =
			(const struct twz_super_fixed *)(image->base + copy * TWZ_PAGE);

		if (fixed->magic != TWZ_STORE_MAGIC || fixed->nframes <= frames ||
		    fixed->nframes > TWZ_STORE_FRAMES_MAX)
			return 0;
		wanted = fixed->nframes * TWZ_PAGE;
	}
	return wanted;
}

/* Locks and maps what image->fd is. */
static int take(struct image *image, bool locked)
{
	struct stat st;
	int error;

	if (fstat(image->fd, &st))
		return fail(image, errno);
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return TWZ_E_NOTSTORE;
	error = locked ? 0 : lock(image);
	if (error)
		return error;
	/* The size counts only now that nobody else changes it. */
	if (fstat(image->fd, &st))
		return fail(image, errno);
	image->bytes = S_ISREG(st.st_mode) ? (uint64_t)st.st_size
					   : (uint64_t)lseek(image->fd, 0, SEEK_END);
	if ((int64_t)image->bytes < (int64_t)TWZ_STORE_SIZE_MIN)
		return TWZ_E_NOTSTORE;
	error = map(image);
	if (error)
		return error;
	image->wanted = cut_short(image);
	if (image->wanted) {
		munmap(image->base, image->bytes);
		return TWZ_E_IO;
	}
	reserve_none();
	if (!image->readonly && S_ISREG(st.st_mode)) {
		reserve.done = calloc(1, image->bytes / RESERVE_STEP + 1);
		if (!reserve.done) {
			munmap(image->base, image->bytes);
			return TWZ_E_NOMEM;
		}
		reserve.fd = image->fd;
		reserve.bytes = image->bytes;
	}
	return 0;
}

int image_open(struct image *image, const char *path, bool readonly)
{
	int error;

	*image = (struct image){.readonly = readonly};
	/* O_NONBLOCK: a pipe, which is no store, is not waited for. */
	image->fd = open(path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
	if (image->fd < 0 && errno == EISDIR)
		return TWZ_E_NOTSTORE;
	if (image->fd < 0) {
		error = fail(image, errno);
		if (error == TWZ_E_RIGHT && !readonly && !eaccess(path, R_OK)) {
			image->host = 0; /* "permission denied" says less */
			return TWZ_E_READONLY;
		}
		return error;
	}
	error = take(image, false);
	if (error)
		close(image->fd);
	return error;
}

int image_attach(struct image *image, int fd)
{
	*image = (struct image){.fd = fd};
	if (fcntl(fd, F_SETFD, FD_CLOEXEC))
		return fail(image, errno);
	return take(image, true);
}

int image_create(struct image *image, const char *path, uint64_t bytes)
{
	int error;

	*image = (struct image){0};
	if (bytes < TWZ_STORE_SIZE_MIN || bytes > INT64_MAX)
		return TWZ_E_ARG;
	image->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (image->fd < 0)
		return fail(image, errno);
	error = ftruncate(image->fd, (off_t)bytes) ? fail(image, errno) : take(image, false);
	if (error) {
		close(image->fd);
		unlink(path);
	}
	return error;
}

int image_close(struct image *image)
{
	int error = 0;

	if (!image->readonly && pmem.kind == PMEM_FILE && fsync(image->fd))
		error = fail(image, errno);
	reserve_none();
	munmap(image->base, image->bytes);
	close(image->fd);
	return error;
}

/* Where the file system cannot allocate, zeros are written where the file has a hole. */
static int fill_holes(uint64_t offset, uint64_t end)
{
	static const uint8_t zero[TWZ_PAGE];

	while (offset < end) {
		off_t hole = lseek(reserve.fd, (off_t)offset, SEEK_HOLE);

		if (hole < 0)
			return 0; /* cannot tell holes: then there are none */
		offset = (uint64_t)hole / TWZ_PAGE * TWZ_PAGE;
		if (offset >= end)
			return 0;
		if (pwrite(reserve.fd, zero, TWZ_PAGE, (off_t)offset) != (ssize_t)TWZ_PAGE)
			return errno;
		offset += TWZ_PAGE;
	}
	return 0;
}

static int allocate(uint64_t offset, uint64_t bytes)
{
	while (fallocate(reserve.fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes)) {
		if (errno == EOPNOTSUPP || errno == ENOSYS)
			return fill_holes(offset, offset + bytes);
		if (errno != EINTR)
			return errno;
	}
	return 0;
}

/* In steps of 2 MiB, so that the host is asked rarely and gives contiguous space. */
int image_reserve(uint64_t offset, uint64_t bytes)
{
	uint64_t end = offset + bytes;

	if (reserve.fd < 0)
		return 0;
	for (uint64_t at = offset / RESERVE_STEP * RESERVE_STEP; at < end; at += RESERVE_STEP) {
		uint64_t step =
			at + RESERVE_STEP < reserve.bytes ? RESERVE_STEP : reserve.bytes - at;
		uint64_t from = at < offset ? offset : at;
		uint64_t to = at + step < end ? at + step : end;

		if (at >= reserve.bytes)
			return TWZ_E_FULL;
		if (reserve.done[at / RESERVE_STEP])
			continue;
		if (!allocate(at, step))
			reserve.done[at / RESERVE_STEP] = 1;
		else if (allocate(from, to - from)) /* not all of it, then what is needed */
			return TWZ_E_FULL;
	}
	return 0;
}

const char *image_error(const struct image *image, int error, const char *path, char *text,
			uint64_t room)
{
	if (error == TWZ_E_BUSY && image->holder)
		snprintf(text, room, "%s: in use by process %d", path, (int)image->holder);
	else if (error == TWZ_E_BUSY)
		snprintf(text, room, "%s: in use by another process", path);
	else if (error == TWZ_E_IO && image->wanted)
		snprintf(text, room, "%s: the file was cut short: %llu of %llu bytes are there",
			 path, (unsigned long long)image->bytes, (unsigned long long)image->wanted);
	else if (image->host)
		snprintf(text, room, "%s: %s", path, strerror(image->host));
	else
		snprintf(text, room, "%s: %s", path, error_text(error));
	return text;
}
