/*
 * words.c - counts words, over as many texts and runs as one likes: the index is there when the program starts.
 *
 * Shows: a dictionary, a transaction for each line, what begins with given letters.
 *
 *     cc -o words words.c $(pkg-config --cflags --libs twz)
 *
 *     ./words my.store read <text           counts the words of a text
 *     ./words my.store show [LETTERS]       words, those that begin so, and how often they came
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <twz/dict.h>
#include <twz/store.h>
#include <twz/twz.h>

struct words {
	uint64_t lines;
	twz_dict(uint64_t) count; /* by word */
};

static void check(const char *what, int error)
{
	if (!error)
		return;
	fprintf(stderr, "words: %s: %s\n", what, twz_error_text(error));
	exit(1);
}

static int count_word(struct twz_tx *tx, struct words *words, const char *word, uint32_t length)
{
	uint64_t count = 0;
	int error = twz_dict_get_tx(tx, &words->count, word, length, &count);

	if (error && error != TWZ_E_NOTFOUND)
		return error;
	return twz_dict_put(tx, &words->count, word, length, count + 1);
}

/* A line is counted whole or not at all: after a crash words->lines says where to go on. */
static int count_line(struct words *words, const char *line)
{
	struct twz_tx tx;
	uint32_t length;
	int error;

	twz_tx_begin(&tx);
	error = twz_tx_add(&tx, words);
	if (!error)
		error = twz_tx_set(&tx, &words->lines, words->lines + 1);
	for (; !error && *line; line += length ? length : 1) {
		for (length = 0; isalpha((unsigned char)line[length]); length++)
			;
		if (length && length <= TWZ_DICT_KEY_MAX)
			error = count_word(&tx, words, line, length);
	}
	if (!error)
		return twz_tx_commit(&tx);
	twz_tx_abort(&tx);
	return error;
}

static int show(const struct words *words, const char *letters)
{
	struct twz_dict_cursor c;
	uint64_t count = 0;

	twz_dict_each_from(&words->count, &c, letters, (uint32_t)strlen(letters), &count) printf(
		"%6llu %.*s\n", (unsigned long long)count, (int)c.length, (const char *)c.key);
	return c.error == TWZ_E_NOTFOUND ? 0 : c.error;
}

int main(int argc, char **argv)
{
	struct words *words;
	struct twz_obj obj;
	char line[4096];
	int error;

	if (argc < 3) {
		fprintf(stderr, "usage: words STORE read | show [LETTERS]\n");
		return 2;
	}
	error = twz_store_open_or_make(argv[1], 64 << 20);
	if (error) {
		fprintf(stderr, "words: %s\n", twz_store_error_text(error));
		return 1;
	}
	check("/words", twz_name_open_or_make("/words", &(struct twz_new){.heap = true}, &obj));
	check("/words", twz_first(&obj, &words));

	if (!strcmp(argv[2], "show"))
		check("show", show(words, argc > 3 ? argv[3] : ""));
	else
		while (fgets(line, sizeof(line), stdin))
			check("read", count_line(words, line));
	return 0;
}
