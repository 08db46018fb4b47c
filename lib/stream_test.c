/* stream_test.c - the interface IO: bytes, and the console. Queues: queue_test.c. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/home/home.h"

static struct twz_obj fresh(void)
{
	struct twz_obj obj;

	MUST(twz_obj_new(&(struct twz_new){0}, &obj));
	return obj;
}

static struct twz_io open_io(const struct twz_obj *obj, uint32_t flags)
{
	struct twz_io io;

	MUST(twz_io_open(obj, flags, &io));
	return io;
}

static uint64_t size_of(struct twz_io *io)
{
	uint64_t size;

	MUST(twz_io_ioctl(io, TWZ_IO_SIZE, &size));
	return size;
}

static void bytes_are_read_and_written(void **state)
{
	struct twz_obj obj = fresh();
	struct twz_io io = open_io(&obj, 0), other = io;
	char text[32] = "";

	(void)state;
	assert_int_equal(twz_io_read(&io, text, sizeof(text)), 0);
	assert_int_equal(twz_io_poll(&io), TWZ_IO_WRITABLE);
	assert_int_equal(twz_io_write(&io, "Hello, world", 12), 12);
	assert_int_equal(twz_io_write(&io, "", 0), 0);
	assert_int_equal(io.position, 12);
	assert_int_equal(size_of(&io), 12);
	assert_int_equal(twz_io_poll(&other), TWZ_IO_READABLE | TWZ_IO_WRITABLE);
	assert_int_equal(twz_io_read(&other, text, 5), 5);
	assert_int_equal(twz_io_read(&other, text + 5, sizeof(text)), 7);
	assert_string_equal(text, "Hello, world");
	assert_int_equal(twz_io_read(&other, text, sizeof(text)), 0);
	/* Over what is there, and beyond it. */
	io.position = 7;
	assert_int_equal(twz_io_write(&io, "universe", 8), 8);
	assert_memory_equal(twz_obj_data(&obj), "Hello, universe", 15);
	assert_int_equal(twz_obj_size(&obj), 15);
	io.position = 16;
	assert_int_equal(twz_io_write(&io, "x", 1), TWZ_E_RANGE);
	assert_int_equal(io.position, 16);
	io.position = ~0ull;
	assert_int_equal(twz_io_write(&io, "x", 1), TWZ_E_RANGE);
	assert_int_equal(twz_io_read(&io, text, 1), 0);
	io = open_io(&obj, TWZ_IO_APPEND);
	assert_int_equal(twz_io_write(&io, "!", 1), 1);
	assert_int_equal(twz_obj_size(&obj), 16);
}

static void bytes_are_cut(void **state)
{
	struct twz_obj obj = fresh();
	struct twz_io io = open_io(&obj, 0);
	uint64_t value = 4;

	(void)state;
	assert_int_equal(twz_io_write(&io, "abcdef", 6), 6);
	MUST(twz_io_ioctl(&io, TWZ_IO_CUT, &value));
	MUST(twz_io_ioctl(&io, TWZ_IO_CUT, &value));
	assert_int_equal(size_of(&io), 4);
	value = 5;
	assert_int_equal(twz_io_ioctl(&io, TWZ_IO_CUT, &value), TWZ_E_RANGE);
	assert_int_equal(twz_io_ioctl(&io, TWZ_IO_CAPACITY, &value), TWZ_E_ABSENT);
}

static void many_bytes(void **state)
{
	enum { BYTES = 300001 };
	struct twz_obj obj = fresh();
	struct twz_io io = open_io(&obj, 0);
	uint8_t *out = malloc(BYTES), *in = malloc(BYTES);

	(void)state;
	for (unsigned i = 0; i < BYTES; i++)
		out[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(twz_io_write(&io, out, BYTES), BYTES);
	io.position = 1000;
	assert_int_equal(twz_io_write(&io, out, BYTES), BYTES);
	io.position = 0;
	assert_int_equal(twz_io_read(&io, in, 1000), 1000);
	assert_memory_equal(in, out, 1000);
	assert_int_equal(twz_io_read(&io, in, BYTES), BYTES);
	assert_memory_equal(in, out, BYTES);
	assert_int_equal(size_of(&io), BYTES + 1000);
	free(in);
	free(out);
}

/* Behind the first GiB, and what a hostile size says. */
static void far_bytes(void **state)
{
	struct twz_obj obj = fresh();
	struct twz_io io = open_io(&obj, TWZ_IO_APPEND);
	char text[8];

	(void)state;
	MUST(twz_obj_set_size(&obj, TWZ_SLOT_SIZE - TWZ_OBJ_DATA - 2));
	assert_int_equal(twz_io_write(&io, "abcd", 4), 4);
	assert_int_equal(size_of(&io), TWZ_SLOT_SIZE - TWZ_OBJ_DATA + 2);
	io.position -= 4;
	assert_int_equal(twz_io_read(&io, text, sizeof(text)), 4);
	assert_memory_equal(text, "abcd", 4);
	MUST(twz_obj_set_size(&obj, TWZ_PLACE_SIZE));
	assert_int_equal(twz_io_read(&io, text, 1), TWZ_E_DAMAGED);
	assert_int_equal(twz_io_write(&io, text, 1), TWZ_E_DAMAGED);
	assert_int_equal(twz_io_poll(&io), TWZ_E_DAMAGED);
	MUST(twz_obj_set_size(&obj, TWZ_PLACE_SIZE - TWZ_OBJ_DATA));
	assert_int_equal(twz_io_write(&io, text, 1), TWZ_E_RANGE);
}

static void what_cannot_be_written(void **state)
{
	static uint8_t much[1 << 20];
	struct twz_obj obj = fresh(), sealed;
	struct twz_io io = open_io(&obj, 0);
	struct twz_id id;
	uint64_t done = 0;
	int64_t n;

	(void)state;
	assert_int_equal(twz_io_write(&io, "abc", 3), 3);
	MUST(twz_obj_seal(obj.id, 3, TWZ_READ, &id));
	MUST(twz_obj_open(id, &sealed));
	io = open_io(&sealed, 0);
	assert_int_equal(twz_io_poll(&io), TWZ_IO_READABLE);
	assert_int_equal(twz_io_write(&io, "x", 1), TWZ_E_SEALED);
	assert_int_equal(size_of(&io), 3);
	/* Until the store is full: what was reported is there. */
	io = open_io(&obj, TWZ_IO_APPEND);
	while ((n = twz_io_write(&io, much, sizeof(much))) > 0)
		done += (uint64_t)n;
	assert_int_equal(n, TWZ_E_FULL);
	assert_int_equal(size_of(&io), done + 3);
	MUST(twz_obj_delete(obj.id));
}

static void interfaces_that_are_not_there(void **state)
{
	struct twz_io io;
	struct twz_obj obj;
	struct twz_id id;

	(void)state;
	MUST(twz_ns_make("space", &id));
	MUST(twz_obj_open(id, &obj));
	assert_int_equal(twz_io_open(&obj, 0, &io), TWZ_E_TYPE);
}

static void the_console(void **state)
{
	uint64_t value;
	struct twz_io io;
	char text[16];
	int fds[2], out[2], saved_in = dup(0), saved_out = dup(1);

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pipe(out), 0);
	dup2(fds[0], 0);
	fflush(stdout);
	dup2(out[1], 1);
	twz_io_console(TWZ_IO_NOWAIT, &io);
	assert_int_equal(twz_io_read(&io, text, sizeof(text)), TWZ_E_BUSY);
	assert_int_equal(twz_io_poll(&io), TWZ_IO_WRITABLE);
	assert_int_equal(write(fds[1], "line\n", 5), 5);
	assert_int_equal(twz_io_poll(&io), TWZ_IO_READABLE | TWZ_IO_WRITABLE);
	assert_int_equal(twz_io_read(&io, text, sizeof(text)), 5);
	assert_memory_equal(text, "line\n", 5);
	assert_int_equal(twz_io_write(&io, "said", 4), 4);
	MUST(twz_flush());
	assert_int_equal(read(out[0], text, sizeof(text)), 4);
	MUST(twz_io_ioctl(&io, TWZ_IO_TERMINAL, &value));
	assert_int_equal(value, 0);
	assert_int_equal(twz_io_ioctl(&io, TWZ_IO_SIZE, &value), TWZ_E_ABSENT);
	close(fds[1]);
	assert_int_equal(twz_io_read(&io, text, sizeof(text)), 0);
	dup2(saved_in, 0);
	dup2(saved_out, 1);
}

static int setup(void **state)
{
	(void)state;
	home_start(64 << 20);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		home_test(bytes_are_read_and_written),
		home_test(bytes_are_cut),
		home_test(many_bytes),
		home_test(far_bytes),
		home_test(what_cannot_be_written),
		home_test(interfaces_that_are_not_there),
		home_test(the_console),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
