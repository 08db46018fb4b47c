/*
 * stat.c - twz stat and twz fot: what a store and an object are made of.
 */
#include <stdlib.h>
#include <string.h>

#include "core/ptr.h"
#include "tools/twz/twz.h"

typedef unsigned long long ull;

#define TIES_SHOWN 16

/* ---- the store ------------------------------------------------------------------------------------ */

static void print_size(const char *what, uint64_t frames)
{
	printf("%-12s %llu frames, %.1f MiB\n", what, (ull)frames, (double)frames / 256);
}

static void print_area(const char *what, struct twz_area area)
{
	printf("  %-10s frames %u to %u\n", what, area.frame, area.frame + area.frames - 1);
}

static void print_id(const char *what, struct twz_id id)
{
	char text[TWZ_ID_TEXT];

	twz_id_text(id, text);
	printf("%-12s %s\n", what, twz_id_none(id) ? "none" : text);
}

static void uuid_text(const uint8_t uuid[16], char text[static 37])
{
	for (int i = 0; i < 16; i++)
		text += sprintf(text, "%02x%s", uuid[i],
				i == 3 || i == 5 || i == 7 || i == 9 ? "-" : "");
}

static void json_area(const char *what, struct twz_area area)
{
	json_object(what);
	json_number("frame", area.frame);
	json_number("frames", area.frames);
	json_end();
}

static void json_store(const char *path, struct store *s)
{
	const struct twz_super_fixed *f = s->fixed;
	struct store_usage usage;
	char uuid[37];

	store_usage(s, &usage);
	uuid_text(f->uuid, uuid);
	json_object(NULL);
	json_text("store", path);
	json_text("uuid", uuid);
	json_number("version", f->version);
	json_number("frames", usage.frames);
	json_number("used", usage.used);
	json_number("objects", usage.objects);
	json_number("epoch", s->super->epoch - 1); /* before it was opened here */
	json_object("features");
	json_number("may", f->may);
	json_number("ro", f->ro);
	json_number("must", f->must);
	json_end();
	json_id("root", s->super->root);
	json_id("key", s->super->key);
	json_id("boot", s->super->boot);
	json_object("areas");
	json_area("blocks", f->block);
	json_area("shares", f->share);
	json_area("log", f->log);
	json_area("runtime", f->runtime);
	json_end();
}

static void stat_store(const char *path, struct store *s)
{
	const struct twz_super_fixed *f = s->fixed;
	struct store_usage usage;
	char uuid[37];

	store_usage(s, &usage);
	uuid_text(f->uuid, uuid);
	printf("%-12s %s\n%-12s %s\n", "store", path, "uuid", uuid);
	printf("%-12s %u\n", "version", f->version);
	print_size("size", usage.frames);
	print_size("used", usage.used);
	printf("%-12s %llu\n", "objects", (ull)usage.objects);
	printf("%-12s %llu\n", "epoch", (ull)s->super->epoch - 1); /* before it was opened here */
	printf("%-12s may 0x%llx, read-only 0x%llx, must 0x%llx\n", "features", (ull)f->may,
	       (ull)f->ro, (ull)f->must);
	print_id("root", s->super->root);
	print_id("key", s->super->key);
	print_id("boot", s->super->boot);
	puts("areas");
	print_area("blocks", f->block);
	print_area("shares", f->share);
	print_area("log", f->log);
	print_area("runtime", f->runtime);
}

/* ---- an object ------------------------------------------------------------------------------------ */

static void print_perms(const char *what, uint32_t perms)
{
	static const char *const names[] = {"read", "write", "execute", "use", "delete"};

	printf("%-12s", what);
	for (int i = 0; i < 5; i++)
		if (perms >> i & 1)
			printf(" %s", names[i]);
	puts(perms & TWZ_PERM_ALL ? "" : " none");
}

/* Of the key that the object is under, or of the object as a key. */
static int find_account(struct object *o, struct twz_account *a)
{
	const struct twz_identity *i = &o->record.identity;

	return store_account(o->store, i->type == TWZ_TYPE_KEY ? o->record.id : i->key, a);
}

static void print_account(struct object *o)
{
	struct twz_account a;
	int error = find_account(o, &a);

	if (error == TWZ_E_NOTFOUND)
		return;
	if (error) {
		printf("%-12s damaged\n", "account");
		return;
	}
	printf("%-12s %llu pages in %llu objects, ", "account", (ull)a.pages, (ull)a.objects);
	if (a.limit)
		printf("at most %llu pages\n", (ull)a.limit);
	else
		puts("no limit");
}

static const char *state_name(uint32_t state)
{
	static const char *const states[] = {"free", "live", "ending", "view", "dying", "internal"};

	return state < sizeof(states) / sizeof(states[0]) ? states[state] : "unknown";
}

static void json_account(struct object *o)
{
	struct twz_account a;

	if (find_account(o, &a))
		return; /* what is damaged is `check`'s to say */
	json_object("account");
	json_number("pages", a.pages);
	json_number("objects", a.objects);
	json_number("page_limit", a.limit);
	json_end();
}

static void json_record(struct object *o)
{
	const struct twz_record *r = &o->record;
	const struct twz_identity *i = &r->identity;

	json_object(NULL);
	json_id("id", r->id);
	json_text("type", type_name(i->type));
	json_perms("perms", i->perms);
	json_bool("sealed", i->flags & TWZ_ID_SEALED);
	json_id("key", i->key);
	json_account(o);
	json_text("state", state_name(r->state));
	json_number("end_epoch", r->end_epoch);
	json_bool("deleted", r->flags & TWZ_RECORD_MARKED);
	json_object("record");
	json_number("frame", o->ref >> 6);
	json_number("place", o->ref & 63);
	json_end();
	json_number("tree_height", r->level);
	json_number("pages", r->npages);
}

static void print_record(struct object *o)
{
	const struct twz_record *r = &o->record;
	const struct twz_identity *i = &r->identity;

	print_id("id", r->id);
	printf("%-12s %s (%u)\n", "type", type_name(i->type), i->type);
	print_perms("permissions", i->perms);
	printf("%-12s %s\n", "sealed", i->flags & TWZ_ID_SEALED ? "yes" : "no");
	print_id("key", i->key);
	print_account(o);
	printf("%-12s %s\n", "state", state_name(r->state));
	if (r->end_epoch)
		printf("%-12s with epoch %llu\n", "ends", (ull)r->end_epoch);
	printf("%-12s frame %llu, place %llu\n", "record", (ull)(o->ref >> 6), (ull)(o->ref & 63));
	if (r->level)
		printf("%-12s tree of height %u below frame %u\n", "map", r->level,
		       r->map.tree.root);
	else
		printf("%-12s runs in the record\n", "map");
	printf("%-12s %u present, %llu bytes\n", "pages", r->npages, (ull)r->npages * TWZ_PAGE);
	if (r->flags & TWZ_RECORD_MARKED)
		printf("%-12s with its last tie\n", "deleted");
}

static void print_extent(const struct store_run *run)
{
	if (json) {
		json_object(NULL);
		json_number("page", run->page);
		json_number("pages", run->pages);
		json_number("frame", run->frame);
		json_bool("shared", run->shared);
		json_perms("without", run->limit);
		json_end();
		return;
	}
	printf("  pages %llu to %llu: frames %u to %llu%s", (ull)run->page,
	       (ull)(run->page + run->pages - 1), run->frame, (ull)(run->frame + run->pages - 1),
	       run->shared ? ", shared" : "");
	if (run->limit)
		printf(", without rights 0x%x", run->limit);
	putchar('\n');
}

/* Stretches of pages in one state, joined over the nodes that they cross. */
static int print_extents(struct object *o)
{
	struct store_run run, last = {.pages = 0};

	if (json)
		json_array("extents");
	else
		puts("extents");
	for (uint64_t page = 0; page <= STORE_PAGES_MAX; page += run.pages) {
		int error = 0;

		if (page < STORE_PAGES_MAX)
			error = store_run(o->store, o->ref, page, STORE_PAGES_MAX - page, &run);
		else
			run = (struct store_run){.pages = 1};
		if (!error && !run.pages)
			error = TWZ_E_DAMAGED;
		if (error)
			return object_damaged(o, "page %llu cannot be found", (ull)page);
		if (last.frame && run.frame == last.frame + last.pages &&
		    run.shared == last.shared && run.limit == last.limit) {
			last.pages += run.pages;
			continue;
		}
		if (last.frame)
			print_extent(&last);
		last = run;
	}
	if (json)
		json_end();
	return 0;
}

static void json_meta(const struct twz_meta *meta)
{
	json_number("size", meta->size);
	json_number("fot_next", meta->fot_next);
	json_number("fot_live", meta->fot_live);
	json_number("extensions", meta->ext_count);
	json_number("log_retired", meta->log.retired);
	json_number("log_lock", meta->log.lock);
}

static void print_words(const struct twz_meta *meta)
{
	printf("%-12s %llu bytes of data\n", "size", (ull)meta->size);
	printf("%-12s %u entries given out, %u live\n", "fot", meta->fot_next, meta->fot_live);
	if (meta->ext_count)
		printf("%-12s %u\n", "extensions", meta->ext_count);
	printf("%-12s retired up to %llu, ", "log", (ull)meta->log.retired);
	if (meta->log.lock)
		printf("locked by %llu in epoch %llu\n", (ull)(meta->log.lock & 0x7fffffff),
		       (ull)(meta->log.lock >> 32));
	else
		puts("free");
}

static int print_meta(struct object *o)
{
	struct twz_meta meta;
	struct twz_heap heap;
	int error = object_meta(o, &meta);

	if (error)
		return error;
	if (json)
		json_meta(&meta);
	else
		print_words(&meta);
	if (!meta.heap)
		return 0;
	error = object_read(o, meta.heap, &heap, sizeof(heap));
	if (error)
		return error;
	if (heap.magic != TWZ_HEAP_MAGIC)
		return object_damaged(o, "there is no heap at offset 0x%llx", (ull)meta.heap);
	if (json) {
		json_object("heap");
		json_number("start", heap.start);
		json_number("top", heap.top);
		json_number("end", heap.end);
		json_end();
	} else {
		printf("%-12s from 0x%llx, cut up to 0x%llx, end 0x%llx\n", "heap", (ull)heap.start,
		       (ull)heap.top, (ull)heap.end);
	}
	return 0;
}

int command_stat(int argc, char **argv)
{
	const struct option_spec spec[] = {{"--json", NULL, &json}, {NULL, NULL, NULL}};
	struct store s;
	struct object o;
	int nrest, error, status = take_options(argc, argv, spec, 1, 2, &nrest);

	if (status)
		return status;
	status = store_open(argv[0], &s);
	if (status)
		return status;
	if (nrest == 1) {
		(json ? json_store : stat_store)(argv[0], &s);
	} else if (!(status = object_named(&s, argv[1], &o))) {
		(json ? json_record : print_record)(&o);
		error = ties_print(&o, TIES_SHOWN);
		if (!error)
			error = print_meta(&o);
		if (!error)
			error = print_extents(&o);
		if (error)
			status = fail(argv[1], "%s", object_error(&o, error));
	}
	store_close(&s);
	return status;
}

/* ---- the Foreign Object Table --------------------------------------------------------------------- */

static int print_fot_name(struct object *o, uint64_t word)
{
	char text[TWZ_PATH_MAX + 1];
	uint64_t off = ptr_offset(word), bytes = word >> TWZ_PTR_OFF_BITS;
	int error;

	if (bytes > TWZ_PATH_MAX)
		return object_damaged(o, "a name of %llu bytes", (ull)bytes);
	error = object_read(o, off, text, bytes);
	if (error)
		return error;
	text[bytes] = 0;
	if (json)
		json_bytes("name", text, bytes);
	else
		printf("%s", printable(text));
	return 0;
}

/* Is the target tied to the object by a pointer? The flag in the entry is only what somebody wrote there. */
static bool holds(struct object *o, struct twz_id target)
{
	uint64_t ref, other = 0;
	uint32_t kinds;

	if (store_find(o->store, target, &ref))
		return false;
	while (!store_tie_next(o->store, ref, false, &other, &kinds))
		if (other == o->ref)
			return kinds & TWZ_TIE_HOLD;
	return false;
}

static int json_entry(struct object *o, uint32_t index, const struct twz_fot_entry *e,
		      const char *kind)
{
	int error = 0;

	json_object(NULL);
	json_number("index", index);
	json_text("kind", kind);
	json_bool("hold", e->kind == TWZ_FOT_ID && holds(o, e->target));
	if (e->kind == TWZ_FOT_ID)
		json_id("target", e->target);
	if (e->kind == TWZ_FOT_NAME) {
		error = print_fot_name(o, e->name);
		json_id("resolver", e->target);
	}
	json_end();
	return error;
}

static int print_fot(struct object *o)
{
	static const char *const kinds[] = {"empty", "id", "name", "deleted"};
	struct twz_meta meta;
	int error = object_meta(o, &meta);

	if (!error && meta.fot_next >= TWZ_FOT_ENTRIES)
		error = object_damaged(o, "the FOT has %u entries", meta.fot_next);
	for (uint32_t i = 1; !error && i <= meta.fot_next; i++) {
		struct twz_fot_entry e;
		char target[TWZ_ID_TEXT];

		error = object_read(o, TWZ_OBJ_FOT + i * sizeof(e), &e, sizeof(e));
		if (error)
			break;
		if (e.kind >= sizeof(kinds) / sizeof(kinds[0]))
			return object_damaged(o, "FOT entry %u is of kind %u", i, e.kind);
		if (json) {
			error = json_entry(o, i, &e, kinds[e.kind]);
			continue;
		}
		printf("%5u  %-7s  %-4s  ", i, kinds[e.kind],
		       e.kind == TWZ_FOT_ID && holds(o, e.target) ? "hold" : "-");
		twz_id_text(e.target, target);
		if (e.kind == TWZ_FOT_ID)
			printf("%s", target);
		if (e.kind == TWZ_FOT_NAME)
			error = print_fot_name(o, e.name);
		if (e.kind == TWZ_FOT_NAME && !twz_id_none(e.target))
			printf("  resolver %s", target);
		putchar('\n');
	}
	return error;
}

int command_fot(int argc, char **argv)
{
	const struct option_spec spec[] = {{"--json", NULL, &json}, {NULL, NULL, NULL}};
	struct store s;
	struct object o;
	int nrest, error, status = take_options(argc, argv, spec, 2, 2, &nrest);

	if (status)
		return status;
	status = store_open(argv[0], &s);
	if (status)
		return status;
	status = object_named(&s, argv[1], &o);
	if (!status) {
		if (json) {
			json_object(NULL);
			json_id("object", o.id);
			json_array("entries");
		}
		error = print_fot(&o);
		if (error)
			status = fail(argv[1], "%s", object_error(&o, error));
	}
	store_close(&s);
	return status;
}
