/*
 * window.c - pending words and the choice of crash states among them.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "core/sum.h"
#include "tests/sim/window.h"

#define EDGE 64u  /* at most so many prefixes, and single words, are taken in the selection */
#define TORN 512u /* the same, of words, if only torn states are wanted */
#define FEW 16u   /* that many states are worth visiting all, whatever the budget */
#define MANY 30u  /* more lines than this have no list of all subsets */

uint64_t window_mix(uint32_t at, uint64_t value)
{
	return twz_fold(twz_fold(value ^ TWZ_SUM_A, TWZ_SUM_K + at), TWZ_SUM_B ^ at);
}

/* ---- following the trace --------------------------------------------------------------------- */

static void *map(uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

void window_reset(struct window *w)
{
	w->npending = 0;
	w->nwords = 0;
	if (w->bytes == trace.bytes)
		return;
	if (w->bytes) {
		munmap(w->flushed, w->bytes / TWZ_LINE * sizeof(*w->flushed));
		munmap(w->word_slot, w->bytes / 8 * sizeof(*w->word_slot));
		munmap(w->line_slot, w->bytes / TWZ_LINE * sizeof(*w->line_slot));
	}
	w->bytes = trace.bytes;
	w->flushed = map(w->bytes / TWZ_LINE * sizeof(*w->flushed));
	w->word_slot = map(w->bytes / 8 * sizeof(*w->word_slot));
	w->line_slot = map(w->bytes / TWZ_LINE * sizeof(*w->line_slot));
}

static void grow(struct window *w)
{
	w->capacity = w->capacity ? 2 * w->capacity : 1024;
	w->pending = realloc(w->pending, w->capacity * sizeof(*w->pending));
	/* Each pending store makes at most one word, and one value beside the durable one. */
	w->word = realloc(w->word, w->capacity * sizeof(*w->word));
	w->line_at = realloc(w->line_at, w->capacity * sizeof(*w->line_at));
	w->value = realloc(w->value, 2 * w->capacity * sizeof(*w->value));
	if (!w->pending || !w->word || !w->line_at || !w->value)
		abort();
}

void window_store(struct window *w, uint32_t event)
{
	if (w->npending == w->capacity)
		grow(w);
	w->pending[w->npending++] = (struct pending){event, ++w->serial};
}

void window_flush(struct window *w, uint32_t line, uint64_t lines)
{
	++w->serial;
	for (uint64_t i = 0; i < lines; i++)
		w->flushed[line + i] = w->serial;
}

/*
 * A store before the last flush of its line is durable now, or older than what is. The first one
 * that stays is pending on top of the value flushed, which is its event's `old`.
 */
void window_fence(struct window *w)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->npending; i++) {
		struct pending p = w->pending[i];

		if (w->flushed[trace.event[p.event].at / (TWZ_LINE / 8)] < p.serial)
			w->pending[n++] = p;
	}
	w->npending = n;
}

void window_forget_flushes(struct window *w)
{
	for (uint32_t i = 0; i < w->npending; i++)
		w->pending[i].serial = ++w->serial;
}

static uint32_t find_word(struct window *w, uint32_t at)
{
	uint32_t i = w->word_slot[at];

	if (i < w->nwords && w->word[i].at == at)
		return i;
	w->word[w->nwords] = (struct word){.at = at, .count = 1};
	return w->word_slot[at] = w->nwords++;
}

static uint32_t find_line(struct window *w, uint32_t line)
{
	uint32_t i = w->line_slot[line];

	if (i < w->nlines && w->line_at[i] == line)
		return i;
	w->line_at[w->nlines] = line;
	return w->line_slot[line] = w->nlines++;
}

static void add_value(struct window *w, struct word *word, uint64_t value, uint32_t when)
{
	w->value[word->first + word->count++] =
		(struct value){value, window_mix(word->at, value), when};
}

void window_build(struct window *w)
{
	uint32_t nvalues = 0;

	w->nwords = w->nlines = 0;
	for (uint32_t i = 0; i < w->npending; i++)
		w->word[find_word(w, trace.event[w->pending[i].event].at)].count++;
	for (uint32_t i = 0; i < w->nwords; i++) {
		struct word *word = &w->word[i];

		word->line = find_line(w, word->at / (TWZ_LINE / 8));
		word->first = nvalues;
		nvalues += word->count;
		word->count = 0;
	}
	for (uint32_t i = 0; i < w->npending; i++) {
		const struct event *e = &trace.event[w->pending[i].event];
		struct word *word = &w->word[find_word(w, e->at)];

		if (!word->count)
			add_value(w, word, e->old, 0);
		add_value(w, word, e->new, i + 1);
	}
}

/* ---- the choice ------------------------------------------------------------------------------ */

/* Number of all states, or more than SIM_ALL_MAX. */
static uint64_t all_states(const struct window *w)
{
	uint64_t n = 1;

	for (uint32_t i = 0; i < w->nwords && n <= SIM_ALL_MAX; i++)
		n *= w->word[i].count;
	return n;
}

static uint64_t at_most(uint64_t n, uint64_t limit)
{
	return n < limit ? n : limit;
}

uint64_t window_total(const struct window *w, uint64_t share)
{
	uint64_t all = all_states(w);

	if (w->torn)
		return 1 + w->nlines + at_most(w->nwords, TORN);
	if (all <= SIM_ALL_MAX && all <= (share < FEW ? FEW : share))
		return all;
	return share < 2 ? 2 : share;
}

/*
 * The systematic part of a selection, in this order. All but one line comes early: it is what finds
 * most of what is wrong.
 */
enum part { LINES, LINE_MISSING, LINE_ALONE, PREFIX, WORD_MISSING, WORD_ALONE, NPARTS };

/* How many states each part has. */
static void parts_of(const struct window *w, uint64_t total, uint64_t part[NPARTS])
{
	uint64_t subsets = w->nlines < MANY ? 1ull << w->nlines : ~0ull;
	bool all = subsets <= SIM_ALL_MAX && subsets <= total / 2;

	part[LINES] = all ? subsets : 2; /* else: nothing and everything */
	part[LINE_ALONE] = part[LINE_MISSING] = all ? 0 : w->nlines;
	part[PREFIX] = at_most(w->npending, EDGE);
	part[WORD_ALONE] = part[WORD_MISSING] = at_most(w->nwords, EDGE);
	if (!w->torn)
		return;
	part[LINES] = 1; /* everything */
	part[LINE_ALONE] = part[PREFIX] = part[WORD_ALONE] = 0;
	part[LINE_MISSING] = w->nlines;
	part[WORD_MISSING] = at_most(w->nwords, TORN);
}

/* Whether state i of the n of a part has the newest value of this word, number `number`. */
static bool keeps(const struct window *w, const struct word *word, enum part part, uint64_t i,
		  uint64_t n, uint32_t number)
{
	switch (part) {
	case LINES:
		return n < 3 ? i + 1 == n : i >> word->line & 1;
	case LINE_ALONE:
		return word->line == i;
	case LINE_MISSING:
		return word->line != i;
	case WORD_ALONE:
		return number == i * w->nwords / n;
	default:
		return number != i * w->nwords / n;
	}
}

static uint32_t prefix_pick(const struct window *w, const struct word *word, uint64_t length)
{
	uint32_t pick = 0;

	while (pick + 1 < word->count && w->value[word->first + pick + 1].when <= length)
		pick++;
	return pick;
}

static void pick_part(struct window *w, enum part part, uint64_t i, uint64_t n)
{
	for (uint32_t k = 0; k < w->nwords; k++) {
		struct word *word = &w->word[k];

		if (part == PREFIX)
			word->pick = prefix_pick(w, word, i * w->npending / n);
		else
			word->pick = keeps(w, word, part, i, n, k) ? word->count - 1 : 0;
	}
}

/* Random words: half of them, few, nearly all, or whole lines with a torn one here and there. */
static void pick_random(struct window *w, uint64_t *random)
{
	uint64_t style = random_next(random) % 4;
	uint64_t key = random_next(random);

	for (uint32_t k = 0; k < w->nwords; k++) {
		struct word *word = &w->word[k];
		uint64_t r = random_next(random), of_line = key + word->line;
		bool keep = r & 1;

		if (style == 1)
			keep = r % 8 == 0;
		else if (style == 2)
			keep = r % 8 != 0;
		else if (style == 3 && (of_line = random_next(&of_line)) % 8)
			keep = of_line >> 8 & 1;
		word->pick = keep ? word->count - 1 : 0;
		/* A value in between, where there are some, as often as the two ends. */
		if (word->count > 2 && (r >> 32) % word->count > 1)
			word->pick = (uint32_t)((r >> 40) % word->count);
	}
}

static void pick_all(struct window *w, uint64_t i)
{
	for (uint32_t k = 0; k < w->nwords; k++) {
		struct word *word = &w->word[k];

		word->pick = (uint32_t)(i % word->count);
		i /= word->count;
	}
}

static void pick_selected(struct window *w, uint64_t total, uint64_t i, uint64_t seed)
{
	uint64_t random = seed ^ i * TWZ_SUM_B, part[NPARTS], systematic = 0, first;

	parts_of(w, total, part);
	for (int p = 0; p < NPARTS; p++)
		systematic += part[p];
	/* No budget for all of them: the first ones, then a draw from all kinds. */
	first = part[LINES] + part[LINE_MISSING];
	if (first > total / 2)
		first = 2;
	if (systematic > total && i >= first)
		i = random_next(&random) % (2 * systematic);
	for (int p = 0; p < NPARTS; p++) {
		if (i < part[p]) {
			pick_part(w, (enum part)p, i, part[p]);
			return;
		}
		i -= part[p];
	}
	pick_random(w, &random);
}

uint64_t window_pick(struct window *w, uint64_t total, uint64_t i, uint64_t seed)
{
	uint64_t delta = 0;

	if (!w->torn && total <= SIM_ALL_MAX && total == all_states(w))
		pick_all(w, i);
	else
		pick_selected(w, total, i, seed);
	for (uint32_t k = 0; k < w->nwords; k++) {
		const struct value *value = &w->value[w->word[k].first];

		delta += value[w->word[k].pick].mix - value[w->word[k].count - 1].mix;
	}
	return delta;
}

uint64_t window_pick_newest(struct window *w)
{
	for (uint32_t k = 0; k < w->nwords; k++)
		w->word[k].pick = w->word[k].count - 1;
	return 0;
}

void window_apply(const struct window *w)
{
	for (uint32_t k = 0; k < w->nwords; k++) {
		const struct word *word = &w->word[k];

		if (word->pick + 1 < word->count)
			trace_put(word->at, w->value[word->first + word->pick].value);
	}
}
