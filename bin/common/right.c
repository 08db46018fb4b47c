/*
 * right.c - names and texts of rights (right.h).
 */
#include "bin/common/right.h"

int named(const char *name, struct twz_id *id)
{
	struct path path;
	int error = path_set(&path, name);

	if (!error && twz_id_parse(path.text, id))
		error = twz_name_resolve(path.text, id);
	return error ? fail_error(name, error) : STATUS_OK;
}

int named_context(const char *name, struct twz_obj *obj)
{
	struct twz_id id;
	int error, status = named(name, &id);

	if (status)
		return status;
	status = need(name, id, TWZ_READ);
	if (status)
		return status;
	error = twz_context_open(id, obj);
	return error ? fail_error(name, error) : STATUS_OK;
}

void print_chain(const struct twz_cap *chain, uint32_t count)
{
	char text[TWZ_CAP_TEXT];

	for (uint32_t i = 0; i < count; i++) {
		twz_cap_text(&chain[i], i ? "    " : "  ", text);
		twz_print("%s%s", i ? "  from\n" : "", text);
	}
}
