/* hidden.c - a line of input that is not shown. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "rt/linux/home.h"

int64_t twz_rt_line_hidden(const char *prompt, void *line, uint64_t room)
{
	struct termios before, quiet;
	const bool person = !tcgetattr(STDIN_FILENO, &before);
	static char *text;
	static size_t text_room;
	ssize_t n;

	if (person) {
		fputs(prompt, stderr);
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	n = getline(&text, &text_room, stdin);
	if (person) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	if (n < 0)
		return TWZ_E_NOTFOUND;
	if (n && text[n - 1] == '\n')
		n--;
	if ((uint64_t)n <= room)
		memcpy(line, text, (size_t)n);
	explicit_bzero(text, text_room);
	return (uint64_t)n <= room ? (int64_t)n : TWZ_E_LIMIT;
}
