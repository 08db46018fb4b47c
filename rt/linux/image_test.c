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

#define BYTES (64ull << 20)

static int setup(void **state)
{
	(void)state;
	home_make(home_path(), BYTES);
	return 0;
}

/* What a second process gets. */
static int open_elsewhere(bool readonly)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct image image;

		_exit(-image_open(&image, home_path(), readonly));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return -WEXITSTATUS(status);
}

static void opens_what_was_made(void **state)
{
	struct image image;

	(void)state;
	assert_int_equal(image_open(&image, home_path(), false), 0);
	assert_int_equal(image.bytes, BYTES);
	assert_int_equal(((struct twz_super_fixed *)image.base)->magic, TWZ_STORE_MAGIC);
	assert_int_equal(image_close(&image), 0);
}

static void is_held_by_one(void **state)
{
	struct image image, second;
	char text[256], wanted[64];

	(void)state;
	assert_int_equal(image_open(&image, home_path(), false), 0);
	assert_int_equal(open_elsewhere(false), TWZ_E_BUSY);
	assert_int_equal(open_elsewhere(true), TWZ_E_BUSY);
	/* Another open in the same process is another holder. */
	assert_int_equal(image_open(&second, home_path(), false), TWZ_E_BUSY);
	assert_int_equal(second.holder, getpid());
	snprintf(wanted, sizeof(wanted), "in use by process %d", (int)getpid());
	assert_non_null(strstr(image_error(&second, TWZ_E_BUSY, "x", text, sizeof(text)), wanted));
	image_close(&image);
	assert_int_equal(open_elsewhere(false), 0);
}

static void readers_share_and_change_nothing(void **state)
{
	struct image image;
	uint64_t byte;
	int fd;

	(void)state;
	assert_int_equal(image_open(&image, home_path(), true), 0);
	assert_int_equal(open_elsewhere(true), 0);
	assert_int_equal(open_elsewhere(false), TWZ_E_BUSY);
	memset(image.base + BYTES - 8, 0x55, 8); /* private */
	image_close(&image);
	fd = open(home_path(), O_RDONLY);
	assert_int_equal(pread(fd, &byte, 8, BYTES - 8), 8);
	assert_int_equal(byte, 0);
	close(fd);
}

static void says_what_is_wrong(void **state)
{
	char path[600];
	struct image image;

	(void)state;
	snprintf(path, sizeof(path), "%s.small", home_path());
	assert_int_equal(image_open(&image, path, false), TWZ_E_NOTFOUND);
	assert_int_equal(image_open(&image, "/", true), TWZ_E_NOTSTORE);
	close(open(path, O_CREAT | O_RDWR, 0600));
	assert_int_equal(image_open(&image, path, false), TWZ_E_NOTSTORE);
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
		error = image_open(&image, file, false);
		if (error != TWZ_E_READONLY ||
		    !strstr(image_error(&image, error, "x", text, sizeof(text)),
			    "x: the store can only be read"))
			_exit(101);
		_exit(image_open(&image, file, true) ? 102 : 0);
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
	assert_int_equal(image_open(&image, home_path(), false), 0);
	assert_int_equal(image_reserve(BYTES / 2, 6 << 20), 0);
	assert_true(allocated() >= before + (6 << 20));
	assert_true(allocated() < BYTES / 2 + (6 << 20));
	assert_int_equal(image_reserve(BYTES, 4096), TWZ_E_FULL);
	image_close(&image);
}

static void file_medium_writes_what_was_flushed(void **state)
{
	struct image image;

	(void)state;
	setenv("TWZ_MEDIUM", "file", 1);
	assert_int_equal(image_open(&image, home_path(), false), 0);
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
		cmocka_unit_test(is_held_by_one),
		cmocka_unit_test(readers_share_and_change_nothing),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(a_file_that_can_only_be_read_says_so),
		cmocka_unit_test(reserves_what_a_sparse_image_lacks),
		cmocka_unit_test(file_medium_writes_what_was_flushed),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
