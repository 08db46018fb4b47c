/*
 * faults.c - every kind of fault, in both homes: what a handler is told, that what is repaired goes on, and
 * what is said of what nobody handles.
 *
 *     faults make        makes what the others use, in the namespace /faults
 *     faults repair      every kind that can be repaired is, by a handler
 *     faults end KIND    does that, and nobody handles it
 *     faults read NAME   reads the object's data all the time, till that is a fault; repaired, it goes on
 */
#include "core/ptr.h"
#include "tests/home/both.h"

#define PAGES 4
#define FAR (8000 * TWZ_PAGE) /* in the damaged object: below a node of its own */

typedef unsigned long long ull;

struct holder {
	twz_ptr(uint64_t) late; /* a name: /faults/later */
};

static struct twz_obj obj;       /* what the attempt is about */
static struct twz_fault told;    /* by the last fault */
static unsigned faults, repairs; /* that there were, and may be */

static volatile uint8_t *at(uint64_t offset)
{
	return obj.base + offset;
}

static struct twz_obj open_one(const char *path)
{
	struct twz_obj o;

	NEED(twz_name_open(path, &o));
	return o;
}

static struct twz_obj make_one(const char *path)
{
	struct twz_obj o;

	NEED(twz_obj_new(&(struct twz_new){.ending = true, .bytes = PAGES * TWZ_PAGE}, &o));
	memset(twz_obj_data(&o), 7, PAGES * TWZ_PAGE);
	NEED(twz_obj_sync(&o));
	NEED(twz_name_publish(path, o.id, 0));
	return o;
}

static void make(void)
{
	struct twz_id id;
	struct twz_obj o;
	void *holder;

	NEED(twz_ns_make("/faults", &id));
	make_one("/faults/plain");
	o = make_one("/faults/damaged"); /* and in so many pieces that it has nodes */
	for (uint64_t i = 1; i <= 8; i++)
		((uint8_t *)twz_obj_data(&o))[i * FAR / 8] = 1;
	o = make_one("/faults/limited");
	NEED(twz_rt_limit(o.id, TWZ_OBJ_DATA / TWZ_PAGE, 1, TWZ_WRITE));
	NEED(twz_obj_new(&(struct twz_new){.ending = true, .heap = true}, &o));
	NEED(heap_alloc(NULL, sizeof(struct holder), twz_heap_root(&o), &holder));
	NEED(twz_set_name(NULL, &((struct holder *)holder)->late, "/faults/later"));
	NEED(twz_name_publish("/faults/holder", o.id, 0));
	NEED(twz_obj_seal(open_one("/faults/plain").id, TWZ_PAGE, TWZ_READ | TWZ_WRITE, &id));
	NEED(twz_name_bind("/faults/sealed", id, 0));
}

/* ---- attempts --------------------------------------------------------------------------------------- */

/* The object is shown anew, with these rights. */
static void show(struct twz_id id, uint32_t rights)
{
	const struct twz_rt_info *info = twz_rt_info();
	struct twz_view_slot *entry;
	uint32_t slot;

	NEED(twz_obj_open(id, &obj));
	slot = (uint32_t)(((uint64_t)obj.base - info->slot_base) / TWZ_SLOT_SIZE);
	entry = &info->view[slot];
	__atomic_store_n(&entry->rights, rights, __ATOMIC_RELEASE);
	NEED(twz_rt_invalidate(slot, 1));
}

static void load_null(void)
{
	show(open_one("/faults/plain").id, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	(void)*at(16);
}

static void load_nothing(void)
{
	const struct twz_rt_info *info = twz_rt_info();

	(void)*(volatile uint8_t *)(info->slot_base + (info->nslots - 2) * TWZ_SLOT_SIZE +
				    TWZ_OBJ_DATA + 99);
}

static void load_gone(void)
{
	NEED(twz_obj_new(&(struct twz_new){.bytes = 8}, &obj));
	NEED(twz_obj_delete(obj.id));
	(void)*at(TWZ_OBJ_DATA);
}

static void store_without_right(void)
{
	show(open_one("/faults/plain").id, TWZ_VIEW_READ);
	*at(TWZ_OBJ_DATA + 8) = 1;
}

static void jump(void)
{
	show(open_one("/faults/plain").id, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	((void (*)(void))(uintptr_t)at(TWZ_OBJ_DATA))();
}

static void store_limited(void)
{
	show(open_one("/faults/limited").id, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	*at(TWZ_OBJ_DATA + 4) = 1;
}

static void store_sealed(void)
{
	show(open_one("/faults/sealed").id, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	*at(TWZ_OBJ_DATA) = 1;
}

static void load_unresolved(void)
{
	const struct holder *h;

	obj = open_one("/faults/holder");
	h = twz_ptr_get(twz_heap_root(&obj));
	(void)*(volatile uint64_t *)twz_get(&h->late);
}

static void load_damaged(void)
{
	show(open_one("/faults/damaged").id, TWZ_VIEW_READ);
	(void)*at(TWZ_OBJ_DATA + FAR);
}

/* One page after the other, until the store is full. */
static void store_to_the_full(void)
{
	NEED(twz_obj_new(&(struct twz_new){.bytes = 8}, &obj));
	for (uint64_t page = 0; !faults; page++)
		*at(TWZ_OBJ_DATA + page * TWZ_PAGE) = 1;
}

static const struct {
	const char *name;
	void (*attempt)(void);
} kinds[] = {
	{"null", load_null},
	{"nothing", load_nothing},
	{"gone", load_gone},
	{"right", store_without_right},
	{"jump", jump},
	{"limit", store_limited},
	{"sealed", store_sealed},
	{"unresolved", load_unresolved},
	{"damaged", load_damaged},
	{"full", store_to_the_full},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void (*attempt_named(const char *name))(void)
{
	for (unsigned i = 0; i < KINDS; i++)
		if (!strcmp(kinds[i].name, name))
			return kinds[i].attempt;
	twz_rt_exit(2);
}

/* ---- repaired --------------------------------------------------------------------------------------- */

static void (*mend)(void);

static bool repairs_it(const struct twz_fault *fault, void *arg)
{
	(void)arg;
	told = *fault;
	faults++;
	if (faults > repairs)
		return false; /* the same again: it is not repaired */
	mend();
	return true;
}

static void attempt(const char *what, void (*with)(void), uint32_t kind, int32_t error,
		    uint32_t access)
{
	mend = with;
	faults = 0;
	repairs = 1;
	attempt_named(what)();
	HOLDS(faults == 1);
	HOLDS(told.kind == kind);
	HOLDS(told.error == error);
	HOLDS(told.access == access);
	if (told.object.lo | told.object.hi)
		HOLDS(twz_id_equal(told.object, obj.id));
	twz_print("%s: kind %u, %s, offset %llx: repaired\n", what, told.kind,
		  twz_error_text(told.error), (ull)told.offset);
}

static void map_something(void)
{
	const struct twz_rt_info *info = twz_rt_info();
	struct twz_view_slot *entry = &info->view[info->nslots - 2];

	entry->id = open_one("/faults/plain").id;
	entry->epoch = info->epoch;
	__atomic_store_n(&entry->rights, TWZ_VIEW_READ, __ATOMIC_RELEASE);
	obj.id = entry->id;
}

static void map_another(void)
{
	struct twz_obj gone = obj;
	uint32_t slot =
		(uint32_t)(((uint64_t)gone.base - twz_rt_info()->slot_base) / TWZ_SLOT_SIZE);

	twz_rt_info()->view[slot].id = open_one("/faults/plain").id;
	NEED(twz_rt_invalidate(slot, 1));
}

static void give_right(void)
{
	show(obj.id, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
}

static void lift_limit(void)
{
	NEED(twz_rt_drop(obj.id, TWZ_OBJ_DATA / TWZ_PAGE, 1));
}

static void bind_name(void)
{
	NEED(twz_name_bind("/faults/later", open_one("/faults/plain").id, 0));
}

static void make_room(void)
{
	struct twz_id id;

	NEED(twz_name_resolve("/faults/ballast", &id));
	NEED(twz_name_unbind("/faults/ballast", TWZ_NAME_DELETE));
}

static void make_ballast(void)
{
	struct twz_obj o = make_one("/faults/ballast");

	memset((uint8_t *)twz_obj_data(&o), 1, 64 * TWZ_PAGE);
	NEED(twz_obj_recycle(&o)); /* or it would keep its pages when it is deleted */
}

static void repair(void)
{
	twz_rt_on_fault(repairs_it, NULL);
	attempt("nothing", map_something, TWZ_FAULT_OBJECT, TWZ_E_OUTSIDE, TWZ_VIEW_READ);
	attempt("gone", map_another, TWZ_FAULT_OBJECT, TWZ_E_NOTFOUND, TWZ_VIEW_READ);
	attempt("right", give_right, TWZ_FAULT_RIGHT, TWZ_E_RIGHT, TWZ_VIEW_WRITE);
	attempt("limit", lift_limit, TWZ_FAULT_RIGHT, TWZ_E_RIGHT, TWZ_VIEW_WRITE);
	attempt("unresolved", bind_name, TWZ_FAULT_UNRESOLVED, TWZ_E_UNRESOLVED, TWZ_VIEW_READ);
	make_ballast();
	attempt("full", make_room, TWZ_FAULT_FULL, TWZ_E_FULL, TWZ_VIEW_WRITE);
	NEED(twz_obj_delete(obj.id));
}

/* ---- broken memory ---------------------------------------------------------------------------------- */

/* What was there is lost: a page of zeros is put in its place. */
static bool replaces_page(const struct twz_fault *fault, void *arg)
{
	(void)arg;
	if (fault->kind != TWZ_FAULT_MACHINE)
		return false;
	told = *fault;
	NEED(twz_rt_drop(fault->object, fault->offset / TWZ_PAGE, 1));
	faults++;
	return true;
}

static void read_on(const char *name, bool repaired)
{
	uint64_t sum = 1;

	obj = open_one(name);
	if (repaired)
		twz_rt_on_fault(replaces_page, NULL);
	twz_print("reads\n");
	twz_flush();
	while (!__atomic_load_n(&faults, __ATOMIC_RELAXED))
		sum += *at(TWZ_OBJ_DATA);
	twz_print("machine error: %s, access %u, offset %llx; reads %u now\n",
		  twz_id_equal(told.object, obj.id) ? "of the object" : "elsewhere", told.access,
		  (ull)told.offset, *at(TWZ_OBJ_DATA));
}

int main(int argc, char **argv)
{
	HOLDS(argc > 1);
	if (!strcmp(argv[1], "make"))
		make();
	else if (!strcmp(argv[1], "repair"))
		repair();
	else if (!strcmp(argv[1], "end") && argc > 2)
		attempt_named(argv[2])();
	else if (!strcmp(argv[1], "read") && argc > 2)
		read_on(argv[2], argc > 3);
	return 0;
}
