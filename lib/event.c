/* event.c - the interface Event: waiting, and what the usual objects tell (twz/event.h). */
#include "abi/syscall.h"
#include "core/probe.h"
#include "core/ptr.h"
#include "lib/builtin.h"
#include "lib/path.h"
#include "lib/space.h"

static __attribute__((constructor)) void begin(void)
{
	twz_implement(&event_bytes);
	twz_implement(&event_names);
	twz_implement(&event_thread);
	twz_implement(&event_queue);
}

static const struct twz_event_methods *methods_of(const struct twz_event *event)
{
	return event->face.impl->methods;
}

static int start(struct twz_event *event)
{
	const struct twz_event_methods *methods = methods_of(event);

	if (!event->what || event->what & ~methods->what)
		return TWZ_E_ARG;
	return methods->begin ? methods->begin(event) : 0;
}

int twz_event_of(const struct twz_obj *obj, uint32_t what, struct twz_event *event)
{
	int error;

	*event = (struct twz_event){.what = what};
	error = twz_face(obj, TWZ_TAG_EVENT, &event->face);
	return error ? error : start(event);
}

/* How many are ready; *count words to wait on. */
static int look(struct twz_event *events, uint32_t n, struct twz_rt_word *words, uint32_t *count)
{
	int ready = 0;

	*count = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t more = 0;
		int error = methods_of(&events[i])->look(&events[i], words + *count, &more);

		if (error)
			return error;
		ready += events[i].ready != 0;
		*count += more;
	}
	return ready;
}

int twz_event_wait(struct twz_event *events, uint32_t n, uint64_t timeout_ns)
{
	struct twz_rt_word words[TWZ_RT_WORDS];
	uint64_t start_ns = twz_rt_time_ns(), past = 0;
	uint32_t count;
	int result;

	if (!n || n > TWZ_EVENTS_MAX)
		return TWZ_E_ARG;
	for (;;) {
		result = look(events, n, words, &count);
		if (result)
			return result;
		if (timeout_ns != ~0ull)
			past = twz_rt_time_ns() - start_ns;
		if (past >= timeout_ns)
			return TWZ_E_TIMEOUT;
		result = twz_rt_wait_many(words, count,
					  timeout_ns == ~0ull ? ~0ull : timeout_ns - past);
		if (result && result != TWZ_E_TIMEOUT)
			return result;
	}
}

/* ---- bytes: there are more ----------------------------------------------------------------------- */

static const uint64_t *size_word(const struct twz_event *event)
{
	return &obj_meta(event->face.obj.base)->size;
}

static int bytes_begin(struct twz_event *event)
{
	int error = space_readable(event->face.obj.slot);

	event->seen = error ? 0 : twz_obj_size(&event->face.obj);
	return error;
}

static int bytes_look(struct twz_event *event, struct twz_rt_word until[static TWZ_EVENT_WORDS],
		      uint32_t *count)
{
	uint64_t size;

	if (!probe_load(size_word(event), sizeof(uint64_t)))
		return TWZ_E_NOTFOUND;
	size = __atomic_load_n(size_word(event), __ATOMIC_ACQUIRE);
	event->ready = size > event->seen ? TWZ_EVENT_READ : 0;
	event->seen = size;
	until[(*count)++] = low_half(size_word(event), size);
	return 0;
}

static const struct twz_event_methods bytes_methods = {TWZ_EVENT_READ, bytes_begin, bytes_look};
struct twz_impl event_bytes = {
	.interface = TWZ_TAG_EVENT,
	.implementation = TWZ_TAG_BYTES,
	.name = "bytes",
	.methods = &bytes_methods,
	.types = 1u << TWZ_TYPE_DATA,
};

/* ---- namespaces: a change ------------------------------------------------------------------------ */

static int names_look(struct twz_event *event, struct twz_rt_word until[static TWZ_EVENT_WORDS],
		      uint32_t *count)
{
	uint64_t generation;
	struct ns ns;
	int error = ns_open(event->face.obj.id, &ns);

	if (error)
		return error;
	generation = generation_now(&ns.head->generation);
	event->ready = generation != event->seen ? TWZ_EVENT_CHANGED : 0;
	event->seen = generation;
	until[(*count)++] = low_half(&ns.head->generation, generation);
	return 0;
}

static int names_begin(struct twz_event *event)
{
	struct twz_rt_word until[TWZ_EVENT_WORDS];
	uint32_t count = 0;

	return names_look(event, until, &count);
}

static const struct twz_event_methods names_methods = {TWZ_EVENT_CHANGED, names_begin, names_look};
struct twz_impl event_names = {
	.interface = TWZ_TAG_EVENT,
	.implementation = TWZ_TAG_NAMES,
	.name = "names",
	.methods = &names_methods,
	.types = 1u << TWZ_TYPE_NAMESPACE,
};

/* ---- threads: the end ---------------------------------------------------------------------------- */

static int thread_look(struct twz_event *event, struct twz_rt_word until[static TWZ_EVENT_WORDS],
		       uint32_t *count)
{
	const struct twz_thread *thread = twz_obj_data(&event->face.obj);
	uint32_t state;
	int error = space_readable(event->face.obj.slot);

	if (error)
		return error;
	if (!probe_load(&thread->state, sizeof(thread->state)))
		return TWZ_E_NOTFOUND;
	state = __atomic_load_n(&thread->state, __ATOMIC_ACQUIRE);
	event->ready = state == TWZ_THREAD_ENDED ? TWZ_EVENT_ENDED : 0;
	until[(*count)++] = (struct twz_rt_word){.word = &thread->state, .value = state};
	return 0;
}

static const struct twz_event_methods thread_methods = {TWZ_EVENT_ENDED, NULL, thread_look};
struct twz_impl event_thread = {
	.interface = TWZ_TAG_EVENT,
	.implementation = TWZ_TAG_THREAD,
	.name = "thread",
	.methods = &thread_methods,
	.types = 1u << TWZ_TYPE_THREAD,
};

/* ---- the console: input -------------------------------------------------------------------------- */

static int console_look(struct twz_event *event, struct twz_rt_word until[static TWZ_EVENT_WORDS],
			uint32_t *count)
{
	int ready = twz_rt_input(&until[*count]);

	if (ready < 0)
		return ready;
	event->ready = ready ? TWZ_EVENT_READ : 0;
	(*count)++;
	return 0;
}

int twz_event_of_console(uint32_t what, struct twz_event *event)
{
	static const struct twz_event_methods methods = {TWZ_EVENT_READ, NULL, console_look};
	static const struct twz_impl console = {.interface = TWZ_TAG_EVENT,
						.implementation = TWZ_TAG_CONSOLE,
						.name = "console",
						.methods = &methods};

	*event = (struct twz_event){.face = {.impl = &console}, .what = what};
	return start(event);
}
