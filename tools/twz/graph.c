/*
 * graph.c - twz graph: objects, and what leads from one to another. tools/twz/graph.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ptr.h"
#include "tools/twz/graph.h"

const char *const link_names[LINK_KINDS] = {"pointer", "hold", "late", "tie", "name"};

/* ---- what leads where ---------------------------------------------------------------------------- */

static int add_link(struct graph *g, uint32_t from, uint32_t to, enum link_kind kind)
{
	if (to == NO_OBJECT)
		return 0;
	if (!room_for((void **)&g->link, g->nlinks, sizeof(*g->link)))
		return TWZ_E_NOMEM;
	g->link[g->nlinks++] = (struct link){.from = from, .to = to, .kind = (uint16_t)kind};
	return 0;
}

/* A late-bound entry, if it is one that the root namespace resolves. */
static int add_late(struct graph *g, uint32_t from, struct object *o, const struct twz_fot_entry *e)
{
	char path[TWZ_PATH_MAX];
	uint64_t bytes = e->name >> TWZ_PTR_OFF_BITS;
	int error;

	if (!twz_id_none(e->target))
		return add_link(g, from, objects_find(&g->all, e->target), LINK_LATE);
	if (bytes > sizeof(path))
		return object_damaged(o, "a name of %llu bytes", (unsigned long long)bytes);
	error = object_read(o, ptr_offset(e->name), path, bytes);
	return error ? error : add_link(g, from, objects_path_to(&g->all, path, bytes), LINK_LATE);
}

static int add_fot(struct graph *g, uint32_t from, struct object *o)
{
	struct twz_fot_entry e;
	struct twz_meta meta;
	int error = object_meta(o, &meta);

	if (!error && meta.fot_next >= TWZ_FOT_ENTRIES)
		error = object_damaged(o, "the FOT has %u entries", meta.fot_next);
	for (uint32_t i = 1; !error && i <= meta.fot_next; i++) {
		error = object_read(o, TWZ_OBJ_FOT + i * sizeof(e), &e, sizeof(e));
		if (!error && e.kind == TWZ_FOT_ID)
			error = add_link(g, from, objects_find(&g->all, e.target), LINK_POINTER);
		else if (!error && e.kind == TWZ_FOT_NAME)
			error = add_late(g, from, o, &e);
	}
	return error;
}

/* What is tied to the object. */
static int add_ties(struct graph *g, uint32_t to, struct object *o)
{
	uint64_t other = 0;
	uint32_t kinds, left = g->all.nlisted; /* a damaged list may go round */
	int error;

	while (!(error = store_tie_next(o->store, o->ref, true, &other, &kinds)) && left--) {
		const struct twz_record *record = store_record(o->store, other);
		uint32_t from = record ? objects_find(&g->all, record->id) : NO_OBJECT;

		if (from == NO_OBJECT)
			return object_damaged(o, "a tie leads to no record");
		if (kinds & TWZ_TIE_PLAIN)
			error = add_link(g, from, to, LINK_TIE);
		if (!error && kinds & TWZ_TIE_HOLD)
			error = add_link(g, to, from, LINK_HOLD);
		if (error)
			return error;
	}
	return error == TWZ_E_NOTFOUND ? 0 : object_damaged(o, "its ties are damaged");
}

static int add_names(struct graph *g)
{
	int error = 0;

	for (uint32_t i = 0; !error && i < g->all.nnames; i++) {
		const struct called *c = &g->all.names[i];

		if (g->all.listed[c->to].name != i)
			error = add_link(g, c->in, c->to, LINK_NAME);
	}
	return error;
}

static int by_ends(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

/* A tie that a pointer made stands behind that pointer, and becomes a property of it. */
static void join_holds(struct graph *g)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < g->nlinks; i++) {
		const struct link *l = &g->link[i];
		struct link *before = n ? &g->link[n - 1] : NULL;

		if (l->kind != LINK_HOLD)
			g->link[n++] = *l;
		else if (before && before->kind == LINK_POINTER && before->from == l->from &&
			 before->to == l->to)
			before->holds = true;
	}
	g->nlinks = n;
}

static int add_links(struct graph *g)
{
	int error = 0;

	for (uint32_t i = 0; error != TWZ_E_NOMEM && i < g->all.nlisted; i++) {
		struct object o;

		error = object_find(g->all.store, g->all.listed[i].id, &o);
		if (!error)
			error = add_fot(g, i, &o);
		if (!error)
			error = add_ties(g, i, &o);
		if (error && error != TWZ_E_NOMEM)
			objects_damaged(&g->all, &o, error);
	}
	if (error != TWZ_E_NOMEM)
		error = add_names(g);
	if (error == TWZ_E_NOMEM)
		return error;
	if (g->nlinks)
		qsort(g->link, g->nlinks, sizeof(*g->link), by_ends);
	join_holds(g);
	return 0;
}

/* ---- found again --------------------------------------------------------------------------------- */

/* Where each object's part begins, of something sorted by object: sums up counts, which stand one behind. */
static void sum_up(uint32_t *first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		first[i + 1] += first[i];
}

static void index_links(struct graph *g)
{
	const uint32_t n = g->all.nlisted;

	for (uint32_t i = 0; i < g->nlinks; i++) {
		const struct link *l = &g->link[i];

		g->first[l->from + 1]++;
		g->back_first[l->to + 1]++;
		g->out[l->from] += l->kind != LINK_NAME;
		g->in[l->to] += l->kind != LINK_NAME;
	}
	sum_up(g->first, n);
	sum_up(g->back_first, n);
	for (uint32_t i = g->nlinks;
	     i-- > 0;) /* backwards: the last place first, and so in order */
		g->back[--g->back_first[g->link[i].to + 1]] = i;
	/* Each is now where the one before it begins: one further. */
	memmove(g->back_first, g->back_first + 1, n * sizeof(*g->back_first));
	g->back_first[n] = g->nlinks;
}

/* ---- the tree ------------------------------------------------------------------------------------ */

/* Named ones first, then the store's own, then the rest: whoever comes first is above. */
static void find_up(struct graph *g)
{
	const struct objects *all = &g->all;
	uint32_t *order = g->order;
	const uint32_t n = all->nlisted;
	uint32_t norder = 0, next = 0, rest = 0;
	bool *there = (bool *)g->objects; /* which are counted later */

	if (all->root != NO_OBJECT) {
		order[norder++] = all->root;
		there[all->root] = true;
	}
	for (uint32_t i = 0; i < all->nnames; i++) {
		const struct called *c = &all->names[i];

		if (all->listed[c->to].name != i)
			continue;
		g->up[c->to] = c->in;
		there[c->to] = true;
		order[norder++] = c->to;
	}
	for (;;) {
		uint32_t at;

		while (next == norder && rest < n) {
			if (!there[rest]) {
				there[rest] = true;
				order[norder++] = rest;
			}
			rest++;
		}
		if (next == norder)
			break;
		at = order[next++];
		for (uint32_t i = g->first[at]; i < g->first[at + 1]; i++) {
			uint32_t to = g->link[i].to;

			if (there[to])
				continue;
			there[to] = true;
			g->up[to] = at;
			order[norder++] = to;
		}
	}
	memset(there, 0, n * sizeof(*there));
}

static const struct objects *sorting;

static int by_name(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	const uint32_t m = sorting->listed[x].name, n = sorting->listed[y].name;

	/* Names of one namespace are sorted, and stand together; IDs come behind, sorted too. */
	if (m != n)
		return m < n ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void make_tree(struct graph *g)
{
	const uint32_t n = g->all.nlisted;
	uint32_t total;

	find_up(g);
	for (uint32_t i = 0; i < n; i++)
		if (i != g->all.root)
			g->below_first[(g->up[i] == NO_OBJECT ? n : g->up[i]) + 1]++;
	sum_up(g->below_first, n + 1);
	total = g->below_first[n + 1];
	for (uint32_t i = 0; i < n; i++) {
		uint32_t up = g->up[i] == NO_OBJECT ? n : g->up[i];

		if (i != g->all.root)
			g->below[--g->below_first[up + 1]] = i;
	}
	memmove(g->below_first, g->below_first + 1, (n + 1) * sizeof(*g->below_first));
	g->below_first[n + 1] = total;
	sorting = &g->all;
	for (uint32_t i = 0; i <= n; i++)
		qsort(g->below + g->below_first[i], g->below_first[i + 1] - g->below_first[i],
		      sizeof(*g->below), by_name);
	for (uint32_t i = n; i-- > 0;) { /* what is below stands behind */
		uint32_t at = g->order[i], up = g->up[at];

		g->objects[at]++;
		g->pages[at] += g->all.listed[at].npages;
		if (up != NO_OBJECT) {
			g->objects[up] += g->objects[at];
			g->pages[up] += g->pages[at];
		}
	}
}

static int graph_make(struct graph *g, struct store *s)
{
	uint64_t n;
	int error = objects_load(s, &g->all);

	if (!error)
		error = add_links(g);
	if (error)
		return error;
	n = g->all.nlisted + 2;
	g->first = calloc(n, sizeof(*g->first));
	g->back_first = calloc(n, sizeof(*g->back_first));
	g->below_first = calloc(n + 1, sizeof(*g->below_first));
	g->out = calloc(n, sizeof(*g->out));
	g->in = calloc(n, sizeof(*g->in));
	g->back = calloc(g->nlinks + 1, sizeof(*g->back));
	g->up = malloc(n * sizeof(*g->up));
	g->below = calloc(n, sizeof(*g->below));
	g->objects = calloc(n, sizeof(*g->objects));
	g->pages = calloc(n, sizeof(*g->pages));
	g->order = calloc(n, sizeof(*g->order));
	if (!g->first || !g->back_first || !g->below_first || !g->out || !g->in || !g->back ||
	    !g->up || !g->below || !g->objects || !g->pages || !g->order)
		return TWZ_E_NOMEM;
	memset(g->up, 0xff, n * sizeof(*g->up));
	index_links(g);
	make_tree(g);
	return 0;
}

static void graph_free(struct graph *g)
{
	free(g->link);
	free(g->first);
	free(g->back_first);
	free(g->below_first);
	free(g->out);
	free(g->in);
	free(g->back);
	free(g->up);
	free(g->order);
	free(g->below);
	free(g->objects);
	free(g->pages);
	objects_free(&g->all);
}

/* ---- the command --------------------------------------------------------------------------------- */

struct asked {
	const char *store, *out, *from, *depth;
	bool dot;
};

/* All that the picture shows, unfolded: objects, and what leads from one of them to another. */
static void print_json(const struct picture *p)
{
	const struct graph *g = p->graph;
	char path[TWZ_PATH_MAX + 1];

	json_object(NULL);
	json_text("store", p->store);
	json_array("objects");
	for (uint32_t i = 0; i < g->all.nlisted; i++) {
		const struct listed *k = &g->all.listed[i];

		if (p->card_of[i] == NO_OBJECT)
			continue;
		json_object(NULL);
		json_id("id", k->id);
		if (k->name != NO_OBJECT || i == g->all.root)
			json_text("path", objects_path(&g->all, i, path));
		json_text("type", type_name(k->type));
		json_number("pages", k->npages);
		json_number("out", g->out[i]);
		json_number("in", g->in[i]);
		json_end();
	}
	json_end();
	json_array("links");
	for (uint32_t i = 0; i < g->nlinks; i++) {
		const struct link *l = &g->link[i];

		if (p->card_of[l->from] == NO_OBJECT || p->card_of[l->to] == NO_OBJECT)
			continue;
		json_object(NULL);
		json_id("from", g->all.listed[l->from].id);
		json_id("to", g->all.listed[l->to].id);
		json_text("kind", link_names[l->kind]);
		json_bool("holds", l->holds);
		json_end();
	}
	json_end();
}

static int write_picture(const struct picture *p, const struct asked *asked)
{
	FILE *out = asked->out ? fopen(asked->out, "we") : stdout;
	struct stat st;
	bool own, failed; /* own: neither a device nor a pipe */

	if (!out)
		return fail(asked->out, "%s", strerror(errno));
	if (asked->dot)
		dot_write(p, out);
	else
		svg_write(p, out);
	if (out == stdout)
		return STATUS_OK; /* main looks whether it could be written */
	own = !fstat(fileno(out), &st) && S_ISREG(st.st_mode);
	failed = fflush(out) || ferror(out);
	if (!fclose(out) && !failed)
		return STATUS_OK;
	fail(asked->out, "%s", strerror(errno));
	if (own)
		unlink(asked->out);
	return STATUS_FAILED;
}

static int show(struct store *s, const struct asked *asked, unsigned depth)
{
	static struct picture picture;
	struct graph g = {.nlinks = 0};
	uint32_t from = NO_OBJECT;
	struct object o;
	int error, status = asked->from ? object_named(s, asked->from, &o) : STATUS_OK;

	if (status)
		return status;
	error = graph_make(&g, s);
	if (!error && asked->from) {
		from = objects_find(&g.all, o.id);
		error = from == NO_OBJECT ? TWZ_E_NOTFOUND : 0;
	}
	if (!error) {
		picture.store = asked->store;
		error = picture_make(&picture, &g, from, depth);
	}
	if (!error && json)
		print_json(&picture);
	else if (!error)
		status = write_picture(&picture, asked);
	if (error)
		status = fail(asked->store, "%s", twz_error_text(error));
	else if (g.all.damaged)
		status = fail(asked->store, "not all could be read: %s (twz check)",
			      g.all.trouble[0] ? g.all.trouble : "records are damaged");
	picture_free(&picture);
	graph_free(&g);
	return status;
}

int command_graph(int argc, char **argv)
{
	struct asked asked = {.out = NULL};
	const struct option_spec spec[] = {
		{"-o", &asked.out, NULL},        {"--from", &asked.from, NULL},
		{"--depth", &asked.depth, NULL}, {"--dot", NULL, &asked.dot},
		{"--json", NULL, &json},         {NULL, NULL, NULL}};
	unsigned long depth = 0;
	struct store s;
	int nrest, status = take_options(argc, argv, spec, 1, 1, &nrest);

	if (status)
		return status;
	if (asked.depth) {
		char *end;

		depth = strtoul(asked.depth, &end, 10);
		if (*end || asked.depth[0] < '0' || asked.depth[0] > '9' || !depth || depth > 1000)
			return usage("graph", "--depth is a number from 1 to 1000, not %s",
				     asked.depth);
	}
	if (json && (asked.dot || asked.out))
		return usage("graph", "--json goes to the standard output, without --dot and -o");
	asked.store = argv[0];
	status = store_open(argv[0], &s);
	if (status)
		return status;
	status = show(&s, &asked, (unsigned)depth);
	store_close(&s);
	return status;
}
