/*
 * change.c - a store that is opened to be changed, by libtwz.
 */
#include <string.h>
#include <unistd.h>

#include <twz/name.h>

#include "rt/linux/home.h"
#include "tools/twz/twz.h"

/* A touch in an object that cannot be resolved: the store is damaged there. Ends the program. */
static bool fault(const struct twz_fault *f, void *arg)
{
	char id[TWZ_ID_TEXT];

	twz_id_text(f->object, id);
	fail(arg, "object %s, offset 0x%llx: %s", id, (unsigned long long)f->offset,
	     twz_error_text(f->error));
	_exit(STATUS_FAILED);
}

int change_open(const char *path)
{
	if (twz_rt_open(path))
		return fail(NULL, "%s", twz_rt_open_text());
	twz_rt_on_fault(fault, (void *)path);
	return STATUS_OK;
}

struct twz_id change_known(enum store_name name)
{
	struct twz_id id;

	home_lock();
	id = name == STORE_KEY ? home.store.super->key : home.store.super->boot;
	home_unlock();
	return id;
}

int change_named(const char *name, struct twz_id *id)
{
	struct twz_rt_stat stat;
	int error = 0;

	if (!strcmp(name, "@boot"))
		*id = change_known(STORE_BOOT);
	else if (!strcmp(name, "@key"))
		*id = change_known(STORE_KEY);
	else if (twz_id_parse(name, id))
		error = twz_name_resolve(name, id);
	if (!error)
		error = twz_obj_stat(*id, &stat);
	return error ? fail(name, "%s", twz_error_text(error)) : STATUS_OK;
}

int change_context(const char *name, struct twz_obj *obj)
{
	struct twz_id id;
	int error, status = change_named(name, &id);

	if (status)
		return status;
	error = twz_context_open(id, obj);
	if (error == TWZ_E_TYPE)
		return fail(name, "is no context");
	return error ? fail(name, "%s", twz_error_text(error)) : STATUS_OK;
}
