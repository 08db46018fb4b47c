/* stream.c - the interface IO: who does it, and the console's (twz/stream.h). */
#include "lib/builtin.h"

#include <twz/io.h>

static __attribute__((constructor)) void begin(void)
{
	twz_implement(&io_bytes);
	twz_implement(&io_queue);
}

static const struct twz_io_methods *methods_of(const struct twz_io *io)
{
	return io->face.impl->methods;
}

int twz_io_open(const struct twz_obj *obj, uint32_t flags, struct twz_io *io)
{
	*io = (struct twz_io){.flags = flags};
	return twz_face(obj, TWZ_TAG_IO, &io->face);
}

int64_t twz_io_read(struct twz_io *io, void *data, uint64_t bytes)
{
	const struct twz_io_methods *methods = methods_of(io);

	return !methods->read ? TWZ_E_ABSENT : bytes ? methods->read(io, data, bytes) : 0;
}

int64_t twz_io_write(struct twz_io *io, const void *data, uint64_t bytes)
{
	const struct twz_io_methods *methods = methods_of(io);

	return !methods->write ? TWZ_E_ABSENT : bytes ? methods->write(io, data, bytes) : 0;
}

int twz_io_ioctl(struct twz_io *io, uint32_t request, uint64_t *value)
{
	const struct twz_io_methods *methods = methods_of(io);

	return methods->ioctl ? methods->ioctl(io, request, value) : TWZ_E_ABSENT;
}

int twz_io_poll(struct twz_io *io)
{
	const struct twz_io_methods *methods = methods_of(io);

	return methods->poll ? methods->poll(io) : TWZ_E_ABSENT;
}

/* ---- the console --------------------------------------------------------------------------------- */

#define INPUT 0
#define OUTPUT 1

static int64_t console_read(struct twz_io *io, void *data, uint64_t bytes)
{
	struct twz_rt_word until;
	int ready = io->flags & TWZ_IO_NOWAIT ? twz_rt_input(&until) : 1;

	if (ready <= 0)
		return ready < 0 ? ready : TWZ_E_BUSY;
	twz_flush(); /* the question stands before the answer */
	return twz_rt_read(INPUT, data, bytes);
}

static int64_t console_write(struct twz_io *io, const void *data, uint64_t bytes)
{
	int error = twz_put(data, bytes);

	(void)io;
	return error ? error : (int64_t)bytes;
}

static int console_ioctl(struct twz_io *io, uint32_t request, uint64_t *value)
{
	(void)io;
	if (request != TWZ_IO_TERMINAL)
		return TWZ_E_ABSENT;
	*value = twz_rt_terminal(OUTPUT);
	return 0;
}

static int console_poll(struct twz_io *io)
{
	struct twz_rt_word until;
	int ready = twz_rt_input(&until);

	(void)io;
	return ready < 0 ? ready : TWZ_IO_WRITABLE | (ready ? TWZ_IO_READABLE : 0);
}

void twz_io_console(uint32_t flags, struct twz_io *io)
{
	static const struct twz_io_methods methods = {
		.read = console_read,
		.write = console_write,
		.ioctl = console_ioctl,
		.poll = console_poll,
	};
	static const struct twz_impl console = {.interface = TWZ_TAG_IO,
						.implementation = TWZ_TAG_CONSOLE,
						.name = "console",
						.methods = &methods};

	*io = (struct twz_io){.face = {.impl = &console}, .flags = flags};
}
