/* machine.c - power, threads, memory, views: the kernel's. */
#include <string.h>

#include "rt/minimal/minimal.h"
#include "rt/minimal/sys.h"
#include "rt/minimal/view.h"

#define SECOND_NS 1000000000ull

int twz_rt_power(uint32_t what, uint32_t status)
{
	return of_machine((int)SYS(power, what, status));
}

static uint64_t cycles_to_ns(uint64_t cycles)
{
	uint64_t per_s = minimal.sys.cycles_per_s; /* far less than 2^34: no product overflows */

	return cycles / per_s * SECOND_NS + cycles % per_s * SECOND_NS / per_s;
}

int twz_rt_thread_next(struct twz_rt_thread *thread)
{
	struct twz_id id = thread->id;
	struct twz_thread seen;
	int error;

	do { /* one may be deleted meanwhile: on to the next */
		error = (int)SYS(thread_next, &id);
		if (error)
			return error;
	} while (window_read(id, 0, &seen, sizeof(seen)));
	*thread = (struct twz_rt_thread){.id = id,
					 .view = seen.view,
					 .number = seen.number,
					 .owner = seen.owner,
					 .state = seen.state,
					 .priority = seen.priority,
					 .start_ns = seen.start_ns,
					 .run_ns = cycles_to_ns(seen.run_cycles)};
	memcpy(thread->name, seen.name, sizeof(thread->name));
	return 0;
}

int twz_rt_self(struct twz_id *thread)
{
	struct twz_sys_info now; /* of this thread, which may be another than the program's first */
	int error = (int)SYS(info, &now);

	if (!error)
		*thread = now.thread;
	return error;
}

int twz_rt_memory(struct twz_rt_memory *memory)
{
	struct twz_sys_usage all;
	int error = (int)SYS(usage, &all);

	if (error)
		return error;
	*memory = (struct twz_rt_memory){.pages = all.frames,
					 .used = all.frames_used,
					 .tables = all.tables,
					 .heap_bytes = all.heap_bytes,
					 .objects = all.objects,
					 .views = all.views,
					 .threads = all.threads};
	return 0;
}

int twz_rt_view(struct twz_id *view)
{
	*view = minimal.sys.view;
	return 0;
}

int twz_rt_view_next(struct twz_id *view)
{
	return (int)SYS(view_next, view);
}
