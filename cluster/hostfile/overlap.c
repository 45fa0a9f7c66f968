/* What moves a sum on while a rank computes: five ways to sum 2.25 MiB of gradients behind 60 ms of work, two ranks of one core.
 *
 *   mpicc -O2 -pthread cluster/hostfile/overlap.c -o overlap && RATE=1gbit cluster/hostfile/two-hosts.sh ./overlap
 *
 * RATE limits the cable of two-hosts.sh. Prints, for each way, the milliseconds of work and sum together, the median of 15. */
#include <mpi.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 589824, CHUNKS = 12, ROUNDS = 15, BUCKETS = 9 };

static float gradients[COUNT], others[COUNT];
static MPI_Comm second;
static volatile float sink;
static long turns;

/* One part of the work; `turns` is set so that all of it takes 60 ms. */
static void compute(void) {
  float x = sink, y = 1.0f;
  for (long i = 0; i < turns; i++) x = x * 0.999f + y, y = y * 0.5f + x;
  sink = x;
}

static void *sum_in_thread(void *unused) {
  (void)unused;
  MPI_Allreduce(MPI_IN_PLACE, gradients, COUNT, MPI_FLOAT, MPI_SUM, second);
  return NULL;
}

static void blocking(void) {
  for (int i = 0; i < CHUNKS; i++) compute();
  MPI_Allreduce(MPI_IN_PLACE, gradients, COUNT, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
}

static void nonblocking(int polls) {
  MPI_Request request;
  int done = 0;
  MPI_Iallreduce(MPI_IN_PLACE, gradients, COUNT, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, &request);
  for (int i = 0; i < CHUNKS; i++) {
    compute();
    if (polls && !done) MPI_Test(&request, &done, MPI_STATUS_IGNORE);
  }
  if (!done) MPI_Wait(&request, MPI_STATUS_IGNORE);
}

static void unpolled(void) { nonblocking(0); }
static void polled(void) { nonblocking(1); }

static void threaded(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, sum_in_thread, NULL);
  for (int i = 0; i < CHUNKS; i++) compute();
  pthread_join(thread, NULL);
}

/* What precise does between two ranks: each bucket is sent and received as a message, and summed at home. */
static void buckets(void) {
  int rank, done = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Request requests[2 * BUCKETS];
  int size = COUNT / BUCKETS;
  for (int b = 0; b < BUCKETS; b++) {
    MPI_Irecv(others + b * size, size, MPI_FLOAT, 1 - rank, b, MPI_COMM_WORLD, &requests[2 * b]);
    MPI_Isend(gradients + b * size, size, MPI_FLOAT, 1 - rank, b, MPI_COMM_WORLD, &requests[2 * b + 1]);
  }
  for (int i = 0; i < CHUNKS; i++) {
    compute();
    if (!done) MPI_Testall(2 * BUCKETS, requests, &done, MPI_STATUSES_IGNORE);
  }
  if (!done) MPI_Waitall(2 * BUCKETS, requests, MPI_STATUSES_IGNORE);
  for (int i = 0; i < COUNT; i++) gradients[i] += others[i];
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(void (*way)(void)) {
  double times[ROUNDS];
  for (int round = 0; round < ROUNDS; round++) {
    memset(gradients, 0, sizeof gradients);
    MPI_Barrier(MPI_COMM_WORLD);
    double start = MPI_Wtime();
    way();
    MPI_Barrier(MPI_COMM_WORLD);
    times[round] = (MPI_Wtime() - start) * 1e3;
  }
  qsort(times, ROUNDS, sizeof *times, ascending);
  return times[ROUNDS / 2];
}

static void work(void) {
  for (int i = 0; i < CHUNKS; i++) compute();
}

int main(int count, char **arguments) {
  int provided, rank;
  MPI_Init_thread(&count, &arguments, MPI_THREAD_MULTIPLE, &provided);
  MPI_Comm_dup(MPI_COMM_WORLD, &second);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  turns = 1000000;
  double start = MPI_Wtime();
  compute();
  turns = (long)(turns * 0.060 / CHUNKS / (MPI_Wtime() - start));
  struct {
    const char *name;
    void (*way)(void);
  } ways[] = {{"the work alone", work},
              {"work, then MPI_Allreduce", blocking},
              {"MPI_Iallreduce, waited for at the end", unpolled},
              {"MPI_Iallreduce, polled 12 times", polled},
              {"MPI_Allreduce in a second thread", threaded},
              {"messages of buckets, polled 12 times", buckets}};
  for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
    if (ways[i].way == threaded && provided < MPI_THREAD_MULTIPLE) continue;
    double ms = median(ways[i].way);
    if (rank == 0) printf("%-40s %7.1f ms\n", ways[i].name, ms);
  }
  MPI_Finalize();
  return 0;
}
