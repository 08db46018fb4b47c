/*
 * check.c - twz check: the store by core's checker, then what lies inside the objects.
 *
 * The store's invariants are core/check.h's. Here: each object's log, meta page, FOT and heap, each
 * namespace and context, sealed objects against their digests; and from the well-known objects on, through names
 * and FOT entries, which objects can be reached. What is wrong is a violation; what an interrupted
 * program may leave (a name that dangles, an object that nothing leads to) is a note.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "abi/view.h"
#include "core/check.h"
#include "core/fot.h"
#include "core/gate.h"
#include "core/heap.h"
#include "tools/twz/twz.h"

typedef unsigned long long ull;

struct checking {
	struct store *store;
	uint8_t *window; /* of a slot's size and alignment: an object is put together here */
	struct objects all;
	bool *reached;  /* of each */
	uint32_t *todo; /* those that are reached, and what they lead to not yet looked at */
	uint32_t ntodo;
	uint64_t violations, notes, names;
};

static void violation_store(void *arg, const char *invariant, uint64_t frame, const char *what)
{
	struct checking *c = arg;

	c->violations++;
	if (!json) {
		printf("%s violated at frame %llu: %s\n", invariant, (ull)frame, what);
		return;
	}
	json_object(NULL);
	json_text("kind", "violation");
	json_text("invariant", invariant);
	json_number("frame", frame);
	json_text("text", what);
	json_end();
}

static void say(const char *kind, struct twz_id id, const char *format, va_list args)
{
	char what[TWZ_NAME_MAX + 256], text[TWZ_ID_TEXT];

	vsnprintf(what, sizeof(what), format, args);
	if (json) {
		json_object(NULL);
		json_text("kind", kind);
		json_id("object", id);
		json_text("text", what);
		json_end();
		return;
	}
	twz_id_text(id, text);
	printf("%sobject %s: %s\n", strcmp(kind, "note") ? "" : "note: ", text, what);
}

__attribute__((format(printf, 3, 4))) static void violation(struct checking *c, struct twz_id id,
							    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("violation", id, format, args);
	va_end(args);
	c->violations++;
}

__attribute__((format(printf, 3, 4))) static void note(struct checking *c, struct twz_id id,
						       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("note", id, format, args);
	va_end(args);
	c->notes++;
}

/* ---- inside an object ----------------------------------------------------------------------------- */

/*
 * An address that core takes for a standard slot: aligned to its size, below the large places. Null
 * if there is none.
 */
static uint8_t *window_make(void)
{
	for (uint64_t at = 1ull << 45; at < 1ull << 46; at += TWZ_SLOT_SIZE) {
		void *p = mmap((void *)at, TWZ_SLOT_SIZE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
			       -1, 0);

		if (p == (void *)at)
			return p;
		if (p != MAP_FAILED)
			munmap(p, TWZ_SLOT_SIZE);
	}
	return NULL;
}

/* Copies what a standard slot shows of the object into the window. */
static int window_fill(struct checking *c, struct object *o)
{
	const uint64_t pages = TWZ_SLOT_SIZE / TWZ_PAGE;
	struct store_run run;

	if (madvise(c->window, TWZ_SLOT_SIZE, MADV_DONTNEED))
		return TWZ_E_NOMEM;
	for (uint64_t page = 1; page < pages; page += run.pages) {
		int error = store_run(c->store, o->ref, page, pages - page, &run);

		if (error || !run.pages)
			return object_damaged(o, "page %llu cannot be found", (ull)page);
		if (run.frame)
			memcpy(c->window + page * TWZ_PAGE,
			       c->store->base + (uint64_t)run.frame * TWZ_PAGE,
			       run.pages * TWZ_PAGE);
	}
	return 0;
}

static void check_fot(struct checking *c, struct twz_id id, const struct twz_meta *meta)
{
	uint32_t live = 0;

	if (meta->fot_next >= TWZ_FOT_ENTRIES) {
		violation(c, id, "fot: %u entries given out", meta->fot_next);
		return;
	}
	for (uint32_t i = 1; i <= meta->fot_next; i++) {
		const struct twz_fot_entry *e = fot_entry(c->window, i);

		live += e->kind == TWZ_FOT_ID || e->kind == TWZ_FOT_NAME;
		if (e->kind == TWZ_FOT_EMPTY || e->kind > TWZ_FOT_TOMB)
			violation(c, id, "fot: entry %u is of kind %u", i, e->kind);
		else if (e->kind == TWZ_FOT_ID && fot_find(NULL, c->window, e->target) != i)
			violation(c, id, "fot: entry %u is not found by its target", i);
	}
	if (live != meta->fot_live)
		violation(c, id, "fot: %u live entries, and the meta page says %u", live,
			  meta->fot_live);
}

static void check_sealed(struct checking *c, struct object *o)
{
	struct store_run run;

	for (uint64_t page = 0; page < STORE_PAGES_MAX; page += run.pages) {
		if (store_run(c->store, o->ref, page, STORE_PAGES_MAX - page, &run) || !run.pages)
			return; /* the store's checker has said so */
		for (uint64_t i = 0; run.frame && i < run.pages; i++)
			if (store_verify(c->store, o->ref, page + i)) {
				violation(c, o->id, "sealed: page %llu is not what was sealed",
					  (ull)(page + i));
				return;
			}
	}
}

/* The chains of a run, one behind the other. */
static int check_run(struct object *o, const struct twz_context_entry *e)
{
	struct twz_cap cap;

	for (uint32_t i = 0; i < e->count; i += cap.depth + 1) {
		int error = object_read(o, e->off + i * sizeof(cap), &cap, sizeof(cap));

		if (error)
			return error;
		if (cap.magic != TWZ_CAP_MAGIC || cap.depth > TWZ_CAP_DEPTH_MAX ||
		    cap.depth >= e->count - i)
			return object_damaged(o, "context: the capability at 0x%llx is damaged",
					      (ull)(e->off + i * sizeof(cap)));
	}
	return 0;
}

/* Does what the entry refers to lie where it should? */
static bool entry_sound(const struct twz_context *head, const struct twz_context_entry *e)
{
	bool cap = e->kind == TWZ_CONTEXT_CAP;
	uint64_t each = cap ? sizeof(struct twz_cap) : sizeof(struct twz_mask);
	uint64_t bytes = cap ? e->count * each : each;

	return (cap || e->kind == TWZ_CONTEXT_MASK) && e->off >= head->table &&
	       e->off % each == 0 && e->off <= head->heap && bytes <= head->heap - e->off;
}

/* G1 to G6, and that they lie where they should. */
static int check_gates(struct object *o, const struct twz_context *head)
{
	struct twz_gate gate;

	if (!gates_placed(head))
		return object_damaged(o, "context: its gates are out of place");
	for (uint64_t i = 0; i < head->ngates; i++) {
		int error = object_read(o, head->gates + i * sizeof(gate), &gate, sizeof(gate));

		if (error)
			return error;
		if (!gate_sound(&gate))
			return object_damaged(o, "context: gate %llu is damaged", (ull)i);
	}
	return 0;
}

static int check_context(struct object *o)
{
	struct twz_context head;
	struct twz_context_entry e;
	uint64_t used = 0;
	int error = object_read(o, TWZ_OBJ_DATA, &head, sizeof(head));

	if (error)
		return error;
	if (head.magic != TWZ_CONTEXT_MAGIC || head.version != 1 || !head.nentries ||
	    head.nentries & (head.nentries - 1) || head.nentries > TWZ_SLOT_SIZE / sizeof(e) ||
	    head.table < TWZ_OBJ_DATA + sizeof(head) || head.heap > TWZ_SLOT_SIZE ||
	    head.table > head.heap || head.nentries * sizeof(e) > head.heap - head.table)
		return object_damaged(o, "context: the header is damaged");
	for (uint64_t i = 0; i < head.nentries; i++) {
		error = object_read(o, head.table + i * sizeof(e), &e, sizeof(e));
		if (!error && !e.kind)
			continue;
		used++;
		if (!error && !entry_sound(&head, &e))
			error = object_damaged(o, "context: entry %llu is damaged", (ull)i);
		if (!error && e.kind == TWZ_CONTEXT_CAP)
			error = check_run(o, &e);
		if (error)
			return error;
	}
	if (used != head.nused)
		return object_damaged(o, "context: %llu entries, and the header says %llu",
				      (ull)used, (ull)head.nused);
	return check_gates(o, &head);
}

static void check_object(struct checking *c, struct twz_id id)
{
	struct object o;
	struct twz_meta meta;
	int error = object_find(c->store, id, &o);

	if (!error)
		error = object_meta(&o, &meta);
	if (!error && (meta.heap || meta.fot_next))
		error = window_fill(c, &o);
	if (error) {
		violation(c, id, "%s", object_error(&o, error));
		return;
	}
	if (meta.size > TWZ_OBJ_SIZE_MAX - TWZ_OBJ_DATA)
		violation(c, id, "meta: a size of %llu bytes", (ull)meta.size);
	if (meta.fot_next)
		check_fot(c, id, &meta);
	if (meta.heap) {
		uint64_t where = 0;

		if (heap_check(c->window, &where))
			violation(c, id, "heap: wrong at offset 0x%llx", (ull)where);
	}
	if (o.record.identity.flags & TWZ_ID_SEALED)
		check_sealed(c, &o);
}

/* ---- what leads where ------------------------------------------------------------------------------- */

/* Null if it is not there. */
static const struct listed *listed(const struct checking *c, struct twz_id id)
{
	uint32_t i = objects_find(&c->all, id);

	return i == NO_OBJECT ? NULL : &c->all.listed[i];
}

/* Marks the object as reached. Null if it is not there. */
static const struct listed *reach(struct checking *c, struct twz_id id)
{
	const struct listed *l = listed(c, id);

	if (l && !c->reached[l - c->all.listed]) {
		c->reached[l - c->all.listed] = true;
		c->todo[c->ntodo++] = (uint32_t)(l - c->all.listed);
	}
	return l;
}

static void check_names(struct checking *c, struct twz_id id)
{
	const struct listed *doomed;
	struct names names;
	struct name *list = NULL;
	uint64_t count = 0;
	int error = names_open(c->store, id, &names);

	if (!error)
		error = names_list(&names, &list, &count);
	if (error)
		violation(c, id, "namespace: %s", object_error(&names.object, error));
	doomed = error ? NULL : listed(c, names.head.doomed);
	if (doomed && !(doomed->flags & TWZ_RECORD_MARKED)) { /* else it was, and is tied */
		reach(c, doomed->id);
		note(c, doomed->id, "lost its name, and is deleted by the next change there");
	}
	for (uint64_t i = 0; i < count; i++) {
		struct name *name = &list[i];
		const struct listed *object = reach(c, name->id);

		c->names++;
		if (i && !strcmp(list[i - 1].text, name->text))
			violation(c, id, "namespace: the name '%s' is there twice",
				  printable(name->text));
		if (!object)
			note(c, id, "the name '%s' leads to no object", printable(name->text));
		else if (object->type != name->type)
			violation(c, id, "namespace: '%s' is listed with another type",
				  printable(name->text));
	}
	free(list);
}

/* What a view maps of lasting objects, its program's image among them, is reached by it. */
static void check_view(struct checking *c, struct object *o)
{
	struct twz_view_slot entry;
	uint64_t at = TWZ_OBJ_DATA + offsetof(struct twz_view, slot);

	for (uint32_t i = 0; i < TWZ_VIEW_SLOTS + TWZ_VIEW_PLACES; i++, at += sizeof(entry)) {
		if (object_read(o, at, &entry, sizeof(entry)))
			return;
		if (!twz_id_none(entry.id) && !entry.epoch)
			reach(c, entry.id);
	}
}

/* What is tied to the object goes with it: it is not lost. */
static void check_ties(struct checking *c, const struct object *o)
{
	const struct twz_record *record;
	uint64_t other = 0;
	uint32_t kinds;

	while (!store_tie_next(c->store, o->ref, true, &other, &kinds)) {
		record = store_record(c->store, other);
		if (record)
			reach(c, record->id);
	}
}

static void follow(struct checking *c, struct twz_id id)
{
	struct object o;
	struct twz_meta meta;
	struct twz_fot_entry entry;

	if (object_find(c->store, id, &o))
		return;
	reach(c, o.record.identity.key);
	check_ties(c, &o);
	if (o.record.identity.type == TWZ_TYPE_NAMESPACE)
		check_names(c, id);
	if (o.record.identity.type == TWZ_TYPE_CONTEXT && check_context(&o))
		violation(c, id, "%s", object_error(&o, TWZ_E_DAMAGED));
	if (o.record.identity.type == TWZ_TYPE_VIEW)
		check_view(c, &o);
	if (object_meta(&o, &meta) || meta.fot_next >= TWZ_FOT_ENTRIES)
		return;
	for (uint32_t i = 1; i <= meta.fot_next; i++) {
		if (object_read(&o, TWZ_OBJ_FOT + i * sizeof(entry), &entry, sizeof(entry)))
			return;
		if (entry.kind == TWZ_FOT_ID)
			reach(c, entry.target);
	}
}

static void check_reached(struct checking *c)
{
	const struct twz_super *super = c->store->super;

	if (twz_id_none(super->root))
		violation(c, super->root, "the store has no root namespace");
	else if (!reach(c, super->root))
		violation(c, super->root, "the root namespace is not there");
	reach(c, super->key);
	reach(c, super->boot);
	for (uint32_t i = 0; i < c->all.nlisted; i++)
		if (c->all.listed[i].state == TWZ_STATE_VIEW)
			reach(c, c->all.listed[i].id);
	while (c->ntodo)
		follow(c, c->all.listed[c->todo[--c->ntodo]].id);
	/* In a damaged store the damage may hide what leads to them. */
	for (uint32_t i = 0; i < c->all.nlisted && !c->violations; i++) {
		const struct listed *l = &c->all.listed[i];

		if (!c->reached[i] && l->state == TWZ_STATE_LIVE)
			note(c, l->id, "nothing leads to it (%s, %u pages)", type_name(l->type),
			     l->npages);
	}
}

/* ---- the command ------------------------------------------------------------------------------------ */

/* What cannot be read of them, the store's checker has said. */
static int list_objects(struct checking *c)
{
	int error = objects_list(c->store, &c->all);

	if (error)
		return error;
	c->reached = calloc(c->all.nlisted + 1ull, sizeof(*c->reached));
	c->todo = calloc(c->all.nlisted + 1ull, sizeof(*c->todo));
	return c->reached && c->todo ? 0 : TWZ_E_NOMEM;
}

static int check_store(struct checking *c)
{
	struct check check = {.arg = c, .report = violation_store};
	int error;

	check.scratch = calloc(1, CHECK_SCRATCH(c->store->nframes));
	c->window = window_make();
	if (!check.scratch || !c->window) {
		free(check.scratch);
		return TWZ_E_NOMEM;
	}
	error = store_check(c->store, &check);
	free(check.scratch);
	if (error && error != TWZ_E_DAMAGED)
		return error;
	error = list_objects(c);
	if (error)
		return error;
	for (uint32_t i = 0; i < c->all.nlisted; i++)
		check_object(c, c->all.listed[i].id);
	check_reached(c);
	return 0;
}

static void json_totals(const struct checking *c, const struct store_usage *usage)
{
	json_end();
	json_number("objects", usage->objects);
	json_number("names", c->names);
	json_number("used", usage->used);
	json_number("frames", usage->frames);
	json_number("notes", c->notes);
	json_number("violations", c->violations);
}

int command_check(int argc, char **argv)
{
	const struct option_spec spec[] = {{"--json", NULL, &json}, {NULL, NULL, NULL}};
	struct store s;
	struct checking c = {.store = &s};
	struct store_usage usage;
	int nrest, error, status = take_options(argc, argv, spec, 1, 1, &nrest);

	if (status)
		return status;
	status = store_open(argv[0], &s);
	if (status)
		return status;
	if (json) {
		json_object(NULL);
		json_array("findings");
	}
	error = check_store(&c);
	store_usage(&s, &usage);
	if (json)
		json_totals(&c, &usage);
	else
		printf("%llu objects, %llu names, %llu of %llu frames in use; %llu notes, %llu "
		       "violations\n",
		       (ull)usage.objects, (ull)c.names, (ull)usage.used, (ull)usage.frames,
		       (ull)c.notes, (ull)c.violations);
	if (error)
		status = fail(argv[0], "%s", twz_error_text(error));
	else if (c.violations)
		status = fail(argv[0], "the store is damaged");
	if (c.window)
		munmap(c.window, TWZ_SLOT_SIZE);
	objects_free(&c.all);
	free(c.reached);
	free(c.todo);
	store_close(&s);
	return status;
}
