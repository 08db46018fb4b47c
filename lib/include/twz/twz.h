/*
 * twz.h - all of libtwz.
 *
 * A program is an ordinary main(). By the time that it runs, the runtime has checked the program's
 * version and opened the store that it was started in.
 */
#ifndef TWZ_TWZ_H
#define TWZ_TWZ_H

#include <twz/dict.h>
#include <twz/event.h>
#include <twz/ext.h>
#include <twz/gate.h>
#include <twz/heap.h>
#include <twz/io.h>
#include <twz/map.h>
#include <twz/name.h>
#include <twz/obj.h>
#include <twz/ptr.h>
#include <twz/queue.h>
#include <twz/read.h>
#include <twz/right.h>
#include <twz/str.h>
#include <twz/store.h>
#include <twz/stream.h>
#include <twz/tie.h>
#include <twz/tx.h>
#include <twz/vec.h>

#endif
