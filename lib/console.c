/* console.c - the console's service, called (twz/console.h). */
#include "core/mem.h"

#include <twz/console.h>

int twz_console_say(const char *text, uint64_t bytes)
{
	struct twz_service console;
	struct twz_buffer buffer;
	int error = twz_service_open(TWZ_CONSOLE, CONSOLE_VERSION, &console);

	if (!error)
		error = twz_buffer_take(&console, bytes, &buffer);
	if (error)
		return error;
	memcpy(buffer.data, text, bytes);
	error = (int)TWZ_CALL(&console, console_say, TWZ_BUFFER_ARGS(&buffer), bytes);
	twz_buffer_give(&console, &buffer);
	twz_service_close(&console);
	return error;
}
