/* world.c - the model: what the operations do, and what they return (model.h). */
#include "tests/model/model.h"

#define DATA_PAGE (TWZ_OBJ_DATA / TWZ_PAGE)
#define SLOT_PAGES (TWZ_SLOT_SIZE / TWZ_PAGE)
#define PAGES_MAX (TWZ_OBJ_SIZE_MAX / TWZ_PAGE)

/* The four stretches: the places from `first` on, their pages from `page` on. */
static const struct {
	unsigned first;
	uint64_t page;
} stretch[] = {{0, DATA_PAGE}, {32, DATA_PAGE + 496}, {64, SLOT_PAGES - 8}, {80, PAGES_MAX - 16}};

uint64_t place_page(unsigned place)
{
	unsigned i = sizeof(stretch) / sizeof(stretch[0]) - 1;

	while (place < stretch[i].first)
		i--;
	return stretch[i].page + place - stretch[i].first;
}

uint64_t word_offset(unsigned place, unsigned word)
{
	static const uint64_t offset[WORDS] = {0, 1000, 2048, 4000};

	return (place_page(place) - DATA_PAGE) * TWZ_PAGE + offset[word];
}

bool place_large(unsigned place)
{
	return place_page(place) >= SLOT_PAGES;
}

/* ---- objects -------------------------------------------------------------------------------------- */

bool world_lives(const struct world *w, unsigned k)
{
	return w->object[k].kind != NOTHING;
}

unsigned world_find(const struct world *w, uint32_t uid)
{
	for (unsigned k = 0; uid && k < OBJECTS; k++)
		if (world_lives(w, k) && w->object[k].uid == uid)
			return k;
	return NOBODY;
}

bool world_tied(const struct world *w, unsigned a)
{
	for (unsigned k = 0; k < OBJECTS; k++)
		if (w->tie[a][k])
			return true;
	return false;
}

void world_kill(struct world *w, unsigned k)
{
	w->object[k] = (struct object){.uid = w->object[k].uid};
	memset(w->tie[k], 0, sizeof(w->tie[k]));
	for (unsigned a = 0; a < OBJECTS; a++) {
		const bool was = w->tie[a][k];

		w->tie[a][k] = 0;
		if (was && !w->object[a].scoped && !world_tied(w, a))
			world_kill(w, a);
	}
}

int world_delete(struct world *w, unsigned k)
{
	if (!world_lives(w, k))
		return TWZ_E_NOTFOUND;
	w->object[k].scoped = false;
	w->object[k].marked = true;
	if (!world_tied(w, k))
		world_kill(w, k);
	return 0;
}

static bool ends(const struct world *w, unsigned k, bool *seen)
{
	if (w->object[k].life != LASTING)
		return true;
	seen[k] = true;
	for (unsigned to = 0; to < OBJECTS; to++)
		if (w->tie[k][to] & TWZ_TIE_ENDING && !seen[to] && ends(w, to, seen))
			return true;
	return false;
}

bool world_ends(const struct world *w, unsigned k)
{
	bool seen[OBJECTS] = {false};

	return ends(w, k, seen);
}

int world_keep(struct world *w, unsigned k)
{
	for (unsigned to = 0; to < OBJECTS; to++)
		if (w->tie[k][to] && !(w->tie[k][to] & TWZ_TIE_ENDING) && world_ends(w, to))
			return TWZ_E_ARG;
	w->object[k].life = LASTING;
	return 0;
}

int world_tie(struct world *w, unsigned a, unsigned to, uint32_t flags)
{
	if (!world_lives(w, a) || !world_lives(w, to))
		return TWZ_E_NOTFOUND;
	if (a == to)
		return TWZ_E_ARG;
	if (w->object[a].life == LASTING && world_ends(w, to) && !(flags & TWZ_TIE_ENDING))
		return TWZ_E_ARG;
	w->tie[a][to] |= flags & TWZ_TIE_KINDS ? flags : flags | TWZ_TIE_PLAIN;
	return 0;
}

int world_untie(struct world *w, unsigned a, unsigned to, uint32_t kinds)
{
	kinds = kinds ? kinds : TWZ_TIE_PLAIN;
	if (!world_lives(w, a) || !world_lives(w, to) || !(w->tie[a][to] & kinds))
		return TWZ_E_NOTFOUND;
	w->tie[a][to] &= ~kinds;
	if (w->tie[a][to] & TWZ_TIE_KINDS)
		return 0;
	w->tie[a][to] = 0;
	if (w->object[a].marked && !world_tied(w, a))
		world_kill(w, a);
	return 0;
}

bool world_limited(const struct object *o, unsigned place, unsigned n)
{
	for (unsigned i = place; i < place + n; i++)
		if (o->limit[i])
			return true;
	return false;
}

int world_copy(struct world *w, unsigned dst, unsigned to, unsigned src, unsigned from, unsigned n)
{
	struct object *d = &w->object[dst];
	const struct object *s = &w->object[src];

	if (dst == src)
		return TWZ_E_RANGE;
	if (d->kind == SEALED)
		return TWZ_E_SEALED;
	memcpy(d->word[to], s->word[from], n * sizeof(d->word[0]));
	memcpy(d->limit + to, s->limit + from, n);
	return 0;
}

void world_copy_whole(struct world *w, unsigned dst, unsigned src)
{
	struct object *d = &w->object[dst];
	uint32_t uid = d->uid;
	uint8_t life = d->life;

	*d = w->object[src];
	d->uid = uid;
	d->life = life;
	d->marked = d->scoped = false;
	if (d->kind == SEALED)
		d->kind = PLAIN; /* its pages, in an object that can change */
	for (unsigned i = 0; d->kind == HOLDER && i < LINKS; i++) /* to itself */
		if (d->link[i].how == LINK_OBJECT && d->link[i].uid == w->object[src].uid)
			d->link[i].uid = uid;
}

int world_drop(struct world *w, unsigned k, unsigned place, unsigned n)
{
	struct object *o = &w->object[k];

	if (o->kind == SEALED)
		return TWZ_E_SEALED;
	memset(o->word[place], 0, n * sizeof(o->word[0]));
	memset(o->limit + place, 0, n);
	return 0;
}

int world_limit(struct world *w, unsigned k, unsigned place, unsigned n, uint32_t limit)
{
	struct object *o = &w->object[k];

	if (o->kind == SEALED)
		return TWZ_E_SEALED;
	for (unsigned i = place; i < place + n; i++)
		o->limit[i] |= limit;
	return 0;
}

int world_store_error(const struct world *w, unsigned k, unsigned place)
{
	const struct object *o = &w->object[k];

	if (o->kind == SEALED)
		return TWZ_E_SEALED;
	return o->kind == PLAIN && o->limit[place] & (TWZ_READ | TWZ_WRITE) ? TWZ_E_RIGHT : 0;
}

/* ---- sealed ones ---------------------------------------------------------------------------------- */

static uint32_t content_uid(const struct object *o)
{
	uint64_t sum = (o->sealed_size << 32 ^ o->size << 1 ^ o->has_size) * 0x9e3779b97f4a7c15ull;

	for (unsigned i = 0; i < PLACES; i++)
		for (unsigned j = 0; j < WORDS; j++)
			sum = (sum ^ o->word[i][j]) * 0xff51afd7ed558ccdull + (sum >> 29);
	return (uint32_t)(sum >> 33) | 1u << 31;
}

int world_seal(struct world *w, unsigned src, uint64_t size, unsigned slot, unsigned *k)
{
	struct object made = w->object[src];

	for (unsigned i = 0; i < PLACES; i++)
		for (unsigned j = 0; j < WORDS; j++)
			if (word_offset(i, j) >= size)
				made.word[i][j] = 0;
	for (unsigned i = 0; i < PLACES; i++)
		if (word_offset(i, 0) < size && made.limit[i])
			return TWZ_E_RIGHT;
	memset(made.limit, 0, sizeof(made.limit));
	made.kind = SEALED;
	made.life = LASTING;
	made.marked = made.scoped = false;
	made.sealed_size = size;
	made.uid = content_uid(&made);
	*k = world_find(w, made.uid);
	if (*k == NOBODY) {
		*k = slot;
		w->object[slot] = made;
	}
	w->object[*k].marked = false; /* one that was deleted comes to life */
	w->object[*k].life = LASTING;
	return 0;
}

/* ---- names ---------------------------------------------------------------------------------------- */

static uint32_t *name_at(struct world *w, struct spot at)
{
	return &w->object[at.space].name[at.name];
}

static bool is_space(const struct world *w, unsigned k)
{
	return k != NOBODY && w->object[k].kind == SPACE;
}

static bool empty(const struct object *space)
{
	for (unsigned i = 0; i < NAMES; i++)
		if (space->name[i])
			return false;
	return true;
}

/* The object at the spot loses its name. */
static int unname(struct world *w, uint32_t uid, uint32_t flags)
{
	unsigned k = world_find(w, uid);

	if (is_space(w, k) && !empty(&w->object[k]))
		return TWZ_E_NOTEMPTY;
	if (k != NOBODY && flags & TWZ_NAME_DELETE)
		(void)world_delete(w, k);
	return 0;
}

static void put(struct world *w, struct spot at, uint32_t uid)
{
	unsigned k = world_find(w, uid);

	*name_at(w, at) = uid;
	if (!is_space(w, k))
		return;
	w->object[k].parent = at.space;
	w->object[k].parent_name = at.name;
}

int world_bind(struct world *w, struct spot at, unsigned k, uint32_t flags)
{
	uint32_t old = *name_at(w, at);
	int error;

	if (old && !(flags & TWZ_NAME_REPLACE))
		return TWZ_E_EXISTS;
	if (!world_lives(w, k))
		return TWZ_E_NOTFOUND;
	if (old == w->object[k].uid)
		return 0;
	error = old ? unname(w, old, flags) : 0;
	if (!error)
		put(w, at, w->object[k].uid);
	return error;
}

int world_unbind(struct world *w, struct spot at, uint32_t flags)
{
	uint32_t old = *name_at(w, at);
	int error = old ? unname(w, old, flags) : TWZ_E_NOTFOUND;

	if (!error)
		*name_at(w, at) = 0;
	return error;
}

/* Would the namespace become part of itself if it moved into `space`? */
static bool circle(const struct world *w, unsigned k, unsigned space)
{
	if (!is_space(w, k))
		return false;
	for (; space != ROOT; space = w->object[space].parent)
		if (space == k)
			return true;
	return false;
}

int world_rename(struct world *w, struct spot from, struct spot to, uint32_t flags)
{
	uint32_t old = *name_at(w, to), uid = *name_at(w, from);
	unsigned k = world_find(w, uid);
	int error = 0;

	if (!uid)
		return TWZ_E_NOTFOUND;
	if (from.space == to.space && from.name == to.name)
		return 0;
	if (old && !(flags & TWZ_NAME_REPLACE))
		return TWZ_E_EXISTS;
	if (from.space != to.space && circle(w, k, to.space))
		return TWZ_E_ARG;
	if (old)
		error = unname(w, old, old == uid ? 0 : flags);
	if (error)
		return error;
	*name_at(w, from) = 0;
	put(w, to, uid);
	return 0;
}

int world_exchange(struct world *w, struct spot a, struct spot b)
{
	uint32_t one = *name_at(w, a), other = *name_at(w, b);

	if (!one || !other)
		return TWZ_E_NOTFOUND;
	if (a.space == b.space && a.name == b.name)
		return 0;
	if (a.space != b.space &&
	    (circle(w, world_find(w, one), b.space) || circle(w, world_find(w, other), a.space)))
		return TWZ_E_ARG;
	put(w, a, other);
	put(w, b, one);
	return 0;
}

uint32_t world_resolve(const struct world *w, const char *path)
{
	const char *c = path + strlen("/m");
	unsigned k = ROOT;

	for (;; c += 2) {
		if (!*c)
			return w->object[k].uid;
		if (w->object[k].kind != SPACE)
			return 0;
		if (!c[2])
			return w->object[k].name[c[1] - 'a'];
		k = world_find(w, w->object[k].name[c[1] - 'a']);
		if (k == NOBODY)
			return 0;
	}
}

void world_path(const struct world *w, struct spot at, char path[static PATH_TEXT])
{
	char *c;

	if (at.space == ROOT)
		memcpy(path, "/m", 3);
	else
		world_path(
			w,
			(struct spot){w->object[at.space].parent, w->object[at.space].parent_name},
			path);
	c = path + strlen(path);
	c[0] = '/';
	c[1] = (char)('a' + at.name);
	c[2] = 0;
}

/* ---- rights ---------------------------------------------------------------------------------------- */

uint32_t world_granted(const struct world *w, unsigned k, unsigned context)
{
	const struct object *o = &w->object[k];
	uint32_t granted = o->perms;

	for (unsigned i = 0; i < CAPS; i++) {
		const struct cap *cap = &w->object[context].cap[i];

		if ((cap->target == o->uid || cap->target == USER_UID(o->user)) &&
		    cap->signer == o->user && !cap->expired)
			granted |= cap->perms;
	}
	return granted;
}

uint32_t world_effective(const struct world *w, unsigned k, unsigned context)
{
	const struct object *c = &w->object[context];
	uint32_t limit = c->global;

	for (unsigned i = 0; i < MASKS; i++)
		if (c->mask[i].target == w->object[k].uid)
			limit = (c->global | c->mask[i].override) & c->mask[i].mask;
	return world_granted(w, k, context) & limit;
}

/* ---- epochs --------------------------------------------------------------------------------------- */

void world_end_epoch(struct world *w)
{
	for (unsigned k = 0; k < OBJECTS; k++)
		if (world_lives(w, k) && w->object[k].life != LASTING)
			world_kill(w, k);
}
