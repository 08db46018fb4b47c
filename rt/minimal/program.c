/* program.c - a program's view, memory and first thread (program.h). */
#include <string.h>

#include "rt/minimal/minimal.h"
#include "rt/minimal/program.h"
#include "rt/minimal/sys.h"
#include "rt/minimal/view.h"

#define DATA_PAGE (TWZ_OBJ_DATA / TWZ_PAGE)
#define SLOT_PAGES ((TWZ_SLOT_SIZE - TWZ_OBJ_DATA) / TWZ_PAGE)
#define READ_WRITE (TWZ_VIEW_READ | TWZ_VIEW_WRITE)

/* What is made for a program, in memory; zero: not yet. A thread takes all over as its ties. */
enum part { DATA, STACK, SHADOW, VIEW, PARTS };
TWZ_PIN(PARTS <= TWZ_THREAD_TIES);

struct making {
	struct twz_id image;
	struct twz_program header;
	struct twz_id part[PARTS];
	struct twz_sys_thread thread;
};

const struct twz_boot_entry *program_find(const char *name)
{
	const struct twz_boot *boot = program_boot();

	for (uint32_t i = 1; i < boot->count; i++)
		if (!strcmp(boot->entry[i].name, name))
			return &boot->entry[i];
	return NULL;
}

/* ---- the image ---------------------------------------------------------------------------------- */

static bool sound(const struct twz_program *p)
{
	const uint64_t text = TWZ_SLOT_DATA_AT(TWZ_SLOT_TEXT);

	return p->magic == TWZ_PROGRAM_MAGIC && p->version == 1 && p->text_pages <= SLOT_PAGES &&
	       (uint64_t)p->data_pages + p->zero_pages <= SLOT_PAGES &&
	       p->entry - text < p->text_pages * TWZ_PAGE &&
	       (!p->recovery || p->recovery - text < p->text_pages * TWZ_PAGE);
}

static int image_read(struct making *making, struct twz_id image, const char *name)
{
	int error = window_read(image, 0, &making->header, sizeof(making->header));
	uint32_t version;
	struct message m;

	if (error)
		return error;
	making->image = image;
	if (!sound(&making->header))
		return TWZ_E_DAMAGED;
	version = making->header.rt_version;
	if (version >> 16 == TWZ_RT_VERSION >> 16 && version <= TWZ_RT_VERSION)
		return 0;
	m = message_begin();
	message_add(&m, name);
	message_add(&m, " was built for version ");
	message_version(&m, version);
	message_add(&m, " of the runtime ABI, but this is ");
	message_version(&m, TWZ_RT_VERSION);
	message_end(&m);
	return TWZ_E_VERSION;
}

/* ---- its memory --------------------------------------------------------------------------------- */

static int make(struct making *making, enum part part)
{
	const struct twz_sys_new new = {.type = part == VIEW ? TWZ_TYPE_VIEW : TWZ_TYPE_DATA,
					.perms = owner_perms(),
					.key = minimal.sys.key,
					.flags = TWZ_OBJECT_VOLATILE,
					.tie = minimal.sys.thread,
					.tie_flags = TWZ_TIE_SCOPED};

	return (int)SYS(object_new, &new, &making->part[part]);
}

/* The image's data, shared until either is written to; zeros behind it. */
static int make_data(struct making *making)
{
	int error = make(making, DATA);

	if (error || !making->header.data_pages)
		return error;
	return twz_rt_copy(making->part[DATA], DATA_PAGE, making->image,
			   DATA_PAGE + making->header.text_pages, making->header.data_pages);
}

static int make_stack(struct making *making, const char *const argv[], bool recovered, uint64_t arg)
{
	const uint64_t offset = (uint64_t)TWZ_SLOT_WINDOW - TWZ_SLOT_STACK;
	uint64_t argc, bytes = arguments_bytes(argv, &argc), address = PROGRAM_STACK_HIGH - bytes;
	uint64_t guard = (PROGRAM_STACK_LOW % TWZ_SLOT_SIZE) / TWZ_PAGE - 1;
	struct twz_start *start;
	int error;

	if (!bytes)
		return TWZ_E_LIMIT;
	error = make(making, STACK);
	if (!error)
		error = (int)SYS(object_limit, ID(making->part[STACK]), guard, 1,
				 TWZ_READ | TWZ_WRITE | TWZ_EXEC);
	if (error)
		return error;
	making->thread.stack = making->thread.arg = address;
	window_open(making->part[STACK], READ_WRITE);
	start = (struct twz_start *)(address + (offset << TWZ_SLOT_SHIFT));
	error = twz_rt_touch(start, bytes);
	if (!error) {
		*start = (struct twz_start){.recovered = recovered, .arg = arg};
		arguments_write((uint8_t *)start, address, argv, argc);
	}
	window_close();
	return error;
}

/* The entries of its own memory; it is in the window. */
static void enter_parts(struct making *making, struct twz_view *view)
{
	const uint64_t epoch = minimal.sys.epoch;

	view_enter(view, TWZ_SLOT_DATA, making->part[DATA], epoch, READ_WRITE);
	view_enter(view, TWZ_SLOT_STACK, making->part[STACK], epoch, READ_WRITE);
	view_enter(view, TWZ_SLOT_SHADOW, making->part[SHADOW], epoch, READ_WRITE);
	view_enter(view, TWZ_SLOT_BOOT, minimal.sys.boot, epoch, TWZ_VIEW_READ);
}

static int make_view(struct making *making)
{
	struct twz_view *view;
	int error = make(making, VIEW);

	if (error)
		return error;
	view = window_open(making->part[VIEW], READ_WRITE);
	error = twz_rt_touch(view, sizeof(*view) - sizeof(view->slot) +
					   TWZ_VIEW_RESERVED * sizeof(view->slot[0]));
	if (!error) {
		view->magic = TWZ_VIEW_MAGIC;
		view->version = 1;
		view->stack = PROGRAM_STACK_HIGH;
		view->stack_size = PROGRAM_STACK_BYTES;
		enter_parts(making, view);
		view_enter(view, TWZ_SLOT_TEXT, making->image, minimal.sys.epoch,
			   TWZ_VIEW_READ | TWZ_VIEW_EXEC);
		view_enter(view, TWZ_SLOT_VIEW, making->part[VIEW], minimal.sys.epoch, READ_WRITE);
	}
	window_close();
	making->thread.view = making->part[VIEW];
	return error;
}

/* ---- in another context -------------------------------------------------------------------------- */

/*
 * Can a program in the context do that to a part of what it is started with? Its masks may take away what
 * it is granted. Who may not read the context cannot be told, and the program ends at its first touch.
 */
static int usable(struct twz_id part, struct twz_id context, uint32_t perms)
{
	struct twz_rt_answer answer;
	int error = twz_rt_explain(part, context, &answer);

	if (error == TWZ_E_RIGHT)
		return 0;
	return error ? error : perms & ~answer.effective ? TWZ_E_RIGHT : 0;
}

static int hand_over(struct making *making, const struct twz_rt_program *what)
{
	const uint32_t read_write = TWZ_READ | TWZ_WRITE;
	int error = usable(making->image, what->context, TWZ_READ | TWZ_EXEC);

	for (unsigned i = 0; !error && i < PARTS; i++) {
		error = twz_rt_grant(making->part[i], what->context,
				     i == VIEW ? read_write | TWZ_USE : read_write);
		if (!error)
			error = usable(making->part[i], what->context, read_write);
	}
	making->thread.context = what->context;
	if (what->flags & TWZ_RUN_UNDETACHABLE)
		making->thread.flags |= TWZ_THREAD_UNDETACHABLE;
	return error;
}

/* ---- its thread --------------------------------------------------------------------------------- */

static int make_thread(struct making *making, const char *name, struct twz_id *thread)
{
	memcpy(making->thread.tie, making->part, sizeof(making->part));
	memcpy(making->thread.name, name, strnlen(name, TWZ_THREAD_NAME - 1));
	return (int)SYS(thread_new, &making->thread, thread);
}

/* After an error nothing is left. */
static int finish(struct making *making, int error)
{
	for (unsigned i = 0; error && i < PARTS; i++)
		if (making->part[i].lo | making->part[i].hi)
			twz_rt_delete(making->part[i]);
	return error;
}

int program_start(const struct twz_boot_entry *entry, const struct twz_rt_program *what,
		  struct twz_id *thread)
{
	struct making making = {0};
	int error = image_read(&making, entry->id, entry->name);

	if (error)
		return error;
	making.thread.entry = making.header.entry;
	error = make_data(&making);
	if (!error)
		error = make_stack(&making, what->argv, false, 0);
	if (!error)
		error = make(&making, SHADOW);
	if (!error)
		error = make_view(&making);
	if (!error && (what->context.lo | what->context.hi))
		error = hand_over(&making, what);
	if (!error)
		error = make_thread(&making, entry->name, thread);
	return finish(&making, error);
}

/* ---- views that are brought back ------------------------------------------------------------------ */

/* The name that the boot archive has for an image, if it still has it. */
static const char *name_of(struct twz_id image)
{
	const struct twz_boot *boot = program_boot();

	for (uint32_t i = 0; i < boot->count; i++)
		if (boot->entry[i].id.lo == image.lo && boot->entry[i].id.hi == image.hi)
			return boot->entry[i].name;
	return "recovered";
}

/* What the view says of its program. */
static int view_read(struct twz_id id, struct twz_id *image, uint64_t *arg)
{
	struct twz_view_slot text;
	struct twz_rt_stat stat;
	uint64_t recovery[2]; /* entry and arg */
	int error = twz_rt_stat(id, &stat);

	if (!error && stat.identity.type != TWZ_TYPE_VIEW)
		error = TWZ_E_TYPE;
	if (!error)
		error = window_read(id, offsetof(struct twz_view, recovery_entry), recovery,
				    sizeof(recovery));
	if (!error)
		error = window_read(id, offsetof(struct twz_view, slot[TWZ_SLOT_TEXT]), &text,
				    sizeof(text));
	if (error)
		return error;
	*image = text.id;
	*arg = recovery[1];
	return recovery[0] ? 0 : TWZ_E_TYPE;
}

static int enter_again(struct making *making, struct twz_id id)
{
	struct twz_view *view = window_open(id, READ_WRITE);
	int error = twz_rt_touch(view->slot, TWZ_VIEW_RESERVED * sizeof(view->slot[0]));

	if (!error)
		enter_parts(making, view);
	window_close();
	making->thread.view = id;
	return error;
}

int program_recover(struct twz_id view, struct twz_id *thread)
{
	struct making making = {0};
	const char *argv[] = {NULL, NULL};
	struct twz_id image;
	uint64_t arg;
	int error = view_read(view, &image, &arg);

	if (error)
		return error;
	argv[0] = name_of(image);
	error = image_read(&making, image, argv[0]);
	if (error)
		return error;
	if (!making.header.recovery)
		return TWZ_E_TYPE;
	making.thread.entry = making.header.recovery;
	error = make_data(&making);
	if (!error)
		error = make_stack(&making, argv, true, arg);
	if (!error)
		error = make(&making, SHADOW);
	if (!error)
		error = enter_again(&making, view);
	if (!error)
		error = make_thread(&making, argv[0], thread);
	return finish(&making, error);
}
