/* The one file that includes mpi.h. See CMPIShim.h. */
#define _DEFAULT_SOURCE
#include "CMPIShim.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is under way on a channel; the arrays grow and are kept. */
struct channel {
  MPI_Request *requests;
  /* Bytes that a receipt must bring; -1 for a send. */
  int *expected;
  /* The other rank. */
  int *peers;
  int count;
  int capacity;
};

/* MPI starts once a process, so there is one world. */
static MPI_Comm world = MPI_COMM_NULL;
/* Between MPI_Init_thread and MPI_Finalize, whatever became of the communicator. */
static int is_running;
static int thread_level;
static struct channel *channels;
static int channel_count;
/* MPI_Testall wants room for the statuses of the longest channel. */
static MPI_Status *statuses;
static int status_capacity;
static int64_t piece = (int64_t)1 << 28;

static void copy_text(char *to, size_t capacity, const char *from, int length) {
  if (capacity == 0) return;
  size_t count = length < 0 ? 0 : (size_t)length;
  if (count >= capacity) count = capacity - 1;
  memcpy(to, from, count);
  to[count] = 0;
}

void cmpi_library(char *text, size_t capacity) {
  char name[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  if (MPI_Get_library_version(name, &length) != MPI_SUCCESS) length = 0;
  copy_text(text, capacity, name, length);
}

void cmpi_error_text(int code, char *text, size_t capacity) {
  const char *own = code == CMPI_SHORT_MESSAGE ? "fewer bytes came than the receiver was told to expect"
                    : code == CMPI_UNDER_WAY   ? "messages are still under way"
                                               : NULL;
  char words[MPI_MAX_ERROR_STRING];
  int length = 0, is_started = 0;
  if (own) {
    copy_text(text, capacity, own, (int)strlen(own));
    return;
  }
  /* Open MPI 4 ends the process when asked for words before it is started. */
  MPI_Initialized(&is_started);
  if (!is_started || MPI_Error_string(code, words, &length) != MPI_SUCCESS) length = 0;
  copy_text(text, capacity, words, length);
}

int cmpi_start(const char **call) {
  *call = "MPI_Init_thread";
  int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &thread_level);
  if (code != MPI_SUCCESS) return code;
  is_running = 1;
  *call = "MPI_Comm_set_errhandler";
  code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  if (code != MPI_SUCCESS) return code;
  *call = "MPI_Comm_dup";
  code = MPI_Comm_dup(MPI_COMM_WORLD, &world);
  if (code != MPI_SUCCESS) {
    world = MPI_COMM_NULL;
    return code;
  }
  *call = "MPI_Comm_set_errhandler";
  return MPI_Comm_set_errhandler(world, MPI_ERRORS_RETURN);
}

int cmpi_is_running(void) { return is_running; }

int cmpi_thread_level(void) {
  switch (thread_level) {
    case MPI_THREAD_SINGLE: return 0;
    case MPI_THREAD_FUNNELED: return 1;
    case MPI_THREAD_SERIALIZED: return 2;
    default: return 3;
  }
}

int cmpi_stop(void) {
  for (int place = 0; place < channel_count; place++) {
    if (channels[place].count > 0) return CMPI_UNDER_WAY;
  }
  for (int place = 0; place < channel_count; place++) {
    free(channels[place].requests);
    free(channels[place].expected);
    free(channels[place].peers);
  }
  free(channels);
  free(statuses);
  channels = NULL;
  statuses = NULL;
  channel_count = status_capacity = 0;
  int code = world == MPI_COMM_NULL ? MPI_SUCCESS : MPI_Comm_free(&world);
  int end = MPI_Finalize();
  world = MPI_COMM_NULL;
  is_running = 0;
  return code != MPI_SUCCESS ? code : end;
}

void cmpi_abort(int status) {
  MPI_Abort(MPI_COMM_WORLD, status);
  /* MPI_Abort has no duty to end this process, and an orphan is worse than an unclean end. */
  _Exit(status);
}

int cmpi_rank(void) {
  int rank = -1;
  MPI_Comm_rank(world == MPI_COMM_NULL ? MPI_COMM_WORLD : world, &rank);
  return rank;
}

int cmpi_size(void) {
  int size = -1;
  MPI_Comm_size(world == MPI_COMM_NULL ? MPI_COMM_WORLD : world, &size);
  return size;
}

void cmpi_set_piece(int64_t bytes) {
  if (bytes >= 1 && bytes <= (int64_t)1 << 30) piece = bytes;
}

/* The request that comes next on a channel; null without memory. */
static MPI_Request *next_request(int number, int peer, int expected) {
  if (number >= channel_count) {
    struct channel *grown = realloc(channels, sizeof *channels * (size_t)(number + 1));
    if (!grown) return NULL;
    memset(grown + channel_count, 0, sizeof *channels * (size_t)(number + 1 - channel_count));
    channels = grown;
    channel_count = number + 1;
  }
  struct channel *channel = &channels[number];
  if (channel->count == channel->capacity) {
    int capacity = channel->capacity ? 2 * channel->capacity : 16;
    MPI_Request *requests = realloc(channel->requests, sizeof *requests * (size_t)capacity);
    if (requests) channel->requests = requests;
    int *lengths = realloc(channel->expected, sizeof *lengths * (size_t)capacity);
    if (lengths) channel->expected = lengths;
    int *peers = realloc(channel->peers, sizeof *peers * (size_t)capacity);
    if (peers) channel->peers = peers;
    if (!requests || !lengths || !peers) return NULL;
    channel->capacity = capacity;
  }
  channel->expected[channel->count] = expected;
  channel->peers[channel->count] = peer;
  channel->requests[channel->count] = MPI_REQUEST_NULL;
  return &channel->requests[channel->count++];
}

/* An empty message is sent too: its coming is what a barrier waits for. */
static int post(int number, int peer, char *bytes, int64_t count, int is_send) {
  int64_t done = 0;
  do {
    int part = (int)(count - done < piece ? count - done : piece);
    MPI_Request *request = next_request(number, peer, is_send ? -1 : part);
    if (!request) return MPI_ERR_NO_MEM;
    /* Null plus zero is no pointer in C. */
    char *start = bytes ? bytes + done : NULL;
    int code = is_send ? MPI_Isend(start, part, MPI_BYTE, peer, number, world, request)
                       : MPI_Irecv(start, part, MPI_BYTE, peer, number, world, request);
    if (code != MPI_SUCCESS) {
      /* Nothing was posted. */
      channels[number].count--;
      return code;
    }
    done += part;
  } while (done < count);
  return MPI_SUCCESS;
}

int cmpi_send(int channel, int peer, const void *bytes, int64_t count) {
  return post(channel, peer, (char *)bytes, count, 1);
}

int cmpi_receive(int channel, int peer, void *bytes, int64_t count) {
  return post(channel, peer, bytes, count, 0);
}

/* Forgets the messages of a channel that are done; requests of such are null. */
static void compact(struct channel *channel) {
  int left = 0;
  for (int place = 0; place < channel->count; place++) {
    if (channel->requests[place] == MPI_REQUEST_NULL) continue;
    channel->requests[left] = channel->requests[place];
    channel->expected[left] = channel->expected[place];
    channel->peers[left] = channel->peers[place];
    left++;
  }
  channel->count = left;
}

/* The first thing that is wrong with messages that are done. */
static int check(const struct channel *channel, int code) {
  for (int place = 0; place < channel->count; place++) {
    if (code == MPI_ERR_IN_STATUS) {
      int own = statuses[place].MPI_ERROR;
      if (own != MPI_SUCCESS && own != MPI_ERR_PENDING) return own;
    } else if (channel->expected[place] >= 0) {
      int length = 0;
      int counted = MPI_Get_count(&statuses[place], MPI_BYTE, &length);
      if (counted != MPI_SUCCESS) return counted;
      if (length != channel->expected[place]) return CMPI_SHORT_MESSAGE;
    }
  }
  return code;
}

int cmpi_poll(int number, int *is_done) {
  *is_done = 1;
  if (number >= channel_count || channels[number].count == 0) return MPI_SUCCESS;
  struct channel *channel = &channels[number];
  if (channel->count > status_capacity) {
    MPI_Status *grown = realloc(statuses, sizeof *statuses * (size_t)channel->capacity);
    if (!grown) return MPI_ERR_NO_MEM;
    statuses = grown;
    status_capacity = channel->capacity;
  }
  int code = MPI_Testall(channel->count, channel->requests, is_done, statuses);
  if (code == MPI_SUCCESS && !*is_done) return code;
  if (code == MPI_SUCCESS || code == MPI_ERR_IN_STATUS) code = check(channel, code);
  /* After an error others may be under way still. */
  compact(channel);
  return code;
}

int cmpi_count(int number) { return number < channel_count ? channels[number].count : 0; }

int cmpi_send_note(int number, int peer) {
  MPI_Request request;
  int code = MPI_Isend(NULL, 0, MPI_BYTE, peer, number, world, &request);
  return code == MPI_SUCCESS ? MPI_Request_free(&request) : code;
}

int cmpi_take_note(int number, int *peer) {
  int has_come = 0;
  MPI_Status status;
  *peer = -1;
  int code = MPI_Iprobe(MPI_ANY_SOURCE, number, world, &has_come, &status);
  if (code != MPI_SUCCESS || !has_come) return code;
  code = MPI_Recv(NULL, 0, MPI_BYTE, status.MPI_SOURCE, number, world, MPI_STATUS_IGNORE);
  if (code == MPI_SUCCESS) *peer = status.MPI_SOURCE;
  return code;
}

/* Looks at every message, and returns how many receipts are not done. */
static int look(void) {
  int receipts = 0;
  for (int number = 0; number < channel_count; number++) {
    struct channel *channel = &channels[number];
    for (int place = 0; place < channel->count; place++) {
      int is_done = 0;
      /* One that ended in an error is done too. */
      if (MPI_Test(&channel->requests[place], &is_done, MPI_STATUS_IGNORE) != MPI_SUCCESS) {
        channel->requests[place] = MPI_REQUEST_NULL;
      } else if (!is_done && channel->expected[place] >= 0) {
        receipts++;
      }
    }
    compact(channel);
  }
  return receipts;
}

void cmpi_withdraw(void) {
  if (!is_running) return;
  for (int number = 0; number < channel_count; number++) {
    struct channel *channel = &channels[number];
    for (int place = 0; place < channel->count; place++) {
      if (channel->expected[place] >= 0 && channel->requests[place] != MPI_REQUEST_NULL) MPI_Cancel(&channel->requests[place]);
    }
  }
  for (int looks = 0; looks < 1000 && look() > 0; looks++) usleep(1000);
}

int cmpi_waits_for(int number, int peer) {
  if (number >= channel_count) return 0;
  struct channel *channel = &channels[number];
  for (int place = 0; place < channel->count; place++) {
    int is_done = 0;
    if (channel->peers[place] != peer) continue;
    if (MPI_Request_get_status(channel->requests[place], &is_done, MPI_STATUS_IGNORE) != MPI_SUCCESS || !is_done) return 1;
  }
  return 0;
}
