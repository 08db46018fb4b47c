/*
 * queue.c - makes queues, sends messages and receives them.
 */
#include "bin/common/program.h"

static const char help[] =
	"usage: queue make [--bytes N] PATH...\n"
	"       queue send [--wait SECONDS] PATH MESSAGE...\n"
	"       queue receive [--wait SECONDS] PATH...\n"
	"\n"
	"Makes queues of messages, puts messages into one, in this order, or takes the first of "
	"each.\n"
	"A message that was sent is durable; one that was received is gone.\n"
	"\n"
	"    --bytes N       room for messages, each of which takes 8 bytes more than its length, "
	"rounded\n"
	"                    up to 8 (65536)\n"
	"    --wait SECONDS  for room or for a message, at most (0); forever: without end\n"
	"\n"
	"exit status: 0, 1 if something could not be done in time, 2 usage error\n";

#define BYTES "65536"
#define SECOND_NS 1000000000ull

static uint64_t wait_ns;

static int make(const char *path, uint64_t bytes)
{
	struct twz_obj obj;
	int error = twz_obj_new(&(struct twz_new){.ending = true}, &obj);

	if (error)
		return fail_error(path, error);
	error = twz_queue_make(&obj, bytes);
	if (!error)
		error = twz_name_publish(path, obj.id, 0);
	if (error)
		twz_obj_delete(obj.id);
	twz_obj_recycle(&obj);
	return error ? fail_error(path, error) : STATUS_OK;
}

/* Opens it; a status. */
static int open(const char *path, struct twz_obj *obj)
{
	int error = twz_name_open(path, obj);

	return error ? fail_error(path, error) : need(path, obj->id, TWZ_READ | TWZ_WRITE);
}

/* What cannot be done, and why: `late` if it could have been done in time. */
static int refused(const char *path, int error, const char *late)
{
	switch (error) {
	case TWZ_E_TYPE:
		return fail(path, "is no queue");
	case TWZ_E_TIMEOUT:
		return fail(path, late);
	case TWZ_E_RANGE:
		return fail(path, "the message is longer than the queue, or than a message may be");
	default:
		return fail_error(path, error);
	}
}

static int send(const char *path, char **messages, int count)
{
	struct twz_obj obj;
	int error = 0;

	if (open(path, &obj))
		return STATUS_FAILED;
	for (int i = 0; i < count && !error; i++)
		error = twz_queue_put(&obj, messages[i], strlen(messages[i]), wait_ns);
	return error ? refused(path, error, "there is no room") : STATUS_OK;
}

static int receive(const char *path)
{
	static char message[TWZ_QUEUE_MESSAGE_MAX];
	struct twz_obj obj;
	int64_t n;

	if (open(path, &obj))
		return STATUS_FAILED;
	n = twz_queue_get(&obj, message, sizeof(message), wait_ns);
	if (n < 0)
		return refused(path, (int)n, "there is no message");
	twz_put(message, (uint64_t)n);
	twz_print("\n");
	return STATUS_OK;
}

static uint64_t number_of(const char *text, const char *what, int64_t limit)
{
	int64_t n = parse_number(text, limit);

	if (n < 0)
		fail_usage(what, text);
	return (uint64_t)n;
}

int main(int argc, char **argv)
{
	const char *bytes = BYTES, *wait = "0", *command;
	const struct option options[] = {
		{.name = "--bytes", .value = &bytes}, {.name = "--wait", .value = &wait}, {0}};
	int status = STATUS_OK;

	program_begin(help, options, 2, INT32_MAX, &argc, argv);
	command = argv[0];
	wait_ns = !strcmp(wait, "forever")
			  ? ~0ull
			  : number_of(wait, "not a number of seconds: ", INT32_MAX) * SECOND_NS;
	if (!strcmp(command, "send")) {
		if (argc < 3)
			fail_usage("no message for ", argv[1]);
		program_end(send(argv[1], argv + 2, argc - 2));
	}
	for (int i = 1; i < argc; i++) {
		if (!strcmp(command, "make"))
			status |= make(argv[i], number_of(bytes, "not a number of bytes: ",
							  (int64_t)TWZ_QUEUE_CAPACITY_MAX + 1));
		else if (!strcmp(command, "receive"))
			status |= receive(argv[i]);
		else
			fail_usage("no such command: ", command);
	}
	program_end(status);
}
