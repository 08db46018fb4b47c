/* real.c - the system: the objects of the model as they are (model.h). */
#include "core/heap.h"
#include "tests/model/model.h"

#define TABLE "/model"
#define PERMS (TWZ_READ | TWZ_WRITE | TWZ_USE | TWZ_DELETE)

struct table *table;

/* What is mapped in a slot; and in a large place: there the one that was not used longest gives way. */
static struct twz_obj mapped[OBJECTS];
static struct {
	unsigned k;
	uint64_t used;
	struct twz_obj obj;
} large[LARGE_AT_ONCE];

/* ---- the table ------------------------------------------------------------------------------------ */

bool table_open(void)
{
	struct twz_obj obj;
	int error = twz_name_open(TABLE, &obj);

	if (error == TWZ_E_NOTFOUND)
		return false;
	NEED(error);
	table = twz_obj_data(&obj);
	return true;
}

/* What is the user's is ours as well. */
static void may_all(const struct twz_secret *user)
{
	struct twz_id context = twz_rt_info()->context;
	struct twz_cap cap = {.perms = TWZ_PERM_ALL,
			      .flags = TWZ_CAP_KEY,
			      .target = user->id,
			      .accessor = context};
	struct twz_obj obj;

	NEED(twz_context_open(context, &obj));
	NEED(twz_cap_sign(&cap, NULL, user));
	NEED(twz_context_add(&obj, &cap, 1));
	NEED(twz_context_publish(&obj));
	NEED(twz_obj_recycle(&obj));
}

void table_make(uint64_t seed)
{
	struct twz_obj obj;
	struct twz_id id;
	int error = twz_ns_make("/m", &id);

	if (error == TWZ_E_EXISTS) /* a crash came in between */
		error = twz_name_resolve("/m", &id);
	NEED(error);
	NEED(twz_obj_new(&(struct twz_new){.ending = true, .bytes = sizeof(*table)}, &obj));
	table = twz_obj_data(&obj);
	table->seed = seed;
	table->epoch = twz_rt_info()->epoch;
	table->id[ROOT] = id;
	for (unsigned i = 0; i < USERS; i++) {
		twz_secret_new(&table->user[i]);
		NEED(twz_key_make(table->user[i].key, &table->user[i].id));
		may_all(&table->user[i]);
	}
	twz_persist(table, sizeof(*table));
	NEED(twz_name_publish(TABLE, obj.id, TWZ_NAME_REPLACE | TWZ_NAME_DELETE));
}

void table_note_id(unsigned k, struct twz_id id)
{
	struct twz_id *staged;
	struct twz_tx tx;

	twz_tx_begin(&tx);
	staged = twz_tx_open(&tx, &table->id[k]);
	if (staged)
		*staged = id;
	NEED(twz_tx_commit(&tx));
}

void table_note_done(uint64_t done)
{
	*(volatile uint64_t *)&table->done = done;
	twz_persist(&table->done, sizeof(table->done));
}

void table_note_end(uint64_t done)
{
	uint64_t n = table->nends;
	struct twz_tx tx;

	if (n == ENDS_MAX) {
		twz_warn("model: the store has seen %u starts, more are not noted\n", ENDS_MAX);
		twz_rt_exit(2);
	}
	twz_tx_begin(&tx);
	twz_tx_set(&tx, &table->done, done);
	twz_tx_set(&tx, &table->epoch, twz_rt_info()->epoch);
	twz_tx_set(&tx, &table->end[n], done);
	twz_tx_set(&tx, &table->nends, n + 1);
	NEED(twz_tx_commit(&tx));
}

/* ---- objects -------------------------------------------------------------------------------------- */

const struct twz_obj *real_open(unsigned k)
{
	if (!mapped[k].base)
		NEED(twz_obj_open(table->id[k], &mapped[k]));
	return &mapped[k];
}

static const struct twz_obj *open_large(unsigned k)
{
	static uint64_t uses;
	unsigned at = 0;

	for (unsigned i = 0; i < LARGE_AT_ONCE; i++) {
		if (large[i].used < large[at].used)
			at = i;
		if (large[i].obj.base && large[i].k == k) {
			at = i;
			break;
		}
	}
	if (large[at].obj.base && large[at].k != k)
		NEED(twz_obj_recycle(&large[at].obj));
	if (!large[at].obj.base)
		NEED(twz_obj_open_large(table->id[k], &large[at].obj));
	large[at].k = k;
	large[at].used = ++uses;
	return &large[at].obj;
}

struct holder *real_holder(unsigned k)
{
	return twz_ptr_get(twz_heap_root(real_open(k)));
}

uint64_t *real_word(unsigned k, const struct object *o, unsigned place, unsigned word)
{
	uint64_t offset = word_offset(place, word);
	const struct twz_obj *obj;

	if (o->kind == HOLDER)
		return &real_holder(k)->value;
	obj = place_large(place) ? open_large(k) : real_open(k);
	return (uint64_t *)((uint8_t *)twz_obj_data(obj) + offset);
}

void real_recycle_large(unsigned k)
{
	for (unsigned i = 0; i < LARGE_AT_ONCE; i++)
		if (large[i].obj.base && large[i].k == k)
			NEED(twz_obj_recycle(&large[i].obj));
}

void real_recycle(unsigned k)
{
	if (mapped[k].base)
		NEED(twz_obj_recycle(&mapped[k]));
	real_recycle_large(k);
}

void real_forget(unsigned k)
{
	struct twz_obj obj;

	real_recycle(k);
	if (!twz_obj_open(table->id[k], &obj))
		NEED(twz_obj_recycle(&obj));
}

/* A user's: a context, or one that there are rights to. */
static int make_users(const struct object *o, struct twz_id *id)
{
	const struct twz_id key = table->user[o->user].id;
	struct twz_obj obj;
	int error;

	if (o->kind == GUARDED)
		return twz_rt_create(&(struct twz_rt_new){.type = TWZ_TYPE_DATA,
							  .perms = o->perms,
							  .flags = TWZ_NEW_ENDING,
							  .key = key},
				     id);
	error = twz_context_make(
		&(struct twz_context_new){
			.key = key, .perms = o->perms, .global_mask = o->global, .ending = true},
		&obj);
	if (error)
		return error;
	*id = obj.id;
	return twz_obj_recycle(&obj);
}

int real_rights(unsigned k, unsigned context, struct twz_rt_answer *answer)
{
	return twz_right_explain(table->id[k], table->id[context], answer);
}

int real_make(const struct object *o, unsigned tied_to, struct twz_id *id)
{
	const struct twz_id key = twz_rt_info()->key;
	const bool tied = tied_to != NOBODY;
	const struct twz_rt_new new = {
		.type = TWZ_TYPE_DATA,
		.perms = twz_id_none(key) ? PERMS : 0,
		.flags = (o->life == VOLATILE ? TWZ_NEW_VOLATILE : TWZ_NEW_ENDING) |
			 (tied ? TWZ_NEW_TIED : 0),
		.key = key,
		.tie = tied ? table->id[tied_to] : (struct twz_id){0},
	};
	struct twz_obj obj;
	void *block;
	int error;

	if (o->kind == GUARDED || o->kind == CONTEXT)
		return make_users(o, id);
	error = twz_rt_create(&new, id);
	if (error || o->kind != HOLDER)
		return error;
	error = twz_obj_open(*id, &obj);
	if (!error)
		error = twz_heap_make(&obj);
	if (!error)
		error = heap_alloc(NULL, sizeof(struct holder), twz_heap_root(&obj), &block);
	if (error)
		return error;
	memset(block, 0, sizeof(struct holder));
	twz_persist(block, sizeof(struct holder));
	return twz_obj_recycle(&obj);
}

/* Hosted, what is deleted is freed by who deletes something; in the machine, by the kernel meanwhile. */
static void let_drain(void)
{
	const struct twz_rt_new new = {
		.type = TWZ_TYPE_DATA, .perms = PERMS, .flags = TWZ_NEW_ENDING};
	const uint32_t word = 0;
	struct twz_id id;

	NEED(twz_rt_create(&new, &id));
	NEED(twz_rt_delete(id));
	(void)twz_rt_wait(&word, word, 1000000); /* the time is over */
}

unsigned real_patience = PATIENCE;

bool real_await_end(const struct world *w, unsigned k)
{
	struct twz_rt_stat stat;

	if (twz_id_none(table->id[k]) || world_find(w, w->object[k].uid) != NOBODY)
		return true; /* never there; or sealed: the same is there once more */
	while (twz_obj_stat(table->id[k], &stat) != TWZ_E_NOTFOUND) {
		if (!real_patience)
			return false;
		real_patience--;
		let_drain();
	}
	return true;
}

/* ---- compared ------------------------------------------------------------------------------------- */

#define OTHER(...) (twz_format(text, TEXT_MAX, __VA_ARGS__), false)

typedef unsigned long long ull;

/* A pointer that leads nowhere: it is repaired, and noted. */
static struct {
	uint64_t *where;
	int error;
} repaired;

static bool repair(const struct twz_fault *fault, void *arg)
{
	(void)arg;
	if (!repaired.where || fault->kind != TWZ_FAULT_UNRESOLVED)
		return false;
	repaired.error = fault->error;
	*repaired.where = 0;
	return true;
}

/* Null: it leads nowhere. */
static uint64_t *follow(struct holder *holder, unsigned i)
{
	uint64_t raw = holder->link[i].raw, *target;

	repaired.where = &holder->link[i].raw;
	repaired.error = 0;
	twz_rt_on_fault(repair, NULL);
	target = twz_get(&holder->link[i]);
	twz_rt_on_fault(NULL, NULL);
	repaired.where = NULL;
	if (repaired.error)
		holder->link[i].raw = raw;
	return target;
}

static bool same_link(const struct world *w, unsigned k, unsigned i, char *text)
{
	const struct link *link = &w->object[k].link[i];
	struct holder *holder = real_holder(k);
	unsigned target =
		world_find(w, link->how == LINK_NAME ? world_resolve(w, link->path) : link->uid);
	uint64_t *found;
	struct twz_obj obj;
	uint64_t
		wanted; /* its offset in the object, whichever mapping of it the pointer leads to */

	if (link->how == LINK_NULL)
		return !holder->link[i].raw || OTHER("pointer %u of object %u is not null", i, k);
	if (target == NOBODY) {
		found = follow(holder, i);
		return (!found && repaired.error) ||
		       OTHER("pointer %u of object %u leads somewhere", i, k);
	}
	real_open(target);
	if (link->how == LINK_NAME) {
		found = follow(holder, i);
		return (found && !twz_obj_at(found, &obj) &&
			twz_id_equal(obj.id, table->id[target])) ||
		       OTHER("pointer %u of object %u, to %s, does not lead to object %u", i, k,
			     link->path, target);
	}
	wanted = (uint64_t)real_word(target, &w->object[target], link->place, link->word);
	NEED(twz_obj_at((void *)wanted, &obj));
	wanted -= (uint64_t)obj.base;
	found = follow(holder, i);
	return (found && !twz_obj_at(found, &obj) && twz_id_equal(obj.id, table->id[target]) &&
		(uint64_t)found - (uint64_t)obj.base == wanted) ||
	       OTHER("pointer %u of object %u leads to %p, not to 0x%llx in object %u", i, k,
		     (void *)found, (ull)wanted, target);
}

static bool same_holder(const struct world *w, unsigned k, char *text)
{
	if (real_holder(k)->value != w->object[k].value)
		return OTHER("the value of object %u is %llx, not %llx", k,
			     (ull)real_holder(k)->value, (ull)w->object[k].value);
	for (unsigned i = 0; i < LINKS; i++)
		if (!same_link(w, k, i, text))
			return false;
	return true;
}

/* Through this mapping, if it shows the place. */
static bool same_place(const struct world *w, unsigned k, unsigned place, const struct twz_obj *by,
		       char *text)
{
	const struct object *o = &w->object[k];

	for (unsigned j = 0; j < WORDS; j++) {
		const volatile uint64_t *at =
			(uint64_t *)((uint8_t *)twz_obj_data(by) + word_offset(place, j));

		if (*at != o->word[place][j])
			return OTHER("object %u has at place %u, word %u (%p) %llx, not %llx", k,
				     place, j, (void *)at, (ull)*at, (ull)o->word[place][j]);
	}
	return true;
}

/* Through both its mappings: they show the same. */
static bool same_pages(const struct world *w, unsigned k, char *text)
{
	const struct object *o = &w->object[k];

	for (unsigned i = 0; i < PLACES; i++)
		if (!(o->limit[i] & TWZ_READ) &&
		    ((!place_large(i) && !same_place(w, k, i, real_open(k), text)) ||
		     !same_place(w, k, i, open_large(k), text)))
			return false;
	return true;
}

/* What is listed, beside what is in the model: each name must come up once. */
struct listing {
	const struct world *w;
	unsigned space, next;
	char *text;
};

static unsigned next_name(const struct listing *l)
{
	unsigned i = l->next;

	while (i < NAMES && !l->w->object[l->space].name[i])
		i++;
	return i;
}

static int same_name(const struct twz_name_entry *entry, void *arg)
{
	struct listing *l = arg;
	unsigned i = next_name(l), k;
	char *text = l->text;
	struct twz_rt_stat stat;

	if (i == NAMES || entry->length != 1 || entry->name[0] != 'a' + (int)i)
		return !OTHER("namespace %u has the name %s", l->space, entry->name);
	l->next = i + 1;
	k = world_find(l->w, l->w->object[l->space].name[i]);
	if (k == NOBODY && !twz_obj_stat(entry->id, &stat))
		return !OTHER("name %s of namespace %u leads somewhere", entry->name, l->space);
	if (k != NOBODY && !twz_id_equal(entry->id, table->id[k]))
		return !OTHER("name %s of namespace %u does not lead to object %u", entry->name,
			      l->space, k);
	return 0;
}

static bool same_space(const struct world *w, unsigned k, char *text)
{
	struct listing l = {.w = w, .space = k, .text = text};
	char path[PATH_TEXT] = "/m";
	int error;

	if (k != ROOT)
		world_path(w, (struct spot){w->object[k].parent, w->object[k].parent_name}, path);
	error = twz_name_list(path, same_name, &l);
	if (error < 0)
		return OTHER("%s is not listed: %s", path, twz_error_text(error));
	if (error)
		return false;
	return next_name(&l) == NAMES ||
	       OTHER("namespace %u does not have the name %c", k, (char)('a' + next_name(&l)));
}

struct twz_gate real_gate(unsigned number)
{
	return (struct twz_gate){.object = {number, number},
				 .start = TWZ_OBJ_DATA,
				 .length = number,
				 .align = 1,
				 .nstacks = 1,
				 .view = {number, 1},
				 .stacks = {number, 2},
				 .stack_size = TWZ_PAGE,
				 .base = TWZ_SLOT_SIZE,
				 .stack_base = TWZ_SLOT_SIZE};
}

static bool same_gates(const struct object *o, unsigned context, char *text)
{
	struct twz_gate gate, should;
	int error;

	for (unsigned i = 0; i < o->ngates; i++) {
		should = real_gate(o->gate[i]);
		NEED(twz_context_gate(real_open(context), i, &gate));
		if (memcmp(&gate, &should, sizeof(gate)))
			return OTHER("gate %u of context %u is not %u", i, context, o->gate[i]);
	}
	error = twz_context_gate(real_open(context), o->ngates, &gate);
	return error == TWZ_E_NOTFOUND ||
	       OTHER("context %u has more than %u gates", context, o->ngates);
}

/*
 * What the context may do to everything that there are rights to. What masks take away anyhow need not be in
 * `granted`: signatures that change nothing are not looked at.
 */
static bool same_context(const struct world *w, unsigned context, char *text)
{
	struct twz_rt_answer answer;

	for (unsigned k = 0; k < OBJECTS; k++) {
		if (w->object[k].kind != GUARDED && w->object[k].kind != CONTEXT)
			continue;
		NEED(real_rights(k, context, &answer));
		if (answer.effective != world_effective(w, k, context) ||
		    answer.effective & ~answer.granted ||
		    answer.granted & ~world_granted(w, k, context))
			return OTHER("context %u may do 0x%x to object %u, 0x%x before masks, not "
				     "0x%x and 0x%x",
				     context, answer.effective, k, answer.granted,
				     world_effective(w, k, context), world_granted(w, k, context));
	}
	return same_gates(&w->object[context], context, text);
}

static uint32_t type_of(const struct object *o)
{
	return o->kind == SPACE     ? TWZ_TYPE_NAMESPACE
	       : o->kind == CONTEXT ? TWZ_TYPE_CONTEXT
				    : TWZ_TYPE_DATA;
}

/* Is it there, and the kind of object that it should be? */
static bool same_record(const struct world *w, unsigned k, char *text)
{
	const struct object *o = &w->object[k];
	struct twz_rt_stat stat;
	int error;

	if (!world_lives(w, k))
		return real_await_end(w, k) || OTHER("object %u is there still", k);
	error = twz_obj_stat(table->id[k], &stat);
	if (error)
		return OTHER("object %u: %s", k, twz_error_text(error));
	if (stat.end_epoch ? !world_ends(w, k) : o->life != LASTING)
		return OTHER("object %u %s", k, stat.end_epoch ? "ends" : "lasts");
	if (stat.identity.type != type_of(o) ||
	    !(stat.identity.flags & TWZ_ID_SEALED) != (o->kind != SEALED))
		return OTHER("object %u is of another type", k);
	return true;
}

static unsigned number_of(const struct world *w, struct twz_id id)
{
	unsigned k = 0;

	while (k < OBJECTS && !(world_lives(w, k) && twz_id_equal(table->id[k], id)))
		k++;
	return k;
}

/* Each tie of the object is there, and no other. A volatile one's to the program is the system's. */
static bool same_ties(const struct world *w, unsigned k, char *text)
{
	struct twz_rt_tie tie = {.in = 0};
	int n = 0, error;

	while (!(error = twz_ties(table->id[k], &tie))) {
		unsigned other = number_of(w, tie.other), a = tie.in ? other : k,
			 to = tie.in ? k : other;
		const uint32_t kinds = tie.kinds & TWZ_TIE_KINDS;

		if (tie.kinds & TWZ_TIE_SCOPED)
			continue;
		if (other == NOBODY || kinds != (w->tie[a][to] & TWZ_TIE_KINDS))
			return OTHER("object %u is tied to %u, kinds %u", a, to, kinds);
		n++;
	}
	if (error != TWZ_E_NOTFOUND)
		return OTHER("the ties of object %u: %s", k, twz_error_text(error));
	for (unsigned i = 0; i < OBJECTS; i++)
		n -= !!w->tie[k][i] + !!w->tie[i][k];
	return !n || OTHER("object %u has %d ties more than it should", k, n);
}

static bool same_object(const struct world *w, unsigned k, bool pages, char *text)
{
	const struct object *o = &w->object[k];
	uint64_t size;

	if (!same_record(w, k, text))
		return false;
	if (world_lives(w, k) && !same_ties(w, k, text))
		return false;
	switch (o->kind) {
	case PLAIN:
	case SEALED:
		size = o->kind == SEALED ? o->sealed_size : o->size;
		if (twz_obj_size(real_open(k)) != size)
			return OTHER("object %u has the size %llu, not %llu", k,
				     (ull)twz_obj_size(real_open(k)), (ull)size);
		return !pages || same_pages(w, k, text);
	case HOLDER:
		return same_holder(w, k, text);
	case SPACE:
		return same_space(w, k, text);
	case CONTEXT:
		return same_context(w, k, text);
	default:
		return true;
	}
}

bool real_same_object(const struct world *w, unsigned k, char text[static TEXT_MAX])
{
	return same_object(w, k, true, text);
}

bool real_same(const struct world *w, unsigned but, char text[static TEXT_MAX])
{
	/* What is there first: what is not cannot be looked into. */
	for (unsigned k = 0; k < OBJECTS; k++)
		if (!same_record(w, k, text))
			return false;
	for (unsigned k = 0; k < OBJECTS; k++)
		if (!same_object(w, k, k != but, text))
			return false;
	return true;
}
