/*
 * find.c - asks an index.
 */
#include "bin/index/index.h"

#define WORDS_MAX 32

bool index_is(const struct twz_obj *obj)
{
	const struct index *ix = twz_obj_data(obj);

	return twz_obj_size(obj) >= sizeof(*ix) && ix->magic == INDEX_MAGIC;
}

int index_open(const char *name, struct index **ix)
{
	struct twz_obj obj;
	int error = twz_name_open(name, &obj);

	if (error == TWZ_E_NOTFOUND)
		return fail(name, "there is no index; make one with: index build PATH");
	if (error)
		return fail_error(name, error);
	*ix = twz_obj_data(&obj);
	if (!index_is(&obj))
		return fail(name, "is no index");
	if ((*ix)->version != INDEX_VERSION)
		return fail_error(name, TWZ_E_VERSION);
	return STATUS_OK;
}

/* ---- find ----------------------------------------------------------------------------------------- */

/* The text that hits are being printed from. */
struct source {
	const struct document *document;
	const char *end;
};

/* Goes to a document. A status, printed: its object may be gone since the index was built. */
static int source_open(struct source *source, const struct document *document)
{
	struct twz_rt_stat stat;
	struct twz_obj obj;
	int error;

	if (source->end && !twz_obj_open(source->document->id, &obj))
		twz_obj_recycle(&obj); /* or hits in many texts would use up the slots */
	*source = (struct source){document, NULL};
	error = twz_obj_stat(document->id, &stat);
	if (error)
		return fail(twz_get(&document->name),
			    "is gone since the index was built; build it again");
	if (need(twz_get(&document->name), document->id, TWZ_READ))
		return STATUS_FAILED;
	source->end = twz_get(&document->text) + document->bytes;
	return STATUS_OK;
}

static void print_line(const struct source *source, const struct posting *p)
{
	const char *line = twz_get(&p->line);
	const char *stop = memchr(line, '\n', (size_t)(source->end - line));

	twz_print("%s:%u: ", twz_get(&source->document->name), p->number);
	twz_put(line, (uint64_t)((stop ? stop : source->end) - line));
	twz_put("\n", 1);
}

/*
 * Prints the lines that all the cursors have. All walk through documents and lines in the same
 * order, so whoever is behind jumps to where the furthest is.
 */
static int print_common(const struct index *ix, struct cursor *cursors, int n)
{
	const struct document *documents = twz_get(&ix->documents);
	struct source source = {NULL, NULL};
	const struct posting *p, *q;
	int status = STATUS_FAILED; /* nothing found */
	bool gone = false;

	while ((p = posting_at(&cursors[0]))) {
		int agree = 0;

		for (int i = 0; p && agree < n; i = (i + 1) % n) {
			q = posting_seek(&cursors[i], p->document, p->number);
			agree = q && q->document == p->document && q->number == p->number
					? agree + 1
					: 1;
			p = q;
		}
		if (!p)
			break;
		if (p->document >= ix->ndocuments)
			return fail_error("the index", TWZ_E_DAMAGED);
		if (source.document != &documents[p->document])
			gone |= source_open(&source, &documents[p->document]) != STATUS_OK;
		if (source.end) {
			print_line(&source, p);
			status = STATUS_OK;
		}
		posting_seek(&cursors[0], p->document, p->number + 1);
	}
	return gone ? STATUS_FAILED : status;
}

int index_find(const char *name, int nargs, char **args)
{
	struct cursor cursors[WORDS_MAX];
	char text[WORD_MAX];
	struct index *ix;
	uint32_t length;
	int n = 0, missing = 0, status = index_open(name, &ix);

	if (status)
		return status;
	for (int i = 0; i < nargs; i++) {
		const char *at = args[i], *end = at + strlen(at);
		int had = n + missing;

		while ((length = word_next(&at, end, text))) {
			const struct word *word = index_word(ix, text, length);

			if (n == WORDS_MAX)
				fail_usage("too many words: ", args[i]);
			if (word)
				cursors[n++] = posting_first(word);
			else
				missing++;
		}
		if (had == n + missing)
			fail_usage("this is no word: ", args[i]);
	}
	return missing ? STATUS_FAILED : print_common(ix, cursors, n);
}

/* ---- words and stat -------------------------------------------------------------------------------- */

int index_words(const char *name, const char *prefix)
{
	char lower[WORD_MAX];
	const char *at = prefix;
	const struct word *word;
	struct index *ix;
	struct place place;
	uint32_t length;
	int status = index_open(name, &ix);

	if (status)
		return status;
	length = word_next(&at, prefix + strlen(prefix), lower);
	if (length != strlen(prefix))
		fail_usage("no word begins so: ", prefix);
	place = index_seek(ix, lower, length);
	while ((word = index_step(&place)) && word->length >= length &&
	       !memcmp(word->text, lower, length))
		twz_print("%8u %.*s\n", word->npostings, (int)word->length, word->text);
	return STATUS_OK;
}

int index_stat(const char *name)
{
	struct index *ix;
	int status = index_open(name, &ix);

	if (status)
		return status;
	twz_print("%-10s %llu\n", "texts", (unsigned long long)ix->ndocuments);
	twz_print("%-10s %llu\n", "lines", (unsigned long long)ix->nlines);
	twz_print("%-10s %llu\n", "words", (unsigned long long)ix->nwords);
	twz_print("%-10s %llu\n", "postings", (unsigned long long)ix->npostings);
	twz_print("%-10s %llu\n", "bytes", (unsigned long long)(ix->end - TWZ_OBJ_DATA));
	twz_print("%-10s %u nodes\n", "height", ix->height + 1);
	return STATUS_OK;
}
