/* path.c - paths (path.h), and the root they start from. */
#include "lib/lock.h"
#include "lib/path.h"

#include <twz/name.h>

static int make_root(struct twz_id *id)
{
	int error = ns_new((struct twz_id){0}, id);
	struct twz_obj obj;

	if (error)
		return error;
	/* In this order: a crash between leaves a root that ended, which the next one replaces. */
	error = twz_rt_set_root(*id);
	if (!error)
		return twz_rt_keep(*id);
	if (!twz_obj_open(*id, &obj)) { /* it is mapped: nothing is to stay behind */
		twz_obj_delete(*id);
		twz_obj_recycle(&obj);
	}
	return error;
}

/* Who may not make one has no right to the one that there is. */
static int no_root(int error)
{
	return error == TWZ_E_NOTFOUND ? TWZ_E_RIGHT : error;
}

int twz_name_root(struct twz_id *id)
{
	static struct lock lock;
	static bool checked;
	const struct twz_rt_info *info = twz_rt_info();
	struct twz_rt_stat stat;
	int error = 0;

	if (!__atomic_load_n(&checked, __ATOMIC_ACQUIRE)) {
		lock_take(&lock);
		error = twz_id_none(info->root) ? TWZ_E_NOTFOUND : twz_rt_stat(info->root, &stat);
		if (error == TWZ_E_NOTFOUND)
			error = no_root(make_root(id));
		if (!error)
			__atomic_store_n(&checked, true, __ATOMIC_RELEASE);
		lock_give(&lock);
	}
	*id = info->root;
	return error;
}

uint64_t path_length(const char *path)
{
	uint64_t bytes = 0;

	while (bytes <= TWZ_PATH_MAX && path[bytes])
		bytes++;
	return bytes;
}

static int name_check(struct ns_name name)
{
	if (!name.length || name.length > TWZ_NAME_MAX)
		return TWZ_E_NAME;
	for (uint32_t i = 0; i < name.length; i++)
		if ((unsigned char)name.text[i] < 0x20 || name.text[i] == 0x7f)
			return TWZ_E_NAME;
	return 0;
}

static bool is(struct ns_name name, const char *text, uint32_t length)
{
	return name.length == length && name.text[0] == '.' &&
	       name.text[length - 1] == text[length - 1];
}

void trail_note(struct trail *trail, const uint64_t *generation)
{
	unsigned n;

	if (!trail)
		return;
	n = trail->count;
	if (n < TRAIL_MAX) {
		trail->step[n].generation = generation;
		trail->step[n].seen = generation_now(generation);
	}
	if (n <= TRAIL_MAX)
		trail->count++;
}

static int enter(struct twz_id id, struct trail *trail, struct ns *ns)
{
	int error = ns_open(id, ns);

	if (!error)
		trail_note(trail, &ns->head->generation);
	return error;
}

/* To what the name leads to. */
static int step(struct ns_name name, struct trail *trail, struct ns *ns)
{
	struct twz_id id;
	int error;

	if (is(name, ".", 1))
		return 0;
	if (is(name, "..", 2)) {
		error = ns_above(ns, &id);
		if (error || twz_id_none(id))
			return error;
	} else {
		error = ns_lookup(ns, name, &id);
	}
	return error ? error : enter(id, trail, ns);
}

/* From the namespace on. */
static int walk(const char *path, uint64_t bytes, struct trail *trail, struct ns *ns,
		struct ns_name *last)
{
	const char *end = path + bytes;
	int error = 0;

	*last = (struct ns_name){path, 0};
	if (path < end && *path == '/')
		path++;
	while (!error && path < end) {
		struct ns_name name = {path, 0};

		while (path < end && *path != '/')
			path++;
		name.length = (uint32_t)(path - name.text);
		error = name_check(name);
		if (error)
			break;
		if (path == end && !is(name, ".", 1) && !is(name, "..", 2)) {
			*last = name;
			break;
		}
		error = step(name, trail, ns);
		if (path < end && ++path == end) /* ends with '/' */
			return TWZ_E_NAME;
	}
	return error;
}

int path_walk(const char *path, uint64_t bytes, struct trail *trail, struct ns *ns,
	      struct ns_name *last)
{
	struct twz_id root;
	int error = bytes > TWZ_PATH_MAX ? TWZ_E_NAME : twz_name_root(&root);

	if (!error)
		error = enter(root, trail, ns);
	return error ? error : walk(path, bytes, trail, ns, last);
}

int path_resolve_from(const struct ns *start, const char *path, uint64_t bytes, struct trail *trail,
		      struct twz_id *id)
{
	struct ns_name last;
	struct ns ns = *start;
	int error;

	if (bytes > TWZ_PATH_MAX)
		return TWZ_E_NAME;
	trail_note(trail, &ns.head->generation);
	error = walk(path, bytes, trail, &ns, &last);
	if (error)
		return error;
	*id = ns.obj.id;
	return last.length ? ns_lookup(&ns, last, id) : 0;
}

int path_resolve(const char *path, uint64_t bytes, struct trail *trail, struct twz_id *id)
{
	struct twz_id root;
	struct ns ns;
	int error = twz_name_root(&root);

	if (!error)
		error = ns_open(root, &ns);
	return error ? error : path_resolve_from(&ns, path, bytes, trail, id);
}
