/* The plain-C contract of the MPI backend: ints, pointers and texts.
 *
 * Nothing of mpi.h shows here. Its handles are macros over incomplete structs in Open MPI and ints in MPICH: Swift imports
 * neither, and code that names one kind does not build with the other. Handles, requests and the splitting of long messages
 * live in CMPIShim.c.
 *
 * A rank is one process. Only the thread that called cmpi_start may call anything that follows it; nothing here locks.
 * Every int result is 0, an MPI code, or one of the codes below; cmpi_error_text has words for each. */
#ifndef PRECISE_CMPI_SHIM_H
#define PRECISE_CMPI_SHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Fewer bytes came than the receiver was told: ranks disagree about a message's length. MPI itself reports only more. */
#define CMPI_SHORT_MESSAGE (-1)
/* MPI was to end while messages were under way. */
#define CMPI_UNDER_WAY (-2)

/* Before cmpi_start ---------------------------------------------------------------------------------------------- */

/* The library's own words about itself, first line: "Open MPI v4.1.4, package: ...", "MPICH Version: 4.0.2". */
void cmpi_library(char *text, size_t capacity);
/* The words for a code. */
void cmpi_error_text(int code, char *text, size_t capacity);

/* Start and end -------------------------------------------------------------------------------------------------- */

/* Starts MPI, once a process, asking for MPI_THREAD_FUNNELED; afterwards failing calls return instead of ending the job.
 * When it fails, *call names the call that did, and MPI may run all the same: the job is to be ended by cmpi_abort. */
int cmpi_start(const char **call);
/* Whether MPI was started and cmpi_stop has not ended it. */
int cmpi_is_running(void);
/* What MPI promises about threads: 0 single, 1 funneled, 2 serialized, 3 multiple. */
int cmpi_thread_level(void);
/* Ends MPI; waits until the other ranks do the same. CMPI_UNDER_WAY, and MPI goes on, while messages are. */
int cmpi_stop(void);
/* Ends every rank of the job with a status, also those that wait for a message. */
void cmpi_abort(int status);

/* The world ------------------------------------------------------------------------------------------------------ */

int cmpi_rank(void);
int cmpi_size(void);

/* Messages: a channel is a tag on a communicator of our own; messages of a channel between two ranks keep their order --- */

/* Posts a message; its memory must stay as it is until the channel is done. Long ones go as several pieces. */
int cmpi_send(int channel, int peer, const void *bytes, int64_t count);
/* Posts the receipt of a message of exactly `count` bytes. */
int cmpi_receive(int channel, int peer, void *bytes, int64_t count);
/* Moves messages on; *is_done = 1 when all that was posted on the channel is done, or nothing was. */
int cmpi_poll(int channel, int *is_done);
/* Whether a message of the channel from or to that rank is not done; leaves all as it is. */
int cmpi_waits_for(int channel, int peer);
/* How many messages of the channel are not done, as far as cmpi_poll and cmpi_withdraw know. */
int cmpi_count(int channel);
/* Sends a message of no bytes that nothing waits for; its channel is none of those that others send or receive on. */
int cmpi_send_note(int channel, int peer);
/* Takes in one such message of the channel, if any has come: *peer is who sent it, else -1. */
int cmpi_take_note(int channel, int *peer);
/* Takes back all receipts that nothing has come for, and waits a second at the most for those that something is coming for. A message
 * that was posted cannot be called back; it stays under way until it is gone. */
void cmpi_withdraw(void);
/* Messages are cut into pieces of this many bytes, 1 to 2^30, the same on every rank; 2^28 at first. Counts of MPI are ints. */
void cmpi_set_piece(int64_t bytes);

/* single_copy.c: 0 when this process may read a byte of another one's memory, else errno. Needs no MPI. */
int cmpi_can_read(int process, uint64_t address);

#ifdef __cplusplus
}
#endif
#endif
