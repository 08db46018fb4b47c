/* tasks.c - a list of tasks. docs/tutorial.md says how it is made, and why it is so. */
#include <string.h>

#include <twz/map.h>
#include <twz/store.h>
#include <twz/str.h>
#include <twz/twz.h>

struct task {
	char text[120];
};

struct tasks {
	uint64_t last;    /* the number that was given last */
	uint64_t dropped; /* how many were */
	twz_map(uint64_t, struct task) open;
	twz_map(uint64_t, struct task) done;
	struct twz_str title;
};

static int find(struct tasks **tasks)
{
	struct twz_obj obj;
	int error = twz_name_open_or_make("/tasks", &(struct twz_new){.heap = true}, &obj);

	return error ? error : twz_first(&obj, tasks);
}

/* Commits; but after an error nothing has happened. */
static int end(struct twz_tx *tx, int error)
{
	if (!error)
		return twz_tx_commit(tx);
	twz_tx_abort(tx);
	return error;
}

static int add(struct tasks *tasks, const char *text)
{
	struct task task = {""};
	struct twz_tx tx;
	int error;

	twz_format(task.text, sizeof(task.text), "%s", text);
	twz_tx_begin(&tx);
	error = twz_tx_add(&tx, tasks); /* nobody else changes it until the commit */
	if (!error)
		error = twz_tx_set(&tx, &tasks->last, tasks->last + 1);
	if (!error)
		error = twz_map_put(&tx, &tasks->open, tasks->last + 1, task);
	return end(&tx, error);
}

static int list(const struct tasks *tasks, uint64_t from, uint64_t to)
{
	struct twz_map_cursor c;
	struct task task;
	uint64_t number;
	int error = twz_map_seek(&tasks->open, &c, from, &number, &task);

	for (; !error && number <= to; error = twz_map_next(&tasks->open, &c, &number, &task))
		twz_print("%3llu  %s\n", (unsigned long long)number, task.text);
	return error == TWZ_E_NOTFOUND ? 0 : error;
}

/* The task is in one of the two maps, at every moment. */
static int finish(struct tasks *tasks, uint64_t number)
{
	struct task task;
	struct twz_tx tx;
	int error;

	twz_tx_begin(&tx);
	error = twz_tx_add(&tx, tasks);
	if (!error)
		error = twz_map_get_tx(&tx, &tasks->open, number, &task);
	if (!error)
		error = twz_map_remove(&tx, &tasks->open, number);
	if (!error)
		error = twz_map_put(&tx, &tasks->done, number, task);
	return end(&tx, error);
}

static int drop(struct tasks *tasks, uint64_t number)
{
	struct twz_tx tx;
	int error;

	twz_tx_begin(&tx);
	error = twz_tx_add(&tx, tasks);
	if (!error)
		error = twz_map_remove(&tx, &tasks->open, number);
	if (!error)
		error = twz_tx_set(&tx, &tasks->dropped, tasks->dropped + 1);
	return end(&tx, error);
}

static int title(struct tasks *tasks, const char *text)
{
	return twz_str_set_text(NULL, &tasks->title, text);
}

static int show_title(const struct tasks *tasks)
{
	char text[200];
	int64_t length = twz_str_get_text(NULL, &tasks->title, text, sizeof(text));

	if (length > 0)
		twz_print("%s\n", text);
	return length < 0 ? (int)length : 0;
}

static int busy(struct tasks *tasks)
{
	int error;

	do {
		error = add(tasks, "something to do");
		if (!error)
			error = drop(tasks, tasks->last);
	} while (!error);
	return error;
}

/* Every number that was given is that of an open task, of one that is done, or was dropped. */
static int check(const struct tasks *tasks)
{
	struct twz_tx tx;
	uint64_t kept;
	int error;

	twz_tx_begin(&tx); /* changes nothing: nobody else does meanwhile */
	error = twz_tx_add(&tx, tasks);
	kept = twz_map_count(&tasks->open) + twz_map_count(&tasks->done) + tasks->dropped;
	if (!error)
		twz_print("%llu of %llu lost\n", (unsigned long long)(tasks->last - kept),
			  (unsigned long long)tasks->last);
	twz_tx_abort(&tx);
	return error;
}

static const char help[] =
	"usage: tasks [--store FILE] add TEXT\n"
	"       tasks [--store FILE] list [FROM [TO]]\n"
	"       tasks [--store FILE] finish NUMBER\n"
	"       tasks [--store FILE] drop NUMBER\n"
	"       tasks [--store FILE] title TEXT\n"
	"       tasks [--store FILE] busy\n"
	"       tasks [--store FILE] check\n"
	"\n"
	"Keeps a list of tasks: the program of docs/tutorial.md. busy adds tasks "
	"and drops them,\n"
	"until it is killed; check says if a task was lost.\n"
	"\n"
	"exit status: 0, 1 if something failed, 2 usage error\n";

static uint64_t number(const char *text)
{
	uint64_t n = 0;

	for (; *text >= '0' && *text <= '9' && n < UINT64_MAX / 10; text++)
		n = n * 10 + (uint64_t)(*text - '0');
	return *text ? 0 : n;
}

static int run(int argc, char **argv)
{
	const char *what = argc ? argv[0] : "";
	struct tasks *tasks;
	int error = find(&tasks);

	if (error)
		return error;
	if (!strcmp(what, "add") && argc == 2)
		return add(tasks, argv[1]);
	if (!strcmp(what, "finish") && argc == 2)
		return finish(tasks, number(argv[1]));
	if (!strcmp(what, "drop") && argc == 2)
		return drop(tasks, number(argv[1]));
	if (!strcmp(what, "title") && argc == 2)
		return title(tasks, argv[1]);
	if (!strcmp(what, "busy") && argc == 1)
		return busy(tasks);
	if (!strcmp(what, "check") && argc == 1)
		return check(tasks);
	if (strcmp(what, "list") || argc > 3)
		return TWZ_E_ARG;
	error = show_title(tasks);
	return error ? error
		     : list(tasks, argc > 1 ? number(argv[1]) : 0,
			    argc > 2 ? number(argv[2]) : UINT64_MAX);
}

int main(int argc, char **argv)
{
	int error;

	if (argc > 1 && !strcmp(argv[1], "--help")) {
		twz_put(help, sizeof(help) - 1);
		return 0;
	}
	if (argc > 2 && !strcmp(argv[1], "--store")) {
		error = twz_store_open_or_make(argv[2], 64 << 20);
		if (error) {
			twz_warn("tasks: %s\n", twz_store_error_text(error));
			return 1;
		}
		argc -= 2, argv += 2;
	}
	error = run(argc - 1, argv + 1);
	if (error)
		twz_warn("tasks: %s\n",
			 error == TWZ_E_ARG ? "try tasks --help" : twz_error_text(error));
	return error == TWZ_E_ARG ? 2 : error != 0;
}
