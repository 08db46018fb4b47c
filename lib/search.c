/* search.c - resolvers and search lists (search.h, twz/name.h). */
#include "core/mem.h"
#include "lib/beside.h"
#include "lib/search.h"

#include <twz/ext.h>
#include <twz/name.h>

/* The list in the object. TWZ_E_TYPE: it is no search list. */
static int find(const struct twz_obj *obj, struct twz_search **search)
{
	struct twz_ext_info info;
	int error = twz_ext_find(obj, TWZ_TAG_RESOLVER, &info);

	if (error)
		return error == TWZ_E_NOTFOUND ? TWZ_E_TYPE : error;
	if (info.error)
		return info.error;
	if (!info.has_table || !twz_id_equal(info.table.implementation, TWZ_TAG_SEARCH))
		return TWZ_E_TYPE;
	if (info.table.params < sizeof(**search))
		return TWZ_E_DAMAGED;
	*search = info.params;
	return 0;
}

struct reading {
	const struct twz_search *search;
	struct twz_search copy;
};

static int read_list(const struct twz_tx *tx, void *arg)
{
	struct reading *r = arg;
	const struct twz_search *from = r->search;

	if (tx)
		from = twz_tx_read(tx, from, sizeof(*from));
	memcpy(&r->copy, from, sizeof(*from));
	return r->copy.count <= TWZ_SEARCH_MAX ? 0 : TWZ_E_DAMAGED;
}

/* The list lies in another object than the extension only if somebody made it so: that one is read. */
static int read_search(struct twz_search *search, struct trail *trail, struct twz_search *copy)
{
	struct reading reading = {.search = search};
	struct twz_obj obj;
	int error = twz_obj_at(search, &obj);

	if (error)
		return error;
	trail_note(trail, &search->generation);
	error = read_beside(&obj, &search->generation, read_list, &reading);
	*copy = reading.copy;
	return error;
}

static int open_list(struct twz_id id, struct trail *trail, struct resolver *resolver)
{
	struct twz_search *search, copy;
	struct twz_obj obj;
	int error = twz_obj_open(id, &obj);

	if (!error)
		error = find(&obj, &search);
	if (!error)
		error = read_search(search, trail, &copy);
	if (error)
		return error;
	resolver->count = copy.count;
	memcpy(resolver->id, copy.list, sizeof(copy.list));
	return 0;
}

int resolver_open(struct twz_id id, struct trail *trail, struct resolver *resolver)
{
	struct ns ns;
	int error = twz_id_none(id) ? twz_name_root(&id) : 0;

	if (!error)
		error = ns_open(id, &ns);
	if (error == TWZ_E_TYPE)
		return open_list(id, trail, resolver);
	*resolver = (struct resolver){.count = 1, .id = {id}};
	return error;
}

int resolver_look_up(const struct resolver *resolver, const char *path, uint64_t bytes,
		     struct trail *trail, struct twz_id *id)
{
	int error = TWZ_E_NOTFOUND;

	for (uint32_t i = 0; i < resolver->count && error == TWZ_E_NOTFOUND; i++) {
		struct ns ns;

		error = ns_open(resolver->id[i], &ns);
		if (error)
			return error;
		error = path_resolve_from(&ns, path, bytes, trail, id);
	}
	return error == TWZ_E_NOTFOUND ? TWZ_E_UNRESOLVED : error;
}

int twz_name_resolve_in(struct twz_id resolver, const char *path, struct twz_id *id)
{
	struct resolver opened;
	int error = resolver_open(resolver, NULL, &opened);

	return error ? error : resolver_look_up(&opened, path, path_length(path), NULL, id);
}

/* ---- making and changing ------------------------------------------------------------------------- */

struct list_object {
	struct twz_methods table;
	struct twz_search search;
};

static int make(const struct twz_obj *obj, const struct twz_search *search)
{
	struct list_object *data = twz_obj_data(obj);
	struct twz_tx tx;
	void *staged;

	twz_tx_begin(&tx);
	staged = twz_tx_write(&tx, data, sizeof(*data));
	if (staged) {
		data = staged;
		data->table = twz_methods_of(TWZ_TAG_RESOLVER, TWZ_TAG_SEARCH, "search list",
					     sizeof(data->search));
		data->search = *search;
		twz_ext_add(&tx, obj, TWZ_TAG_RESOLVER, twz_obj_data(obj));
	}
	return twz_tx_commit(&tx);
}

static int change(struct twz_search *search, const struct twz_search *to)
{
	struct twz_search *staged;
	struct twz_tx tx;

	twz_tx_begin(&tx);
	staged = twz_tx_write(&tx, search, sizeof(*search));
	if (staged) {
		uint64_t generation = staged->generation + 1;

		*staged = *to;
		staged->generation = generation;
	}
	return twz_tx_commit(&tx);
}

int twz_search_set(const struct twz_obj *obj, const struct twz_id *list, uint32_t count)
{
	struct twz_search *search, to = {.count = count};
	int error;

	if (count > TWZ_SEARCH_MAX)
		return TWZ_E_LIMIT;
	for (uint32_t i = 0; i < count; i++)
		to.list[i] = list[i];
	error = find(obj, &search);
	return error == TWZ_E_TYPE ? make(obj, &to) : error ? error : change(search, &to);
}

int twz_search_get(const struct twz_obj *obj, struct twz_id list[static TWZ_SEARCH_MAX],
		   uint32_t *count)
{
	struct twz_search *search, copy;
	int error = find(obj, &search);

	if (!error)
		error = read_search(search, NULL, &copy);
	if (error)
		return error;
	memcpy(list, copy.list, sizeof(copy.list));
	*count = copy.count;
	return 0;
}
