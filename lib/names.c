/*
 * names.c - changes of names by the service (names.h).
 *
 * The service sees no more than namespaces that it may write. What concerns others is seen to here, with the
 * caller's rights: that what loses its name is empty, that nothing becomes part of itself, what is above
 * a namespace, and that an object is deleted when its name is gone.
 */
#include "core/mem.h"
#include "lib/lock.h"
#include "lib/names.h"

/* ---- the service --------------------------------------------------------------------------------- */

static struct lock lock;
static struct twz_service service; /* stored to once, with `lock` */

/* TWZ_E_RIGHT: there is none, as far as the caller knows. */
static int open(struct twz_service **to)
{
	struct twz_service found;
	int error = 0;

	*to = &service;
	if (__atomic_load_n(&service.version, __ATOMIC_ACQUIRE))
		return 0;
	error = twz_service_open(TWZ_NAMES, NAMES_VERSION, &found);
	if (error)
		return error == TWZ_E_VERSION ? error : TWZ_E_RIGHT;
	lock_take(&lock);
	if (!service.version) {
		service.context = found.context;
		service.wanted = found.wanted;
		service.timeout_ns = found.timeout_ns;
		__atomic_store_n(&service.version, found.version, __ATOMIC_RELEASE);
	}
	lock_give(&lock);
	return 0;
}

/* Does it say that, or does nobody? */
static bool serves(const struct twz_service *to)
{
	struct twz_service again;

	return !twz_service_at(to->context, NAMES_VERSION, &again);
}

static int call(struct twz_name_change *change)
{
	struct twz_service *to;
	struct twz_buffer buffer;
	int error = open(&to);

	if (!error)
		error = twz_buffer_take(to, sizeof(*change), &buffer);
	if (error)
		return error;
	memcpy(buffer.data, change, sizeof(*change));
	error = (int)TWZ_CALL(to, names_change, TWZ_BUFFER_ARGS(&buffer));
	memcpy(change, buffer.data, sizeof(*change));
	twz_buffer_give(to, &buffer);
	return error == TWZ_E_NOTFOUND && !serves(to) ? TWZ_E_RIGHT : error;
}

/* ---- what it does not see ------------------------------------------------------------------------ */

static bool open_space(struct twz_id id, struct ns *ns)
{
	struct twz_rt_stat stat;

	return !twz_obj_stat(id, &stat) && stat.identity.type == TWZ_TYPE_NAMESPACE &&
	       !ns_open(id, ns);
}

/* Zero: nothing. */
static int look_up(const struct twz_name_at *at, struct ns *space, struct twz_id *id)
{
	int error = ns_open(at->space, space);

	*id = (struct twz_id){0};
	if (!error)
		error = ns_lookup(space, (struct ns_name){at->name, at->length}, id);
	return error == TWZ_E_NOTFOUND ? 0 : error;
}

/* May it lose its name? */
static int may_lose(struct twz_id id, uint32_t flags)
{
	struct ns below;

	if (twz_id_none(id))
		return 0;
	if (open_space(id, &below) && ns_count(NULL, &below))
		return TWZ_E_NOTEMPTY;
	return flags & TWZ_NAME_DELETE && twz_rt_may(id, TWZ_DELETE) == TWZ_E_RIGHT ? TWZ_E_RIGHT
										    : 0;
}

/* Would it be part of itself? */
static int may_move(struct twz_id id, const struct ns *to)
{
	struct ns below;

	return !twz_id_none(id) && open_space(id, &below) ? names_circle(NULL, &below, to) : 0;
}

/* Is known before, and looked at. moved: what there is at each name. */
static int prepare(struct twz_name_change *c, struct twz_id moved[2])
{
	struct twz_rt_stat stat;
	struct ns space[2];
	int error = 0;

	for (int i = 0; !error && i < (c->kind >= TWZ_NAME_RENAME ? 2 : 1); i++)
		error = look_up(&c->at[i], &space[i], &moved[i]);
	if (error)
		return error;
	switch (c->kind) {
	case TWZ_NAME_BIND:
		error = twz_obj_stat(c->id, &stat);
		c->type = stat.identity.type;
		return error ? error : may_lose(moved[0], c->flags);
	case TWZ_NAME_UNBIND:
		return may_lose(moved[0], c->flags);
	case TWZ_NAME_RENAME:
		error = may_move(moved[0], &space[1]);
		if (error || twz_id_equal(moved[0], moved[1]))
			return error;
		return may_lose(moved[1], c->flags);
	default:
		error = may_move(moved[0], &space[1]);
		return error ? error : may_move(moved[1], &space[0]);
	}
}

/* What is above it now. Of a namespace of somebody else that is his affair. */
static void set_parent(struct twz_id id, struct twz_id parent)
{
	struct twz_tx tx;
	struct ns ns;

	if (twz_id_none(id) || !open_space(id, &ns) || twz_rt_may(id, TWZ_WRITE) ||
	    twz_id_equal(ns_parent(NULL, &ns), parent))
		return;
	twz_tx_begin(&tx);
	ns_set_parent(&tx, &ns, parent);
	twz_tx_commit(&tx);
}

static void complete(const struct twz_name_change *c, uint32_t flags, const struct twz_id moved[2])
{
	if (c->kind == TWZ_NAME_BIND)
		set_parent(c->id, c->at[0].space);
	if (c->kind >= TWZ_NAME_RENAME)
		set_parent(moved[0], c->at[1].space);
	if (c->kind == TWZ_NAME_EXCHANGE)
		set_parent(moved[1], c->at[0].space);
	if (twz_id_none(c->lost))
		return;
	if (flags & TWZ_NAME_DELETE)
		twz_obj_delete(c->lost); /* gone already: that is what was wanted */
	else
		set_parent(c->lost, (struct twz_id){0});
}

int names_ask(struct twz_name_change *change)
{
	const uint32_t flags = change->flags;
	struct twz_id moved[2] = {{0}};
	int error = prepare(change, moved);

	change->flags &= ~(uint32_t)TWZ_NAME_DELETE;
	if (!error)
		error = call(change);
	if (!error)
		complete(change, flags, moved);
	return error;
}
