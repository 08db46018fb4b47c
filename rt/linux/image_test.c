/* image_test.c - opening, locking and reserving images. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "core/pmem.h"
#include "rt/linux/pmem_file.h"
#include "tests/home/home.h"
#include "tests/home/moment.h"

#define BYTES (64ull << 20)

static int setup(void **state)
{
	(void)state;
	home_make(home_path(), BYTES);
	return 0;
}

/* What a second process gets; *first: is it to mount? */
static int open_elsewhere_first(enum image_use use, bool *first)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct image image;
		int error = image_open(&image, home_path(), use);

		_exit(-error | (!error && image.first ? 128 : 0));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	*first = WEXITSTATUS(status) & 128;
	return -(WEXITSTATUS(status) & 127);
}

static int open_elsewhere(enum image_use use)
{
	bool first;

	return open_elsewhere_first(use, &first);
}

/* A process that has it open until it is killed, and said so. */
static pid_t start_holder(enum image_use use, bool mounted)
{
	int said[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(said), 0);
	pid = fork();
	if (!pid) {
		struct image image;

		if (image_open(&image, home_path(), use))
			_exit(1);
		if (mounted)
			image_mounted(&image);
		if (write(said[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(said[1]);
	assert_int_equal(read(said[0], &byte, 1), 1);
	close(said[0]);
	return pid;
}

static void end_holder(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void opens_what_was_made(void **state)
{
	struct image image;

	(void)state;
	assert_int_equal(image_open(&image, home_path(), IMAGE_SHARE), 0);
	assert_true(image.first);
	assert_int_equal(image.bytes, BYTES);
	assert_int_equal(((struct twz_super_fixed *)image.base)->magic, TWZ_STORE_MAGIC);
	assert_int_equal(image_close(&image), 0);
}

/* The refusal names who has it, and says how. */
static void refused(enum image_use use, pid_t holder, const char *how)
{
	struct image image;
	char text[256], wanted[128];

	assert_int_equal(image_open(&image, home_path(), use), TWZ_E_BUSY);
	assert_int_equal(image.holder, holder);
	snprintf(wanted, sizeof(wanted), how, (int)holder);
	assert_non_null(strstr(image_error(&image, TWZ_E_BUSY, "x", text, sizeof(text)), wanted));
}

static void the_machine_has_it_alone(void **state)
{
	const char *text = "x: the machine runs on it (process %d)";
	pid_t machine = start_holder(IMAGE_ALONE, true);

	(void)state;
	refused(IMAGE_SHARE, machine, text);
	refused(IMAGE_READ, machine, text);
	refused(IMAGE_ALONE, machine, text);
	end_holder(machine);
	assert_int_equal(open_elsewhere(IMAGE_ALONE), 0);
}

static void writers_share_it_and_one_mounts(void **state)
{
	struct image image;
	bool first;
	pid_t other;

	(void)state;
	assert_int_equal(image_open(&image, home_path(), IMAGE_SHARE), 0);
	assert_true(image.first);
	image_mounted(&image);
	assert_int_equal(open_elsewhere_first(IMAGE_SHARE, &first), 0);
	assert_false(first);
	refused(IMAGE_READ, getpid(), "x: in use by process %d: it is free when that has ended");
	refused(IMAGE_ALONE, getpid(), "x: in use by process %d: it is free when that has ended");
	/* The one that mounted goes, another is there: nobody mounts again before that is gone. */
	other = start_holder(IMAGE_SHARE, true);
	image_close(&image);
	assert_int_equal(open_elsewhere_first(IMAGE_SHARE, &first), 0);
	assert_false(first);
	assert_int_equal(open_elsewhere(IMAGE_READ), TWZ_E_BUSY);
	end_holder(other);
	assert_int_equal(open_elsewhere_first(IMAGE_SHARE, &first), 0);
	assert_true(first);
	assert_int_equal(open_elsewhere(IMAGE_READ), 0);
}

/* Who comes while one mounts waits; if that is killed, the next one mounts. */
static void a_mount_is_waited_for(void **state)
{
	pid_t mounts = start_holder(IMAGE_SHARE, false), waits = fork();
	int status;

	(void)state;
	if (!waits) {
		struct image image;

		if (image_open(&image, home_path(), IMAGE_SHARE))
			_exit(2);
		_exit(image.first);
	}
	await_state(waits, waits, 'S');
	assert_int_equal(waitpid(waits, &status, WNOHANG), 0);
	end_holder(mounts);
	assert_int_equal(waitpid(waits, &status, 0), waits);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

/* A child has the description, too: as long as it lives, it is open. */
static void children_have_it_too(void **state)
{
	struct image image;
	bool first;
	pid_t pid;

	(void)state;
	assert_int_equal(image_open(&image, home_path(), IMAGE_SHARE), 0);
	image_mounted(&image);
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	image_close(&image);
	assert_int_equal(open_elsewhere_first(IMAGE_SHARE, &first), 0);
	assert_false(first);
	assert_int_equal(open_elsewhere(IMAGE_ALONE), TWZ_E_BUSY);
	end_holder(pid);
	assert_int_equal(open_elsewhere(IMAGE_ALONE), 0);
}

static void readers_share_and_change_nothing(void **state)
{
	struct image image;
	uint64_t byte;
	int fd;

	(void)state;
	assert_int_equal(image_open(&image, home_path(), IMAGE_READ), 0);
	assert_false(image.first);
	assert_int_equal(open_elsewhere(IMAGE_READ), 0);
	refused(IMAGE_SHARE, getpid(), "x: in use by process %d, which reads it: try again");
	refused(IMAGE_ALONE, getpid(), "x: in use by process %d, which reads it: try again");
	memset(image.base + BYTES - 8, 0x55, 8); /* private */
	image_close(&image);
	fd = open(home_path(), O_RDONLY);
	assert_int_equal(pread(fd, &byte, 8, BYTES - 8), 8);
	assert_int_equal(byte, 0);
	close(fd);
}

/* Of those that come at the same time all get it, and one is the first. */
static void many_at_once(void **state)
{
	enum { N = 16 };

	(void)state;
	for (int round = 0; round < 20; round++) {
		int status, go[2], stay[2], firsts = 0, said[2];
		struct image image;
		char byte;

		assert_int_equal(pipe(go) | pipe(stay) | pipe(said), 0);
		for (int i = 0; i < N; i++)
			if (!fork()) {
				close(go[1]);
				close(stay[1]);
				if (read(go[0], &byte, 1) ||
				    image_open(&image, home_path(), IMAGE_SHARE))
					_exit(2);
				image_mounted(&image);
				if (write(said[1], "x", 1) != 1 || read(stay[0], &byte, 1))
					_exit(2);
				_exit(image.first);
			}
		close(go[0]);
		close(go[1]);
		for (int i = 0; i < N; i++)
			assert_int_equal(read(said[0], &byte, 1), 1);
		close(stay[0]);
		close(stay[1]);
		close(said[0]);
		close(said[1]);
		for (int i = 0; i < N; i++) {
			assert_true(wait(&status) > 0 && WIFEXITED(status));
			assert_true(WEXITSTATUS(status) < 2);
			firsts += WEXITSTATUS(status);
		}
		assert_int_equal(firsts, 1);
	}
}

static void says_what_is_wrong(void **state)
{
	char path[600];
	struct image image;

	(void)state;
	snprintf(path, sizeof(path), "%s.small", home_path());
	assert_int_equal(image_open(&image, path, IMAGE_SHARE), TWZ_E_NOTFOUND);
	assert_int_equal(image_open(&image, "/", IMAGE_READ), TWZ_E_NOTSTORE);
	close(open(path, O_CREAT | O_RDWR, 0600));
	assert_int_equal(image_open(&image, path, IMAGE_SHARE), TWZ_E_NOTSTORE);
	assert_int_equal(image_create(&image, path, BYTES), TWZ_E_EXISTS);
	unlink(path);
	assert_int_equal(image_create(&image, path, 4096), TWZ_E_ARG);
}

/* Root may write whatever the mode says, so a process without that does it. */
static void a_file_that_can_only_be_read_says_so(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (!pid) {
		const char *file = strrchr(home_path(), '/') + 1;
		char folder[512], text[256];
		struct image image;
		int error;

		snprintf(folder, sizeof(folder), "%.*s", (int)(file - home_path()), home_path());
		if (chdir(folder) || chmod(".", 0755) || chmod(file, 0444) ||
		    (!geteuid() && setuid(65534)))
			_exit(100);
		error = image_open(&image, file, IMAGE_SHARE);
		if (error != TWZ_E_READONLY ||
		    !strstr(image_error(&image, error, "x", text, sizeof(text)),
			    "x: the store can only be read"))
			_exit(101);
		_exit(image_open(&image, file, IMAGE_READ) ? 102 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(chmod(home_path(), 0600), 0);
	assert_int_equal(status, 0);
}

static uint64_t allocated(void)
{
	struct stat st;

	assert_int_equal(stat(home_path(), &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void reserves_what_a_sparse_image_lacks(void **state)
{
	struct image image;
	uint64_t before = allocated();

	(void)state;
	assert_true(before < BYTES / 2);
	assert_int_equal(image_open(&image, home_path(), IMAGE_SHARE), 0);
	assert_int_equal(image_reserve(&image, BYTES / 2, 6 << 20), 0);
	assert_true(allocated() >= before + (6 << 20));
	assert_true(allocated() < BYTES / 2 + (6 << 20));
	assert_int_equal(image_reserve(&image, BYTES, 4096), TWZ_E_FULL);
	image_close(&image);
}

static void file_medium_writes_what_was_flushed(void **state)
{
	struct image image;

	(void)state;
	setenv("TWZ_MEDIUM", "file", 1);
	assert_int_equal(image_open(&image, home_path(), IMAGE_SHARE), 0);
	unsetenv("TWZ_MEDIUM");
	assert_int_equal(pmem.kind, PMEM_FILE);
	assert_int_equal(pmem.flushes, 0);
	memset(image.base + BYTES / 2, 1, 8192);
	pmem_flush("test", image.base + BYTES / 2, 4096);
	pmem_flush("test", image.base + BYTES / 2 + 4096, 4096);
	pmem_fence("test");
	for (unsigned i = 0; i < 200; i++) /* more than the list holds */
		pmem_flush("test", image.base + BYTES / 2 + 8192 * i, 8);
	pmem_fence("test");
	assert_int_equal(pmem.flushes, 202);
	assert_int_equal(pmem.fences, 2);
	pmem_file_all();
	image_close(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_what_was_made),
		cmocka_unit_test(the_machine_has_it_alone),
		cmocka_unit_test(writers_share_it_and_one_mounts),
		cmocka_unit_test(a_mount_is_waited_for),
		cmocka_unit_test(children_have_it_too),
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(readers_share_and_change_nothing),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(a_file_that_can_only_be_read_says_so),
		cmocka_unit_test(reserves_what_a_sparse_image_lacks),
		cmocka_unit_test(file_medium_writes_what_was_flushed),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
