/* line_test.c - the line editor: keys in; the line, and what the terminal shows, out. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rt/minimal/editor.h"

#define COLUMNS 20
#define PROMPT "> "

/* ---- a terminal: one row is enough ---------------------------------------------------------------- */

static struct {
	char row[COLUMNS][5]; /* a character each, UTF-8 */
	unsigned at, lines, bells;
	char escape[16];
	unsigned nescape;
	char partial[5];
	unsigned npartial;
} term;

static void term_clear(unsigned from)
{
	for (unsigned i = from; i < COLUMNS; i++)
		strcpy(term.row[i], " ");
}

static void term_escape(char c)
{
	unsigned n;

	term.escape[term.nescape++] = c;
	assert_true(term.nescape < sizeof(term.escape));
	if (c < '@' || c == '[')
		return;
	term.escape[term.nescape] = 0;
	if (c == 'K') {
		term_clear(term.at);
	} else if (c == 'C') {
		assert_int_equal(sscanf(term.escape, "\033[%uC", &n), 1);
		term.at += n;
	} else if (c == 'J') {
		term_clear(0);
	} else {
		assert_int_equal(c, 'H');
		term.at = 0;
	}
	term.nescape = 0;
}

static void term_char(char c)
{
	if ((c & 0xc0) != 0x80)
		term.npartial = 0;
	term.partial[term.npartial++] = c;
	term.partial[term.npartial] = 0;
	if ((c & 0xc0) != 0x80) {
		assert_true(term.at < COLUMNS); /* it never runs into the edge */
		term.at++;
	}
	strcpy(term.row[term.at - 1], term.partial);
}

static void put(const char *text, uint64_t bytes)
{
	for (; bytes; bytes--, text++) {
		if (term.nescape || *text == '\033')
			term_escape(*text);
		else if (*text == '\r')
			term.at = 0;
		else if (*text == '\n')
			term.lines++, term_clear(0);
		else if (*text == '\a')
			term.bells++;
		else
			term_char(*text);
		assert_true(term.at < COLUMNS);
	}
}

static const char *shown(void)
{
	static char text[COLUMNS * 4 + 1];
	unsigned n = COLUMNS;

	text[0] = 0;
	while (n && !strcmp(term.row[n - 1], " "))
		n--;
	for (unsigned i = 0; i < n; i++)
		strcat(text, term.row[i]);
	return text;
}

/* ---- typing --------------------------------------------------------------------------------------- */

static struct history history;
static struct editor e;

static void begin(void)
{
	memset(&term, 0, sizeof(term));
	term_clear(0);
	e.prompt = PROMPT;
	e.columns = COLUMNS;
	e.history = &history;
	e.put = put;
	editor_begin(&e);
}

static enum editor_result type(const char *keys)
{
	enum editor_result result = EDITOR_MORE;

	for (; *keys; keys++) {
		assert_int_equal(result, EDITOR_MORE);
		result = editor_key(&e, (uint8_t)*keys);
	}
	return result;
}

#define LEFT "\033[D"
#define RIGHT "\033[C"
#define UP "\033[A"
#define DOWN "\033[B"
#define HOME "\033[H"
#define END "\033[F"
#define DELETE "\033[3~"
#define BACK "\177"

/* What is left in the line after these keys, and that the terminal shows it (if it fits). */
static void gives(const char *keys, const char *text)
{
	begin();
	assert_int_equal(type(keys), EDITOR_MORE);
	assert_string_equal(e.text, text);
	assert_int_equal(e.length, strlen(text));
	assert_int_equal(strncmp(shown(), PROMPT, strlen(PROMPT) - 1), 0);
	if (strlen(text) < COLUMNS - 2 && *text)
		assert_string_equal(shown() + strlen(PROMPT), text);
}

static void keys_edit_the_line(void **state)
{
	(void)state;
	gives("hello", "hello");
	gives("helo" LEFT "l", "hello");
	gives("xhello" HOME DELETE, "hello");
	gives("hellox" BACK, "hello");
	gives("hellox\b", "hello");
	gives("hxello" HOME RIGHT RIGHT BACK, "hello");
	gives("ello\001h", "hello");
	gives("ell\033[1~h\033[4~o", "hello");
	gives("ell\033[7~h\033[8~o", "hello");
	gives("ell\033OHh\033OFo", "hello");
	gives("ell\002\002\002h\005o", "hello");
	gives("hhello\001\006\002\004", "hello");
	gives("one two  \027three", "one three");
	gives("one\027\027", "");
	gives("one two" LEFT LEFT LEFT "\025", "two");
	gives("one,two" LEFT LEFT LEFT "\013", "one,");
	gives("hello\014", "hello");
	gives("hello\033[1;5D", "hello"); /* with modifiers: as without */
	assert_int_equal(e.cursor, 4);
}

static void what_cannot_be_done_rings(void **state)
{
	static const char *const keys[] = {BACK,   DELETE, LEFT,   RIGHT,     HOME, END,
					   "\025", "\013", "\027", "\033[5~", "\t", "\026"};

	(void)state;
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		gives(keys[i], "");
		assert_int_equal(term.bells, 1);
	}
}

static void lines_end(void **state)
{
	(void)state;
	begin();
	assert_int_equal(type("hello\r"), EDITOR_LINE);
	assert_string_equal(e.text, "hello");
	assert_int_equal(term.lines, 1);
	begin();
	assert_int_equal(type("hello" HOME "\n"), EDITOR_LINE);
	assert_string_equal(e.text, "hello");
	begin();
	assert_int_equal(type("a" BACK "\004"), EDITOR_END);
	begin();
	assert_int_equal(type("hello"), EDITOR_MORE);
	editor_discard(&e);
	assert_string_equal(e.text, "");
	begin();
	assert_int_equal(type("\r"), EDITOR_LINE);
	assert_string_equal(e.text, "");
}

static void characters_are_units(void **state)
{
	(void)state;
	gives("Gr\u00fc\u00dfe", "Gr\u00fc\u00dfe");
	assert_int_equal(term.at, strlen(PROMPT) + 5);
	gives("\u00e4\u20ac\U0001f600" BACK, "\u00e4\u20ac");
	gives("\u00e4\u20ac\U0001f600" LEFT LEFT DELETE, "\u00e4\U0001f600");
	gives("\u00e4\u00e4" LEFT "\u20ac", "\u00e4\u20ac\u00e4");
	gives("\u00e4" HOME RIGHT "x", "\u00e4x");
	/* What is no UTF-8 is not taken, and takes nothing with it. */
	gives("a\200b", "ab");
	gives("a\377b", "ab");
	gives("a\303\303\244b", "a\u00e4b");
	gives("a\300\200b", "ab");
	assert_int_equal(term.bells, 2);
}

static void long_lines_scroll(void **state)
{
	const char *text = "abcdefghijklmnopqrstuvwxyz";
	unsigned room = COLUMNS - 1 - strlen(PROMPT);

	(void)state;
	gives(text, text);
	assert_string_equal(shown() + strlen(PROMPT), text + strlen(text) - room);
	assert_int_equal(type(HOME), EDITOR_MORE);
	assert_int_equal(term.at, strlen(PROMPT));
	assert_memory_equal(shown() + strlen(PROMPT), text, room);
	for (unsigned i = 0; i < strlen(text); i++) {
		assert_int_equal(type(RIGHT), EDITOR_MORE);
		assert_int_equal(e.cursor, i + 1);
	}
	assert_int_equal(type("\002\002!"), EDITOR_MORE);
	assert_string_equal(e.text, "abcdefghijklmnopqrstuvwx!yz");
	/* As many as there is room for. */
	begin();
	for (unsigned i = 0; i < EDITOR_ROOM + 10; i++)
		type("x");
	assert_int_equal(e.length, EDITOR_ROOM - 1);
	assert_int_equal(term.bells, 11);
	assert_int_equal(type("\u00e4\r"), EDITOR_LINE);
	assert_int_equal(strlen(e.text), EDITOR_ROOM - 1);
}

static void enter(const char *line)
{
	begin();
	type(line);
	assert_int_equal(type("\r"), EDITOR_LINE);
	history_add(&history, e.text);
}

static void lines_come_back(void **state)
{
	char line[16];

	(void)state;
	memset(&history, 0, sizeof(history));
	gives(UP, "");
	gives(DOWN, "");
	enter("one");
	enter("two");
	enter("two");
	enter("");
	assert_int_equal(history.count, 2);
	gives(UP, "two");
	gives(UP UP, "one");
	gives(UP UP UP, "one");
	gives("new" UP UP DOWN, "two");
	gives("new" UP UP DOWN DOWN, "new");
	gives("\020\020\016", "two");
	gives(UP "x" UP DOWN, "two"); /* only the new line is kept */
	for (unsigned i = 0; i < EDITOR_LINES + 5; i++) {
		snprintf(line, sizeof(line), "%u", i);
		enter(line);
	}
	begin();
	for (unsigned i = 0; i < EDITOR_LINES + 50; i++)
		type(UP);
	assert_string_equal(e.text, "5");
	assert_int_equal(term.bells, 50);
}

/* Whatever comes, the line is a line and the terminal's cursor is where the editor's is. */
static void any_bytes_are_survived(void **state)
{
	uint32_t random = 1;

	(void)state;
	begin();
	for (unsigned i = 0; i < 200000; i++) {
		uint32_t columns = 0;

		random = random * 1664525 + 1013904223;
		if (editor_key(&e, (uint8_t)(random >> 24)) != EDITOR_MORE) {
			history_add(&history, e.text);
			begin();
		}
		assert_int_equal(strlen(e.text), e.length);
		assert_true(e.cursor <= e.length);
		for (uint32_t at = 0; at < e.cursor; at++)
			columns += (e.text[at] & 0xc0) != 0x80;
		if (!e.state)
			assert_int_equal(term.at, strlen(PROMPT) + columns - e.scroll);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_edit_the_line),
		cmocka_unit_test(what_cannot_be_done_rings),
		cmocka_unit_test(lines_end),
		cmocka_unit_test(characters_are_units),
		cmocka_unit_test(long_lines_scroll),
		cmocka_unit_test(lines_come_back),
		cmocka_unit_test(any_bytes_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
