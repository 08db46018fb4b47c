/*
 * name.c - names: look-ups, changes, listing (twz/name.h, twz/names.h).
 *
 * A path is walked to a namespace and a name in it; from then on a change is data. It finds out which
 * namespaces it concerns, locks them in the order of their IDs, so that two changes never wait for
 * each other, and looks again: what it found may have changed before it had the locks. Then it starts
 * over.
 */
#include "core/mem.h"
#include "lib/names.h"
#include "lib/path.h"

#include <twz/io.h>

#define SPACES_MAX 4 /* that one change concerns: two parents, and what is bound there */
#define DEPTH_MAX 4096
#define AGAIN 1 /* no error: the change starts over */

/* A name in its namespace. */
struct spot {
	struct ns space;
	struct ns_name name;
	struct ns_place place;
	bool exists;
	struct twz_id id; /* what it leads to */
	bool is_space;    /* a namespace, opened as `below` */
	struct ns below;
};

struct change {
	struct twz_tx tx;
	twz_name_may may; /* null: for ourselves */
	unsigned nspaces;
	uint8_t *base[SPACES_MAX]; /* to be locked */
	struct twz_id id[SPACES_MAX];
	const uint64_t *generation[SPACES_MAX];
	struct twz_id doomed; /* to be deleted after the commit */
	struct twz_id lost;   /* has no name by this any more */
};

int twz_name_resolve(const char *path, struct twz_id *id)
{
	return path_resolve(path, path_length(path), id);
}

int twz_name_open(const char *path, struct twz_obj *obj)
{
	struct twz_id id;
	int error = twz_name_resolve(path, &id);

	return error ? error : twz_obj_open(id, obj);
}

/* ---- changes ------------------------------------------------------------------------------------ */

static bool less(struct twz_id a, struct twz_id b)
{
	return a.hi != b.hi ? a.hi < b.hi : a.lo < b.lo;
}

/* The change concerns this namespace. */
static void concern(struct change *change, const struct ns *ns)
{
	unsigned i = 0;

	while (i < change->nspaces && less(change->id[i], ns->obj.id))
		i++;
	if (i < change->nspaces && twz_id_equal(change->id[i], ns->obj.id))
		return;
	for (unsigned j = change->nspaces++; j > i; j--) {
		change->id[j] = change->id[j - 1];
		change->base[j] = change->base[j - 1];
		change->generation[j] = change->generation[j - 1];
	}
	change->id[i] = ns->obj.id;
	change->base[i] = ns->obj.base;
	change->generation[i] = &ns->head->generation;
}

static struct twz_id id_at(const struct twz_tx *tx, const struct ns_place *place)
{
	return *(const struct twz_id *)twz_tx_read(tx, &place->entry->id, sizeof(struct twz_id));
}

/*
 * What is none is not mapped: who deletes it by its name has it no longer than that. Who changes names for
 * others leaves alone what he may not write.
 */
static bool open_space(const struct change *change, struct twz_id id, struct ns *ns)
{
	struct twz_rt_stat stat;

	return !twz_obj_stat(id, &stat) && stat.identity.type == TWZ_TYPE_NAMESPACE &&
	       (!change->may || !twz_rt_may(id, TWZ_WRITE)) && !ns_open(id, ns);
}

/* What is there now, without a lock; the change concerns it. */
static int spot_find(struct change *change, const struct twz_name_at *at, struct spot *spot)
{
	int error;

	spot->name = (struct ns_name){at->name, at->length};
	if (!name_sound(spot->name))
		return TWZ_E_NAME;
	error = ns_open(at->space, &spot->space);
	if (error)
		return error;
	error = ns_lookup(&spot->space, spot->name, &spot->id);
	if (error && error != TWZ_E_NOTFOUND)
		return error;
	spot->exists = !error;
	spot->is_space = spot->exists && open_space(change, spot->id, &spot->below);
	concern(change, &spot->space);
	if (spot->is_space)
		concern(change, &spot->below);
	return 0;
}

/* Is it still there, now that the locks are held? Fills in the place. */
static int spot_again(struct change *change, struct spot *spot)
{
	int error = ns_find(&change->tx, &spot->space, spot->name, &spot->place);

	if (error && error != TWZ_E_NOTFOUND)
		return error;
	if (spot->exists != !error)
		return AGAIN;
	return error || twz_id_equal(spot->id, id_at(&change->tx, &spot->place)) ? 0 : AGAIN;
}

/*
 * An earlier change of this namespace may have died before it deleted what lost its name. Who changes names for
 * others has no right to it, perhaps, and leaves it to the next.
 */
static void finish_doomed(struct change *change, const struct ns *space)
{
	struct twz_id doomed = ns_doomed(&change->tx, space);

	if (twz_id_none(doomed) || change->may)
		return;
	twz_obj_delete(doomed); /* gone already: that is what was wanted */
	ns_set_doomed(&change->tx, space, (struct twz_id){0});
}

/* Locks what the change concerns, and looks again. */
static int begin(struct change *change, struct spot *spot, struct spot *other)
{
	int error;

	twz_tx_begin(&change->tx);
	for (unsigned i = 0; i < change->nspaces; i++)
		twz_tx_add(&change->tx, change->base[i]);
	error = change->tx.error;
	if (!error)
		error = spot_again(change, spot);
	if (!error && other)
		error = spot_again(change, other);
	if (!error)
		finish_doomed(change, &spot->space);
	if (!error && other)
		finish_doomed(change, &other->space);
	return error;
}

static uint32_t type_at(const struct spot *spot)
{
	return spot->place.entry->type;
}

/* A namespace is named by who may USE it, where that is all it takes to change it, and else by who may WRITE it. */
static int may_name(const struct change *change, struct twz_id id, bool is_space, uint32_t type)
{
	if (!change->may || (!is_space && type != TWZ_TYPE_NAMESPACE))
		return 0;
	return change->may(id, is_space ? TWZ_USE : TWZ_WRITE);
}

/* The object at the spot loses its name. */
static int unname(struct change *change, struct spot *spot, uint32_t flags)
{
	struct twz_rt_stat stat;
	int error = may_name(change, spot->id, spot->is_space, type_at(spot));

	if (error)
		return error;
	change->lost = spot->id;
	if (spot->is_space) {
		if (ns_count(&change->tx, &spot->below))
			return TWZ_E_NOTEMPTY;
		error = ns_set_parent(&change->tx, &spot->below, (struct twz_id){0});
	}
	if (error || !(flags & TWZ_NAME_DELETE))
		return error;
	change->doomed = spot->id;
	/* The ID of a sealed object can come to life again, so it must not be noted. */
	if (twz_obj_stat(spot->id, &stat) || stat.identity.flags & TWZ_ID_SEALED)
		return 0;
	return ns_set_doomed(&change->tx, &spot->space, spot->id);
}

/* Ends the change; `error` may be AGAIN. *lost: zero, or what has lost its name. */
static int finish(struct change *change, int error, struct twz_id *lost)
{
	if (error) {
		twz_tx_abort(&change->tx);
		return error;
	}
	error = twz_tx_commit(&change->tx);
	for (unsigned i = 0; i < change->nspaces && !error; i++)
		twz_rt_wake((const uint32_t *)change->generation[i], ~0u);
	if (error)
		return error;
	*lost = change->lost;
	if (!twz_id_none(change->doomed))
		twz_obj_delete(change->doomed); /* gone already: that is what was wanted */
	return 0;
}

/* The spot leads to the object from now on. */
static int put(struct change *change, struct spot *spot, struct twz_id id, uint32_t type)
{
	return spot->exists ? ns_point(&change->tx, &spot->space, &spot->place, id, type)
			    : ns_add(&change->tx, &spot->space, spot->name, id, type);
}

/* What is to be bound. A namespace is opened as *below; what may not be looked into is what the caller calls it. */
static int bind_what(struct change *change, struct twz_name_change *c, bool *space,
		     struct ns *below)
{
	struct twz_rt_stat stat;
	int error;

	if (change->may) {
		*space = open_space(change, c->id, below);
		c->type = *space ? TWZ_TYPE_NAMESPACE : c->type;
		return may_name(change, c->id, *space, c->type);
	}
	error = twz_obj_stat(c->id, &stat);
	if (error)
		return error;
	c->type = stat.identity.type;
	*space = c->type == TWZ_TYPE_NAMESPACE;
	return *space ? ns_open(c->id, below) : 0;
}

static int bind(struct twz_name_change *c, twz_name_may may)
{
	struct change change = {.may = may};
	struct twz_id parent;
	struct ns below;
	struct spot spot;
	bool space;
	int error = spot_find(&change, &c->at[0], &spot);

	if (error)
		return error;
	if (spot.exists && !(c->flags & TWZ_NAME_REPLACE))
		return TWZ_E_EXISTS;
	error = bind_what(&change, c, &space, &below);
	if (error)
		return error;
	if (spot.exists && twz_id_equal(spot.id, c->id))
		return 0;
	if (space)
		concern(&change, &below);
	error = begin(&change, &spot, NULL);
	if (!error && space) {
		parent = ns_parent(&change.tx, &below);
		if (!twz_id_none(parent) && !twz_id_equal(parent, spot.space.obj.id))
			error = TWZ_E_ARG; /* a namespace has one name */
		else
			error = ns_set_parent(&change.tx, &below, spot.space.obj.id);
	}
	if (!error && spot.exists)
		error = unname(&change, &spot, c->flags);
	if (!error)
		error = put(&change, &spot, c->id, c->type);
	return finish(&change, error, &c->lost);
}

static int unbind(struct twz_name_change *c, twz_name_may may)
{
	struct change change = {.may = may};
	struct spot spot;
	int error = spot_find(&change, &c->at[0], &spot);

	if (error)
		return error;
	if (!spot.exists)
		return TWZ_E_NOTFOUND;
	error = begin(&change, &spot, NULL);
	if (!error)
		error = unname(&change, &spot, c->flags);
	if (!error)
		error = ns_remove(&change.tx, &spot.space, &spot.place);
	return finish(&change, error, &c->lost);
}

int names_circle(const struct twz_tx *tx, const struct ns *below, const struct ns *space)
{
	struct twz_id id = space->obj.id;
	struct ns ns = *space;

	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		if (twz_id_equal(id, below->obj.id))
			return TWZ_E_ARG;
		id = ns_parent(tx, &ns);
		if (twz_id_none(id))
			return 0;
		if (ns_open(id, &ns))
			return TWZ_E_DAMAGED;
	}
	return TWZ_E_DAMAGED;
}

/* What is at `from` moves to `to`'s namespace. */
static int move_parent(struct change *change, struct spot *from, const struct spot *to)
{
	int error = may_name(change, from->id, from->is_space, type_at(from));

	if (error || !from->is_space || twz_id_equal(from->space.obj.id, to->space.obj.id))
		return error;
	error = names_circle(&change->tx, &from->below, &to->space);
	return error ? error : ns_set_parent(&change->tx, &from->below, to->space.obj.id);
}

static int rename_in(struct change *change, struct spot *from, struct spot *to, uint32_t flags)
{
	int error = move_parent(change, from, to);

	if (!error && to->exists)
		error = unname(change, to, flags);
	if (twz_id_equal(change->lost, from->id))
		change->lost = (struct twz_id){0}; /* it had both names */
	if (!error)
		error = put(change, to, from->id, type_at(from));
	/* Adding may have moved the entry to another bucket. */
	if (!error)
		error = ns_find(&change->tx, &from->space, from->name, &from->place);
	return error ? error : ns_remove(&change->tx, &from->space, &from->place);
}

static int exchange_in(struct change *change, struct spot *a, struct spot *b)
{
	uint32_t type = type_at(a);
	int error = move_parent(change, a, b);

	if (!error)
		error = move_parent(change, b, a);
	if (!error)
		error = put(change, a, b->id, type_at(b));
	return error ? error : put(change, b, a->id, type);
}

static int rename(struct twz_name_change *c, twz_name_may may)
{
	const bool exchange = c->kind == TWZ_NAME_EXCHANGE;
	struct change change = {.may = may};
	uint32_t flags = c->flags;
	struct spot from, to;
	int error = spot_find(&change, &c->at[0], &from);

	if (!error)
		error = spot_find(&change, &c->at[1], &to);
	if (error)
		return error;
	if (!from.exists || (exchange && !to.exists))
		return TWZ_E_NOTFOUND;
	if (twz_id_equal(from.space.obj.id, to.space.obj.id) &&
	    from.name.length == to.name.length &&
	    !memcmp(from.name.text, to.name.text, to.name.length))
		return 0;
	if (!exchange && to.exists && !(flags & TWZ_NAME_REPLACE))
		return TWZ_E_EXISTS;
	if (!exchange && to.exists && twz_id_equal(from.id, to.id))
		flags &= ~(uint32_t)TWZ_NAME_DELETE; /* two names of one object: one stays */
	error = begin(&change, &from, &to);
	if (!error)
		error = exchange ? exchange_in(&change, &from, &to)
				 : rename_in(&change, &from, &to, flags);
	return finish(&change, error, &c->lost);
}

int twz_name_make(struct twz_name_change *change, twz_name_may may)
{
	int error;

	change->lost = (struct twz_id){0};
	do
		switch (change->kind) {
		case TWZ_NAME_BIND:
			error = bind(change, may);
			break;
		case TWZ_NAME_UNBIND:
			error = unbind(change, may);
			break;
		case TWZ_NAME_RENAME:
		case TWZ_NAME_EXCHANGE:
			error = rename(change, may);
			break;
		default:
			error = TWZ_E_ARG;
		}
	while (error == AGAIN);
	return error;
}

/* ---- by paths ------------------------------------------------------------------------------------ */

static int find_at(const char *path, struct twz_name_at *at)
{
	struct ns_name last;
	struct ns space;
	int error = path_walk(path, path_length(path), NULL, &space, &last);

	if (error)
		return error;
	if (!last.length)
		return TWZ_E_NAME;
	at->space = space.obj.id;
	at->length = last.length;
	memcpy(at->name, last.text, last.length);
	return 0;
}

/* By the service if we may not, and it is there. */
static int make(struct twz_name_change *change)
{
	int error = twz_name_make(change, NULL);

	return error == TWZ_E_RIGHT ? names_ask(change) : error;
}

int twz_name_bind(const char *path, struct twz_id id, uint32_t flags)
{
	struct twz_name_change change = {.kind = TWZ_NAME_BIND, .flags = flags, .id = id};
	int error = find_at(path, &change.at[0]);

	return error ? error : make(&change);
}

int twz_name_unbind(const char *path, uint32_t flags)
{
	struct twz_name_change change = {.kind = TWZ_NAME_UNBIND, .flags = flags};
	int error = find_at(path, &change.at[0]);

	return error ? error : make(&change);
}

static int two(uint32_t kind, const char *from, const char *to, uint32_t flags)
{
	struct twz_name_change change = {.kind = kind, .flags = flags};
	int error = find_at(from, &change.at[0]);

	if (!error)
		error = find_at(to, &change.at[1]);
	return error ? error : make(&change);
}

int twz_name_rename(const char *from, const char *to, uint32_t flags)
{
	return two(TWZ_NAME_RENAME, from, to, flags);
}

int twz_name_exchange(const char *a, const char *b)
{
	return two(TWZ_NAME_EXCHANGE, a, b, 0);
}

/* Binds first and keeps then: after a crash in between the name leads nowhere, but nothing leaks. */
static int bind_and_keep(const char *path, struct twz_id id, uint32_t flags)
{
	int error = twz_name_bind(path, id, flags);

	return error ? error : twz_obj_keep(id);
}

/*
 * What is left of a publication that failed with `error` goes. Who publishes under the same path at
 * the same time may have taken the name for their own object, or given it the path, which is as good.
 */
static int unpublish(const char *new, const char *path, struct twz_id id, int error)
{
	struct twz_id found;

	if (!twz_name_resolve(new, &found) && twz_id_equal(found, id))
		twz_name_unbind(new, 0);
	if (error != TWZ_E_NOTFOUND)
		return error;
	return !twz_name_resolve(path, &found) && twz_id_equal(found, id) ? 0 : TWZ_E_BUSY;
}

int twz_name_publish(const char *path, struct twz_id id, uint32_t flags)
{
	char new[TWZ_PATH_MAX + 1];
	int error = bind_and_keep(path, id, 0);

	if (error != TWZ_E_EXISTS || !(flags & TWZ_NAME_REPLACE))
		return error;
	/* What has the name loses it only when the new object lasts: that has another name first. */
	if (twz_format(new, sizeof(new), "%s" TWZ_NAME_NEW, path) >= sizeof(new))
		return TWZ_E_NAME;
	error = bind_and_keep(new, id, TWZ_NAME_REPLACE | TWZ_NAME_DELETE);
	if (!error)
		error = twz_name_rename(new, path, flags);
	return error ? unpublish(new, path, id, error) : 0;
}

int twz_name_open_or_make(const char *path, const struct twz_new *wanted, struct twz_obj *obj)
{
	struct twz_new new = *wanted;
	int error = twz_name_open(path, obj);

	if (error != TWZ_E_NOTFOUND)
		return error;
	new.ending = true; /* until it has the name */
	error = twz_obj_new(&new, obj);
	if (error)
		return error;
	error = twz_name_publish(path, obj->id, 0);
	if (!error)
		return 0;
	twz_obj_delete(obj->id);
	twz_obj_recycle(obj);
	return error == TWZ_E_EXISTS ? twz_name_open(path, obj) : error;
}

int twz_ns_make(const char *path, struct twz_id *id)
{
	return twz_ns_make_for_all(path, 0, id);
}

int twz_ns_make_for_all(const char *path, uint32_t perms, struct twz_id *id)
{
	struct twz_name_at at;
	struct twz_id there;
	struct ns space;
	int error = find_at(path, &at);

	if (!error)
		error = ns_open(at.space, &space);
	if (error)
		return error;
	error = ns_lookup(&space, (struct ns_name){at.name, at.length}, &there);
	if (error != TWZ_E_NOTFOUND)
		return error ? error : TWZ_E_EXISTS;
	error = ns_new(at.space, perms, id);
	if (error)
		return error;
	error = twz_name_publish(path, *id, 0);
	if (error)
		twz_obj_delete(*id);
	return error;
}

/* ---- listing ------------------------------------------------------------------------------------ */

#define BATCH 64 /* names collected in one walk */

/* The BATCH smallest names above `last`, sorted. */
struct batch {
	const struct twz_name_entry *last; /* null: from the start */
	unsigned count;
	struct twz_name_entry entry[BATCH];
};

static int compare(const char *a, uint32_t a_length, const char *b, uint32_t b_length)
{
	int order = memcmp(a, b, a_length < b_length ? a_length : b_length);

	return order ? order : a_length < b_length ? -1 : a_length > b_length;
}

static int collect(const struct twz_ns_entry *entry, void *arg)
{
	struct batch *batch = arg;
	uint32_t length = entry->length;
	unsigned i = batch->count;

	if (length > TWZ_NAME_MAX || (batch->last && compare(entry->name, length, batch->last->name,
							     batch->last->length) <= 0))
		return 0;
	while (i && compare(entry->name, length, batch->entry[i - 1].name,
			    batch->entry[i - 1].length) < 0)
		i--;
	if (i == BATCH)
		return 0;
	if (batch->count < BATCH)
		batch->count++;
	for (unsigned j = batch->count - 1; j > i; j--)
		batch->entry[j] = batch->entry[j - 1];
	batch->entry[i] =
		(struct twz_name_entry){.id = entry->id, .type = entry->type, .length = length};
	memcpy(batch->entry[i].name, entry->name, length);
	return 0;
}

static int collect_all(const struct twz_tx *tx, const struct ns *ns, void *arg)
{
	((struct batch *)arg)->count = 0;
	return ns_walk(tx, ns, collect, arg);
}

int twz_name_list(const char *path, int (*each)(const struct twz_name_entry *entry, void *arg),
		  void *arg)
{
	struct twz_id id;
	int error = twz_name_resolve(path, &id);

	return error ? error : twz_name_list_in(id, each, arg);
}

int twz_name_list_in(struct twz_id space,
		     int (*each)(const struct twz_name_entry *entry, void *arg), void *arg)
{
	struct twz_name_entry last;
	struct batch batch = {0};
	struct ns ns;
	int result = ns_open(space, &ns);

	while (!result) {
		result = ns_read(&ns, collect_all, &batch);
		for (unsigned i = 0; !result && i < batch.count; i++)
			result = each(&batch.entry[i], arg);
		if (batch.count < BATCH)
			break;
		last = batch.entry[BATCH - 1];
		batch.last = &last;
	}
	return result;
}
