/*
 * get.c - twz get: files and trees out of a store.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/twz/twz.h"

struct level {
	const struct level *up;
	struct twz_id id;
	unsigned depth;
};

static int write_all(int fd, const uint8_t *data, uint64_t bytes)
{
	while (bytes) {
		ssize_t n = write(fd, data, bytes);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			data += n;
			bytes -= (uint64_t)n;
		}
	}
	return 0;
}

/* Zeros: a hole in a file of our own. */
static int write_hole(int fd, uint64_t bytes, bool own)
{
	static const uint8_t zero[1 << 16];

	if (own && lseek(fd, (off_t)bytes, SEEK_CUR) >= 0)
		return 0;
	while (bytes) {
		uint64_t n = bytes < sizeof(zero) ? bytes : sizeof(zero);

		if (write_all(fd, zero, n))
			return -1;
		bytes -= n;
	}
	return 0;
}

/* The object's data into the open file, which is empty if it is `own`. A status, printed. */
static int get_data(struct object *o, const char *path, int fd, bool own, const char *to)
{
	struct twz_meta meta;
	uint64_t off = TWZ_OBJ_DATA, end;
	int error = object_meta(o, &meta);

	if (!error && meta.size > TWZ_OBJ_SIZE_MAX - TWZ_OBJ_DATA)
		error = object_damaged(o, "the meta page says a size of %llu bytes",
				       (unsigned long long)meta.size);
	if (error)
		return fail(path, "%s", object_error(o, error));
	for (end = TWZ_OBJ_DATA + meta.size; off < end;) {
		uint64_t page = off / TWZ_PAGE, bytes;
		struct store_run run;

		error = store_run(o->store, o->ref, page, (end - off + TWZ_PAGE - 1) / TWZ_PAGE,
				  &run);
		if (error || !run.pages)
			return fail(path, "page %llu cannot be found", (unsigned long long)page);
		bytes = run.pages * TWZ_PAGE < end - off ? run.pages * TWZ_PAGE : end - off;
		if (run.frame ? write_all(fd, o->store->base + run.frame * TWZ_PAGE, bytes)
			      : write_hole(fd, bytes, own))
			return fail(to, "%s", strerror(errno));
		off += bytes;
	}
	/* A hole at the end. */
	if (own && ftruncate(fd, (off_t)meta.size))
		return fail(to, "%s", strerror(errno));
	return STATUS_OK;
}

static int get_file(struct object *o, const char *path, const char *to)
{
	struct stat st;
	int fd, status;
	bool own;

	if (!strcmp(to, "-"))
		return get_data(o, path, STDOUT_FILENO, false, "standard output");
	fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return fail(to, "%s", strerror(errno));
	own = !fstat(fd, &st) && S_ISREG(st.st_mode); /* neither a device nor a pipe */
	status = get_data(o, path, fd, own, to);
	if (close(fd) && !status)
		status = fail(to, "%s", strerror(errno));
	if (status && own)
		unlink(to);
	return status;
}

static int get_tree(struct store *s, const struct level *up, struct twz_id id, const char *path,
		    const char *to)
{
	const struct level level = {up, id, up ? up->depth + 1 : 0};
	struct object o;
	struct names names;
	struct name *list = NULL;
	uint64_t count = 0;
	int status = STATUS_OK, error = object_find(s, id, &o);

	if (error)
		return fail(path, "%s", object_error(&o, error));
	if (o.record.identity.type != TWZ_TYPE_NAMESPACE)
		return get_file(&o, path, to);
	if (!strcmp(to, "-"))
		return fail(path, "is a namespace, which needs a folder to go to");
	for (const struct level *l = up; l; l = l->up)
		if (twz_id_equal(l->id, id))
			return fail(path, "leads back to a namespace above it");
	if (level.depth == DEPTH_MAX)
		return fail(path, "lies deeper than any path reaches");
	if (mkdir(to, 0777) && errno != EEXIST)
		return fail(to, "%s", strerror(errno));
	error = names_open(s, id, &names);
	if (!error)
		error = names_list(&names, &list, &count);
	if (error)
		status = fail(path, "%s", object_error(&names.object, error));
	for (uint64_t i = 0; i < count; i++) {
		char *below, *below_to;

		if (asprintf(&below, "%s/%s", path, list[i].text) < 0 ||
		    asprintf(&below_to, "%s/%s", to, list[i].text) < 0)
			abort();
		status |= get_tree(s, &level, list[i].id, below, below_to);
		free(below);
		free(below_to);
	}
	free(list);
	return status;
}

int command_get(int argc, char **argv)
{
	const struct option_spec spec[] = {{NULL, NULL, NULL}};
	const char *path, *last;
	char *to;
	struct stat st;
	struct store s;
	struct object o;
	int nrest, status = take_options(argc, argv, spec, 3, 3, &nrest);

	if (status)
		return status;
	path = argv[1];
	last = strrchr(path, '/');
	last = last ? last + 1 : path;
	if (strcmp(argv[2], "-") && !stat(argv[2], &st) && S_ISDIR(st.st_mode) && *last) {
		if (asprintf(&to, "%s/%s", argv[2], last) < 0)
			abort();
	} else {
		to = strdup(argv[2]);
		if (!to)
			abort();
	}
	status = store_open(argv[0], &s);
	if (!status) {
		status = object_named(&s, path, &o);
		if (!status)
			status = get_tree(&s, NULL, o.id, path, to);
		store_close(&s);
	}
	free(to);
	return status;
}
