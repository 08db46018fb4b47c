/*
 * image.h - the file that holds a store, opened and mapped; for rt/linux and tools/twz.
 *
 * Rules
 *   - A store is held by one home at a time: whoever opens an image to write holds an exclusive lock
 *     (flock) on the file until the last process that inherited the descriptor is gone. Read-only
 *     opens share it, and only while nobody has the image writable.
 *   - A read-only image is a private mapping: what recovery and settling change stays in this
 *     process.
 *   - Opening chooses the medium (core/pmem.h) and sets `pmem`, so one image is open at a time:
 *       clwb, clflushopt or clflush, the best there is, if the file takes MAP_SYNC (DAX) or lies in
 *       memory (tmpfs), where stores are where they stay;
 *       file for all others: a fence writes what was flushed back with msync.
 *     The environment variable TWZ_MEDIUM=clwb|file overrides that. With clwb on an ordinary file,
 *     what is stored survives the process, not a power cut.
 *   - No image is ever a standard stream: what is printed would go into the store.
 *   - An image may be sparse. image_reserve has the host allocate a part of it before it is used, or
 *     a store into it would end the process (SIGBUS) when the host's file system is full.
 */
#ifndef TWZ_RT_LINUX_IMAGE_H
#define TWZ_RT_LINUX_IMAGE_H

#include <sys/types.h>

#include "abi/base.h"
#include "abi/errors.h"
#include "core/text.h"

struct image {
	int fd;
	bool readonly;
	int map_flags; /* MAP_SHARED, MAP_SYNC with it, or MAP_PRIVATE: for more mappings of fd */
	uint8_t *base;
	uint64_t bytes;
	pid_t holder;    /* after TWZ_E_BUSY: who has it, 0 if that cannot be told */
	int host;        /* after TWZ_E_IO: the host's errno */
	uint64_t wanted; /* ... or if the file was cut short: the bytes of the store in it */
};

/*
 * Opens the image. TWZ_E_NOTFOUND: no such file; TWZ_E_RIGHT; TWZ_E_READONLY: it was to be written,
 * and can only be read; TWZ_E_BUSY; TWZ_E_NOTSTORE: too small to hold one; TWZ_E_IO; TWZ_E_NOMEM.
 * Nothing is to be closed after an error.
 */
int image_open(struct image *image, const char *path, bool readonly);

/* The same for a descriptor that was inherited, with its lock. After an error it stays open. */
int image_attach(struct image *image, int fd);

/* Makes and opens a sparse file of zeros. TWZ_E_EXISTS; TWZ_E_FULL; TWZ_E_RIGHT; TWZ_E_IO. */
int image_create(struct image *image, const char *path, uint64_t bytes);

/* Makes what was stored and flushed durable, the file's name too, and gives all back. */
int image_close(struct image *image);

/* For struct store's `reserve`: of the image that is open. 0 or TWZ_E_FULL. */
int image_reserve(uint64_t offset, uint64_t bytes);

/* A sentence for a person about a failed open, at most `room` bytes; returns `text`. */
const char *image_error(const struct image *image, int error, const char *path, char *text,
			uint64_t room);

#endif
