/*
 * line.c - a line of input, with editing and history when a person types it, in a program that is linked with
 * libedit (or readline): libtwz does not bring it along.
 */
#define _GNU_SOURCE
#include <editline/readline.h>
#include <locale.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt/linux/home.h"

#pragma weak readline
#pragma weak add_history

static const char *plain(void)
{
	static char *line;
	static size_t room;
	ssize_t n = getline(&line, &room, stdin);

	if (n < 0)
		return NULL;
	if (n && line[n - 1] == '\n')
		line[n - 1] = 0;
	return line;
}

static sigjmp_buf discard;

/* By then libedit's own handler has put the terminal back. */
static void interrupted(int signal)
{
	(void)signal;
	siglongjmp(discard, 1);
}

/* An interrupt from the keyboard discards the line. */
static const char *edited(const char *prompt)
{
	struct sigaction action = {.sa_handler = interrupted}, before;
	static char *line;

	setlocale(LC_CTYPE, "C.UTF-8"); /* as names are; else libedit drops what is not ASCII */
	free(line);
	line = NULL;
	sigaction(SIGINT, &action, &before);
	if (sigsetjmp(discard, 1)) {
		sigaction(SIGINT, &before, NULL);
		fputs("\n\033[J", stdout); /* what a search showed below the line */
		fflush(stdout);
		return "";
	}
	line = readline(prompt);
	sigaction(SIGINT, &before, NULL);
	if (!line)
		puts("");
	else if (*line)
		add_history(line);
	return line;
}

const char *twz_rt_line(const char *prompt)
{
	if (!isatty(0))
		return plain();
	if (readline && isatty(1))
		return edited(prompt);
	if (write(2, prompt, strlen(prompt)) < 0)
		return NULL;
	return plain();
}
