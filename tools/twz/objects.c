/*
 * objects.c - all objects of a store, and what they are called.
 *
 * Names are followed from the root namespace, level by level, so an object's first name is one of
 * its shortest. Damage hides what lies behind it and is told once; the rest is there.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/twz/twz.h"

static int by_id(const void *a, const void *b)
{
	const struct twz_id *x = &((const struct listed *)a)->id,
			    *y = &((const struct listed *)b)->id;

	if (x->hi != y->hi)
		return x->hi < y->hi ? -1 : 1;
	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

bool room_for(void **array, uint64_t count, uint64_t size)
{
	void *more;

	if (count & (count - 1) ||
	    (count && count < 256)) /* a power of two, from 256 on, is full */
		return true;
	more = realloc(*array, (count ? 2 * count : 256) * size);
	if (more)
		*array = more;
	return more;
}

int objects_list(struct store *s, struct objects *all)
{
	uint64_t cursor = 0, ref = 0;
	int error;

	*all = (struct objects){.store = s};
	while ((error = store_next(s, &cursor, &ref)) != TWZ_E_NOTFOUND) {
		const struct twz_record *r;

		if (error == TWZ_E_DAMAGED) {
			all->damaged = true;
			continue;
		}
		if (error)
			return error;
		if (!room_for((void **)&all->listed, all->nlisted, sizeof(*all->listed)))
			return TWZ_E_NOMEM;
		r = store_record(s, ref);
		all->listed[all->nlisted++] = (struct listed){
			.id = r->id,
			.ref = ref,
			.type = r->identity.type,
			.state = r->state,
			.flags = r->flags,
			.npages = r->npages,
			.name = NO_OBJECT,
		};
	}
	if (all->nlisted)
		qsort(all->listed, all->nlisted, sizeof(*all->listed), by_id);
	return 0;
}

uint32_t objects_find(const struct objects *all, struct twz_id id)
{
	struct listed key = {.id = id};
	const struct listed *k =
		all->nlisted ? bsearch(&key, all->listed, all->nlisted, sizeof(key), by_id) : NULL;

	return k ? (uint32_t)(k - all->listed) : NO_OBJECT;
}

void objects_damaged(struct objects *all, struct object *o, int error)
{
	char text[TWZ_ID_TEXT];

	twz_id_text(o->id, text);
	all->damaged = true;
	if (!all->trouble[0])
		snprintf(all->trouble, sizeof(all->trouble), "object %s: %s", text,
			 object_error(o, error));
}

/* Adds the namespace's names, and to `queue` the namespaces that had none so far. */
static int add_names(struct objects *all, uint32_t in, uint32_t *queue, uint32_t *nqueue)
{
	struct listed *k = &all->listed[in];
	struct names names;
	struct name *list = NULL;
	uint64_t count = 0;
	int error = names_open(all->store, k->id, &names);

	if (!error)
		error = names_list(&names, &list, &count);
	if (error && error != TWZ_E_NOMEM)
		objects_damaged(all, &names.object, error);
	k->first_name = all->nnames;
	for (uint64_t i = 0; error != TWZ_E_NOMEM && i < count; i++) {
		uint32_t to = objects_find(all, list[i].id);
		struct called *c;

		if (to == NO_OBJECT)
			continue; /* it dangles: an interrupted program may leave that */
		if (!room_for((void **)&all->names, all->nnames, sizeof(*all->names)))
			error = TWZ_E_NOMEM;
		else if (!(all->names[all->nnames].text = strdup(list[i].text)))
			error = TWZ_E_NOMEM;
		if (error == TWZ_E_NOMEM)
			break;
		c = &all->names[all->nnames++];
		c->in = in;
		c->to = to;
		if (all->listed[to].name != NO_OBJECT || to == queue[0])
			continue;
		all->listed[to].name = all->nnames - 1;
		if (all->listed[to].type == TWZ_TYPE_NAMESPACE)
			queue[(*nqueue)++] = to;
	}
	k->nnames = all->nnames - k->first_name;
	free(list);
	return error == TWZ_E_NOMEM ? error : 0;
}

int objects_load(struct store *s, struct objects *all)
{
	int error = objects_list(s, all);
	uint32_t *queue, nqueue = 1;

	if (error)
		return error;
	queue = malloc((all->nlisted + 1) * sizeof(*queue));
	if (!queue)
		return TWZ_E_NOMEM;
	queue[0] = all->root = objects_find(all, s->super->root);
	for (uint32_t i = 0; !error && i < nqueue && all->root != NO_OBJECT; i++)
		error = add_names(all, queue[i], queue, &nqueue);
	free(queue);
	return error;
}

void objects_free(struct objects *all)
{
	for (uint32_t i = 0; i < all->nnames; i++)
		free(all->names[i].text);
	free(all->names);
	free(all->listed);
}

uint32_t objects_named(const struct objects *all, uint32_t in, const char *name, uint64_t bytes)
{
	uint32_t low, high;

	if (in == NO_OBJECT)
		return NO_OBJECT;
	low = all->listed[in].first_name;
	high = low + all->listed[in].nnames;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const char *text = all->names[middle].text;
		int order = strncmp(name, text, bytes);

		if (!order && !text[bytes])
			return all->names[middle].to;
		if (order <= 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NO_OBJECT;
}

uint32_t objects_path_to(const struct objects *all, const char *path, uint64_t bytes)
{
	const char *end = path + bytes;
	uint32_t at = all->root;

	while (path < end && at != NO_OBJECT) {
		uint64_t n = 0;

		while (path + n < end && path[n] != '/')
			n++;
		if (n)
			at = objects_named(all, at, path, n);
		path += n + (path + n < end);
	}
	return at;
}

const char *objects_path(const struct objects *all, uint32_t object, char *text)
{
	char *at = text + TWZ_PATH_MAX;
	uint32_t i = object;

	*at = 0;
	if (i == all->root)
		*--at = '/';
	while (i != all->root) {
		const struct called *c;
		size_t n;

		/* A path that is longer than one can be is of no use. */
		if (all->listed[i].name == NO_OBJECT) {
			twz_id_text(all->listed[object].id, text);
			return text;
		}
		c = &all->names[all->listed[i].name];
		n = strlen(c->text);
		if (n + 1 > (size_t)(at - text)) {
			twz_id_text(all->listed[object].id, text);
			return text;
		}
		at -= n;
		memcpy(at, c->text, n);
		*--at = '/';
		i = c->in;
	}
	return at;
}
