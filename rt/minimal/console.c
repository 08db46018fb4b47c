/* console.c - the console (console.h), and the streams, which all are the console. */
#include "rt/minimal/console.h"
#include "rt/minimal/sys.h"
#include "rt/minimal/view.h"

#define CHUNK 4096u /* the kernel takes at a time; others can write in between */

static const struct twz_console *console(void)
{
	return (const struct twz_console *)TWZ_SLOT_DATA_AT(TWZ_SLOT_CONSOLE);
}

/* One of its words; 0 if this program has no right to the console, or none any more. */
static uint32_t word(const uint32_t *at)
{
	uint32_t value;

	return view_load(at, &value) ? value : 0;
}

void console_init(void)
{
	view_enter(view_own(), TWZ_SLOT_CONSOLE, minimal.sys.console, minimal.sys.epoch,
		   TWZ_VIEW_READ);
	if (minimal.recovered) {
		SYS(view_invalidate, TWZ_SLOT_CONSOLE, 1);
		console_own_interrupts(false);
	}
}

uint32_t console_interrupts(void)
{
	return word(&console()->interrupts);
}

void console_own_interrupts(bool on)
{
	__atomic_store_n(&view_own()->flags, on ? TWZ_VIEW_INTERRUPTS : 0, __ATOMIC_RELEASE);
}

int console_byte(uint32_t interrupts)
{
	for (;;) {
		uint32_t input = word(&console()->input);
		struct twz_sys_sync ops[] = {
			{.address = (uint64_t)&console()->input, .value = input},
			{.address = (uint64_t)&console()->interrupts, .value = interrupts},
		};
		uint8_t byte;
		int64_t n;

		if (console_interrupts() != interrupts)
			return CONSOLE_INTERRUPTED;
		n = SYS(console_read, &byte, 1);
		if (n)
			return n < 0 ? (int)n : byte;
		n = SYS(thread_sync, ops, 2, ~0ull);
		if (n < 0 && n != TWZ_E_INTERRUPTED)
			return (int)n;
	}
}

int64_t twz_rt_write(int stream, const void *data, uint64_t bytes)
{
	const uint8_t *p = data;
	uint64_t left = bytes;

	if (stream != 1 && stream != 2)
		return TWZ_E_ARG;
	while (left) {
		int64_t n = SYS(console_write, p, left < CHUNK ? left : CHUNK);

		if (n < 0)
			return n;
		p += n;
		left -= (uint64_t)n;
	}
	return (int64_t)bytes;
}

int64_t twz_rt_read(int stream, void *data, uint64_t bytes)
{
	return stream ? TWZ_E_ARG : line_read(data, bytes);
}

int twz_rt_input(struct twz_rt_word *until)
{
	uint32_t taken, input;

	/* In this order: what was taken had come in. */
	if (!view_load(&console()->taken, &taken) || !view_load(&console()->input, &input))
		return TWZ_E_RIGHT;
	*until = (struct twz_rt_word){.word = &console()->input, .value = input};
	return line_left() || input != taken;
}

bool twz_rt_terminal(int stream)
{
	return stream >= 0 && stream <= 2 && word(&console()->terminal);
}
