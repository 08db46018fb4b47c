/*
 * check.c - compares an index with the texts.
 *
 * Words are in order, postings too; every word of every line of every text has its posting, which
 * leads to that line; and the number of those is the number of all postings. So index and texts say
 * the same.
 */
#include "bin/index/index.h"

struct checking {
	const struct index *ix;
	uint64_t pairs; /* a word and a line that it is in */
	uint64_t wrong;
};

static void wrong(struct checking *c, const char *where, uint32_t line, const char *what)
{
	twz_print("%s:%u: %s\n", where, line, what);
	c->wrong++;
}

/* Words and postings in order, their numbers as stated. */
static void check_order(struct checking *c)
{
	struct place place = index_seek(c->ix, "", 0);
	const struct word *word, *last = NULL;
	uint64_t words = 0, postings = 0;

	for (; (word = index_step(&place)); last = word) {
		struct cursor cursor = posting_first(word);
		const struct posting *p;
		uint32_t n = 0, document = 0, number = 0;

		words++;
		if (last) {
			uint32_t shorter =
				last->length < word->length ? last->length : word->length;
			int order = memcmp(last->text, word->text, shorter);

			if (order > 0 || (!order && last->length >= word->length))
				wrong(c, "words", (uint32_t)words, "not in order");
		}
		while ((p = posting_at(&cursor))) {
			if (n++ && (p->document < document ||
				    (p->document == document && p->number <= number)))
				wrong(c, "postings", n, "not in order");
			document = p->document;
			number = p->number;
			posting_seek(&cursor, document, number + 1);
		}
		if (n != word->npostings)
			wrong(c, "postings", n, "not as many as the word says");
		postings += n;
	}
	if (words != c->ix->nwords || postings != c->ix->npostings)
		wrong(c, "words", (uint32_t)words, "not as many as the index says");
}

/* Does the word occur in [line, end)? */
static bool occurs(const char *line, const char *end, const char *text, uint32_t length)
{
	char other[WORD_MAX];
	uint32_t n;

	while ((n = word_next(&line, end, other)))
		if (n == length && !memcmp(other, text, n))
			return true;
	return false;
}

static void check_line(struct checking *c, uint32_t document, const char *name, const char *line,
		       const char *end, uint32_t number)
{
	const char *at = line, *before = line;
	char text[WORD_MAX];
	uint32_t length;

	for (; (length = word_next(&at, end, text)); before = at) {
		const struct word *word = index_word(c->ix, text, length);
		const struct posting *p = NULL;
		struct cursor cursor;

		if (before != line && occurs(line, before, text, length))
			continue;
		c->pairs++;
		if (word) {
			cursor = posting_first(word);
			p = posting_seek(&cursor, document, number);
		}
		if (!p || p->document != document || p->number != number)
			wrong(c, name, number, "a word has no posting");
		else if (twz_get(&p->line) != line)
			wrong(c, name, number, "a posting leads elsewhere");
	}
}

static void check_document(struct checking *c, uint32_t n, const struct document *document)
{
	const char *name = twz_get(&document->name), *line, *end, *stop;
	struct twz_obj obj;
	uint32_t number = 0;

	if (twz_obj_open(document->id, &obj)) {
		wrong(c, name, 0, "is gone since the index was built");
		return;
	}
	line = twz_get(&document->text);
	for (end = line + document->bytes; line < end; line = stop + 1) {
		stop = memchr(line, '\n', (size_t)(end - line));
		if (!stop)
			stop = end;
		check_line(c, n, name, line, stop, ++number);
	}
	twz_obj_recycle(&obj);
}

int index_check(const char *name)
{
	struct checking c = {.pairs = 0};
	const struct document *documents;
	struct index *ix;
	int status = index_open(name, &ix);

	if (status)
		return status;
	c.ix = ix;
	documents = twz_get(&ix->documents);
	check_order(&c);
	for (uint32_t i = 0; i < ix->ndocuments; i++)
		check_document(&c, i, &documents[i]);
	if (c.pairs != ix->npostings)
		wrong(&c, name, 0, "there are postings for what is not in the texts");
	if (c.wrong)
		return fail(name, "the index and the texts differ");
	twz_print("%s: %llu words, %llu postings, all right\n", name,
		  (unsigned long long)ix->nwords, (unsigned long long)ix->npostings);
	return STATUS_OK;
}
