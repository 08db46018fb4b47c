/*
 * view.c - shows what is in which slot of a view.
 */
#include "abi/program.h"
#include "bin/common/program.h"

static const char help[] =
	"usage: view [ID|PATH]\n"
	"       view --registered\n"
	"\n"
	"Lists the slots of a view that are in use, by default of its own: number, address, "
	"rights (r read,\n"
	"w write, x execute), the object's ID, and what it is for. \"stale\": of an earlier boot, "
	"nothing is\n"
	"mapped there. A view is shown by its ID, or by its name if it has one.\n"
	"\n"
	"    --registered  lists the views that are brought back at boot, with the address where "
	"each is\n"
	"                  entered, and what it registered with\n"
	"\n"
	"exit status: 0, 1 if a view could not be looked at, 2 usage error\n";

static const char *name_of(uint32_t slot)
{
	static const char *const names[TWZ_VIEW_RESERVED] = {
		[TWZ_SLOT_TEXT] = "text",     [TWZ_SLOT_DATA] = "data",
		[TWZ_SLOT_STACK] = "stack",   [TWZ_SLOT_VIEW] = "view",
		[TWZ_SLOT_SHADOW] = "shadow", [TWZ_SLOT_BOOT] = "boot",
		[TWZ_SLOT_WINDOW] = "window", [TWZ_SLOT_CONSOLE] = "console",
	};

	if (slot >= TWZ_VIEW_RESERVED)
		return "";
	return names[slot] ? names[slot] : "runtime";
}

/* A copy; false if it is not whole, because somebody is changing the entry, or died changing it. */
static bool copy(const struct twz_view_slot *from, struct twz_view_slot *to)
{
	uint32_t seq = __atomic_load_n(&from->seq, __ATOMIC_ACQUIRE);

	to->id.lo = __atomic_load_n(&from->id.lo, __ATOMIC_ACQUIRE);
	to->id.hi = __atomic_load_n(&from->id.hi, __ATOMIC_ACQUIRE);
	to->epoch = __atomic_load_n(&from->epoch, __ATOMIC_ACQUIRE);
	to->rights = __atomic_load_n(&from->rights, __ATOMIC_ACQUIRE);
	to->seq = __atomic_load_n(&from->seq, __ATOMIC_ACQUIRE);
	return !(seq & 1) && seq == to->seq;
}

static void print(uint32_t slot, uint64_t address, const struct twz_view_slot *from)
{
	struct twz_view_slot entry;
	bool whole = copy(from, &entry);
	char id[TWZ_ID_TEXT];

	if (whole && twz_id_none(entry.id))
		return;
	twz_id_text(entry.id, id);
	twz_print("%5u  %012llx  %c%c%c  %s  %s", slot, (unsigned long long)address,
		  entry.rights & TWZ_VIEW_READ ? 'r' : '-',
		  entry.rights & TWZ_VIEW_WRITE ? 'w' : '-',
		  entry.rights & TWZ_VIEW_EXEC ? 'x' : '-', id, name_of(slot));
	if (!whole)
		twz_print(" (being changed)");
	else if (entry.epoch && entry.epoch != twz_rt_info()->epoch)
		twz_print(" (stale)");
	twz_print("\n");
}

/* This program's own: the runtime says where its slots are. */
static int show_own(void)
{
	const struct twz_rt_info *info = twz_rt_info();
	struct twz_id id;
	char text[TWZ_ID_TEXT];

	if (!twz_rt_view(&id)) {
		twz_id_text(id, text);
		twz_print("view %s\n", text);
	}
	for (uint32_t i = 0; i < info->nslots; i++)
		print(i, info->slot_base + i * TWZ_SLOT_SIZE, &info->view[i]);
	for (uint32_t i = 0; i < info->nplaces; i++)
		print(info->nslots + i, info->place_base + i * TWZ_PLACE_SIZE,
		      &info->view[info->nslots + i]);
	return STATUS_OK;
}

/* Opens an object that is a view. */
static int open_view(struct twz_id id, struct twz_obj *obj, const struct twz_view **view)
{
	struct twz_rt_stat stat;
	int error = twz_obj_stat(id, &stat);

	if (!error && stat.identity.type != TWZ_TYPE_VIEW)
		error = TWZ_E_TYPE;
	if (!error)
		error = twz_obj_open(id, obj);
	if (error)
		return error;
	*view = twz_obj_data(obj);
	if ((*view)->magic == TWZ_VIEW_MAGIC && (*view)->version == 1)
		return 0;
	twz_obj_recycle(obj);
	return TWZ_E_VERSION;
}

static int show(const char *name)
{
	const struct twz_view *view;
	struct twz_obj obj;
	struct path path;
	struct twz_id id = {0, 0};
	int error = path_set(&path, name);

	if (!error && twz_id_parse(path.text, &id))
		error = twz_name_resolve(path.text, &id);
	if (!error)
		error = open_view(id, &obj, &view);
	if (error)
		return fail_error(name, error);
	for (uint32_t i = 0; i < TWZ_VIEW_SLOTS; i++)
		print(i, i * TWZ_SLOT_SIZE, &view->slot[i]);
	for (uint32_t i = 0; i < TWZ_VIEW_PLACES; i++)
		print(TWZ_VIEW_SLOTS + i, (1ull << TWZ_PLACE_BIT) + i * TWZ_PLACE_SIZE,
		      &view->slot[TWZ_VIEW_SLOTS + i]);
	twz_obj_recycle(&obj);
	return STATUS_OK;
}

static int show_registered(void)
{
	struct twz_id id = {0, 0};
	int status = STATUS_OK, error;

	while (!(error = twz_rt_view_next(&id))) {
		const struct twz_view *view;
		struct twz_obj obj;
		char text[TWZ_ID_TEXT];
		int wrong = open_view(id, &obj, &view);

		twz_id_text(id, text);
		if (wrong) {
			status = fail_error(text, wrong);
			continue;
		}
		twz_print("%s  entry %llx  with %llx\n", text,
			  (unsigned long long)view->recovery_entry,
			  (unsigned long long)view->recovery_arg);
		twz_obj_recycle(&obj);
	}
	return error == TWZ_E_NOTFOUND ? status : fail_error("the registered views", error);
}

int main(int argc, char **argv)
{
	bool registered = false;
	const struct option options[] = {{.name = "--registered", .flag = &registered}, {0}};

	program_begin(help, options, 0, 1, &argc, argv);
	if (registered && argc)
		fail_usage("--registered takes no view: ", argv[0]);
	if (registered)
		program_end(show_registered());
	program_end(argc ? show(argv[0]) : show_own());
}
