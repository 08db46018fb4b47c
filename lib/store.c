/* store.c - the store that a program works in (twz/store.h). */
#include <twz/io.h>
#include <twz/name.h>
#include <twz/store.h>

int twz_store_open(const char *path)
{
	return twz_rt_open(path);
}

/* Names work from now on, also for who only looks. */
static int open_made(const char *path)
{
	int error = twz_rt_open(path);
	struct twz_id root;

	return error ? error : twz_name_root(&root);
}

int twz_store_make(const char *path, uint64_t bytes)
{
	int error = twz_rt_make(path, bytes);

	return error ? error : open_made(path);
}

int twz_store_open_or_make(const char *path, uint64_t bytes)
{
	int error = twz_rt_open(path);

	if (error != TWZ_E_NOTFOUND)
		return error;
	error = twz_rt_make(path, bytes);
	if (error && error != TWZ_E_EXISTS) /* another one was faster */
		return error;
	return open_made(path);
}

const char *twz_store_error_text(int error)
{
	const char *text = twz_rt_open_text();

	return *text ? text : twz_error_text(error);
}
