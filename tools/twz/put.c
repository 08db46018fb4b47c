/*
 * put.c - twz put: files and trees into a store.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <twz/name.h>
#include <twz/right.h>

#include "rt/linux/home.h"
#include "tools/twz/twz.h"

#define CHUNK ((size_t)1 << 20)

static struct {
	bool shown;
	uint64_t files, bytes;
	struct timespec last;
} progress;

static void progress_show(bool now)
{
	struct timespec t;

	if (!progress.shown)
		return;
	clock_gettime(CLOCK_MONOTONIC, &t);
	if (!now && (t.tv_sec - progress.last.tv_sec) * 10 +
				    (t.tv_nsec - progress.last.tv_nsec) / 100000000 <
			    1)
		return;
	progress.last = t;
	fprintf(stderr, "\rput: %llu files, %.1f MiB ", (unsigned long long)progress.files,
		(double)progress.bytes / (1 << 20));
}

/* An error in the middle of things: on a line of its own. */
static int put_fail(const char *where, const char *reason)
{
	if (progress.shown)
		fputs("\r\033[K", stderr);
	return fail(where, "%s", reason);
}

static bool all_zero(const char *p, size_t n)
{
	return n == 0 || (!p[0] && !memcmp(p, p + 1, n - 1));
}

/*
 * Where data goes on at or after `at`, the end of the file if there is none; the file is read from
 * there. What cannot be asked is all data.
 */
static uint64_t skip_hole(int fd, uint64_t at)
{
	off_t next = lseek(fd, (off_t)at, SEEK_DATA);

	if (next < 0 && errno == ENXIO)
		next = lseek(fd, 0, SEEK_END);
	return next > (off_t)at ? (uint64_t)next : at;
}

/*
 * The file's bytes into the new object. 0, an enum twz_error, or a positive errno of the host. What
 * is zero in the file stays a hole.
 */
static int copy_data(int fd, const struct twz_obj *obj, uint64_t room, uint64_t *size)
{
	static char chunk[CHUNK];
	uint8_t *data = twz_obj_data(obj);

	for (*size = 0;;) {
		ssize_t n;
		int error;

		*size = skip_hole(fd, *size);
		n = read(fd, chunk, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (*size > room || (uint64_t)n > room - *size)
			return EFBIG; /* it grew meanwhile */
		if (!n)
			return 0;
		if (!all_zero(chunk, (size_t)n)) {
			error = twz_rt_touch(data + *size, (uint64_t)n);
			if (error)
				return error;
			memcpy(data + *size, chunk, (size_t)n);
		}
		*size += (uint64_t)n;
		progress.bytes += (uint64_t)n;
		progress_show(false);
	}
}

/* An ending object with the file's content. As copy_data. */
static int make_object(int fd, uint64_t expected, struct twz_id *id)
{
	const uint64_t standard = TWZ_SLOT_SIZE - TWZ_OBJ_DATA,
		       large = TWZ_PLACE_SIZE - TWZ_OBJ_DATA;
	struct twz_new new = {.ending = true, .large = expected > standard};
	struct twz_obj obj;
	uint64_t size;
	int error;

	if (expected > large)
		return EFBIG;
	if (expected <= CHUNK)
		new.bytes = expected;
	error = twz_obj_new(&new, &obj);
	if (error)
		return error;
	error = copy_data(fd, &obj, new.large ? large : standard, &size);
	if (!error)
		error = twz_obj_sync(&obj);
	if (!error)
		error = twz_obj_set_size(&obj, size);
	*id = obj.id;
	twz_obj_recycle(&obj);
	if (error)
		twz_obj_delete(*id);
	return error;
}

static int put_file(const char *from, uint64_t size, const char *to)
{
	struct twz_id id, old;
	struct twz_rt_stat stat;
	int error, fd = open(from, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return put_fail(from, strerror(errno));
	if (!twz_name_resolve(to, &old) && !twz_obj_stat(old, &stat) &&
	    stat.identity.type == TWZ_TYPE_NAMESPACE) {
		close(fd);
		return put_fail(to, "is a namespace");
	}
	error = make_object(fd, size, &id);
	close(fd);
	if (error)
		return put_fail(from, error > 0 ? strerror(error) : twz_error_text(error));
	error = twz_name_publish(to, id, TWZ_NAME_REPLACE | TWZ_NAME_DELETE);
	if (error)
		return put_fail(to, twz_error_text(error));
	progress.files++;
	progress_show(false);
	return STATUS_OK;
}

static int put(const char *from, const char *to, bool top);

static int put_folder(const char *from, const char *to)
{
	struct twz_id id;
	struct twz_rt_stat stat;
	struct dirent *entry;
	int status = STATUS_OK, error = twz_name_resolve(to, &id);
	DIR *dir;

	if (!error)
		error = twz_obj_stat(id, &stat);
	if (error == TWZ_E_NOTFOUND)
		error = twz_ns_make(to, &id);
	else if (!error && stat.identity.type != TWZ_TYPE_NAMESPACE)
		error = TWZ_E_EXISTS;
	if (error)
		return put_fail(to, twz_error_text(error));
	dir = opendir(from);
	if (!dir)
		return put_fail(from, strerror(errno));
	while ((entry = readdir(dir))) {
		char *below, *below_to;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (asprintf(&below, "%s/%s", from, entry->d_name) < 0 ||
		    asprintf(&below_to, "%s/%s", to, entry->d_name) < 0)
			abort();
		status |= put(below, below_to, false);
		free(below);
		free(below_to);
	}
	closedir(dir);
	return status;
}

/* A link is followed to a file; to a folder only if the user named it, or there might be no end. */
static int put(const char *from, const char *to, bool top)
{
	struct stat st, link;

	if (stat(from, &st) || lstat(from, &link))
		return put_fail(from, strerror(errno));
	if (S_ISREG(st.st_mode))
		return put_file(from, (uint64_t)st.st_size, to);
	if (S_ISDIR(st.st_mode) && (top || S_ISDIR(link.st_mode)))
		return put_folder(from, to);
	return put_fail(from, "neither file nor folder, left out");
}

/* The last name of a path of the host, allocated. */
static char *last_name(const char *path)
{
	char *real = NULL, *name, *slash;
	size_t end = strlen(path);

	while (end && path[end - 1] == '/')
		end--;
	name = strndup(path, end);
	if (name && (!*name || !strcmp(name, ".") || !strcmp(name, ".."))) {
		real = realpath(path, NULL); /* it has a name under which it can be put */
		free(name);
		name = strdup(real ? real : path);
		free(real);
	}
	if (!name)
		abort();
	slash = strrchr(name, '/');
	if (slash)
		memmove(name, slash + 1, strlen(slash));
	return name;
}

/* What is made from now on belongs to who has the key in the file. */
static int use_key(const char *file)
{
	struct twz_secret secret;
	int error, status = secret_load(file, &secret);

	if (status)
		return status;
	error = twz_key_make(secret.key, &home.info.key);
	explicit_bzero(&secret, sizeof(secret));
	return error ? fail(file, "%s", twz_error_text(error)) : STATUS_OK;
}

int command_put(int argc, char **argv)
{
	const char *key = NULL;
	bool quiet = false, into;
	const struct option_spec spec[] = {
		{"-q", NULL, &quiet}, {"--key", &key, NULL}, {NULL, NULL, NULL}};
	char *to;
	size_t end;
	struct twz_id id;
	struct twz_rt_stat stat;
	int nrest, status = take_options(argc, argv, spec, 3, INT32_MAX, &nrest);

	if (status)
		return status;
	to = argv[nrest - 1];
	for (end = strlen(to); end > 1 && to[end - 1] == '/'; end--)
		to[end - 1] = 0;
	status = change_open(argv[0]);
	if (!status && key)
		status = use_key(key);
	if (status)
		return status;
	into = !twz_name_resolve(to, &id) && !twz_obj_stat(id, &stat) &&
	       stat.identity.type == TWZ_TYPE_NAMESPACE;
	if (nrest > 3 && !into)
		return fail(to, "is no namespace");
	progress.shown = !quiet && isatty(STDERR_FILENO);
	for (int i = 1; i < nrest - 1; i++) {
		char *name = last_name(argv[i]), *target;

		if (asprintf(&target, "%s%s%s", to, strcmp(to, "/") ? "/" : "", name) < 0)
			abort();
		status |= put(argv[i], into ? target : to, true);
		free(name);
		free(target);
	}
	if (progress.shown) {
		progress_show(true);
		fputc('\n', stderr);
	}
	return status;
}
