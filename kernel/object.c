/* object.c - the table of objects, their holders, ties and ends (object.h). */
#include "core/crypto.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/account.h"
#include "kernel/context.h"
#include "kernel/ram.h"
#include "kernel/gate.h"
#include "kernel/heap.h"
#include "kernel/log.h"
#include "kernel/nvm.h"
#include "kernel/object.h"
#include "kernel/random.h"
#include "kernel/right.h"
#include "kernel/step.h"
#include "kernel/sync.h"
#include "kernel/thread.h"
#include "kernel/tie.h"
#include "kernel/verify.h"
#include "kernel/view.h"

#define HASH (1u << 14)
#define CACHED_MAX 256u /* persistent objects that nobody holds */

static struct object *hash[HASH];
static struct cache objects = CACHE(struct object);
static struct list cached = {&cached, &cached}; /* the longest unused first */
static struct list in_use = {&in_use, &in_use}; /* persistent ones that are held */
struct list objects_going = {&objects_going, &objects_going};
struct list objects_doomed = {&objects_doomed, &objects_doomed};

static uint64_t last_serial;
uint64_t objects_known, objects_cached, objects_cached_tables, objects_reclaimed;

/* It is looked at before the kernel is left. */
static void doom(struct object *o)
{
	list_remove(&o->link);
	list_add_last(o->left || !list_empty(&o->ties_in) ? &objects_going : &objects_doomed,
		      &o->link);
	thread_work = true;
	cpu_this()->reschedule |= RESCHEDULE;
}

static struct object **place_of(struct twz_id id)
{
	struct object **o = &hash[(id.lo ^ id.hi >> 32) % HASH];

	while (*o && ((*o)->id.lo != id.lo || (*o)->id.hi != id.hi))
		o = &(*o)->next;
	return o;
}

/* It is charged for already. */
static struct object *enter(struct twz_id id, const struct twz_identity *identity,
			    const struct medium *medium, struct account *account)
{
	struct object *o = medium->persistent ? cache_take_reserved(&objects)
					      : cache_take(&objects),
		      **place;

	if (!o) {
		account_credit(account, 1);
		return NULL;
	}
	place = place_of(id); /* now: to make room others may have gone */
	o->serial = ++last_serial;
	o->id = id;
	o->identity = *identity;
	o->medium = medium;
	o->tables.account = account;
	o->holds = 1;
	list_init(&o->ties_in);
	list_init(&o->link);
	o->next = *place;
	*place = o;
	objects_known++;
	trace(TRACE_OBJECT, id.lo, 1);
	return o;
}

static void forget_id(struct object *o)
{
	struct object **place = place_of(o->id);

	if (*place == o)
		*place = o->next;
}

/* Nothing leads to it any more. */
static void give(struct object *o)
{
	trace(TRACE_OBJECT, o->id.lo, 0);
	right_drop_grants(o);
	table_free(&o->tables);
	account_credit(o->tables.account, 1);
	objects_known--;
	cache_give(&objects, o);
}

/* ---- making and finding -------------------------------------------------------------------------- */

int object_make(struct twz_id id, const struct twz_identity *identity, struct account *maker,
		struct object **out)
{
	struct account *account = maker;
	int error;

	if (identity->key.lo | identity->key.hi)
		error = account_charge_key(identity->key, 1, &account);
	else
		error = account_charge(maker, 1) ? 0 : TWZ_E_LIMIT;
	if (error)
		return error;
	*out = enter(id, identity, &medium_dram, account);
	return *out ? 0 : TWZ_E_NOMEM;
}

int object_new(uint32_t type, uint32_t perms, struct twz_id key, struct account *maker,
	       struct object **out)
{
	struct twz_identity identity = {.version = 1, .type = type, .perms = perms, .key = key};

	random_bytes(&identity.nonce, sizeof(identity.nonce));
	return object_make(crypto_id(&identity), &identity, maker, out);
}

static void uncache(struct object *o)
{
	list_remove(&o->link);
	objects_cached--;
	objects_cached_tables -= o->tables.count;
}

/* One that the kernel does not know yet. */
static __attribute__((noinline)) int load(struct twz_id id, struct object **out)
{
	const struct twz_identity *identity;
	struct object *o;
	uint64_t ref;
	int error = nvm_find(id, &ref, &identity);

	if (error)
		return error;
	account_charge(&account_kernel, 1);
	o = enter(id, identity, &medium_nvm, &account_kernel);
	if (!o)
		return TWZ_E_NOMEM;
	o->ref = ref;
	list_add_last(&in_use, &o->link);
	*out = o;
	return 0;
}

/*
 * One that is deleted and that somebody still uses: its record can have come back, as the same content was
 * sealed again.
 */
static __attribute__((noinline)) int find_left(struct object *o, struct object **out)
{
	const struct twz_identity *identity;
	uint64_t ref;
	int error = nvm_find(o->id, &ref, &identity);

	if (error)
		return error;
	if (ref != o->ref)
		return TWZ_E_DAMAGED;
	o->deleted = o->left = o->lost = o->marked = false;
	list_remove(&o->link);
	list_add_last(&in_use, &o->link);
	object_hold(o);
	*out = o;
	return 0;
}

int object_find(struct twz_id id, struct object **out)
{
	struct object *o = *place_of(id);

	if (!o)
		return load(id, out);
	if (__builtin_expect(o->deleted, 0) && KSTEP("deleted-is-gone"))
		return find_left(o, out);
	if (!o->holds++ && o->medium->persistent && !tie_any(o)) {
		uncache(o);
		list_add_last(&in_use, &o->link);
	}
	*out = o;
	return 0;
}

int object_get(struct thread *thread, struct twz_id id, uint32_t want, struct object **out)
{
	struct object *o;
	int error = object_find(id, &o);

	if (error)
		return error;
	error = right_check(thread, o, want);
	if (error) {
		object_release(o);
		return error;
	}
	*out = o;
	return 0;
}

void object_renew(struct object *o)
{
	o->serial = ++last_serial;
}

struct object *object_next(struct object *after, uint32_t type)
{
	struct object *o = after ? after->next : NULL;
	unsigned i = after ? (unsigned)((after->id.lo ^ after->id.hi >> 32) % HASH) + 1 : 0;

	for (;;) {
		for (; o; o = o->next)
			if (o->identity.type == type)
				return o;
		if (i == HASH)
			return NULL;
		o = hash[i++];
	}
}

/* Of a doomed object without holders: a part of its own ties and pages, or the last of it. */
static void free_some(struct object *o)
{
	list_remove(&o->link);
	if (!tie_drop_some(o) || !o->medium->free(o)) {
		list_add_last(&objects_doomed, &o->link);
		return;
	}
	if (o->left)
		forget_id(o);
	give(o);
}

/* ---- holders ------------------------------------------------------------------------------------- */

/* A persistent object that is a cache only goes. */
static void evict(struct object *o)
{
	uncache(o);
	forget_id(o);
	objects_reclaimed += o->tables.count;
	give(o);
}

void object_unheld(struct object *o)
{
	if (o->deleted) {
		doom(o);
		return;
	}
	if (!o->medium->persistent || tie_any(o))
		return; /* it lives until it is deleted, or is known until it has no ties */
	list_remove(&o->link);
	list_add_last(&cached, &o->link);
	objects_cached++;
	objects_cached_tables += o->tables.count;
	if (objects_cached > CACHED_MAX)
		evict(list_of(cached.next, struct object, link));
}

/*
 * A part of one that is deleted, under this account or any (null). Frames only: deleting what is tied
 * would wake threads that are about to sleep.
 */
static bool free_doomed(const struct account *account)
{
	for (struct list *l = objects_doomed.next; l != &objects_doomed; l = l->next) {
		struct object *o = list_of(l, struct object, link);

		if (!o->deleted || o->holds || (account && o->tables.account != account))
			continue;
		free_some(o);
		return true;
	}
	return false;
}

/* Tables of persistent objects in use: faults bring them back. In turn, so that no one loses all. */
static bool trim_some(void)
{
	for (struct list *l = in_use.next; l != &in_use; l = l->next) {
		struct object *o = list_of(l, struct object, link);
		uint64_t before = o->tables.count, trimmed = table_trim(&o->tables);

		if (!trimmed)
			continue;
		object_shoot(o);
		table_give_trimmed(&o->tables, trimmed);
		objects_reclaimed += before - o->tables.count;
		list_remove(&o->link);
		list_add_last(&in_use, &o->link);
		return true;
	}
	return false;
}

bool object_reclaim(void)
{
	if (list_empty(&cached))
		return free_doomed(NULL) || (KSTEP("trim") && trim_some());
	evict(list_of(cached.next, struct object, link));
	return true;
}

bool object_reclaim_of(const struct account *account)
{
	return free_doomed(account);
}

/* ---- the end ------------------------------------------------------------------------------------- */

/* Decisions rest on keys and contexts: those that were made with this one count no more. */
static void forget_decisions(struct object *o)
{
	if (o->identity.type == TWZ_TYPE_CONTEXT)
		context_deleted(o);
	else if (o->identity.type == TWZ_TYPE_KEY)
		verify_forget_key(o->id);
	else
		return;
	if (KSTEP("delete-forgets"))
		subject_renew_all();
}

/* Whoever has to know that it is deleted. */
static void tell(struct object *o)
{
	o->lost = false;
	forget_decisions(o);
	sync_wake_all(o);
	if (o->thread)
		thread_kill(o->thread, THREAD_KILLED);
	if (o->view)
		gate_forget(o->view);
}

int object_delete(struct object *o)
{
	int error;

	if (o->deleted)
		return 0;
	if (tie_holds(o) && KSTEP("tie-holds"))
		return tie_mark(o);
	error = o->medium->delete (o);
	if (error)
		return error;
	o->deleted = true;
	if (!o->left && KSTEP("deleted-is-gone"))
		forget_id(o);
	tell(o);
	if (!list_empty(&o->ties_in))
		doom(o);
	return 0;
}

void object_ended(struct object *o)
{
	if (!list_empty(&o->ties_in))
		doom(o);
}

/*
 * In the middle of an update of the store, and of anything: so nothing is done here that can be done when the
 * kernel is left.
 */
enum store_held object_held(struct twz_id id)
{
	struct object *o = *place_of(id);

	if (!o)
		return STORE_FREE;
	if (o->deleted)
		return STORE_MAPPED;
	if (tie_stays(o) && KSTEP("held-tied")) {
		o->marked |= nvm_marked(o);
		return STORE_TIED;
	}
	if (!o->holds && !tie_any(o)) {
		evict(o);
		return STORE_FREE;
	}
	o->deleted = o->left = o->lost = true;
	doom(o);
	return STORE_MAPPED;
}

bool object_reap_some(void)
{
	struct list *list = list_empty(&objects_going) ? &objects_doomed : &objects_going;
	struct object *o = list_of(list->next, struct object, link);

	if (o->lost)
		tell(o);
	if (!tie_end_some(o)) {
		list_remove(&o->link);
		list_add_last(list, &o->link);
	} else if (o->deleted && !o->holds) {
		free_some(o);
	} else {
		list_remove(&o->link);
		if (o->medium->persistent)
			list_add_last(&in_use, &o->link);
	}
	return true;
}

/* ---- pages --------------------------------------------------------------------------------------- */

int object_touch(struct object *o, uint64_t page)
{
	return o->medium->fault(o, page, table_entry(&o->tables, page, false), true);
}

void *object_page(struct object *o, uint64_t page)
{
	return object_touch(o, page) ? NULL : o->medium->look(o, page);
}

/* All leaf entries of it to zero; the tables stay. */
static void clear_tables(struct object *o)
{
	uint64_t page = 0;

	while ((page = table_next(&o->tables, page, OBJECT_PAGES)) < OBJECT_PAGES) {
		*table_entry(&o->tables, page, false) = 0;
		page++;
	}
	object_shoot(o);
}

void object_forget_tables(void)
{
	for (unsigned i = 0; i < HASH; i++)
		for (struct object *o = hash[i]; o; o = o->next)
			if (o->medium->persistent)
				clear_tables(o);
}
