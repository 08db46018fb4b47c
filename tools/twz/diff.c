/*
 * diff.c - twz diff: where two objects of a store differ, or two stores.
 *
 * Objects are compared in their meta page but for the log's head, in the FOT and in the data, as by
 * the program diff. What two objects of one store share is not read. Stores are compared object by
 * object: the same ID is the same object.
 */
#include <stdlib.h>
#include <string.h>

#include "core/differ.h"
#include "tools/twz/twz.h"

typedef unsigned long long ull;

enum { STATUS_DIFFERENT = 1, STATUS_TROUBLE = 2 };

#define RANGES_SHOWN 8u /* of one object, when stores are compared */

/* ---- two objects --------------------------------------------------------------------------------- */

struct comparing {
	struct object *a, *b;
	struct differ differ;
	uint64_t shared;    /* pages */
	uint64_t shown;     /* ranges */
	uint64_t most;      /* ranges to be shown */
	const char *indent; /* before each */
};

static int show_range(uint64_t offset, uint64_t bytes, void *arg)
{
	struct comparing *c = arg;
	const char *where = offset >= TWZ_OBJ_DATA  ? "data"
			    : offset >= TWZ_OBJ_FOT ? "FOT"
						    : "meta";
	const uint64_t start = offset >= TWZ_OBJ_DATA  ? TWZ_OBJ_DATA
			       : offset >= TWZ_OBJ_FOT ? TWZ_OBJ_FOT
						       : TWZ_OBJ_META;

	if (c->shown == c->most)
		return 0;
	c->shown++;
	if (json) {
		json_object(NULL);
		json_text("where", where);
		json_number("offset", offset);
		json_number("bytes", bytes);
		json_end();
	} else {
		printf("%s%-5s 0x%llx: %llu bytes\n", c->indent, where, (ull)(offset - start),
		       (ull)bytes);
	}
	return 0;
}

static const uint8_t *page_at(const struct object *o, const struct store_run *run, uint64_t i)
{
	static const uint64_t zeros[TWZ_PAGE / 8];

	return run->frame ? o->store->base + (run->frame + i) * TWZ_PAGE : (const uint8_t *)zeros;
}

/* From `page` on, at most up to `end`; *n says how many pages that were. */
static int compare_some(struct comparing *c, uint64_t page, uint64_t end, uint64_t *n)
{
	struct store_shared shared = {0, 0};
	struct store_run a, b;
	int error = 0;

	if (c->a->store == c->b->store)
		error = store_same(c->a->store, (struct store_place){c->a->ref, page},
				   (struct store_place){c->b->ref, page}, end - page, &shared);
	c->shared += shared.present;
	*n = shared.pages;
	if (error || *n)
		return error;
	error = store_run(c->a->store, c->a->ref, page, end - page, &a);
	if (error || !a.pages)
		return object_damaged(c->a, "page %llu cannot be found", (ull)page);
	error = store_run(c->b->store, c->b->ref, page, a.pages, &b);
	if (error || !b.pages)
		return object_damaged(c->b, "page %llu cannot be found", (ull)page);
	/* In one store what follows the first page may be shared. */
	*n = c->a->store == c->b->store ? 1 : b.pages;
	for (uint64_t i = 0; !error && (a.frame || b.frame) && i < *n; i++)
		error = differ_page(&c->differ, page + i, page_at(c->a, &a, i),
				    page_at(c->b, &b, i));
	return error;
}

static int compare_pages(struct comparing *c, uint64_t page, uint64_t end)
{
	int error = 0;

	for (uint64_t n = 0; !error && page < end; page += n)
		error = compare_some(c, page, end, &n);
	return error;
}

static int compare(struct comparing *c)
{
	const uint64_t meta = TWZ_OBJ_META / TWZ_PAGE;
	int error;

	c->differ.each = show_range;
	c->differ.arg = c;
	error = compare_pages(c, meta, meta + 1);
	if (!error)
		error = compare_pages(c, TWZ_OBJ_FOT / TWZ_PAGE, STORE_PAGES_MAX);
	return error ? error : differ_end(&c->differ);
}

/* What is wrong with either. */
static const char *compare_error(const struct comparing *c, int error)
{
	return object_error(c->a->trouble[0] ? c->a : c->b, error);
}

static int diff_objects(const char *path, const char *first, const char *second, bool quiet)
{
	struct comparing c = {.indent = "", .most = quiet ? 0 : UINT64_MAX};
	struct object a, b;
	struct store s;
	int error, status = store_open(path, &s);

	if (status)
		return STATUS_TROUBLE;
	status = object_named(&s, first, &a);
	if (!status)
		status = object_named(&s, second, &b);
	if (status) {
		store_close(&s);
		return STATUS_TROUBLE;
	}
	c.a = &a;
	c.b = &b;
	if (json) {
		json_object(NULL);
		json_id("a", a.id);
		json_id("b", b.id);
		json_array("ranges");
	}
	error = compare(&c);
	if (error) {
		fail(second, "%s", compare_error(&c, error));
	} else if (json) {
		json_end();
		json_number("bytes", c.differ.bytes);
		json_number("shared_pages", c.shared);
	} else {
		printf("%llu bytes differ, in %llu ranges; %llu pages are shared\n",
		       (ull)c.differ.bytes, (ull)c.differ.ranges, (ull)c.shared);
	}
	store_close(&s);
	return error ? STATUS_TROUBLE : c.differ.ranges ? STATUS_DIFFERENT : STATUS_OK;
}

/* ---- two stores ---------------------------------------------------------------------------------- */

struct change {
	uint32_t a, b; /* in the first and second store; NO_OBJECT: not there */
	char *path;    /* or ID */
};

struct stores {
	struct objects a, b;
	struct change *change; /* one for each object */
	uint32_t n;
	uint64_t added, gone, changed, equal;
	bool quiet;
	int status;
};

static int by_path(const void *a, const void *b)
{
	const struct change *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	/* A name that leads to another object: the old one first. */
	return order ? order : (x->a == NO_OBJECT) - (y->a == NO_OBJECT);
}

static int add_change(struct stores *s, uint32_t a, uint32_t b)
{
	char text[TWZ_PATH_MAX + 1];
	struct change c = {a, b,
			   strdup(b == NO_OBJECT ? objects_path(&s->a, a, text)
						 : objects_path(&s->b, b, text))};

	if (!c.path)
		return TWZ_E_NOMEM;
	if (!room_for((void **)&s->change, s->n, sizeof(c))) {
		free(c.path);
		return TWZ_E_NOMEM;
	}
	s->change[s->n++] = c;
	return 0;
}

static int find_changes(struct stores *s)
{
	int error = 0;

	for (uint32_t i = 0; !error && i < s->a.nlisted; i++)
		error = add_change(s, i, objects_find(&s->b, s->a.listed[i].id));
	for (uint32_t i = 0; !error && i < s->b.nlisted; i++)
		if (objects_find(&s->a, s->b.listed[i].id) == NO_OBJECT)
			error = add_change(s, NO_OBJECT, i);
	if (s->n)
		qsort(s->change, s->n, sizeof(*s->change), by_path);
	return error;
}

/* "added    ID  /path", left open in JSON. */
static void show_change(const char *what, const struct listed *l, const char *path)
{
	char id[TWZ_ID_TEXT], text[TWZ_PATH_MAX + 1];

	twz_id_text(l->id, id);
	if (json) {
		json_object(NULL);
		json_text("change", what);
		json_id("id", l->id);
		json_text("type", type_name(l->type));
		if (path[0] == '/')
			json_text("path", path);
		return;
	}
	printf("%-8s %s  %-9s  %s\n", what, id, type_name(l->type),
	       path[0] == '/' ? printable(strcpy(text, path)) : "");
}

/* An object that both have: said only if it differs, which is known after the first range. */
static int compare_both(struct stores *s, const struct change *c)
{
	struct object a, b;
	struct comparing count = {.a = &a, .b = &b, .most = 0},
			 tell = {.a = &a,
				 .b = &b,
				 .most = s->quiet ? 0 : RANGES_SHOWN,
				 .indent = "    "};
	int error = object_find(s->a.store, s->a.listed[c->a].id, &a);

	b.trouble[0] = 0;
	if (!error)
		error = object_find(s->b.store, s->b.listed[c->b].id, &b);
	if (!error)
		error = compare(&count);
	if (error) {
		s->status = STATUS_TROUBLE;
		fail(c->path, "%s", compare_error(&count, error));
		return error == TWZ_E_NOMEM ? error : 0;
	}
	if (!count.differ.ranges) {
		s->equal++;
		return 0;
	}
	s->changed++;
	show_change("changed", &s->b.listed[c->b], c->path);
	if (json)
		json_array("ranges");
	if (tell.most)
		error = compare(&tell);
	if (json) {
		json_end();
		json_number("nranges", count.differ.ranges);
		json_number("bytes", count.differ.bytes);
		json_end();
	} else if (count.differ.ranges > tell.most) {
		printf("    in all %llu bytes in %llu ranges\n", (ull)count.differ.bytes,
		       (ull)count.differ.ranges);
	}
	return error;
}

static int show_changes(struct stores *s)
{
	int error = 0;

	for (uint32_t i = 0; !error && i < s->n; i++) {
		const struct change *c = &s->change[i];

		if (c->a != NO_OBJECT && c->b != NO_OBJECT) {
			error = compare_both(s, c);
			continue;
		}
		if (c->a == NO_OBJECT) {
			show_change("added", &s->b.listed[c->b], c->path);
			s->added++;
		} else {
			show_change("gone", &s->a.listed[c->a], c->path);
			s->gone++;
		}
		if (json)
			json_end();
	}
	return error;
}

static void show_totals(const struct stores *s)
{
	if (!json) {
		printf("%llu objects added, %llu gone, %llu changed, %llu equal\n", (ull)s->added,
		       (ull)s->gone, (ull)s->changed, (ull)s->equal);
		return;
	}
	json_end();
	json_number("added", s->added);
	json_number("gone", s->gone);
	json_number("changed", s->changed);
	json_number("equal", s->equal);
}

static void stores_free(struct stores *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		free(s->change[i].path);
	free(s->change);
	objects_free(&s->a);
	objects_free(&s->b);
}

static int diff_opened(struct stores *s, struct store *a, struct store *b, const char *second)
{
	int error = objects_load(a, &s->a);

	if (!error)
		error = objects_load(b, &s->b);
	if (!error)
		error = find_changes(s);
	if (json) {
		json_object(NULL);
		json_array("objects");
	}
	if (!error)
		error = show_changes(s);
	if (error) {
		fail(second, "%s", twz_error_text(error));
		return STATUS_TROUBLE;
	}
	show_totals(s);
	if (s->a.damaged || s->b.damaged) {
		fail(second, "not all of both could be read: %s (twz check)",
		     s->a.trouble[0]   ? s->a.trouble
		     : s->b.trouble[0] ? s->b.trouble
				       : "records are damaged");
		return STATUS_TROUBLE;
	}
	if (s->status)
		return s->status;
	return s->added | s->gone | s->changed ? STATUS_DIFFERENT : STATUS_OK;
}

static int diff_stores(const char *first, const char *second, bool quiet)
{
	struct stores s = {.quiet = quiet};
	struct store a, b;
	int status = store_open(first, &a);

	if (status)
		return STATUS_TROUBLE;
	status = store_open(second, &b);
	if (status) {
		store_close(&a);
		return STATUS_TROUBLE;
	}
	status = diff_opened(&s, &a, &b, second);
	stores_free(&s);
	store_close(&a);
	store_close(&b);
	return status;
}

int command_diff(int argc, char **argv)
{
	bool quiet = false;
	const struct option_spec spec[] = {
		{"-q", NULL, &quiet}, {"--json", NULL, &json}, {NULL, NULL, NULL}};
	int nrest, status = take_options(argc, argv, spec, 2, 3, &nrest);

	if (status)
		return status;
	return nrest == 2 ? diff_stores(argv[0], argv[1], quiet)
			  : diff_objects(argv[0], argv[1], argv[2], quiet);
}
