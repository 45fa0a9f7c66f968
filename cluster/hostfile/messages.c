/* What a message costs: two ranks send each other n messages of s bytes at once, as an exchange between many ranks does.
 *
 *   cluster/hostfile/messages.sh        compiles and runs it, between two hosts and inside one
 *
 * Prints the shortest of many repeats, and the constants of  seconds = delay + n message + n s / rate  that fit them best, relative errors
 * counted. The delay is paid once for all messages under way; a message is a rank's own work; so messages are what an exchange between
 * many ranks can save. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_MESSAGES = 128, MOST_BYTES = 64 << 10, REPEATS = 300, COUNTS = 4, SIZES = 4 };

static const int counts[COUNTS] = {1, 8, 32, MOST_MESSAGES};
static const int sizes[SIZES] = {8, 1 << 10, 8 << 10, MOST_BYTES};

static double exchange(char *out, char *in, int messages, int bytes, int peer) {
  static MPI_Request requests[2 * MOST_MESSAGES];
  MPI_Barrier(MPI_COMM_WORLD);
  double start = MPI_Wtime();
  for (int i = 0; i < messages; i++) {
    MPI_Irecv(in + (size_t)i * MOST_BYTES, bytes, MPI_BYTE, peer, 0, MPI_COMM_WORLD, &requests[i]);
  }
  for (int i = 0; i < messages; i++) {
    MPI_Isend(out + (size_t)i * MOST_BYTES, bytes, MPI_BYTE, peer, 0, MPI_COMM_WORLD, &requests[messages + i]);
  }
  MPI_Waitall(2 * messages, requests, MPI_STATUSES_IGNORE);
  return MPI_Wtime() - start;
}

/* Solves the three normal equations of rows (1, n, n s) / t against 1. */
static void fit(double times[COUNTS][SIZES], double constants[3]) {
  double a[3][4] = {{0}};
  for (int c = 0; c < COUNTS; c++) {
    for (int s = 0; s < SIZES; s++) {
      double t = times[c][s], row[3] = {1 / t, counts[c] / t, (double)counts[c] * sizes[s] / t};
      for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) a[i][j] += row[i] * row[j];
        a[i][3] += row[i];
      }
    }
  }
  for (int i = 0; i < 3; i++) {
    for (int k = 0; k < 3; k++) {
      double factor = k == i ? 0 : a[k][i] / a[i][i];
      for (int j = 0; j < 4; j++) a[k][j] -= factor * a[i][j];
    }
  }
  for (int i = 0; i < 3; i++) constants[i] = a[i][3] / a[i][i];
}

int main(int argc, char **argv) {
  int rank, size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  char *out = calloc(MOST_MESSAGES, MOST_BYTES), *in = calloc(MOST_MESSAGES, MOST_BYTES);
  if (size != 2 || !out || !in) {
    fprintf(stderr, "error: run this on two ranks\n");
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  double times[COUNTS][SIZES];
  if (rank == 0) printf("%10s %10s %12s\n", "messages", "bytes", "us");
  for (int c = 0; c < COUNTS; c++) {
    for (int s = 0; s < SIZES; s++) {
      double best = 1e9;
      for (int i = 0; i < REPEATS; i++) {
        double seconds = exchange(out, in, counts[c], sizes[s], 1 - rank);
        if (seconds < best) best = seconds;
      }
      times[c][s] = best;
      if (rank == 0) printf("%10d %10d %12.1f\n", counts[c], sizes[s], best * 1e6);
    }
  }
  double constants[3];
  fit(times, constants);
  if (rank == 0) {
    printf("delay %.1f us, a message %.2f us, %.2f GB/s each way\n", constants[0] * 1e6, constants[1] * 1e6, 1e-9 / constants[2]);
  }
  free(out);
  free(in);
  return MPI_Finalize();
}
