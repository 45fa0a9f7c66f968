/* The plain reference of regression_guard.py: C = A B by three loops, as any C compiler makes them fast without being told how.
 *
 *   cc -O3 plain_product.c -o plain_product && ./plain_product SECONDS
 *
 * Prints GFLOP/s of one thread at the shape of a transformer's widening product (1600 positions, 128 to 512), the best of as many
 * tries as fit the seconds. No -march: what a build for any machine gives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROWS = 1600, INNER = 128, COLUMNS = 512 };

static float a[ROWS][INNER], b[INNER][COLUMNS], c[ROWS][COLUMNS];

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

static void product(void) {
  memset(c, 0, sizeof c);
  for (int i = 0; i < ROWS; i++)
    for (int k = 0; k < INNER; k++)
      for (int j = 0; j < COLUMNS; j++) c[i][j] += a[i][k] * b[k][j];
}

int main(int count, char **arguments) {
  const double seconds = count > 1 ? atof(arguments[1]) : 0.5, end = now() + seconds;
  for (int i = 0; i < ROWS; i++)
    for (int k = 0; k < INNER; k++) a[i][k] = (float)((i * 7 + k) % 13) - 6;
  for (int k = 0; k < INNER; k++)
    for (int j = 0; j < COLUMNS; j++) b[k][j] = (float)((k * 5 + j) % 11) - 5;
  double best = 1e30;
  do {
    const double start = now();
    product();
    const double taken = now() - start;
    if (taken < best) best = taken;
  } while (now() < end);
  /* One element is used, so that the loops are not optimized away. */
  if (c[ROWS - 1][COLUMNS - 1] != c[ROWS - 1][COLUMNS - 1]) return 1;
  printf("%.3f\n", 2.0 * ROWS * INNER * COLUMNS / best * 1e-9);
  return 0;
}
