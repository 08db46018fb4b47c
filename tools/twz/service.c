/*
 * service.c - twz service: what services that come with the system need in a store. docs/gates.md, "Services".
 *
 * A service is a context with a name in TWZ_SERVICES, under the system's key; init runs the program of that name.
 * What the service may do is what its context has: here it gets that, and no more.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include <twz/name.h>
#include <twz/user.h>

#include "tools/twz/twz.h"

static const struct known {
	const char *name;
	uint32_t root; /* rights to the root namespace */
} services[] = {
	{"console", 0},
	{"names", TWZ_READ | TWZ_WRITE},
};

static const struct known *find(const char *name)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (!strcmp(services[i].name, name))
			return &services[i];
	return NULL;
}

int services_space(struct twz_id *id)
{
	int error = twz_name_resolve(TWZ_SERVICES, id);

	return error == TWZ_E_NOTFOUND ? twz_ns_make_for_all(TWZ_SERVICES, TWZ_READ, id) : error;
}

/* The system's key, if something is to be signed. A status, printed. */
static int read_system(const char *store, const char *sign, const struct known *service,
		       struct twz_secret *system)
{
	char *path = sign ? strdup(sign) : key_path(store);
	int status = STATUS_OK;

	if (!path)
		abort();
	if (twz_id_none(change_known(STORE_KEY)))
		status = fail(store, "has no key, and so no services");
	else if (service->root)
		status = secret_load(path, system);
	if (!status && service->root && !twz_id_equal(system->id, change_known(STORE_KEY)))
		status = fail(path, "is not the system's key");
	if (!status && service->root)
		status = secret_read(path, system);
	free(path);
	return status;
}

static int make(const struct known *service, const char *path, const struct twz_secret *system)
{
	const struct twz_context_new new = {
		.key = change_known(STORE_KEY), .ending = true, .global_mask = TWZ_PERM_ALL};
	struct twz_cap root = {.perms = service->root};
	struct twz_obj context;
	struct twz_id space;
	int error = services_space(&space);

	if (!error)
		error = twz_context_make(&new, &context);
	if (error)
		return error;
	if (service->root)
		error = twz_name_root(&root.target);
	if (!error && service->root)
		error = context_give(&context, root, system);
	if (!error)
		error = twz_name_publish(path, context.id, 0);
	if (error)
		twz_obj_delete(context.id);
	return error;
}

static int add(const char *store, const char *sign, const char *name)
{
	const struct known *service = find(name);
	struct twz_secret system = {0};
	char path[64];
	struct twz_id id;
	int error, status;

	if (!service)
		return fail(name, "there is no such service");
	snprintf(path, sizeof(path), TWZ_SERVICES "/%s", name);
	if (!twz_name_resolve(path, &id))
		return STATUS_OK; /* as it was wanted */
	status = read_system(store, sign, service, &system);
	if (status)
		return status;
	error = make(service, path, &system);
	explicit_bzero(&system, sizeof(system));
	return error ? fail(path, "%s", twz_error_text(error)) : STATUS_OK;
}

int command_service(int argc, char **argv)
{
	const char *sign = NULL;
	const struct option_spec spec[] = {{"--sign", &sign, NULL}, {NULL, NULL, NULL}};
	int nrest, status = take_options(argc, argv, spec, 3, 64, &nrest);

	if (!status && strcmp(argv[1], "add"))
		return usage("service", "add comes behind the store");
	if (!status)
		status = change_open(argv[0]);
	for (int i = 2; !status && i < nrest; i++)
		status = add(argv[0], sign, argv[i]);
	return status;
}
