/* diff.c - where two objects differ (twz/obj.h). */
#include "core/differ.h"
#include "core/ptr.h"

#include <twz/obj.h>

/* Both sides, and what was found so far. */
struct walk {
	const struct twz_obj *a, *b;
	struct differ differ;
	struct twz_diff diff;
};

static int compare_pages(struct walk *w, uint64_t page, uint64_t end)
{
	while (page < end) {
		struct twz_rt_shared shared;
		int error = twz_rt_same(w->a->id, page, w->b->id, page, end - page, &shared);

		if (!error && !shared.pages) {
			w->diff.compared++;
			error = differ_page(&w->differ, page, w->a->base + page * TWZ_PAGE,
					    w->b->base + page * TWZ_PAGE);
		}
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
	struct walk w = {.a = a, .b = b, .differ = {.each = each, .arg = arg}};
	int error = compare_pages(&w, meta, meta + 1);

	if (!error)
		error = compare_pages(&w, TWZ_OBJ_FOT / TWZ_PAGE, span / TWZ_PAGE);
	if (!error)
		error = differ_end(&w.differ);
	w.diff.ranges = w.differ.ranges;
	w.diff.bytes = w.differ.bytes;
	if (diff)
		*diff = w.diff;
	return error;
}
