/* path.c - paths (path.h), and the root they start from. */
#include "core/probe.h"
#include "core/sum.h"
#include "lib/lock.h"
#include "lib/path.h"
#include "lib/space.h"
#include "lib/text.h"

#include <twz/name.h>

static int make_root(struct twz_id *id)
{
	int error = ns_new((struct twz_id){0}, 0, id);
	struct twz_obj obj;

	if (error)
		return error;
	/* In this order: a crash between leaves a root that ends, which the next one keeps or replaces. */
	error = twz_rt_set_root(*id);
	if (!error)
		return twz_rt_keep(*id);
	if (!twz_obj_open(*id, &obj)) { /* it is mapped: nothing is to stay behind */
		twz_obj_delete(*id);
		twz_obj_recycle(&obj);
	}
	return error;
}

/* The root that there is, kept, or a new one. */
static int need_root(void)
{
	struct twz_id root = twz_rt_info()->root;
	struct twz_rt_stat stat;
	int error = twz_id_none(root) ? TWZ_E_NOTFOUND : twz_rt_stat(root, &stat);

	if (error == TWZ_E_NOTFOUND)
		return make_root(&root);
	return !error && stat.end_epoch ? twz_rt_keep(root) : error;
}

/* Who may not make one has no right to the one that there is. */
static int no_root(int error)
{
	return error == TWZ_E_NOTFOUND ? TWZ_E_RIGHT : error;
}

int twz_name_root(struct twz_id *id)
{
	static struct lock lock;
	static bool checked;
	int error = 0;

	if (!__atomic_load_n(&checked, __ATOMIC_ACQUIRE)) {
		lock_take(&lock);
		error = need_root();
		if (error == TWZ_E_EXISTS) /* another process was faster */
			error = need_root();
		error = no_root(error);
		if (!error)
			__atomic_store_n(&checked, true, __ATOMIC_RELEASE);
		lock_give(&lock);
	}
	*id = twz_rt_info()->root;
	return error;
}

/*
 * By aligned words, which never reach into a page that the path is not in: what is beside the path in them
 * does not count, and is loaded on purpose.
 */
__attribute__((no_sanitize_address)) uint64_t path_length(const char *path)
{
	typedef char chunk __attribute__((vector_size(16), may_alias));
	const uint64_t before = (uintptr_t)path % sizeof(chunk);
	const chunk *at = (const chunk *)(path - before);
	uint32_t ends = (uint32_t)__builtin_ia32_pmovmskb128(*at == 0) >> before;
	uint64_t bytes = 0;

	if (ends)
		return (unsigned)__builtin_ctz(ends);
	for (bytes = sizeof(chunk) - before; bytes <= TWZ_PATH_MAX; bytes += sizeof(chunk)) {
		ends = (uint32_t)__builtin_ia32_pmovmskb128(*++at == 0);
		if (ends)
			return bytes + (unsigned)__builtin_ctz(ends);
	}
	return bytes;
}

/* A name ends with '/', and must not with a control character. */
static const bool ends_name[256] = {[0 ... 0x1f] = true, ['/'] = true, [0x7f] = true};

/* The name that the path begins with, which may end at `end`. */
static inline int name_first(const char *path, const char *end, struct ns_name *name)
{
	const char *p = path;

	while (p < end && !ends_name[(unsigned char)*p])
		p++;
	*name = (struct ns_name){path, (uint32_t)(p - path)};
	return p == path || p - path > TWZ_NAME_MAX || (p < end && *p != '/') ? TWZ_E_NAME : 0;
}

static bool is(struct ns_name name, const char *text, uint32_t length)
{
	return name.length == length && name.text[0] == '.' &&
	       name.text[length - 1] == text[length - 1];
}

bool name_sound(struct ns_name name)
{
	struct ns_name first;

	return !name_first(name.text, name.text + name.length, &first) &&
	       first.length == name.length && !is(name, ".", 1) && !is(name, "..", 2);
}

/* ---- what a look-up went through ---------------------------------------------------------------- */

void trail_begin(struct trail *trail)
{
	trail->forgotten = space_forgotten();
	trail->count = 0;
}

bool trail_still(const struct trail *trail)
{
	for (unsigned i = 0; i < trail->count; i++) {
		const uint64_t *generation = trail->step[i].generation;

		if (!probe_load(generation, 1) || generation_now(generation) != trail->step[i].seen)
			return false;
	}
	/* Asked last: so all of them were where they had been. */
	return trail->forgotten == space_forgotten();
}

void trail_copy(struct trail *to, const struct trail *from)
{
	to->forgotten = from->forgotten;
	to->count = from->count;
	for (unsigned i = 0; i < from->count; i++)
		to->step[i] = from->step[i];
}

void trail_note(struct trail *trail, const uint64_t *generation)
{
	unsigned n;

	if (!trail)
		return;
	n = trail->count;
	if (n < TRAIL_MAX) {
		trail->step[n].generation = generation;
		trail->step[n].seen = generation_now(generation);
	}
	if (n <= TRAIL_MAX)
		trail->count++;
}

static int enter(struct twz_id id, struct trail *trail, struct ns *ns)
{
	int error = ns_open(id, ns);

	if (!error)
		trail_note(trail, &ns->head->generation);
	return error;
}

/* To what the name leads to. */
static int step(struct ns_name name, struct trail *trail, struct ns *ns)
{
	struct twz_id id;
	int error;

	if (is(name, ".", 1))
		return 0;
	if (is(name, "..", 2)) {
		error = ns_above(ns, &id);
		if (error || twz_id_none(id))
			return error;
	} else {
		error = ns_lookup(ns, name, &id);
	}
	return error ? error : enter(id, trail, ns);
}

/* From the namespace on. */
static int walk(const char *path, uint64_t bytes, struct trail *trail, struct ns *ns,
		struct ns_name *last)
{
	const char *end = path + bytes;
	int error = 0;

	*last = (struct ns_name){path, 0};
	if (path < end && *path == '/')
		path++;
	while (!error && path < end) {
		struct ns_name name;

		error = name_first(path, end, &name);
		if (error)
			break;
		path += name.length;
		if (path == end && !is(name, ".", 1) && !is(name, "..", 2)) {
			*last = name;
			break;
		}
		error = step(name, trail, ns);
		if (path < end && ++path == end) /* ends with '/' */
			return TWZ_E_NAME;
	}
	return error;
}

int path_walk(const char *path, uint64_t bytes, struct trail *trail, struct ns *ns,
	      struct ns_name *last)
{
	struct twz_id root;
	int error = bytes > TWZ_PATH_MAX ? TWZ_E_NAME : twz_name_root(&root);

	if (!error)
		error = enter(root, trail, ns);
	return error ? error : walk(path, bytes, trail, ns, last);
}

int path_resolve_from(const struct ns *start, const char *path, uint64_t bytes, struct trail *trail,
		      struct twz_id *id)
{
	struct ns_name last;
	struct ns ns = *start;
	int error;

	if (bytes > TWZ_PATH_MAX)
		return TWZ_E_NAME;
	trail_note(trail, &ns.head->generation);
	error = walk(path, bytes, trail, &ns, &last);
	if (error)
		return error;
	*id = ns.obj.id;
	return last.length ? ns_lookup(&ns, last, id) : 0;
}

/* ---- from the root ------------------------------------------------------------------------------ */

/*
 * Look-ups that are kept, with what they went through: the same path leads to the same again as long as none of
 * that has changed. A path has one place to be kept in.
 */
#define KEPT 64 /* a power of two */
#define KEPT_BYTES 48

static struct lock kept_lock;
static struct kept {
	struct twz_id root, id;
	uint64_t bytes; /* of the path; 0: empty */
	char path[KEPT_BYTES];
	struct trail trail;
} kept[KEPT]; /* kept_lock held */

static struct kept *kept_at(const char *path, uint64_t bytes)
{
	const uint64_t n = bytes < 8 ? bytes : 8; /* the end differs most */

	return &kept[twz_fold(text_word(path + bytes - n, n) ^ bytes, TWZ_SUM_K) % KEPT];
}

static bool recall(struct twz_id root, const char *path, uint64_t bytes, struct twz_id *id)
{
	const struct kept *k = kept_at(path, bytes);
	struct trail trail;
	bool hit;

	lock_take(&kept_lock);
	hit = k->bytes == bytes && twz_id_equal(k->root, root) && text_same(k->path, path, bytes);
	if (hit) {
		*id = k->id;
		trail_copy(&trail, &k->trail);
	}
	lock_give(&kept_lock);
	return hit && trail_still(&trail);
}

static void keep(struct twz_id root, const char *path, uint64_t bytes, const struct trail *trail,
		 struct twz_id id)
{
	struct kept *k = kept_at(path, bytes);

	lock_take(&kept_lock);
	k->root = root;
	k->id = id;
	k->bytes = bytes;
	memcpy(k->path, path, bytes);
	trail_copy(&k->trail, trail);
	lock_give(&kept_lock);
}

int path_resolve(const char *path, uint64_t bytes, struct twz_id *id)
{
	const bool keeps = bytes && bytes <= KEPT_BYTES;
	struct trail trail;
	struct twz_id root;
	struct ns ns;
	int error = twz_name_root(&root);

	if (error || (keeps && recall(root, path, bytes, id)))
		return error;
	trail_begin(&trail);
	error = ns_open(root, &ns);
	if (!error)
		error = path_resolve_from(&ns, path, bytes, &trail, id);
	if (!error && keeps && trail.count <= TRAIL_MAX)
		keep(root, path, bytes, &trail, *id);
	return error;
}
