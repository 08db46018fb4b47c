/*
 * boot.c - the boot archive (abi/program.h) becomes objects, and its first image the first program.
 *
 * The images' frames are those that the boot loader put them in. Their IDs are those of their content:
 * that the content is what it should be, the boot loader answers for; that the ID fits the identity
 * is checked.
 */
#include "abi/rt.h"
#include "abi/program.h"
#include "abi/view.h"
#include "core/crypto.h"
#include "core/mem.h"
#include "kernel/account.h"
#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/context.h"
#include "kernel/ram.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/nvm.h"
#include "kernel/step.h"
#include "kernel/thread.h"
#include "kernel/view.h"

#define DATA_PAGE (TWZ_OBJ_DATA / TWZ_PAGE)
#define STACK_BYTES ((uint64_t)8 << 20)

uint64_t boot_cycles;
static struct object *boot_object, *init_program;
static struct subject *init_subject;

struct twz_id boot_id(void)
{
	return boot_object->id;
}

bool boot_word(const char *word)
{
	const char *line = machine.command_line;
	uint64_t length = 0;

	while (word[length])
		length++;
	while (*line && *line != '\n') {
		uint64_t n = 0;

		while (line[n] && line[n] != ' ' && line[n] != '\n')
			n++;
		if (n == length && !memcmp(line, word, n))
			return true;
		line += n;
		while (*line == ' ')
			line++;
	}
	return false;
}

#if TWZ_KERNEL_CHECK
/* What follows off= in a word of the command line; null: there is none. */
static const char *switched_off(void)
{
	const char *line = machine.command_line;

	for (bool begins = true; *line && *line != '\n'; line++) {
		if (begins && !memcmp(line, "off=", 4))
			return line + 4;
		begins = *line == ' ';
	}
	return NULL;
}

bool step_on(const char *name)
{
	static const char *off;
	static bool known;
	const char *word;

	if (!known) {
		off = switched_off();
		known = true;
	}
	if (!off)
		return true;
	for (word = off; *name; word++, name++)
		if (*word != (*name == ' ' || *name == ':' ? '-' : *name))
			return true;
	return *word && *word != ' ' && *word != '\n';
}
#endif

/* What init needs. That it cannot be had is no fault of the kernel's. */
static void must(bool made)
{
	static const char text[] = "there is not enough memory to start, or the limit of the "
				   "system's key is too low\n";

	if (made)
		return;
	console_write(text, sizeof(text) - 1);
	host_tell(HOST_STATUS, STATUS_UNUSABLE);
	power_off();
}

/* ---- the archive --------------------------------------------------------------------------------- */

/* The frame is the object's page from now on. */
static void give_page(struct object *o, uint64_t page, uint64_t frame)
{
	uint64_t *entry = table_entry(&o->tables, page, true);

	must(entry);
	ram_adopt(frame);
	account_charge(o->tables.account, 1);
	*entry = frame | PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_DIRTY;
	o->npages++;
}

static struct object *image_object(const struct twz_boot_entry *e, uint64_t archive_pages)
{
	struct twz_id id = crypto_id(&e->identity);
	struct object *o;

	if (e->page >= archive_pages || e->npages > archive_pages - e->page || !e->npages)
		panic("boot archive: %s is not in it", e->name);
	if (id.lo != e->id.lo || id.hi != e->id.hi || !(e->identity.flags & TWZ_ID_SEALED))
		panic("boot archive: the identity of %s is wrong", e->name);
	must(!object_make(id, &e->identity, &account_none, &o));
	for (uint64_t i = 0; i < e->npages; i++)
		give_page(o, DATA_PAGE + i, machine.module.start + (e->page + i) * TWZ_PAGE);
	return o;
}

/* The header's pages, and behind them the command line. */
static void make_boot_object(struct twz_boot *boot)
{
	uint64_t frame = ram_take_zero();

	must(frame &&
	     !object_new(TWZ_TYPE_DATA, TWZ_READ, (struct twz_id){0}, &account_none, &boot_object));
	boot->command_page = boot->header_pages;
	for (uint32_t i = 0; i < boot->header_pages; i++)
		give_page(boot_object, DATA_PAGE + i, machine.module.start + i * TWZ_PAGE);
	memcpy(direct(frame), machine.command_line, sizeof(machine.command_line));
	*table_entry(&boot_object->tables, DATA_PAGE + boot->header_pages, true) =
		frame | PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_DIRTY;
	boot_object->npages++;
	account_charge(boot_object->tables.account, 1);
}

void boot_objects(void)
{
	struct twz_boot *boot = direct(machine.module.start);
	uint64_t pages = machine.module.bytes / TWZ_PAGE;

	if (pages < 2 || machine.module.start % TWZ_PAGE)
		panic("there is no boot archive");
	if (boot->magic != TWZ_BOOT_MAGIC || boot->version != 1 || !boot->count ||
	    boot->header_pages > pages ||
	    sizeof(*boot) + boot->count * sizeof(boot->entry[0]) > boot->header_pages * TWZ_PAGE)
		panic("the module is no boot archive of version 1");
	for (uint32_t i = 0; i < boot->count; i++) {
		struct object *o = image_object(&boot->entry[i], pages);

		if (!i)
			init_program = o;
	}
	make_boot_object(boot);
}

/* ---- whose all of this is ------------------------------------------------------------------------ */

void boot_rights(void)
{
	struct object *o;
	int error;

	init_subject = subject_none();
	if (object_find(nvm_boot_context(), &o)) {
		klog("the store has no boot context: default permissions decide");
		return;
	}
	error = subject_boot(o, &init_subject);
	must(error != TWZ_E_NOMEM && error != TWZ_E_LIMIT);
	if (error)
		klog("the boot context cannot be used: default permissions decide");
	object_release(o);
}

struct object *boot_owned(uint32_t type, uint32_t perms)
{
	const struct twz_id key = subject_key(init_subject);
	struct object *o;

	must(!object_new(type, key.lo | key.hi ? 0 : perms, key, &account_none, &o));
	return o;
}

/* ---- init ---------------------------------------------------------------------------------------- */

#define VIEW_PERMS (TWZ_READ | TWZ_WRITE | TWZ_USE | TWZ_DELETE)

static struct object *volatile_object(uint32_t type)
{
	return boot_owned(type, VIEW_PERMS);
}

/* Memory in the object, zero at first; in one page. */
static void *in_object(struct object *o, uint64_t offset)
{
	uint8_t *page = object_page(o, offset / TWZ_PAGE);

	must(page);
	return page + offset % TWZ_PAGE;
}

static void map(struct object *view, uint32_t slot, struct object *o, uint32_t rights)
{
	struct twz_view_slot *entry = in_object(
		view, TWZ_OBJ_DATA + offsetof(struct twz_view, slot) + slot * sizeof(*entry));

	*entry = (struct twz_view_slot){.id = o->id, .rights = rights};
}

/* Arguments as for any program: its name. Returns the address of struct twz_start. */
static uint64_t fill_stack(struct object *stack)
{
	static const char name[] = "init";
	uint64_t top = TWZ_OBJ_DATA + STACK_BYTES,
		 base = (uint64_t)TWZ_SLOT_STACK << TWZ_SLOT_SHIFT;
	uint64_t text = top - 16, argv = text - 16, start = argv - sizeof(struct twz_start);

	memcpy(in_object(stack, text), name, sizeof(name));
	*(uint64_t *)in_object(stack, argv) = base + text;
	*(struct twz_start *)in_object(stack, start) =
		(struct twz_start){.argc = 1, .argv = base + argv};
	return base + start;
}

static void copy_data(struct object *data, const struct twz_program *program)
{
	uint64_t at = 0, done;

	while (at < program->data_pages) {
		must(!data->medium->copy(data, DATA_PAGE + at, init_program,
					 DATA_PAGE + program->text_pages + at,
					 program->data_pages - at, &done));
		at += done;
	}
}

void boot_start(void)
{
	const struct twz_program *program = init_program->medium->look(init_program, DATA_PAGE);
	struct object *view = volatile_object(TWZ_TYPE_VIEW), *thread;
	struct object *data = volatile_object(TWZ_TYPE_DATA);
	struct object *stack = volatile_object(TWZ_TYPE_DATA);
	struct object *shadow = volatile_object(TWZ_TYPE_DATA);
	struct twz_view *header = in_object(view, TWZ_OBJ_DATA);
	uint64_t start = fill_stack(stack);

	if (program->magic != TWZ_PROGRAM_MAGIC || program->version != 1)
		panic("init is no program of version 1");
	header->magic = TWZ_VIEW_MAGIC;
	header->version = 1;
	copy_data(data, program);
	map(view, TWZ_SLOT_TEXT, init_program, TWZ_VIEW_READ | TWZ_VIEW_EXEC);
	map(view, TWZ_SLOT_DATA, data, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	map(view, TWZ_SLOT_STACK, stack, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	map(view, TWZ_SLOT_VIEW, view, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	map(view, TWZ_SLOT_SHADOW, shadow, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	map(view, TWZ_SLOT_BOOT, boot_object, TWZ_VIEW_READ);
	must(!thread_new(&(struct thread_new){.view_object = view,
					      .subject = init_subject,
					      .entry = program->entry,
					      .stack = start,
					      .arg = start,
					      .name = "init"},
			 &thread));
	boot_cycles = cycles();
}
