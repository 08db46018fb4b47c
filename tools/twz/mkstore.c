/*
 * mkstore.c - twz mkstore: a new store.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <twz/name.h>

#include "rt/linux/image.h"
#include "tools/twz/twz.h"

#define SIZE_DEFAULT ((uint64_t)256 << 20)

/* The store while it is being made; a signal that ends the program removes it. */
static char *making;

static void interrupted(int signal)
{
	unlink(making);
	_exit(128 + signal);
}

static void remove_when_interrupted(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	const struct sigaction action = {.sa_handler = interrupted};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

/* Bytes, or K, M, G, T of them; 0 if it is no size. */
static uint64_t parse_size(const char *text)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || text[0] < '0' || text[0] > '9')
		return 0;
	if (!*end)
		return n;
	unit = strchr(units, *end);
	if (!unit || end[1] || n > UINT64_MAX >> 10 * (unit - units + 1))
		return 0;
	return n << 10 * (unit - units + 1);
}

/* Formats the file `making`, which will be `path`. A status, printed. */
static int format(const char *path, uint64_t size)
{
	struct image image;
	char text[512];
	int error;

	remove_when_interrupted();
	error = image_make(&image, making, size, twz_rt_random);
	return error ? fail(NULL, "%s", image_error(&image, error, path, text, sizeof(text)))
		     : STATUS_OK;
}

struct asked {
	const char *path;
	uint64_t size;
	bool force, no_key;
	const char *key; /* file of the system's key; null: beside the store */
};

/*
 * A private key that was made for a store that is not is of no use; one that is there before its store
 * is, because the process ended in between, is used by the next mkstore.
 */
static int make(const struct asked *asked)
{
	char *key_made = NULL;
	struct twz_id root;
	int error, status = format(asked->path, asked->size);

	if (status)
		return status;
	error = twz_rt_open(making);
	if (error)
		return fail(NULL, "%s", twz_rt_open_text());
	if (!asked->no_key)
		status = key_system(asked->path, asked->key, &key_made);
	if (!status) {
		error = twz_name_root(&root); /* the system's, like all that it makes */
		if (error)
			status = fail(asked->path, "%s", twz_error_text(error));
	}
	if (!status &&
	    renameat2(AT_FDCWD, making, AT_FDCWD, asked->path, asked->force ? 0 : RENAME_NOREPLACE))
		status = fail(asked->path, "%s", strerror(errno));
	if (status && key_made)
		unlink(key_made);
	free(key_made);
	return status;
}

/* Is there a store that somebody has open? A status, printed. */
static int refuse_busy(const char *path)
{
	struct image image;
	char text[512];
	int error = image_open(&image, path, IMAGE_ALONE);

	if (!error)
		image_close(&image);
	if (error == TWZ_E_BUSY)
		return fail(NULL, "%s", image_error(&image, error, path, text, sizeof(text)));
	return STATUS_OK;
}

int command_mkstore(int argc, char **argv)
{
	struct asked asked = {.size = SIZE_DEFAULT};
	const char *size_text = NULL;
	const struct option_spec spec[] = {{"--size", &size_text, NULL},
					   {"--force", NULL, &asked.force},
					   {"--key", &asked.key, NULL},
					   {"--no-key", NULL, &asked.no_key},
					   {NULL, NULL, NULL}};
	struct stat st;
	int nrest, status = take_options(argc, argv, spec, 1, 1, &nrest);

	if (status)
		return status;
	asked.path = argv[0];
	if (size_text)
		asked.size = parse_size(size_text);
	if (asked.size < TWZ_STORE_SIZE_MIN || asked.size > TWZ_STORE_FRAMES_MAX * TWZ_PAGE)
		return usage("mkstore", "the size must be 16M to 16T, not %s", size_text);
	if (asked.key && asked.no_key)
		return usage("mkstore", "--key and --no-key exclude each other");
	if (!stat(asked.path, &st)) {
		if (!S_ISREG(st.st_mode))
			return fail(asked.path, "exists and is no ordinary file");
		if (!asked.force)
			return fail(asked.path, "exists; --force replaces it");
		status = refuse_busy(asked.path);
		if (status)
			return status;
	}
	if (asprintf(&making, "%s.making.%d", asked.path, (int)getpid()) < 0)
		abort();
	status = make(&asked);
	if (status)
		unlink(making);
	return status;
}
