/*
 * run.c - QEMU as a child: what goes in and out, and how it ended.
 *
 * One loop over all descriptors. Nothing is written that would block: while nobody takes the output,
 * the machine waits, and nobody takes that for a hang.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/machine.h"
#include "tools/vm/vm.h"

#define S ((int64_t)1000)  /* times are in ms */
#define FIRMWARE (10 * S)  /* before the kernel */
#define ICOUNT_SLOWER 6    /* the machine's second is a billion instructions */
#define LAST_WORDS (S / 2) /* of the log, after a panic */

#define CTRL_D 4
#define NOT_EXECUTED 127 /* exit status of a child that could not become QEMU */
#define RELAY 4096u      /* what poll says a pipe has room for */

/* The child's descriptors behind the standard streams; main.c names them in the command. */
enum { CHILD_STORE = 3, CHILD_LOG = 4, CHILD_WORDS = 5 };

struct relay {
	int from, to; /* -1: closed */
	size_t at, end;
	char data[RELAY + 2];
};

struct run {
	const struct options *o;
	pid_t child;
	int exited; /* becomes readable when the child has ended */
	int log, words, errors;
	struct relay in, out;
	char last_in;    /* of what was read from a file or pipe */
	char said[2048]; /* QEMU's own messages */
	size_t nsaid;
	size_t heard; /* of the stub's last words */

	/* What the kernel said. */
	bool alive, panicked, reset, status_follows;
	int status; /* -1: not yet */

	/* Unless another word comes before: then it has ended, with this status. */
	int64_t watch_at;
	int watch_status;
	const char *watch_says;
	int64_t over_at; /* --timeout */
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * S + t.tv_nsec / 1000000;
}

static void watch(struct run *r, int64_t ms, int status, const char *says)
{
	r->watch_at = r->o->gdb ? INT64_MAX : now() + ms;
	r->watch_status = status;
	r->watch_says = says;
}

/* The kernel has to say something within the time that --silence gives, and `more` ms. */
static void watch_silence(struct run *r, int64_t more, const char *says)
{
	int64_t ms = r->o->silence_s * S + more;

	watch(r, r->o->icount ? ms * ICOUNT_SLOWER : ms, STATUS_HANG, says);
}

/* ---- starting ------------------------------------------------------------------------------------ */

/* A pipe whose ends are above the numbers that the child gets them as. */
static void make_pipe(int *from, int *to)
{
	int ends[2], high[2];

	if (pipe2(ends, O_CLOEXEC))
		fail(STATUS_MISSING, "pipe: %s", strerror(errno));
	for (int i = 0; i < 2; i++) {
		high[i] = fcntl(ends[i], F_DUPFD_CLOEXEC, CHILD_WORDS + 1);
		if (high[i] < 0)
			fail(STATUS_MISSING, "pipe: %s", strerror(errno));
		close(ends[i]);
	}
	*from = high[0];
	*to = high[1];
}

static void hand_down(int fd, int as)
{
	if (fd == as)
		fcntl(fd, F_SETFD, 0);
	else
		dup2(fd, as);
}

static _Noreturn void become(const char **command, pid_t parent, int store, const int ends[5])
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(NOT_EXECUTED);
	signal(SIGPIPE, SIG_DFL);
	hand_down(store, CHILD_STORE);
	hand_down(ends[0], STDIN_FILENO);
	hand_down(ends[1], STDOUT_FILENO);
	hand_down(ends[2], STDERR_FILENO);
	hand_down(ends[3], CHILD_LOG);
	hand_down(ends[4], CHILD_WORDS);
	execvp(command[0], (char **)command);
	dprintf(STDERR_FILENO, "%s: %s\n", command[0], strerror(errno));
	_exit(NOT_EXECUTED);
}

static void start(struct run *r, const char **command, int store)
{
	pid_t parent = getpid();
	int ends[5];

	make_pipe(&ends[0], &r->in.to);
	make_pipe(&r->out.from, &ends[1]);
	make_pipe(&r->errors, &ends[2]);
	make_pipe(&r->log, &ends[3]);
	make_pipe(&r->words, &ends[4]);
	fcntl(r->in.to, F_SETFL, O_NONBLOCK);
	r->in.from = STDIN_FILENO;
	r->out.to = STDOUT_FILENO;
	r->child = fork();
	if (r->child < 0)
		fail(STATUS_MISSING, "fork: %s", strerror(errno));
	if (!r->child)
		become(command, parent, store, ends);
	for (int i = 0; i < 5; i++)
		close(ends[i]);
	r->exited = pidfd_open(r->child, 0);
	if (r->exited < 0)
		fail(STATUS_MISSING, "pidfd_open: %s", strerror(errno));
	r->status = -1;
	watch_silence(r, FIRMWARE, "the kernel does not start: no sign of life");
}

/* ---- what comes and goes ------------------------------------------------------------------------- */

/* What came from a descriptor; closes it at its end. */
static size_t take(int *from, char *data, size_t room)
{
	ssize_t n = read(*from, data, room);

	if (n > 0)
		return (size_t)n;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (*from > STDERR_FILENO)
		close(*from);
	*from = -1;
	return 0;
}

/* From the user. The end of a file is typed: Ctrl-D on a line of its own. True: the plug is pulled. */
static bool take_input(struct run *r)
{
	struct relay *in = &r->in;
	bool quit = false;

	in->at = 0;
	in->end = take(&in->from, in->data, RELAY);
	if (r->o->person) {
		in->end = console_keys(in->data, in->end, &quit);
	} else if (in->from >= 0) {
		r->last_in = in->end ? in->data[in->end - 1] : r->last_in;
	} else {
		if (r->last_in && r->last_in != '\n')
			in->data[in->end++] = '\n';
		in->data[in->end++] = CTRL_D;
	}
	return quit;
}

static void take_output(struct run *r)
{
	r->out.end = take(&r->out.from, r->out.data, RELAY);
	if (r->o->disk)
		r->out.end = console_firmware(&r->heard, r->out.data, r->out.end);
}

/* False: the other side is gone, or takes no more; errno says why. */
static bool pass_on(struct relay *relay)
{
	ssize_t n = write(relay->to, relay->data + relay->at, relay->end - relay->at);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	relay->at += (size_t)n;
	if (relay->at == relay->end)
		relay->at = relay->end = 0;
	return true;
}

static void hear(struct run *r, uint8_t byte)
{
	if (r->status_follows) {
		r->status_follows = false;
		r->status = byte;
		watch_silence(r, 0, "the kernel hangs: the machine does not turn off");
		return;
	}
	switch (byte) {
	case HOST_BEAT:
		r->alive = true;
		if (r->status < 0 && !r->reset && !r->panicked)
			watch_silence(r, 0, "the kernel hangs: no sign of life");
		break;
	case HOST_STATUS:
		r->status_follows = true;
		break;
	case HOST_RESET:
		r->reset = true;
		watch_silence(r, 0, "the kernel hangs: the machine does not reset");
		break;
	case HOST_PANIC:
		r->panicked = true;
		watch(r, LAST_WORDS, STATUS_PANIC, NULL);
		break;
	default:
		break; /* of the firmware */
	}
}

static void take_words(struct run *r)
{
	char data[256];
	size_t n = take(&r->words, data, sizeof(data));

	for (size_t i = 0; i < n; i++)
		hear(r, (uint8_t)data[i]);
}

static void take_log(struct run *r)
{
	char data[RELAY];

	log_put(data, take(&r->log, data, sizeof(data)));
}

static void take_errors(struct run *r)
{
	if (r->nsaid == sizeof(r->said)) /* the beginning says what was wrong */
		r->nsaid = sizeof(r->said) / 2;
	r->nsaid += take(&r->errors, r->said + r->nsaid, sizeof(r->said) - r->nsaid);
}

/* ---- the loop ------------------------------------------------------------------------------------ */

/* Waits for what can be done next, until the next time limit. */
static void wait_for(struct run *r, struct pollfd *p, int n)
{
	int64_t t = now(), next = r->watch_at < r->over_at ? r->watch_at : r->over_at;
	int ms = next == INT64_MAX   ? -1
		 : next <= t         ? 0
		 : next - t > 60 * S ? 60 * (int)S
				     : (int)(next - t);

	if (poll(p, (nfds_t)n, ms) < 0) {
		if (errno != EINTR)
			fail(STATUS_DIED, "poll: %s", strerror(errno));
		for (int i = 0; i < n; i++)
			p[i].revents = 0;
	}
}

/* Is the time over? The status to end with, or -1. */
static int limits(struct run *r)
{
	int64_t t = now();

	if (t >= r->over_at) {
		say("the time is over");
		return STATUS_TIMEOUT;
	}
	if (t < r->watch_at)
		return -1;
	/*
	 * Late by a second: this process was stopped, and QEMU perhaps too. Output that nobody takes
	 * stops the machine as well.
	 */
	if (!r->panicked && (t > r->watch_at + S || r->out.end)) {
		r->watch_at = t + r->o->silence_s * S;
		return -1;
	}
	if (r->watch_says)
		say("%s", r->watch_says);
	return r->watch_status;
}

enum { FROM_USER, TO_MACHINE, FROM_MACHINE, TO_USER, LOG, WORDS, ERRORS, EXITED, NPOLL };

/* Until QEMU has ended (-1), or it is to be ended with the status returned. */
static int serve(struct run *r)
{
	int status = -1;

	for (; status < 0; status = limits(r)) {
		/* Once QEMU has ended, what it wrote is still to be read. */
		bool dry = r->out.from < 0 && !r->out.end && r->log < 0 && r->words < 0 &&
			   r->errors < 0;
		struct pollfd p[NPOLL] = {
			[FROM_USER] = {r->alive && !r->in.end ? r->in.from : -1, POLLIN, 0},
			[TO_MACHINE] = {r->in.end ? r->in.to : -1, POLLOUT, 0},
			[FROM_MACHINE] = {r->out.end ? -1 : r->out.from, POLLIN, 0},
			[TO_USER] = {r->out.end ? r->out.to : -1, POLLOUT, 0},
			[LOG] = {r->log, POLLIN, 0},
			[WORDS] = {r->words, POLLIN, 0},
			[ERRORS] = {r->errors, POLLIN, 0},
			[EXITED] = {dry ? r->exited : -1, POLLIN, 0},
		};

		wait_for(r, p, NPOLL);
		if (p[LOG].revents)
			take_log(r);
		if (p[WORDS].revents)
			take_words(r);
		if (p[ERRORS].revents)
			take_errors(r);
		if (p[FROM_MACHINE].revents)
			take_output(r);
		if (p[TO_USER].revents && !pass_on(&r->out)) {
			if (errno != EPIPE)
				say("the output: %s", strerror(errno));
			return STATUS_STDOUT;
		}
		if (p[FROM_USER].revents && take_input(r))
			return 0;
		if (p[TO_MACHINE].revents && !pass_on(&r->in))
			r->in.end = 0; /* it has ended: what was typed is for nobody */
		if (p[EXITED].revents)
			return -1;
	}
	return status;
}

/* Pulls the plug, if it is still in, and waits: the store's lock goes with the last holder. */
static int end(struct run *r)
{
	int code;

	kill(r->child, SIGKILL);
	while (waitpid(r->child, &code, 0) < 0)
		if (errno != EINTR)
			fail(STATUS_DIED, "waitpid: %s", strerror(errno));
	close(r->exited);
	close(r->in.to);
	for (const int *fd = (const int[]){r->out.from, r->log, r->words, r->errors, -2}; *fd != -2;
	     fd++)
		if (*fd >= 0)
			close(*fd);
	return code;
}

/* QEMU ended by itself: why? */
static int verdict(const struct run *r, int code)
{
	if (r->panicked)
		return STATUS_PANIC;
	if (r->status >= 0)
		return r->status;
	if (WIFEXITED(code) && WEXITSTATUS(code) == NOT_EXECUTED) {
		say("%.*s", (int)r->nsaid, r->said);
		return STATUS_MISSING;
	}
	say("QEMU ended without a word of the kernel: %s",
	    r->nsaid ? "" : "the machine reset itself (a triple fault?)");
	fwrite(r->said, 1, r->nsaid, stderr);
	return STATUS_DIED;
}

static int run_once(struct run *r, const char **command, int store)
{
	int status, code;

	start(r, command, store);
	status = serve(r);
	code = end(r);
	if (status < 0 && r->reset && !r->panicked)
		return -1;
	if (status < 0)
		status = verdict(r, code);
	if (r->panicked)
		say("the kernel panicked");
	if (status == STATUS_HANG || status == STATUS_DIED || r->panicked)
		log_show();
	return status;
}

int vm_run(const struct options *o, const char **command, int store_fd)
{
	int64_t over_at = o->timeout_s ? now() + o->timeout_s * S : INT64_MAX;
	int status;

	signal(SIGPIPE, SIG_IGN);
	if (o->person)
		console_raw();
	do {
		struct run r = {.o = o, .over_at = over_at};

		status = run_once(&r, command, store_fd);
		/* With commands, the machine has run them: it would do so again and again. */
		if (status < 0 && o->ncommands)
			status = 0;
	} while (status < 0);
	return status;
}
