/* objects.c - the runtime's calls on objects: the kernel's. */
#include "rt/minimal/minimal.h"
#include "rt/minimal/sys.h"

int twz_rt_open(const char *where)
{
	(void)where;
	return TWZ_E_ABSENT; /* the machine has its store */
}

int twz_rt_make(const char *where, uint64_t bytes)
{
	(void)where;
	(void)bytes;
	return TWZ_E_ABSENT;
}

const char *twz_rt_open_text(void)
{
	return "the machine has its store, and no other";
}

static bool flags_good(const struct twz_rt_new *new)
{
	const uint32_t flags = new->flags;
	const uint32_t known =
		TWZ_NEW_ENDING | TWZ_NEW_VOLATILE | TWZ_NEW_TIED | TWZ_NEW_TIE_ENDING;

	return !(flags & ~known) && (flags & TWZ_NEW_TIED ? (new->tie.lo | new->tie.hi) != 0
							  : !(flags & TWZ_NEW_TIE_ENDING));
}

int twz_rt_create(const struct twz_rt_new *new, struct twz_id *id)
{
	struct twz_sys_new what = {.type = new->type,
				   .perms = new->perms,
				   .key = new->key,
				   .page = new->page,
				   .npages = new->npages};

	if (!flags_good(new))
		return TWZ_E_ARG;
	if (new->flags & TWZ_NEW_VOLATILE)
		what.flags = TWZ_OBJECT_VOLATILE;
	else if (new->flags & TWZ_NEW_ENDING)
		what.flags = TWZ_OBJECT_ENDING;
	if (new->flags & TWZ_NEW_TIED) {
		what.tie = new->tie;
		what.tie_flags = new->flags &TWZ_NEW_TIE_ENDING ? TWZ_TIE_ENDING : 0;
	} else if (new->flags & TWZ_NEW_VOLATILE) {
		what.tie = minimal.sys.thread;
		what.tie_flags = TWZ_TIE_SCOPED;
	}
	return (int)SYS(object_new, &what, id);
}

int twz_rt_keep(struct twz_id id)
{
	return (int)SYS(object_keep, ID(id));
}

int twz_rt_delete(struct twz_id id)
{
	return (int)SYS(object_delete, ID(id));
}

int twz_rt_set_root(struct twz_id id)
{
	int error = (int)SYS(root_set, ID(id));

	if (!error)
		minimal.rt.root = id;
	return error;
}

int twz_rt_copy(struct twz_id dst, uint64_t dst_page, struct twz_id src, uint64_t src_page,
		uint64_t pages)
{
	struct twz_sys_copy copy = {
		.dst = dst, .src = src, .dst_page = dst_page, .src_page = src_page, .pages = pages};

	return (int)SYS(object_copy, &copy, 0);
}

int twz_rt_same(struct twz_id a, uint64_t a_page, struct twz_id b, uint64_t b_page, uint64_t pages,
		struct twz_rt_shared *shared)
{
	const struct twz_sys_copy what = {
		.dst = a, .src = b, .dst_page = a_page, .src_page = b_page, .pages = pages};
	struct twz_sys_shared out = {0};
	int error = (int)SYS(object_same, &what, &out);

	*shared = (struct twz_rt_shared){out.pages, out.present};
	return error;
}

int twz_rt_verify(struct twz_id id, uint64_t page, uint64_t pages)
{
	return (int)SYS(object_verify, ID(id), page, pages, 0);
}

int twz_rt_drop(struct twz_id id, uint64_t page, uint64_t pages)
{
	return (int)SYS(object_drop, ID(id), page, pages);
}

int twz_rt_limit(struct twz_id id, uint64_t page, uint64_t pages, uint32_t limit)
{
	return (int)SYS(object_limit, ID(id), page, pages, limit);
}

int twz_rt_seal(struct twz_id src, uint64_t size, uint32_t type, uint32_t perms, struct twz_id *id)
{
	struct twz_sys_seal seal = {.src = src, .size = size, .type = type, .perms = perms};

	return (int)SYS(object_seal, &seal, id);
}

int twz_rt_stat(struct twz_id id, struct twz_rt_stat *stat)
{
	return (int)SYS(object_stat, ID(id), stat);
}

int twz_rt_sync(struct twz_id id)
{
	return (int)SYS(object_sync, ID(id));
}

int twz_rt_settle(struct twz_id id)
{
	return (int)SYS(object_settle, ID(id));
}

int twz_rt_invalidate(uint32_t slot, uint32_t count)
{
	return (int)SYS(view_invalidate, slot, count);
}

int twz_rt_usage(struct twz_rt_usage *usage)
{
	struct twz_sys_usage all;
	int error = (int)SYS(usage, &all);

	if (error)
		return error;
	*usage = (struct twz_rt_usage){.pages = all.store_frames,
				       .used = all.store_used,
				       .objects = all.store_objects,
				       .epoch = minimal.sys.epoch};
	return 0;
}

int twz_rt_tie(struct twz_id object, struct twz_id to, uint32_t flags)
{
	return (int)SYS(object_tie, ID(object), ID(to), flags);
}

int twz_rt_untie(struct twz_id object, struct twz_id to, uint32_t kinds)
{
	return (int)SYS(object_untie, ID(object), ID(to), kinds);
}

int twz_rt_ties(struct twz_id object, struct twz_rt_tie *tie)
{
	struct twz_sys_tie walk = {.other = tie->other, .kinds = tie->kinds, .in = tie->in};
	int error = (int)SYS(object_ties, ID(object), &walk);

	*tie = (struct twz_rt_tie){.other = walk.other, .kinds = walk.kinds, .in = walk.in};
	return error;
}
