/*
 * io_bytes.c - the interface IO of byte objects, which are their first meta.size bytes (twz/stream.h).
 *
 * What a write changes of the bytes that there are is staged; what it adds behind them is memory that
 * nothing refers to until the size does, and is stored at once. So nothing may be left out between the
 * end and where a write begins: what an earlier one left there, cut off by a crash, would come to light.
 */
#include "core/mem.h"
#include "lib/builtin.h"
#include "lib/meta.h"
#include "lib/space.h"

#include <twz/tx.h>

#define BYTES_MAX (TWZ_PLACE_SIZE - TWZ_OBJ_DATA)

/* Makes that many bytes of data reachable in io->face.obj. */
static int reach(struct twz_io *io, uint64_t bytes)
{
	if (bytes <= obj_span(io->face.obj.base) - TWZ_OBJ_DATA)
		return 0;
	return bytes > BYTES_MAX ? TWZ_E_RANGE : twz_obj_open_large(io->face.obj.id, &io->face.obj);
}

static uint8_t *byte_at(const struct twz_io *io, uint64_t position)
{
	return (uint8_t *)twz_obj_data(&io->face.obj) + position;
}

/* How many bytes there are, all of which can be reached. */
static int size_of(struct twz_io *io, uint64_t *size)
{
	int error = space_readable(io->face.obj.slot);

	if (error)
		return error;
	*size = twz_obj_size(&io->face.obj);
	error = reach(io, *size);
	return error == TWZ_E_RANGE ? TWZ_E_DAMAGED : error;
}

static int64_t bytes_read(struct twz_io *io, void *data, uint64_t bytes)
{
	uint64_t size, left;
	int error = size_of(io, &size);

	if (error)
		return error;
	left = io->position < size ? size - io->position : 0;
	if (bytes > left)
		bytes = left;
	memcpy(data, byte_at(io, io->position), bytes);
	io->position += bytes;
	return (int64_t)bytes;
}

/* Stores what is behind the end. */
static int add(struct twz_tx *tx, uint8_t *to, const uint8_t *data, uint64_t bytes)
{
	int error = twz_rt_touch(to, bytes);

	if (error)
		return error;
	memcpy(to, data, bytes);
	twz_tx_fresh(tx, to, bytes);
	return 0;
}

/* All in one transaction, at the stream's position or the end. */
static int stage(struct twz_tx *tx, struct twz_io *io, const uint8_t *data, uint64_t bytes)
{
	struct twz_meta *meta = obj_meta(io->face.obj.base);
	uint64_t size, at, over; /* bytes that are there already */
	void *staged;
	int error = twz_tx_add(tx, meta);

	if (!error)
		error = size_of(io, &size);
	if (error)
		return error;
	at = io->flags & TWZ_IO_APPEND ? size : io->position;
	if (at > size || bytes > BYTES_MAX - at)
		return TWZ_E_RANGE;
	error = reach(io, at + bytes);
	if (error)
		return error;
	over = size - at < bytes ? size - at : bytes;
	if (over) {
		staged = twz_tx_write(tx, byte_at(io, at), over);
		if (!staged)
			return tx->error;
		memcpy(staged, data, over);
	}
	io->position = at + bytes;
	if (over == bytes)
		return 0;
	error = add(tx, byte_at(io, size), data + over, bytes - over);
	if (!error)
		error = meta_begin(tx, meta);
	return error ? error : twz_tx_set(tx, &meta->size, at + bytes);
}

/* Loads from every page: a fault in an object is dealt with here, while nothing is locked. */
static void touch(const uint8_t *data, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i += TWZ_PAGE)
		(void)*(const volatile uint8_t *)(data + i);
	(void)*(const volatile uint8_t *)(data + bytes - 1);
}

static int write_piece(struct twz_io *io, const uint8_t *data, uint64_t bytes)
{
	uint64_t before = io->position;
	struct twz_tx tx;
	int error;

	touch(data, bytes);
	twz_tx_begin(&tx);
	error = stage(&tx, io, data, bytes);
	if (error)
		twz_tx_abort(&tx);
	else
		error = twz_tx_commit(&tx);
	if (error)
		io->position = before;
	else
		wake_all(&obj_meta(io->face.obj.base)->size);
	return error;
}

static int64_t bytes_write(struct twz_io *io, const void *data, uint64_t bytes)
{
	uint64_t done = 0;

	while (done < bytes) {
		uint64_t left = bytes - done, piece = left < TWZ_IO_ATOMIC ? left : TWZ_IO_ATOMIC;
		int error = write_piece(io, (const uint8_t *)data + done, piece);

		if (error)
			return done ? (int64_t)done : error;
		done += piece;
	}
	return (int64_t)done;
}

static int cut(struct twz_io *io, uint64_t bytes)
{
	struct twz_meta *meta = obj_meta(io->face.obj.base);
	uint64_t size = 0;
	struct twz_tx tx;
	int error;

	twz_tx_begin(&tx);
	error = twz_tx_add(&tx, meta);
	if (!error)
		error = size_of(io, &size);
	if (!error && bytes > size)
		error = TWZ_E_RANGE;
	if (!error && bytes < size)
		error = twz_tx_set(&tx, &meta->size, bytes);
	if (error || bytes == size) {
		twz_tx_abort(&tx);
		return error;
	}
	return twz_tx_commit(&tx);
}

static int bytes_ioctl(struct twz_io *io, uint32_t request, uint64_t *value)
{
	switch (request) {
	case TWZ_IO_SIZE:
		return size_of(io, value);
	case TWZ_IO_CUT:
		return cut(io, *value);
	default:
		return TWZ_E_ABSENT;
	}
}

static int bytes_poll(struct twz_io *io)
{
	uint64_t size;
	int error = size_of(io, &size);

	if (error)
		return error;
	return (io->position < size ? TWZ_IO_READABLE : 0) |
	       (space_sealed(io->face.obj.slot) ? 0 : TWZ_IO_WRITABLE);
}

static const struct twz_io_methods methods = {
	.read = bytes_read,
	.write = bytes_write,
	.ioctl = bytes_ioctl,
	.poll = bytes_poll,
};

struct twz_impl io_bytes = {
	.interface = TWZ_TAG_IO,
	.implementation = TWZ_TAG_BYTES,
	.name = "bytes",
	.methods = &methods,
	.types = 1u << TWZ_TYPE_DATA | 1u << TWZ_TYPE_KEY,
};
