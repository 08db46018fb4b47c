/*
 * console.c - the terminal of the person at the machine's console.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "tools/uefi/stub.h"
#include "tools/vm/vm.h"

#define CTRL_A 1

static struct termios before;
static bool after_ctrl_a;

static void restore(void)
{
	tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

static void killed(int signal)
{
	restore();
	raise(signal); /* whose action is the default one again */
}

void console_raw(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	const struct sigaction action = {.sa_handler = killed, .sa_flags = (int)SA_RESETHAND};
	struct termios raw;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &before))
		return;
	atexit(restore);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
	raw = before;
	raw.c_iflag &= ~(tcflag_t)(BRKINT | IGNCR | ICRNL | INLCR | ISTRIP | IXON | PARMRK);
	raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

size_t console_keys(char *data, size_t bytes, bool *quit)
{
	size_t left = 0;

	for (size_t i = 0; i < bytes; i++) {
		char key = data[i];

		if (!after_ctrl_a && key == CTRL_A) {
			after_ctrl_a = true;
			continue;
		}
		if (after_ctrl_a) {
			after_ctrl_a = false;
			if (key == 'x' || key == 'X')
				*quit = true;
			if (key == 'a' || key == CTRL_A)
				data[left++] = CTRL_A;
			continue;
		}
		data[left++] = key;
	}
	return left;
}

size_t console_firmware(size_t *heard, char *data, size_t bytes)
{
	static const char last_words[] = STUB_LAST_WORDS;
	size_t i = 0;

	while (i < bytes && last_words[*heard]) {
		char c = data[i++];

		/* Their first letter comes only once in them. */
		*heard = c == last_words[*heard] ? *heard + 1 : c == last_words[0];
	}
	log_put(data, i);
	memmove(data, data + i, bytes - i);
	return bytes - i;
}
