/*
 * stream.h - the interface IO: bytes read from an object and written to it, whatever it is.
 *
 *     struct twz_io io;
 *
 *     twz_io_open(&obj, 0, &io);
 *     n = twz_io_read(&io, buffer, sizeof(buffer));
 *
 * Rules
 *   - A stream, struct twz_io, is a plain value and one thread's. Where it stands is in it: two streams of
 *     one object do not know of each other.
 *   - Reads and writes return how many bytes were moved, less than asked for if there are no more, or
 *     a negative enum twz_error. A read of 0 bytes is the end.
 *   - What an object without the extension is: a DATA object, or a key, is its first twz_obj_size bytes (`twz.bytes`).
 *     A queue (queue.h) gives and takes a message at a time. The console is the program's.
 *   - Durable: each write to bytes or a queue is, on return. To bytes, TWZ_IO_ATOMIC bytes at most are
 *     written all or not at all; more are several writes. A message is put or taken whole.
 */
#ifndef TWZ_STREAM_H
#define TWZ_STREAM_H

#include <twz/ext.h>

TWZ_C_BEGIN

#define TWZ_IO_ATOMIC 65536u

enum twz_io_flags {
	TWZ_IO_APPEND = 1, /* writes go to the end of bytes, wherever the stream stands */
	TWZ_IO_NOWAIT = 2, /* TWZ_E_BUSY instead of waiting */
};

struct twz_io {
	struct twz_face face;
	uint64_t position; /* in bytes; set it freely; moves with reads and writes */
	uint32_t flags;
	uint32_t reserved;
};

enum twz_io_ready {                      /* of twz_io_poll */
		    TWZ_IO_READABLE = 1, /* a read does not wait and is not the end */
		    TWZ_IO_WRITABLE = 2, /* a write of little does not wait */
};

enum twz_io_request { /* of twz_io_ioctl */
		      TWZ_IO_SIZE =
			      1, /* *value: bytes there are; of a queue, that its messages take */
		      TWZ_IO_CUT =
			      2, /* only *value bytes are left, durably; TWZ_E_RANGE: there are less */
		      TWZ_IO_CAPACITY = 3, /* *value: bytes that a queue has room for */
		      TWZ_IO_TERMINAL = 4, /* *value: 1: a person reads what is written */
};

/* The interface: what an implementation brings. Each may be null: TWZ_E_ABSENT. */
struct twz_io_methods {
	int64_t (*read)(struct twz_io *io, void *data, uint64_t bytes);
	int64_t (*write)(struct twz_io *io, const void *data, uint64_t bytes);
	int (*ioctl)(struct twz_io *io, uint32_t request, uint64_t *value);
	int (*poll)(struct twz_io *io);
};

/* What twz_face returns. */
int twz_io_open(const struct twz_obj *obj, uint32_t flags, struct twz_io *io);
/* The program's input and output; output is kept back like twz_print's (io.h). */
void twz_io_console(uint32_t flags, struct twz_io *io);

/*
 * TWZ_E_RANGE: a write to bytes begins behind their end, or a message does not fit: into the buffer (it
 * stays in the queue) or into the queue.
 */
int64_t twz_io_read(struct twz_io *io, void *data, uint64_t bytes);
int64_t twz_io_write(struct twz_io *io, const void *data, uint64_t bytes);
/* TWZ_E_ABSENT: this object does not have that. */
int twz_io_ioctl(struct twz_io *io, uint32_t request, uint64_t *value);
/* enum twz_io_ready, or an error. Waiting for it: event.h. */
int twz_io_poll(struct twz_io *io);

TWZ_C_END

#endif
