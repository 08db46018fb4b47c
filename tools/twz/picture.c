/*
 * picture.c - what of a graph a person can look at: folded to some cards, and laid out.
 *
 * The whole store, or a namespace, is boxes in boxes: namespaces are opened level by level, a level as
 * a whole, while there are cards for it. Any other object is looked at in columns: what leads to it, it
 * itself, what it leads to, and so on. Of too many objects in a box or column those with the most links
 * get cards of their own; the rest are folded by type.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/twz/graph.h"

#define TYPES 8u /* of objects, those of no listed type together */
#define GAP_X 44 /* between cards: lines and arrows need room */
#define GAP_Y 14
#define PAD 14
#define GAP_BOX 30
#define TITLE 30
#define COLUMN_GAP 110
#define COLUMN_DEPTH 2 /* links that are followed unless it is said */
#define COLUMN_LIMIT 24
#define SPACES_LIMIT 40 /* namespaces in a box with cards of their own */
#define LOST_LIMIT 12   /* the same, of what has no name */

static uint32_t type_of(const struct graph *g, uint32_t i)
{
	uint32_t type = g->all.listed[i].type;

	return type < TYPES - 1 ? type : TYPES - 1;
}

/* ---- cards --------------------------------------------------------------------------------------- */

static struct card *add_card(struct picture *p, uint32_t up, uint32_t object, uint32_t type)
{
	struct card *c = &p->card[p->ncards++];

	*c = (struct card){.object = object,
			   .up = up,
			   .type = type,
			   .width = CARD_WIDTH,
			   .height = CARD_HEIGHT};
	return c;
}

/* The object, or with `below` it and all that is below it, is part of the card. */
static void count_in(struct picture *p, struct card *c, uint32_t i, bool below)
{
	const struct graph *g = p->graph;

	c->count += below ? g->objects[i] : 1;
	c->pages += below ? g->pages[i] : g->all.listed[i].npages;
	c->out += g->out[i];
	c->in += g->in[i];
	p->card_of[i] = (uint32_t)(c - p->card);
}

struct member {
	uint32_t object, weight, place;
};

static int by_weight(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return x->place < y->place ? -1 : 1;
}

/* What one box or column holds, and what becomes of it. */
struct members {
	const uint32_t *object;
	uint32_t n, up;
	bool tree;               /* each stands for what is below it, too */
	uint32_t spaces, others; /* at most so many get cards of their own */
	struct member *scratch;  /* room for all objects */
	bool *single;            /* by object: has a card of its own */
};

static bool is_space(const struct graph *g, uint32_t i)
{
	return g->all.listed[i].type == TWZ_TYPE_NAMESPACE;
}

/* An object that is no namespace, and what only it leads to. */
static bool has_behind(const struct graph *g, const struct members *m, uint32_t i)
{
	return m->tree && !is_space(g, i) && g->objects[i] > 1;
}

/* The system's key and the boot context have no name, and are told by being shown. */
static bool well_known(const struct graph *g, uint32_t i)
{
	const struct twz_super *super = g->all.store->super;
	struct twz_id id = g->all.listed[i].id;

	return twz_id_equal(id, super->key) || twz_id_equal(id, super->boot);
}

/* Those with most links, of as many as get a card, are `single`. Returns the cards that all take. */
static uint32_t choose(const struct graph *g, struct members *m)
{
	uint32_t cards = 0, left[2] = {m->others, m->spaces};
	bool folded[TYPES] = {false};

	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t at = m->object[i];

		m->scratch[i] = (struct member){
			at, g->out[at] + g->in[at] + (m->tree ? g->objects[at] - 1 : 0), i};
		if (well_known(g, at))
			m->scratch[i].weight = UINT32_MAX;
	}
	qsort(m->scratch, m->n, sizeof(*m->scratch), by_weight);
	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t at = m->scratch[i].object, type = type_of(g, at),
			 *room = &left[is_space(g, at)];

		m->single[at] = *room;
		if (*room) {
			--*room;
			cards += 1 + has_behind(g, m, at);
		} else if (!folded[type]) {
			folded[type] = true;
			cards++;
		}
	}
	return cards;
}

/* All below the object, but not it, is part of the card. */
static void count_below(struct picture *p, struct card *c, uint32_t i)
{
	const struct graph *g = p->graph;

	for (uint32_t j = g->below_first[i]; j < g->below_first[i + 1]; j++)
		count_in(p, c, g->below[j], true);
}

/* What is reached through the object alone: one card for all of it. */
static void add_behind(struct picture *p, uint32_t up, uint32_t i)
{
	const struct graph *g = p->graph;
	uint32_t only = g->below[g->below_first[i]];

	if (g->objects[i] == 2) {
		count_in(p, add_card(p, up, only, type_of(g, only)), only, false);
	} else {
		struct card *c = add_card(p, up, i, type_of(g, only));

		c->behind = true;
		count_below(p, c, i);
	}
}

/* The cards of what was chosen; what is folded comes last. */
static void add_members(struct picture *p, const struct members *m)
{
	const struct graph *g = p->graph;
	struct card *fold[TYPES] = {NULL};

	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t at = m->object[i], type = type_of(g, at);
		struct card *c;

		if (!m->single[at])
			continue;
		c = add_card(p, m->up, at, type);
		count_in(p, c, at, m->tree && is_space(g, at));
		if (has_behind(g, m, at))
			add_behind(p, m->up, at);
	}
	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t at = m->object[i], type = type_of(g, at);

		if (m->single[at])
			continue;
		if (!fold[type])
			fold[type] = add_card(p, m->up, NO_OBJECT, type);
		count_in(p, fold[type], at, m->tree);
	}
}

/* ---- boxes --------------------------------------------------------------------------------------- */

/* What lies in the box: below its object, or what is below nothing. */
static void members_of(const struct picture *p, const struct card *c, struct members *m)
{
	const struct graph *g = p->graph;
	uint32_t at = c->object == NO_OBJECT ? g->all.nlisted : c->object;

	m->object = g->below + g->below_first[at];
	m->n = g->below_first[at + 1] - g->below_first[at];
	m->up = (uint32_t)(c - p->card);
}

static void open_box(struct picture *p, struct card *c, const struct members *m)
{
	c->box = true;
	c->out = c->object == NO_OBJECT ? 0 : p->graph->out[c->object];
	c->in = c->object == NO_OBJECT ? 0 : p->graph->in[c->object];
	add_members(p, m);
}

/* Opens the namespaces among the cards from `first` on, all or none: are there cards for that? */
static bool open_level(struct picture *p, uint32_t first, struct members *m)
{
	const uint32_t end = p->ncards;
	uint32_t cards = 0;

	for (uint32_t i = first; i < end; i++) {
		const struct card *c = &p->card[i];

		if (c->object == NO_OBJECT || c->behind || !is_space(p->graph, c->object))
			continue;
		members_of(p, c, m);
		cards += choose(p->graph, m);
	}
	if (!cards || cards > CARDS_MAX - end)
		return false;
	for (uint32_t i = first; i < end; i++) {
		struct card *c = &p->card[i];

		if (c->object == NO_OBJECT || c->behind || !is_space(p->graph, c->object))
			continue;
		members_of(p, c, m);
		choose(p->graph, m);
		open_box(p, c, m);
	}
	return true;
}

/* The outermost boxes: the namespace, or the root and what has no name. */
static void open_outermost(struct picture *p, struct members *m)
{
	const struct graph *g = p->graph;
	struct card *c;

	p->ncards = 0;
	memset(p->card_of, 0xff, g->all.nlisted * sizeof(*p->card_of));
	if (p->from != NO_OBJECT || g->all.root != NO_OBJECT) {
		uint32_t at = p->from != NO_OBJECT ? p->from : g->all.root;

		c = add_card(p, NO_OBJECT, at, TWZ_TYPE_NAMESPACE);
		count_in(p, c, at, true);
	}
	if (p->from != NO_OBJECT)
		return;
	c = add_card(p, NO_OBJECT, NO_OBJECT, TWZ_TYPE_NAMESPACE);
	members_of(p, c, m);
	if (!m->n) {
		p->ncards--;
		return;
	}
	for (uint32_t i = 0; i < m->n; i++)
		count_in(p, c, m->object[i], true);
	m->tree = true;
	m->spaces = m->others = LOST_LIMIT;
	choose(g, m);
	open_box(p, c, m);
}

/* As many levels as there are cards for, with so many objects in a box; returns how many. */
static unsigned open_boxes(struct picture *p, struct members *m, uint32_t others, unsigned depth)
{
	uint32_t first = 0, next;
	unsigned level = 0;

	open_outermost(p, m);
	m->tree = true;
	m->spaces = SPACES_LIMIT;
	m->others = others;
	while (!depth || level < depth) {
		next = p->ncards;
		/* At first the outermost ones, of which the second is open. */
		if (!open_level(p, first, m))
			break;
		first = next;
		level++;
	}
	return level;
}

static void make_boxes(struct picture *p, struct members *m, unsigned depth)
{
	static const uint32_t limits[] = {48, 24, 12, 6};
	uint32_t best = limits[0];
	unsigned most = 0;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		unsigned levels = open_boxes(p, m, limits[i], depth);

		if (levels > most || !i) {
			most = levels;
			best = limits[i];
		}
	}
	open_boxes(p, m, best, depth);
}

/* What has no card of its own is part of the one above it. */
static void inherit_cards(struct picture *p)
{
	const struct graph *g = p->graph;

	for (uint32_t i = 0; i < g->all.nlisted; i++) {
		uint32_t at = g->order[i];

		if (p->card_of[at] == NO_OBJECT && g->up[at] != NO_OBJECT)
			p->card_of[at] = p->card_of[g->up[at]];
	}
}

static int max(int a, int b)
{
	return a > b ? a : b;
}

/* Its cards in a grid, not wider than that: from (PAD, TITLE) on. Sets width and height of what they take. */
static void lay_grid(struct picture *p, uint32_t box, int wanted, int *width, int *height)
{
	int columns = max(1, (wanted + GAP_X) / (CARD_WIDTH + GAP_X)), n = 0;

	*width = *height = 0;
	for (uint32_t i = box + 1; i < p->ncards; i++) {
		struct card *c = &p->card[i];

		if (c->up != box || c->box)
			continue;
		c->x = PAD + n % columns * (CARD_WIDTH + GAP_X);
		c->y = TITLE + n / columns * (CARD_HEIGHT + GAP_Y);
		*width = max(*width, c->x + CARD_WIDTH - PAD);
		*height = c->y + CARD_HEIGHT - TITLE;
		n++;
	}
}

/* Its boxes below that, in rows as wide as `wanted` or as the widest of them. */
static void lay_rows(struct picture *p, uint32_t box, int wanted, int *width, int *height)
{
	int x = 0, y = *height ? *height + GAP_Y : 0, row = 0;

	for (uint32_t i = box + 1; i < p->ncards; i++) {
		struct card *c = &p->card[i];

		if (c->up != box || !c->box)
			continue;
		if (x && x + c->width > wanted) {
			x = 0;
			y += row + GAP_BOX;
			row = 0;
		}
		c->x = PAD + x;
		c->y = TITLE + y;
		x += c->width + GAP_BOX;
		row = max(row, c->height);
		*width = max(*width, x - GAP_BOX);
		*height = y + row;
	}
}

/* As wide as it is high, times one and a half or so. */
static int wanted_width(const struct picture *p, uint32_t box)
{
	int64_t area = 0;
	int widest = 0, width = 1;

	for (uint32_t i = box + 1; i < p->ncards; i++) {
		const struct card *c = &p->card[i];

		if (c->up != box)
			continue;
		area += (int64_t)(c->width + GAP_X) * (c->height + GAP_Y);
		widest = max(widest, c->width);
	}
	while ((int64_t)width * width < area * 3 / 2)
		width += 8;
	return max(width, widest);
}

/* What is in a box stands behind it, so backwards the sizes inside are listed, and forwards the place outside. */
static void lay_boxes(struct picture *p)
{
	int right = PAD;

	for (uint32_t i = p->ncards; i-- > 0;) {
		struct card *c = &p->card[i];
		int wanted;

		if (!c->box)
			continue;
		wanted = wanted_width(p, i);
		lay_grid(p, i, wanted, &c->width, &c->height);
		lay_rows(p, i, wanted, &c->width, &c->height);
		c->width = max(c->width, CARD_WIDTH) + 2 * PAD;
		c->height += TITLE + PAD;
	}
	for (uint32_t i = 0; i < p->ncards; i++) {
		struct card *c = &p->card[i];

		if (c->up != NO_OBJECT) {
			c->x += p->card[c->up].x;
			c->y += p->card[c->up].y;
			continue;
		}
		c->x = right;
		c->y = PAD;
		right += c->width + GAP_BOX;
		p->height = max(p->height, c->height + 2 * PAD);
	}
	p->width = right - GAP_BOX + PAD;
}

/* ---- columns ------------------------------------------------------------------------------------- */

/* What is reached from `queue[first]` to `queue[end - 1]`, and was not before, is added to the queue. */
static uint32_t follow(const struct graph *g, uint32_t *queue, uint32_t first, uint32_t end,
		       bool *seen)
{
	uint32_t n = end;

	for (uint32_t i = first; i < end; i++) {
		uint32_t at = queue[i];

		for (uint32_t j = g->first[at]; j < g->first[at + 1]; j++) {
			uint32_t to = g->link[j].to;

			if (!seen[to])
				queue[n++] = to;
			seen[to] = true;
		}
	}
	return n;
}

/* What leads to the object. */
static uint32_t follow_back(const struct graph *g, uint32_t at, uint32_t *queue, bool *seen)
{
	uint32_t n = 0;

	for (uint32_t j = g->back_first[at]; j < g->back_first[at + 1]; j++) {
		const struct link *l = &g->link[g->back[j]];

		if (!seen[l->from] && l->kind != LINK_NAME)
			queue[n++] = l->from;
		seen[l->from] = true;
	}
	return n;
}

/* A column of cards for these objects, in the middle of the height; false: there are no cards for it. */
static bool add_column(struct picture *p, struct members *m, const uint32_t *object, uint32_t n,
		       int *x)
{
	const uint32_t first = p->ncards;
	int height;

	m->object = object;
	m->n = n;
	if (!n)
		return true;
	if (choose(p->graph, m) > CARDS_MAX - first)
		return false;
	add_members(p, m);
	height = (int)(p->ncards - first) * (CARD_HEIGHT + GAP_Y) - GAP_Y;
	for (uint32_t i = first; i < p->ncards; i++) {
		p->card[i].x = *x;
		p->card[i].y = (int)(i - first) * (CARD_HEIGHT + GAP_Y) - height / 2;
	}
	*x += CARD_WIDTH + COLUMN_GAP;
	return true;
}

static int make_columns(struct picture *p, struct members *m, unsigned depth)
{
	const struct graph *g = p->graph;
	uint32_t *queue = calloc(g->all.nlisted + 1, sizeof(*queue)), first = 0, end = 1, next;
	bool *seen = calloc(g->all.nlisted + 1, sizeof(*seen));
	int x = PAD, top = 0;

	if (!queue || !seen) {
		free(queue);
		free(seen);
		return TWZ_E_NOMEM;
	}
	m->up = NO_OBJECT;
	m->spaces = m->others = COLUMN_LIMIT;
	p->ncards = 0;
	seen[p->from] = true;
	add_column(p, m, queue, follow_back(g, p->from, queue, seen), &x);
	queue[0] = p->from;
	for (unsigned level = 0; first < end && level <= (depth ? depth : COLUMN_DEPTH); level++) {
		if (!add_column(p, m, queue + first, end - first, &x))
			break;
		next = follow(g, queue, first, end, seen);
		first = end;
		end = next;
	}
	free(queue);
	free(seen);
	for (uint32_t i = 0; i < p->ncards; i++)
		top = max(top, -p->card[i].y);
	for (uint32_t i = 0; i < p->ncards; i++) {
		p->card[i].y += top + PAD;
		p->height = max(p->height, p->card[i].y + CARD_HEIGHT + PAD);
	}
	p->width = x - COLUMN_GAP + GAP_X;
	return 0;
}

/* ---- lines --------------------------------------------------------------------------------------- */

static uint32_t stands_for(const struct line *l)
{
	uint32_t n = 0;

	for (int k = 0; k < LINK_KINDS; k++)
		n += l->count[k];
	return n;
}

static int by_cards(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

static int by_count(const void *a, const void *b)
{
	uint32_t m = stands_for(a), n = stands_for(b);

	return m != n ? (m > n ? -1 : 1) : by_cards(a, b);
}

/* Between boxes instead of between what is in them: the two that lie in the same one. */
static void lift(const struct picture *p, uint32_t *from, uint32_t *to)
{
	for (uint32_t a = *from; a != NO_OBJECT; a = p->card[a].up)
		for (uint32_t b = *to; b != NO_OBJECT; b = p->card[b].up) {
			if (p->card[a].up != p->card[b].up)
				continue;
			if (a != b) { /* else one lies in the other */
				*from = a;
				*to = b;
			}
			return;
		}
}

/* All links between the same two cards are one line. */
static void join_links(struct picture *p, bool lifted)
{
	const struct graph *g = p->graph;
	const uint32_t n = p->ncards;

	memset(p->line, 0, (size_t)n * n * sizeof(*p->line));
	p->nlines = 0;
	for (uint32_t i = 0; i < g->nlinks; i++) {
		const struct link *l = &g->link[i];
		uint32_t from = p->card_of[l->from], to = p->card_of[l->to];
		struct line *line;

		if (from == NO_OBJECT || to == NO_OBJECT)
			continue;
		if (lifted)
			lift(p, &from, &to);
		if (from == to)
			continue;
		line = &p->line[from * n + to];
		line->from = from;
		line->to = to;
		line->count[l->kind]++;
		line->holds += l->holds;
	}
	for (uint32_t i = 0; i < n * n; i++)
		if (stands_for(&p->line[i]))
			p->line[p->nlines++] = p->line[i];
}

/* Of a card that stands for what lies below something: what crosses its edge. */
static void count_crossing(struct picture *p)
{
	for (uint32_t i = 0; i < p->ncards; i++) {
		struct card *c = &p->card[i];

		if (!c->box && c->count > 1)
			c->out = c->in = 0;
	}
	for (uint32_t i = 0; i < p->nlines; i++) {
		const struct line *l = &p->line[i];
		struct card *a = &p->card[l->from], *b = &p->card[l->to];
		uint32_t n = stands_for(l) - l->count[LINK_NAME];

		a->out += !a->box && a->count > 1 ? n : 0;
		b->in += !b->box && b->count > 1 ? n : 0;
	}
}

static int make_lines(struct picture *p)
{
	p->line = calloc((size_t)p->ncards * p->ncards + 1, sizeof(*p->line));
	if (!p->line)
		return TWZ_E_NOMEM;
	join_links(p, false);
	if (p->ncards && p->card[0].box)
		count_crossing(p);
	if (p->nlines > LINES_CLEAR)
		join_links(p, true);
	qsort(p->line, p->nlines, sizeof(*p->line), by_count);
	for (uint32_t i = LINES_CLEAR; i < p->nlines; i++)
		p->line[i].faint = true;
	if (p->nlines > LINES_MAX) {
		p->lines_left_out = p->nlines - LINES_MAX;
		p->nlines = LINES_MAX;
	}
	qsort(p->line, p->nlines, sizeof(*p->line), by_cards);
	return 0;
}

int picture_make(struct picture *p, const struct graph *g, uint32_t from, unsigned depth)
{
	const uint64_t n = g->all.nlisted + 1;
	struct members m = {.scratch = calloc(n, sizeof(*m.scratch)),
			    .single = calloc(n, sizeof(*m.single))};
	int error = 0;

	p->graph = g;
	p->from = from;
	p->card_of = malloc(n * sizeof(*p->card_of));
	if (!m.scratch || !m.single || !p->card_of) {
		error = TWZ_E_NOMEM;
	} else if (from == NO_OBJECT || is_space(g, from)) {
		make_boxes(p, &m, depth);
		inherit_cards(p);
		lay_boxes(p);
	} else {
		memset(p->card_of, 0xff, n * sizeof(*p->card_of));
		error = make_columns(p, &m, depth);
	}
	free(m.scratch);
	free(m.single);
	return error ? error : make_lines(p);
}

void picture_free(struct picture *p)
{
	free(p->card_of);
	free(p->line);
}
