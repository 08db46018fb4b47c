/*
 * serial.c - the console on COM1, a 16550, and the two ports by which a virtual machine's host hears
 * the kernel.
 */
#include "kernel/machine.h"
#include "kernel/plat/pc/port.h"

#define COM1 0x3f8
#define COM_DATA (COM1 + 0)       /* with DIVISOR: its low byte */
#define COM_INTERRUPTS (COM1 + 1) /* with DIVISOR: its high byte */
#define COM_FIFO (COM1 + 2)
#define COM_LINE (COM1 + 3)
#define COM_MODEM (COM1 + 4)
#define COM_STATUS (COM1 + 5)
#define COM_SCRATCH (COM1 + 7)

#define INTERRUPT_RECEIVED 0x01
#define FIFO_ON_EMPTY 0x07 /* an interrupt for each byte */
#define FIFO_BYTES 16u
#define LINE_8N1 0x03
#define LINE_DIVISOR 0x80
#define MODEM_ON 0x0b /* DTR, RTS, and OUT2, which lets the interrupt through */
#define STATUS_RECEIVED 0x01
#define STATUS_SENT 0x20 /* the FIFO is empty */
#define DIVISOR_115200 1

#define DEBUG 0xe9
#define HOST 0x402

static bool present;

void serial_init(void)
{
	port_put8(COM_SCRATCH, 0x5a);
	present = port_get8(COM_SCRATCH) == 0x5a;
	if (!present)
		return;
	port_put8(COM_INTERRUPTS, 0);
	port_put8(COM_LINE, LINE_DIVISOR);
	port_put8(COM_DATA, DIVISOR_115200);
	port_put8(COM_INTERRUPTS, 0);
	port_put8(COM_LINE, LINE_8N1);
	port_put8(COM_FIFO, FIFO_ON_EMPTY);
	port_put8(COM_MODEM, MODEM_ON);
	port_put8(COM_INTERRUPTS, INTERRUPT_RECEIVED);
}

void serial_put(const char *data, uint64_t bytes)
{
	if (!present)
		return;
	for (uint64_t i = 0; i < bytes; i++) {
		if (i % FIFO_BYTES == 0)
			while (!(port_get8(COM_STATUS) & STATUS_SENT))
				__asm__ volatile("pause");
		port_put8(COM_DATA, (uint8_t)data[i]);
	}
}

int serial_get(void)
{
	if (!present || !(port_get8(COM_STATUS) & STATUS_RECEIVED))
		return -1;
	return port_get8(COM_DATA);
}

void debug_put(const char *data, uint64_t bytes)
{
	uint16_t port = DEBUG;

	__asm__ volatile("rep outsb" : "+S"(data), "+c"(bytes) : "d"(port) : "memory");
}

void host_tell(enum host_word word, uint8_t status)
{
	port_put8(HOST, (uint8_t)word);
	if (word == HOST_STATUS)
		port_put8(HOST, status);
}
