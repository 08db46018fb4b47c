/*
 * self.c - the process as an object, of type THREAD, so that others can be tied to its life.
 *
 * It is made when it is first needed, ends with the epoch, and is deleted when the process ends: by itself
 * at a regular end, and however else it ended by who finds that it is gone (self_bury): who waited for it,
 * who takes the store's lock from it, who attaches next. Its ID stands in the process table. Who is killed
 * before that says it is known to have been making it: then it is the one that no entry names, as nobody else
 * makes objects of this type.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/object.h"
#include "abi/syscall.h"
#include "rt/linux/home.h"
#include "rt/linux/lease.h"
#include "rt/linux/slots.h"

#define DATA_PAGE (TWZ_OBJ_DATA / TWZ_PAGE)
#define PROCESSES (sizeof(home.runtime->process) / sizeof(home.runtime->process[0]))

static bool own;    /* what this process's entry names is its own; home_lock held */
static bool at_end; /* at_exit is called when the process ends */

static struct twz_thread *data_of(uint64_t ref)
{
	return store_page(&home.store, ref, DATA_PAGE);
}

/* It may stay, if it is tied to something: so it says how the process ended, to who waits for that. */
static void end(struct twz_process *process, int status)
{
	struct twz_thread *data;
	uint64_t ref;

	if ((process->thread.lo | process->thread.hi) &&
	    !store_find(&home.store, process->thread, &ref)) {
		data = data_of(ref);
		if (data) {
			data->status = (uint32_t)status;
			__atomic_store_n(&data->state, TWZ_THREAD_ENDED, __ATOMIC_RELEASE);
			futex_wake(&data->state, INT_MAX);
		}
		slots_reset_object(process->thread);
		store_delete(&home.store, ref);
	}
	process->thread = (struct twz_id){0};
}

static bool named(struct twz_id id)
{
	const struct twz_process *table = home.runtime->process;

	for (unsigned i = 0; i < PROCESSES; i++)
		if (table[i].thread.lo == id.lo && table[i].thread.hi == id.hi)
			return true;
	return false;
}

/* Deletes the object that was just made for this process when it was killed, if it was. */
static void end_unnamed(struct twz_process *process)
{
	const struct twz_record *rec;
	struct twz_thread *data;
	uint64_t cursor = 0, ref;
	int error;

	while ((error = store_next(&home.store, &cursor, &ref)) != TWZ_E_NOTFOUND) {
		rec = error ? NULL : store_record(&home.store, ref);
		if (!rec || rec->identity.type != TWZ_TYPE_THREAD || named(rec->id))
			continue;
		data = data_of(ref);
		if (data && data->state == TWZ_THREAD_ENDED)
			continue; /* something that it is tied to keeps it */
		store_delete(&home.store, ref);
		break;
	}
	process->making = 0;
}

void self_bury(pid_t pid, int status)
{
	struct twz_process *table = home.runtime->process, *mine = home.process;

	lease_bury();
	for (unsigned i = 0; i < PROCESSES; i++) {
		if (table[i].making && (&table[i] == mine || process_gone(&table[i])))
			end_unnamed(&table[i]);
		if (!(table[i].thread.lo | table[i].thread.hi))
			continue;
		if (pid && table[i].pid == (uint64_t)pid)
			end(&table[i], status);
		else if (&table[i] == mine ? !own : process_gone(&table[i]))
			end(&table[i], 128 + SIGKILL); /* what else it was, nobody says */
	}
}

static void at_exit(int status, void *arg)
{
	(void)arg;
	/* A child of vfork has its parent's memory. */
	if (!own || getpid() != home.pid)
		return;
	home_lock();
	end(home.process, status);
	home_unlock();
}

static void fill(struct twz_thread *data, const struct twz_process *process)
{
	struct twz_rt_thread now = {.number = 0};

	process_look((uint32_t)process->pid, process->start, &now);
	*data = (struct twz_thread){.state = TWZ_THREAD_READY,
				    .number = (uint32_t)process->pid,
				    .owner = (uint32_t)process->pid,
				    .start_ns = now.start_ns};
	memcpy(data->name, now.name, sizeof(data->name));
}

int self_need(uint64_t *ref)
{
	const struct store_new new = {.type = TWZ_TYPE_THREAD,
				      .perms = TWZ_READ,
				      .ending = true,
				      .page = DATA_PAGE,
				      .npages = 1};
	struct twz_process *process = home.process;
	int error = TWZ_E_NOTFOUND;

	if (process->thread.lo | process->thread.hi)
		error = store_find(&home.store, process->thread, ref);
	if (error != TWZ_E_NOTFOUND)
		return error;
	if (!at_end && on_exit(at_exit, NULL))
		return TWZ_E_NOMEM;
	own = at_end = true;
	__atomic_store_n(&process->making, 1, __ATOMIC_RELEASE);
	error = store_create(&home.store, &new, ref);
	if (!error) {
		fill(data_of(*ref), process);
		process->thread = store_record(&home.store, *ref)->id;
	}
	__atomic_store_n(&process->making, 0, __ATOMIC_RELEASE);
	return error;
}

void self_forked(void)
{
	own = false;
}

int twz_rt_self(struct twz_id *thread)
{
	uint64_t ref;
	int error;

	home_lock();
	error = self_need(&ref);
	if (!error)
		*thread = store_record(&home.store, ref)->id;
	home_unlock();
	return error;
}
