/*
 * image.h - the file that holds a store, opened and mapped; for rt/linux and tools/twz.
 *
 * Rules
 *   - A store is held by one home at a time: the machine, which has it alone, or processes of this
 *     host, any number of them, unrelated to each other. They either all write, or all only read.
 *   - The first that opens it to write mounts it, and holds all others off until it says that it has
 *     (image_mounted). Who comes later attaches. When the last writer is gone, however it went, the
 *     next one mounts again.
 *   - All of that are locks of the file's open description. They are gone with the last process that
 *     has a descriptor of it: children inherit them, and who is killed gives them back.
 *       flock, the whole file    exclusive: alone; shared: everybody else
 *       MOUNT                    exclusive: who opens it to write, until it knows who else does, or
 *                                has mounted
 *       WRITERS + N              shared: process N writes
 *       READERS + N              shared: process N reads
 *     The last three are bytes far behind any image (F_OFD_SETLK), which are only asked for in this
 *     order. Who opens to write takes MOUNT, its byte of WRITERS, and waits until nobody reads unless
 *     others write, too. Who reads takes its byte of READERS, and gives it up again if somebody writes.
 *   - A read-only image is a private mapping: what recovery and settling change stays in this
 *     process.
 *   - Opening chooses the medium (core/pmem.h) and sets `pmem`, so one image is stored to at a time:
 *       clwb, clflushopt or clflush, the best there is, if the file takes MAP_SYNC (DAX) or lies in
 *       memory (tmpfs), where stores are where they stay;
 *       file for all others: a fence writes what was flushed back with msync.
 *     The environment variable TWZ_MEDIUM=clwb|file overrides that. With clwb on an ordinary file,
 *     what is stored survives the process, not a power cut.
 *   - No image is ever a standard stream: what is printed would go into the store.
 *   - An image may be sparse. image_reserve has the host allocate a part of it before it is used, or
 *     a store into it would end the process (SIGBUS) when the host's file system is full.
 *   - The descriptor's number is the process's: who closes descriptors that it did not open may have another
 *     file under it. So whoever uses it again asks first (image_there); the locks stay with the mapping.
 */
#ifndef TWZ_RT_LINUX_IMAGE_H
#define TWZ_RT_LINUX_IMAGE_H

#include <sys/types.h>

#include "abi/base.h"
#include "abi/errors.h"
#include "core/text.h"

enum image_use {
	IMAGE_READ,  /* only read */
	IMAGE_SHARE, /* written, as others of this host may */
	IMAGE_ALONE, /* written by nobody else: for the machine, and for who replaces a store */
};

/* Who has it, after TWZ_E_BUSY. */
enum image_held {
	IMAGE_HELD_ALONE,    /* the machine */
	IMAGE_HELD_WRITES,   /* processes that write */
	IMAGE_HELD_READS,    /* processes that read */
	IMAGE_HELD_MOUNTING, /* one that has not finished opening it */
	IMAGE_HELD_STOPPED   /* one that has the store's lock and does not go on */
};

struct image {
	int fd;
	enum image_use use;
	bool first; /* nobody else writes: it is to be mounted, then image_mounted is to be called */
	int map_flags; /* MAP_SHARED, MAP_SYNC with it, or MAP_PRIVATE: for more mappings of fd */
	uint8_t *base;
	uint64_t bytes;
	dev_t device; /* the file, which the descriptor's number must still stand for */
	ino_t number;
	uint8_t *
		reserved; /* which 2 MiB of it are allocated, a byte for each; null: not asked for */
	uint32_t version; /* of the format, as it says; 0: it says nothing */
	/* After an error, for image_error. */
	enum image_held held;
	pid_t holder;    /* one of those that have it, 0 if that cannot be told */
	int host;        /* the host's errno, or 0 */
	uint64_t wanted; /* if the file was cut short: the bytes of the store in it */
	const char *why; /* what whoever opened it knows better, or null */
};

/*
 * Opens the image. TWZ_E_NOTFOUND: no such file; TWZ_E_RIGHT; TWZ_E_READONLY: it was to be written,
 * and can only be read; TWZ_E_BUSY: after a second, ten of them if another process is opening it;
 * TWZ_E_NOTSTORE: too small to hold one; TWZ_E_IO; TWZ_E_NOMEM. Nothing is to be closed after an error.
 */
int image_open(struct image *image, const char *path, enum image_use use);

/* It is mounted, if it was to be (image->first): others may attach. */
void image_mounted(struct image *image);

/* The same for a descriptor that was inherited, with its locks, of a store that is mounted. After an error it stays open. */
int image_attach(struct image *image, int fd);

/* Says for image_error that this process has the store's lock and does not go on. Returns TWZ_E_BUSY. */
int image_stopped(struct image *image, pid_t holder);

/* Makes and opens a sparse file of zeros, alone. TWZ_E_EXISTS; TWZ_E_FULL; TWZ_E_RIGHT; TWZ_E_IO. */
int image_create(struct image *image, const char *path, uint64_t bytes);

/* Makes a file that holds an empty store, and closes it. The same errors; TWZ_E_ARG: not a size of stores. */
int image_make(struct image *image, const char *path, uint64_t bytes,
	       void (*random)(void *out, uint64_t bytes));

/* Makes what was stored and flushed durable, the file's name too, and gives all back. */
int image_close(struct image *image);

/* For struct store's `reserve`. TWZ_E_FULL; TWZ_E_IO: this process has closed the image's descriptor. */
int image_reserve(struct image *image, uint64_t offset, uint64_t bytes);

/* The same for what the store in it always uses. */
int image_reserve_areas(struct image *image);
/* Of that, what is stored to before anything is asked for, and no page more: the host looks at each of them. */
int image_reserve_start(struct image *image);

/* Does the descriptor still lead to the image? */
bool image_there(const struct image *image);

/* A sentence for a person about a failed open, at most `room` bytes; returns `text`. */
const char *image_error(const struct image *image, int error, const char *path, char *text,
			uint64_t room);

#endif
