/*
 * right.c - contexts (twz/right.h).
 *
 * All that a context holds lies behind its header in one region, [table, heap): the table first, then
 * what it refers to, each new thing at the end. So space is never given back one by one; when half of
 * the region is dead, or the table has to grow, a new region is written beside it as fresh memory,
 * before the first one if it fits there, and the header changes over to it. An edit is one transaction:
 * the header, a few entries, and fresh memory that only they lead to.
 *
 * A decision takes RIGHT_PROBES entries of the table at most, and what it does not find by then it
 * takes for hidden (core/right.h). So between two empty entries of our table there are always fewer.
 */
#include "core/gate.h"
#include "core/mem.h"
#include "core/ptr.h"
#include "core/right.h"

#include <twz/io.h>
#include <twz/right.h>
#include <twz/tx.h>

#define REGION_FIRST (TWZ_OBJ_DATA + 256)
#define CAP_BYTES sizeof(struct twz_cap)
#define GATE_BYTES sizeof(struct twz_gate)
#define ENTRY_BYTES sizeof(struct twz_context_entry)
#define TABLE_MIN 8u
#define TABLE_ROOM 64u /* a table this many times larger than need be helps no more */
#define WASTE_MIN TWZ_PAGE
#define GATES_MAX (TWZ_SLOT_SIZE / GATE_BYTES)

_Static_assert(REGION_FIRST >= TWZ_OBJ_DATA + sizeof(struct twz_context), "the header");
_Static_assert(TABLE_MIN *ENTRY_BYTES % CAP_BYTES == 0, "capabilities behind a table are aligned");

struct edit {
	struct twz_tx tx;
	const struct twz_obj *obj;
	uint64_t limit;          /* the region cannot pass this offset */
	struct twz_context head; /* as it will be */
};

static struct twz_context *header_of(const struct twz_obj *obj)
{
	return twz_obj_data(obj);
}

/* ---- the region ---------------------------------------------------------------------------------- */

static bool sound(const struct twz_context *head)
{
	uint64_t n = head->nentries;

	return head->magic == TWZ_CONTEXT_MAGIC && head->version == 1 && n >= TABLE_MIN &&
	       !(n & (n - 1)) && n <= TWZ_SLOT_SIZE / ENTRY_BYTES && head->nused < n &&
	       head->table >= REGION_FIRST && head->table % CAP_BYTES == 0 &&
	       head->heap <= TWZ_SLOT_SIZE && head->table <= head->heap &&
	       n * ENTRY_BYTES <= head->heap - head->table &&
	       head->live <= head->heap - head->table && head->ngates <= GATES_MAX;
}

/* `bytes` of the region at that offset, aligned to `align`; null if they do not lie there. */
static void *at(const struct edit *e, uint64_t off, uint64_t bytes, uint64_t align)
{
	if (off < e->head.table || off % align || off > e->head.heap || bytes > e->head.heap - off)
		return NULL;
	return e->obj->base + off;
}

/* Fresh memory at the region's end. */
static int place(struct edit *e, uint64_t bytes, uint64_t align, uint64_t *off)
{
	uint64_t from = (e->head.heap + align - 1) / align * align;
	int error;

	if (from > e->limit || bytes > e->limit - from)
		return TWZ_E_HEAPFULL;
	error = twz_rt_touch(e->obj->base + from, bytes);
	if (error)
		return error;
	*off = from;
	e->head.heap = from + bytes;
	e->head.live += bytes;
	return 0;
}

/* ---- the table ----------------------------------------------------------------------------------- */

static struct twz_context_entry *slot(const struct edit *e, uint64_t i)
{
	return (struct twz_context_entry *)(e->obj->base + e->head.table) +
	       (i & (e->head.nentries - 1));
}

static const struct twz_context_entry *entry(const struct edit *e, uint64_t i)
{
	return twz_tx_read(&e->tx, slot(e, i), ENTRY_BYTES);
}

static int put(struct edit *e, uint64_t i, const struct twz_context_entry *what)
{
	struct twz_context_entry *staged = twz_tx_write(&e->tx, slot(e, i), ENTRY_BYTES);

	if (staged)
		*staged = *what;
	return e->tx.error;
}

/* Where the search for a target starts, as core/right.c has it. */
static uint64_t home_of(const struct edit *e, struct twz_id target)
{
	return (target.lo ^ target.hi) & (e->head.nentries - 1);
}

/* Null: there is none; *i is then the empty entry where it would be. */
static const struct twz_context_entry *find(const struct edit *e, struct twz_id target,
					    uint32_t kind, uint64_t *i)
{
	*i = home_of(e, target);
	for (uint64_t n = 0; n < e->head.nentries; n++, ++*i) {
		const struct twz_context_entry *found = entry(e, *i);

		if (!found->kind)
			break;
		if (found->kind == kind && twz_id_equal(found->target, target))
			return found;
	}
	return NULL;
}

/* Do decisions find all that lies around entry i? */
static bool in_reach(const struct edit *e, uint64_t i)
{
	uint64_t length = 1;

	if (e->head.nentries <= RIGHT_PROBES)
		return true; /* they see the whole table */
	for (uint64_t j = i + 1; length < RIGHT_PROBES && entry(e, j)->kind; j++)
		length++;
	for (uint64_t j = i - 1; length < RIGHT_PROBES && entry(e, j)->kind; j--)
		length++;
	return length < RIGHT_PROBES;
}

/* Those behind it that would not be found over the gap move up. */
static int take_out(struct edit *e, uint64_t gap)
{
	const struct twz_context_entry none = {0};
	uint64_t mask = e->head.nentries - 1, last = gap + mask;

	for (uint64_t i = gap + 1; i <= last && entry(e, i)->kind; i++) {
		struct twz_context_entry moved = *entry(e, i);

		if (((i - home_of(e, moved.target)) & mask) < ((i - gap) & mask))
			continue;
		if (put(e, gap, &moved))
			break;
		gap = i;
	}
	e->head.nused--;
	return put(e, gap, &none);
}

/* ---- a new region -------------------------------------------------------------------------------- */

static uint64_t bytes_of(const struct twz_context_entry *what)
{
	return what->kind == TWZ_CONTEXT_CAP ? what->count * CAP_BYTES : sizeof(struct twz_mask);
}

static uint64_t align_of(const struct twz_context_entry *what)
{
	return what->kind == TWZ_CONTEXT_CAP ? CAP_BYTES : sizeof(struct twz_mask);
}

/* Puts the entry into the table that is being made, which nobody reads yet. False: out of reach. */
static bool enter(struct edit *to, const struct twz_context_entry *what)
{
	uint64_t i = home_of(to, what->target);

	while (slot(to, i)->kind)
		i++;
	*slot(to, i) = *what;
	return in_reach(to, i);
}

/* The table of `to`, with the entries of `from` as they are. */
static int fill_table(const struct edit *from, struct edit *to, uint64_t n)
{
	uint64_t count = 0;
	int error;

	to->head.heap = to->head.table;
	to->head.live = 0;
	to->head.nentries = n;
	error = place(to, n * ENTRY_BYTES, CAP_BYTES, &to->head.table);
	if (error)
		return error;
	memset(slot(to, 0), 0, n * ENTRY_BYTES);
	for (uint64_t i = 0; i < from->head.nentries; i++) {
		if (!entry(from, i)->kind)
			continue;
		if (++count > from->head.nused)
			return TWZ_E_DAMAGED;
		if (!enter(to, entry(from, i)))
			return TWZ_E_LIMIT;
	}
	return 0;
}

static int move(const struct edit *from, struct edit *to, uint64_t *off, uint64_t bytes,
		uint64_t align)
{
	void *old = at(from, *off, bytes, align);
	int error = old ? place(to, bytes, align, off) : TWZ_E_DAMAGED;

	if (!error)
		memcpy(to->obj->base + *off, twz_tx_read(&from->tx, old, bytes), bytes);
	return error;
}

static int fill_region(const struct edit *from, struct edit *to)
{
	int error = 0;

	for (uint64_t i = 0; !error && i < to->head.nentries; i++) {
		struct twz_context_entry *what = slot(to, i);

		if (what->kind)
			error = move(from, to, &what->off, bytes_of(what), align_of(what));
	}
	if (!error && from->head.ngates)
		error = move(from, to, &to->head.gates, from->head.ngates * GATE_BYTES, GATE_BYTES);
	return error;
}

/* The smallest table that is at most half full with one entry more. */
static uint64_t table_for(uint64_t nused)
{
	uint64_t n = TABLE_MIN;

	while (n < 2 * (nused + 1))
		n *= 2;
	return n;
}

/*
 * All that lives moves to a new region, with a table of at least n entries. The transaction goes on
 * there: what it staged so far has been taken along.
 */
static int rebuild(struct edit *e, uint64_t n)
{
	const struct twz_context *old = &e->head;
	uint64_t n_max = TABLE_ROOM * table_for(old->nused), most;
	struct edit to = {.obj = e->obj, .head = *old};
	int error;

	twz_tx_begin(&to.tx); /* and nothing more: it is not staged there but stored */
	do {
		/* What lives, and what alignment may add. */
		most = n * ENTRY_BYTES + old->live + (old->nused + 2) * CAP_BYTES;
		if (most <= old->table - REGION_FIRST) {
			to.head.table = REGION_FIRST;
			to.limit = old->table;
		} else {
			to.head.table = (old->heap + CAP_BYTES - 1) / CAP_BYTES * CAP_BYTES;
			to.limit = TWZ_SLOT_SIZE;
		}
		error = fill_table(e, &to, n);
		n *= 2;
	} while (error == TWZ_E_LIMIT && n <= n_max);
	if (!error)
		error = fill_region(e, &to);
	if (error)
		return error;
	twz_tx_fresh(&e->tx, e->obj->base + to.head.table, to.head.heap - to.head.table);
	e->head = to.head;
	return e->tx.error;
}

/* Before something is added: room in the table, and not too much that is dead. */
static int make_room(struct edit *e)
{
	uint64_t dead = e->head.heap - e->head.table - e->head.live;

	if (2 * (e->head.nused + 1) > e->head.nentries || dead > e->head.live + WASTE_MIN)
		return rebuild(e, table_for(e->head.nused));
	return 0;
}

static int insert(struct edit *e, uint64_t i, const struct twz_context_entry *what)
{
	int error = put(e, i, what);

	e->head.nused++;
	if (!error && !in_reach(e, i))
		error = rebuild(e, 2 * e->head.nentries);
	return error;
}

/* ---- edits --------------------------------------------------------------------------------------- */

static int begin(struct edit *e, const struct twz_obj *obj)
{
	int error;

	e->obj = obj;
	e->limit = TWZ_SLOT_SIZE;
	e->head = (struct twz_context){0};
	twz_tx_begin(&e->tx);
	error = twz_tx_add(&e->tx, header_of(obj));
	if (error)
		return error;
	e->head = *header_of(obj);
	return sound(&e->head) ? 0 : TWZ_E_DAMAGED;
}

/* Commits, or, after an error, leaves all as it was. */
static int end(struct edit *e, int error)
{
	struct twz_context *head = NULL;
	struct twz_meta *meta = NULL;

	if (!error) {
		head = twz_tx_write(&e->tx, header_of(e->obj), sizeof(*head));
		meta = twz_tx_write(&e->tx, obj_meta(e->obj->base), offsetof(struct twz_meta, log));
	}
	if (head && meta) {
		*head = e->head;
		meta->magic = TWZ_META_MAGIC;
		meta->version = 1;
		meta->size = e->head.heap - TWZ_OBJ_DATA;
	}
	if (!error)
		return twz_tx_commit(&e->tx);
	twz_tx_abort(&e->tx);
	return error;
}

static bool is_chain(const struct twz_cap *chain, uint32_t count, struct twz_id accessor)
{
	if (!count || count > TWZ_CAP_DEPTH_MAX + 1 || !twz_id_equal(chain->accessor, accessor))
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (chain[i].magic != TWZ_CAP_MAGIC || chain[i].version != 1 ||
		    chain[i].depth != count - 1 - i)
			return false;
	return true;
}

/* The chains of a run: TWZ_E_EXISTS if this one is among them, TWZ_E_LIMIT if no more count. */
static int look_through(const struct twz_cap *run, uint32_t records, const struct twz_cap *chain,
			uint32_t count)
{
	uint32_t chains = 0, length;

	for (uint32_t i = 0; i < records; i += length, chains++) {
		length = run[i].depth + 1;
		if (run[i].depth > TWZ_CAP_DEPTH_MAX || length > records - i)
			return TWZ_E_DAMAGED;
		if (length == count && !memcmp(&run[i], chain, count * CAP_BYTES))
			return TWZ_E_EXISTS;
	}
	return chains < RIGHT_CANDIDATES ? 0 : TWZ_E_LIMIT;
}

static int add(struct edit *e, const struct twz_cap *chain, uint32_t count)
{
	const struct twz_context_entry *found;
	struct twz_context_entry what = {
		.target = chain->target, .kind = TWZ_CONTEXT_CAP, .count = count};
	const struct twz_cap *run = NULL;
	struct twz_cap *fresh;
	uint64_t i;
	int error = make_room(e);

	if (error)
		return error;
	found = find(e, what.target, what.kind, &i);
	if (found) {
		run = at(e, found->off, bytes_of(found), CAP_BYTES);
		error = run ? look_through(run, found->count, chain, count) : TWZ_E_DAMAGED;
		what.count += found->count;
	}
	if (!error)
		error = place(e, bytes_of(&what), CAP_BYTES, &what.off);
	if (error)
		return error;
	fresh = (struct twz_cap *)(e->obj->base + what.off);
	if (run)
		memcpy(fresh, run, (what.count - count) * CAP_BYTES);
	memcpy(fresh + (what.count - count), chain, count * CAP_BYTES);
	twz_tx_fresh(&e->tx, fresh, bytes_of(&what));
	if (!run)
		return insert(e, i, &what);
	e->head.live -= (what.count - count) * CAP_BYTES;
	return put(e, i, &what);
}

int twz_context_add(const struct twz_obj *obj, const struct twz_cap *chain, uint32_t count)
{
	struct edit e;
	int error;

	if (!is_chain(chain, count, obj->id))
		return TWZ_E_ARG;
	error = begin(&e, obj);
	if (!error)
		error = add(&e, chain, count);
	error = end(&e, error);
	return error == TWZ_E_EXISTS ? 0 : error;
}

static int discard(struct edit *e, struct twz_id target, uint32_t kind)
{
	uint64_t i;
	const struct twz_context_entry *found = find(e, target, kind, &i);

	if (!found)
		return TWZ_E_NOTFOUND;
	if (bytes_of(found) > e->head.live)
		return TWZ_E_DAMAGED;
	e->head.live -= bytes_of(found);
	return take_out(e, i);
}

int twz_context_remove(const struct twz_obj *obj, struct twz_id target)
{
	struct edit e;
	int error = begin(&e, obj);

	if (!error)
		error = discard(&e, target, TWZ_CONTEXT_CAP);
	return end(&e, error);
}

static int set_mask(struct edit *e, const struct twz_mask *mask)
{
	struct twz_context_entry what = {.target = mask->target, .kind = TWZ_CONTEXT_MASK};
	const struct twz_context_entry *found;
	struct twz_mask *to;
	uint64_t i;
	int error = make_room(e);

	if (error)
		return error;
	found = find(e, what.target, what.kind, &i);
	if (found) {
		to = at(e, found->off, sizeof(*to), sizeof(*to));
		to = to ? twz_tx_write(&e->tx, to, sizeof(*to)) : NULL;
		if (to)
			*to = *mask;
		return to ? 0 : e->tx.error ? e->tx.error : TWZ_E_DAMAGED;
	}
	error = place(e, sizeof(*to), sizeof(*to), &what.off);
	if (error)
		return error;
	to = (struct twz_mask *)(e->obj->base + what.off);
	*to = *mask;
	twz_tx_fresh(&e->tx, to, sizeof(*to));
	return insert(e, i, &what);
}

int twz_context_mask(const struct twz_obj *obj, struct twz_id target, uint32_t override,
		     uint32_t mask)
{
	const struct twz_mask what = {.target = target, .override = override, .mask = mask};
	struct edit e;
	int error;

	if ((override | mask) & ~TWZ_PERM_ALL)
		return TWZ_E_ARG;
	error = begin(&e, obj);
	if (error)
		return end(&e, error);
	if (override || mask != TWZ_PERM_ALL)
		return end(&e, set_mask(&e, &what));
	error = end(&e, discard(&e, target, TWZ_CONTEXT_MASK));
	return error == TWZ_E_NOTFOUND ? 0 : error; /* it has none as it is */
}

int twz_context_global(const struct twz_obj *obj, uint32_t mask)
{
	struct edit e;
	int error;

	if (mask & ~TWZ_PERM_ALL)
		return TWZ_E_ARG;
	error = begin(&e, obj);
	e.head.global_mask = mask;
	return end(&e, error);
}

/* ---- gates --------------------------------------------------------------------------------------- */

/* All of them; null if they do not lie in the region. */
static struct twz_gate *gates_of(const struct edit *e)
{
	return at(e, e->head.gates, e->head.ngates * GATE_BYTES, GATE_BYTES);
}

/* One gate more, behind copies of those that there are. */
static int append_gate(struct edit *e, const struct twz_gate *gate)
{
	const struct twz_gate *old;
	struct twz_gate *fresh;
	uint64_t n, off;
	int error = make_room(e);

	if (error)
		return error;
	n = e->head.ngates;
	old = n ? gates_of(e) : NULL;
	if (n && (!old || n * GATE_BYTES > e->head.live))
		return TWZ_E_DAMAGED;
	error = place(e, (n + 1) * GATE_BYTES, GATE_BYTES, &off);
	if (error)
		return error;
	fresh = (struct twz_gate *)(e->obj->base + off);
	if (n)
		memcpy(fresh, twz_tx_read(&e->tx, old, n * GATE_BYTES), n * GATE_BYTES);
	fresh[n] = *gate;
	twz_tx_fresh(&e->tx, fresh, (n + 1) * GATE_BYTES);
	e->head.live -= n * GATE_BYTES;
	e->head.gates = off;
	e->head.ngates = n + 1;
	return e->tx.error;
}

static int replace_gate(struct edit *e, uint64_t index, const struct twz_gate *gate)
{
	struct twz_gate *gates = gates_of(e), *staged;

	if (!gates)
		return TWZ_E_DAMAGED;
	staged = twz_tx_write(&e->tx, &gates[index], GATE_BYTES);
	if (staged)
		*staged = *gate;
	return e->tx.error;
}

int twz_context_gate_set(const struct twz_obj *obj, uint64_t index, const struct twz_gate *gate)
{
	struct edit e;
	int error;

	if (!gate_sound(gate))
		return TWZ_E_ARG;
	error = begin(&e, obj);
	if (!error && index > e.head.ngates)
		error = TWZ_E_NOTFOUND;
	if (!error)
		error = index < e.head.ngates ? replace_gate(&e, index, gate)
					      : append_gate(&e, gate);
	return end(&e, error);
}

int twz_context_gates_clear(const struct twz_obj *obj)
{
	struct edit e;
	int error = begin(&e, obj);

	if (!error && e.head.ngates * GATE_BYTES > e.head.live)
		error = TWZ_E_DAMAGED;
	if (!error) {
		e.head.live -= e.head.ngates * GATE_BYTES;
		e.head.gates = e.head.ngates = 0;
	}
	return end(&e, error);
}

int twz_context_gate(const struct twz_obj *obj, uint64_t index, struct twz_gate *gate)
{
	const struct twz_gate *gates;
	struct edit e;
	int error = begin(&e, obj);

	if (!error && index >= e.head.ngates)
		error = TWZ_E_NOTFOUND;
	if (!error) {
		gates = gates_of(&e);
		if (gates)
			*gate = gates[index];
		else
			error = TWZ_E_DAMAGED;
	}
	twz_tx_abort(&e.tx);
	return error;
}

/* ---- publishing ---------------------------------------------------------------------------------- */

int twz_context_publish(const struct twz_obj *obj)
{
	struct edit e;
	int error = begin(&e, obj);

	e.head.serial++;
	error = end(&e, error);
	if (error)
		return error;
	error = begin(&e, obj); /* nobody changes it while it is copied */
	if (!error)
		error = twz_rt_publish(obj->id);
	twz_tx_abort(&e.tx);
	return error;
}

/* ---- walking ------------------------------------------------------------------------------------- */

static int walk_run(const struct edit *e, const struct twz_context_entry *what,
		    int (*each)(const struct twz_context_item *item, void *arg), void *arg)
{
	const struct twz_cap *run = at(e, what->off, bytes_of(what), CAP_BYTES);
	struct twz_context_item item = {.target = what->target, .off = what->off};
	int result = run ? 0 : TWZ_E_DAMAGED;

	for (uint32_t i = 0; !result && i < what->count; i += item.count) {
		if (run[i].depth > TWZ_CAP_DEPTH_MAX || run[i].depth >= what->count - i)
			return TWZ_E_DAMAGED;
		item.chain = &run[i];
		item.count = run[i].depth + 1;
		result = each(&item, arg);
		item.off += item.count * CAP_BYTES;
	}
	return result;
}

static int walk(const struct edit *e, int (*each)(const struct twz_context_item *item, void *arg),
		void *arg)
{
	int result = 0;

	for (uint64_t i = 0; !result && i < e->head.nentries; i++) {
		const struct twz_context_entry *what = entry(e, i);
		struct twz_context_item item = {.target = what->target, .off = what->off};

		if (what->kind == TWZ_CONTEXT_CAP)
			result = walk_run(e, what, each, arg);
		if (what->kind != TWZ_CONTEXT_MASK)
			continue;
		item.mask = at(e, what->off, sizeof(*item.mask), sizeof(*item.mask));
		result = item.mask ? each(&item, arg) : TWZ_E_DAMAGED;
	}
	return result;
}

int twz_context_each(const struct twz_obj *obj,
		     int (*each)(const struct twz_context_item *item, void *arg), void *arg)
{
	struct edit e;
	int result = begin(&e, obj);

	if (!result)
		result = walk(&e, each, arg);
	twz_tx_abort(&e.tx);
	return result;
}

/* ---- making and opening -------------------------------------------------------------------------- */

static uint32_t new_flags(const struct twz_context_new *new)
{
	if (!new->temporary)
		return TWZ_NEW_ENDING;
	return TWZ_NEW_VOLATILE | (twz_id_none(new->tie) ? 0 : TWZ_NEW_TIED);
}

int twz_context_make(const struct twz_context_new *new, struct twz_obj *obj)
{
	/* Not twz_obj_new, which gives permissions to everybody where none are asked for. */
	const struct twz_rt_new what = {.type = TWZ_TYPE_CONTEXT,
					.perms = new->perms,
					.flags = new_flags(new),
					.key = new->key,
					.page = TWZ_OBJ_DATA / TWZ_PAGE,
					.npages = 1,
					.tie = new->tie};
	struct twz_id id;
	struct edit e;
	int error;

	if ((new->perms | new->global_mask) & ~TWZ_PERM_ALL ||
	    (!new->temporary && !twz_id_none(new->tie)))
		return TWZ_E_ARG;
	twz_rt_info();
	error = twz_rt_create(&what, &id);
	if (error)
		return error;
	error = twz_obj_open(id, obj);
	if (error) {
		twz_obj_delete(id);
		return error;
	}
	e.obj = obj;
	e.head = (struct twz_context){.magic = TWZ_CONTEXT_MAGIC,
				      .version = 1,
				      .flags = new->undetachable,
				      .global_mask = new->global_mask,
				      .table = REGION_FIRST,
				      .nentries = TABLE_MIN,
				      .heap = REGION_FIRST + TABLE_MIN *ENTRY_BYTES,
				      .live = TABLE_MIN *ENTRY_BYTES};
	twz_tx_begin(&e.tx);
	error = end(&e, 0); /* the page is zeros, as an empty table is */
	if (!error && !new->ending && !new->temporary)
		error = twz_obj_keep(id);
	if (error) {
		twz_obj_delete(id);
		twz_obj_recycle(obj);
	}
	return error;
}

int twz_context_open(struct twz_id id, struct twz_obj *obj)
{
	struct twz_rt_stat stat;
	int error = twz_obj_stat(id, &stat);

	if (!error && stat.identity.type != TWZ_TYPE_CONTEXT)
		error = TWZ_E_TYPE;
	return error ? error : twz_obj_open(id, obj);
}

/* ---- acting in contexts ------------------------------------------------------------------------- */

int twz_context_attach(struct twz_id context, uint32_t flags)
{
	return twz_rt_attach(context, flags);
}

int twz_context_detach(struct twz_id context)
{
	return twz_rt_detach(context);
}

int twz_context_switch(struct twz_id context)
{
	return twz_rt_switch(context);
}

int twz_run_as(const struct twz_rt_program *program, int *status)
{
	twz_flush();
	return twz_rt_run_as(program, status);
}

int twz_right_grant(struct twz_id object, struct twz_id context, uint32_t perms)
{
	return twz_rt_grant(object, context, perms);
}

int twz_right_explain(struct twz_id object, struct twz_id context, struct twz_rt_answer *answer)
{
	twz_rt_info();
	return twz_rt_explain(object, context, answer);
}
