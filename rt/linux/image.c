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
#include <sys/platform/x86.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "abi/store.h"
#include "core/pmem.h"
#include "core/store.h"
#include "rt/linux/image.h"
#include "rt/linux/pmem_file.h"

#define PAUSE_NS (10 * 1000 * 1000)
#define LOCK_TRIES 100   /* a holder that was just killed may still be dying */
#define MOUNT_TRIES 1000 /* a fence on a slow disk takes its time */

/* The bytes of the file that are locked: no image reaches so far, and no process has such a number. */
#define MOUNT ((off_t)1 << 62)
#define WRITERS (MOUNT + ((off_t)1 << 32))
#define READERS (MOUNT + ((off_t)2 << 32))
#define NUMBERS ((off_t)1 << 32)

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
	case EMFILE:
	case ENFILE:
		return TWZ_E_LIMIT;
	default:
		return TWZ_E_IO;
	}
}

/* ---- locks ------------------------------------------------------------------------------------ */

static void pause_a_little(void)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	nanosleep(&pause, NULL);
}

/* F_RDLCK, F_WRLCK or F_UNLCK; false: somebody else has it, or errno says what else. */
static bool lock_byte(const struct image *image, short type, off_t at)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};

	return !fcntl(image->fd, F_OFD_SETLK, &lock);
}

/* Has any other open description a lock on one of these bytes? *pid: whose it is. */
static bool locked_by(const struct image *image, off_t at, pid_t *pid)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = NUMBERS};

	*pid = 0;
	if (fcntl(image->fd, F_OFD_GETLK, &lock) || lock.l_type == F_UNLCK)
		return false;
	*pid = (pid_t)(lock.l_start - at);
	return true;
}

/* Who holds the lock of the whole file, from the host's list of locks; 0 if it does not say. */
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

static int busy(struct image *image, enum image_held held, pid_t holder)
{
	image->held = held;
	image->holder = holder;
	return TWZ_E_BUSY;
}

int image_stopped(struct image *image, pid_t holder)
{
	return busy(image, IMAGE_HELD_STOPPED, holder);
}

/* Somebody has the whole file. */
static int busy_whole(struct image *image)
{
	pid_t pid;

	if (image->use != IMAGE_ALONE)
		return busy(image, IMAGE_HELD_ALONE, holder_of(image->fd));
	if (locked_by(image, WRITERS, &pid))
		return busy(image, IMAGE_HELD_WRITES, pid);
	if (locked_by(image, READERS, &pid))
		return busy(image, IMAGE_HELD_READS, pid);
	return busy(image, IMAGE_HELD_ALONE, holder_of(image->fd));
}

static int lock_whole(struct image *image)
{
	int how = (image->use == IMAGE_ALONE ? LOCK_EX : LOCK_SH) | LOCK_NB;

	for (int tries = 0; flock(image->fd, how); tries++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return fail(image, errno);
		if (tries == LOCK_TRIES)
			return busy_whole(image);
		pause_a_little();
	}
	return 0;
}

static int lock_to_read(struct image *image)
{
	const off_t mine = READERS + getpid();
	pid_t pid;

	for (int tries = 0;; tries++) {
		if (!lock_byte(image, F_RDLCK, mine))
			return fail(image, errno);
		if (!locked_by(image, WRITERS, &pid))
			return 0;
		lock_byte(image, F_UNLCK, mine);
		if (tries == LOCK_TRIES)
			return busy(image, IMAGE_HELD_WRITES, pid);
		pause_a_little();
	}
}

static int lock_mount(struct image *image)
{
	pid_t pid;

	for (int tries = 0; !lock_byte(image, F_WRLCK, MOUNT); tries++) {
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return fail(image, errno);
		if (tries == MOUNT_TRIES) {
			locked_by(image, WRITERS, &pid);
			return busy(image, IMAGE_HELD_MOUNTING, pid);
		}
		pause_a_little();
	}
	return 0;
}

/*
 * As long as others write, nobody can have come to read. Who asks for its byte first and then who else
 * is there cannot miss a reader, nor a reader a writer: both do it in this order.
 */
static int lock_to_write(struct image *image)
{
	int error = lock_mount(image);
	pid_t pid;

	if (error)
		return error;
	if (!lock_byte(image, F_RDLCK, WRITERS + getpid()))
		return fail(image, errno);
	if (locked_by(image, WRITERS, &pid)) {
		lock_byte(image, F_UNLCK, MOUNT);
		return 0;
	}
	for (int tries = 0; locked_by(image, READERS, &pid); tries++) {
		if (tries == LOCK_TRIES)
			return busy(image, IMAGE_HELD_READS, pid);
		pause_a_little();
	}
	image->first = true;
	return 0;
}

static int lock(struct image *image)
{
	int error = lock_whole(image);

	if (error || image->use == IMAGE_ALONE)
		return error;
	return image->use == IMAGE_READ ? lock_to_read(image) : lock_to_write(image);
}

void image_mounted(struct image *image)
{
	if (image->first)
		lock_byte(image, F_UNLCK, MOUNT);
}

/* ---- opening ---------------------------------------------------------------------------------- */

static bool in_memory(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

/*
 * As pmem_probe, by what the C library found when the program was started: a virtual machine leaves itself for
 * each question to the processor, which takes longer than to map the image.
 */
static enum pmem_kind memory_kind(void)
{
	return CPU_FEATURE_PRESENT(CLWB)         ? PMEM_CLWB
	       : CPU_FEATURE_PRESENT(CLFLUSHOPT) ? PMEM_CLFLUSHOPT
						 : PMEM_CLFLUSH;
}

static int map(struct image *image)
{
	const char *medium = getenv("TWZ_MEDIUM");
	bool file = medium && !strcmp(medium, "file"), clwb = medium && !strcmp(medium, "clwb");
	int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED_VALIDATE | MAP_SYNC;
	void *base = MAP_FAILED;

	if (image->use != IMAGE_READ && !file)
		base = mmap(NULL, image->bytes, prot, flags, image->fd, 0);
	if (base != MAP_FAILED)
		clwb = true;
	if (base == MAP_FAILED) {
		flags = image->use == IMAGE_READ ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED;
		base = mmap(NULL, image->bytes, prot, flags, image->fd, 0);
	}
	if (base == MAP_FAILED)
		return fail(image, errno);
	madvise(base, image->bytes, MADV_DONTDUMP);
	image->base = base;
	image->map_flags = flags;
	pmem.flushes = pmem.fences = 0;
	if (clwb || image->use == IMAGE_READ || (!file && in_memory(image->fd)))
		pmem_use(memory_kind());
	else
		pmem_file_use(base, image->bytes);
	return 0;
}

/*
 * What both copies of the superblock say of the store, if they do: its format's version, and its bytes if it is
 * larger than the file.
 */
static void look(struct image *image)
{
	struct twz_super_fixed fixed;
	uint64_t wanted = ~0ull;

	for (int copy = 0; copy < 2; copy++) {
		if (pread(image->fd, &fixed, sizeof(fixed), copy * (off_t)TWZ_PAGE) !=
			    (ssize_t)sizeof(fixed) ||
		    fixed.magic != TWZ_STORE_MAGIC)
			return;
		image->version = fixed.version;
		if (fixed.nframes > TWZ_STORE_FRAMES_MAX)
			return;
		if (fixed.nframes * TWZ_PAGE < wanted)
			wanted = fixed.nframes * TWZ_PAGE;
	}
	image->wanted = wanted > image->bytes ? wanted : 0;
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
	look(image);
	if (image->wanted)
		return TWZ_E_IO;
	if ((int64_t)image->bytes < (int64_t)TWZ_STORE_SIZE_MIN)
		return TWZ_E_NOTSTORE;
	error = map(image);
	if (error)
		return error;
	image->device = st.st_dev;
	image->number = st.st_ino;
	if (image->use == IMAGE_READ || !S_ISREG(st.st_mode))
		return 0;
	image->reserved = calloc(1, image->bytes / RESERVE_STEP + 1);
	if (image->reserved)
		return 0;
	munmap(image->base, image->bytes);
	return TWZ_E_NOMEM;
}

int image_open(struct image *image, const char *path, enum image_use use)
{
	const int access = use == IMAGE_READ ? O_RDONLY : O_RDWR;
	int error;

	*image = (struct image){.use = use};
	/* O_NONBLOCK: a pipe, which is no store, is not waited for. */
	image->fd = open(path, access | O_CLOEXEC | O_NONBLOCK);
	if (image->fd < 0 && errno == EISDIR)
		return TWZ_E_NOTSTORE;
	if (image->fd < 0) {
		error = fail(image, errno);
		if (error == TWZ_E_RIGHT && use != IMAGE_READ && !eaccess(path, R_OK)) {
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
	*image = (struct image){.fd = fd, .use = IMAGE_SHARE};
	if (fcntl(fd, F_SETFD, FD_CLOEXEC))
		return fail(image, errno);
	return take(image, true);
}

/* A file that grows past the limit of its size would end the process (SIGXFSZ). */
static bool may_be_so_large(uint64_t bytes)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) || bytes <= limit.rlim_cur;
}

bool image_there(const struct image *image)
{
	struct stat st;

	return !fstat(image->fd, &st) && st.st_dev == image->device && st.st_ino == image->number;
}

int image_create(struct image *image, const char *path, uint64_t bytes)
{
	int error;

	*image = (struct image){.use = IMAGE_ALONE};
	if (bytes < TWZ_STORE_SIZE_MIN || bytes > TWZ_STORE_FRAMES_MAX * TWZ_PAGE)
		return TWZ_E_ARG;
	if (!may_be_so_large(bytes)) {
		image->why = "larger than this process may make files (ulimit -f)";
		return fail(image, EFBIG);
	}
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

int image_make(struct image *image, const char *path, uint64_t bytes,
	       void (*random)(void *out, uint64_t bytes))
{
	int error = image_create(image, path, bytes), closed;

	if (error)
		return error;
	error = image_reserve(image, 0, TWZ_STORE_SIZE_MIN / 8);
	if (!error)
		error = store_format(image->base, bytes, random);
	if (!error)
		error = image_reserve_areas(image);
	if (error == TWZ_E_FULL) /* a new store is not: it is the host that has no room */
		image->host = ENOSPC;
	closed = image_close(image);
	if (!error)
		error = closed;
	if (error)
		unlink(path);
	return error;
}

int image_close(struct image *image)
{
	int error = 0;

	if (image->use != IMAGE_READ && pmem.kind == PMEM_FILE && fsync(image->fd))
		error = fail(image, errno);
	free(image->reserved);
	munmap(image->base, image->bytes);
	close(image->fd);
	return error;
}

/* Where the file system cannot allocate, zeros are written where the file has a hole. */
static int fill_holes(const struct image *image, uint64_t offset, uint64_t end)
{
	static const uint8_t zero[TWZ_PAGE];

	while (offset < end) {
		off_t hole = lseek(image->fd, (off_t)offset, SEEK_HOLE);

		if (hole < 0)
			return 0; /* cannot tell holes: then there are none */
		offset = (uint64_t)hole / TWZ_PAGE * TWZ_PAGE;
		if (offset >= end)
			return 0;
		if (!may_be_so_large(offset + TWZ_PAGE))
			return EFBIG;
		if (pwrite(image->fd, zero, TWZ_PAGE, (off_t)offset) != (ssize_t)TWZ_PAGE)
			return errno;
		offset += TWZ_PAGE;
	}
	return 0;
}

static int allocate(const struct image *image, uint64_t offset, uint64_t bytes)
{
	if (!image_there(image))
		return EBADF;
	while (fallocate(image->fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes)) {
		if (errno == EOPNOTSUPP || errno == ENOSYS)
			return fill_holes(image, offset, offset + bytes);
		if (errno != EINTR)
			return errno;
	}
	return 0;
}

/* In steps of 2 MiB, so that the host is asked rarely and gives contiguous space. */
int image_reserve(struct image *image, uint64_t offset, uint64_t bytes)
{
	uint64_t end = offset + bytes;

	if (!image->reserved)
		return 0;
	for (uint64_t at = offset / RESERVE_STEP * RESERVE_STEP; at < end; at += RESERVE_STEP) {
		uint64_t step = at + RESERVE_STEP < image->bytes ? RESERVE_STEP : image->bytes - at;
		uint64_t from = at < offset ? offset : at;
		uint64_t to = at + step < end ? at + step : end;
		int host;

		if (at >= image->bytes)
			return TWZ_E_FULL;
		if (image->reserved[at / RESERVE_STEP])
			continue;
		host = allocate(image, at, step);
		if (!host)
			image->reserved[at / RESERVE_STEP] = 1;
		else if (host != EBADF)
			host = allocate(image, from,
					to - from); /* not all of it, then what is needed */
		if (host)
			return host == EBADF ? TWZ_E_IO : TWZ_E_FULL;
	}
	return 0;
}

int image_reserve_areas(struct image *image)
{
	const struct twz_super_fixed *fixed;
	uint64_t log, end;
	int error = store_look(image->base, image->bytes, &fixed);

	if (error)
		return error;
	log = fixed->log.frame * TWZ_PAGE;
	end = log + (fixed->log.frames + fixed->runtime.frames) * TWZ_PAGE;
	error = image_reserve(image, 0, fixed->share.frame * TWZ_PAGE);
	if (!error)
		error = image_reserve(image, log, end - log);
	return error;
}

int image_reserve_start(struct image *image)
{
	const struct twz_super_fixed *fixed;
	int error = store_look(image->base, image->bytes, &fixed), host;

	if (error || !image->reserved)
		return error;
	host = allocate(image, fixed->log.frame * TWZ_PAGE,
			(fixed->log.frames + fixed->runtime.frames) * TWZ_PAGE);
	return host == EBADF ? TWZ_E_IO : host ? TWZ_E_FULL : 0;
}

static const char *const held_text[] = {
	[IMAGE_HELD_ALONE] = "the machine runs on it (process %d): it is free when that has ended",
	[IMAGE_HELD_WRITES] = "in use by process %d: it is free when that has ended",
	[IMAGE_HELD_READS] = "in use by process %d, which reads it: try again when that has ended",
	[IMAGE_HELD_MOUNTING] = "in use by process %d, which does not finish opening it",
	[IMAGE_HELD_STOPPED] = "in use by process %d, which has its lock and does not go on: is it "
			       "stopped?",
};

/* What is known of an error beyond its text; null: nothing. */
static const char *details(const struct image *image, int error, char *text, uint64_t room)
{
	struct rlimit limit;

	if (image->why)
		return image->why;
	if (error == TWZ_E_BUSY && image->holder) {
		snprintf(text, room, held_text[image->held], (int)image->holder);
		return text;
	}
	if (error == TWZ_E_BUSY)
		return "in use by another process";
	if (image->host == EMFILE) {
		getrlimit(RLIMIT_NOFILE, &limit);
		snprintf(text, room,
			 "no descriptor is left: this program may have %llu open at the same time "
			 "(ulimit -n)",
			 (unsigned long long)limit.rlim_cur);
		return text;
	}
	if (error == TWZ_E_IO && image->wanted) {
		snprintf(text, room, "the file was cut short: %llu of %llu bytes are there",
			 (unsigned long long)image->bytes, (unsigned long long)image->wanted);
		return text;
	}
	if (error == TWZ_E_VERSION && image->version && image->version != TWZ_STORE_VERSION) {
		snprintf(text, room,
			 "the store's format is version %u, and this program knows version %u",
			 image->version, TWZ_STORE_VERSION);
		return text;
	}
	return image->host ? strerror(image->host) : NULL;
}

const char *image_error(const struct image *image, int error, const char *path, char *text,
			uint64_t room)
{
	char more[256];
	const char *what = details(image, error, more, sizeof(more));

	snprintf(text, room, "%s: %s", path, what ? what : error_text(error));
	return text;
}
