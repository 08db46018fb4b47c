/*
 * editor.h - editing a line that a person types: keys in, what the terminal must show out.
 *
 * Pure logic: bytes come by editor_key, text for the terminal goes to `put`. The terminal does what
 * ANSI asks of all (\r, ESC [K, ESC [nC) and has `columns` columns, each character one. A line that
 * is longer is shown in part, around the cursor.
 *
 * Keys: left, right, home, end, backspace, delete, Ctrl-A E B F; Ctrl-U, Ctrl-K delete up to the
 * start, the end; Ctrl-W the word before; up and down, Ctrl-P N the lines before; Ctrl-L clears the
 * screen; Ctrl-D at an empty line is the end of input, else delete. UTF-8 characters are units;
 * what is not UTF-8, other control characters and what finds no room ring the bell.
 */
#ifndef TWZ_RT_MINIMAL_EDITOR_H
#define TWZ_RT_MINIMAL_EDITOR_H

#include "abi/base.h"

#define EDITOR_ROOM 4096u /* of a line, with its terminating zero */
#define EDITOR_LINES 100u /* that are remembered */

struct history {
	uint32_t count; /* of lines ever added; line n is at n % EDITOR_LINES */
	char line[EDITOR_LINES][EDITOR_ROOM];
};

struct editor {
	/* Set by who uses it, all zero else. */
	const char *prompt; /* ASCII, shorter than the columns */
	uint32_t columns;
	struct history *history; /* null: none */
	void (*put)(const char *text, uint64_t bytes);

	/* The line, terminated. */
	char text[EDITOR_ROOM];
	uint32_t length;

	/* The editor's own. */
	uint32_t cursor;        /* byte in the text, at a character */
	uint32_t scroll;        /* the first character shown */
	uint32_t recalled;      /* of the history's lines; history->count: the new one */
	char kept[EDITOR_ROOM]; /* the new one, while others are looked at */
	uint8_t state;          /* within an escape sequence */
	uint8_t number;         /* of an escape sequence */
	uint8_t partial[4];     /* of a UTF-8 character */
	uint8_t npartial, wanted;
};

enum editor_result {
	EDITOR_MORE,
	EDITOR_LINE, /* text is the line */
	EDITOR_END,  /* of input */
};

/* An empty line, shown. */
void editor_begin(struct editor *e);
enum editor_result editor_key(struct editor *e, uint8_t byte);
/* The line is given up. */
void editor_discard(struct editor *e);

/* Remembers a line, unless it is empty or the same as the last. */
void history_add(struct history *history, const char *line);

#endif
