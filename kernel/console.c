/* console.c - the console (console.h). */
#include "abi/object.h"
#include "abi/syscall.h"
#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/object.h"
#include "kernel/sync.h"

#define INPUT 4096u /* a power of two */
#define CTRL_C 3

static char input[INPUT];
static uint32_t head, tail; /* read there, written there; both only grow */
static struct object *object, *machine_object;
static struct twz_console *words;

void console_init(bool terminal)
{
	object = boot_owned(TWZ_TYPE_DEVICE, TWZ_READ | TWZ_USE);
	machine_object = boot_owned(TWZ_TYPE_DEVICE, TWZ_READ | TWZ_USE);
	words = object_page(object, TWZ_OBJ_DATA / TWZ_PAGE);
	if (!words)
		panic("no memory for the console");
	words->terminal = terminal;
}

struct twz_id machine_id(void)
{
	return machine_object->id;
}

struct twz_id console_id(void)
{
	return object->id;
}

void console_write(const char *text, uint64_t bytes)
{
	serial_put(text, bytes);
}

uint64_t console_look(char *to, uint64_t room)
{
	uint64_t n = tail - head < room ? tail - head : room;

	for (uint64_t i = 0; i < n; i++)
		to[i] = input[(head + i) % INPUT];
	return n;
}

void console_take(uint64_t bytes)
{
	head += (uint32_t)bytes;
	words->taken = head;
	if (bytes)
		console_interrupt(); /* that of what still waits in the line has been */
}

void console_interrupt(void)
{
	uint32_t before = tail;
	bool interrupted = false;
	int c;

	while (tail - head < INPUT && (c = serial_get()) >= 0) {
		if (c == CTRL_C) {
			words->interrupts++;
			interrupted = true;
		} else {
			input[tail++ % INPUT] = (char)c;
		}
	}
	words->input += tail - before;
	if (tail != before)
		sync_wake(object, TWZ_OBJ_DATA + offsetof(struct twz_console, input), ~0u);
	if (interrupted)
		sync_wake(object, TWZ_OBJ_DATA + offsetof(struct twz_console, interrupts), ~0u);
}
