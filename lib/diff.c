/* diff.c - where two objects differ (twz/obj.h). */
#include "core/ptr.h"

#include <twz/obj.h>

/* Both sides, and the range that was found last: it may go on in the next page. */
struct walk {
	const struct twz_obj *a, *b;
	twz_diff_fn each;
	void *arg;
	uint64_t start, end;
	struct twz_diff diff;
};

/* The range ends. */
static int tell(struct walk *w)
{
	const uint64_t bytes = w->end - w->start;

	if (!bytes)
		return 0;
	w->diff.ranges++;
	w->diff.bytes += bytes;
	return w->each ? w->each(w->start, bytes, w->arg) : 0;
}

/* The byte there differs. */
static int note(struct walk *w, uint64_t at)
{
	int error = 0;

	if (at != w->end) {
		error = tell(w);
		w->start = at;
	}
	w->end = at + 1;
	return error;
}

/* Bytes of one page; offset and number are multiples of 8. */
static int compare(struct walk *w, uint64_t offset, uint64_t bytes)
{
	const uint8_t *a = w->a->base, *b = w->b->base;
	const uint64_t end = offset + bytes;

	while (offset < end) {
		if (offset % 8 == 0 &&
		    *(const uint64_t *)(a + offset) == *(const uint64_t *)(b + offset)) {
			offset += 8;
			continue;
		}
		if (a[offset] != b[offset]) {
			int error = note(w, offset);

			if (error)
				return error;
		}
		offset++;
	}
	return 0;
}

static int compare_page(struct walk *w, uint64_t page)
{
	const uint64_t offset = page * TWZ_PAGE, log = offsetof(struct twz_meta, log),
		       behind = log + sizeof(struct twz_log_head);
	int error;

	w->diff.compared++;
	if (offset != TWZ_OBJ_META)
		return compare(w, offset, TWZ_PAGE);
	error = compare(w, offset, log);
	return error ? error : compare(w, offset + behind, TWZ_PAGE - behind);
}

static int compare_pages(struct walk *w, uint64_t page, uint64_t end)
{
	while (page < end) {
		struct twz_rt_shared shared;
		int error = twz_rt_same(w->a->id, page, w->b->id, page, end - page, &shared);

		if (!error && !shared.pages)
			error = compare_page(w, page);
		if (error)
			return error;
		w->diff.shared += shared.present;
		page += shared.pages ? shared.pages : 1;
	}
	return 0;
}

int twz_obj_diff(const struct twz_obj *a, const struct twz_obj *b, twz_diff_fn each, void *arg,
		 struct twz_diff *diff)
{
	const uint64_t a_span = obj_span(a->base), b_span = obj_span(b->base),
		       span = a_span < b_span ? a_span : b_span, meta = TWZ_OBJ_META / TWZ_PAGE;
	struct walk w = {.a = a, .b = b, .each = each, .arg = arg};
	int error = compare_pages(&w, meta, meta + 1);

	if (!error)
		error = compare_pages(&w, TWZ_OBJ_FOT / TWZ_PAGE, span / TWZ_PAGE);
	if (!error)
		error = tell(&w);
	if (diff)
		*diff = w.diff;
	return error;
}
