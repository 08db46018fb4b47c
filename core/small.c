/* small.c - the pages of a small object, which stand in its record as runs (small.h). */
#include "core/small.h"

void small_load(const struct update *u, const struct twz_record *rec, struct small *small)
{
	small->n = 0;
	for (int i = 0; i < TWZ_RUNS; i++) {
		uint64_t r = UPDATE_GET(u, rec->map.run[i]);

		for (uint64_t k = 0; k < run_pages(r); k++, small->n++) {
			small->page[small->n] = run_page(r) + k;
			small->frame[small->n] = (uint32_t)(run_frame(r) + k);
		}
	}
}

unsigned small_find(const struct small *small, uint64_t page)
{
	unsigned i = 0;

	while (i < small->n && small->page[i] < page)
		i++;
	return i;
}

bool small_set(struct small *small, uint64_t page, uint32_t frame)
{
	unsigned i = small_find(small, page);
	bool present = i < small->n && small->page[i] == page;

	if (!frame) {
		small->n -= present;
		for (; present && i < small->n; i++) {
			small->page[i] = small->page[i + 1];
			small->frame[i] = small->frame[i + 1];
		}
		return true;
	}
	if (!present) {
		if (small->n == SMALL_PAGES_MAX)
			return false;
		for (unsigned k = small->n++; k > i; k--) {
			small->page[k] = small->page[k - 1];
			small->frame[k] = small->frame[k - 1];
		}
	}
	small->page[i] = page;
	small->frame[i] = frame;
	return true;
}

bool small_store(struct store *s, struct twz_record *rec, const struct small *small)
{
	uint64_t run[TWZ_RUNS] = {0};
	unsigned nruns = 0;

	for (unsigned i = 0, n; i < small->n; i += n) {
		for (n = 1; i + n < small->n && n < TWZ_RUN_PAGES_MAX; n++)
			if (small->page[i + n] != small->page[i] + n ||
			    small->frame[i + n] != small->frame[i] + n)
				break;
		if (nruns == TWZ_RUNS)
			return false;
		run[nruns++] = run_make(small->page[i], small->frame[i], n);
	}
	for (int i = 0; i < TWZ_RUNS; i++)
		UPDATE_PUT(&s->update, rec, map.run[i], run[i]);
	UPDATE_PUT(&s->update, rec, npages, small->n);
	return true;
}
